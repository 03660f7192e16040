"""The collection `covers`: one document per cover, changed only by single conditional writes.

A deleted cover leaves a short document behind, without anything the user wrote: it was made and counts as such, and its
Idempotency-Key stays used. Covers of a deleted user are marked `forgotten` and leave nothing.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
    plain,
    update_in_batches,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outbox, Outgoing, Send, waiting
from contracts.covers import CoverStatus, Version
from nodes.burials import EXISTS, buried, bury, drafts, drop, emptied, fingerprint, forget, renew
from nodes.covers.model import Record

INDEXES = (
    Index("task", (("task_id", 1),), unique=True),
    Index("shelf", (("user_id", 1), ("created_at", -1), ("_id", -1))),
    Index("completed", (("user_id", 1), ("completed_at", 1))),
    Index("unpainted", (("status", 1), ("created_at", 1))),
    Index("deleted_at", (("deleted_at", 1),)),
    Index("work", (("work.created_at", 1),)),
    OUTBOX_INDEX,
)
PRIVATE = (
    "request",
    "recipe",
    "review",  # of covers that were made while such words passed with a note
    "layout",
    "versions",
    "art",
    "picture",
    "thumbnail",
    "composed",
    "work",
    "shown",
)
"""What goes at once when a cover is deleted. The keys of its objects go when the objects have gone."""
DRAFT = {"status": "generating", "art": None, **EXISTS}


class CoverStore:
    """All that is kept about covers. Raises Unavailable when the database is away."""

    def __init__(self, database: Database, send: Send) -> None:
        self._covers = database["covers"]
        self.outbox = Outbox(self._covers, send)

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._covers, INDEXES)

    async def keep(self, draft: Record) -> bool:
        """Insert a new cover; False when there is one with its id already."""
        return await insert_once(self._covers, plain(draft))

    async def renew(self, draft: Record) -> None:
        """A draft is begun again: from now on it is as young as `draft`, and there if it had been dropped meanwhile."""
        await renew(self._covers, DRAFT, plain(draft))

    async def drop(self, cover_id: uuid.UUID, before: datetime | None = None) -> None:
        """Forget a draft that nothing was made of; with `before` only when it was not begun again since."""
        await drop(self._covers, {"_id": cover_id, **DRAFT}, before)

    async def fingerprint(self, cover_id: uuid.UUID) -> str | None:
        """Of the request that this cover, deleted or not, was made from."""
        return await fingerprint(self._covers, cover_id)

    async def of_id(self, cover_id: uuid.UUID, user_id: uuid.UUID) -> Record | None:
        """One cover of a user."""
        return await find_as(self._covers, {"_id": cover_id, "user_id": user_id, **EXISTS}, Record)

    async def page(
        self, user_id: uuid.UUID, status: CoverStatus | None, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> tuple[Record, ...]:
        """Covers of a user, newest first, behind the one that has `after` as time and id."""
        query: Document = {"user_id": user_id, **EXISTS}
        if status is not None:
            query["status"] = status
        return msgspec.convert(await newest(self._covers, query, after, limit), tuple[Record, ...])

    async def count_completed(self, user_id: uuid.UUID, since: datetime) -> int:
        """Pictures completed since then that count against the quota, of deleted covers too."""
        lately = [{"completed_at": {"$gte": since}}, {"charged.at": {"$gte": since}}]
        with mongo_errors():
            found = await self._covers.find(
                {"user_id": user_id, "$or": lately}, {"completed_at": 1, "charged": 1}
            ).to_list(None)
        return sum(_charged(each, since) for each in found)

    async def expect(self, cover_id: uuid.UUID, step: str, keys: tuple[str, ...]) -> bool:
        """Note objects that a step is about to put, so that undoing finds them after any crash.

        False when the step must not be done: it was undone, or the cover has ended.
        """
        change = {"$addToSet": {f"objects.{step}": {"$each": list(keys)}}}
        return await self._change(_doable(cover_id, step), change)

    async def record(self, cover_id: uuid.UUID, step: str, made: Mapping[str, Any]) -> bool:
        """Note what a step has made; False when it was undone meanwhile."""
        return await self._change(_doable(cover_id, step), {"$set": plain(made)})

    async def expect_version(self, cover_id: uuid.UUID, label: str, keys: tuple[str, ...]) -> bool:
        """Note objects that are about to be put for another version of a finished cover; False when it is gone."""
        change = {"$addToSet": {f"objects.{label}": {"$each": list(keys)}}}
        return await self._change({"_id": cover_id, "status": "ready", **EXISTS}, change)

    async def append_version(self, cover_id: uuid.UUID, version: Version) -> bool:
        """Add this version to a finished cover; False when it has not exactly those before it, or is gone."""
        so_many = {"versions": {"$size": version.version - 1}}
        change = {"$push": {"versions": plain(version)}, "$set": {"shown": version.version}}
        return await self._change({"_id": cover_id, "status": "ready", **so_many, **EXISTS}, change)

    async def undo(
        self, cover_id: uuid.UUID, task_id: uuid.UUID, step: str, cleared: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """From now on `step` is not done any more, and what it noted is cleared. The keys of its objects."""
        change = {"$addToSet": {"undone": step}, "$set": dict(cleared)}
        if not await self._change({"_id": cover_id, "task_id": task_id, **EXISTS}, change):
            return ()
        with mongo_errors():
            found = await self._covers.find_one({"_id": cover_id}, {"objects": 1})
        return () if found is None else tuple(found.get("objects", {}).get(step, ()))

    async def complete(self, cover_id: uuid.UUID, at: datetime, event: Outgoing, pictures: int = 1) -> Document | None:
        """Show the cover as ready, with the event in its outbox, once; the document, for its outbox.

        The first of several `pictures` is shown.
        """
        push: Document = {"outbox": {"$each": waiting([event], at)}}
        if pictures > 1:
            push["charged"] = {"at": at, "pictures": pictures - 1}
        made = {"status": "ready", "completed_at": at, **({"shown": 1} if pictures > 1 else {})}
        change = {"$set": made, "$push": push, "$unset": {"work": ""}}
        await self._change({"_id": cover_id, "status": "generating", **EXISTS}, change)
        with mongo_errors():
            return await self._covers.find_one({"_id": cover_id}, {"outbox": 1})

    async def end(self, cover_id: uuid.UUID, task_id: uuid.UUID, status: CoverStatus) -> None:
        """The task has ended without a cover."""
        change = {"$set": {"status": status, "completed_at": None}, "$unset": {"work": ""}}
        await self._change({"_id": cover_id, "task_id": task_id, **EXISTS}, change)

    async def bury(self, cover_id: uuid.UUID, user_id: uuid.UUID) -> Document | None:
        """Delete what is known of a cover that is not being made; None when there is none."""
        buriable = {"_id": cover_id, "user_id": user_id, "status": {"$ne": "generating"}, **EXISTS}
        buriable["$or"] = [{"work": None}, {"status": {"$ne": "ready"}}]
        return await bury(self._covers, buriable, PRIVATE, "objects")

    async def bury_all(self, user_id: uuid.UUID) -> list[Document]:
        """Delete what is known of all covers of a user, those that are being made too; idempotent.

        What is left of each, to be emptied: `_id`, `status` and `objects`.
        """
        busy = {"user_id": user_id, "status": "ready", "work.task_id": {"$exists": True}, **EXISTS}
        with mongo_errors():
            # a step of the work may put one more object, as for a cover that is being made
            await update_in_batches(self._covers, busy, {"$set": {"status": "generating"}})
        return await forget(self._covers, user_id, PRIVATE, "objects")

    async def buried(self, late_before: datetime, limit: int = 100) -> list[Document]:
        """Deleted covers that still have objects. Those that were being made only when deleted before `late_before`:
        a step that had begun may put one more object, whose key is noted."""
        return await buried(self._covers, "generating", late_before, "objects", limit)

    async def emptied(self, cover_id: uuid.UUID) -> None:
        """The objects of a deleted cover have gone; of a deleted user's cover nothing stays."""
        await emptied(self._covers, cover_id, "objects")

    async def unpainted(
        self, after: datetime, before: datetime, limit: int = 500
    ) -> tuple[dict[uuid.UUID, uuid.UUID], datetime | None]:
        """Task id to cover id of drafts of that time which nobody has begun to paint, and where the next page begins.

        None when this was the last page. Most of them wait for their turn or their time.
        """
        return await drafts(self._covers, DRAFT, after, before, limit)

    async def _change(self, query: Document, change: Document) -> bool:
        """Change one document; False when none fits. Not by `find_one_and_update`, which reads all of them here."""
        return await change_one(self._covers, query, change)


def _charged(document: Document, since: datetime) -> int:
    """The picture that a cover is, and those beyond it."""
    completed = document.get("completed_at")
    if completed is None:  # it was taken back
        return 0
    more = [each["pictures"] for each in document.get("charged", ()) if each["at"] >= since]
    return int(completed >= since) + int(sum(more))


def _doable(cover_id: uuid.UUID, step: str) -> Document:
    return {"_id": cover_id, "status": "generating", "undone": {"$ne": step}, **EXISTS}
