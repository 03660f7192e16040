"""The link to NATS: killed servers, raising callbacks, dead readers, and the end of a connection."""

import asyncio
import os
import signal
import time
from pathlib import Path
from urllib.parse import urlparse

import pytest
from nats.aio.client import Server

from adapters.nats import connection as connections
from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Connection, Profile, connected
from contracts import notifications, users
from contracts.errors import DeadlineExceeded, ServiceError, Unavailable
from contracts.wire import Context
from nodes.bindings import serve, work
from ops.paths import Home
from ops.servers.nats import NatsServer, write_plain_config
from ops.supervision import Supervised
from tests.runtime.test_jobs import notice, settle
from tests.runtime.test_requests import quota
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.servers import running


def server(folder: Path) -> NatsServer:
    """A server that comes back on its port when it is killed."""
    home = Home(folder)
    return NatsServer(home, write_plain_config(home.nats_config))


async def kill(program: Supervised) -> None:
    """kill -9, and wait until the supervisor has started it again."""
    pid = program.row.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while program.row.pid in (None, pid) or program.state != "ready":
            await asyncio.sleep(0.02)


async def answered(bus: Bus, limit: float) -> float:
    """Seconds until a request is answered again."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while True:
            try:
                await bus.request(users.QUOTA, users.GetQuota(), Context.new(timeout=1))
            except ServiceError:
                await asyncio.sleep(0.05)
            else:
                return time.monotonic() - began


async def answer(_message: users.GetQuota, _context: Context) -> users.Quota:
    """Any quota."""
    return quota()


async def test_requests_and_jobs_survive_a_killed_server(tmp_path: Path) -> None:
    """After kill -9 of the server every stored job is done once, and requests are answered within five seconds."""
    done: list[str] = []

    async def handle(message: notifications.SendNotification, _context: Context) -> None:
        await asyncio.sleep(0.005)
        done.append(message.effect_key)

    program = server(tmp_path)
    service = SmallService("notifications", work(notifications.SEND, handle))
    async with running(program) as supervised, a_bus(program.url, streams=True) as bus:
        async with a_node(program.url, service), a_node(program.url, SmallService("users", serve(users.QUOTA, answer))):
            for n in range(100):
                await bus.enqueue(notifications.SEND, notice(f"j{n}"), message_id=f"j{n}")
            await kill(supervised)
            back = await answered(bus, 10)
            await bus.enqueue(notifications.SEND, notice("after"), message_id="after")
            await settle(bus, "JOBS", 0, limit=20)

    assert back < 5
    assert set(done) == {*(f"j{n}" for n in range(100)), "after"}


async def test_a_publish_during_the_outage_is_stored_once(tmp_path: Path) -> None:
    """A job that is enqueued while the server is down is retried with its id, and is there exactly once."""
    program = server(tmp_path)
    async with running(program) as supervised, a_bus(program.url, streams=True) as bus:
        pid = supervised.row.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await bus.enqueue(notifications.SEND, notice(), message_id="m")
        await bus.enqueue(notifications.SEND, notice(), message_id="m")
        await settle(bus, "JOBS", 1)


async def test_raising_callbacks_do_not_make_a_zombie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks that raise neither stop the reader nor the reconnecting."""

    async def explode(*_: object) -> None:
        raise RuntimeError("callback")

    for name in ("_on_error", "_on_disconnect", "_on_reconnect"):
        monkeypatch.setattr(Connection, name, explode)
    program = server(tmp_path)
    async with running(program) as supervised, a_bus(program.url) as bus:
        async with a_node(program.url, SmallService("users", serve(users.QUOTA, answer))):
            await kill(supervised)
            assert await answered(bus, 10) < 5


async def test_the_watchdog_revives_a_dead_reader(tmp_path: Path) -> None:
    """A connection whose reader died still counts as connected; the watchdog notices and reconnects."""
    program = server(tmp_path)
    async with running(program), a_node(program.url, SmallService("users", serve(users.QUOTA, answer))):
        profile = Profile(servers=(program.url,), name="tester", watchdog=0.3)
        async with connected(profile) as connection, opened_bus(connection) as bus:
            reader = connection.client._reading_task
            assert reader is not None
            reader.cancel()
            with pytest.raises(DeadlineExceeded):
                await bus.request(users.QUOTA, users.GetQuota(), Context.new(timeout=0.2))
            assert connection.is_connected
            assert await answered(bus, 5) < 3
            assert connection.reconnects == 1


async def test_a_connection_closed_for_good_is_reported(nats_url: str) -> None:
    """`lost` tells the process to end when the client gave up, and only then."""
    async with connected(Profile(servers=(nats_url,), name="tester")) as connection:
        bus = Bus(connection)
        await bus.open()
        await connection.client.close()
        await asyncio.wait_for(connection.lost.wait(), 1)
        with pytest.raises(Unavailable):
            await bus.request(users.QUOTA, users.GetQuota(), Context.new())
    async with connected(Profile(servers=(nats_url,), name="tester")) as orderly:
        pass
    assert not orderly.lost.is_set()


def test_clients_come_back_at_different_times() -> None:
    """The wait before a reconnect is random, grows with failures, and is bounded."""
    servers = [Server(uri=urlparse("nats://localhost"), reconnects=n) for n in (0, 3, 50)]
    waits = {s.reconnects: [connections.next_server([s], {})[1] for _ in range(200)] for s in servers}

    assert max(waits[0]) <= connections.RECONNECT_FIRST
    assert len(set(waits[0])) > 100
    assert min(waits[3]) > max(waits[0])
    assert max(waits[50]) <= connections.RECONNECT_MOST
