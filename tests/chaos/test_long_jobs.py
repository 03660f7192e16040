"""Jobs and time: when failures are tried again, who takes over from the dead, and work that lasts 90 s.

The long job runs while the other tests do, on another server; its test is the last and waits for what is left of it.
"""

import asyncio
import collections
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from adapters.nats.bus import Bus
from contracts import notifications
from contracts.errors import Unavailable
from contracts.wire import Context, DeadLetter
from nodes.bindings import dead_letters, work
from tests.chaos.conftest import Figures
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.processes import a_process, killed, line_of, slowness
from tests.support.servers import running_nats

QUEUE = notifications.SEND
WHEN, TOLERANCE, BURIED_WITHIN = (0, 1, 3, 7), 0.15, 1.0
FAILING = 50
LONG = 90.0
KILLS = 3
pytestmark = [pytest.mark.timeout(150), pytest.mark.asyncio(loop_scope="module")]


def notice(key: str) -> notifications.SendNotification:
    """A job."""
    return notifications.SendNotification(user_id=uuid.uuid4(), effect_key=key, kind="test", title="Hello")


async def left(bus: Bus, stream: str) -> int:
    """How many messages a stream holds."""
    reply = await bus.request_raw(f"$JS.API.STREAM.INFO.{stream}", b"", Context.new(), 5)
    answer: dict[str, Any] = msgspec.json.decode(reply)
    count: int = answer["state"]["messages"]
    return count


async def emptied(bus: Bus) -> None:
    """Wait until the queue holds nothing, as the last word about a job is said after its effect."""
    async with asyncio.timeout(5):
        while await left(bus, QUEUE.stream):
            await asyncio.sleep(0.02)


@dataclass
class LongJob:
    """What became of it."""

    deliveries: list[int] = field(default_factory=list)
    began: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0
    left: int = -1

    async def handle(self, _message: notifications.SendNotification, context: Context) -> None:
        """Work for 90 s, nine times the queue's patience."""
        self.deliveries.append(context.delivery)
        self.began = self.began or time.monotonic()
        await asyncio.sleep(LONG)
        self.seconds = time.monotonic() - self.began
        self.ended.set()


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def long_job(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[asyncio.Task[LongJob]]:
    """Begins with the first test of this file."""
    running = asyncio.create_task(_long_job(tmp_path_factory.mktemp("long")))
    yield running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _long_job(folder: Path) -> LongJob:
    job = LongJob()
    async with running_nats(folder) as server, a_bus(server.url, streams=True) as bus:
        # two instances, so that there is somebody to whom it could be given again
        async with (
            a_node(server.url, SmallService("notifications", work(QUEUE, job.handle))),
            a_node(server.url, SmallService("notifications", work(QUEUE, job.handle))),
        ):
            await bus.enqueue(QUEUE, notice("long"), message_id="long")
            await job.ended.wait()
            await asyncio.sleep(0.5)
            job.left = await left(bus, QUEUE.stream)
    return job


@pytest_asyncio.fixture(loop_scope="module")
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """A NATS server of the test's own, on this module's loop."""
    async with running_nats(tmp_path / "nats") as started:
        yield started.url


async def test_failing_jobs_are_tried_at_0_1_3_and_7_seconds(server: str, figures: Figures) -> None:
    """50 failing jobs at once: each delivery is within 0.15 s of its time, each dead letter within 1 s of the last."""
    given: dict[str, list[float]] = collections.defaultdict(list)
    buried: dict[str, float] = {}

    async def handle(message: notifications.SendNotification, _context: Context) -> None:
        given[message.effect_key].append(time.monotonic())
        raise Unavailable("not now")

    async def mourn(letter: DeadLetter, _context: Context) -> None:
        key = msgspec.json.decode(letter.payload, type=notifications.SendNotification).effect_key
        buried[key] = time.monotonic()

    async with (
        a_bus(server, streams=True) as bus,
        a_node(server, SmallService("notifications", work(QUEUE, handle))),
        a_node(server, SmallService("tasks", dead_letters(mourn))),
    ):
        await asyncio.gather(*(bus.enqueue(QUEUE, notice(f"{n}"), message_id=f"{n}") for n in range(FAILING)))
        async with asyncio.timeout(20):
            while len(buried) < FAILING:
                await asyncio.sleep(0.02)
        await emptied(bus)
    off = [[abs(at - times[0] - wanted) for at, wanted in zip(times, WHEN, strict=True)] for times in given.values()]
    worst = [max(column) for column in zip(*off, strict=True)]
    waits = [buried[key] - times[-1] for key, times in given.items()]
    figures("retries at 0, 1, 3, 7 s: most off in s (<= 0.15)", str([round(each, 3) for each in worst]))
    figures("dead letter after the last try in s (<= 1)", f"{max(waits):.3f}")

    assert max(worst) <= TOLERANCE * slowness()
    assert max(waits) <= BURIED_WITHIN * slowness()


async def test_work_of_killed_workers_is_taken_over(server: str, figures: Figures) -> None:
    """kill -9 of a worker process that has the job in hand: another has it within ack_wait + 1 s."""
    seconds = []
    async with a_bus(server, streams=True) as bus:
        for number in range(KILLS):
            async with a_process("tests.support.captive_worker", server) as doomed:
                await bus.enqueue(QUEUE, notice(f"job-{number}"), message_id=f"job-{number}")
                assert await line_of(doomed, 10) == f"taken job-{number}"
                await asyncio.sleep(1.5 * number)  # at another moment between two heartbeats
                await killed(doomed)
            seconds.append(await _taken_over(server, bus, f"job-{number}"))
    figures(
        f"worker killed: job taken over after s (<= {QUEUE.ack_wait + 1:g})", str([round(each, 1) for each in seconds])
    )

    assert max(seconds) <= QUEUE.ack_wait + slowness()


async def _taken_over(server: str, bus: Bus, key: str) -> float:
    """Seconds from now until a new worker has this job as its second delivery."""
    taken: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    async def handle(message: notifications.SendNotification, context: Context) -> None:
        taken.set_result((message.effect_key, context.delivery))

    died = time.monotonic()
    async with a_node(server, SmallService("notifications", work(QUEUE, handle))):
        assert await asyncio.wait_for(taken, 2 * QUEUE.ack_wait) == (key, 2)
        seconds = time.monotonic() - died
        await emptied(bus)
    return seconds


async def test_a_job_of_90_seconds_is_given_once(long_job: asyncio.Task[LongJob], figures: Figures) -> None:
    """Nine times ack_wait long, with a second worker idle: one delivery, then it is gone from the queue."""
    job = await long_job
    figures("long job: seconds, deliveries (1)", f"{job.seconds:.0f}, {len(job.deliveries)}")

    assert job.deliveries == [1]
    assert job.seconds >= LONG
    assert job.left == 0
