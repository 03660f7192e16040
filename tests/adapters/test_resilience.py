"""Breaker, bulkhead and time limit in virtual time: every trap of pybreaker, 50 callers at once, targets that die."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.resilience import (
    Breaker,
    BreakerOpen,
    any_of,
    states,
)
from contracts.errors import NotFound, ServiceError
from tests.support.virtual_time import virtually


class Down(Exception):
    """What a dead target raises."""


class Backend:
    """A target that counts its calls and fails while `down`."""

    def __init__(self, *, down: bool = True, takes: float = 0.0):
        self.down = down
        self.takes = takes
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        await asyncio.sleep(self.takes)
        if self.down:
            raise Down
        return "art"


def a_breaker(failures: int = 5, longest: float = 300.0, **more: Any) -> Breaker:
    """A breaker on the loop's own clock."""
    return Breaker("ai", failures=failures, longest=longest, clock=asyncio.get_running_loop().time, **more)


async def guarded(breaker: Breaker, call: Callable[[], Awaitable[str]]) -> str | Exception:
    """The result of one call through the breaker, or the error it ended with."""
    try:
        with breaker.guard():
            return await call()
    except (Down, ServiceError) as error:
        return error


async def opened(breaker: Breaker) -> None:
    """Let it open by failures."""
    while breaker.state != "open":
        assert isinstance(await guarded(breaker, Backend()), Down)


def test_opens_on_exactly_the_fifth_failure_and_keeps_the_error() -> None:
    """Four failures leave it closed; the fifth opens it, and its caller gets the original error, not another."""

    async def main() -> None:
        breaker, backend = a_breaker(), Backend()
        for number in range(1, 6):
            error = await guarded(breaker, backend)
            assert type(error) is Down
            assert (breaker.failures_in_a_row, breaker.state) == (number, "closed" if number < 5 else "open")
        for _ in range(100):
            refused = await guarded(breaker, backend)
            assert isinstance(refused, BreakerOpen)
            assert (refused.status, refused.retry_after) == (503, 30.0)

        assert (backend.calls, breaker.refused, breaker.openings) == (5, 100, 1)
        assert breaker.opened_at is not None
        assert abs((datetime.now(UTC) - breaker.opened_at).total_seconds()) < 5

    virtually(main())


def test_only_failures_in_a_row_count() -> None:
    """A success, or an answer such as `not found`, begins the count anew."""

    async def main() -> None:
        breaker = a_breaker()

        async def not_found() -> str:
            raise NotFound

        for cure in (Backend(down=False), not_found):
            for _ in range(4):
                await guarded(breaker, Backend())
            await guarded(breaker, cure)
            assert (breaker.failures_in_a_row, breaker.state) == (0, "closed")

    virtually(main())


def test_which_errors_count_is_data() -> None:
    """With a verdict of its own a breaker ignores what is no failure to it, and counts what is."""

    async def main() -> None:
        breaker = a_breaker(is_failure=any_of(NotFound))

        async def not_found() -> str:
            raise NotFound

        for _ in range(20):
            await guarded(breaker, Backend())
        assert breaker.state == "closed"
        for _ in range(5):
            await guarded(breaker, not_found)
        assert breaker.state == "open"

    virtually(main())


def test_nothing_is_called_for_30_seconds_then_one_of_50() -> None:
    """Zero calls while open; after the open time one of 50 callers makes the trial, the others are refused at once."""

    async def main() -> None:
        breaker, backend = a_breaker(), Backend(down=False, takes=1.0)
        await opened(breaker)
        for _ in range(299):
            await asyncio.sleep(0.1)
            assert isinstance(await guarded(breaker, backend), BreakerOpen)
        assert backend.calls == 0
        await asyncio.sleep(0.2)

        results = await asyncio.gather(*(guarded(breaker, backend) for _ in range(50)))

        assert backend.calls == 1
        assert results.count("art") == 1
        assert sum(isinstance(each, BreakerOpen) for each in results) == 49
        assert breaker.state == "closed"

    virtually(main())


def test_open_time_grows_while_trials_fail_and_is_reset_by_success() -> None:
    """30, 60, 120, 240, then 300 s at most; a trial that succeeds makes it 30 again."""

    async def main() -> None:
        breaker, backend = a_breaker(), Backend()
        await opened(breaker)
        pauses = []
        for _ in range(6):
            pauses.append(round(breaker.retry_after))
            await asyncio.sleep(breaker.retry_after)
            assert isinstance(await guarded(breaker, backend), Down)
        assert (pauses, backend.calls) == ([30, 60, 120, 240, 300, 300], 6)
        backend.down = False
        await asyncio.sleep(breaker.retry_after)
        assert await guarded(breaker, backend) == "art"
        await opened(breaker)
        assert round(breaker.retry_after) == 30

    virtually(main())


def test_an_answer_in_the_trial_closes_it() -> None:
    """A target that answers `not found` to the trial is alive."""

    async def main() -> None:
        breaker = a_breaker()
        await opened(breaker)
        await asyncio.sleep(30)

        async def not_found() -> str:
            raise NotFound

        assert isinstance(await guarded(breaker, not_found), NotFound)
        assert breaker.state == "closed"

    virtually(main())


async def cancelled(breaker: Breaker) -> None:
    """A call that is cancelled while it runs."""
    task = asyncio.create_task(guarded(breaker, Backend(takes=5)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancellation_is_neither_failure_nor_success() -> None:
    """Cancelled calls leave a streak as it was, and a cancelled trial leaves it half-open for the next caller."""

    async def main() -> None:
        breaker = a_breaker()
        for _ in range(4):
            await guarded(breaker, Backend())
        for _ in range(10):
            await cancelled(breaker)
        assert (breaker.failures_in_a_row, breaker.state) == (4, "closed")
        await opened(breaker)
        await asyncio.sleep(30)
        await cancelled(breaker)
        assert breaker.state == "half-open"
        assert await guarded(breaker, Backend(down=False)) == "art"
        assert breaker.state == "closed"

    virtually(main())


def test_13_concurrent_failures_are_one_opening() -> None:
    """Late failures of calls begun before it opened neither open it again nor move the end of its open time."""

    async def main() -> None:
        changes: list[tuple[str, str, str]] = []
        breaker = a_breaker(on_change=(lambda *change: changes.append(change),))
        slow = [asyncio.create_task(guarded(breaker, Backend(takes=1 + n))) for n in range(13)]
        await asyncio.sleep(5.5)
        assert breaker.state == "open"
        until = asyncio.get_running_loop().time() + breaker.retry_after
        await asyncio.gather(*slow)

        assert breaker.openings == 1
        assert changes == [("ai", "closed", "open")]
        assert until == asyncio.get_running_loop().time() + breaker.retry_after

    virtually(main())


def test_results_of_an_older_state_are_dropped() -> None:
    """Neither a success nor a failure of a call begun before the opening counts after the recovery."""

    async def main() -> None:
        breaker = a_breaker()
        late_failure = asyncio.create_task(guarded(breaker, Backend(takes=40)))
        late_success = asyncio.create_task(guarded(breaker, Backend(down=False, takes=20)))
        await asyncio.sleep(0)
        await opened(breaker)
        assert await late_success == "art"
        assert breaker.state == "open"
        await asyncio.sleep(breaker.retry_after)
        await guarded(breaker, Backend(down=False))
        assert breaker.state == "closed"
        assert isinstance(await late_failure, Down)
        assert breaker.failures_in_a_row == 0

    virtually(main())


def test_an_error_that_an_opening_overtook_is_still_the_callers() -> None:
    """Opened by hand: the call under way ends as it would have, and the trial comes after the open time."""

    async def main() -> None:
        breaker = a_breaker()
        running = asyncio.create_task(guarded(breaker, Backend(takes=1)))
        await asyncio.sleep(0)
        breaker.force_open()
        assert isinstance(await guarded(breaker, Backend(down=False)), BreakerOpen)
        assert isinstance(await running, Down)
        await asyncio.sleep(30)
        assert await guarded(breaker, Backend(down=False)) == "art"

    virtually(main())


def test_it_can_be_forced_open_for_a_time() -> None:
    """`force_open(90)` refuses for 90 s, again moves the end, is one opening, and a trial closes it as usual."""

    async def main() -> None:
        changes: list[tuple[str, str, str]] = []
        breaker = a_breaker(on_change=(lambda *change: changes.append(change),))
        breaker.force_open(5)
        breaker.force_open(90)
        await asyncio.sleep(89)
        assert isinstance(await guarded(breaker, Backend(down=False)), BreakerOpen)
        await asyncio.sleep(1)
        assert await guarded(breaker, Backend(down=False)) == "art"

        assert breaker.openings == 1
        assert [after for _, _, after in changes] == ["open", "half-open", "closed"]
        breaker.force_open(0)
        assert isinstance(await guarded(breaker, Backend()), Down)
        assert breaker.retry_after == 60  # a trial that failed, so longer than the first time

    virtually(main())


def test_a_trial_can_be_waited_for() -> None:
    """Whoever waits is told when the trial has ended, and at once when none runs."""

    async def main() -> None:
        breaker, loop = a_breaker(), asyncio.get_running_loop()
        await breaker.trial_over()
        breaker.force_open(0)
        trial = asyncio.create_task(guarded(breaker, Backend(down=False, takes=7)))
        await asyncio.sleep(0)
        began = loop.time()
        assert breaker.trying
        await breaker.trial_over()
        assert (loop.time() - began, breaker.state) == (7, "closed")
        await trial

    virtually(main())


def test_changes_are_logged_and_told_after_they_happened(caplog: pytest.LogCaptureFixture) -> None:
    """Listeners see the new state; one that fails changes nothing; each change is a log line with its action."""

    async def main() -> None:
        seen: list[str] = []

        def look(_name: str, _before: str, _after: str) -> None:
            seen.append(breaker.state)
            raise RuntimeError("listener")

        breaker = a_breaker(on_change=(look,))
        await opened(breaker)
        await asyncio.sleep(30)
        assert await guarded(breaker, Backend(down=False)) == "art"
        assert seen == ["open", "half-open", "closed"]

    with caplog.at_level(logging.INFO, "adapters.resilience"):
        virtually(main())
    actions = [record.__dict__["action"] for record in caplog.records if record.levelno < logging.ERROR]
    assert actions == ["breaker_opened", "breaker_half_opened", "breaker_closed"]


def test_statistics_say_state_and_counts() -> None:
    """`states` is what `$SRV.STATS` carries: by target, with plain values."""

    async def main() -> None:
        breaker = a_breaker(failures=2)
        await opened(breaker)
        await guarded(breaker, Backend())
        found = states([breaker])["ai"]

        assert found | {"opened_at": ""} == {
            "state": "open",
            "failures_in_a_row": 2,
            "opened_at": "",
            "retry_after": 30.0,
            "calls": 2,
            "failed": 2,
            "refused": 1,
            "openings": 1,
        }
        assert datetime.fromisoformat(found["opened_at"]).tzinfo is not None

    virtually(main())


async def test_an_open_breaker_answers_within_a_millisecond() -> None:
    """99 of 100 refusals take less than 1 ms of real time."""
    breaker = Breaker("ai")
    await opened(breaker)
    times = []
    for _ in range(1000):
        began = time.perf_counter()
        assert isinstance(await guarded(breaker, Backend()), BreakerOpen)
        times.append(time.perf_counter() - began)

    assert sorted(times)[989] < 0.001
