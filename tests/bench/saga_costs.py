"""What the saga of one cover costs the tasks node: messages, database round trips, milliseconds.

The workers do nothing but report, so that all time is the saga's own: six steps, each persisted before it is sent, on
real servers that flush every write. Tasks run one after the other.
"""

import asyncio
import contextlib
import statistics
import time
import uuid
from dataclasses import dataclass

from pymongo import monitoring

from adapters.mongo import open_mongo
from adapters.mongo_outbox import Outbox
from adapters.nats.bus import Bus
from adapters.nats.jetstream import ask
from contracts import tasks
from contracts.wire import EVENTS, JOBS, Context
from nodes.runtime import Node
from nodes.tasks.queues import Queues
from nodes.tasks.service import Tasks
from nodes.tasks.store import TaskStore
from tests.support.buses import a_bus, a_node
from tests.support.sagas import Crew
from tests.support.tasks_scene import order

DATA = frozenset({"find", "insert", "update", "delete", "aggregate", "distinct", "getMore"})


@dataclass(frozen=True, slots=True)
class SagaCost:
    """Medians for one task; messages and round trips are those of the tasks node alone, its chores included."""

    sent: float
    received: float
    round_trips: float
    milliseconds: float
    stored: int
    """Messages that JetStream kept for it, the workers' reports included."""


class _Counter(monitoring.CommandListener):
    """Counts commands on data."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """One more."""
        self.count += event.command_name in DATA

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Counted already."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Counted already."""


async def measure_saga(nats_url: str, mongo_url: str, *, rounds: int) -> SagaCost:
    """Run that many tasks, one at a time, on streams that exist."""
    counter = _Counter()
    monitoring.register(counter)  # of the clients that are made from now on
    client = open_mongo(mongo_url)
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url))
        own = await stack.enter_async_context(a_bus(nats_url, "tasks"))
        store = TaskStore(client[f"bench_{uuid.uuid4().hex}"])
        await store.prepare()
        service = Tasks(store, Outbox(store.collection, own.send), Queues(own))
        await stack.enter_async_context(Node(own, service, "1.0.0"))
        crew = Crew(bus)
        for worker in crew.services():
            await stack.enter_async_context(a_node(nats_url, worker))
        await _one(bus, crew)
        kept = await _kept(bus)
        rows = [await _measured(bus, own, crew, counter) for _ in range(rounds)]
        kept = (await _kept(bus) - kept) // rounds
    client.close()
    sent, received, trips, spent = (statistics.median(column) for column in zip(*rows, strict=True))
    return SagaCost(sent, received, trips, spent, kept)


async def _measured(bus: Bus, own: Bus, crew: Crew, counter: _Counter) -> tuple[float, float, float, float]:
    """One task: messages out and in, round trips, milliseconds."""
    stats = own.connection.client.stats
    before, began = (stats["out_msgs"], stats["in_msgs"], counter.count), time.perf_counter()
    await _one(bus, crew)
    spent = (time.perf_counter() - began) * 1000
    return stats["out_msgs"] - before[0], stats["in_msgs"] - before[1], counter.count - before[2], spent


async def _one(bus: Bus, crew: Crew) -> None:
    """A task from its creation until everybody knows that it has ended."""
    told = len(crew.notes), len(crew.finished)
    await bus.request(tasks.CREATE, order(), Context.new(user_id=uuid.uuid4(), tier="pro"))
    async with asyncio.timeout(30):
        while (len(crew.notes), len(crew.finished)) != (told[0] + 1, told[1] + 1):
            await asyncio.sleep(0.001)


async def _kept(bus: Bus) -> int:
    """Messages that the streams of work and of events ever kept."""
    states = [await ask(bus, f"STREAM.INFO.{stream}", {}) for stream in (JOBS, EVENTS)]
    return sum(answer["state"]["last_seq"] for answer in states)
