"""kill -9 of every server, of the nodes in every step of the saga, and of the edge: nothing is lost or doubled.

The kills are aimed: a tool on NATS hears `events.tasks.progressed` and kills at the moment a task enters a step.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Profile, connected
from contracts import tasks
from contracts.tasks import Progress
from tests.support.api import Api, Running, signed_up, whole_stack

STEPS = ("paint", "check_image", "compose", "store", "commit", "complete")
SERVERS = ("nats", "postgres", "mongo", "valkey")
BACK_LIMIT = 30.0
END_LIMIT = 150.0
pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One stack for all kills: what a kill left behind must not spoil what comes after."""
    async with whole_stack(tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(stack: Running) -> AsyncIterator[Api]:
    """A new user, so that quota and inbox can be counted."""
    async with signed_up(stack.base) as signed:
        yield signed


@contextlib.asynccontextmanager
async def watching(stack: Running) -> AsyncIterator[tuple[Bus, asyncio.Queue[Progress]]]:
    """Everything that tasks tell while the block lasts."""
    seed = stack.home / "creds" / "tools.nk"
    async with connected(Profile(servers=(stack.run["nats"],), name="tools", seed=seed)) as connection:
        async with opened_bus(connection) as bus:
            heard: asyncio.Queue[Progress] = asyncio.Queue()
            await bus.watch(tasks.PROGRESSED, heard.put_nowait)
            yield bus, heard


async def kill(stack: Running, name: str) -> None:
    """kill -9, and wait until the supervisor has brought it back."""
    pid = stack.run["pids"][name]
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    async with asyncio.timeout(BACK_LIMIT):
        while True:
            row = next(each for each in stack.run["processes"] if each["name"] == name)
            if row["pid"] not in (None, pid) and row["state"] == "ready":
                break
            await asyncio.sleep(0.05)
    assert time.monotonic() - began < BACK_LIMIT


async def order(api: Api, count: int, limit: float = 60) -> list[str]:
    """Order that many covers, each until it is accepted, as a client would: with one key for all its tries."""
    accepted = []
    async with asyncio.timeout(limit):
        for _ in range(count):
            key = f"{random.getrandbits(64):x}"
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    answer = await api.order("Storm Glass", key, format="thumbnail")
                    if answer.status == 202:
                        accepted.append(answer.body["task_id"])
                        break
                    assert answer.status in (409, 503, 504, 500), answer.body
                await asyncio.sleep(0.2)
    assert len(set(accepted)) == count
    return accepted


async def settled(stack: Running, api: Api, accepted: list[str]) -> Counter[str]:
    """All promises about accepted tasks: ended, counted once, told once, nothing left over."""
    ended = [await api.ended(task_id, END_LIMIT) for task_id in accepted]
    statuses = Counter(task["status"] for task in ended)
    quota = await until(api, "/v1/me/quota", lambda body: body["reserved"] == 0)
    assert quota["used"] == statuses["succeeded"], (quota, statuses)
    inbox = await until(api, "/v1/notifications?limit=100", lambda body: len(told(body)) >= len(accepted))
    assert len(told(inbox)) == len(accepted), inbox
    covers = (await api.call("GET", "/v1/covers?limit=100&status=ready")).body["items"]
    assert len(covers) == statuses["succeeded"]
    for cover in covers:
        assert (await api.call("GET", cover["image_url"])).status == 200
        assert len(cover["versions"]) == 1
    return statuses


def told(inbox: dict[str, Any]) -> list[str]:
    """The notices about covers."""
    return [each["kind"] for each in inbox["items"] if each["kind"].startswith("cover")]


async def until(api: Api, path: str, good: Any, limit: float = 30) -> dict[str, Any]:
    """Ask until the answer is good, or give back the last one."""
    body: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    answer = await api.call("GET", path)
                    body = answer.body
                    if answer.status == 200 and good(body):
                        break
                await asyncio.sleep(0.2)
    return body


@pytest.mark.parametrize("step", STEPS)
async def test_nodes_killed_in_a_step(stack: Running, api: Api, step: str) -> None:
    """The nodes die as a task enters this step; every accepted cover succeeds all the same, once."""
    async with watching(stack) as (_bus, heard):
        accepted = await order(api, 3)
        async with asyncio.timeout(60):
            while (await heard.get()).step != step:
                pass
        await kill(stack, "nodes")
    statuses = await settled(stack, api, accepted)

    assert statuses["succeeded"] == 3


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_killed_while_covers_are_made(stack: Running, api: Api, server: str) -> None:
    """The server dies with tasks in flight and comes back; orders during the outage are accepted once."""
    accepted = await order(api, 3)
    await asyncio.sleep(random.uniform(0.1, 0.6))
    late = asyncio.create_task(order(api, 2))
    await kill(stack, server)
    accepted += await late
    statuses = await settled(stack, api, accepted)

    assert statuses["succeeded"] + statuses["failed"] == 5


async def test_the_edge_killed_during_an_event_stream(stack: Running, api: Api) -> None:
    """The stream breaks, the client resumes with the last id it saw, and has every entry exactly once."""
    accepted = await order(api, 1)
    numbers: list[int] = []
    killed = False
    async with asyncio.timeout(60):
        while True:
            try:
                async for number, event, data in api.events(accepted[0], numbers[-1] if numbers else 0):
                    if event == "progress":
                        numbers.append(number)
                        if not killed:
                            killed = True
                            await kill(stack, "edge")
                        if data["status"] == "succeeded":
                            break
                if numbers and data["status"] == "succeeded":
                    break
            except (aiohttp.ClientError, AssertionError):
                await asyncio.sleep(0.1)

    assert numbers == list(range(1, len(numbers) + 1))
    assert (await settled(stack, api, accepted))["succeeded"] == 1


def pictures(folder: Path) -> dict[str, list[str]]:
    """File names by cover id."""
    return {path.name: [file.name for file in path.iterdir()] for path in folder.iterdir() if path.is_dir()}


async def test_no_picture_is_left_without_a_cover(stack: Running, api: Api) -> None:
    """After all kills and cancellations the object store holds only what covers refer to."""
    accepted = await order(api, 4)
    for task_id in accepted[:2]:
        await api.call("DELETE", f"/v1/tasks/{task_id}")
    await settled(stack, api, accepted)
    covers = (await api.call("GET", "/v1/covers?limit=100")).body["items"]
    ready = {cover["cover_id"] for cover in covers if cover["status"] == "ready"}
    folders = pictures(stack.home / "objects")

    for cover in covers:
        files = folders.get(cover["cover_id"], [])
        assert len(files) == (3 if cover["cover_id"] in ready else 0), (cover["status"], files)
