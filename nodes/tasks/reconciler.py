"""Mends what crashes and lost messages left: steps that do not report, messages that vanished, turns nobody gave.

The databases are the truth. A task waits for a step's report; as long as the step's message, or the report, is in
JetStream somebody will come to it. If neither is there, the message is gone and is sent again.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from contracts.errors import ServiceError
from contracts.tasks import REPORT
from nodes.tasks import model
from nodes.tasks.changes import Transition
from nodes.tasks.queues import Queues
from nodes.tasks.store import Stored, TaskStore
from nodes.tasks.turns import Turns

log = logging.getLogger(__name__)

SILENCE = timedelta(seconds=10)
"""Without any change for this long, a task's message is looked for."""
TURN_GRACE = timedelta(seconds=1)
WHO = "reconciler"


class Reconciler:
    """Chores of the tasks node; any number of instances may run them. Raise Unavailable to be tried again."""

    def __init__(self, store: TaskStore, turns: Turns, queues: Queues, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._turns = turns
        self._queues = queues
        self._clock = clock

    async def resend(self) -> None:
        """Steps whose time is over are sent again, or waited for while they are in a queue; late tasks are given up."""
        due = await self._store.due(self._clock())
        gone = await self._gone(due)
        await self._each(due, lambda task: model.resend(task, self._clock(), gone=task.task_id in gone))

    async def compare(self) -> None:
        """Steps whose message is not in JetStream any more (a stream was lost or cut short) are sent again."""
        silent = await self._store.silent(self._clock() - SILENCE)
        gone = await self._gone(silent)
        if gone:
            log.warning("%d tasks had lost their message", len(gone), extra={"action": "messages_lost"})
            lost = [stored for stored in silent if stored.task.task_id in gone]
            await self._each(lost, lambda task: model.send_again(task, self._clock()))

    async def give_turns(self) -> None:
        """Tasks that a crash forgot when it was their turn, or whose schedule was lost."""
        for user_id in await self._store.users_held(self._clock() - TURN_GRACE):
            await self._turns.next(user_id)

    async def _each(self, seen: Iterable[Stored], change: Transition) -> None:
        """Change each that has not changed meanwhile; one task's trouble does not hold up the others."""
        trouble: ServiceError | None = None
        for stored in seen:
            try:
                await self._turns.change(stored.task.task_id, _unless_moved(stored.task.rev, change), WHO)
            except ServiceError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    async def _gone(self, seen: Sequence[Stored]) -> frozenset[uuid.UUID]:
        """Those whose awaited message is neither in a queue nor still to be sent, and answered by no report there."""
        awaited = [(stored, message) for stored in seen if (message := model.awaited(stored.task)) is not None]
        if not awaited:
            return frozenset()
        subjects = {REPORT.subject, *(message.subject for _, message in awaited)}
        present = {subject: await self._queues.ids(subject) for subject in sorted(subjects)}
        reports = present[REPORT.subject]
        reported = None if reports is None else frozenset(_step(message_id) for message_id in reports)
        return frozenset(
            stored.task.task_id
            for stored, message in awaited
            if message.message_id not in stored.waiting
            and _absent(present[message.subject], message.message_id)
            and _absent(reported, _step(message.message_id))
        )


def _unless_moved(rev: int, change: Transition) -> Transition:
    return lambda task: change(task) if task.rev == rev else None


def _absent(present: frozenset[str] | None, name: str) -> bool:
    return present is not None and name not in present


def _step(message_id: str) -> str:
    """Task and step, with which the ids of jobs and of reports begin."""
    return ":".join(message_id.split(":", 2)[:2])
