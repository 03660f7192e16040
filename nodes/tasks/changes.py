"""The one way by which a task changes: read, apply a pure transition, write what was read if it is still so, send."""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable

import msgspec

from adapters.mongo_outbox import Outbox
from contracts.errors import ServiceError, Unavailable
from nodes.tasks.state import Change, TaskState
from nodes.tasks.store import Stored, TaskStore

log = logging.getLogger(__name__)

CAS_TRIES = 30
RELAY_LIMIT = 2.0
"""Seconds that are spent on sending; the sweep sends the rest."""

Transition = Callable[[TaskState], Change | None]


class Changes:
    """Changes tasks. A change is stored with its messages first and sent then, so that a crash loses nothing."""

    def __init__(self, store: TaskStore, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def insert(self, change: Change, by: str) -> Stored | None:
        """Store a new task; None when its id is taken. Its messages are not sent yet."""
        return await self._store.insert(_signed(change, by))

    async def apply(self, task_id: uuid.UUID, transition: Transition, by: str) -> Stored | None:
        """Change a task, again from its new state when somebody else was faster; `by` says in its log who it was.

        Returns the task as it is then; None for an unknown one. Raises what the transition raises, and Unavailable.
        """
        for attempt in range(CAS_TRIES):
            found = await self._store.find(task_id)
            change = None if found is None else transition(found.task)
            if found is None or change is None:
                return found
            saved = await self._store.save(found, _signed(change, by))
            if saved is not None:
                await self.relay(saved)
                return saved
            await asyncio.sleep(random.uniform(0, 0.002 * (attempt + 1)))  # noqa: S311 -- spreads losers of a race
        raise Unavailable("The task is being changed by others; try again.")

    async def relay(self, stored: Stored) -> None:
        """Send what waits in a task, if that is possible now; otherwise the sweep does."""
        try:
            async with asyncio.timeout(RELAY_LIMIT):
                await self._outbox.relay(stored.document)
        except (ServiceError, TimeoutError):
            log.warning("task %s: sent later", stored.task.task_id, extra={"action": "relay_failed"})

    async def sweep(self) -> None:
        """Send what a crash left unsent, and clear what was sent."""
        count = await self._outbox.sweep()
        if count:
            log.warning("messages of %d tasks had to be swept", count, extra={"action": "swept"})


def _signed(change: Change, by: str) -> Change:
    return Change(change.task, msgspec.structs.replace(change.entry, by=by), change.messages)
