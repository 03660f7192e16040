"""PostgreSQL: a pool, named queries, migrations and the transactional outbox.

What is wrong with the server or the way to it becomes Unavailable, a broken unique constraint becomes `Duplicate`; any
other driver error is a bug and goes up as it is.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]  # the driver ships no types
import msgspec

from contracts.errors import Invalid, Unavailable
from contracts.wire import Context, Event, WorkQueue

log = logging.getLogger(__name__)

Row = dict[str, Any]
Queries = Mapping[str, str]

APPLICATION = "covergen"
CONNECT_LIMIT = 10.0
COMMAND_LIMIT = 10.0
"""Seconds one statement may take, waiting for locks included."""
ACQUIRE_LIMIT = 5.0
"""Seconds to wait for a free connection of the pool."""
MIGRATION_LIMIT = 300.0
RELAY_BATCH = 100

_LOCKS = {"migrate": 0x636F7665_00000001, "outbox": 0x636F7665_00000002}
"""Advisory locks, one number space per database."""

_DOWN = (
    OSError,
    TimeoutError,
    ssl.SSLError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's word for a connection whose server died in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)


class Duplicate(Exception):
    """A unique constraint, whose name is `constraint`, does not allow this row."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class MigrationError(Exception):
    """The migrations in the folder do not fit what was applied before, or are not named as they should be."""


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Driver errors as ours: Duplicate, Invalid for a value that cannot be stored, Unavailable; no driver's text."""
    try:
        yield
    except asyncpg.DataError as error:
        raise Invalid("A value cannot be stored.") from error
    except asyncpg.UniqueViolationError as error:
        raise Duplicate(error.constraint_name or "") from error
    except _DOWN as error:
        raise Unavailable("The database is not available.", retry_after=1) from error


class Transaction:
    """One transaction on one connection; `one`, `all`, `value` and `run` take a statement and its parameters."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def one(self, query: str, *parameters: object) -> Row | None:
        """The first row, or None."""
        with database_errors():
            record = await self._connection.fetchrow(query, *parameters)
        return None if record is None else dict(record)

    async def all(self, query: str, *parameters: object) -> list[Row]:
        """All rows."""
        with database_errors():
            return [dict(record) for record in await self._connection.fetch(query, *parameters)]

    async def value(self, query: str, *parameters: object) -> Any:
        """The first column of the first row, or None."""
        with database_errors():
            return await self._connection.fetchval(query, *parameters)

    async def run(self, query: str, *parameters: object) -> int:
        """How many rows were changed."""
        with database_errors():
            status = await self._connection.execute(query, *parameters)
        last = str(status).rpartition(" ")[2]
        return int(last) if last.isdigit() else 0


class Pool:
    """Connections to one database. The statements that it runs itself are transactions of their own."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def one(self, query: str, *parameters: object) -> Row | None:
        """The first row, or None."""
        async with self._connection() as connection:
            return await connection.one(query, *parameters)

    async def all(self, query: str, *parameters: object) -> list[Row]:
        """All rows."""
        async with self._connection() as connection:
            return await connection.all(query, *parameters)

    async def value(self, query: str, *parameters: object) -> Any:
        """The first column of the first row, or None."""
        async with self._connection() as connection:
            return await connection.value(query, *parameters)

    async def run(self, query: str, *parameters: object) -> int:
        """How many rows were changed."""
        async with self._connection() as connection:
            return await connection.run(query, *parameters)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything in the block is committed together at its end, or undone when it raises."""
        with database_errors():
            async with self._pool.acquire(timeout=ACQUIRE_LIMIT) as connection, connection.transaction():
                yield Transaction(connection)

    async def close(self) -> None:
        """Wait for what is running (5 s at most) and close all connections."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Transaction]:
        with database_errors():
            async with self._pool.acquire(timeout=ACQUIRE_LIMIT) as connection:
                yield Transaction(connection)


async def open_pool(dsn: str, *, max_size: int = 5, kind: Callable[[Any], Pool] = Pool) -> Pool:
    """A pool of 1 to `max_size` connections, made by `kind` from the driver's own.

    Raises Unavailable when the server does not answer.
    """
    settings = {"application_name": APPLICATION, "timezone": "UTC", "jit": "off"}
    with database_errors():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=max_size,
            timeout=CONNECT_LIMIT,
            command_timeout=COMMAND_LIMIT,
            server_settings=settings,
        )
    return kind(pool)


def load_queries(path: Path) -> Queries:
    """The statements of a file by the names in their `-- name: xyz` lines."""
    parts = re.split(r"^-- name: *(\w+)[ \t]*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = parts[1::2]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{path.name}: no named queries, or two of one name")
    return dict(zip(names, (body.strip().rstrip(";") for body in parts[2::2]), strict=True))


async def ensure_database(dsn: str) -> bool:
    """Create the database that `dsn` names, from the server's `postgres` database; False when it was there."""
    url = urlsplit(dsn)
    name = unquote(url.path.lstrip("/"))
    if not re.fullmatch(r"\w{1,63}", name):
        raise ValueError("a database name is letters, digits and underscores")
    connection = await _connect(urlunsplit(url._replace(path="/postgres")))
    try:
        with database_errors():
            if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                return False
            await connection.execute(f'CREATE DATABASE "{name}"')
    except Duplicate:
        return False  # somebody else has just done it
    except asyncpg.DuplicateDatabaseError:
        return False
    finally:
        await connection.close()
    return True


async def migrate(dsn: str, folder: Path) -> list[str]:
    """Apply what is missing of the folder's `0001_pre_what.sql` files, in order; returns the names applied now.

    `pre` files must suit the code that still runs, `post` files need it gone. Each file is one transaction and is kept
    with its checksum; one instance at a time works, the others wait and then find nothing to do. Raises MigrationError
    when a file was changed after it was applied, or when numbers are missing or doubled.
    """
    files = _migration_files(folder)
    connection = await _connect(dsn, MIGRATION_LIMIT)
    try:
        with database_errors():
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCKS["migrate"])
            await connection.execute(_MIGRATIONS_TABLE)
            applied = {
                row["name"]: row["checksum"]
                for row in await connection.fetch("SELECT name, checksum FROM schema_migrations")
            }
            return [name for name, sql in files.items() if await _apply(connection, name, sql, applied.get(name))]
    finally:
        await connection.close()  # gives the lock back


_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def _migration_files(folder: Path) -> dict[str, str]:
    names = sorted(path.name for path in folder.glob("*.sql"))
    for number, name in enumerate(names, start=1):
        if not re.fullmatch(rf"{number:04}_(pre|post)_\w+\.sql", name):
            raise MigrationError(f"{name}: expected {number:04}_pre_what.sql or {number:04}_post_what.sql")
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


async def _apply(connection: Any, name: str, sql: str, applied: str | None) -> bool:
    checksum = hashlib.sha256(sql.encode()).hexdigest()
    if applied is not None and applied != checksum:
        raise MigrationError(f"{name} was changed after it was applied")
    if applied is not None:
        return False
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)", name, checksum)
    return True


async def _connect(dsn: str, limit: float = COMMAND_LIMIT) -> Any:
    settings = {"application_name": APPLICATION, "timezone": "UTC"}
    with database_errors():
        return await asyncpg.connect(dsn, timeout=CONNECT_LIMIT, command_timeout=limit, server_settings=settings)


class Send(Protocol):
    """Put bytes on the bus and return when they are safe there, as `Bus.send` does. Raises Unavailable."""

    async def __call__(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]
    ) -> None: ...  # a protocol's body


class Outbox:
    """Messages that are stored in the same transaction as what they tell, and sent after it.

    They wait in table `outbox(position, id, subject, headers, payload, created_at)`. `relay` sends them in the order of
    their positions, each with its `id` as Nats-Msg-Id, and deletes what the bus has acknowledged: every message is sent
    at least once, and a second sending is recognised by its id. One instance at a time sends, the others wait for it.
    """

    def __init__(self, pool: Pool, send: Send) -> None:
        self._pool = pool
        self._send = send
        self._relaying = asyncio.Lock()
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    async def add(
        self,
        transaction: Transaction,
        contract: Event[Any] | WorkQueue[Any],
        message: msgspec.Struct,
        *,
        message_id: str,
        context: Context,
    ) -> None:
        """Store a message; idempotent by `message_id` until it is sent. Call `kick` after the commit."""
        headers = msgspec.structs.replace(context, deadline=None).headers()  # nobody waits for it
        await transaction.run(
            _ADD, message_id, contract.subject, msgspec.json.encode(headers).decode(), msgspec.json.encode(message)
        )

    async def relay(self) -> None:
        """Send everything that waits, or as much as the bus takes now; the rest stays, in order.

        Raises Unavailable when the database is away.
        """
        async with self._relaying:  # so that an instance waits for the others with one connection only
            while await self._relay_batch() == RELAY_BATCH:
                pass

    def kick(self) -> None:
        """Relay soon, without waiting for it; a failure is left to the next regular `relay`."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._relay_while_wanted())

    async def close(self) -> None:
        """Wait for a relay that is running."""
        if self._task is not None:
            await self._task

    async def _relay_while_wanted(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self.relay()
        except Exception as error:  # noqa: BLE001 -- nobody awaits this task: the regular relay tries again and raises
            log.warning("the outbox could not be relayed now: %s", error)

    async def _relay_batch(self) -> int:
        async with self._pool.transaction() as transaction:
            await transaction.run("SELECT pg_advisory_xact_lock($1)", _LOCKS["outbox"])
            rows: Sequence[Row] = await transaction.all(_NEXT, RELAY_BATCH)
            sent: list[int] = []
            try:
                for row in rows:
                    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
                    await self._send(row["subject"], row["payload"], message_id=row["id"], headers=headers)
                    sent.append(row["position"])
            except Unavailable as error:
                log.warning("the outbox waits for the bus: %s", error)
            await transaction.run("DELETE FROM outbox WHERE position = ANY($1)", sent)
        return len(sent)


_ADD = """
INSERT INTO outbox (id, subject, headers, payload) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING
"""
_NEXT = "SELECT position, id, subject, headers, payload FROM outbox ORDER BY position LIMIT $1"
