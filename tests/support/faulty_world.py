"""All nodes and the edge in this process, built by the product's own wiring, and `covergen fault` for them."""

import asyncio
import base64
import contextlib
import functools
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from adapters.faults import Faults
from adapters.mongo import open_mongo
from contracts.wire import JOBS, Context
from nodes.runtime import Node
from ops import front, wiring
from ops.cli import parser
from ops.commands.fault import run_fault
from ops.host import Host
from ops.operating import operator_bus
from ops.provision import migrate_all, provision_nats
from ops.settings import Settings, read_settings
from tests.support.servers import running_nats

SECRET_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
"""The same for every world: they share databases, whose keys are sealed with it."""


@dataclass
class FaultyWorld:
    """A running system."""

    settings: Settings
    base: str
    faults: tuple[Faults, ...]
    """What its two processes know."""

    async def fault(self, *words: str) -> int:
        """`covergen fault ...`, as an operator types it."""
        return await run_fault(self.settings, parser().parse_args(["fault", *words]))

    @contextlib.asynccontextmanager
    async def broken(self, name: str, *options: str) -> AsyncIterator[None]:
        """The fault for the length of the block, in which it must have hit something."""
        await self.fault("set", name, *options)
        await self._heard(name, True)
        before = self._hits(name)
        try:
            yield
        finally:
            hits = self._hits(name) - before
            await self.fault("clear", name)
            await self._heard(name, False)
        assert hits > 0, f"{name} did nothing"

    def _hits(self, name: str) -> int:
        return sum(each.hits[name] for each in self.faults)

    async def jobs(self) -> int:
        """Jobs that are not acknowledged."""
        async with operator_bus(self.settings) as bus:
            answer = await bus.request_raw(f"$JS.API.STREAM.INFO.{JOBS}", b"", Context.new(), 5)
        messages: int = msgspec.json.decode(answer)["state"]["messages"]
        return messages

    async def log(self, task_id: str) -> list[str]:
        """What happened to a task, as its node noted it."""
        client = open_mongo(self.settings.mongo_url or "")
        try:
            found = await client["covergen_tasks"]["generation_tasks"].find_one({"_id": uuid.UUID(task_id)})
        finally:
            client.close()
        return [entry["event"] for entry in (found or {})["log"]]

    async def _heard(self, name: str, active: bool) -> None:
        async with asyncio.timeout(5):
            while any((each._active.get(name) is not None) is not active for each in self.faults):
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def a_faulty_world(
    folder: Path, postgres: str, mongo: str, redis: str, **environ: str
) -> AsyncIterator[FaultyWorld]:
    """Everything started, with databases and a NATS server of its own."""
    async with contextlib.AsyncExitStack() as stack:
        nats = await stack.enter_async_context(running_nats(folder / "nats-home"))
        given = {
            "COVERGEN_HOME": str(folder / "home"),
            "COVERGEN_HTTP_PORT": "0",
            "COVERGEN_SECRET_KEY": SECRET_KEY,
            "COVERGEN_NATS_URL": nats.url,
            "COVERGEN_POSTGRES_URL": postgres,
            "COVERGEN_MONGO_URL": mongo,
            "COVERGEN_REDIS_URL": redis,
            "COVERGEN_BREAKER_SECONDS": "1",
            **environ,
        }
        settings = read_settings(given, folder / "none")
        settings.home.mkdir()
        await migrate_all(postgres)
        await provision_nats(settings, nats.url)
        behind = await _nodes(settings, stack)
        before = Host(settings, stack)
        base = await front.edge(before, await before.bus("edge"))
        faults = tuple(host._faults for host in (behind, before) if host._faults is not None)
        yield FaultyWorld(settings, base, faults)


async def _nodes(settings: Settings, stack: contextlib.AsyncExitStack) -> Host:
    host = Host(settings, stack)
    for name, build in wiring.NODES.items():
        bus = await host.bus(name)
        around = functools.partial(host.parts.binding, node=name)
        await stack.enter_async_context(Node(bus, await build(host, bus), host.version, around=around))
    return host
