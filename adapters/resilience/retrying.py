"""Trying again, on backoff: after 1, 2 and 4 s, only what another try may cure, and only as far as a budget goes.

Traps of backoff 2.2 that this module keeps to itself: `max_tries` counts calls, not retries; the default jitter makes
of 1 s anything between 0 and 1 s; an object with an async `__call__` is taken for a function and not retried; its
logger writes the text of errors.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import backoff

from adapters.resilience.verdicts import NotTried, Verdict, is_unavailable
from contracts.errors import ServiceError
from contracts.wire import Context

log = logging.getLogger(__name__)

T = TypeVar("T")
WAITS = (1.0, 2.0, 4.0)
"""Seconds before the second, third and fourth call."""
SLICES = 10


class Budget:
    """How much load retries may add: of the calls offered in the last `window` seconds at most `share` more.

    `spare` retries per window are free, so that a target that is seldom called is retried at all. A retry is taken from
    the calls of the window it falls in, so in all there are never more than `share` of the calls offered (or `spare`).
    """

    def __init__(
        self, *, share: float = 0.1, window: float = 10.0, spare: int = 3, clock: Callable[[], float] = time.monotonic
    ):
        self._share = share
        self._slice = window / SLICES
        self._spare = spare
        self._clock = clock
        self._slices: deque[list[int]] = deque()
        """Number of the slice, calls offered, retries taken; the oldest first."""

    def offer(self) -> None:
        """Count a call that is made for the first time."""
        self._now()[1] += 1

    def take(self) -> bool:
        """Take one retry, if there is one."""
        now = self._now()
        offered, retried = (sum(each[index] for each in self._slices) for index in (1, 2))
        if retried + 1 > max(self._share * offered, self._spare):
            return False
        now[2] += 1
        return True

    def _now(self) -> list[int]:
        number = int(self._clock() / self._slice)
        while self._slices and self._slices[0][0] <= number - SLICES:
            self._slices.popleft()
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0, 0])
        return self._slices[-1]


class Retry:
    """How calls are tried again; made once per target, since preparing backoff takes longer than using it.

    Up to `spread` of a wait is added at random (0.1 for many clients of one target). An error that asks for a longer
    pause by `retry_after` gets it, unless that is more than the longest wait. Not tried again: what `retried` says no
    to, what never reached the target (NotTried), what would begin after the context's deadline, what `budget` forbids.
    """

    def __init__(
        self,
        *,
        waits: tuple[float, ...] = WAITS,
        spread: float = 0.0,
        retried: Verdict = is_unavailable,
        budget: Budget | None = None,
    ):
        self.waits = waits
        self.retried = retried
        self.budget = budget
        self._attempt = backoff.on_exception(
            _pauses,
            _Failed,
            max_tries=len(waits) + 1,
            jitter=lambda wait: wait * (1 + random.uniform(0, spread)),  # noqa: S311 -- load spreading, not a secret
            giveup=_gives_up,
            on_backoff=_tell,
            logger=None,
        )(_attempt)

    async def run(self, call: Callable[[], Awaitable[T]], context: Context | None = None) -> T:
        """What `call` returns, which must be idempotent. Raises its last error unchanged."""
        if self.budget is not None:
            self.budget.offer()
        try:
            result: T = await self._attempt(_Series(self, call, context))
        except _Failed as failed:
            error = failed.error
        else:
            return result
        try:
            raise error  # not inside the `except` above: it keeps the cause and context that it had
        finally:
            del error


async def retry(
    call: Callable[[], Awaitable[T]],
    *,
    waits: tuple[float, ...] = WAITS,
    spread: float = 0.0,
    retried: Verdict = is_unavailable,
    budget: Budget | None = None,
    context: Context | None = None,
) -> T:
    """The same for a single call: `Retry(...).run(call, context)`."""
    return await Retry(waits=waits, spread=spread, retried=retried, budget=budget).run(call, context)


@dataclass(slots=True)
class _Series:
    """The calls of one `run`."""

    policy: Retry
    call: Callable[[], Awaitable[Any]]
    context: Context | None
    made: int = 0


class _Failed(Exception):
    """Carries an error through backoff together with the series that it belongs to."""

    def __init__(self, series: _Series, error: Exception):
        super().__init__()
        self.series = series
        self.error = error

    @property
    def pause(self) -> float:
        """Seconds until the next call."""
        asked = self.error.retry_after if isinstance(self.error, ServiceError) else None
        return max(self.series.policy.waits[self.series.made - 1], asked or 0.0)

    def is_in_time(self) -> bool:
        """Would somebody still wait for the next call?"""
        remaining = None if self.series.context is None else self.series.context.remaining()
        return remaining is None or self.pause < remaining


async def _attempt(series: _Series) -> Any:
    series.made += 1
    try:
        return await series.call()
    except Exception as error:
        raise _Failed(series, error) from error


def _gives_up(failed: Any) -> bool:
    """Whether a `_Failed` was the last. The budget is asked last: only a retry that will be made is taken from it."""
    policy, error = failed.series.policy, failed.error
    if isinstance(error, NotTried) or not policy.retried(error) or failed.series.made > len(policy.waits):
        return True
    if failed.pause > max(policy.waits) or not failed.is_in_time():
        return True
    return policy.budget is not None and not policy.budget.take()


def _pauses() -> Generator[float, Any, None]:
    """For backoff, which sends each error in and takes a wait out."""
    failed = yield 0.0
    while True:
        failed = yield failed.pause


def _tell(details: Any) -> None:
    error = type(details["exception"].error).__name__
    extra = {"action": "retry", "tries": details["tries"], "wait": round(details["wait"], 3)}
    log.info("trying again after %s", error, extra=extra)
