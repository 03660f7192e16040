"""Circuit breaker per target, on pybreaker, made fit for asyncio.

What pybreaker 1.4 does by itself with coroutines, and what is done here instead (each line is covered by a test):
decorating an `async def` counts the coroutine object as a success, hence the outcome of an awaited call is told to
pybreaker as a synchronous call that returns or raises at once; half-open lets every caller through, hence the one
trial; cancellation counts as failure or as success, here as neither; late results of an older state count, here they
are dropped; the fifth error is replaced, here it is kept; the open time is constant and of the wall clock, here it
grows and is of a monotonic one; a listener is called before the state is stored, here after.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from pybreaker import (
    STATE_CLOSED,
    STATE_HALF_OPEN,
    STATE_OPEN,
    CircuitBreaker,
    CircuitClosedState,
    CircuitHalfOpenState,
    CircuitOpenState,
)

from adapters.resilience.limits import CutShort
from adapters.resilience.verdicts import NotTried, Verdict, is_outage

log = logging.getLogger(__name__)

OnChange = Callable[[str, str, str], None]
"""Told the target's name, the old state and the new one: `closed`, `open` or `half-open`."""
_State = CircuitClosedState | CircuitHalfOpenState | CircuitOpenState
ACTIONS = {STATE_CLOSED: "breaker_closed", STATE_OPEN: "breaker_opened", STATE_HALF_OPEN: "breaker_half_opened"}
"""What the log calls a change, by the new state."""
TRIAL_PAUSE = 1.0
"""Seconds that a caller is told to wait while another makes the trial."""


class BreakerOpen(NotTried):
    """The target failed too often; `retry_after` is when it will be tried again."""


class Breaker:
    """Stops calling a target that keeps failing.

    Opens on exactly the `failures`-th failure in a row, for `open_for` seconds; then one caller at a time may try. A
    trial that fails opens it `growth` times as long as before, at most `longest` seconds; one that does not closes it.
    Not for several threads. A trial without a time limit would hold the breaker for as long as it hangs.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        open_for: float = 30.0,
        growth: float = 2.0,
        longest: float = 300.0,
        is_failure: Verdict = is_outage,
        on_change: tuple[OnChange, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.name = name
        self.calls = 0
        """Calls that were let through."""
        self.failed = 0
        """Those of them that failed by the verdict."""
        self.refused = 0
        """Calls that were not let through."""
        self.openings = 0
        self._open_for = open_for
        self._growth = growth
        self._longest = longest
        self._pause = open_for
        self._until = 0.0
        self._settled = asyncio.Event()
        self._settled.set()
        self._is_failure = is_failure
        self._on_change = on_change
        self._clock = clock
        self._circuit = CircuitBreaker(failures, open_for, name=name, throw_new_error_on_trip=False)

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open` (which it becomes when a caller comes after the open time)."""
        return self._circuit.current_state

    @property
    def failures_in_a_row(self) -> int:
        """Failures since the last success."""
        return self._circuit.fail_counter

    @property
    def opened_at(self) -> datetime | None:
        """When it last opened (UTC), also after it closed again."""
        return self._circuit._state_storage.opened_at

    @property
    def trying(self) -> bool:
        """Whether a trial runs, so that more will be known when it has ended."""
        return not self._settled.is_set()

    async def trial_over(self) -> None:
        """Wait until no trial runs."""
        await self._settled.wait()

    @property
    def retry_after(self) -> float:
        """Seconds until a call would be let through as a trial; 0 unless open."""
        return max(0.0, self._until - self._clock()) if self.state == STATE_OPEN else 0.0

    def check(self) -> None:
        """Raise BreakerOpen when a call would not be let through now. Changes nothing but the count."""
        wait = self.retry_after
        if wait > 0:
            self._refuse(wait)
        if self.trying:
            self._refuse(TRIAL_PAUSE)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Let one call through and judge its ending: `with breaker.guard(): await call()`. Raises BreakerOpen.

        Cancellation and `CutShort` say nothing about the target: a trial that ends so leaves the next caller to try.
        """
        self.check()
        trial = self._begin()
        epoch = self._circuit.state
        try:
            yield
        except CutShort:
            raise
        except Exception as error:
            self._ended(epoch, error)
            raise
        else:
            self._ended(epoch, None)
        finally:
            if trial:
                self._settled.set()

    def force_open(self, seconds: float | None = None) -> None:
        """Open it now, whatever happened; a trial follows after that time (without it the open time).

        Forcing an open one moves the end of its pause, which is neither another opening nor told to anybody.
        """
        before = self.state
        self._circuit.open()
        self._pause = self._open_for
        self._until = self._clock() + (self._open_for if seconds is None else seconds)
        if before != STATE_OPEN:
            self.openings += 1
            self._tell(before, STATE_OPEN)

    def stats(self) -> dict[str, Any]:
        """What operators and metrics want to know; all counts are since the start."""
        opened = self.opened_at
        return {
            "state": self.state,
            "failures_in_a_row": self.failures_in_a_row,
            "opened_at": None if opened is None else opened.isoformat(timespec="milliseconds"),
            "retry_after": round(self.retry_after, 3),
            "calls": self.calls,
            "failed": self.failed,
            "refused": self.refused,
            "openings": self.openings,
        }

    def _refuse(self, wait: float) -> NoReturn:
        self.refused += 1
        raise BreakerOpen(f"{self.name} is not called at the moment: it failed too often.", retry_after=wait)

    def _begin(self) -> bool:
        """Count the call; True when it is the trial."""
        self.calls += 1
        if self.state == STATE_CLOSED:
            return False
        if self.state == STATE_OPEN:
            self._circuit.half_open()
            self._moved(STATE_OPEN)
        self._settled.clear()
        return True

    def _ended(self, epoch: _State, error: Exception | None) -> None:
        failed = error is not None and self._is_failure(error)
        self.failed += failed
        if self._circuit.state is not epoch:
            return  # a call from before the last change: its result is old news
        before = self.state
        if error is not None and failed:
            with contextlib.suppress(type(error)):  # pybreaker raises it again; so does `guard`
                self._circuit.call(_raise, error)
        else:
            self._circuit.call(_nothing)
        if self.state != before:
            self._moved(before)

    def _moved(self, before: str) -> None:
        state = self.state
        if state == STATE_OPEN:
            grown = min(self._pause * self._growth, max(self._longest, self._open_for))
            self._pause = grown if before == STATE_HALF_OPEN else self._open_for
            self._until = self._clock() + self._pause
            self.openings += 1
        self._tell(before, state)

    def _tell(self, before: str, state: str) -> None:
        extra = {"action": ACTIONS[state], "target": self.name, "retry_after": self.retry_after}
        log.log(
            logging.WARNING if state == STATE_OPEN else logging.INFO, "%s: breaker %s", self.name, state, extra=extra
        )
        for listener in self._on_change:
            try:
                listener(self.name, before, state)
            except Exception:  # a listener must not change the outcome of the call that it hears of
                log.exception("%s: listener failed", self.name, extra={"action": "breaker_listener_failed"})


def states(breakers: Iterable[Breaker]) -> dict[str, dict[str, Any]]:
    """The statistics of breakers by target, for `$SRV.STATS`."""
    return {breaker.name: breaker.stats() for breaker in breakers}


def _raise(error: Exception) -> NoReturn:
    raise error


def _nothing() -> None:
    return None
