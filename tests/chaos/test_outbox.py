"""Outboxes whose process is killed again and again: what was committed is told, once, and in order.

Each process writes and sends without a pause and dies by kill -9 at a random moment: before the commit, between commit
and sending, between sending and noting it. The next one continues. At the end the database says what was committed and
the stream what was told.
"""

import asyncio
import base64
import collections
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.migrations import migrate
from adapters.mongo import open_mongo
from adapters.mongo_outbox import Outbox as DocumentOutbox
from adapters.nats.bus import Bus
from adapters.postgres import open_pool
from adapters.postgres_outbox import Outbox as TableOutbox
from contracts.wire import Context
from tests.chaos.conftest import Figures
from tests.support.buses import a_bus
from tests.support.outbox_writer import PER_DOCUMENT, SUBJECT, Fact
from tests.support.processes import a_process
from tests.support.servers import MongoDatabase

KILLS = 20
LIFE = (0.02, 0.5)
"""Seconds that a process has, from when it is ready."""
STREAM = "FACTS"
TABLES = """
CREATE TABLE facts (key text, number int, PRIMARY KEY (key, number));
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, subject text NOT NULL,
    headers text NOT NULL, payload bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
"""
pytestmark = pytest.mark.timeout(120)


@dataclass
class Told:
    """What the stream holds, in its order, beside what was committed."""

    facts: list[Fact]
    committed: set[str]

    @property
    def lost(self) -> int:
        """Committed, but not told."""
        return len(self.committed - {fact.name for fact in self.facts})

    @property
    def invented(self) -> int:
        """Told, but not committed."""
        return len({fact.name for fact in self.facts} - self.committed)

    @property
    def doubled(self) -> int:
        """Told more than once."""
        return len(self.facts) - len({fact.name for fact in self.facts})

    @property
    def disordered(self) -> int:
        """Keys whose facts are not told in their order."""
        numbers: dict[str, list[int]] = collections.defaultdict(list)
        for fact in self.facts:
            numbers[fact.key].append(fact.number)
        return sum(each != sorted(each) for each in numbers.values())

    def show(self, figures: Figures, kind: str) -> None:
        """A row of the table."""
        figures(
            f"{kind} outbox killed {KILLS} times: committed; lost, invented, doubled, out of order",
            f"{len(self.committed)}; {self.lost}, {self.invented}, {self.doubled}, {self.disordered}",
        )


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A bus with a stream for facts, whose memory for message ids is that of our streams."""
    config = {
        "name": STREAM,
        "subjects": [f"{SUBJECT}.>"],
        "storage": "file",
        "num_replicas": 1,
        "duplicate_window": 120 * 10**9,
    }
    async with a_bus(nats_url) as opened:
        await opened.request_raw(f"$JS.API.STREAM.CREATE.{STREAM}", msgspec.json.encode(config), Context.new(), 5)
        yield opened


async def kill_again_and_again(*arguments: str) -> None:
    """One process after the other; the last is killed like all others."""
    for _ in range(KILLS):
        async with a_process("tests.support.outbox_writer", *arguments):
            await asyncio.sleep(random.uniform(*LIFE))


async def stored(bus: Bus) -> list[Fact]:
    """Everything in the stream."""
    reply = await bus.request_raw(f"$JS.API.STREAM.INFO.{STREAM}", b"", Context.new(), 5)
    state = msgspec.json.decode(reply)["state"]
    facts = []
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        question = msgspec.json.encode({"seq": sequence})
        answer = await bus.request_raw(f"$JS.API.STREAM.MSG.GET.{STREAM}", question, Context.new(), 5)
        facts.append(msgspec.json.decode(base64.b64decode(msgspec.json.decode(answer)["message"]["data"]), type=Fact))
    return facts


async def test_a_table_whose_relay_is_killed(
    postgres_database: str, bus: Bus, nats_url: str, tmp_path: Path, figures: Figures
) -> None:
    """PostgreSQL: every committed row is in the stream once, those of a key in their order; nothing waits."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_pre_tables.sql").write_text(TABLES)
    await migrate(postgres_database, folder)
    await kill_again_and_again("postgres", postgres_database, "-", nats_url)

    pool = await open_pool(postgres_database)
    await TableOutbox(pool, bus.send).relay()
    rows = await pool.all("SELECT key, number FROM facts")
    left = await pool.value("SELECT count(*) FROM outbox")
    await pool.close()
    told = Told(await stored(bus), {Fact(**row).name for row in rows})
    told.show(figures, "PostgreSQL")

    assert len(told.committed) > 10 * KILLS
    assert (told.lost, told.invented, told.doubled, told.disordered, left) == (0, 0, 0, 0, 0)


async def test_documents_whose_writer_is_killed(
    mongo_database: MongoDatabase, bus: Bus, nats_url: str, figures: Figures
) -> None:
    """MongoDB: every message of a stored document is in the stream once, those of a document in their order."""
    await kill_again_and_again("mongo", mongo_database.url, mongo_database.name, nats_url)

    client = open_mongo(mongo_database.url)
    facts = client[mongo_database.name]["facts"]
    outbox = DocumentOutbox(facts, bus.send, grace=0)
    while await outbox.sweep():
        pass
    keys = [document["_id"] for document in await facts.find({}).to_list(None)]
    left = await facts.count_documents({"outbox.0": {"$exists": True}})
    client.close()
    told = Told(await stored(bus), {Fact(key, number).name for key in keys for number in range(PER_DOCUMENT)})
    told.show(figures, "MongoDB")

    assert len(told.committed) > 10 * KILLS
    assert (told.lost, told.invented, told.doubled, told.disordered, left) == (0, 0, 0, 0, 0)
