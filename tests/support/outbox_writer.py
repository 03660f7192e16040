"""A process that stores facts together with the messages that tell them, and sends those: to be killed at any moment.

`python -m tests.support.outbox_writer KIND DATABASE_URL DATABASE NATS_URL` says `ready` and goes on until then. KIND is
`postgres` (a table and an outbox table in one transaction, and a relay) or `mongo` (the messages wait in the document).
"""

import asyncio
import sys
import uuid

import msgspec

from adapters.mongo import Collection, mongo_errors, now, open_mongo
from adapters.mongo_outbox import Outbox as DocumentOutbox
from adapters.mongo_outbox import Outgoing, waiting
from adapters.nats.bus import Bus
from adapters.postgres import Pool, open_pool
from adapters.postgres_outbox import Outbox as TableOutbox
from contracts.wire import Context, Event
from tests.support.buses import a_bus

WRITERS = 4
PER_DOCUMENT = 3
PAUSE = 0.002
SUBJECT = "facts"


class Fact(msgspec.Struct, frozen=True):
    """The number-th fact of its key; told in this order."""

    key: str
    number: int

    @property
    def name(self) -> str:
        """Its message id."""
        return f"{self.key}:{self.number}"


def told(kind: str) -> Event[Fact]:
    """The event of a kind of database."""
    return Event(f"{SUBJECT}.{kind}", Fact, frozenset(), "A fact")


async def write_rows(pool: Pool, outbox: TableOutbox, key: str) -> None:
    """Facts of one key, one after the other, each in a transaction with its message."""
    number = await pool.value("SELECT count(*) FROM facts WHERE key = $1", key)
    while True:
        fact = Fact(key, number)
        async with pool.transaction() as transaction:
            await transaction.run("INSERT INTO facts (key, number) VALUES ($1, $2)", key, number)
            await outbox.add(transaction, told("postgres"), fact, message_id=fact.name, context=Context.new())
        outbox.kick()
        number += 1
        await asyncio.sleep(PAUSE)


async def postgres(url: str, bus: Bus) -> None:
    """As the nodes of PostgreSQL do it, with a relay that also starts by itself."""
    pool = await open_pool(url)
    outbox = TableOutbox(pool, bus.send)
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write_rows(pool, outbox, f"key-{writer}"))
        _say("ready")
        while True:
            await outbox.relay()
            await asyncio.sleep(0.2)


async def write_documents(facts: Collection, outbox: DocumentOutbox) -> None:
    """Documents with several messages each, sent as soon as they are stored."""
    while True:
        key = uuid.uuid4().hex
        messages = [
            Outgoing(subject=told("mongo").subject, payload=msgspec.json.encode(fact), message_id=fact.name)
            for fact in (Fact(key, number) for number in range(PER_DOCUMENT))
        ]
        document = {"_id": key, "outbox": waiting(messages, now())}
        with mongo_errors():
            await facts.insert_one(document)
        await outbox.relay(document)
        await asyncio.sleep(PAUSE)


async def mongo(url: str, database: str, bus: Bus) -> None:
    """As the nodes of MongoDB do it, with a sweep for what an earlier process left behind."""
    facts = open_mongo(url)[database]["facts"]
    outbox = DocumentOutbox(facts, bus.send, grace=0.5)
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(write_documents(facts, outbox))
        _say("ready")
        while True:
            await outbox.sweep()
            await asyncio.sleep(0.2)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def run(kind: str, url: str, database: str, nats_url: str) -> None:
    """Until killed."""
    async with a_bus(nats_url, "writer") as bus:
        await (postgres(url, bus) if kind == "postgres" else mongo(url, database, bus))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:5]))
