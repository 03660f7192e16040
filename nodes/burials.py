"""Documents of MongoDB with objects beside them, as covers and exports are: drafted, buried, and then emptied.

A buried document has lost all that its user wrote, and names the keys of its objects (`places`, a field) until those
have gone. What stays then says that it was made and what its Idempotency-Key was used for; of a user who was deleted
it is `forgotten`, and nothing stays. Whatever is still being made may put one more object, whose key is noted first.
Raises Unavailable when the database is away.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from adapters.mongo import Collection, Document, change_one, insert_once, mongo_errors, now, up_to, update_in_batches

EXISTS = {"deleted_at": {"$exists": False}}
"""What was not buried."""


async def fingerprint(collection: Collection, document_id: uuid.UUID) -> str | None:
    """Of the request that this document, buried or not, was made from."""
    with mongo_errors():
        found = await collection.find_one({"_id": document_id}, {"fingerprint": 1})
    return None if found is None else str(found["fingerprint"])


async def renew(collection: Collection, draft: Document, document: Document) -> None:
    """A draft is begun again: from now on it is as young as `document`, and there if it had been dropped meanwhile."""
    change = {"$set": {"created_at": document["created_at"]}}
    if not await change_one(collection, {"_id": document["_id"], **draft}, change):
        await insert_once(collection, document)


async def drop(collection: Collection, draft: Document, before: datetime | None) -> None:
    """Forget a draft that nothing was made of; with `before` only when it was not begun again since."""
    age = {} if before is None else {"created_at": {"$lt": before}}
    with mongo_errors():
        await collection.delete_one({**draft, **age})


async def drafts(
    collection: Collection, draft: Document, after: datetime, before: datetime, limit: int
) -> tuple[dict[uuid.UUID, uuid.UUID], datetime | None]:
    """Task id to document id of what is still as `draft` says and of that time, and where the next page begins.

    None when this was the last page.
    """
    query = {**draft, "created_at": {"$gte": after, "$lt": before}}
    with mongo_errors():
        cursor = collection.find(query, {"task_id": 1, "created_at": 1}).sort("created_at", 1)
        found = await cursor.limit(limit).to_list(limit)
    by_task = {each["task_id"]: each["_id"] for each in found}
    return by_task, found[-1]["created_at"] if len(found) == limit else None


async def bury(collection: Collection, buriable: Document, private: Iterable[str], places: str) -> Document | None:
    """Delete what is `private` of the document that fits `buriable`; None when none does, else its `places`."""
    change = {"$set": {"deleted_at": now()}, "$unset": dict.fromkeys(private, "")}
    if not await change_one(collection, buriable, change):
        return None
    with mongo_errors():
        return await collection.find_one({"_id": buriable["_id"]}, {places: 1})


async def forget(collection: Collection, user_id: uuid.UUID, private: Iterable[str], places: str) -> list[Document]:
    """Bury all documents of a user, those that are being made too; idempotent.

    What is left of each, to be emptied: `_id`, `status` and `places`.
    """
    change = {"$set": {"deleted_at": now(), "forgotten": True}, "$unset": dict.fromkeys(private, "")}
    with mongo_errors():
        await update_in_batches(collection, {"user_id": user_id, "forgotten": {"$exists": False}}, change)
        return await collection.find({"user_id": user_id, "forgotten": True}, {"status": 1, places: 1}).to_list(None)


async def buried(collection: Collection, making: str, late_before: datetime, places: str, limit: int) -> list[Document]:
    """Buried documents that still have objects; those of status `making` only when buried before `late_before`."""
    settled = {"$or": [{"status": {"$ne": making}}, {"deleted_at": {"$lt": late_before}}]}
    query = {"deleted_at": up_to(now()), places: {"$exists": True}, **settled}
    with mongo_errors():
        return await collection.find(query, {places: 1}).limit(limit).to_list(limit)


async def emptied(collection: Collection, document_id: uuid.UUID, places: str) -> None:
    """The objects of a buried document have gone; of a deleted user's nothing stays."""
    with mongo_errors():
        await collection.delete_one({"_id": document_id, "forgotten": True})
    await change_one(collection, {"_id": document_id, "deleted_at": {"$exists": True}}, {"$unset": {places: ""}})
