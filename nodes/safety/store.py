"""The collections `reviews` and `rulings` of the safety node's own database.

A review holds what a user wrote or a copy of a picture, and goes with the account or after 90 days. A ruling is a hash
and a word, tells nothing of anybody, and stays: what was released passes, what was confirmed is refused.
Raises Unavailable when the database is away.
"""

import contextlib
import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from adapters.mongo import (
    Database,
    Document,
    Index,
    ensure_indexes,
    insert_once,
    mongo_errors,
    newest,
    now,
    plain,
    up_to,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outbox, Outgoing, Send, waiting
from contracts.errors import Unavailable
from contracts.paging import cut, moment_of
from contracts.reviews import ListReviews, Review, ReviewPage, ReviewRow, ReviewStatus, Ruling, RulingLine
from nodes.safety.model import STATUS_AFTER, Item

KEPT = timedelta(days=90)
BATCH = 100
PLACE = (Annotated[datetime, msgspec.Meta(tz=True)], uuid.UUID)
INDEXES = (
    Index("shelf", (("created_at", -1), ("_id", -1))),
    Index("status_shelf", (("status", 1), ("created_at", -1), ("_id", -1))),
    Index("user", (("user_id", 1),)),
    OUTBOX_INDEX,
)


class ReviewStore:
    """All that is kept about reviews."""

    def __init__(self, database: Database, send: Send) -> None:
        self._items = database["reviews"]
        self._rulings = database["rulings"]
        self.outbox = Outbox(self._items, send)
        """Decisions that are to be told."""

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._items, INDEXES)

    async def ruling(self, digest: str) -> Ruling | None:
        """What a person said to this text or picture, if anything."""
        with mongo_errors():
            found = await self._rulings.find_one({"_id": digest})
        return None if found is None else msgspec.convert(found["decision"], Ruling)

    async def keep(self, item: Item) -> bool:
        """Put an item into the queue; False when it is there already. Idempotent by its id."""
        return await insert_once(self._items, {**plain(item), "_id": item.id})

    async def find(self, review_id: uuid.UUID) -> Item | None:
        """The item; None when there is none."""
        with mongo_errors():
            found = await self._items.find_one({"_id": review_id})
        return None if found is None else _item(found)

    async def page(self, ask: ListReviews) -> ReviewPage:
        """Items, the newest first. Raises Invalid for a cursor of another list."""
        query: Document = {} if ask.status is None else {"status": ask.status}
        documents = await newest(self._items, query, moment_of(ask.cursor), ask.limit + 1)
        items, following = cut([_item(each) for each in documents], ask.limit, lambda item: (item.created_at, item.id))
        return ReviewPage(items=tuple(map(row, items)), next_cursor=following)

    async def rule(self, item: Item, line: RulingLine, news: Outgoing) -> None:
        """Write a decision down: first what holds from now on, then that the item is done, with `news` of it.

        Idempotent: what says the same as before is another line, and no news.
        """
        after: ReviewStatus = STATUS_AFTER[line.decision]
        fact = {"decision": line.decision, "at": line.at, "by": line.by}
        pushed, told = {"rulings": plain(line)}, waiting([news], line.at)
        other = {"$set": {"status": after}, "$push": {**pushed, "outbox": {"$each": told}}}
        with mongo_errors():
            await self._rulings.update_one({"_id": item.digest}, {"$set": fact}, upsert=True)
            changed = await self._items.update_one({"_id": item.id, "status": {"$ne": after}}, other)
            if not changed.matched_count:
                await self._items.update_one({"_id": item.id}, {"$push": pushed})
        if changed.matched_count:
            with contextlib.suppress(Unavailable):  # the sweep tells it then
                await self.outbox.relay({"_id": item.id, "outbox": told})

    async def of(self, user_id: uuid.UUID) -> list[Item]:
        """Some items of a user; ask again after removing them."""
        return await self._some({"user_id": user_id})

    async def old(self) -> list[Item]:
        """Some items that were kept long enough; ask again after removing them."""
        return await self._some({"created_at": up_to(now() - KEPT)})

    async def remove(self, review_id: uuid.UUID) -> None:
        """Forget an item; its ruling stays."""
        with mongo_errors():
            await self._items.delete_one({"_id": review_id})

    async def count_waiting(self) -> int:
        """How many items nobody has looked at."""
        with mongo_errors():
            return await self._items.count_documents({"status": "waiting"})

    async def _some(self, query: Document) -> list[Item]:
        with mongo_errors():
            return [_item(found) for found in await self._items.find(query).limit(BATCH).to_list(BATCH)]


def row(item: Item) -> ReviewRow:
    """An item as it stands in the list."""
    return ReviewRow(**_facts(item))


def whole(item: Item) -> Review:
    """An item with all of it."""
    return Review(**_facts(item), texts=item.texts, findings=item.findings, rulings=item.rulings)


def _facts(item: Item) -> dict[str, Any]:
    last = item.rulings[-1] if item.rulings else None
    names = ("id", "kind", "status", "user_id", "task_id", "created_at")
    return {name: getattr(item, name) for name in names} | {
        "categories": tuple(dict.fromkeys(finding.category for finding in item.findings)),
        "decided_at": last and last.at,
        "decided_by": last and last.by,
    }


def _item(document: Document) -> Item:
    return msgspec.convert({**document, "id": document["_id"]}, Item)
