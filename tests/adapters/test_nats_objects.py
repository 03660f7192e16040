"""The NATS object store under the product's accounts: who writes, who reads, who sees nothing."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.nats.bus import opened_bus
from adapters.nats.connection import Profile, connected
from adapters.nats.objects import NatsObjects
from contracts.errors import NotFound, Unavailable
from ops.credentials import seed_file, write_nats_config
from ops.paths import Home
from ops.provision_nats import provision_streams
from ops.servers.nats import NatsServer
from ops.settings import read_settings
from tests.support.servers import running

SCOPE = "7d3a2f0e-0000-4000-8000-000000000001"


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server with accounts and streams."""
    settings = read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none")
    program = NatsServer(Home(settings.home), write_nats_config(settings))
    async with running(program):
        async with connected(profile(program, "ops")) as connection, opened_bus(connection) as bus:
            await provision_streams(bus)
        yield program


def profile(server: NatsServer, user: str) -> Profile:
    """How a user of that server connects."""
    return Profile(servers=(server.url,), name=user, seed=seed_file(server.home, user))


async def test_covers_write_and_the_edge_reads(server: NatsServer) -> None:
    """What covers puts, the edge gets, whole and in pieces; putting it twice keeps one; deleting is final."""
    data = os.urandom(700_000)
    async with connected(profile(server, "covers")) as covers, connected(profile(server, "edge")) as edge:
        writer, reader = NatsObjects(covers, "art"), NatsObjects(edge, "art")
        ref = await writer.put(SCOPE, data, "image/png")
        again = await writer.put(SCOPE, data, "image/png")

        assert again == ref
        assert await reader.get(ref) == data
        assert b"".join([piece async for piece in reader.stream(ref)]) == data
        assert covers.denied == edge.denied == []
        await writer.delete(ref.key)
        await writer.delete(ref.key)
        with pytest.raises(NotFound):
            await reader.get(ref)


async def test_who_is_no_writer_cannot_write(server: NatsServer) -> None:
    """Such a put is refused by the server and told as Unavailable, not left hanging."""
    async with connected(profile(server, "templates")) as templates:
        with pytest.raises(Unavailable):
            await NatsObjects(templates, "art", limit=1).put(SCOPE, b"x", "image/png")
        assert templates.denied


async def test_others_see_nothing(server: NatsServer) -> None:
    """A node that is no party of the bucket cannot even open it."""
    async with connected(profile(server, "auth")) as auth, connected(profile(server, "covers")) as covers:
        ref = await NatsObjects(covers, "art").put(SCOPE, b"x", "image/png")
        with pytest.raises(Unavailable):
            await NatsObjects(auth, "art", limit=1).get(ref)
