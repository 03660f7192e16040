"""The collection `shares`: one document per link to a cover. A link that is taken back is deleted."""

import uuid
from datetime import datetime

import msgspec

from adapters.mongo import (
    Database,
    Document,
    Index,
    delete_in_batches,
    ensure_indexes,
    find_as,
    insert_once,
    mongo_errors,
    newest,
    plain,
)
from contracts.covers import VersionNumber

KEPT = 7 * 24 * 3600
"""Seconds after its end in which a link is still in what its owner is told of all that is kept."""
INDEXES = (
    Index("of_cover", (("cover_id", 1), ("created_at", -1), ("_id", -1))),
    Index("of_user", (("user_id", 1), ("created_at", -1), ("_id", -1))),
    Index("ended", (("expires_at", 1),), expire_after=KEPT),
)


class ShareRecord(msgspec.Struct, frozen=True, kw_only=True, rename={"share_id": "_id"}):
    """A link as it is stored."""

    share_id: uuid.UUID
    cover_id: uuid.UUID
    user_id: uuid.UUID
    fingerprint: str
    """Of the request: the same key with another request is told by it."""
    version: VersionNumber | None
    """None: whichever the cover shows."""
    allow_download: bool
    created_at: datetime
    expires_at: datetime


class ShareStore:
    """All that is kept about links. Raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._shares = database["shares"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._shares, INDEXES)

    async def keep(self, record: ShareRecord) -> bool:
        """Insert a new link; False when there is one with its id already."""
        return await insert_once(self._shares, plain(record))

    async def of_id(self, share_id: uuid.UUID) -> ShareRecord | None:
        """One link, whoever asks."""
        return await find_as(self._shares, {"_id": share_id}, ShareRecord)

    async def of_cover(
        self, cover_id: uuid.UUID, at: datetime, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> list[ShareRecord]:
        """Links of a cover that are good at that time, newest first, behind the one that has `after` as time and id."""
        return await self._page({"cover_id": cover_id, "expires_at": {"$gt": at}}, after, limit)

    async def of_user(
        self, user_id: uuid.UUID, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> list[ShareRecord]:
        """All links of a user, in the same way."""
        return await self._page({"user_id": user_id}, after, limit)

    async def count(self, cover_id: uuid.UUID, at: datetime) -> int:
        """How many links of a cover are good at that time?"""
        with mongo_errors():
            return await self._shares.count_documents({"cover_id": cover_id, "expires_at": {"$gt": at}})

    async def drop(self, share_id: uuid.UUID, cover_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        """Delete a link; False when there is none."""
        mine = {"_id": share_id, "cover_id": cover_id, "user_id": user_id}
        with mongo_errors():
            return (await self._shares.delete_one(mine)).deleted_count == 1

    async def drop_all(self, **whose: uuid.UUID) -> None:
        """Delete the links of a cover (`cover_id`) or of a user (`user_id`); idempotent."""
        with mongo_errors():
            await delete_in_batches(self._shares, dict(whose))

    async def _page(self, query: Document, after: tuple[datetime, uuid.UUID] | None, limit: int) -> list[ShareRecord]:
        return msgspec.convert(await newest(self._shares, query, after, limit), list[ShareRecord])
