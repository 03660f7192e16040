"""Connections of a running edge: what is not HTTP, who is too slow, and very many."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.redis import Redis
from adapters.signed_tokens import Verifier
from contracts import users
from edge.address import Addresses, networks
from edge.app import build_app
from edge.connections import Gate
from edge.serving import serve_app
from ops.hosting import open_many_files
from tests.edge.conftest import Edge
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.support.buses import a_bus

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SECRET = b"s3cret"
START = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
UNREADABLE = (
    (START + b"Authorization: Bearer " + SECRET * 2000 + b"\r\n\r\n", 431, "head_too_large"),
    (b"GET /" + SECRET * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "head_too_large"),
    (b"GET /healthz HTTP/1.1\r\n" + b"X-A: s3cret\r\n" * 200 + b"\r\n", 400, "malformed"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03s3cret", 400, "malformed"),
    (b"S3CRET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed"),
    (b"GET /healthz HTTP/9.9 s3cret\r\n\r\n", 400, "malformed"),
    (START + b"s3cret name: x\r\n\r\n", 400, "malformed"),
    (START + b"X: s3cret\x00\r\n\r\n", 400, "malformed"),
    (POST + b"Content-Length: s3cret\r\n\r\n{}", 400, "malformed"),
    (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400, "malformed"),
    (POST + b"Transfer-Encoding: chunked\r\n\r\ns3cret\r\n{}\r\n", 400, "malformed"),
)


@contextlib.asynccontextmanager
async def listening(nats_url: str, redis: Redis, world: World, gate: Gate, quiet: float) -> AsyncIterator[int]:
    """The port of an edge with that gate."""
    async with a_bus(nats_url, "edge") as bus:
        app = build_app(bus=bus, objects=world.objects, redis=redis, verifier=Verifier(), nodes=NODES)
        async with serve_app(app, "127.0.0.1", 0, drain=1, gate=gate, quiet=quiet) as url:
            yield int(url.rpartition(":")[2])


async def said(port: int, sent: bytes, limit: float = 5) -> bytes:
    """Everything that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), limit)
    finally:
        writer.close()


async def test_what_is_not_http_is_a_problem(edge: Edge) -> None:
    """Heads that are too long, foreign protocols, broken headers and bodies: a problem like every other, with the
    security headers, with nothing of what was sent and no word about what reads it; then the connection ends."""
    port = int(edge.url.rpartition(":")[2])
    for sent, status, code in UNREADABLE:
        answer = await said(port, sent)
        head, _, body = answer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        problem = json.loads(body)
        assert (int(status_line.split()[1]), problem["status"], problem["code"]) == (status, status, code), sent[:60]
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert headers["Server"] == "covergen"
        assert problem["request_id"] == headers["X-Request-ID"]
        assert SECRET not in answer.lower(), sent[:60]
        assert b"aiohttp" not in answer.lower(), sent[:60]
    assert (await edge.ask("GET", "/healthz")).status == 200


async def test_who_is_slow_with_a_head_is_cut_off(nats_url: str, redis: Redis, world: World) -> None:
    """A head that comes byte by byte, a connection that says nothing, and one that was answered and says nothing more
    end after the time for silence; an answer that takes longer than that does not."""
    world.slow[users.GET.subject] = 1.2
    async with the_nodes(nats_url, world), listening(nats_url, redis, world, Gate(), 0.6) as port:

        async def drops() -> float:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            began = time.monotonic()
            ended = asyncio.create_task(reader.read())
            for byte in GET[:-1] * 5:
                if ended.done():
                    break
                with contextlib.suppress(ConnectionError):
                    writer.write(bytes([byte]))
                    await writer.drain()
                await asyncio.sleep(0.05)
            with contextlib.suppress(ConnectionError):
                assert await ended == b""
            writer.close()
            return time.monotonic() - began

        async def silent(first: bytes) -> float:
            began = time.monotonic()
            await said(port, first)
            return time.monotonic() - began

        async def waits() -> bytes:
            token = world.token(uuid.uuid4()).encode()
            return await said(port, b"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n\r\n")

        *times, answer = await asyncio.gather(drops(), silent(b""), silent(GET), waits())
    assert all(0.5 <= seconds < 1.6 for seconds in times), times
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_thousand_idle_connections_disturb_nobody(nats_url: str, redis: Redis, world: World) -> None:
    """With a thousand connections that say nothing, or only half a head, others are answered as before."""
    open_many_files()
    async with the_nodes(nats_url, world), listening(nats_url, redis, world, Gate(), 60) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1000)]
        try:
            for _, writer in idle[::2]:
                writer.write(GET[:20])
            began = time.monotonic()
            for _ in range(20):
                assert (await said(port, LAST)).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 5
        finally:
            for _, writer in idle:
                writer.close()


async def test_no_more_connections_than_there_are_places(nats_url: str, redis: Redis, world: World) -> None:
    """The sixth of five is told so by a problem with Retry-After; when one goes there is a place."""
    async with listening(nats_url, redis, world, Gate(most=5), 60) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        answer = await said(port, b"")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 1" in head
        assert json.loads(body)["code"] == "overloaded"
        held[0][1].close()
        async with asyncio.timeout(2):
            while not (await said(port, LAST)).startswith(b"HTTP/1.1 2"):
                await asyncio.sleep(0.05)
        for _, writer in held:
            writer.close()


PLACES = (("192.0.2.1", 2), ("2001:db8::1", 2), ("127.0.0.1", 6), ("::1", 6), ("10.1.2.3", 6))


@pytest.mark.parametrize(("address", "places"), PLACES)
def test_one_address_has_few_places(address: str, places: int) -> None:
    """Of six places an address has two, but for this machine and trusted proxies, which bring many clients."""
    gate = Gate(most=6, most_per_address=2, addresses=Addresses(networks("10.0.0.0/8")))
    assert sum(gate.enter(address) for _ in range(8)) == places
    assert gate.enter("198.51.100.1") is (places < 6)
    gate.leave(address)
    assert gate.enter(address)
