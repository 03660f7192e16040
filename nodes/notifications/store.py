"""The collections `inbox`, a document per notice, and `mails`, one per mail that was sent.

Raises Unavailable when the database is away.
"""

import uuid
from datetime import datetime

import msgspec

from adapters.mongo import (
    Database,
    Document,
    Index,
    delete_in_batches,
    ensure_indexes,
    insert_once,
    mongo_errors,
    newest,
)
from contracts.notifications import ListNotifications, Notification, NotificationPage
from contracts.paging import cut, moment_of

INDEXES = (
    Index("once", (("user_id", 1), ("effect_key", 1)), unique=True),
    Index("newest", (("user_id", 1), ("created_at", -1), ("_id", -1))),
    Index("unread", (("user_id", 1), ("read_at", 1))),
)
MAIL_INDEXES = (Index("oldest", (("sent_at", 1),)),)


class InboxStore:
    """All inboxes."""

    def __init__(self, database: Database) -> None:
        self._inbox = database["inbox"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._inbox, INDEXES)

    async def keep(self, user_id: uuid.UUID, effect_key: str, notice: Notification) -> None:
        """Keep a notice; nothing happens when this effect was told before."""
        document = msgspec.structs.asdict(notice) | {"user_id": user_id, "effect_key": effect_key}
        document["_id"] = document.pop("id")
        await insert_once(self._inbox, document)

    async def clear(self, user_id: uuid.UUID) -> None:
        """Remove all notices of a user."""
        with mongo_errors():
            await delete_in_batches(self._inbox, {"user_id": user_id})

    async def page(self, user_id: uuid.UUID, ask: ListNotifications) -> NotificationPage:
        """A user's notices, newest first. Raises Invalid for a bad cursor."""
        query: Document = {"user_id": user_id}
        if ask.unread is not None:
            query["read_at"] = None if ask.unread else {"$ne": None}
        after = moment_of(ask.cursor)
        with mongo_errors():  # counted first, so that whatever is counted can also be seen
            unread = await self._inbox.count_documents({"user_id": user_id, "read_at": None})
        documents = await newest(self._inbox, query, after, ask.limit + 1)
        shown, following = cut(documents, ask.limit, lambda notice: (notice["created_at"], notice["_id"]))
        return NotificationPage(items=tuple(map(_notice, shown)), next_cursor=following, unread=unread)

    async def mark_read(self, user_id: uuid.UUID, notice_id: uuid.UUID, at: datetime) -> Notification | None:
        """Mark a user's notice as read, unless it is already; None when the user has no such notice."""
        own = {"_id": notice_id, "user_id": user_id}
        with mongo_errors():
            await self._inbox.update_one({**own, "read_at": None}, {"$set": {"read_at": at}})
            document = await self._inbox.find_one(own)
        return None if document is None else _notice(document)


class MailStore:
    """Which mails were sent; not what was in them, nor to whom."""

    def __init__(self, database: Database) -> None:
        self._mails = database["mails"]

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await ensure_indexes(self._mails, MAIL_INDEXES)

    async def sent(self, effect_key: str) -> bool:
        """Was it sent?"""
        with mongo_errors():
            return await self._mails.find_one({"_id": effect_key}) is not None

    async def note(self, effect_key: str, kind: str, at: datetime) -> None:
        """It was sent. Idempotent."""
        await insert_once(self._mails, {"_id": effect_key, "kind": kind, "sent_at": at})

    async def forget(self, before: datetime) -> None:
        """Forget those that were sent before a time."""
        with mongo_errors():
            await delete_in_batches(self._mails, {"sent_at": {"$lt": before}})


def _notice(document: Document) -> Notification:
    return msgspec.convert({**document, "id": document["_id"]}, Notification)
