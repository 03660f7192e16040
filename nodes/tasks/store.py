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

import msgspec

from adapters.mongo import (
    Collection,
    Database,
    Document,
    Index,
    change_one,
    delete_in_batches,
    ensure_indexes,
    insert_once,
    mongo_errors,
    newest,
    plain,
    up_to,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outgoing, waiting
from adapters.nats.wire import schedule_headers
from contracts.tasks import START, Status
from nodes.departed import Departed
from nodes.tasks.paces import Paces
from nodes.tasks.state import Change, LogEntry, Message, TaskState

COLLECTION = "generation_tasks"
LOG_LIMIT = 500
"""Entries kept per task; a saga has about ten, only an undo that fails for days has more."""

INDEXES = (
    Index("own", (("user_id", 1), ("created_at", -1), ("task_id", -1))),
    Index("due", (("due_at", 1),)),
    Index("turns", (("place", 1), ("user_id", 1), ("ready_at", 1))),
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

    @property
    def waiting(self) -> frozenset[str]:
        """The ids of messages that may not have been sent yet."""
        return frozenset(entry["id"] for entry in self.document.get("outbox", ()))


@dataclass(frozen=True, slots=True)
class Held:
    """A task that waits for its turn, and its user's plan when it was created."""

    task_id: uuid.UUID
    tier: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task that has not ended."""

    task_id: uuid.UUID
    user_id: uuid.UUID
    tier: str
    queued: bool
    """It has not begun and nobody wants it stopped."""
    ready_at: datetime | None

    def waits(self, at: datetime) -> bool:
        """Could it begin now, if there were room?"""
        return self.queued and (self.ready_at is None or self.ready_at <= at)


class TaskStore:
    """The tasks. All methods raise Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database.get_collection(COLLECTION)
        self.departed = Departed(database)
        self.paces = Paces(database)

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat."""
        await ensure_indexes(self.collection, INDEXES)
        await self.departed.prepare()

    async def insert(self, change: Change) -> Stored | None:
        """A new task with its first message; None when the task id is taken."""
        first: Document = {"_id": change.task.task_id, "log": [plain(change.entry)], "outbox": _waiting(change)}
        document = first | plain(change.task)
        return Stored(change.task, document) if await insert_once(self.collection, document) else None

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
                "log": {"$each": [plain(change.entry)], "$slice": -LOG_LIMIT},
                "outbox": {"$each": messages},
            },
        }
        if not await change_one(self.collection, {"_id": before.task.task_id, "rev": before.task.rev}, update):
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
        shown = {"log": 0, "outbox": 0}
        documents = await newest(self.collection, query, after, limit, name="task_id", shown=shown)
        return [_stored(document).task for document in documents]

    async def clear(self, user_id: uuid.UUID) -> None:
        """Remove all tasks of a user, with their logs and what they would still send."""
        with mongo_errors():
            await delete_in_batches(self.collection, {"user_id": user_id})

    async def known(self, task_ids: Iterable[uuid.UUID]) -> frozenset[uuid.UUID]:
        """Those of the ids that are tasks."""
        with mongo_errors():
            documents = await self.collection.find({"_id": {"$in": list(task_ids)}}, {"_id": 1}).to_list(None)
        return frozenset(document["_id"] for document in documents)

    async def due(self, at: datetime, limit: int = 100) -> Sequence[Stored]:
        """Tasks whose awaited step has not reported in time, the longest overdue first."""
        with mongo_errors():
            query = self.collection.find({"due_at": up_to(at)}, STATE)
            return [_stored(document) for document in await query.sort("due_at", 1).limit(limit).to_list(limit)]

    async def silent(self, before: datetime, limit: int = 500) -> Sequence[Stored]:
        """Tasks that await a step and have not changed since `before`, but for those that are to pause."""
        query = {"place": "sent", "updated_at": up_to(before), "postponed": False}
        with mongo_errors():
            found = self.collection.find(query, STATE)
            return [_stored(document) for document in await found.sort("updated_at", 1).limit(limit).to_list(limit)]

    async def in_flight(self, user_id: uuid.UUID, most: int) -> int:
        """How many of the user's tasks are in flight; counts up to `most`."""
        with mongo_errors():
            query = self.collection.find({"place": "sent", "user_id": user_id}, {"_id": 1})
            return len(await query.limit(most).to_list(most))

    async def held(self, user_id: uuid.UUID, at: datetime, limit: int) -> Sequence[Held]:
        """The user's tasks that wait for their turn and whose time has come, in order."""
        query = {"place": "held", "user_id": user_id, "ready_at": up_to(at)}
        with mongo_errors():
            found = self.collection.find(query, {"headers": 1}).sort("ready_at", 1)
            documents = await found.limit(limit).to_list(limit)
        return [Held(document["_id"], document["headers"].get("tier", "free")) for document in documents]

    async def unfinished(self) -> Sequence[Unfinished]:
        """All tasks that have not ended, each once. By index, but it reads them all: not for every request."""
        shown = {"user_id": 1, "headers": 1, "status": 1, "outcome": 1, "ready_at": 1}
        with mongo_errors():
            found = [await self.collection.find({"place": place}, shown).to_list(None) for place in ("held", "sent")]
        rows = (_unfinished(document) for documents in found for document in documents)
        return list({row.task_id: row for row in rows}.values())  # one may be sent between the two readings

    async def users_held(self, before: datetime) -> Sequence[uuid.UUID]:
        """Users with tasks that were ready for their turn before that time."""
        with mongo_errors():
            return list(await self.collection.distinct("user_id", {"place": "held", "ready_at": up_to(before)}))


def _unfinished(document: Document) -> Unfinished:
    return Unfinished(
        task_id=document["_id"],
        user_id=document["user_id"],
        tier=document.get("headers", {}).get("tier", ""),
        queued=document["status"] == "queued" and document.get("outcome") is None,
        ready_at=document.get("ready_at"),
    )


def _changed(before: TaskState, after: TaskState) -> Document:
    """The fields that differ. What the user sent is not written again: BSON gives large numbers a type of its own."""
    names = [name for name in TaskState.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    return {name: plain(getattr(after, name)) for name in names}


def _stored(document: Document) -> Stored:
    return Stored(msgspec.convert(document, TaskState), document)


def _waiting(change: Change) -> list[Document]:
    return waiting((_outgoing(message, change.task) for message in change.messages), change.entry.at)


def _outgoing(message: Message, task: TaskState) -> Outgoing:
    subject, headers = message.subject, task.headers
    if message.at is not None:
        subject, headers = START.schedule_of(str(task.task_id)), headers | schedule_headers(message.at, subject)
    payload = msgspec.json.encode(message.body)
    return Outgoing(subject=subject, payload=payload, message_id=message.message_id, headers=headers)
