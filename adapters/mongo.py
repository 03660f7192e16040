"""MongoDB: the client, its errors in the words of the wire, indexes as a table, and the outbox inside a document.

The driver is motor, in one import line and used only in ways that `pymongo.AsyncMongoClient` knows too (cursors are
read by `to_list`, no callbacks). Handlers never see a driver's error: wrap every call in `with mongo_errors():`.

SecantusDB reads the whole collection for `find_one_and_update`, for a range that is open below (take `up_to`) and for
partial indexes: where many documents are, use `update_one` and its `matched_count`, ranges with two ends, and plain
indexes. Each index that a changed document is in costs a write there, too.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeAlias

import msgspec
from bson.errors import InvalidDocument
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import errors as driver

from contracts.errors import Invalid, Unavailable

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"

BATCH = 200
"""Documents that one statement changes at most."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before everything that is stored."""
TRANSIENT_CODES = frozenset({24, 50, 112, 251})
"""LockTimeout, MaxTimeMSExpired, WriteConflict, NoSuchTransaction: the same call may succeed a moment later."""


def open_mongo(url: str, *, patience: float = 5.0) -> Client:
    """A client of the server at `url`. Connects at its first use; call it in a running loop, `close()` it at the end.

    A write is done when a majority has it in its journal; the driver tries it again after a lost connection unless the
    URL says otherwise. UUIDs are stored as such, times come back aware and in UTC (MongoDB keeps milliseconds).
    `patience`: seconds to look for a server that takes a call; no call waits longer than about 10 s.
    """
    return AsyncIOMotorClient(
        url,
        uuidRepresentation="standard",
        tz_aware=True,
        w="majority",
        journal=True,
        serverSelectionTimeoutMS=round(patience * 1000),
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        maxPoolSize=20,
        appname="covergen",
    )


def now() -> datetime:
    """The time in UTC as MongoDB would give it back: whole milliseconds."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def up_to(at: datetime) -> Document:
    """The times until `at`, as a condition that an index serves: with 4500 documents 2 ms instead of 400."""
    return {"$gt": LONG_AGO, "$lte": at}


def behind(at: datetime, last: object, name: str = "_id") -> Document:
    """What follows the document of that time and id in a list by `created_at` and `name`, the newest first."""
    return {"$or": [{"created_at": {"$lt": at}}, {"created_at": at, name: {"$lt": last}}]}


class DuplicateKey(Exception):
    """A write broke a unique index; `index` is its name (`_id_` for the document's own id)."""

    def __init__(self, index: str) -> None:
        super().__init__(f"duplicate key in index {index}")
        self.index = index


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Raise DuplicateKey for a broken unique index, Unavailable for a server that is away, slow or not primary.

    Invalid is for values that BSON cannot hold; everything else, such as a bad query, is a defect and passes as it is.
    """
    try:
        yield
    except driver.DuplicateKeyError as error:
        found = re.search(r"index: (\S+)", str(error))
        raise DuplicateKey(found[1] if found else "") from error
    except (driver.ConnectionFailure, driver.WTimeoutError, driver.ExecutionTimeout) as error:
        raise Unavailable("The database is not available.") from error
    except (InvalidDocument, OverflowError) as error:
        raise Invalid("A value cannot be stored: a number is beyond 64 bits, or a name has a NUL in it.") from error
    except driver.OperationFailure as error:
        if error.code not in TRANSIENT_CODES:
            raise
        raise Unavailable("The database is busy.") from error


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a collection. `keys` are (field, 1 or -1); `where` makes it partial; `expire_after` in seconds."""

    name: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    where: Mapping[str, Any] | None = None
    expire_after: int | None = None

    def options(self) -> Document:
        """What goes beside the keys."""
        options: Document = {"name": self.name}
        if self.unique:
            options["unique"] = True
        if self.where is not None:
            options["partialFilterExpression"] = dict(self.where)
        if self.expire_after is not None:
            options["expireAfterSeconds"] = self.expire_after
        return options


async def ensure_indexes(collection: Collection, table: Iterable[Index]) -> None:
    """Create what is missing; doing it again, or in two instances at once, changes nothing.

    An index that exists under the same name with another definition raises the driver's OperationFailure: give the new
    one a new name. SecantusDB has no text indexes.
    """
    for index in table:
        with mongo_errors():
            await collection.create_index(list(index.keys), **index.options())


async def update_in_batches(collection: Collection, query: Document, change: Document) -> None:
    """Change all documents that fit, some at a time; `change` must make them fit no longer. Idempotent.

    One statement for thousands would be one transaction, which fills SecantusDB's cache and stops it for good.
    """
    while ids := await _some(collection, query):
        await collection.update_many({"_id": {"$in": ids}, **query}, change)


async def delete_in_batches(collection: Collection, query: Document) -> None:
    """Delete all documents that fit, some at a time, for the same reason. Idempotent."""
    while ids := await _some(collection, query):
        await collection.delete_many({"_id": {"$in": ids}, **query})


async def _some(collection: Collection, query: Document) -> list[Any]:
    return [found["_id"] for found in await collection.find(query, {"_id": 1}).limit(BATCH).to_list(BATCH)]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits in a document until JetStream has it."""

    subject: str
    payload: bytes
    message_id: str
    """The Nats-Msg-Id, unique in the whole collection: sending twice within the window stores once."""
    headers: dict[str, str] = {}


class Send(Protocol):
    """The raw publish of the bus: returns when JetStream has the message, raises Unavailable."""

    def __call__(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]
    ) -> Awaitable[None]: ...


OUTBOX_INDEX = Index("outbox_at", (("outbox.at", 1),))
"""Finds documents with messages that wait; an empty or missing outbox costs the sweep nothing."""


def waiting(messages: Iterable[Outgoing], at: datetime) -> list[Document]:
    """The stored form of `messages`.

    Put it into the same write as the change that they tell of: `{"outbox": waiting(...)}` in a new document,
    `{"$push": {"outbox": {"$each": waiting(...)}}}` in an update.
    """
    return [
        {"id": m.message_id, "subject": m.subject, "payload": m.payload, "headers": dict(m.headers), "at": at}
        for m in messages
    ]


class Outbox:
    """Sends the messages that wait in documents of one collection, in order within a document.

    A message is sent at least once, under one message id. After a crash at any point `sweep` finds what was not
    cleared. Clearing costs one write for many documents, so `relay` only notes what was sent and `flush` clears it;
    until then the same process does not send it again.
    """

    def __init__(self, collection: Collection, send: Send, *, grace: float = 2.0, clock: Callable[[], datetime] = now):
        """`grace`: seconds after which a message that still waits is taken to be forgotten, more than others need."""
        self._collection = collection
        self._send = send
        self._grace = timedelta(seconds=grace)
        self._clock = clock
        self._sent: dict[str, Any] = {}
        self._cleared: frozenset[str] = frozenset()

    async def relay(self, document: Mapping[str, Any]) -> None:
        """Send what waits in this document, as it was just read or written. Raises Unavailable: the rest waits on."""
        for entry in document.get("outbox", ()):
            if entry["id"] in self._sent or entry["id"] in self._cleared:
                continue  # the document may have been read before it was cleared
            await self._send(
                entry["subject"], entry["payload"], message_id=entry["id"], headers=entry.get("headers") or {}
            )
            self._sent[entry["id"]] = document["_id"]

    async def flush(self) -> int:
        """Clear what was sent; returns how many messages. Run it by a chore, about twice a second."""
        sent = dict(self._sent)
        self._cleared = frozenset(sent)
        if sent:
            with mongo_errors():
                await self._collection.update_many(
                    {"_id": {"$in": _distinct(sent.values())}},
                    {"$pull": {"outbox": {"id": {"$in": list(sent)}}}},
                )
            for message_id in sent:
                self._sent.pop(message_id, None)
        return len(sent)

    async def sweep(self, limit: int = 200) -> int:
        """Clear what was sent, then send what has waited for longer than the grace time; returns how many documents.

        A document whose message is not taken does not hold up the others; the first such error is raised at the end.
        """
        await self.flush()
        late = {"outbox.at": up_to(self._clock() - self._grace)}
        with mongo_errors():
            documents = (
                await self._collection.find(late, {"outbox": 1}).sort("outbox.at", 1).limit(limit).to_list(limit)
            )
        results = await asyncio.gather(*(self.relay(document) for document in documents), return_exceptions=True)
        await self.flush()
        for result in results:
            if result is not None:
                raise result
        return len(documents)


def _distinct(values: Iterable[Any]) -> Sequence[Any]:
    return list(dict.fromkeys(values))
