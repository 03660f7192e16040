"""One guarded call object per external target: retry, then breaker, bulkhead and time limit around each call.

The order, from outside: retry > bulkhead > breaker > time limit > call. The breaker is asked twice: before the queue,
so that an open one answers at once though slots are taken, and after it, so that who waited while it opened does not
call. The bulkhead is outside the breaker because our own crowd is no failure of the target.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from adapters.resilience.breaker import Breaker, OnChange
from adapters.resilience.bulkhead import Bulkhead
from adapters.resilience.limits import deadline, within
from adapters.resilience.retrying import WAITS, Budget, Retry
from adapters.resilience.verdicts import Verdict, is_outage, is_unavailable
from contracts.wire import Context

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked of one target; seconds, unless said otherwise."""

    name: str
    timeout: float
    """For each call; the caller's deadline may be nearer."""
    waits: tuple[float, ...] = WAITS
    """Before each further call. Empty for the handler of a job: the queue tries that again, and one layer is enough."""
    spread: float = 0.1
    """Share of a wait that is added at random at most."""
    retry_share: float = 0.1
    """Load that retries may add, as a share of the calls offered."""
    retry_window: float = 10.0
    retry_spare: int = 3
    """Retries per window that are free."""
    failures: int = 5
    """In a row, until the breaker opens."""
    open_for: float = 30.0
    growth: float = 2.0
    longest: float = 300.0
    concurrency: int | None = None
    """Calls at a time; None: any number."""
    waiting: int = 0
    """Calls that may wait for one of those places."""
    patience: float | None = None
    """How long each of them waits; None: as long as a call may take."""


class Guarded:
    """Calls one target. `is_failure` judges for the breaker, `retried` which errors are worth another try."""

    def __init__(
        self,
        target: Target,
        *,
        is_failure: Verdict = is_outage,
        retried: Verdict = is_unavailable,
        on_change: tuple[OnChange, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.target = target
        self.breaker = Breaker(
            target.name,
            failures=target.failures,
            open_for=target.open_for,
            growth=target.growth,
            longest=target.longest,
            is_failure=is_failure,
            on_change=on_change,
            clock=clock,
        )
        budget = Budget(share=target.retry_share, window=target.retry_window, spare=target.retry_spare, clock=clock)
        self._retry = Retry(waits=target.waits, spread=target.spread, retried=retried, budget=budget)
        self._bulkhead = None if target.concurrency is None else Bulkhead(target.concurrency, target.waiting)

    async def call(self, function: Callable[[], Awaitable[T]], context: Context | None = None) -> T:
        """What `function` returns. It may be called several times: idempotent, or a target without `waits`.

        Raises its last error unchanged, BreakerOpen, BulkheadFull or DeadlineExceeded (all of them Unavailable).
        """
        return await self._retry.run(lambda: self._once(function, context), context)

    async def _once(self, function: Callable[[], Awaitable[T]], context: Context | None) -> T:
        self.breaker.check()
        async with self._slot(context):
            deadline(context, self.target.timeout)  # time spent in the queue is no failure of the target
            with self.breaker.guard():
                async with within(context, self.target.timeout):
                    return await function()

    def _slot(self, context: Context | None) -> contextlib.AbstractAsyncContextManager[None]:
        if self._bulkhead is None:
            return contextlib.nullcontext()
        patience = self.target.timeout if self.target.patience is None else self.target.patience
        return self._bulkhead.slot(deadline(context, patience))
