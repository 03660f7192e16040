"""An edge on a real bus, Valkey and folder of objects, with small nodes behind it."""

import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from adapters.redis import Redis, opened_redis
from adapters.signed_tokens import Verifier
from edge.app import build_app
from edge.serving import serve_app
from edge.stages import Rules
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.support.buses import a_bus

RULES = [rule.name for rule in fields(Rules)]


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Edge:
    """A running edge and what a test needs around it."""

    url: str
    client: aiohttp.ClientSession
    world: World
    user: uuid.UUID
    bus: Bus

    async def ask(self, method: str, path: str, *, signed: bool = True, **options: Any) -> Reply:
        """One request, signed in as the test's user unless told otherwise."""
        headers = {**(self.world.bearer(self.user) if signed else {}), **options.pop("headers", {})}
        async with self.client.request(method, self.url + path, headers=headers, **options) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


@contextlib.asynccontextmanager
async def an_edge(nats_url: str, redis: Redis, world: World, **options: Any) -> AsyncIterator[Edge]:
    """An edge for the length of the block; `options` are those of its rules and of `build_app`."""
    async with a_bus(nats_url, "edge") as bus, aiohttp.ClientSession() as client:
        rules = Rules(**{name: options.pop(name) for name in RULES if name in options})
        chosen = {"nodes": NODES, "verifier": Verifier(), **options}
        app = build_app(bus=bus, objects=world.objects, redis=redis, rules=rules, **chosen)
        async with serve_app(app, "127.0.0.1", 0, drain=2) as url:
            yield Edge(url, client, world, uuid.uuid4(), bus)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """What the nodes know."""
    return World(FolderObjects(tmp_path / "objects"))


@pytest_asyncio.fixture
async def redis(redis_database: str) -> AsyncIterator[Redis]:
    """A client of an empty Valkey."""
    async with opened_redis(redis_database) as redis:
        yield redis


@pytest_asyncio.fixture
async def edge(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge with all nodes."""
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, heartbeat=0.3) as edge:
        yield edge
