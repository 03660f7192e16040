"""PostgreSQL: a pool of connections, transactions and named queries.

What is wrong with the server or the way to it becomes Unavailable, a broken unique constraint becomes `Duplicate`; any
other driver error is a bug and goes up as it is.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from contracts.errors import Invalid, Unavailable

Row = dict[str, Any]
Queries = Mapping[str, str]

APPLICATION = "covergen"
CONNECT_LIMIT = 10.0
COMMAND_LIMIT = 10.0
"""Seconds one statement may take, waiting for locks included."""
ACQUIRE_LIMIT = 5.0
"""Seconds to wait for a free connection of the pool."""

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
