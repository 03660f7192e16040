"""Embedded servers that hang with their port open: the supervisor asks, says so, kills and replaces them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import AutoReconnect

from ops.paths import Home
from ops.running import status
from ops.servers.base import EmbeddedServer, Patience
from ops.servers.mongo import MongoServer
from ops.servers.nats import NatsServer, write_plain_config
from ops.servers.postgres import PostgresServer
from ops.servers.valkey import ValkeyServer
from ops.supervision import Supervised
from tests.support.servers import running
from tests.support.stack import small_stack

SHORT = Patience(every=0.5, quiet=1, limit=3)
LONG = Patience(every=0.5, quiet=1, limit=60)
pytestmark = pytest.mark.timeout(90)


def make(kind: str, home: Home, patience: Patience) -> EmbeddedServer:
    """A server of that kind in that home."""
    if kind == "nats":
        return NatsServer(home, write_plain_config(home.nats_config), patience=patience)
    if kind == "postgres":
        return PostgresServer(home, patience=patience)
    return MongoServer(home, patience=patience) if kind == "mongo" else ValkeyServer(home, patience=patience)


async def until(condition: Callable[[], bool], limit: float = 30) -> float:
    """Wait until it holds; seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture(params=["mongo", "nats", "postgres", "valkey"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the kinds."""
    return str(request.param)


def send(kept: Supervised, number: signal.Signals) -> int:
    """A signal to the server; its pid."""
    pid = kept.row.pid
    assert pid is not None
    os.kill(pid, number)
    return pid


async def test_a_server_that_stands_still_is_killed_and_replaced(tmp_path: Path, kind: str) -> None:
    """SIGSTOP: after three questions without an answer another process serves the same port, and answers."""
    program = make(kind, Home(tmp_path / "home"), SHORT)
    async with running(program) as kept:
        assert await program.answers()
        stopped, port = send(kept, signal.SIGSTOP), kept.row.port
        took = await until(lambda: kept.restarts > 0 and kept.state == "ready")
        assert took > SHORT.every * (SHORT.limit - 1)
        assert kept.row.pid not in (stopped, None)
        assert kept.row.port == port
        assert await program.answers()


async def test_a_server_that_is_only_late_is_shown_as_silent_and_left_alone(tmp_path: Path, kind: str) -> None:
    """It answers again before the patience ends: silent meanwhile, ready afterwards, the same process."""
    program = make(kind, Home(tmp_path / "home"), LONG)
    async with running(program) as kept:
        await asyncio.sleep(LONG.every)
        assert kept.state == "ready"
        stopped = send(kept, signal.SIGSTOP)
        await until(lambda: kept.state == "silent")
        send(kept, signal.SIGCONT)
        await until(lambda: kept.state == "ready")
        assert (kept.row.pid, kept.restarts) == (stopped, 0)


async def test_status_tells_a_silent_server(tmp_path: Path) -> None:
    """`covergen status` reads it from the state file, and reads of its return there."""
    home = tmp_path / "home"

    def health() -> str:
        return {row.name: row.health for row in status(home)}["nats"]

    async with small_stack(home, patience=LONG) as stack:
        assert health() == "ready"
        pid = stack.info.pids["nats"]
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: health() == "silent")
        os.kill(pid, signal.SIGCONT)
        await until(lambda: health() == "ready")


async def test_a_storage_engine_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement larger than the cache bears stops MongoDB's storage for good, while it still says hello."""
    monkeypatch.setattr("ops.servers.mongo.CACHE", "8M")
    program = make("mongo", Home(tmp_path / "home"), SHORT)
    async with running(program) as kept:
        client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(program.url, retryWrites=False)
        filled = client["test"]["filled"]
        filling = asyncio.gather(filled.insert_many([{"x": "y" * 3000} for _ in range(3000)]), return_exceptions=True)
        try:
            await until(lambda: kept.state == "silent")
            assert (await client.admin.command("hello"))["ok"] == 1
            assert isinstance((await filling)[0], AutoReconnect)
            await until(lambda: kept.restarts > 0 and kept.state == "ready")
            assert await filled.count_documents({}) in (0, 3000)
        finally:
            client.close()
