"""Retries and whole guarded calls in virtual time: 1, 2, 4 s, the retry budget, and targets that fail altogether."""

import asyncio
import logging
from collections.abc import Awaitable

import pytest

from adapters.resilience import WAITS, BreakerOpen, Budget, BulkheadFull, Guarded, Target, any_of, retry
from contracts.errors import DeadlineExceeded, NotFound, ServiceError, Unavailable
from contracts.wire import Context
from tests.support.virtual_time import virtually


class Times:
    """A call that notes when it was made (seconds since the first) and fails with what it is given, in turn."""

    def __init__(self, *errors: Exception):
        self.errors = list(errors)
        self.at: list[float] = []

    async def __call__(self) -> str:
        self.at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "art"

    @property
    def since_first(self) -> list[float]:
        """When each call was made."""
        return [at - self.at[0] for at in self.at]


async def outcome(call: Awaitable[str]) -> str | ServiceError:
    """The result, or the error of ours that it ended with."""
    try:
        return await call
    except ServiceError as error:
        return error


def downs(count: int) -> tuple[Unavailable, ...]:
    """So many errors, each its own."""
    return tuple(Unavailable(f"down {n}") for n in range(count))


def test_four_calls_at_0_1_3_and_7_seconds_then_the_last_error() -> None:
    """The default waits 1, 2 and 4 s exactly, makes four calls and raises the last error itself."""

    async def main() -> None:
        errors = downs(9)
        call = Times(*errors)
        assert await outcome(retry(call)) is errors[3]
        assert call.since_first == [0, 1, 3, 7]

    virtually(main())


def test_a_success_ends_the_retrying() -> None:
    """The third call works, so there is no fourth."""

    async def main() -> None:
        call = Times(*downs(2))
        assert await retry(call) == "art"
        assert call.since_first == [0, 1, 3]

    virtually(main())


def test_an_object_with_an_async_call_is_retried() -> None:
    """Objects, functions that return coroutines and coroutine functions are all tried again."""

    async def main() -> None:
        call = Times(*downs(2))

        def returning() -> Awaitable[str]:
            return call()  # not a coroutine function

        assert await retry(returning) == "art"
        assert len(call.at) == 3

    virtually(main())


def test_which_errors_are_retried_is_data() -> None:
    """By default only Unavailable; other rows change that, and waits are data too."""

    async def main() -> None:
        for error in (NotFound(), ValueError()):
            call = Times(error)
            with pytest.raises(type(error)):
                await retry(call)
            assert len(call.at) == 1
        call = Times(ValueError(), ValueError())
        assert await retry(call, retried=any_of(ValueError, OSError), waits=(0.5, 0.5)) == "art"
        assert call.since_first == [0, 0.5, 1]
        assert isinstance(await outcome(retry(Times(*downs(1)), waits=())), Unavailable)

    virtually(main())


def test_spread_adds_at_most_its_share() -> None:
    """With a spread of 10 % the waits are 1, 2, 4 s and up to a tenth more, not always the same."""

    async def main() -> None:
        firsts = []
        for _ in range(20):
            call = Times(*downs(3))
            await retry(call, spread=0.1)
            waits = [after - before for before, after in zip(call.at, call.at[1:], strict=False)]
            assert all(wait <= found <= wait * 1.1 + 1e-9 for wait, found in zip(WAITS, waits, strict=True))
            firsts.append(waits[0])
        assert len(set(firsts)) > 1

    virtually(main())


def test_a_target_that_asks_for_a_pause_gets_it() -> None:
    """`retry_after` lengthens a wait up to the longest; a longer one is left to the caller."""

    async def main() -> None:
        call = Times(Unavailable(retry_after=3), Unavailable(retry_after=0.1))
        assert await retry(call) == "art"
        assert call.since_first == [0, 3, 5]
        call = Times(Unavailable(retry_after=30))
        assert isinstance(await outcome(retry(call)), Unavailable)
        assert len(call.at) == 1

    virtually(main())


def test_no_retry_begins_after_the_callers_deadline() -> None:
    """With 1.5 s left there is a retry after 1 s... and none whose wait would not fit."""

    async def main() -> None:
        call = Times(*downs(9))
        await outcome(retry(call, waits=(1, 2, 4), context=Context.new(timeout=1.5)))
        assert call.since_first == [0, 1]
        call = Times(*downs(9))
        await outcome(retry(call, context=Context.new(timeout=0.5)))
        assert call.since_first == [0]

    virtually(main())


def test_retries_are_logged_without_the_text_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    """A log line per retry with its wait, and nothing of what the target said."""
    with caplog.at_level(logging.DEBUG):
        virtually(retry(Times(Unavailable("a prompt"))))
    assert [(r.__dict__["action"], r.__dict__["wait"]) for r in caplog.records if "action" in r.__dict__] == [
        ("retry", 1.0)
    ]
    assert "a prompt" not in caplog.text


def test_the_last_error_keeps_its_cause_and_gets_no_other() -> None:
    """Nothing of the retrying is in the chain of the error that the caller sees."""

    async def fail() -> str:
        try:
            raise OSError("socket")
        except OSError as error:
            raise Unavailable from error

    with pytest.raises(Unavailable) as caught:
        virtually(retry(fail))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__context__ is caught.value.__cause__


def test_the_budget_slides() -> None:
    """Of 100 calls 10 may be retried in the window; what left the window neither gives nor takes."""
    now = 0.0
    budget = Budget(share=0.1, window=10, spare=0, clock=lambda: now)
    assert not budget.take()
    for _ in range(100):
        budget.offer()
    assert sum(budget.take() for _ in range(50)) == 10
    now = 9.5
    assert not budget.take()
    now = 10.5
    assert not budget.take()
    for _ in range(20):
        budget.offer()
    assert sum(budget.take() for _ in range(50)) == 2
    for _ in range(100):
        budget.offer()
    now = 21
    assert not budget.take()


def test_a_seldom_called_target_is_retried_all_the_same() -> None:
    """The spare retries of a window are enough for the full series of one call."""

    async def main() -> None:
        budget = Budget(clock=asyncio.get_running_loop().time)
        call = Times(*downs(9))
        await outcome(retry(call, budget=budget))
        assert len(call.at) == 4

    virtually(main())


@pytest.mark.parametrize("per_second", [5, 50])
def test_a_dead_target_gets_at_most_a_tenth_more_calls(per_second: int) -> None:
    """With every call failing for 60 s at full load, and no breaker, the backend sees at most 1.1 times the offer."""

    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        budget = Budget(clock=loop.time)
        call = Times(*downs(per_second * 60 * 4))
        running = set()
        for _ in range(per_second * 60):
            running.add(asyncio.create_task(outcome(retry(call, budget=budget, spread=0.1))))
            await asyncio.sleep(1 / per_second)
        await asyncio.gather(*running)
        return per_second * 60, len(call.at)

    offered, made = virtually(main())
    assert offered * 1.05 < made <= offered * 1.1 + 3  # retries are made, but not more than allowed


def a_target(
    timeout: float = 2.0, waits: tuple[float, ...] = (), concurrency: int | None = None, waiting: int = 0
) -> Guarded:
    """A guarded target in virtual time; its budget allows 100 retries."""
    target = Target(
        name="ai",
        timeout=timeout,
        waits=waits,
        spread=0,
        concurrency=concurrency,
        waiting=waiting,
        retry_spare=100,
    )
    return Guarded(target, clock=asyncio.get_running_loop().time)


def test_a_dead_target_behind_its_breaker_gets_the_trials_only() -> None:
    """100 % failing for 10 minutes at 20 calls a second: five failures, then one trial after 30, 60, 120 and 240 s."""

    async def main() -> None:
        target, call = a_target(waits=WAITS), Times(*downs(100_000))
        running = set()
        for _ in range(600 * 20):
            running.add(asyncio.create_task(outcome(target.call(call))))
            await asyncio.sleep(1 / 20)
        results = await asyncio.gather(*running)

        assert len(call.at) == 5 + 4
        assert sum(isinstance(each, BreakerOpen) for each in results) >= 12_000 - len(call.at)
        assert target.breaker.openings == 5

    virtually(main())


def test_an_open_breaker_is_not_retried() -> None:
    """Who is refused by the breaker is told at once, with the time after which trying again makes sense."""

    async def main() -> None:
        target, call = a_target(waits=WAITS), Times(*downs(100))
        target.breaker.force_open()
        began = asyncio.get_running_loop().time()
        error = await outcome(target.call(call))
        assert isinstance(error, BreakerOpen)
        assert (error.retry_after, call.at, asyncio.get_running_loop().time()) == (30.0, [], began)

    virtually(main())


def test_who_was_refused_during_the_trial_or_for_want_of_room_is_not_retried() -> None:
    """Trying again soon would help, but the caller is told at once: one layer of retries is enough."""

    async def main() -> None:
        target = a_target(timeout=60, waits=WAITS, concurrency=1)
        target.breaker.force_open()
        await asyncio.sleep(30)
        trial = asyncio.create_task(outcome(target.call(hang)))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        assert isinstance(await outcome(target.call(hang)), BreakerOpen)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)

        crowded = a_target(timeout=60, waits=WAITS, concurrency=1)
        running = asyncio.create_task(outcome(crowded.call(hang)))
        await asyncio.sleep(0)
        assert isinstance(await outcome(crowded.call(hang)), BulkheadFull)
        assert asyncio.get_running_loop().time() == began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtually(main())


def test_retries_stop_when_the_breaker_opens() -> None:
    """Two callers with four tries each: the fifth failure opens the breaker and nobody calls again."""

    async def main() -> None:
        target, call = a_target(waits=WAITS), Times(*downs(100))
        results = await asyncio.gather(*(outcome(target.call(call)) for _ in range(2)))
        assert call.since_first == [0, 0, 1, 1, 3]
        assert [type(each) for each in results] == [BreakerOpen, BreakerOpen]

    virtually(main())


async def hang() -> str:
    """A call that never ends."""
    await asyncio.Event().wait()
    return "never"


def test_hanging_calls_end_in_time_and_open_the_breaker() -> None:
    """Each hanging call ends after the limit; the fifth opens the breaker; callers in a hurry do not count."""

    async def main() -> None:
        target = a_target(timeout=2.0)
        for _ in range(10):
            assert isinstance(await outcome(target.call(hang, Context.new(timeout=0.05))), DeadlineExceeded)
        assert target.breaker.state == "closed"
        for _ in range(5):
            began = asyncio.get_running_loop().time()
            assert type(await outcome(target.call(hang))) is DeadlineExceeded
            assert asyncio.get_running_loop().time() - began == 2.0
        assert target.breaker.state == "open"

    virtually(main())


def test_our_own_crowd_is_no_failure_of_the_target() -> None:
    """Callers that found no room are refused at once and do not open the breaker."""

    async def main() -> None:
        target = a_target(concurrency=2, waiting=2)

        async def slow() -> str:
            await asyncio.sleep(1)
            return "art"

        results = await asyncio.gather(*(outcome(target.call(slow)) for _ in range(50)))
        assert results.count("art") == 4
        assert sum(isinstance(each, BulkheadFull) for each in results) == 46
        assert (target.breaker.state, target.breaker.failures_in_a_row) == ("closed", 0)

    virtually(main())


def test_who_waited_while_the_breaker_opened_does_not_call() -> None:
    """With five places and 45 waiting behind a dead target, the backend is called five times."""

    async def main() -> None:
        target, calls = a_target(concurrency=5, waiting=45), 0

        async def dying() -> str:
            nonlocal calls
            calls += 1
            await asyncio.sleep(1)
            raise Unavailable

        results = await asyncio.gather(*(outcome(target.call(dying)) for _ in range(50)))
        assert calls == 5
        assert sum(isinstance(each, BreakerOpen) for each in results) == 45

    virtually(main())


def test_an_open_breaker_answers_at_once_though_all_places_are_taken() -> None:
    """Nobody queues behind hanging calls to be told that the breaker is open."""

    async def main() -> None:
        target = a_target(timeout=60, concurrency=1, waiting=10)
        hanging = asyncio.create_task(outcome(target.call(hang)))
        await asyncio.sleep(0)
        target.breaker.force_open()
        began = asyncio.get_running_loop().time()
        assert isinstance(await outcome(target.call(hang)), BreakerOpen)
        assert asyncio.get_running_loop().time() == began
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)

    virtually(main())
