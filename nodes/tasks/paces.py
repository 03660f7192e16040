"""How fast tasks came and began, in MongoDB, collection `paces`: one document per busy second, for ten minutes.

Every instance adds what it has seen itself, so that the sum is true however many there are, and none has to count
documents of tasks. Nothing is written while no task waits.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from adapters.mongo import Collection, Database, DuplicateKey, mongo_errors
from nodes.tasks.load import Look

COLLECTION = "paces"
KEPT = 600
"""Seconds."""


class Paces:
    """The busy seconds. All methods raise Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database.get_collection(COLLECTION)
        self._swept = 0

    async def add(self, at: datetime, look: Look) -> None:
        """Add what one instance saw; several that look in the same second have looked at the same time."""
        second = int(at.timestamp())
        counts = {"begun": look.begun} | {f"came.{plan}": count for plan, count in look.came.items() if count}
        try:
            with mongo_errors():
                await self._collection.update_one(
                    {"_id": second}, {"$inc": counts, "$max": {"span": look.span}}, upsert=True
                )
        except DuplicateKey:
            return  # another instance made the document at this moment: one look less
        await self._sweep(second)

    async def last(self, at: datetime, count: int) -> Sequence[Look]:
        """The last busy seconds that are still remembered, the newest first."""
        with mongo_errors():
            found = self._collection.find({"_id": {"$gt": int(at.timestamp()) - KEPT}}).sort("_id", -1).limit(count)
            return [msgspec.convert(document, Look) for document in await found.to_list(count)]

    async def _sweep(self, second: int) -> None:
        """Forget what is too old, once a minute."""
        if second - self._swept >= 60:
            self._swept = second
            with mongo_errors():
                await self._collection.delete_many({"_id": {"$lt": second - KEPT}})
