"""Three NATS servers with replicated streams: the leader dies and no acknowledged message is lost or stored twice."""

import asyncio
import collections
import contextlib
import itertools
import signal
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Profile, connected
from adapters.nats.puller import Ack, Delivery, Outcome, Puller
from adapters.nats.wire import MESSAGE_ID
from contracts import notifications
from contracts.errors import Unavailable
from tests.chaos.conftest import Figures
from tests.support.cluster import Cluster, a_cluster
from tests.support.processes import slowness

QUEUE = notifications.SEND
PUBLISHERS, LINKS = 16, 4
KILLS, KILLS_LEAST, KILL_UNTIL = 5, 3, 35.0
GRACEFUL = 3
ELECTION = 10.0
SETTLE_LIMIT = 20.0
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """One cluster for all tests: what one has done to it must not matter to the next."""
    async with a_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@dataclass
class Traffic:
    """What publishers were told is stored, what a worker was given, and when acknowledgements came."""

    acknowledged: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    refused: int = 0
    """Sends that ended with Unavailable, and were tried again with their id."""
    given: dict[str, set[int]] = field(default_factory=lambda: collections.defaultdict(set))
    """Places in the stream by message id."""

    async def publish(self, bus: Bus, name: str, stop: asyncio.Event) -> None:
        """One after the other, each until it is acknowledged."""
        for number in itertools.count():
            if stop.is_set():
                return
            message_id = f"{name}-{number}"
            while not await self._sent(bus, message_id):
                self.refused += 1
            self.acknowledged.append(message_id)
            self.times.append(time.monotonic())

    async def _sent(self, bus: Bus, message_id: str) -> bool:
        try:
            await bus.send(QUEUE.subject, b"{}", message_id=message_id)
        except Unavailable:
            return False
        return True

    async def take(self, delivery: Delivery) -> Outcome:
        """A worker's part."""
        self.given[delivery.headers[MESSAGE_ID]].add(delivery.sequence)
        return Ack()

    @property
    def lost(self) -> set[str]:
        """Acknowledged, but never given to the worker."""
        return set(self.acknowledged) - self.given.keys()

    @property
    def doubled(self) -> set[str]:
        """Stored more than once."""
        return {message_id for message_id, places in self.given.items() if len(places) > 1}

    def gap(self, since: float) -> float:
        """The longest time after `since` in which no publisher had an acknowledgement, in seconds."""
        times = [since, *(each for each in self.times if each > since)]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@contextlib.asynccontextmanager
async def flowing(cluster: Cluster) -> AsyncIterator[Traffic]:
    """Publishers and a worker for the length of the block; after it the queue is worked off."""
    traffic, stop, run = Traffic(), asyncio.Event(), uuid.uuid4().hex[:8]
    async with contextlib.AsyncExitStack() as links:
        buses = [await links.enter_async_context(_linked(cluster)) for _ in range(LINKS)]
        puller = Puller(cluster.bus, QUEUE.stream, QUEUE.durable, traffic.take, concurrency=64, ack_wait=QUEUE.ack_wait)
        await puller.start()
        tasks = [
            asyncio.create_task(traffic.publish(buses[n % LINKS], f"{run}-{n}", stop), name=f"publisher {n}")
            for n in range(PUBLISHERS)
        ]
        try:
            yield traffic
        finally:
            stop.set()
            await asyncio.gather(*tasks)
        async with asyncio.timeout(SETTLE_LIMIT):
            while (await cluster.info(QUEUE.stream))["state"]["messages"]:
                await asyncio.sleep(0.1)
        await puller.stop(5)


@contextlib.asynccontextmanager
async def _linked(cluster: Cluster) -> AsyncIterator[Bus]:
    async with connected(Profile(servers=cluster.urls, name="publisher")) as connection, opened_bus(connection) as bus:
        yield bus


async def gap_after(cluster: Cluster, traffic: Traffic, number: signal.Signals) -> float:
    """End the leader, wait until all are back, and tell how long nothing was acknowledged."""
    began = time.monotonic()
    await cluster.end_leader(QUEUE.stream, number)
    await asyncio.sleep(1)
    await cluster.whole(QUEUE.stream)
    many = len(traffic.times) + PUBLISHERS
    while len(traffic.times) < many:
        await asyncio.sleep(0.05)
    return traffic.gap(began)


async def test_leaders_leave(cluster: Cluster, figures: Figures) -> None:
    """SIGTERM to the leader: it hands over, and publishers hardly notice."""
    async with flowing(cluster) as traffic:
        gaps = [await gap_after(cluster, traffic, signal.SIGTERM) for _ in range(GRACEFUL)]
    figures("leader ended by SIGTERM: gaps in s (<= 0.5)", str([round(gap, 2) for gap in gaps]))

    assert (traffic.lost, traffic.doubled) == (set(), set())
    assert traffic.refused == 0
    assert max(gaps) <= 0.5 * slowness()


async def test_leaders_die(cluster: Cluster, figures: Figures) -> None:
    """kill -9 of the leader, again and again: publishing pauses for an election, what was stored is there."""
    gaps: list[float] = []
    async with flowing(cluster) as traffic:
        began = time.monotonic()
        while len(gaps) < KILLS and time.monotonic() - began < KILL_UNTIL:
            gaps.append(await gap_after(cluster, traffic, signal.SIGKILL))
    counts = f"{len(traffic.lost)}, {len(traffic.doubled)} of {len(traffic.acknowledged)}"
    figures("leader killed: acknowledged messages lost, doubled", counts)
    figures("leader killed: sends told to try again", str(traffic.refused))
    figures("leader killed: gaps in s (<= 10)", str([round(gap, 1) for gap in gaps]))

    assert (traffic.lost, traffic.doubled) == (set(), set())
    assert len(gaps) >= KILLS_LEAST
    *most, longest = sorted(gaps)
    assert max(most) <= ELECTION
    assert longest <= 2 * ELECTION  # when the votes are split the servers vote again
