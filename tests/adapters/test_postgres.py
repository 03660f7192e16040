"""The PostgreSQL adapter on a real server."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from adapters.migrations import MigrationError, ensure_database, migrate
from adapters.postgres import Duplicate, Pool, database_errors, load_queries, open_pool
from adapters.postgres_outbox import Outbox
from contracts.errors import Unavailable
from contracts.wire import Context, Event

TABLES = """
CREATE TABLE things (name text CONSTRAINT things_name UNIQUE, made timestamptz DEFAULT now());
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, subject text NOT NULL,
    headers text NOT NULL, payload bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
"""


class Fact(msgspec.Struct, frozen=True):
    """Something that happened."""

    number: int


HAPPENED = Event("events.things.happened", Fact, frozenset(), "Something happened")


class Recorder:
    """A bus that keeps what it is sent, or refuses it while `down`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, str, Mapping[str, str]]] = []
        self.down = False
        self.delay = 0.0

    async def send(self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]) -> None:
        """As `Bus.send`."""
        if self.down:
            raise Unavailable
        await asyncio.sleep(self.delay)
        self.sent.append((subject, payload, message_id, headers))

    @property
    def ids(self) -> list[str]:
        """The message ids in the order they came."""
        return [entry[2] for entry in self.sent]


@pytest_asyncio.fixture
async def pool(postgres_database: str, tmp_path: Path) -> AsyncIterator[Pool]:
    """A pool on a database with the tables above."""
    (tmp_path / "0001_pre_tables.sql").write_text(TABLES)
    await migrate(postgres_database, tmp_path)
    pool = await open_pool(postgres_database)
    yield pool
    await pool.close()


async def put(pool: Pool, outbox: Outbox, number: int) -> None:
    """Store a fact that says `number`."""
    context = Context(request_id="r", deadline=1.0)
    async with pool.transaction() as transaction:
        await outbox.add(transaction, HAPPENED, Fact(number), message_id=f"fact:{number}", context=context)


async def test_statements_and_values(pool: Pool) -> None:
    """Rows come as dicts, counts as numbers, and parameters are parameters."""
    name = "Robert'); DROP TABLE things;--"
    assert await pool.run("INSERT INTO things (name) VALUES ($1), ('b')", name) == 2
    assert await pool.one("SELECT name FROM things WHERE name = $1", name) == {"name": name}
    assert await pool.one("SELECT name FROM things WHERE name = 'c'") is None
    assert len(await pool.all("SELECT * FROM things")) == 2
    assert await pool.value("SELECT count(*) FROM things") == 2


async def test_transaction_is_all_or_nothing(pool: Pool) -> None:
    """A block that raises leaves nothing behind; one that ends is kept."""

    async def broken() -> None:
        async with pool.transaction() as transaction:
            await transaction.run("INSERT INTO things (name) VALUES ('a')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with pool.transaction() as transaction:
        await transaction.run("INSERT INTO things (name) VALUES ('b')")
    assert await pool.all("SELECT name FROM things") == [{"name": "b"}]


async def test_duplicate_names_the_constraint(pool: Pool) -> None:
    """A broken unique constraint is a Duplicate with its name."""
    await pool.run("INSERT INTO things (name) VALUES ('a')")
    with pytest.raises(Duplicate) as caught:
        await pool.run("INSERT INTO things (name) VALUES ('a')")
    assert caught.value.constraint == "things_name"


async def test_server_away_is_unavailable(unused_tcp_port: int) -> None:
    """Nobody at the address is Unavailable, without the driver's text."""
    with pytest.raises(Unavailable, match=r"^The database is not available\.$"):
        await open_pool(f"postgresql://x:secret@127.0.0.1:{unused_tcp_port}/x")


async def test_lost_connections_heal(pool: Pool, postgres_database: str) -> None:
    """A connection cut in the middle is Unavailable, and the next call gets a new one."""
    killer = await open_pool(postgres_database, max_size=1)
    sleeping = asyncio.create_task(pool.value("SELECT pg_sleep(20)"))
    ended = 0
    while not ended:
        await asyncio.sleep(0.02)
        ended = await killer.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        )
    with pytest.raises(Unavailable):
        await sleeping
    assert await pool.value("SELECT 1") == 1
    await killer.close()


async def test_a_connection_that_died_in_an_answer_is_unavailable() -> None:
    """What asyncpg says at a commit when the server was killed just before it; to users that is an outage."""
    with pytest.raises(Unavailable), database_errors():
        raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")


async def test_bugs_stay_bugs(pool: Pool) -> None:
    """A wrong statement is not disguised as an outage."""
    with pytest.raises(Exception, match="does not exist") as caught:
        await pool.run("SELECT nothing FROM nowhere")
    assert not isinstance(caught.value, Unavailable)


def test_named_queries(tmp_path: Path) -> None:
    """Each statement has the name above it; comments stay with their statement."""
    path = tmp_path / "queries.sql"
    path.write_text("-- about the file\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT\n  2;\n")
    assert load_queries(path) == {"one": "SELECT 1", "two": "-- why\nSELECT\n  2"}


@pytest.mark.parametrize("text", ["SELECT 1;", "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;"])
def test_unnamed_or_doubled_queries_are_refused(tmp_path: Path, text: str) -> None:
    """A file without names, or with a name twice, is an error at start."""
    path = tmp_path / "queries.sql"
    path.write_text(text)
    with pytest.raises(ValueError, match="named queries"):
        load_queries(path)


async def test_migrations_run_once_in_order(postgres_database: str, tmp_path: Path) -> None:
    """Only what is missing is applied; the names applied are returned."""
    (tmp_path / "0001_pre_a.sql").write_text("CREATE TABLE a (x int);")
    assert await migrate(postgres_database, tmp_path) == ["0001_pre_a.sql"]
    (tmp_path / "0002_post_b.sql").write_text("ALTER TABLE a ADD y int; INSERT INTO a VALUES (1, 2);")
    assert await migrate(postgres_database, tmp_path) == ["0002_post_b.sql"]
    assert await migrate(postgres_database, tmp_path) == []


async def test_migrations_of_many_instances_at_once(postgres_database: str, tmp_path: Path) -> None:
    """Of several instances that start together exactly one applies each file."""
    (tmp_path / "0001_pre_a.sql").write_text("CREATE TABLE a (x int); SELECT pg_sleep(0.1);")
    (tmp_path / "0002_pre_b.sql").write_text("CREATE TABLE b (x int);")
    done = await asyncio.gather(*(migrate(postgres_database, tmp_path) for _ in range(4)))
    assert sorted(name for names in done for name in names) == ["0001_pre_a.sql", "0002_pre_b.sql"]


async def test_failed_migration_leaves_nothing(postgres_database: str, tmp_path: Path) -> None:
    """A file that fails half-way is undone as a whole, and applied once it is right."""
    path = tmp_path / "0001_pre_a.sql"
    path.write_text("CREATE TABLE a (x int); SELECT broken;")
    with pytest.raises(Exception, match="broken"):
        await migrate(postgres_database, tmp_path)
    path.write_text("CREATE TABLE a (x int);")
    assert await migrate(postgres_database, tmp_path) == ["0001_pre_a.sql"]


async def test_changed_migration_is_refused(postgres_database: str, tmp_path: Path) -> None:
    """What was applied may not change afterwards."""
    path = tmp_path / "0001_pre_a.sql"
    path.write_text("CREATE TABLE a (x int);")
    await migrate(postgres_database, tmp_path)
    path.write_text("CREATE TABLE a (x bigint);")
    with pytest.raises(MigrationError, match="changed"):
        await migrate(postgres_database, tmp_path)


@pytest.mark.parametrize("name", ["0002_pre_a.sql", "0001_a.sql", "1_pre_a.sql"])
async def test_misnamed_migration_is_refused(tmp_path: Path, name: str) -> None:
    """Numbers have no gaps and each file says whether it runs before or after the code."""
    (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="0001_pre_what"):
        await migrate("postgresql://nowhere", tmp_path)


async def test_database_is_created_once(postgres_url: str) -> None:
    """The first call creates the database, all others (at once or later) find it."""
    dsn = postgres_url.rpartition("/")[0] + f"/made_{uuid.uuid4().hex}"
    made = await asyncio.gather(*(ensure_database(dsn) for _ in range(3)))
    assert sum(made) == 1
    assert await ensure_database(dsn) is False
    pool = await open_pool(dsn)
    assert await pool.value("SELECT 1") == 1
    await pool.close()
    with pytest.raises(ValueError, match="letters"):
        await ensure_database(postgres_url.rpartition("/")[0] + '/x"; DROP DATABASE y;')


async def test_outbox_sends_in_order_and_forgets(pool: Pool) -> None:
    """What was committed is sent in order with its id, without the deadline, and is gone after it."""
    bus = Recorder()
    outbox = Outbox(pool, bus.send)
    for number in range(250):
        await put(pool, outbox, number)
    await outbox.relay()
    assert bus.ids == [f"fact:{number}" for number in range(250)]
    assert bus.sent[7] == ("events.things.happened", b'{"number":7}', "fact:7", {"request-id": "r"})
    assert await pool.value("SELECT count(*) FROM outbox") == 0


async def test_outbox_keeps_what_the_bus_refuses(pool: Pool) -> None:
    """While the bus is away nothing is lost; later everything goes out once."""
    bus = Recorder()
    outbox = Outbox(pool, bus.send)
    await put(pool, outbox, 1)
    bus.down = True
    await outbox.relay()
    assert await pool.value("SELECT count(*) FROM outbox") == 1
    bus.down = False
    await outbox.relay()
    await outbox.relay()
    assert bus.ids == ["fact:1"]


async def test_outbox_of_an_undone_transaction_says_nothing(pool: Pool) -> None:
    """A message of a transaction that was undone is never sent."""
    bus = Recorder()
    outbox = Outbox(pool, bus.send)

    async def broken() -> None:
        async with pool.transaction() as transaction:
            await outbox.add(transaction, HAPPENED, Fact(1), message_id="one", context=Context.new())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    await outbox.relay()
    assert bus.sent == []


async def test_outbox_message_is_stored_once(pool: Pool) -> None:
    """The same message id waiting twice is one message."""
    bus = Recorder()
    outbox = Outbox(pool, bus.send)
    await put(pool, outbox, 1)
    await put(pool, outbox, 1)
    await outbox.relay()
    assert bus.ids == ["fact:1"]


async def test_outbox_kick_sends_soon(pool: Pool) -> None:
    """A kick after the commit sends without waiting for the regular relay, also for messages that come meanwhile."""
    bus = Recorder()
    outbox = Outbox(pool, bus.send)
    bus.delay = 0.002
    for number in range(20):
        await put(pool, outbox, number)
        outbox.kick()
    await outbox.close()
    assert bus.ids == [f"fact:{number}" for number in range(20)]


async def test_outbox_of_two_instances_sends_once(pool: Pool, postgres_database: str) -> None:
    """Two instances that relay at the same time do not send twice nor out of order."""
    bus = Recorder()
    other = await open_pool(postgres_database)
    ours, theirs = Outbox(pool, bus.send), Outbox(other, bus.send)
    bus.delay = 0.001
    for number in range(40):
        await put(pool, ours, number)
    await asyncio.gather(ours.relay(), theirs.relay(), ours.relay(), theirs.relay())
    assert bus.ids == [f"fact:{number}" for number in range(40)]
    await other.close()


async def test_outbox_kick_waits_for_a_relay_elsewhere(pool: Pool, postgres_database: str) -> None:
    """A message stored while another instance is sending goes out after it, without a further kick."""
    bus = Recorder()
    other = await open_pool(postgres_database)
    ours, theirs = Outbox(pool, bus.send), Outbox(other, bus.send)
    await put(pool, theirs, 1)
    bus.delay = 0.2
    theirs.kick()
    await asyncio.sleep(0.1)
    await put(pool, ours, 2)
    ours.kick()
    await ours.close()
    await theirs.close()
    assert bus.ids == ["fact:1", "fact:2"]
    await other.close()


async def test_outbox_survives_a_crash_between_send_and_delete(pool: Pool) -> None:
    """When the sender dies after the bus took a message, it is sent again with the same id."""
    bus = Recorder()
    await put(pool, Outbox(pool, bus.send), 1)

    async def send_and_die(subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]) -> None:
        await bus.send(subject, payload, message_id=message_id, headers=headers)
        raise KeyboardInterrupt("killed")

    with pytest.raises(KeyboardInterrupt):
        await Outbox(pool, send_and_die).relay()
    await Outbox(pool, bus.send).relay()
    assert bus.ids == ["fact:1", "fact:1"]
