"""MongoDB: the client, its errors in the words of the wire, indexes as a table, and what all stores do alike.

The driver is motor, in one import line and used only in ways that `pymongo.AsyncMongoClient` knows too (cursors are
read by `to_list`, no callbacks). Handlers never see a driver's error: wrap every call in `with mongo_errors():`.

SecantusDB reads the whole collection for `find_one_and_update`, for a range that is open below (take `up_to`) and for
partial indexes: where many documents are, use `update_one` and its `matched_count`, ranges with two ends, and plain
indexes. Each index that a changed document is in costs a write there, too.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import msgspec
from bson.errors import InvalidDocument
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import errors as driver

from contracts.errors import Invalid, Unavailable

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"
Kind = TypeVar("Kind")

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


def plain(value: Any) -> Any:
    """A struct, or a sequence of them, as MongoDB takes it: times, ids and bytes stay what they are."""
    return msgspec.to_builtins(value, builtin_types=(datetime, uuid.UUID, bytes), str_keys=True)


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


async def insert_once(collection: Collection, document: Document) -> bool:
    """Insert a document; False when one with its id, or what else is unique of it, is there already."""
    try:
        with mongo_errors():
            await collection.insert_one(document)
    except DuplicateKey:
        return False
    return True


async def change_one(collection: Collection, query: Document, change: Document) -> bool:
    """Change one document; False when none fits."""
    with mongo_errors():
        return (await collection.update_one(query, change)).matched_count == 1


async def find_as(collection: Collection, query: Document, kind: type[Kind]) -> Kind | None:
    """The document that fits, as a struct of that kind; None when there is none."""
    with mongo_errors():
        found = await collection.find_one(query)
    return None if found is None else msgspec.convert(found, kind)


async def newest(
    collection: Collection,
    query: Document,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
    *,
    name: str = "_id",
    shown: Mapping[str, Any] | None = None,
) -> list[Document]:
    """What fits, the newest first by `created_at` and `name`, behind the document that has `after` as these two."""
    if after is not None:
        query = query | behind(*after, name)
    with mongo_errors():
        found = collection.find(query, shown).sort([("created_at", -1), (name, -1)])
        return await found.limit(limit).to_list(limit)


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
