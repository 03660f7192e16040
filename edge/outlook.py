"""What this edge knows of how long new tasks wait: it asks the tasks node every second.

No news for ten seconds means that nobody is refused here: the node decides then, and it has a bound of its own.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from adapters.nats.bus import Bus
from contracts import tasks
from contracts.errors import ServiceError
from contracts.tasks import PLANS, GetLoad, Load
from contracts.wire import Context

EVERY = 1.0
ANSWER = 0.5
"""Seconds that the node has to answer."""
NEWS = 10.0
"""Seconds after which what it said is not believed any more."""
LAST_PLAN = PLANS[-1].name

log = logging.getLogger(__name__)


class Outlook:
    """The last news, and what was let in since: what is not counted by the node yet waits all the same."""

    def __init__(self, bus: Bus, *, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._every = every
        self._clock = clock
        self._load: Load | None = None
        self._heard_at = float("-inf")
        self._let_in: Counter[str] = Counter()
        self._let_in_before: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Ask for the length of the block."""
        asking = asyncio.create_task(self._ask(), name="ask for the load")
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def hear(self, load: Load) -> None:
        """News. The node looked up to a second ago, so that what was let in just before may be missing from it."""
        self._load, self._heard_at = load, self._clock()
        self._let_in_before, self._let_in = self._let_in, Counter()

    def wait(self, tier: str) -> float | None:
        """Seconds that a new task of that plan would wait; None when that is not known."""
        load = self._load
        if load is None or self._clock() - self._heard_at > NEWS:
            return None
        plan = _plan(load, tier)
        uncounted = self._let_in[plan] + self._let_in_before[plan]
        return load.seconds.get(plan, 0.0) + uncounted * _each(load, plan)

    def let_in(self, tier: str) -> None:
        """One more of that plan was let in."""
        if self._load is not None:
            self._let_in[_plan(self._load, tier)] += 1

    def turned_away(self, tier: str) -> None:
        """One that was let in did not become a task after all, and so keeps nobody else waiting."""
        if self._load is not None:
            plan = _plan(self._load, tier)
            counted = self._let_in if self._let_in[plan] else self._let_in_before
            counted[plan] = max(0, counted[plan] - 1)

    async def _ask(self) -> None:
        heard = True
        while True:
            try:
                self.hear(await self._bus.request(tasks.LOAD, GetLoad(), Context.new(timeout=ANSWER)))
                heard = True
            except ServiceError as error:
                if heard:
                    log.warning("how busy it is, is not known: %s", error.code, extra={"action": "load_unknown"})
                heard = False
            await asyncio.sleep(self._every)


def _plan(load: Load, tier: str) -> str:
    return tier if tier in load.seconds else LAST_PLAN


def _each(load: Load, plan: str) -> float:
    """Seconds by which one more task of the plan lengthens the wait; nothing while none waits at all."""
    if load.waiting.get(plan, 0):
        return load.seconds[plan] / load.waiting[plan]
    return 60 / load.per_minute if load.per_minute > 0 else 0.0
