"""The tasks node: runs sagas. Handlers answer and decide which transition applies; the rules are in `model.py`.

`changes.py` is the one way by which a task changes, `turns.py` lets a user's tasks set out a few at a time, and
`reconciler.py` mends what crashes left.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from adapters.mongo import Database, now
from adapters.mongo_outbox import Outbox
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from contracts import auth, tasks
from contracts.auth import AccountDeleted
from contracts.errors import FieldError, Invalid, KeyReused, NotFound, Overloaded, RateLimited, Unauthenticated
from contracts.paging import cut, moment_of
from contracts.wire import Context, DeadLetter
from nodes.bindings import Binding, Chore, dead_letters, listen, serve, work
from nodes.departed import gone
from nodes.tasks import model, notices
from nodes.tasks.changes import Changes
from nodes.tasks.operations import Operations
from nodes.tasks.queues import Queues
from nodes.tasks.reckoner import MAX_WAIT, Reckoner
from nodes.tasks.reconciler import Reconciler
from nodes.tasks.sagas import CURRENT
from nodes.tasks.state import Change, TaskState
from nodes.tasks.store import Stored, TaskStore
from nodes.tasks.turns import Turns

log = logging.getLogger(__name__)

CONTEXT_HEADERS = ("request-id", "user-id", "tier", "roles", "traceparent", "tracestate", "region")


class Stuck(msgspec.Struct, frozen=True):
    """What every message of a saga has, whatever its type."""

    task_id: uuid.UUID
    step: tasks.Step


class Tasks:
    """The service. Any number of instances may run; `rev` in the store decides between them."""

    name = "tasks"

    def __init__(
        self,
        store: TaskStore,
        outbox: Outbox,
        queues: Queues,
        *,
        operations: Operations | None = None,
        max_wait: float = MAX_WAIT,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`max_wait`: seconds; far beyond that no task is taken."""
        self._store = store
        self._reckoner = Reckoner(store, max_wait=max_wait, clock=clock)
        self._clock = clock
        self._changes = Changes(store, outbox)
        self._turns = Turns(store, self._changes, queues, clock)
        self._reconciler = Reconciler(store, self._turns, queues, clock)
        self._operations = operations
        self.bindings: tuple[Binding, ...] = (
            serve(tasks.CREATE, self.create),
            serve(tasks.GET, self.get),
            serve(tasks.LIST, self.list),
            serve(tasks.CANCEL, self.cancel),
            serve(tasks.HISTORY, self.history),
            serve(tasks.FIND_UNKNOWN, self.find_unknown),
            serve(tasks.LOAD, self._reckoner.load),
            work(tasks.REPORT, self.report),
            work(tasks.START, self.start),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
            dead_letters(self.dead),
            *(operations.bindings if operations else ()),
        )
        self.chores: tuple[Chore, ...] = (
            Chore("sweep", 0.5, self._changes.sweep),
            Chore("resend", 2.0, self._reconciler.resend),
            Chore("give turns", 2.0, self._reconciler.give_turns),
            Chore("compare", 10.0, self._reconciler.compare),
            Chore("reckon", 1.0, self._reckoner.reckon),
            *(operations.chores if operations else ()),
        )

    def gauges(self) -> Sequence[Gauge]:
        """What it measures for operators."""
        return (*(self._operations.gauges() if self._operations else ()), *self._reckoner.gauges())

    async def create(self, message: tasks.CreateTask, context: Context) -> tasks.Task:
        """Begin a saga. Idempotent by `task_id`; raises KeyReused for another input, or another user's task.

        Raises Invalid for a start too far away, RateLimited and Overloaded as the reckoner does, Unauthenticated for a
        deleted user, of whom nothing stays.
        """
        at = self._clock()
        task = _opened(message, context, at)
        await self._admit(task)
        async with self._turns.queued(task.user_id):
            turn = await self._turns.free(task.user_id, context.tier) > 0
            stored = await self._changes.insert(model.begin(task, at, turn=turn), "user")
        if stored is None:
            stored = await self._store.find(message.task_id)
            if stored is None or not _same_request(stored.task, task):
                raise KeyReused("This task id is taken by another request.")
        if await self._store.departed.has(task.user_id):
            await self._store.clear(task.user_id)
            raise gone()
        await self._changes.relay(stored)
        return notices.view(stored.task)

    async def _admit(self, task: TaskState) -> None:
        """Raise RateLimited or Overloaded, but not on a task that was let in before."""
        try:
            self._reckoner.admit(task)
        except (RateLimited, Overloaded):
            if await self._store.find(task.task_id) is None:
                raise

    async def get(self, message: tasks.GetTask, context: Context) -> tasks.Task:
        """The caller's task. Raises NotFound."""
        return notices.view(_own(await self._store.find(message.task_id), context))

    async def list(self, message: tasks.ListTasks, context: Context) -> tasks.TaskPage:
        """The caller's tasks, newest first."""
        after = moment_of(message.cursor)
        found = await self._store.page(_caller(context), message.limit + 1, after, message.status)
        page, following = cut(found, message.limit, lambda task: (task.created_at, task.task_id))
        return tasks.TaskPage(items=tuple(notices.view(task) for task in page), next_cursor=following)

    async def cancel(self, message: tasks.CancelTask, context: Context) -> tasks.Task:
        """Stop the caller's task; again changes nothing. Raises NotFound, Conflict."""

        def transition(task: TaskState) -> Change | None:
            if task.user_id != _caller(context):
                raise NotFound("There is no such task.")
            return model.cancel(task, self._clock())

        return notices.view(_own(await self._turns.change(message.task_id, transition, "user"), context))

    async def history(self, message: tasks.GetHistory, context: Context) -> tasks.History:
        """The progress of the caller's task so far, after an entry. Raises NotFound."""
        stored = await self._store.find(message.task_id, with_log=True)
        task = _own(stored, context)
        entries = stored.log if stored else ()
        return tasks.History(
            entries=tuple(notices.progress(task, entry) for entry in entries if entry.seq > message.after),
            ended=task.ended,
        )

    async def find_unknown(self, message: tasks.FindUnknown, context: Context) -> tasks.Unknown:
        """Which ids are no tasks."""
        known = await self._store.known(message.task_ids)
        return tasks.Unknown(task_ids=tuple(task_id for task_id in message.task_ids if task_id not in known))

    async def report(self, message: tasks.StepReport, context: Context) -> None:
        """A worker tells of its step. Idempotent by `(task_id, step)`."""
        begins = False

        def settle(task: TaskState) -> Change | None:
            nonlocal begins
            change = model.settle(task, message, self._clock())
            begins = change is not None and task.started_at is None and change.task.started_at is not None
            return change

        found = await self._turns.change(message.task_id, settle, context.sender or "a worker")
        if begins:
            self._reckoner.begun()
        if found is None:
            log.warning("report on unknown task %s", message.task_id, extra={"action": "report_unknown"})

    async def start(self, message: tasks.StartTask, context: Context) -> None:
        """The time of a delayed task has come: from now on it takes its turn. Idempotent, as a task sets out once."""
        found = await self._store.find(message.task_id)
        if found is not None and found.task.place == "held":
            await self._turns.next(found.task.user_id)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Delete a user's tasks for good, running ones too; idempotent.

        Running sagas are dropped, not walked back: what their steps hold of the user (covers, reservations) is deleted
        by its owners on the same event, and the reports that still come are on tasks that nobody knows.
        """
        await self._store.departed.mark(event.user_id)
        await self._store.clear(event.user_id)

    async def dead(self, letter: DeadLetter, context: Context) -> None:
        """A job died: its step has failed. A report that died is applied after all; other jobs do not concern us."""
        try:
            if letter.subject == tasks.REPORT.subject:
                await self.report(msgspec.json.decode(letter.payload, type=tasks.StepReport), context)
                return
            stuck = msgspec.json.decode(letter.payload, type=Stuck)
        except msgspec.MsgspecError:
            return
        await self._turns.change(
            stuck.task_id, lambda task: model.bury(task, stuck.step, letter, self._clock()), "dead letters"
        )


async def build(
    database: Database, bus: Bus, *, max_wait: float = MAX_WAIT, clock: Callable[[], datetime] = now
) -> Tasks:
    """The service on its database, with its indexes made."""
    store = TaskStore(database)
    await store.prepare()
    operations = Operations(bus, store.collection)
    outbox = Outbox(store.collection, bus.send, clock=clock)
    return Tasks(store, outbox, Queues(bus), operations=operations, max_wait=max_wait, clock=clock)


def _opened(message: tasks.CreateTask, context: Context, at: datetime) -> TaskState:
    headers = context.headers()
    return TaskState(
        task_id=message.task_id,
        user_id=_caller(context),
        cover_id=message.cover_id,
        work_id=message.work_id,
        type=message.type,
        version=CURRENT[message.type].version,
        start_at=_start(message.start_at, at),
        input_params=message.input_params,
        headers={name: headers[name] for name in CONTEXT_HEADERS if name in headers},
        created_at=at,
        updated_at=at,
    )


def _start(asked: datetime | None, at: datetime) -> datetime | None:
    """The time as it is stored; None when it is past."""
    if asked is None or asked <= at:
        return None
    if asked > at + tasks.LONGEST_DELAY:
        late = FieldError(field="start_at", detail=f"is more than {tasks.LONGEST_DELAY.days} days from now")
        raise Invalid("The task would begin too late.", errors=(late,))
    return asked.replace(microsecond=asked.microsecond // 1000 * 1000)


def _same_request(one: TaskState, other: TaskState) -> bool:
    same = ("user_id", "type", "cover_id", "work_id", "input_params")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def _caller(context: Context) -> uuid.UUID:
    if context.user_id is None:
        raise Unauthenticated("Tasks belong to a user; sign in first.")
    return context.user_id


def _own(stored: Stored | None, context: Context) -> TaskState:
    if stored is None or stored.task.user_id != _caller(context):
        raise NotFound("There is no such task.")
    return stored.task
