"""Users whose accounts were deleted within the last day, for nodes that keep their data in MongoDB.

The rule of each node: deleting marks the user first and deletes then; whatever makes something of a user writes first
and looks at the marks then, and takes back what it wrote. So one of the two always sees the other, and nothing that was
under way, or was asked for with an access token that is still good, outlives its account.
"""

import uuid

from adapters.mongo import Database, Index, ensure_indexes, mongo_errors, now
from contracts.errors import Unauthenticated

REMEMBERED = 24 * 3600
"""Seconds after the last telling of a deletion; far above the 15 minutes of an access token and the life of a task."""
INDEXES = (Index("old", (("at", 1),), expire_after=REMEMBERED),)


class Departed:
    """The marks: collection `deleted_users` of the node's own database. Raises Unavailable when that is away."""

    def __init__(self, database: Database) -> None:
        self._marks = database["deleted_users"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._marks, INDEXES)

    async def mark(self, user_id: uuid.UUID) -> None:
        """From now on `has` says so; idempotent."""
        with mongo_errors():
            await self._marks.update_one({"_id": user_id}, {"$set": {"at": now()}}, upsert=True)

    async def has(self, user_id: uuid.UUID) -> bool:
        """Was this user deleted?"""
        with mongo_errors():
            return await self._marks.find_one({"_id": user_id}) is not None


def gone() -> Unauthenticated:
    """What somebody is told whose access token has outlived the account."""
    return Unauthenticated("The account is gone.")
