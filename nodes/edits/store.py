"""The collection `edit_sessions`: one document per session, changed only by writes that name the `rev` they read.

A deleted session leaves, for some minutes, the keys of its objects: a step that had begun may put one more. Then the
sweep removes those and the document.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.mongo import (
    Database,
    Document,
    Index,
    change_one,
    ensure_indexes,
    find_as,
    insert_once,
    mongo_errors,
    newest,
    now,
    plain,
    up_to,
    update_in_batches,
)
from contracts.errors import Unavailable
from nodes.burials import EXISTS
from nodes.edits.state import Record

INDEXES = (
    Index("own", (("user_id", 1), ("created_at", -1), ("_id", -1))),
    Index("running", (("running.task_id", 1),)),
    Index("since", (("running.since", 1),)),
    Index("deleted", (("deleted_at", 1),), where={"deleted_at": {"$exists": True}}),
)
PRIVATE = (
    "edit_history",
    "original",
    "original_image_url",
    "current_version",
    "redo",
    "running",
    "without",
    "cover_id",
    "upload_id",
)
"""What goes at once when a session is deleted."""
TRIES = 10
"""Of a change against others that change the same session."""

Transition = Callable[[Record], Record | None]


class EditStore:
    """All that is kept about edits. Raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._sessions = database["edit_sessions"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._sessions, INDEXES)

    async def keep(self, record: Record) -> bool:
        """Insert a new session; False when there is one with its id already."""
        return await insert_once(self._sessions, {"_id": record.session_id} | plain(record))

    async def drop(self, session_id: uuid.UUID) -> None:
        """Forget a session that nothing was done in."""
        with mongo_errors():
            await self._sessions.delete_one({"_id": session_id, "rev": 0})

    async def of_id(self, session_id: uuid.UUID, user_id: uuid.UUID) -> Record | None:
        """One session of a user."""
        return await find_as(self._sessions, {"_id": session_id, "user_id": user_id, **EXISTS}, Record)

    async def page(
        self, user_id: uuid.UUID, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> tuple[Record, ...]:
        """Sessions of a user, newest first, behind the one that has `after` as time and id."""
        found = await newest(self._sessions, {"user_id": user_id, **EXISTS}, after, limit)
        return msgspec.convert(found, tuple[Record, ...])

    async def change(self, session_id: uuid.UUID, user_id: uuid.UUID, transition: Transition) -> Record | None:
        """Apply a rule to a session and give what is stored then; None when there is no such session.

        The rule may run several times, as it is applied to what is there when the write succeeds. Raises what it does.
        """
        for _ in range(TRIES):
            before = await self.of_id(session_id, user_id)
            if before is None:
                return None
            after = transition(before)
            if after is None or after is before:
                return before
            if await self._save(before, after):
                return after
        raise Unavailable("Too many changes of this session at once.")

    async def _save(self, before: Record, after: Record) -> bool:
        names = [name for name in Record.__struct_fields__ if getattr(before, name) != getattr(after, name)]
        query = {"_id": before.session_id, "rev": before.rev, **EXISTS}
        return await change_one(self._sessions, query, {"$set": {name: plain(getattr(after, name)) for name in names}})

    async def of_task(self, task_id: uuid.UUID) -> Record | None:
        """The session in which this task is under way."""
        return await find_as(self._sessions, {"running.task_id": task_id, **EXISTS}, Record)

    async def running(
        self, after: datetime, before: datetime, limit: int = 500
    ) -> tuple[dict[uuid.UUID, Record], datetime | None]:
        """Sessions by the task that is under way in them since that time, and where the next page begins.

        None when this was the last page. Most of them wait for their turn.
        """
        query = {"running.since": {"$gte": after, "$lt": before}, **EXISTS}
        with mongo_errors():
            found = await self._sessions.find(query).sort("running.since", 1).limit(limit).to_list(limit)
        records = [msgspec.convert(each, Record) for each in found]
        since = {each.running.task_id: each for each in records if each.running is not None}
        return since, found[-1]["running"]["since"] if len(found) == limit else None

    async def bury(self, record: Record) -> bool:
        """Delete what is known of a session, unless it was changed since; the keys of its objects stay."""
        query = {"_id": record.session_id, "rev": record.rev, **EXISTS}
        return await change_one(self._sessions, query, _burial())

    async def bury_all(self, user_id: uuid.UUID) -> list[Document]:
        """Delete what is known of all sessions of a user, busy ones too; idempotent. `_id` and `objects` of each."""
        with mongo_errors():
            await update_in_batches(self._sessions, {"user_id": user_id, **EXISTS}, _burial())
            return await self._sessions.find({"user_id": user_id}, {"objects": 1}).to_list(None)

    async def buried(self, before: datetime, limit: int = 100) -> list[Document]:
        """Sessions that were deleted before that time, with `objects`."""
        with mongo_errors():
            found = self._sessions.find({"deleted_at": up_to(before)}, {"objects": 1})
            return await found.limit(limit).to_list(limit)

    async def emptied(self, session_id: uuid.UUID) -> None:
        """The objects of a deleted session have gone for good: nothing of it stays."""
        with mongo_errors():
            await self._sessions.delete_one({"_id": session_id, "deleted_at": {"$exists": True}})


def _burial() -> Document:
    return {"$set": {"deleted_at": now()}, "$unset": dict.fromkeys(PRIVATE, "")}
