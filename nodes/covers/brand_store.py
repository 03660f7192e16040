"""The collections `brand_kits`, one document for each user with a kit, and `brand_logos`, one for each logo's copy.

A copy stays while the kit or a recipe of one of its owner's covers names it. Each is looked at from time to time
(`look_at`), and its row is written before its bytes, so that no crash leaves bytes that nobody knows.
"""

import uuid
from datetime import datetime, timedelta

from adapters.mongo import Database, Document, Index, ensure_indexes, find_as, mongo_errors, now, plain
from nodes.burials import EXISTS
from nodes.covers.branding import Kit

GRACE = timedelta(minutes=10)
"""After which a copy may be found useless: far above the time of an order that has read the kit and is being kept."""
AGAIN = timedelta(hours=6)
"""Until a copy that was needed is looked at again."""
INDEXES = (Index("look_at", (("look_at", 1),)), Index("owner", (("user_id", 1),)))
NAMED_AT = ("recipe", "versions.recipe", "work.takes.1.recipe")
"""Where covers have recipes; all takes of a work have the same brand."""


class BrandStore:
    """What is kept about kits. Raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._kits = database["brand_kits"]
        self._logos = database["brand_logos"]
        self._covers = database["covers"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._logos, INDEXES)

    async def of(self, user_id: uuid.UUID) -> Kit | None:
        """The kit of a user."""
        return await find_as(self._kits, {"_id": user_id}, Kit)

    async def keep(self, kit: Kit) -> None:
        """Replace the user's kit; logos that were its own are looked at soon."""
        with mongo_errors():
            await self._kits.replace_one({"_id": kit.user_id}, plain(kit), upsert=True)
        await self._look_soon(kit.user_id)

    async def drop(self, user_id: uuid.UUID) -> tuple[str, ...]:
        """Forget the user's kit; the keys of all copies of logos, which a deleted user needs no longer."""
        with mongo_errors():
            await self._kits.delete_one({"_id": user_id})
            found = await self._logos.find({"user_id": user_id}, {"_id": 1}).to_list(None)
        return tuple(each["_id"] for each in found)

    async def expect(self, key: str, user_id: uuid.UUID) -> None:
        """Note a copy that is about to be put."""
        row = {"$set": {"user_id": user_id, "look_at": now() + GRACE}}
        with mongo_errors():
            await self._logos.update_one({"_id": key}, row, upsert=True)

    async def due(self, limit: int = 100) -> dict[str, uuid.UUID]:
        """Copies that are to be looked at: key to owner."""
        with mongo_errors():
            query = {"look_at": {"$lt": now()}}
            found = await self._logos.find(query, {"user_id": 1}).sort("look_at", 1).to_list(limit)
        return {each["_id"]: each["user_id"] for each in found}

    async def needed(self, key: str, user_id: uuid.UUID) -> bool:
        """Does the kit, or a recipe of a cover that is still there, name this copy? If so, it is looked at later."""
        named: list[Document] = [{f"{place}.brand.logo.key": key} for place in NAMED_AT]
        with mongo_errors():
            in_use = await self._kits.find_one(
                {"_id": user_id, "logo.key": key}, {"_id": 1}
            ) or await self._covers.find_one({"user_id": user_id, "$or": named, **EXISTS}, {"_id": 1})
            if in_use:
                await self._logos.update_one({"_id": key}, {"$set": {"look_at": now() + AGAIN}})
        return in_use is not None

    async def forget(self, key: str) -> None:
        """The bytes of a copy have gone."""
        with mongo_errors():
            await self._logos.delete_one({"_id": key})

    async def _look_soon(self, user_id: uuid.UUID) -> None:
        soon: datetime = now() + GRACE
        with mongo_errors():
            await self._logos.update_many({"user_id": user_id, "look_at": {"$gt": soon}}, {"$set": {"look_at": soon}})
