"""A server with the product's accounts and mappings, and small covers nodes of both versions on it."""

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Profile, connected
from adapters.nats.wire import ERROR, STATUS, VERSION
from contracts import covers
from contracts.covers import GetImage
from contracts.wire import Context, ObjectRef
from nodes.bindings import serve
from nodes.runtime import Node
from ops.canary import keep_weights, reload_server
from ops.credentials import seed_file, write_nats_config
from ops.paths import Home
from ops.servers.nats import NatsServer
from ops.settings import read_settings
from ops.supervision import Supervised
from tests.support.buses import SmallService
from tests.support.servers import running

SIDE_BY_SIDE = 100
QUESTION = msgspec.json.encode(GetImage(cover_id=uuid.UUID(int=1)))


class Traffic:
    """What a test does: start versions, set weights, ask as many users."""

    def __init__(self, home: Home, server: NatsServer, supervised: Supervised, edge: Bus):
        self.home = home
        self.edge = edge
        self.served: Counter[str] = Counter()
        """How often the handler of each version ran."""
        self._server = server
        self._supervised = supervised

    async def set(self, percent: int) -> float:
        """Give the canary of covers so much, as `covergen canary set` does; returns the seconds that it took."""
        began = time.perf_counter()
        keep_weights(self.home, {"covers": percent})
        pid = self._supervised.row.pid
        assert pid is not None
        await reload_server(self._server.log, pid, self._server.monitor_url)
        return time.perf_counter() - began

    @contextlib.asynccontextmanager
    async def bus(self, user: str) -> AsyncIterator[Bus]:
        """A connection as that user of NATS."""
        who = Profile(servers=(self._server.url,), name=user, seed=seed_file(self.home, user))
        async with connected(who) as connection, opened_bus(connection) as bus:
            yield bus

    @contextlib.asynccontextmanager
    async def node(self, place: str | None, release: str = "1.0.0") -> AsyncIterator[None]:
        """An instance of covers of that version."""

        async def image(_message: GetImage, _context: Context) -> ObjectRef:
            self.served[place or "v1"] += 1
            return ObjectRef(key="k", sha256="s", size=1, media_type="image/png")

        service = SmallService("covers", serve(covers.IMAGE, image))
        async with self.bus("covers") as bus, Node(bus, service, release, place=place):
            yield

    async def version(self, user: uuid.UUID | None = None, *, beta: bool = False, by: Bus | None = None) -> str:
        """Which version serves a request. AssertionError when none does."""
        context = Context(request_id="r", user_id=user, beta=beta, deadline=time.time() + 10)
        _body, headers = await (by or self.edge).ask(covers.IMAGE.subject, QUESTION, context, 10)
        assert headers is None or not {STATUS, ERROR} & set(headers), headers
        return (headers or {}).get(VERSION, "v1")

    async def versions(self, users: Iterable[uuid.UUID | None]) -> list[str]:
        """Which version serves each of these, many at a time."""
        places = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(user: uuid.UUID | None) -> str:
            async with places:
                return await self.version(user)

        return await asyncio.gather(*(one(user) for user in users))


@contextlib.asynccontextmanager
async def traffic(folder: Path) -> AsyncIterator[Traffic]:
    """A server without any node yet."""
    settings = read_settings({"COVERGEN_HOME": str(folder)}, folder / "none")
    home = Home(settings.home)
    server = NatsServer(home, write_nats_config(settings))
    async with running(server) as supervised:
        edge = Profile(servers=(server.url,), name="edge", seed=seed_file(home, "edge"))
        async with connected(edge) as connection, opened_bus(connection) as bus:
            yield Traffic(home, server, supervised, bus)
            assert connection.denied == []
