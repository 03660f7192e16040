"""The databases of PostgreSQL nodes: made when they are missing, and brought to their newest form by files of SQL."""

import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from adapters.postgres import APPLICATION, COMMAND_LIMIT, CONNECT_LIMIT, Duplicate, database_errors

MIGRATION_LIMIT = 300.0
"""Seconds one statement of a migration may take."""
_LOCK = 0x636F7665_00000001
"""The advisory lock of whoever migrates a database; the outbox has another."""


class MigrationError(Exception):
    """The migrations in the folder do not fit what was applied before, or are not named as they should be."""


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
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
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
