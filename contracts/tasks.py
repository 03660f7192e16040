"""The tasks node: everything that takes longer than a request runs here as a saga.

A saga is a row of steps; each step is one message on the work queue of the node that does it, and each worker reports
on `REPORT`. The state and log of every task are in the tasks node's own database; progress goes out as events.
"""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from contracts.errors import Problem
from contracts.paging import Cursor, Limit
from contracts.text import STEP
from contracts.wire import DELAYED, Context, Endpoint, Event, Lane, ObjectRef, WorkQueue

PLANS = (Lane("pro_plus", 6), Lane("pro", 3), Lane("free", 1))
"""The lanes of queues whose work takes long: of ten free slots that everybody waits for, free work gets one."""
LONGEST_DELAY = timedelta(days=30)
TaskType = Literal["generate", "edit", "export", "retype", "remake", "vary"]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Step = Annotated[str, msgspec.Meta(max_length=40, pattern=STEP)]
"""A step of a saga, or its compensation with `/undo` behind."""


class CreateTask(msgspec.Struct, frozen=True, kw_only=True):
    """Begin a saga; idempotent by `task_id`: the same input gives the task that exists, another raises KeyReused."""

    task_id: uuid.UUID
    type: TaskType
    cover_id: uuid.UUID | None = None
    """None where it is for no cover: an edit of an upload."""
    work_id: uuid.UUID | None = None
    """The edit or export that the task is for."""
    input_params: dict[str, Any]
    """What was asked for, as the user sent it; kept for the record and compared when the same id comes again."""
    start_at: datetime | None = None
    """Not before this time, at most `LONGEST_DELAY` from now; None: as soon as it is its turn."""


class GetTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the caller."""

    task_id: uuid.UUID


class ListTasks(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's tasks, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    status: Status | None = None


class CancelTask(msgspec.Struct, frozen=True, kw_only=True):
    """Stop a task: queued at once, running at the next safe point; Conflict once it is committed or ended."""

    task_id: uuid.UUID


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its owner sees it."""

    task_id: uuid.UUID
    type: TaskType
    status: Status
    step: str | None
    progress: float
    """0 to 1."""
    cover_id: uuid.UUID | None = None
    result_urls: tuple[str, ...] = ()
    error_message: str | None = None
    error_code: str | None = None
    retry_count: int = 0
    cancel_requested: bool = False
    created_at: datetime
    start_at: datetime | None = None
    """When a delayed task is to begin."""
    started_at: datetime | None = None
    completed_at: datetime | None = None


class TaskPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of tasks."""

    items: tuple[Task, ...]
    next_cursor: str | None = None


class GetHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a task after the entry `after` (0: from the beginning)."""

    task_id: uuid.UUID
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a task. `seq` counts up from 1 within a task and is the id of the server-sent event."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    seq: int
    status: Status
    step: str | None
    progress: float
    detail: str = ""
    """A short sentence for people."""
    cover_id: uuid.UUID | None = None
    at: datetime


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Progress entries in order, and whether more may come."""

    entries: tuple[Progress, ...]
    ended: bool


class FindUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """Which of these task ids does nobody know? For nodes that hold something for a task that was never created."""

    task_ids: Annotated[tuple[uuid.UUID, ...], msgspec.Meta(max_length=500)]


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """The ids that no task has."""

    task_ids: tuple[uuid.UUID, ...]


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step. Idempotent by `(task_id, step)`: a report on a step that is past is ignored."""

    task_id: uuid.UUID
    step: Step
    images: tuple[ObjectRef, ...] = ()
    """What the step made, for the steps that follow."""
    problem: Problem | None = None
    """Why the step failed for good; None when it is done."""
    begun: bool = False
    """Only says that a worker took the step up, so that a queued task is shown as running. Workers may leave it out."""
    deliveries: int = 1


ENDINGS = ("done", "failed")


def report_id(report: StepReport, job: Context) -> str:
    """The message id of a worker's last word on a job: one per job, so that a step that is sent again is heard again.

    `job`: the context in which the work came; its message id begins with the task and the step.
    """
    return f"{job.message_id or f'{report.task_id}:{report.step}'}:{ENDINGS[report.problem is not None]}"


class StartTask(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a delayed task has come. Idempotent by `task_id`."""

    task_id: uuid.UUID


class GetLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How busy are we?"""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How long a task of each plan would wait now, as the tasks node reckons it every second."""

    waiting: dict[str, int]
    """Tasks that have not begun, by plan."""
    seconds: dict[str, float]
    """Estimated wait of a new task until it begins, by plan; from what was begun in the last minutes."""
    per_minute: float
    """Tasks that began per minute lately."""
    at: datetime


class TaskFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A task ended, however it ended."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    type: TaskType
    status: Status
    cover_id: uuid.UUID | None
    error_code: str | None = None
    retry_count: int = 0
    created_at: datetime
    completed_at: datetime


EDGE = frozenset({"edge"})

CREATE = Endpoint("svc.tasks.create", CreateTask, Task, frozenset({"covers", "edits", "exports"}), "Begin a saga")
GET = Endpoint("svc.tasks.get", GetTask, Task, EDGE, "Read a task")
LIST = Endpoint("svc.tasks.list", ListTasks, TaskPage, EDGE, "List the caller's tasks")
CANCEL = Endpoint("svc.tasks.cancel", CancelTask, Task, EDGE, "Cancel a task")
HISTORY = Endpoint("svc.tasks.history", GetHistory, History, EDGE, "Read the progress of a task")
FIND_UNKNOWN = Endpoint(
    "svc.tasks.find_unknown",
    FindUnknown,
    Unknown,
    frozenset({"users", "covers", "edits", "exports"}),
    "Tell which task ids do not exist",
)
REPORT = WorkQueue(
    "jobs.tasks.report",
    StepReport,
    frozenset({"covers", "edits", "safety", "users", "exports"}),
    "What became of a step",
)
LOAD = Endpoint("svc.tasks.load", GetLoad, Load, EDGE, "How long new tasks would wait")
START = WorkQueue(
    "jobs.tasks.start", StartTask, frozenset({"tasks"}), "Begin a delayed task; sent by a schedule", stream=DELAYED
)
PROGRESSED = Event("events.tasks.progressed", Progress, frozenset(), "A task moved", watchers=frozenset({"edge"}))
FINISHED = Event("events.tasks.finished", TaskFinished, frozenset({"covers", "edits", "exports"}), "A task ended")

CONTRACTS = (CREATE, GET, LIST, CANCEL, HISTORY, FIND_UNKNOWN, LOAD, REPORT, START, PROGRESSED, FINISHED)
