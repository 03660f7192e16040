"""The MongoDB adapter on a real server: what it stores, its errors, its indexes, and the outbox under crashes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from adapters.mongo import (
    BATCH,
    Collection,
    DuplicateKey,
    Index,
    delete_in_batches,
    ensure_indexes,
    mongo_errors,
    now,
    open_mongo,
    update_in_batches,
)
from adapters.mongo_outbox import OUTBOX_INDEX, Outbox, Outgoing, waiting
from contracts.errors import Invalid, Unavailable
from tests.support.servers import MongoDatabase


@pytest_asyncio.fixture
async def things(mongo_database: MongoDatabase) -> AsyncIterator[Collection]:
    """An empty collection."""
    client = open_mongo(mongo_database.url)
    yield client[mongo_database.name]["things"]
    client.close()


class Wire:
    """Takes messages as the bus does. `down` makes it refuse all, `broken` those of one subject."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.down = False
        self.broken = ""

    async def send(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep it, or say that it cannot be kept."""
        if self.down or subject == self.broken:
            raise Unavailable("down")
        self.sent.append(message_id)


def message(message_id: str, subject: str = "jobs.x.y") -> Outgoing:
    """Something small to send."""
    return Outgoing(subject=subject, payload=b"{}", message_id=message_id, headers={"tier": "free"})


async def test_uuids_and_times_come_back_as_they_went(things: Collection) -> None:
    """A UUID is a UUID, a time is aware and in UTC to the millisecond."""
    document: dict[str, Any] = {"_id": uuid.uuid4(), "at": now(), "blob": b"\x00\xff"}
    await things.insert_one(dict(document))
    assert await things.find_one({"_id": document["_id"]}) == document


async def test_a_broken_unique_index_is_a_duplicate_key_with_its_name(things: Collection) -> None:
    """The index tells which field is taken."""
    await ensure_indexes(things, [Index("email", (("email", 1),), unique=True)])
    await things.insert_one({"_id": 1, "email": "a"})
    for document, index in (({"_id": 2, "email": "a"}, "email"), ({"_id": 1, "email": "b"}, "_id_")):
        with pytest.raises(DuplicateKey) as caught, mongo_errors():
            await things.insert_one(document)
        assert caught.value.index == index


async def test_a_partial_unique_index_binds_only_its_documents(things: Collection) -> None:
    """`where` leaves the others alone."""
    await ensure_indexes(things, [Index("one_default", (("owner", 1),), unique=True, where={"default": True})])
    await things.insert_many([{"owner": 1, "default": False}, {"owner": 1, "default": False}])
    await things.insert_one({"owner": 1, "default": True})
    with pytest.raises(DuplicateKey), mongo_errors():
        await things.insert_one({"owner": 1, "default": True})


async def test_indexes_are_created_once_by_however_many_instances(things: Collection) -> None:
    """Two instances that start at once agree."""
    table = [OUTBOX_INDEX, Index("old", (("at", 1),), expire_after=60)]
    await asyncio.gather(*(ensure_indexes(things, table) for _ in range(4)))
    assert set(await things.index_information()) == {"_id_", "outbox_at", "old"}


async def test_a_server_that_is_away_is_unavailable() -> None:
    """Nobody listens on port 1."""
    client = open_mongo("mongodb://127.0.0.1:1/?directConnection=true", patience=0.2)
    with pytest.raises(Unavailable), mongo_errors():
        await asyncio.wait_for(client["x"]["y"].find_one({}), 10)
    client.close()


async def test_what_cannot_be_stored_is_the_callers_fault(things: Collection) -> None:
    """Numbers beyond 64 bit and names with a NUL are refused, not answered as an internal error."""
    for bad in ({"n": 2**70}, {"a\x00b": 1}):
        with pytest.raises(Invalid), mongo_errors():
            await things.insert_one(bad)


async def test_of_racing_writers_each_revision_has_one(things: Collection) -> None:
    """Compare-and-set by find_one_and_update: 20 writers, 20 increments."""
    await things.insert_one({"_id": 1, "rev": 0})

    async def write() -> None:
        while True:
            rev = (await things.find_one({"_id": 1}) or {})["rev"]
            with mongo_errors():
                if await things.find_one_and_update({"_id": 1, "rev": rev}, {"$set": {"rev": rev + 1}}):
                    return

    await asyncio.gather(*(write() for _ in range(20)))
    assert (await things.find_one({"_id": 1}) or {})["rev"] == 20


async def test_a_relayed_outbox_is_sent_in_order_and_cleared(things: Collection) -> None:
    """One flush clears the messages of many documents and nothing else."""
    wire = Wire()
    outbox = Outbox(things, wire.send)
    for n in (1, 2):
        await things.insert_one({"_id": n, "outbox": waiting([message(f"{n}:a"), message(f"{n}:b")], now())})
        await outbox.relay(await things.find_one({"_id": n}) or {})
    await things.update_one({"_id": 2}, {"$push": {"outbox": {"$each": waiting([message("2:c")], now())}}})
    assert wire.sent == ["1:a", "1:b", "2:a", "2:b"]
    assert await outbox.flush() == 4
    left = {d["_id"]: [m["id"] for m in d["outbox"]] async for d in things.find({})}
    assert left == {1: [], 2: ["2:c"]}


async def test_what_was_not_sent_is_swept_by_anybody_after_the_grace(things: Collection) -> None:
    """A crash between store and send: another instance sends it, but not what may still be in hand."""
    wire, late, fresh = Wire(), now() - timedelta(seconds=5), now() + timedelta(seconds=60)
    await ensure_indexes(things, [OUTBOX_INDEX])
    await things.insert_one({"_id": 1, "outbox": waiting([message("1:a"), message("1:b")], late)})
    await things.insert_one({"_id": 2, "outbox": waiting([message("2:a")], fresh)})
    await things.insert_one({"_id": 3, "outbox": []})
    other = Outbox(things, wire.send)
    assert await other.sweep() == 1
    assert await other.sweep() == 0
    assert wire.sent == ["1:a", "1:b"]


async def test_a_bus_that_is_down_loses_nothing(things: Collection) -> None:
    """Messages wait in the document until the bus takes them, each once."""
    wire = Wire()
    outbox = Outbox(things, wire.send)
    await things.insert_one(
        {"_id": 1, "outbox": waiting([message("1:a"), message("1:b")], now() - timedelta(seconds=5))}
    )
    wire.down = True
    with pytest.raises(Unavailable):
        await outbox.sweep()
    wire.down = False
    await outbox.sweep()
    assert wire.sent == ["1:a", "1:b"]


async def test_one_message_that_is_not_taken_does_not_hold_up_other_documents(things: Collection) -> None:
    """Order is kept within a document only."""
    wire, late = Wire(), now() - timedelta(seconds=5)
    wire.broken = "jobs.bad"
    await things.insert_one({"_id": 1, "outbox": waiting([message("1:a", "jobs.bad"), message("1:b")], late)})
    await things.insert_one({"_id": 2, "outbox": waiting([message("2:a")], late)})
    with pytest.raises(Unavailable):
        await Outbox(things, wire.send).sweep()
    assert wire.sent == ["2:a"]


async def test_thousands_of_documents_are_changed_and_deleted_in_batches(things: Collection) -> None:
    """Each once, and only those that fit; one statement for all of them would stop the embedded server for good."""
    owner, count = uuid.uuid4(), BATCH * 4 + 50
    for start in range(0, count, BATCH):
        await things.insert_many(
            [{"owner": owner, "n": n, "pad": "x" * 4000} for n in range(start, min(start + BATCH, count))]
        )
    await things.insert_one({"owner": uuid.uuid4(), "n": 0})
    async with asyncio.timeout(30):
        await update_in_batches(
            things, {"owner": owner, "gone": {"$exists": False}}, {"$set": {"gone": True}, "$inc": {"n": 1}}
        )
        changed = await things.find({"gone": True}, {"n": 1}).to_list(None)
        await delete_in_batches(things, {"owner": owner})
    assert sorted(each["n"] for each in changed) == list(range(1, count + 1))
    assert await things.count_documents({}) == 1
