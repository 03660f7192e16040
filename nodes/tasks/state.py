"""The values that the saga's rules work on: a task, an entry of its log, a message to send, a change of all three."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.tasks import Status, TaskType
from contracts.wire import ObjectRef

Outcome = Literal["failed", "cancelled"]
Place = Literal["held", "sent"]
LogEvent = Literal[
    "created",
    "sent",
    "begun",
    "waiting",
    "done",
    "failed",
    "expired",
    "stopping",
    "resent",
    "postponed",
    "undone",
    "finished",
]

ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


class DoneStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was reported done, with what it made."""

    name: str
    images: tuple[ObjectRef, ...] = ()


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is stored in `generation_tasks`, without its log and its outbox."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    cover_id: uuid.UUID | None = None
    work_id: uuid.UUID | None = None
    """The edit or export that the task is for."""
    type: TaskType
    version: int
    """Of the saga's definition: a task goes on under the definition that it began with."""
    input_params: dict[str, Any]
    headers: dict[str, str] = {}
    """The context of the request that began the task: user, tier and trace go along with every message."""
    status: Status = "queued"
    place: Place | None = None
    """`held`: waits for its turn or its time; `sent`: one of its user's tasks in flight; None once it has ended."""
    step: str | None = None
    """The step whose report is awaited; `<name>/undo` on the way back; None while held and once the task has ended."""
    attempt: int = 0
    """How often this step was sent again because no report came."""
    postponed: bool = False
    """The step failed and is sent again after a pause: that its message is gone is no news."""
    done: tuple[DoneStep, ...] = ()
    undone: tuple[str, ...] = ()
    outcome: Outcome | None = None
    """Set on the way back: how the task ends when everything is undone."""
    cancel_requested: bool = False
    result_urls: tuple[str, ...] = ()
    error_code: str | None = None
    error_message: str | None = None
    retry_count: int = 0
    """Deliveries beyond the first of each step, as the workers reported them."""
    progress: float = 0.0
    seq: int = 0
    """Of the last entry of the log."""
    rev: int = 0
    """Counts every write of the state; a write names the one it read, so that of two writers one must read again."""
    created_at: datetime
    start_at: datetime | None = None
    """Not before this time, for a delayed task."""
    ready_at: datetime | None = None
    """Since when it waits for its turn; the user's tasks take turns in this order."""
    started_at: datetime | None = None
    """When the first report of the first step came: that it was begun, done or failed."""
    completed_at: datetime | None = None
    updated_at: datetime
    due_at: datetime | None = None
    """When the awaited step is sent again unless a report comes first; None while nothing is awaited."""
    expires_at: datetime | None = None
    """When a task that has begun is given up, unless it is past its commit point then."""

    @property
    def ended(self) -> bool:
        """Does nothing change any more?"""
        return self.status in ENDED

    def images(self, step: str) -> tuple[ObjectRef, ...]:
        """What that step made."""
        return next((done.images for done in self.done if done.name == step), ())


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a task; also what `Progress` and `History` are made from."""

    seq: int
    at: datetime
    by: str = "tasks"
    """Who caused it: `user`, the instance of the worker, or which part of this node (`reconciler`, `turns`, ...)."""
    event: LogEvent
    step: str | None
    """The step that the entry tells of."""
    attempt: int
    error: str | None
    """A stable code."""
    detail: str
    status: Status
    next_step: str | None
    progress: float


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send once the change is stored; JetStream keeps one of those with the same id."""

    subject: str
    body: msgspec.Struct
    message_id: str
    at: datetime | None = None
    """Not before this time; the message waits in JetStream, as the schedule of this task."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transition does: the next state, what the log says of it, and what goes out, in this order."""

    task: TaskState
    entry: LogEntry
    messages: tuple[Message, ...]
