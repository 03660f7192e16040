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
from typing import Any, TypeVar

import backoff

from adapters.resilience.verdicts import NotTried, Verdict, any_of
from contracts.errors import ServiceError, Unavailable
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


async def retry(
    call: Callable[[], Awaitable[T]],
    *,
    waits: tuple[float, ...] = WAITS,
    spread: float = 0.0,
    retried: Verdict = any_of(Unavailable),  # noqa: B008 -- a pure function of types, the same for all calls
    budget: Budget | None = None,
    context: Context | None = None,
) -> T:
    """What `call` returns, trying `len(waits)` times more; `call` must be idempotent. Raises its last error unchanged.

    Up to `spread` of a wait is added at random (0.1 for many clients of one target). An error that asks for a longer
    pause by `retry_after` gets it, unless that is more than the longest wait. Not tried again: what `retried` says no
    to, what never reached the target (NotTried), what would begin after the context's deadline, what `budget` forbids.
    """
    attempts = _Attempts(waits, retried, budget, context)
    if budget is not None:
        budget.offer()

    async def attempt() -> T:
        attempts.made += 1
        return await call()

    decorate = backoff.on_exception(
        attempts.pauses,
        Exception,
        max_tries=len(waits) + 1,
        jitter=lambda wait: wait * (1 + random.uniform(0, spread)),  # noqa: S311 -- load spreading, not a secret
        giveup=attempts.give_up,
        on_backoff=_tell,
        logger=None,
    )
    return await decorate(attempt)()


class _Attempts:
    """The calls of one `retry`: whether there is another, and after which pause."""

    def __init__(self, waits: tuple[float, ...], retried: Verdict, budget: Budget | None, context: Context | None):
        self._waits = waits
        self._retried = retried
        self._budget = budget
        self._context = context
        self.made = 0

    def give_up(self, error: Exception) -> bool:
        """The budget is asked last: only a retry that will be made is taken from it."""
        if isinstance(error, NotTried) or not self._retried(error) or self.made > len(self._waits):
            return True
        pause = self._pause(error)
        if pause > max(self._waits) or not self._in_time(pause):
            return True
        return self._budget is not None and not self._budget.take()

    def pauses(self) -> Generator[float, Any, None]:
        """For backoff, which sends each error in and takes a wait out."""
        error = yield 0.0
        while True:
            error = yield self._pause(error)

    def _pause(self, error: Exception) -> float:
        asked = error.retry_after if isinstance(error, ServiceError) else None
        return max(self._waits[self.made - 1], asked or 0.0)

    def _in_time(self, pause: float) -> bool:
        remaining = None if self._context is None else self._context.remaining()
        return remaining is None or pause < remaining


def _tell(details: Any) -> None:
    error = type(details["exception"]).__name__
    extra = {"action": "retry", "tries": details["tries"], "wait": round(details["wait"], 3)}
    log.info("trying again after %s", error, extra=extra)
