"""The collection `uploads`: pending until their picture was checked, then ready, and gone for some minutes at the end.

`identity` says whose, for what and which bytes, and is unique; a row that goes gives it up in the same write. The row
stays until its object can have no late writer any more: every row has a scope of its own in the object store, so the
same bytes brought again share nothing with it.
"""

import uuid
from datetime import datetime, timedelta
from typing import Literal

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
)
from contracts.uploads import KEPT_DAYS, FoundCredentials, Purpose, Upload
from contracts.wire import ObjectRef

INDEXES = (
    Index("identity", (("identity", 1),), unique=True),
    Index("own", (("user_id", 1), ("status", 1), ("created_at", -1), ("_id", -1))),
    Index("age", (("status", 1), ("since", 1))),
)
KEPT = timedelta(days=KEPT_DAYS)
ALIVE = {"status": {"$in": ["pending", "ready"]}}
RowStatus = Literal["pending", "ready", "gone"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as it is stored."""

    upload_id: uuid.UUID
    user_id: uuid.UUID
    identity: str
    purpose: Purpose
    status: RowStatus = "pending"
    scope: str
    image: ObjectRef
    shown: ObjectRef | None = None
    """What is checked in its place."""
    width: int
    height: int
    marked: float | None = None
    credentials: FoundCredentials | None = None
    holders: tuple[uuid.UUID, ...] = ()
    since: datetime
    """When it was last begun (pending), last used (ready), or went (gone)."""
    created_at: datetime

    @property
    def keys(self) -> tuple[str, ...]:
        """Of its objects."""
        return tuple(each.key for each in (self.image, self.shown) if each is not None)


def identity(user_id: uuid.UUID, purpose: Purpose, sha256: str) -> str:
    """What is the same upload."""
    return f"{user_id}:{purpose}:{sha256}"


def told(row: Row, *, refer: bool = False) -> Upload:
    """The upload as its owner sees it; `refer`: as nodes do."""
    return Upload(
        upload_id=row.upload_id,
        media_type=row.image.media_type,
        width=row.width,
        height=row.height,
        size=row.image.size,
        sha256=row.image.sha256,
        purpose=row.purpose,
        created_at=row.created_at,
        expires_at=None if row.holders else row.since + KEPT,
        url=f"/v1/uploads/{row.upload_id}/image",
        marked=row.marked,
        credentials=row.credentials,
        object=row.image if refer else None,
    )


class UploadStore:
    """All that is kept about uploads. Raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._rows = database["uploads"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._rows, INDEXES)

    async def keep(self, row: Row) -> Row:
        """Insert a row, or give the one that has its identity, begun anew if it is pending."""
        while True:
            if await insert_once(self._rows, {"_id": row.upload_id} | plain(row)):
                return row
            if (found := await self._touched(row.identity)) is not None:
                return found

    async def _touched(self, name: str) -> Row | None:
        """The row of that identity, which does not go for the next minutes; None when it has just gone."""
        if not await change_one(self._rows, {"identity": name}, {"$set": {"since": now()}}):
            return None
        return await find_as(self._rows, {"identity": name}, Row)

    async def count(self, user_id: uuid.UUID) -> int:
        """Uploads that a user has, with those under way."""
        with mongo_errors():
            return await self._rows.count_documents({"user_id": user_id, **ALIVE})

    async def of_id(self, upload_id: uuid.UUID, user_id: uuid.UUID, *, pending: bool = False) -> Row | None:
        """One upload of a user that is ready, or also one that is not yet."""
        row = await find_as(self._rows, {"_id": upload_id, "user_id": user_id, **ALIVE}, Row)
        return row if row is not None and (pending or row.status == "ready") else None

    async def ready(self, row: Row) -> Row | None:
        """It was checked: from now on it is kept. Idempotent; None when it has gone meanwhile."""
        found = {"_id": row.upload_id, **ALIVE}
        return await self._changed(found, {"$set": {"status": "ready", "since": now()}})

    async def used(self, row: Row, holder: uuid.UUID | None) -> Row | None:
        """Count a use; `holder` needs it from now on. None when it has gone."""
        change: Document = {"$set": {"since": now()}}
        if holder is not None:
            change["$addToSet"] = {"holders": holder}
        return await self._changed({"_id": row.upload_id, "status": "ready"}, change)

    async def released(self, upload_id: uuid.UUID, user_id: uuid.UUID, holder: uuid.UUID) -> None:
        """`holder` needs it no longer; idempotent."""
        with mongo_errors():
            await self._rows.update_one({"_id": upload_id, "user_id": user_id}, {"$pull": {"holders": holder}})

    async def _changed(self, query: Document, change: Document) -> Row | None:
        if not await change_one(self._rows, query, change):
            return None
        return await find_as(self._rows, {"_id": query["_id"], **ALIVE}, Row)

    async def page(self, user_id: uuid.UUID, after: tuple[datetime, uuid.UUID] | None, limit: int) -> tuple[Row, ...]:
        """Uploads of a user that are ready, newest first, behind the one that has `after` as time and id."""
        found = await newest(self._rows, {"user_id": user_id, "status": "ready"}, after, limit)
        return msgspec.convert(found, tuple[Row, ...])

    async def bury(self, row: Row) -> bool:
        """It goes, unless it was begun anew, used or released since it was read; its objects are the caller's."""
        query = {"_id": row.upload_id, "status": row.status, "since": row.since}
        return await change_one(self._rows, query, _burial(row.upload_id))

    async def bury_own(self, row: Row) -> bool:
        """It goes whatever happened to it since it was read; False when it was gone already."""
        return await change_one(self._rows, {"_id": row.upload_id, **ALIVE}, _burial(row.upload_id))

    async def bury_all(self, user_id: uuid.UUID) -> list[Row]:
        """All of a user go; idempotent. Gives all rows that still name objects."""
        with mongo_errors():
            found = [msgspec.convert(each, Row) for each in await self._rows.find({"user_id": user_id}).to_list(None)]
        for row in found:
            await self.bury_own(row)
        return found

    async def since(self, status: RowStatus, before: datetime, limit: int = 100) -> list[Row]:
        """Rows of that status whose `since` is not after that time; held ones stay out."""
        query: Document = {"status": status, "since": up_to(before)}
        if status == "ready":
            query["holders"] = []
        with mongo_errors():
            found = await self._rows.find(query).limit(limit).to_list(limit)
        return [msgspec.convert(each, Row) for each in found]

    async def forget(self, row: Row) -> None:
        """Its objects have gone for good: nothing of it stays."""
        with mongo_errors():
            await self._rows.delete_one({"_id": row.upload_id, "status": "gone"})


def _burial(upload_id: uuid.UUID) -> Document:
    return {"$set": {"status": "gone", "since": now(), "identity": f"gone:{upload_id}"}, "$unset": {"credentials": ""}}
