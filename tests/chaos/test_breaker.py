"""Circuit breaker and retries in numbers: how many calls a target gets that fails, and how fast refusals are."""

import asyncio
import itertools
import time
import uuid

import pytest

from adapters.resilience import WAITS, BreakerOpen, Guarded, Target
from contracts import notifications
from contracts.errors import ServiceError, Unavailable
from contracts.wire import Context
from nodes.bindings import work
from tests.chaos.conftest import Figures
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.virtual_time import virtually

REFUSALS, CALLERS = 1000, 50
OFFERED, PER_SECOND = 6000, 100
"""A minute of full load."""
JOBS = 200
pytestmark = pytest.mark.timeout(60)


class Backend:
    """A target that counts its calls, notes the most at a time, and fails while `down`."""

    def __init__(self, *, takes: float = 0.0) -> None:
        self.down = True
        self.takes = takes
        self.calls = self.running = self.most = 0

    async def __call__(self) -> str:
        """One call."""
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.running -= 1
        if self.down:
            raise Unavailable("down")
        return "art"


async def outcome(target: Guarded, backend: Backend) -> str | ServiceError:
    """The answer of one call, or the error of ours that it ended with."""
    try:
        return await target.call(backend)
    except ServiceError as error:
        return error


async def until_open(target: Guarded, backend: Backend) -> int:
    """Call until it is open; how many calls that took."""
    for number in itertools.count(1):
        await outcome(target, backend)
        if target.breaker.state == "open":
            return number
    raise AssertionError


async def test_the_fifth_failure_opens_it_and_refusals_are_quick(figures: Figures) -> None:
    """Four failures leave it closed, the fifth opens it; 99 % of 1000 refusals take at most a millisecond."""
    target, backend, times = Guarded(Target(name="images/x", timeout=5, waits=())), Backend(), []
    opened_by = await until_open(target, backend)
    for _ in range(REFUSALS):
        began = time.perf_counter()
        answer = await outcome(target, backend)
        times.append(time.perf_counter() - began)
        assert isinstance(answer, BreakerOpen)
    p99 = sorted(times)[REFUSALS * 99 // 100]
    figures("breaker opens at failure number (5); calls after it", f"{opened_by}; {backend.calls - opened_by}")
    figures("breaker open: p99 of an answer in ms (<= 1)", f"{p99 * 1e3:.3f}")

    assert (opened_by, backend.calls) == (5, 5)
    assert p99 <= 0.001


async def test_one_trial_of_fifty(figures: Figures) -> None:
    """After the pause one of 50 callers reaches the target, though the trial takes its time; it closes the breaker."""
    target = Guarded(Target(name="images/x", timeout=5, waits=(), open_for=0.2))
    backend = Backend(takes=0.1)
    await until_open(target, backend)
    backend.calls, backend.down = 0, False
    await asyncio.sleep(0.25)
    answers = await asyncio.gather(*(outcome(target, backend) for _ in range(CALLERS)))
    figures("half-open: callers, of which make the trial (1)", f"{CALLERS}, {backend.calls}")

    assert (backend.calls, answers.count("art")) == (1, 1)
    assert sum(isinstance(answer, BreakerOpen) for answer in answers) == CALLERS - 1
    assert target.breaker.state == "closed"


async def test_cancellation_is_neutral(figures: Figures) -> None:
    """100 cancelled calls after four failures neither open it nor make it forget them: the next failure opens it."""
    target, backend = Guarded(Target(name="images/x", timeout=5, waits=())), Backend()
    for _ in range(4):
        await outcome(target, backend)
    hanging = [asyncio.create_task(outcome(target, Backend(takes=60))) for _ in range(100)]
    await asyncio.sleep(0.01)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    counted = target.breaker.failures_in_a_row
    figures("breaker: failures counted before and after 100 cancellations", f"4, {counted}")

    assert (counted, target.breaker.state) == (4, "closed")
    assert await until_open(target, backend) == 1


def test_retries_are_bounded(figures: Figures) -> None:
    """A minute at 100 calls a second, all of which fail: 1.1 times the offer without a breaker, hardly any with it."""
    bare, trials = virtually(storm(failures=10**9)), virtually(storm(failures=5))
    figures(
        f"{OFFERED} calls to a dead target, budget alone: calls made (<= 1.1 x)", f"{bare} ({bare / OFFERED:.3f} x)"
    )
    figures(f"{OFFERED} calls to a dead target, with breaker: calls made (5 + trials)", str(trials))

    assert OFFERED < bare <= OFFERED * 1.1 + 3
    assert trials == 5 + 1  # one trial, at 30 s; the next would be at 90 s


async def storm(*, failures: int) -> int:
    """How many calls a target gets that fails for a minute, with the retries of 1, 2 and 4 s."""
    clock = asyncio.get_running_loop().time
    target = Guarded(Target(name="images/x", timeout=5, waits=WAITS, failures=failures), clock=clock)
    backend, running = Backend(), set()
    for _ in range(OFFERED):
        running.add(asyncio.create_task(outcome(target, backend)))
        await asyncio.sleep(1 / PER_SECOND)
    await asyncio.gather(*running)
    return backend.calls


async def test_a_queue_full_of_work_for_a_dead_target(nats_url: str, figures: Figures) -> None:
    """200 jobs on JetStream whose target is dead: it gets those that run at once and trials, not four calls a job."""
    target = Guarded(Target(name="images/x", timeout=5, waits=(), open_for=1, growth=1))
    backend, queue = Backend(), notifications.SEND
    given = 0

    async def handle(_message: notifications.SendNotification, _context: Context) -> None:
        nonlocal given
        given += 1
        await target.call(backend)

    async with a_bus(nats_url, streams=True) as bus:
        for number in range(JOBS):
            job = notifications.SendNotification(user_id=uuid.uuid4(), effect_key=str(number), kind="t", title="T")
            await bus.enqueue(queue, job, message_id=f"job-{number}")
        async with a_node(nats_url, SmallService("notifications", work(queue, handle))):
            async with asyncio.timeout(30):
                while given < JOBS * 4:
                    await asyncio.sleep(0.05)
    trials = target.breaker.openings - 1
    first = backend.calls - trials
    what = f"{JOBS} jobs for a dead target, {queue.concurrency} at a time: deliveries, calls, trials"
    figures(f"{what} (calls <= {queue.concurrency} + trials)", f"{given}, {backend.calls}, {trials}")

    assert trials >= 1
    assert 5 <= first <= queue.concurrency  # those that ran when the fifth failed
    assert backend.calls <= 1.1 * JOBS
