"""The end of an edge process loses nothing, and two share a port."""

import asyncio

import aiohttp

from adapters.redis import Redis
from adapters.signed_tokens import Verifier
from contracts import users
from edge.app import build_app
from edge.serving import serve_app
from tests.edge.conftest import an_edge
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.support.buses import a_bus


async def test_what_runs_is_finished(nats_url: str, redis: Redis, world: World) -> None:
    """A request that is under way when the process stops gets its answer; new connections are refused after it."""
    async with the_nodes(nats_url, world), aiohttp.ClientSession() as client:
        async with an_edge(nats_url, redis, world) as edge:
            await edge.ask("GET", "/v1/me")
            world.slow[users.GET.subject] = 0.5
            edge.client = client
            asked = asyncio.create_task(edge.ask("GET", "/v1/me"))
            await asyncio.sleep(0.2)
        assert (await asked).status == 200
        try:
            await edge.ask("GET", "/v1/me")
        except aiohttp.ClientConnectionError:
            refused = True
        else:
            refused = False
        assert refused


async def test_not_ready_comes_before_the_end(nats_url: str, redis: Redis, world: World) -> None:
    """During the notice requests are served while `/readyz` sends balancers away."""
    async with the_nodes(nats_url, world), a_bus(nats_url, "edge") as bus, aiohttp.ClientSession() as client:
        app = build_app(bus=bus, objects=world.objects, redis=redis, verifier=Verifier(), nodes=NODES)

        async def status(path: str) -> int:
            async with client.get(url + path) as answer:
                return answer.status

        async def later(*paths: str) -> list[int]:
            await asyncio.sleep(0.2)
            return [await status(path) for path in paths]

        async with serve_app(app, "127.0.0.1", 0, notice=0.5) as url:
            assert await status("/readyz") == 200
            during = asyncio.create_task(later("/readyz", "/v1/templates"))
        assert await during == [503, 200]


async def test_two_processes_share_a_port(nats_url: str, redis: Redis, world: World) -> None:
    """A second edge may listen on the same port (SO_REUSEPORT), and the first may go."""
    async with a_bus(nats_url, "edge") as bus, aiohttp.ClientSession() as client:
        apps = [
            build_app(bus=bus, objects=world.objects, redis=redis, verifier=Verifier(), nodes=NODES) for _ in range(2)
        ]
        async with serve_app(apps[0], "127.0.0.1", 0) as url:
            second = serve_app(apps[1], "127.0.0.1", int(url.rpartition(":")[2]))
            assert await second.__aenter__() == url
        try:
            for _ in range(3):
                async with client.get(f"{url}/healthz") as answer:
                    assert answer.status == 200
        finally:
            await second.__aexit__(None, None, None)
