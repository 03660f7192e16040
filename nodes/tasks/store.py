"""Tasks in MongoDB, collection `generation_tasks`: one document per task with its state, its log and its outbox.

The task's id is the document's `_id` too. Indexes are few because every change of a task pays for each of them; a list
by status reads the user's own tasks in order and leaves out the others.

Every change is one write of all three, and names the `rev` that it was computed from: of two instances that change a
task at once one finds nothing to update and must read again. So no message is ever sent of a change that is not
stored, and none of a stored change is forgotten (`Outbox.sweep`).
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from adapters.mongo import (
    OUTBOX_INDEX,
    Collection,
    Database,
    Document,
    DuplicateKey,
    Index,
    Outgoing,
    ensure_indexes,
    mongo_errors,
    waiting,
)
from contracts.tasks import Status
from nodes.departed import Departed
from nodes.tasks.state import Change, LogEntry, Message, TaskState

COLLECTION = "generation_tasks"
LOG_LIMIT = 500
"""Entries kept per task; a saga has about ten, only an undo that fails for days has more."""

INDEXES = (
    Index("own", (("user_id", 1), ("created_at", -1), ("task_id", -1))),
    Index("due", (("due_at", 1),)),
    OUTBOX_INDEX,
)
STATE = {"log": 0}
"""What a transition reads and a write gives back: everything but the log."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A task as it is in the database, and the document with the messages that still wait."""

    task: TaskState
    document: Document

    @property
    def log(self) -> tuple[LogEntry, ...]:
        """Oldest first; empty unless it was asked for."""
        return msgspec.convert(self.document.get("log", ()), tuple[LogEntry, ...])


class TaskStore:
    """The tasks. All methods raise Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database.get_collection(COLLECTION)
        self.departed = Departed(database)

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat."""
        await ensure_indexes(self.collection, INDEXES)
        await self.departed.prepare()

    async def insert(self, change: Change) -> Stored | None:
        """A new task with its first message; None when the task id is taken."""
        first: Document = {"_id": change.task.task_id, "log": [_plain(change.entry)], "outbox": _waiting(change)}
        document = first | _plain(change.task)
        try:
            with mongo_errors():
                await self.collection.insert_one(document)
        except DuplicateKey:
            return None
        return Stored(change.task, document)

    async def find(self, task_id: uuid.UUID, *, with_log: bool = False) -> Stored | None:
        """The task, or None."""
        with mongo_errors():
            document = await self.collection.find_one({"_id": task_id}, None if with_log else STATE)
        return None if document is None else _stored(document)

    async def save(self, before: Stored, change: Change) -> Stored | None:
        """Replace the state `before`; None when somebody else changed the task first, so read again.

        Not by `find_one_and_update`: SecantusDB reads the whole collection for it.
        """
        messages = _waiting(change)
        update = {
            "$set": _changed(before.task, change.task),
            "$push": {
                "log": {"$each": [_plain(change.entry)], "$slice": -LOG_LIMIT},
                "outbox": {"$each": messages},
            },
        }
        with mongo_errors():
            result = await self.collection.update_one({"_id": before.task.task_id, "rev": before.task.rev}, update)
        if result.matched_count == 0:
            return None
        pending = [*before.document.get("outbox", ()), *messages]
        return Stored(change.task, {"_id": before.task.task_id, "outbox": pending})

    async def page(
        self, user_id: uuid.UUID, limit: int, after: tuple[datetime, uuid.UUID] | None, status: Status | None
    ) -> Sequence[TaskState]:
        """The user's tasks, newest first, behind the sort key `after`."""
        query: Document = {"user_id": user_id}
        if status is not None:
            query["status"] = status
        if after is not None:
            at, task_id = after
            query["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "task_id": {"$lt": task_id}}]
        order = [("created_at", -1), ("task_id", -1)]
        with mongo_errors():
            documents = (
                await self.collection.find(query, {"log": 0, "outbox": 0}).sort(order).limit(limit).to_list(limit)
            )
        return [_stored(document).task for document in documents]

    async def clear(self, user_id: uuid.UUID) -> None:
        """Remove all tasks of a user, with their logs and what they would still send."""
        with mongo_errors():
            await self.collection.delete_many({"user_id": user_id})

    async def known(self, task_ids: Iterable[uuid.UUID]) -> frozenset[uuid.UUID]:
        """Those of the ids that are tasks."""
        with mongo_errors():
            documents = await self.collection.find({"_id": {"$in": list(task_ids)}}, {"_id": 1}).to_list(None)
        return frozenset(document["_id"] for document in documents)

    async def due(self, at: datetime, limit: int = 100) -> Sequence[uuid.UUID]:
        """Tasks whose awaited step has not reported in time, the longest overdue first."""
        with mongo_errors():
            query = self.collection.find({"due_at": {"$lte": at}}, {"_id": 1})
            documents = await query.sort("due_at", 1).limit(limit).to_list(limit)
        return [document["_id"] for document in documents]


def _plain(value: Any) -> Any:
    """As MongoDB takes it: structs become documents, UUIDs and times stay what they are."""
    return msgspec.to_builtins(value, builtin_types=(uuid.UUID, datetime))


def _changed(before: TaskState, after: TaskState) -> Document:
    """The fields that differ. What the user sent is not written again: BSON gives large numbers a type of its own."""
    names = [name for name in TaskState.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    return {name: _plain(getattr(after, name)) for name in names}


def _stored(document: Document) -> Stored:
    return Stored(msgspec.convert(document, TaskState), document)


def _waiting(change: Change) -> list[Document]:
    headers = change.task.headers
    return waiting((_outgoing(message, headers) for message in change.messages), change.entry.at)


def _outgoing(message: Message, headers: dict[str, str]) -> Outgoing:
    payload = msgspec.json.encode(message.body)
    return Outgoing(subject=message.subject, payload=payload, message_id=message.message_id, headers=headers)
