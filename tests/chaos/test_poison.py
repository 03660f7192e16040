"""Poison in a queue: it becomes dead letters, and nobody else waits for it."""

import asyncio
import collections
import contextlib
import itertools
import sys
import time
import uuid
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import msgspec
import pytest

from adapters.nats.bus import Bus
from contracts import notifications
from contracts.wire import Context, DeadLetter
from nodes.bindings import dead_letters, work
from ops.nats_config import consumer
from tests.chaos.conftest import Figures
from tests.support.buses import SmallService, a_bus, a_node

QUEUE = notifications.SEND
JOBS, POISON_EVERY, PRODUCERS = 5000, 100, 16
WORK = 0.002
NOISE = 0.025
"""Seconds that other work on the machine may add to a latency."""
pytestmark = pytest.mark.timeout(120)


class Workshop:
    """A worker that cannot do what is called poison, and the reader of dead letters."""

    def __init__(self) -> None:
        self.done: dict[str, asyncio.Event] = {}
        self.latencies: dict[str, float] = {}
        self.tries: collections.Counter[str] = collections.Counter()
        self.letters: list[DeadLetter] = []

    async def handle(self, message: notifications.SendNotification, _context: Context) -> None:
        """The work: short, but not for poison, which has an error of ours as its effect."""
        key = message.effect_key
        self.tries[key] += 1
        if key.startswith("poison"):
            raise RuntimeError("nobody thought of this")
        await asyncio.sleep(WORK)
        self.done[key].set()

    async def mourn(self, letter: DeadLetter, _context: Context) -> None:
        """Count the dead."""
        self.letters.append(letter)

    async def fill(self, bus: Bus, count: int, *, poison: bool) -> int:
        """Each producer sends a job and waits until it is done, unless it is poison. Returns how much poison."""
        numbers = iter(range(count))
        poisoned, run = itertools.count(), uuid.uuid4().hex[:8]

        async def produce() -> None:
            for number in numbers:
                bad = poison and number % POISON_EVERY == 0
                key = f"{'poison' if bad else 'job'}-{number}-{run}"
                payload = b"{unreadable" if bad and next(poisoned) % 2 else msgspec.json.encode(notice(key))
                done = self.done[key] = asyncio.Event()
                began = time.perf_counter()
                await bus.send(QUEUE.subject, payload, message_id=key)
                if not bad:
                    await done.wait()
                    self.latencies[key] = time.perf_counter() - began

        await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
        return next(poisoned)


def p99(latencies: Collection[float]) -> float:
    """The 99th percentile."""
    return sorted(latencies)[len(latencies) * 99 // 100]


def notice(key: str) -> notifications.SendNotification:
    """A job."""
    return notifications.SendNotification(user_id=uuid.uuid4(), effect_key=key, kind="test", title="Hello")


async def left(bus: Bus, stream: str) -> int:
    """How many messages a stream holds."""
    reply = await bus.request_raw(f"$JS.API.STREAM.INFO.{stream}", b"", Context.new(), 5)
    count: int = msgspec.json.decode(reply)["state"]["messages"]
    return count


async def emptied(bus: Bus, limit: float) -> None:
    """Wait until no job is left."""
    async with asyncio.timeout(limit):
        while await left(bus, QUEUE.stream):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def a_workshop(nats_url: str) -> AsyncIterator[Workshop]:
    """A workshop with its nodes."""
    shop = Workshop()
    async with a_node(nats_url, SmallService("notifications", work(QUEUE, shop.handle))):
        async with a_node(nats_url, SmallService("tasks", dead_letters(shop.mourn))):
            yield shop


async def test_poison_blocks_nobody(nats_url: str, figures: Figures) -> None:
    """1 % of 5000 jobs cannot be read or fail each time: all of it is in DEAD, the others take no longer."""
    async with a_bus(nats_url, streams=True) as bus:
        before = await clean_run(nats_url, bus)
        async with a_workshop(nats_url) as shop:
            poisoned = await shop.fill(bus, JOBS, poison=True)
            await emptied(bus, 30)
            async with asyncio.timeout(5):
                while len(shop.letters) < poisoned:
                    await asyncio.sleep(0.05)
        buried = await left(bus, "DEAD")
        after = await clean_run(nats_url, bus)
    slow, plain = p99(shop.latencies.values()), p99((before | after).values())
    figures("poison in 5000 jobs: in DEAD, of", f"{buried} of {poisoned}")
    figures("p99 of the others in ms: with poison (<= 2x), without", f"{slow * 1e3:.1f}, {plain * 1e3:.1f}")

    assert poisoned == JOBS // POISON_EVERY
    assert buried == len(shop.letters) == poisoned
    assert len(before | after) == JOBS
    assert len(shop.latencies) == JOBS - poisoned
    assert set(shop.tries.values()) == {1, 4}
    assert slow <= 2 * plain + NOISE


async def clean_run(nats_url: str, bus: Bus) -> dict[str, float]:
    """The latencies of half as many jobs without poison: one such run before and one after, as the machine changes."""
    async with a_workshop(nats_url) as shop:
        await shop.fill(bus, JOBS // 2, poison=False)
        await emptied(bus, 20)
    return shop.latencies


async def test_a_job_that_kills_its_worker_at_the_last_try(nats_url: str, figures: Figures) -> None:
    """Three failures, then kill -9 with the fourth delivery in hand: the undertaker buries it, the queue is empty."""
    letters: list[DeadLetter] = []

    async def mourn(letter: DeadLetter, _context: Context) -> None:
        letters.append(letter)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, SmallService("tasks", dead_letters(mourn))):
        request = consumer(QUEUE.stream, QUEUE.durable, QUEUE.subject, 1.0, 64)
        api = f"$JS.API.CONSUMER.CREATE.{QUEUE.stream}.{QUEUE.durable}.{QUEUE.subject}"
        await bus.request_raw(api, msgspec.json.encode(request), Context.new(), 5)
        await bus.enqueue(QUEUE, notice("deadly"), message_id="deadly")
        async with a_worker(nats_url) as doomed:
            assert await asyncio.wait_for(doomed.wait(), 20) == -9
        died = time.monotonic()
        async with a_worker(nats_url):  # the supervisor's next one
            async with asyncio.timeout(15):
                while not letters:
                    await asyncio.sleep(0.02)
            buried = time.monotonic() - died
            await emptied(bus, 5)
    figures("worker killed at the 4th delivery: buried after s (ack_wait 1)", f"{buried:.1f}")

    assert [(letter.reason, letter.deliveries) for letter in letters] == [("max_deliveries", 4)]


@contextlib.asynccontextmanager
async def a_worker(nats_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The deadly worker, ready; killed at the end if it still lives."""
    command = (sys.executable, "-m", "tests.support.deadly_worker", nats_url)
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=root)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
