"""One Idempotency-Key, many requests: one task, one reservation, one answer, whoever is killed in between."""

import asyncio
import contextlib
import os
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.chaos.conftest import Figures
from tests.support.api import Answer, Api, Running, whole_stack

PARALLEL = 100
CLIENTS = 20
VICTIMS = (("edge", "edge-2"), ("nodes",))
KILLED_AFTER = (0.01, 0.03, 0.08)
"""Seconds from the first request to the kill."""
RETRY_AFTER = 0.5
REPLAYED = "idempotency-replayed"
RETRY_LIMIT = 90.0
"""Seconds: the mark of a request whose edge died frees its key after a minute."""
SETTINGS = {"COVERGEN_HTTP_WORKERS": "2", "COVERGEN_PAINT_PROCESSES": "1", "COVERGEN_RATE_LIMITS": "off"}
pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Two edges that share a port, and the nodes."""
    async with whole_stack(tmp_path_factory.mktemp("idempotency"), **SETTINGS) as running:
        yield running


@contextlib.asynccontextmanager
async def a_user(stack: Running) -> AsyncIterator[Api]:
    """A new user with as many connections as there are requests, so that both edges get some."""
    limit, connector = aiohttp.ClientTimeout(total=30), aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=limit, connector=connector) as session:
        api = Api(session, stack.base)
        await api.register()
        yield api


async def order(api: Api, key: str) -> Answer:
    """The request that all of them are."""
    return await api.order("Storm Glass", key, format="thumbnail")


async def insist(api: Api, key: str, seen: Counter[str]) -> Answer:
    """As a client does: the same request with the same key until it is accepted."""
    async with asyncio.timeout(RETRY_LIMIT):
        while True:
            try:
                answer = await order(api, key)
            except (aiohttp.ClientError, TimeoutError) as error:
                seen[type(error).__name__] += 1
            else:
                seen[str(answer.status)] += 1
                if answer.status == 202:
                    return answer
                assert answer.status in (409, 500, 503, 504), answer.body
            await asyncio.sleep(RETRY_AFTER)


async def tasks_of(api: Api) -> list[dict[str, Any]]:
    """All tasks of the user, when none runs any more and no quota is held; an edge that is away is asked again."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                page, quota = await api.call("GET", "/v1/tasks?limit=100"), await api.call("GET", "/v1/me/quota")
                if page.status == quota.status == 200 and quota.body["reserved"] == 0:
                    tasks: list[dict[str, Any]] = page.body["items"]
                    if all(task["status"] in ("succeeded", "failed", "cancelled") for task in tasks):
                        return tasks
            await asyncio.sleep(0.2)


async def one_of_everything(api: Api, accepted: list[Answer]) -> None:
    """All answers are the same, and there is one task, one cover and one that counts."""
    assert len({str(sorted(answer.body.items())) for answer in accepted}) == 1
    tasks = await tasks_of(api)
    assert [(task["task_id"], task["status"]) for task in tasks] == [(accepted[0].body["task_id"], "succeeded")]
    covers = (await api.call("GET", "/v1/covers?limit=100")).body["items"]
    assert [cover["cover_id"] for cover in covers] == [accepted[0].body["cover_id"]]
    quota = (await api.call("GET", "/v1/me/quota")).body
    assert (quota["used"], quota["reserved"]) == (1, 0)


async def test_a_hundred_equal_requests_are_one(stack: Running, figures: Figures) -> None:
    """Those that come while the first runs are told so (409), the others have its answer; later all have it."""
    async with a_user(stack) as api:
        key = uuid.uuid4().hex
        answers = await asyncio.gather(*(order(api, key) for _ in range(PARALLEL)))
        statuses = Counter(answer.status for answer in answers)
        again = await asyncio.gather(*(order(api, key) for _ in range(PARALLEL)))
        accepted = [answer for answer in answers if answer.status == 202]
        figures(f"{PARALLEL} equal POSTs with one key: statuses (202, 409)", str(dict(statuses)))

        assert statuses.keys() <= {202, 409}
        assert sum(REPLAYED not in answer.headers for answer in accepted) == 1
        assert {(answer.status, answer.headers.get(REPLAYED)) for answer in again} == {(202, "true")}
        await one_of_everything(api, accepted + again)
        other = await api.order("Another Title", key, format="thumbnail")
        assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


async def storm(stack: Running, victims: tuple[str, ...], after: float) -> Counter[str]:
    """Equal requests of which each insists, and a kill in the middle of them: still one of everything."""
    async with a_user(stack) as api:
        key, seen = uuid.uuid4().hex, Counter[str]()
        pids = [stack.run["pids"][name] for name in victims]
        clients = [asyncio.create_task(insist(api, key, seen)) for _ in range(CLIENTS)]
        await asyncio.sleep(after)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await one_of_everything(api, list(await asyncio.gather(*clients)))
        return seen


async def back(stack: Running) -> None:
    """Wait until everything runs again."""
    async with asyncio.timeout(30):
        while any(row["state"] != "ready" for row in stack.run["processes"]):
            await asyncio.sleep(0.05)


async def test_a_kill_in_the_middle_changes_nothing(stack: Running, figures: Figures) -> None:
    """kill -9 of the edges, and of all nodes, at different moments: one task, one reservation, one answer."""
    storms: dict[str, list[asyncio.Task[Counter[str]]]] = {}
    for victims in VICTIMS:
        for after in KILLED_AFTER:
            await back(stack)
            beginning = asyncio.create_task(storm(stack, victims, after))
            storms.setdefault("+".join(victims), []).append(beginning)
            await asyncio.sleep(3)  # those whose edge died wait for their key while the next storm comes
    for name, storming in storms.items():
        seen = sum(await asyncio.gather(*storming), Counter[str]())
        figures(f"{name} killed {len(KILLED_AFTER)} times amid equal POSTs: what clients saw", str(dict(seen)))
        assert seen["202"] == len(KILLED_AFTER) * CLIENTS
    assert not [line for line in stack.output if "no sign of life" in line]  # busy is not hung
