"""`/metrics` tells of the whole: the nodes' counts, breakers, dead letters, queues and outbox."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from adapters.mongo import Database, open_mongo
from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge, census
from adapters.nats.graveyard import bury
from adapters.redis import Redis
from contracts import covers, notifications, templates
from contracts.errors import NotFound
from contracts.registry import QUEUES
from contracts.wire import Context
from edge.fleet import Fleet
from nodes.bindings import serve
from nodes.tasks.operations import Operations
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.processes import slowness
from tests.support.servers import MongoDatabase

SEND = notifications.SEND.subject


class Measuring(SmallService):
    """A tasks node that is only its operations, and measures often."""

    def __init__(self, bus: Bus, database: Database) -> None:
        self._operations = Operations(bus, database["generation_tasks"], every=0.1)
        super().__init__("tasks", *self._operations.bindings, chores=self._operations.chores)

    def gauges(self) -> Sequence[Gauge]:
        """As the node does."""
        return self._operations.gauges()


class Breaking(SmallService):
    """A node with breakers."""

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """One of each kind."""
        states = {"painter": "closed", "stability": "half-open", "openai": "open"}
        return {name: {"state": state, "openings": 3} for name, state in states.items()}


async def metrics(edge: Edge) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels, without `instance`."""
    reply = await edge.ask("GET", "/metrics", signed=False)
    assert reply.status == 200
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if k != "instance")): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A sample."""
    return name, frozenset(labels.items())


@pytest_asyncio.fixture
async def database(mongo_database: MongoDatabase) -> AsyncIterator[Database]:
    """An empty database."""
    client = open_mongo(mongo_database.url)
    yield client[mongo_database.name]
    client.close()


@contextlib.asynccontextmanager
async def measured(nats_url: str, redis: Redis, world: World, database: Database) -> AsyncIterator[tuple[Edge, Bus]]:
    """An edge, some nodes, and a tasks node that measures."""
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        await stack.enter_async_context(the_nodes(nats_url, world, ("auth", "templates")))
        await stack.enter_async_context(a_node(nats_url, Measuring(bus, database)))
        edge = await stack.enter_async_context(an_edge(nats_url, redis, world, nodes=("auth", "templates", "tasks")))
        yield edge, bus


async def test_dead_letters_are_counted_by_subject_with_their_age(
    nats_url: str, redis: Redis, world: World, database: Database
) -> None:
    """None: 0. One: 1 and older every moment. Dropped: 0 again."""
    count, age = key("covergen_dead_letters", subject=SEND), key("covergen_dead_letter_oldest_seconds", subject=SEND)
    async with measured(nats_url, redis, world, database) as (edge, bus):

        async def until(wanted: float) -> dict[Any, float]:
            async with asyncio.timeout(8):
                while (found := await metrics(edge)).get(count) != wanted:
                    await asyncio.sleep(0.1)
            return found

        assert (await until(0))[age] == 0
        error = NotFound("no such user")
        await bury(bus, subject=SEND, payload=b"{}", stream="JOBS", sequence=1, deliveries=1, error=error)
        planted = await until(1)
        assert planted[age] > 0
        assert planted[key("covergen_dead_letters", subject=covers.DISCARD.subject)] == 0
        await dead_letters.drop(bus, 1)
        assert (await until(0))[age] == 0


async def test_queues_and_outbox_are_measured(nats_url: str, redis: Redis, world: World, database: Database) -> None:
    """What waits in a durable consumer, and documents with messages that were not sent."""
    outbox = [{"id": "a", "subject": SEND, "payload": b"{}", "headers": {}, "at": datetime(2026, 1, 1, tzinfo=UTC)}]
    await database["generation_tasks"].insert_one({"_id": "x", "outbox": outbox})
    async with measured(nats_url, redis, world, database) as (edge, bus):
        for number in range(3):
            await bus.send(SEND, b"{}", message_id=f"m{number}")
        pending = key("covergen_queue_pending", queue=notifications.SEND.durable, stream="JOBS")
        async with asyncio.timeout(8):
            while (found := await metrics(edge)).get(pending) != 3:
                await asyncio.sleep(0.1)
        for queue in QUEUES:
            for durable in queue.durables:
                assert key("covergen_queue_ack_pending", queue=durable, stream=queue.stream) in found
                assert key("covergen_queue_redelivered", queue=durable, stream=queue.stream) in found
        assert found[key("covergen_outbox_waiting", node="tasks")] == 1
        assert found[key("covergen_outbox_oldest_seconds", node="tasks")] > 0


async def test_requests_of_nodes_are_counted(edge: Edge) -> None:
    """By node and subject: how many, how many failed, how long."""
    for _ in range(3):
        await edge.ask("GET", "/v1/templates/categories", headers={"Cache-Control": "no-cache"})
    found = await metrics(edge)
    labels = {"node": "templates", "subject": templates.CATEGORIES.subject}
    assert found[key("covergen_node_requests_total", **labels)] == 3
    assert found[key("covergen_node_request_errors_total", **labels)] == 0
    assert found[key("covergen_node_request_seconds_total", **labels)] > 0
    handled = found[key("covergen_node_requests_total", **labels)]
    assert found[key("covergen_node_request_duration_seconds_count", **labels)] == handled
    assert found[key("covergen_node_request_duration_seconds_bucket", **labels, le="10.0")] == handled
    assert found[key("covergen_up", node="templates")] == 1


async def test_breakers_are_shown_as_numbers(nats_url: str, redis: Redis, world: World) -> None:
    """0 closed, 1 half-open, 2 open."""
    async with the_nodes(nats_url, world, ("auth",)), a_node(nats_url, Breaking("covers")):
        async with an_edge(nats_url, redis, world, nodes=("auth", "covers")) as edge:
            found = await metrics(edge)
    states = {
        t: found[key("covergen_breaker_state", node="covers", target=t)] for t in ("painter", "stability", "openai")
    }
    assert states == {"painter": 0, "stability": 1, "openai": 2}
    assert found[key("covergen_breaker_openings_total", node="covers", target="openai")] == 3


async def test_a_node_that_is_away_does_not_hold_up_metrics(nats_url: str, redis: Redis, world: World) -> None:
    """Its numbers are absent, `covergen_up` is 0, and the answer comes within the limit; the next one at once."""
    async with the_nodes(nats_url, world, ("auth",)), an_edge(nats_url, redis, world, nodes=NODES) as edge:
        began = time.monotonic()
        found = await metrics(edge)
        assert time.monotonic() - began < 1.0 * slowness()
        assert (found[key("covergen_up", node="auth")], found[key("covergen_up", node="covers")]) == (1, 0)
        assert not [name for name, labels in found if ("node", "covers") in labels and name != "covergen_up"]
        began = time.monotonic()
        await metrics(edge)
        assert time.monotonic() - began < 0.3 * slowness()


async def test_two_instances_are_told_apart_and_their_gauges_are_not_added(nats_url: str, database: Database) -> None:
    """Counters carry the instance; the depth of a queue is the same whoever measures it."""
    async with a_bus(nats_url, streams=True) as bus, contextlib.AsyncExitStack() as stack:
        await bus.send(SEND, b"{}", message_id="m")
        for _ in range(2):
            await stack.enter_async_context(a_node(nats_url, Measuring(bus, database)))
        fleet = Fleet(bus, ("tasks",), keep=0)
        async with asyncio.timeout(5):
            while "covergen_queue_pending" not in (found := await _families(fleet)):
                await asyncio.sleep(0.1)
        pending = {s.labels["queue"]: s.value for s in found["covergen_queue_pending"].samples}
        assert pending[notifications.SEND.durable] == 1
        instances = {s.labels["instance"] for s in found["covergen_node_requests"].samples}
        assert len(instances) == 2


async def _families(fleet: Fleet) -> dict[str, Any]:
    await fleet.look()
    return {family.name: family for family in fleet.collect()}


async def test_who_answers_in_another_way_is_left_out(nats_url: str) -> None:
    """Other services on the bus, and answers that are no statistics, change nothing."""

    async def nothing(_message: Any, _context: Context) -> Any:
        raise AssertionError

    async with a_bus(nats_url) as bus, a_node(nats_url, SmallService("auth", serve(templates.GET, nothing))):

        async def noise(message: Any) -> None:
            for answer in (b"{", b'{"name": "auth"}', b'{"name": "other", "id": "1"}', b"\xff"):
                await bus.connection.client.publish(message.reply, answer)

        await bus.connection.client.subscribe("$SRV.STATS", cb=noise)
        found = await census(bus, ("auth",))
    assert [(stats.name, [e.subject for e in stats.endpoints]) for stats in found] == [
        ("auth", [templates.GET.subject])
    ]


async def test_the_readmes_metrics_are_there(nats_url: str, redis: Redis, world: World, database: Database) -> None:
    """What the README tells people to watch is what `/metrics` has."""
    table = (Path(__file__).parents[2] / "README.md").read_text().split("| metric | labels |")[1].split("\n\n")[0]
    promised = set(re.findall(r"`(covergen_\w+)`", table))
    assert len(promised) > 10
    async with measured(nats_url, redis, world, database) as (edge, _), a_node(nats_url, Breaking("covers")):
        async with asyncio.timeout(8):
            while key("covergen_outbox_waiting", node="tasks") not in await metrics(edge):
                await asyncio.sleep(0.1)
        text = (await edge.ask("GET", "/metrics", signed=False)).body.decode()
    assert promised <= set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
