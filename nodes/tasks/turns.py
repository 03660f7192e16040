"""Turns: of each user only a few tasks are in flight at a time, the others are held, some of them for a time to come.

So one user's five hundred tasks stand before another's single one with a handful at most, and what is held can be
cancelled without a trace in any queue. The shares of the plans are data.
"""

import asyncio
import contextlib
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from nodes.tasks import model
from nodes.tasks.changes import Changes, Transition
from nodes.tasks.queues import Queues
from nodes.tasks.store import Stored, TaskStore

SHARES: Mapping[str, int] = {"free": 2, "pro": 4, "pro_plus": 8}
"""Tasks of one user in flight, by plan."""
FEWEST = min(SHARES.values())


class Turns:
    """Lets held tasks set out. Instances that do so at once may exceed a share for a moment; none is sent twice."""

    def __init__(self, store: TaskStore, changes: Changes, queues: Queues, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._changes = changes
        self._queues = queues
        self._clock = clock
        self._locks: weakref.WeakValueDictionary[uuid.UUID, asyncio.Lock] = weakref.WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def queued(self, user_id: uuid.UUID) -> AsyncIterator[None]:
        """One at a time of a user's creations and turns, so that counting and sending are one."""
        lock = self._locks.get(user_id)
        if lock is None:
            lock = self._locks[user_id] = asyncio.Lock()
        async with lock:
            yield

    async def free(self, user_id: uuid.UUID, tier: str) -> int:
        """How many more of the user's tasks may be in flight."""
        share = SHARES.get(tier, FEWEST)
        return share - await self._store.in_flight(user_id, share)

    async def change(self, task_id: uuid.UUID, transition: Transition, by: str) -> Stored | None:
        """`Changes.apply`; when the task ends by it, the user's next one sets out."""
        stored = await self._changes.apply(task_id, transition, by)
        if stored is not None and stored.task.ended:
            if stored.task.start_at is not None and stored.task.started_at is None:
                await self._queues.unschedule(task_id)
            await self.next(stored.task.user_id)
        return stored

    async def next(self, user_id: uuid.UUID) -> None:
        """Let as many of the user's held tasks set out as there is room for, those that wait longest first."""
        async with self.queued(user_id):
            waiting = await self._store.held(user_id, self._clock(), max(SHARES.values()))
            if not waiting:
                return
            room = await self.free(user_id, waiting[0].tier)
            for held in waiting[: max(0, room)]:
                await self._changes.apply(held.task_id, lambda task: model.take_turn(task, self._clock()), "turns")
