"""Real servers for tests, started by the product's own code."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
from motor.motor_asyncio import AsyncIOMotorClient

from ops.paths import Home
from ops.servers.base import Program
from ops.servers.nats import NatsServer, write_plain_config
from ops.supervision import Supervised


class MongoDatabase(msgspec.Struct, frozen=True):
    """A database of one test's own: the server's address and the database's name."""

    url: str
    name: str


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Supervised]:
    """The program started and kept alive inside the block, stopped after it."""
    supervised = Supervised(program, lambda: None)
    await supervised.start()
    try:
        yield supervised
    finally:
        await supervised.stop()


@asynccontextmanager
async def running_nats(folder: Path) -> AsyncIterator[NatsServer]:
    """A NATS server without accounts, with JetStream flushed at every write."""
    home = Home(folder)
    server = NatsServer(home, write_plain_config(home.nats_config))
    async with running(server):
        yield server


@asynccontextmanager
async def fresh_postgres(server_url: str) -> AsyncIterator[str]:
    """The address of a new empty database, dropped after the block."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield server_url.rpartition("/")[0] + "/" + name
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_mongo(server_url: str) -> AsyncIterator[MongoDatabase]:
    """A new empty database, dropped after the block."""
    database = MongoDatabase(server_url, f"test_{uuid.uuid4().hex}")
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(server_url)
    try:
        yield database
        await client.drop_database(database.name)
    finally:
        client.close()
