"""The collection `exports`: one document per export, changed only by single conditional writes.

A deleted export leaves a short document behind, without anything of its cover, so that its Idempotency-Key stays used.
Exports of a deleted user are marked `forgotten` and leave nothing.
"""

import uuid
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
    plain,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outbox, Outgoing, Send, waiting
from contracts.exports import ExportStatus
from nodes.burials import EXISTS, buried, bury, drafts, drop, emptied, fingerprint, forget, renew
from nodes.exports.model import KeptFile, Record

INDEXES = (
    Index("task", (("task_id", 1),), unique=True),
    Index("shelf", (("user_id", 1), ("created_at", -1), ("_id", -1))),
    Index("unrendered", (("status", 1), ("created_at", 1))),
    Index("deleted_at", (("deleted_at", 1),)),
    OUTBOX_INDEX,
)
PRIVATE = ("title", "presets", "options", "source", "files")
"""What goes at once when an export is deleted. The keys of its objects go when the objects have gone."""
DRAFT = {"status": "rendering", "keys": [], **EXISTS}


class ExportStore:
    """All that is kept about exports. Raises Unavailable when the database is away."""

    def __init__(self, database: Database, send: Send) -> None:
        self._exports = database["exports"]
        self.outbox = Outbox(self._exports, send)

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._exports, INDEXES)

    async def keep(self, draft: Record) -> bool:
        """Insert a new export; False when there is one with its id already."""
        return await insert_once(self._exports, plain(draft))

    async def renew(self, draft: Record) -> None:
        """A draft is begun again: from now on it is as young as `draft`, and there if it had been dropped meanwhile."""
        await renew(self._exports, DRAFT, plain(draft))

    async def drop(self, export_id: uuid.UUID, before: datetime | None = None) -> None:
        """Forget a draft that nothing was made of; with `before` only when it was not begun again since."""
        await drop(self._exports, {"_id": export_id, **DRAFT}, before)

    async def fingerprint(self, export_id: uuid.UUID) -> str | None:
        """Of the request that this export, deleted or not, was made from."""
        return await fingerprint(self._exports, export_id)

    async def of_id(self, export_id: uuid.UUID, user_id: uuid.UUID) -> Record | None:
        """One export of a user."""
        return await find_as(self._exports, {"_id": export_id, "user_id": user_id, **EXISTS}, Record)

    async def page(
        self, user_id: uuid.UUID, cover_id: uuid.UUID | None, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> tuple[Record, ...]:
        """Exports of a user, newest first, behind the one that has `after` as time and id."""
        query: Document = {"user_id": user_id, **EXISTS}
        if cover_id is not None:
            query["cover_id"] = cover_id
        return msgspec.convert(await newest(self._exports, query, after, limit), tuple[Record, ...])

    async def expect(self, export_id: uuid.UUID, key: str) -> bool:
        """Note an object that is about to be put, so that undoing finds it after any crash.

        False when it must not be put: rendering was undone, or the export has ended.
        """
        return await self._change(_doable(export_id), {"$addToSet": {"keys": key}})

    async def record(self, export_id: uuid.UUID, files: tuple[KeptFile, ...]) -> bool:
        """Note the finished files; False when rendering was undone meanwhile."""
        return await self._change(_doable(export_id), {"$set": {"files": plain(files)}})

    async def undo(self, export_id: uuid.UUID, task_id: uuid.UUID) -> tuple[str, ...]:
        """From now on nothing is rendered, and no file is noted. The keys of what was put."""
        change = {"$set": {"undone": True, "files": []}}
        if not await self._change({"_id": export_id, "task_id": task_id, **EXISTS}, change):
            return ()
        with mongo_errors():
            found = await self._exports.find_one({"_id": export_id}, {"keys": 1})
        return () if found is None else tuple(found.get("keys", ()))

    async def complete(self, export_id: uuid.UUID, at: datetime, event: Outgoing) -> Document | None:
        """Show the export as ready, with the event in its outbox, once; the document, for its outbox."""
        change = {
            "$set": {"status": "ready", "completed_at": at},
            "$push": {"outbox": {"$each": waiting([event], at)}},
        }
        await self._change(_doable(export_id), change)
        with mongo_errors():
            return await self._exports.find_one({"_id": export_id}, {"outbox": 1})

    async def end(self, task_id: uuid.UUID, status: ExportStatus) -> None:
        """The task has ended without files."""
        await self._change({"task_id": task_id, **EXISTS}, {"$set": {"status": status, "completed_at": None}})

    async def bury(self, export_id: uuid.UUID, user_id: uuid.UUID) -> Document | None:
        """Delete what is known of an export that is not being made; None when there is none."""
        buriable = {"_id": export_id, "user_id": user_id, "status": {"$ne": "rendering"}, **EXISTS}
        return await bury(self._exports, buriable, PRIVATE, "keys")

    async def bury_all(self, user_id: uuid.UUID) -> list[Document]:
        """Delete what is known of all exports of a user, those that are being made too; idempotent.

        What is left of each, to be emptied: `_id`, `status` and `keys`.
        """
        return await forget(self._exports, user_id, PRIVATE, "keys")

    async def buried(self, late_before: datetime, limit: int = 100) -> list[Document]:
        """Deleted exports that still have objects. Those that were being made only when deleted before `late_before`:
        a step that had begun may put one more object, whose key is noted."""
        return await buried(self._exports, "rendering", late_before, "keys", limit)

    async def emptied(self, export_id: uuid.UUID) -> None:
        """The objects of a deleted export have gone; of a deleted user's export nothing stays."""
        await emptied(self._exports, export_id, "keys")

    async def unrendered(
        self, after: datetime, before: datetime, limit: int = 500
    ) -> tuple[dict[uuid.UUID, uuid.UUID], datetime | None]:
        """Task id to export id of drafts of that time which nobody has begun to render, and where the next page begins.

        None when this was the last page. Most of them wait for their turn.
        """
        return await drafts(self._exports, DRAFT, after, before, limit)

    async def _change(self, query: Document, change: Document) -> bool:
        """Change one document; False when none fits."""
        return await change_one(self._exports, query, change)


def _doable(export_id: uuid.UUID) -> Document:
    return {"_id": export_id, "status": "rendering", "undone": False, **EXISTS}
