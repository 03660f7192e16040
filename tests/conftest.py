"""Servers for tests: PostgreSQL, MongoDB and Valkey once per run and only when asked for, NATS once per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ops.paths import Home
from ops.servers.mongo import MongoServer
from ops.servers.postgres import PostgresServer
from ops.servers.valkey import ValkeyServer
from tests.support.network import forbid_outside
from tests.support.servers import MongoDatabase, fresh_mongo, fresh_postgres, running, running_nats


def pytest_configure() -> None:
    """No test leaves this machine."""
    forbid_outside()


@pytest.fixture(scope="session")
def servers_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Where the servers that all tests share have their data."""
    return Home(tmp_path_factory.mktemp("servers"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(servers_home: Home) -> AsyncIterator[str]:
    """The superuser's address of this run's PostgreSQL."""
    server = PostgresServer(servers_home)
    async with running(server):
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mongo_url(servers_home: Home) -> AsyncIterator[str]:
    """The address of this run's MongoDB."""
    server = MongoServer(servers_home)
    async with running(server):
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(servers_home: Home) -> AsyncIterator[str]:
    """The address of this run's Valkey, which all tests share: use keys of your own, or `redis_database`."""
    server = ValkeyServer(servers_home)
    async with running(server):
        yield server.url


@pytest_asyncio.fixture
async def postgres_database(postgres_url: str) -> AsyncIterator[str]:
    """The address of an empty PostgreSQL database of the test's own."""
    async with fresh_postgres(postgres_url) as url:
        yield url


@pytest_asyncio.fixture
async def mongo_database(mongo_url: str) -> AsyncIterator[MongoDatabase]:
    """An empty MongoDB database of the test's own: `.url` and `.name`."""
    async with fresh_mongo(mongo_url) as database:
        yield database


@pytest_asyncio.fixture
async def redis_database(redis_url: str) -> str:
    """The address of this run's Valkey, emptied for the test."""
    async with Redis.from_url(redis_url) as client:
        await client.flushdb()
    return redis_url


@pytest_asyncio.fixture
async def nats_url(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a NATS server of the test's own, with JetStream."""
    async with running_nats(tmp_path / "nats-home") as server:
        yield server.url
