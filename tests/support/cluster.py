"""Three NATS servers on loopback that replicate what they store."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from contracts.errors import ServiceError
from contracts.wire import Context
from ops.paths import Home
from ops.processes import reserve_port
from ops.provision_nats import ProvisioningFailed, provision_streams
from ops.servers.nats import NatsServer
from ops.supervision import Supervised
from tests.support.buses import a_bus
from tests.support.servers import running

REPLICAS = 3
START_LIMIT, CURRENT_LIMIT = 30.0, 20.0
CONFIG = """\
server_name: {name}
max_payload: 1MB
jetstream {{ sync_interval: always }}
cluster {{ name: test, listen: "127.0.0.1:{port}", routes: [{routes}] }}
"""


@dataclass
class Cluster:
    """The servers by name, each brought back when it ends."""

    servers: dict[str, Supervised]
    urls: tuple[str, ...]
    bus: Bus

    async def info(self, stream: str) -> dict[str, Any]:
        """What the leader of a stream says about it; waits for there to be one."""
        while True:
            with contextlib.suppress(ServiceError):
                body = await self.bus.request_raw(f"$JS.API.STREAM.INFO.{stream}", b"", Context.new(), 1)
                answer: dict[str, Any] = msgspec.json.decode(body)
                if answer.get("cluster", {}).get("leader"):
                    return answer
            await asyncio.sleep(0.1)

    async def end_leader(self, stream: str, number: signal.Signals) -> str:
        """Send a signal to the server that leads a stream; returns its name."""
        name: str = (await self.info(stream))["cluster"]["leader"]
        pid = self.servers[name].row.pid
        assert pid is not None
        os.kill(pid, number)
        return name

    async def whole(self, stream: str, limit: float = CURRENT_LIMIT) -> None:
        """Wait until every server runs and has all of a stream."""
        async with asyncio.timeout(limit):
            while True:
                if all(server.state == "ready" for server in self.servers.values()):
                    replicas = (await self.info(stream))["cluster"].get("replicas", [])
                    if len(replicas) == REPLICAS - 1 and all(r["current"] and not r.get("offline") for r in replicas):
                        return
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def a_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Three servers with all streams and consumers, three copies of each."""
    names = [f"n{number}" for number in range(1, REPLICAS + 1)]
    ports = [reserve_port() for _ in names]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    async with contextlib.AsyncExitStack() as stack:
        programs = {}
        for name, port in zip(names, ports, strict=True):
            home = Home(folder / name)
            home.nats_config.parent.mkdir(parents=True)
            home.nats_config.write_text(CONFIG.format(name=name, port=port, routes=routes))
            programs[name] = NatsServer(home, home.nats_config)
        servers = {name: await stack.enter_async_context(running(program)) for name, program in programs.items()}
        urls = tuple(program.url for program in programs.values())
        bus = await stack.enter_async_context(a_bus(urls[0]))
        await _provisioned(bus)
        yield Cluster(servers, urls, bus)


async def _provisioned(bus: Bus) -> None:
    """As soon as the servers have chosen a leader among them."""
    async with asyncio.timeout(START_LIMIT):
        while True:
            try:
                return await provision_streams(bus, replicas=REPLICAS)
            except (ProvisioningFailed, ServiceError):
                await asyncio.sleep(0.2)
