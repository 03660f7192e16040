"""Server-sent events: complete, in order, resumable, and gone when their client is."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from adapters.nats.bus import Bus
from adapters.redis import Redis
from contracts import tasks
from contracts.tasks import Progress, Status
from ops.paths import Home
from ops.servers.nats import NatsServer, write_plain_config
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import World, the_nodes
from tests.support.buses import a_bus
from tests.support.servers import running


class Reader:
    """Reads events as a browser does."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments: list[str] = []
        self.retry: int | None = None

    async def next(self) -> dict[str, Any] | None:
        """The next event; None when the server has ended the stream."""
        event: dict[str, Any] = {}
        async for raw in self.answer.content:
            line = raw.decode().rstrip("\n")
            if not line and "event" in event:
                return event
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(line)
            elif name == "retry":
                self.retry = int(value)
            elif name:
                event[name] = json.loads(value) if name == "data" else value
        return None

    async def rest(self) -> list[dict[str, Any]]:
        """All events until the end."""
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found


@contextlib.asynccontextmanager
async def watching(edge: Edge, task: uuid.UUID, last: int | None = None) -> AsyncIterator[Reader]:
    """A stream of a task, as its owner."""
    headers = edge.world.bearer(edge.user)
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with edge.client.get(f"{edge.url}/v1/tasks/{task}/events", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield Reader(answer)


async def ring(bus: Bus, entry: Progress) -> None:
    """Tell that a task moved, as the tasks node does."""
    await bus.connection.client.publish(tasks.PROGRESSED.subject, msgspec.json.encode(entry))


def a_task(edge: Edge, *statuses: Status) -> uuid.UUID:
    """A task of the edge's user with that history."""
    task = uuid.uuid4()
    edge.world.owners[task] = edge.user
    for status in statuses:
        edge.world.moved(task, status)
    return task


async def test_a_finished_task_is_told_at_once(edge: Edge) -> None:
    """All entries in order with their ids, then `end`, then the stream ends."""
    task = a_task(edge, "queued", "running", "succeeded")
    async with watching(edge, task) as reader:
        events = await reader.rest()
    assert [event.get("id") for event in events] == ["1", "2", "3", None]
    assert [event["event"] for event in events] == ["progress"] * 3 + ["end"]
    assert events[1]["data"]["status"] == "running"
    assert events[-1]["data"] == {"status": "succeeded"}
    assert reader.retry == 1000


async def test_progress_comes_when_it_happens(edge: Edge, nats_url: str) -> None:
    """A ring on the bus brings the new entry within a fraction of the heartbeat."""
    task = a_task(edge, "queued")
    async with a_bus(nats_url, "tasks") as bus, watching(edge, task) as reader:
        assert (await reader.next() or {})["id"] == "1"
        for status in ("running", "succeeded"):
            await asyncio.sleep(0.05)
            await ring(bus, edge.world.moved(task, status))
        assert [event["event"] for event in await reader.rest()] == ["progress", "progress", "end"]


async def test_a_lost_ring_loses_nothing(edge: Edge) -> None:
    """Nobody rings: the heartbeat looks into the history by itself."""
    task = a_task(edge, "queued")
    async with watching(edge, task) as reader:
        await reader.next()
        edge.world.moved(task, "running")
        edge.world.moved(task, "failed")
        assert [event.get("id") for event in await reader.rest()] == ["2", "3", None]
        assert reader.comments


async def test_a_stream_resumes_after_the_last_id(edge: Edge) -> None:
    """Last-Event-ID is where it goes on; nothing is repeated; an id that was never sent means from the start."""
    task = a_task(edge, "queued", "running", "running", "cancelled")
    for last, ids in ((2, ["3", "4", None]), (4, [None]), (0, ["1", "2", "3", "4", None])):
        async with watching(edge, task, last) as reader:
            assert [event.get("id") for event in await reader.rest()] == ids


async def test_the_stream_outlives_the_tasks_node(nats_url: str, redis: Redis, world: World) -> None:
    """The tasks node goes away and comes back: the stream stays open and misses nothing."""
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(the_nodes(nats_url, world, ("auth",)))
        edge = await stack.enter_async_context(an_edge(nats_url, redis, world, heartbeat=0.2))
        task = a_task(edge, "queued")
        async with the_nodes(nats_url, world, ("tasks",)):
            reader = await stack.enter_async_context(watching(edge, task))
            assert (await reader.next() or {})["id"] == "1"
        world.moved(task, "running")
        world.moved(task, "succeeded")
        await asyncio.sleep(0.6)
        async with the_nodes(nats_url, world, ("tasks",)):
            assert [event.get("id") for event in await reader.rest()] == ["2", "3", None]


async def test_a_user_has_so_many_streams(edge: Edge) -> None:
    """The 21st is 429 with Retry-After; another user is not concerned; a place is free when a client goes."""
    task = a_task(edge, "queued")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(watching(edge, task))
        over = await edge.ask("GET", f"/v1/tasks/{task}/events")
        assert (over.status, over.json["code"]) == (429, "rate_limited")
        assert "Retry-After" in over.headers
        other = uuid.uuid4()
        edge.world.owners[other] = uuid.uuid4()
        theirs = edge.world.bearer(edge.world.owners[other])
        async with edge.client.get(f"{edge.url}/v1/tasks/{other}/events", headers=theirs) as answer:
            assert answer.status == 200
        assert "covergen_http_streams 2" in (await edge.ask("GET", "/metrics")).body.decode()
    async with asyncio.timeout(5):
        while b"covergen_http_streams 0" not in (await edge.ask("GET", "/metrics")).body:
            await asyncio.sleep(0.1)
    async with watching(edge, task) as reader:
        assert await reader.next() is not None


async def test_streams_end_when_the_edge_stops(nats_url: str, redis: Redis, world: World) -> None:
    """At the end of the process a stream ends cleanly and soon, and another edge goes on where it was."""
    async with the_nodes(nats_url, world), contextlib.AsyncExitStack() as rest:
        async with an_edge(nats_url, redis, world) as first:
            task = a_task(first, "queued", "running")
            session = await rest.enter_async_context(aiohttp.ClientSession())
            first.client = session
            reader = await rest.enter_async_context(watching(first, task))
            seen = [(await reader.next() or {})["id"] for _ in range(2)]
            leaving = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - leaving < 1.5
        assert await reader.rest() == []
        world.moved(task, "succeeded")
        async with an_edge(nats_url, redis, world) as second:
            second.user = first.user
            async with watching(second, task, int(seen[-1])) as again:
                assert [event.get("id") for event in await again.rest()] == ["3", None]


async def test_an_id_that_was_never_sent_is_ignored(edge: Edge) -> None:
    """A Last-Event-ID that is no number of ours means from the start."""
    task = a_task(edge, "queued", "failed")
    for given in ("x", "-1", "9" * 30, "1.5"):
        headers = {**edge.world.bearer(edge.user), "Last-Event-ID": given}
        async with edge.client.get(f"{edge.url}/v1/tasks/{task}/events", headers=headers) as answer:
            assert len(await Reader(answer).rest()) == 3, given


async def test_the_stream_outlives_the_bus(redis: Redis, world: World, tmp_path: Path) -> None:
    """NATS goes away and comes back: the stream stays open, and later rings and entries arrive."""
    home = Home(tmp_path / "nats")
    server = NatsServer(home, write_plain_config(home.nats_config))
    async with contextlib.AsyncExitStack() as stack:
        supervised = await stack.enter_async_context(running(server))
        await stack.enter_async_context(the_nodes(server.url, world, ("auth", "tasks")))
        edge = await stack.enter_async_context(an_edge(server.url, redis, world, heartbeat=30))
        task = a_task(edge, "queued")
        reader = await stack.enter_async_context(watching(edge, task))
        assert (await reader.next() or {})["id"] == "1"
        await supervised.stop()
        await supervised.start()
        bus = await stack.enter_async_context(a_bus(server.url, "tasks"))
        entry = edge.world.moved(task, "succeeded")
        async with asyncio.timeout(10):
            rest = asyncio.create_task(reader.rest())
            while not rest.done():
                await ring(bus, entry)
                await asyncio.sleep(0.1)
        assert [event.get("id") for event in await rest] == ["2", None]
