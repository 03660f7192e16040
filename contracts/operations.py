"""What operators ask the tasks node: the dead letters, and any user's task with its whole log. Administrators only.

The node looks at the caller's roles itself, because internal tools call these endpoints too: they say `roles: admin`.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any

import msgspec

from contracts.paging import Cursor, Limit
from contracts.tasks import Status, Task
from contracts.text import CODE, SUBJECT
from contracts.wire import Done, Endpoint

Sequence = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
"""The number of a dead letter; never given again."""
Reason = Annotated[str, msgspec.Meta(max_length=64, pattern=CODE)]
Subjects = Annotated[str, msgspec.Meta(max_length=200, pattern=SUBJECT)]
"""A subject or a pattern of subjects, e.g. `jobs.covers.>`."""


class ListDead(msgspec.Struct, frozen=True, kw_only=True):
    """The dead letters, the oldest first. A page may have fewer than `limit` although more follow (`next_cursor`)."""

    limit: Limit = 20
    cursor: Cursor | None = None
    subject: Subjects | None = None
    """Only letters whose original subject matches."""
    reason: Reason | None = None


class ReadDead(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter with the original."""

    sequence: Sequence


class ReplayDead(msgspec.Struct, frozen=True, kw_only=True):
    """Send the original again and remove the letter. Idempotent by `sequence`."""

    sequence: Sequence


class DropDead(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a letter for good. Idempotent by `sequence`."""

    sequence: Sequence


class DeadLetterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be worked on, without what was in it."""

    sequence: int
    subject: str
    """The original subject."""
    reason: str
    """The code of the error, or `max_deliveries`."""
    detail: str
    deliveries: int
    buried_at: datetime
    age: float
    """Seconds since it was buried."""
    task_id: str | None
    """When the original has one."""
    size: int
    """Bytes of the original."""


class DeadLetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of dead letters."""

    items: tuple[DeadLetterRow, ...]
    next_cursor: str | None = None


class DeadLetterOriginal(DeadLetterRow, frozen=True, kw_only=True):
    """A dead letter with the original. That may be a user's text: for administrators' eyes, never for a log."""

    context: dict[str, str]
    """The headers of the original: whose request it was part of."""
    body: msgspec.Raw
    """The original where that is JSON; null otherwise."""
    payload: bytes | None
    """Base64 of an original that is not JSON, or is too large for an answer."""
    complete: bool
    """False: `payload` is only its beginning; the whole is shown by `covergen dead show`."""


class InspectTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task of whichever user."""

    task_id: uuid.UUID


class InspectTasks(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of all users, or of one, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    status: Status | None = None
    user_id: uuid.UUID | None = None


class TaskRow(Task, frozen=True, kw_only=True):
    """A task as an operator sees it in a list."""

    user_id: uuid.UUID
    attempt: int = 0
    """How often the awaited step was sent again because no report came."""
    due_at: datetime | None = None
    """When it is sent again unless a report comes first."""


class TaskRows(msgspec.Struct, frozen=True, kw_only=True):
    """One page of tasks."""

    items: tuple[TaskRow, ...]
    next_cursor: str | None = None


class TaskLogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of a task: who caused it, when, at which attempt, with which error, and what is awaited then."""

    seq: int
    at: datetime
    by: str = ""
    event: str
    step: str | None
    """The step that the line tells of."""
    attempt: int
    error: str | None
    """A stable code."""
    detail: str
    status: Status
    next_step: str | None


class TaskInspection(TaskRow, frozen=True, kw_only=True):
    """A task with its whole log, and without what the user wrote."""

    request_id: str | None = None
    """Of the request that began it, as it is in the logs of all nodes."""
    input_fields: tuple[str, ...] = ()
    """The names of what the user sent; not the values."""
    unsent: int = 0
    """Messages of the task that wait to be sent."""
    log: tuple[TaskLogLine, ...]


REPLAY_TIMEOUT = 12.0
"""Seconds: longer than a bus tries to store a message."""
EDGE = frozenset({"edge"})

LIST_DEAD = Endpoint("svc.tasks.list_dead", ListDead, DeadLetterPage, EDGE, "List dead letters")
SHOW_DEAD = Endpoint("svc.tasks.show_dead", ReadDead, DeadLetterOriginal, EDGE, "Read a dead letter")
REPLAY_DEAD = Endpoint(
    "svc.tasks.replay_dead", ReplayDead, Done, EDGE, "Send the original of a dead letter again", timeout=REPLAY_TIMEOUT
)
DROP_DEAD = Endpoint("svc.tasks.drop_dead", DropDead, Done, EDGE, "Throw a dead letter away")
INSPECT = Endpoint("svc.tasks.inspect", InspectTask, TaskInspection, EDGE, "Read any task with its log")
INSPECT_ALL = Endpoint("svc.tasks.inspect_all", InspectTasks, TaskRows, EDGE, "List the tasks of all users")

CONTRACTS: tuple[Endpoint[Any, Any], ...] = (LIST_DEAD, SHOW_DEAD, REPLAY_DEAD, DROP_DEAD, INSPECT, INSPECT_ALL)
