"""Knows how busy the tasks node is, and refuses what would wait too long: the bound behind the edge's own refusals.

A chore looks once a second; between two looks the tasks that come here are added, so that a burst is seen while it
comes. Other instances' are seen at the next look. The pace is shared by all instances and outlives them (`Paces`).
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from adapters.nats.census import Gauge
from contracts import tasks
from contracts.errors import Overloaded, RateLimited, Unavailable
from contracts.wire import Context
from nodes.tasks import load
from nodes.tasks.load import Look
from nodes.tasks.state import TaskState
from nodes.tasks.store import TaskStore, Unfinished

MAX_WAIT = 600.0
"""Seconds that a new task may have to wait, as the edge refuses it."""
HARD = 2.0
"""This node refuses at so many times the edge's limit: what passed the edge a moment ago should not fail here."""
NEWS = timedelta(seconds=10)
"""A look that is older says nothing: then everything is taken."""
UNFINISHED: Mapping[str, int] = {"free": 20, "pro": 500, "pro_plus": 1000}
"""Tasks that one user may have that have not ended, by plan; those for a later time count, too."""
LONGEST_SPAN = 5.0
"""Seconds between two looks beyond which nobody knows whether tasks waited all the time."""

WAITING = "Tasks that have not begun, by plan; without those for a later time"
WAIT = "Estimated seconds until a new task begins, by plan"
PACE = "Tasks that began per minute lately while some waited"


class Reckoner:
    """Estimates waits and holds the bounds. `max_wait` in seconds."""

    def __init__(self, store: TaskStore, *, max_wait: float, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._paces = store.paces
        self._max_wait = max_wait
        self._clock = clock
        self._looked_at: datetime | None = None
        self._was_busy = False
        self._waiting: Counter[str] = Counter()
        self._counted: set[uuid.UUID] = set()
        self._unfinished: Counter[uuid.UUID] = Counter()
        self._rate = load.pace(())
        self._coming: Mapping[str, float] = {}
        self._begun = 0
        self._new: list[Unfinished] = []
        """Let in here since the last look began."""

    async def reckon(self) -> None:
        """Look at what waits, and how fast it went since the last look. Raises Unavailable; then the old holds on."""
        begun, came = self._taken()
        found = await self._store.unfinished()
        at = self._clock()
        self._count_anew(found, at)
        busy = self._waiting.total() > 0
        span = LONGEST_SPAN if self._looked_at is None else (at - self._looked_at).total_seconds()
        if self._was_busy and busy and 0 < span < LONGEST_SPAN:
            await self._paces.add(at, Look(span=span, begun=begun, came=dict(came)))
        looks = await self._paces.last(at, load.REMEMBERED) if busy else ()
        if looks:
            self._rate, self._coming = load.pace(looks), load.inflow(looks[: load.RECENT])
        self._was_busy, self._looked_at = busy, at

    def begun(self) -> None:
        """A task has begun here."""
        self._begun += 1

    def admit(self, task: TaskState) -> None:
        """Return when there is room for a new task, which counts from now on; one that is known already always has.

        Raises RateLimited when its user has too many already, Overloaded when it would wait far too long. One for a
        later time is let in however long the queue is now. What is not stored after all counts for two looks.
        """
        if task.task_id in self._counted:
            return
        new = _seen(task)
        most = UNFINISHED[load.plan_of(new.tier)]
        if self._unfinished[new.user_id] >= most:
            detail = f"You have {most} unfinished tasks, as many as your plan allows. Wait for some, or cancel some."
            raise RateLimited(detail, retry_after=max(1.0, 1 / self._rate))
        if task.start_at is None and self._knows():
            seconds = load.wait(load.plan_of(new.tier), self._waiting, self._coming, self._rate)
            if seconds > HARD * self._max_wait:
                raise Overloaded.waiting(seconds, self._max_wait)
        self._new.append(new)
        self._count(new, self._clock())

    async def load(self, message: tasks.GetLoad, context: Context) -> tasks.Load:
        """What was reckoned last. Raises Unavailable when that is too long ago."""
        if self._looked_at is None or not self._knows():
            raise Unavailable("Nobody has looked for a while.", retry_after=1)
        return tasks.Load(
            waiting={plan: self._waiting[plan] for plan in load.WEIGHTS},
            seconds=self._seconds(),
            per_minute=round(self._rate * 60, 3),
            at=self._looked_at,
        )

    def gauges(self) -> Iterator[Gauge]:
        """The same for operators; nothing when it is too old to be true."""
        if not self._knows():
            return
        yield Gauge(name="tasks_per_minute", value=self._rate * 60, about=PACE)
        for plan, seconds in self._seconds().items():
            labels = {"plan": plan}
            yield Gauge(name="tasks_waiting", value=self._waiting[plan], about=WAITING, labels=labels)
            yield Gauge(name="tasks_wait_seconds", value=seconds, about=WAIT, labels=labels)

    def _seconds(self) -> dict[str, float]:
        found = load.waits(self._waiting, self._coming, self._rate)
        return {plan: round(seconds, 3) for plan, seconds in found.items()}

    def _knows(self) -> bool:
        return self._looked_at is not None and self._clock() - self._looked_at < NEWS

    def _count(self, task: Unfinished, at: datetime) -> None:
        self._counted.add(task.task_id)
        self._unfinished[task.user_id] += 1
        self._waiting[load.plan_of(task.tier)] += task.waits(at)

    def _count_anew(self, found: Sequence[Unfinished], at: datetime) -> None:
        """Forget all counts; then count what was found and what was let in while we looked."""
        self._counted, self._unfinished, self._waiting = set(), Counter(), Counter()
        for task in found:
            self._count(task, at)
        for task in self._new:
            if task.task_id not in self._counted:
                self._count(task, at)

    def _taken(self) -> tuple[int, Counter[str]]:
        """What has begun and what was let in since the last look; counting begins anew."""
        begun, came = self._begun, Counter(load.plan_of(task.tier) for task in self._new if task.ready_at is None)
        self._begun, self._new = 0, []
        return begun, came


def _seen(task: TaskState) -> Unfinished:
    """A new task, as the store will show it."""
    tier = task.headers.get("tier", "")
    return Unfinished(task_id=task.task_id, user_id=task.user_id, tier=tier, queued=True, ready_at=task.start_at)
