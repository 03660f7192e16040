"""What goes out besides work: progress for whoever watches, the end for other nodes, and a note for the user."""

import msgspec

from contracts import notifications
from contracts.tasks import FINISHED, PROGRESSED, Progress, Task, TaskFinished
from nodes.tasks.sagas import saga_of
from nodes.tasks.state import LogEntry, Message, TaskState

ENDINGS = {"succeeded": "ready", "failed": "failed", "cancelled": "cancelled"}


def ended(task: TaskState) -> str:
    """The last sentence on a task."""
    return (task.status == "failed" and task.error_message) or saga_of(task).words.titles[task.status]


def progressed(task: TaskState, entry: LogEntry) -> Message:
    """One change, for watchers; `seq` within the task is part of its id."""
    return Message(PROGRESSED.subject, progress(task, entry), f"{task.task_id}:progress:{entry.seq}")


def progress(task: TaskState, entry: LogEntry) -> Progress:
    """An entry of the log as its owner sees it."""
    return Progress(
        task_id=task.task_id,
        user_id=task.user_id,
        seq=entry.seq,
        status=entry.status,
        step=entry.next_step,
        progress=entry.progress,
        detail=entry.detail,
        cover_id=task.cover_id,
        at=entry.at,
    )


def farewell(task: TaskState) -> tuple[Message, ...]:
    """What is sent when a task has ended: the event, then the note in the user's inbox (once by its effect key)."""
    finished = TaskFinished(
        task_id=task.task_id,
        user_id=task.user_id,
        type=task.type,
        status=task.status,
        cover_id=task.cover_id,
        error_code=task.error_code,
        retry_count=task.retry_count,
        created_at=task.created_at,
        completed_at=task.completed_at or task.updated_at,
    )
    return (
        Message(FINISHED.subject, finished, f"{task.task_id}:finished"),
        Message(notifications.SEND.subject, note(task), f"{task.task_id}:{_kind(task)}"),
    )


def note(task: TaskState) -> notifications.SendNotification:
    """The note for the inbox. It names the cover by the title that the user gave."""
    saga, title = saga_of(task), task.input_params.get("title")
    name = f"“{title[:150]}”: " if isinstance(title, str) else ""
    ready = task.status == "succeeded"
    return notifications.SendNotification(
        user_id=task.user_id,
        effect_key=f"{task.task_id}:{_kind(task)}",
        kind=_kind(task),
        title=saga.words.titles[task.status],
        body=f"{name}{ended(task)}",
        link=saga.link(task) if ready else f"/v1/tasks/{task.task_id}",
    )


def view(task: TaskState) -> Task:
    """A task as its owner sees it."""
    return msgspec.convert(task, Task, from_attributes=True)


def _kind(task: TaskState) -> str:
    return f"{saga_of(task).words.noun}_{ENDINGS[task.status]}"
