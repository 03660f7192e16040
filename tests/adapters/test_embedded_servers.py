"""The embedded servers: they start, keep their data through kill -9 on the same port, and leave nothing behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import nats
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from ops.paths import Home
from ops.processes import is_alive, proportional_size, supervised
from ops.servers.base import EmbeddedServer, NotReady, ServerMissing, package_folder
from ops.servers.mongo import MongoServer
from ops.servers.nats import NatsServer, write_plain_config
from ops.servers.postgres import PostgresServer
from ops.servers.valkey import ValkeyServer
from ops.supervision import Supervised
from tests.support.servers import running

MEGABYTE = 1_000_000


async def nats_store(url: str) -> None:
    """One message into a stream that is made when it is missing."""
    client = await nats.connect(url)
    try:
        await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await client.jetstream().publish("kept", b"x")
    finally:
        await client.close()


async def nats_count(url: str) -> int:
    """How many messages are there."""
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info("KEPT")).state.messages
    except NotFoundError:
        return 0
    finally:
        await client.close()


async def postgres_store(url: str) -> None:
    """One committed row."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (at int)")
        await connection.execute("INSERT INTO kept VALUES (1)")
    finally:
        await connection.close()


async def postgres_count(url: str) -> int:
    """How many rows are there."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def valkey_store(url: str) -> None:
    """One more element of a list."""
    async with Redis.from_url(url) as client:
        await client.rpush("kept", "x")


async def valkey_count(url: str) -> int:
    """How many elements are there."""
    async with Redis.from_url(url) as client:
        return int(await client.llen("kept"))


async def mongo_store(url: str) -> None:
    """One document."""
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    try:
        await client["test"]["kept"].insert_one({})
    finally:
        client.close()


async def mongo_count(url: str) -> int:
    """How many documents are there."""
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(url)
    try:
        return int(await client["test"]["kept"].count_documents({}))
    finally:
        client.close()


def make(kind: str, home: Home) -> EmbeddedServer:
    """A server of that kind in that home."""
    if kind == "nats":
        return NatsServer(home, write_plain_config(home.nats_config))
    if kind == "postgres":
        return PostgresServer(home)
    return MongoServer(home) if kind == "mongo" else ValkeyServer(home)


STORE = {"nats": nats_store, "postgres": postgres_store, "valkey": valkey_store, "mongo": mongo_store}
COUNT = {"nats": nats_count, "postgres": postgres_count, "valkey": valkey_count, "mongo": mongo_count}
# Proportional set size just after the start, with about a half to spare over what is measured.
LARGEST = {"nats": 25, "postgres": 25, "valkey": 10, "mongo": 75}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture(params=sorted(STORE))
async def server(request: pytest.FixtureRequest, home: Home) -> AsyncIterator[tuple[EmbeddedServer, Supervised]]:
    """Each of the servers, kept alive."""
    program = make(request.param, home)
    async with running(program) as kept:
        yield program, kept


async def restarted(kept: Supervised, times: int) -> None:
    """Wait until the server has come back `times` times."""
    async with asyncio.timeout(15):
        while True:
            if kept.restarts >= times and kept.state == "ready":
                return
            await asyncio.sleep(0.02)


async def test_data_and_port_survive_kill(server: tuple[EmbeddedServer, Supervised]) -> None:
    """What was acknowledged before a kill -9 is there after the restart, at the same address; twice over."""
    program, kept = server
    before = program.url
    for round_ in (1, 2):
        await STORE[program.name](program.url)
        assert kept.row.pid is not None
        os.kill(kept.row.pid, signal.SIGKILL)
        await restarted(kept, round_)

        assert program.url == before
        assert await COUNT[program.name](before) == round_


async def test_stop_leaves_no_process_and_start_finds_the_data(home: Home, kind: str) -> None:
    """After stop no process of the home is left; a new start in the same home has the data, on any port."""
    first = make(kind, home)
    async with running(first):
        await STORE[kind](first.url)
    assert supervised(home.root) == []

    second = make(kind, home)
    async with running(second):
        assert await COUNT[kind](second.url) == 1


@pytest.fixture(params=sorted(STORE))
def kind(request: pytest.FixtureRequest) -> str:
    """The name of each server."""
    return str(request.param)


async def test_server_is_small_and_on_loopback_only(server: tuple[EmbeddedServer, Supervised]) -> None:
    """A fresh server stays within its share of the product's memory and listens on 127.0.0.1 and nowhere else."""
    program, kept = server
    assert kept.row.pid is not None

    assert 0 < proportional_size(kept.row.pid) < LARGEST[program.name] * MEGABYTE
    assert listeners(kept.row.pid) == {"0100007F"}


def listeners(pid: int) -> set[str]:
    """The addresses, as the kernel writes them, of the process's listening TCP sockets."""
    links = (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


async def test_nats_healthz_answers_on_its_monitor_port(home: Home) -> None:
    """The NATS server's own health page is served on the recorded port."""
    program = NatsServer(home, write_plain_config(home.nats_config))
    page = f"{program.monitor_url}/healthz"
    async with running(program), aiohttp.ClientSession() as client, client.get(page) as response:
        body = await response.json()

    assert body == {"status": "ok"}


async def test_postgres_asks_for_its_password(home: Home) -> None:
    """A client without the password, which only the owner can read, is refused."""
    program = PostgresServer(home)
    async with running(program):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://covergen:guess@127.0.0.1:{program.port}/postgres")
    assert (program.folder / "password").stat().st_mode & 0o077 == 0


async def test_postgres_flushes_every_commit(home: Home) -> None:
    """The durable settings are on: a commit is on the disk when it is acknowledged."""
    program = PostgresServer(home)
    async with running(program):
        connection = await asyncpg.connect(program.url)
        shown = [await connection.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
        await connection.close()

    assert shown == ["on", "on"]


async def test_postgres_starts_over_a_stale_pid_file(home: Home) -> None:
    """A pid file whose pid now belongs to another program does not stop the start."""
    program = PostgresServer(home)
    async with running(program):
        await postgres_store(program.url)
        lines = (program.data / "postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getpid())
    (program.data / "postmaster.pid").write_text("\n".join(lines) + "\n")

    async with running(PostgresServer(home)) as kept:
        assert kept.state == "ready"


async def test_interrupted_first_start_of_postgres_is_made_again(home: Home) -> None:
    """A half-made cluster, of a first start that was killed, is replaced by a whole one."""
    program = PostgresServer(home)
    home.create()
    (program.folder / "draft").mkdir(parents=True)
    (program.folder / "draft" / "PG_VERSION").write_text("18\n")

    async with running(program):
        await postgres_store(program.url)
        assert await postgres_count(program.url) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
async def test_postgres_as_nobody_where_namespaces_are_forbidden(home: Home) -> None:
    """Without user namespaces root starts it as `nobody`; a cluster made one way is taken over the other way."""
    for identity in ("nobody", "namespace", "nobody"):
        program = PostgresServer(home, identity=identity)
        async with running(program):
            await postgres_store(program.url)
            owner = (program.data / "PG_VERSION").stat().st_uid
            assert owner == (65534 if identity == "nobody" else 0)
    async with running(program):
        assert await postgres_count(program.url) == 3


async def test_failure_to_start_shows_the_last_lines(home: Home) -> None:
    """A server that ends at once is reported with its exit code and what it said."""
    home.nats_config.parent.mkdir(parents=True)
    home.nats_config.write_text("jetstream { no_such_option: 1 }\n")

    with pytest.raises(NotReady, match=r"nats ended with code 1 before it was ready:\n(.|\n)*no_such_option"):
        async with running(NatsServer(home, home.nats_config)):
            pass
    assert supervised(home.root) == []


def test_missing_wheel_says_what_to_do() -> None:
    """Without the wheel the message names the extra to install and the setting to use instead."""
    with pytest.raises(ServerMissing, match=r"covergen\[embedded\].*COVERGEN_NATS_URL"):
        package_folder("no_such_package", "The NATS server", "COVERGEN_NATS_URL")


async def test_stop_in_the_middle_of_a_restart(home: Home) -> None:
    """Stopping while a dead server is about to be restarted ends without a process."""
    program = NatsServer(home, write_plain_config(home.nats_config))
    async with running(program) as kept:
        pid = kept.row.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)

    assert not is_alive(pid)
    assert supervised(home.root) == []
    assert kept.row.pid is None
