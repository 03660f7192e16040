"""Subscriptions of GraphQL: graphql-transport-ws, to the end of the task, of the token, of the process."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest_asyncio
from aiohttp import WSMsgType

from adapters.redis import Redis
from contracts import security, tasks
from edge.graphql.socket import PROTOCOL, SocketRules
from edge.rates import read_rates
from tests.edge.conftest import Edge, an_edge
from tests.edge.security_nodes import NOW, a_holder
from tests.edge.small_nodes import World, the_nodes
from tests.support.buses import a_bus

QUICK = SocketRules(per_user=2, operations=3, init_seconds=0.3, max_message=4096, look_seconds=0.05)
WATCH = "subscription ($t: UUID!, $a: Int) { taskEvents(taskId: $t, lastEventId: $a) { seq status } }"


class Client:
    """One socket as a client sees it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        await self.socket.send_json({"type": kind, **fields})

    async def hear(self) -> dict[str, Any]:
        """The next message; its end is `{"closed": code}`."""
        message = await self.socket.receive(timeout=5)
        if message.type is WSMsgType.TEXT:
            heard: dict[str, Any] = message.json()
            return heard
        return {"closed": self.socket.close_code}

    async def greet(self, **payload: str) -> dict[str, Any]:
        """Say who asks; the answer."""
        await self.say("connection_init", payload=payload)
        return await self.hear()

    async def watch(self, task: uuid.UUID, after: int = 0, name: str = "1") -> None:
        """Subscribe to a task."""
        variables = {"t": str(task), "a": after}
        await self.say("subscribe", id=name, payload={"query": WATCH, "variables": variables})

    async def rest(self) -> list[dict[str, Any]]:
        """All messages up to `complete`, `error` or the end."""
        heard = [await self.hear()]
        while "closed" not in heard[-1] and heard[-1]["type"] not in ("complete", "error"):
            heard.append(await self.hear())
        return heard


@pytest_asyncio.fixture
async def edge(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge whose sockets have small limits."""
    options = {"heartbeat": 0.3, "sockets": QUICK, "rates": read_rates("free=100")}
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, **options) as edge:
        yield edge


@contextlib.asynccontextmanager
async def connected(
    edge: Edge, headers: dict[str, str] | None = None, protocol: str = PROTOCOL
) -> AsyncIterator[Client]:
    """A socket; without headers nobody in particular."""
    async with edge.client.ws_connect(f"{edge.url}/graphql", protocols=(protocol,), headers=headers) as socket:
        yield Client(socket)


@contextlib.asynccontextmanager
async def greeted(edge: Edge) -> AsyncIterator[Client]:
    """A socket of the test's user, ready."""
    async with connected(edge) as client:
        assert await client.greet(authorization=edge.world.bearer(edge.user)["Authorization"]) == {
            "type": "connection_ack"
        }
        yield client


def a_task(edge: Edge, *statuses: tasks.Status) -> uuid.UUID:
    """A task of the test's user that went through these."""
    task = uuid.uuid4()
    edge.world.owners[task] = edge.user
    for status in statuses:
        edge.world.moved(task, status)
    return task


def seqs(heard: list[dict[str, Any]]) -> list[int]:
    """The numbers of the entries that were told."""
    return [each["payload"]["data"]["taskEvents"]["seq"] for each in heard if each.get("type") == "next"]


async def test_a_task_is_told_to_its_end(edge: Edge) -> None:
    """Every entry in order, also those that come later, then `complete`; the id may be used again."""
    task = a_task(edge, "queued")
    async with greeted(edge) as client:
        await client.watch(task)
        assert seqs([await client.hear()]) == [1]
        edge.world.moved(task, "running")
        edge.world.moved(task, "succeeded")
        heard = await client.rest()
        assert (seqs(heard), heard[-1]) == ([2, 3], {"id": "1", "type": "complete"})
        assert heard[-2]["payload"]["data"]["taskEvents"]["status"] == "SUCCEEDED"
        await client.watch(task, after=2)
        assert seqs(await client.rest()) == [3]


async def test_who_asks_may_be_said_in_three_ways(edge: Edge) -> None:
    """A header of the handshake, a token or a key in the first message; the key needs the scope."""
    task = a_task(edge, "failed")
    edge.world.holders["cg_00000001_s"] = a_holder(edge.user, "covers:read")
    edge.world.holders["cg_00000002_s"] = a_holder(edge.user, "account:read")
    bearer = edge.world.bearer(edge.user)
    for headers, payload, kind in (
        (bearer, {}, "complete"),
        ({}, {"Authorization": bearer["Authorization"]}, "complete"),
        ({}, {"x-api-key": "cg_00000001_s"}, "complete"),
        ({"X-API-Key": "cg_00000002_s"}, {}, "error"),
    ):
        async with connected(edge, headers) as client:
            assert (await client.greet(**payload))["type"] == "connection_ack"
            await client.watch(task)
            heard = await client.rest()
            assert heard[-1]["type"] == kind
            if kind == "error":
                assert heard[-1]["payload"][0]["extensions"] == {"code": "forbidden", "status": 403}


async def test_nobody_and_bad_credentials_get_no_socket(edge: Edge) -> None:
    """4403 after the first message; a bad header is 401 before there is a socket."""
    for payload in ({}, {"authorization": "Bearer x"}, {"x-api-key": "cg_unknown"}):
        async with connected(edge) as client:
            assert await client.greet(**payload) == {"closed": 4403}
    async with edge.client.get(f"{edge.url}/graphql", headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status == 401


async def test_somebody_elses_task_is_not_found(edge: Edge) -> None:
    """`error` with the code of REST; the socket lives on."""
    other = uuid.uuid4()
    edge.world.owners[other] = uuid.uuid4()
    async with greeted(edge) as client:
        await client.watch(other)
        heard = await client.hear()
        assert (heard["type"], heard["payload"][0]["extensions"]["code"]) == ("error", "not_found")
        await client.watch(a_task(edge, "failed"), after=-1)
        assert (await client.hear())["payload"][0]["extensions"]["code"] == "invalid"
        await client.say("subscribe", id="2", payload={"query": "{ me { username } }"})
        assert [each.get("payload") for each in await client.rest()] == [{"data": {"me": {"username": "ada"}}}, None]


async def test_the_socket_ends_with_the_token(edge: Edge, nats_url: str) -> None:
    """4401 when the token expires, and when its session ends."""
    task = a_task(edge, "queued")
    session = uuid.uuid4()
    for claims in ({"seconds": 1.2}, {"sid": session}):
        async with connected(edge, edge.world.bearer(edge.user, **claims)) as client:
            await client.greet()
            await client.watch(task)
            await client.hear()
            if "sid" in claims:
                event = security.SessionsRevoked(session_ids=(session,), at=NOW)
                await _told(nats_url, event)
            assert await client.hear() == {"closed": 4401}


async def _told(nats_url: str, event: security.SessionsRevoked) -> None:
    async with a_bus(nats_url, "auth") as bus:
        await bus.connection.client.publish(security.SESSION_REVOKED.subject, msgspec.json.encode(event))


async def test_a_socket_has_so_many_operations_and_a_user_so_many_sockets(edge: Edge) -> None:
    """The fourth operation is an error and the third socket is closed; what ends makes room."""
    task = a_task(edge, "queued")
    async with greeted(edge) as client, greeted(edge):
        for name in "abc":
            await client.watch(task, name=name)
            assert seqs([await client.hear()]) == [1]
        await client.watch(task, name="d")
        assert (await client.hear())["payload"][0]["extensions"]["code"] == "rate_limited"
        await client.say("complete", id="a")
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}
        await client.watch(task, name="e")
        assert seqs([await client.hear()]) == [1]
        async with connected(edge, edge.world.bearer(edge.user)) as third:
            assert await third.greet() == {"closed": 4429}


async def test_operations_on_a_socket_are_paid_for(edge: Edge) -> None:
    """They cost what POST would take from the same rate; beyond it is an error, not the end of the socket."""
    query = "{ covers(limit: 60) { items { task { status } } } }"
    async with greeted(edge) as client:
        for name, code in (("1", None), ("2", "rate_limited")):
            await client.say("subscribe", id=name, payload={"query": query})
            heard = (await client.rest())[-1]
            assert heard["type"] == ("complete" if code is None else "error")
            assert code is None or heard["payload"][0]["extensions"]["code"] == code


async def test_the_protocol_is_kept(edge: Edge) -> None:
    """Whoever does not speak it is told so by the code that it has for that."""
    token = edge.world.bearer(edge.user)["Authorization"]
    async with connected(edge, protocol="graphql-ws") as client:
        assert await client.hear() == {"closed": 4406}
    async with connected(edge) as client:
        assert await client.hear() == {"closed": 4408}
    async with connected(edge) as client:
        await client.watch(uuid.uuid4())
        assert await client.hear() == {"closed": 4401}
    for bad in ("[]", "{", '{"type": "nothing"}', '{"type": "connection_init", "payload": [1]}'):
        async with connected(edge) as client:
            await client.socket.send_str(bad)
            assert await client.hear() == {"closed": 4400}, bad
    async with connected(edge) as client:
        await client.greet(authorization=token)
        assert await client.greet() == {"closed": 4429}
    async with greeted(edge) as client:
        task = a_task(edge, "queued")
        for _ in range(2):
            await client.watch(task)
        heard = [await client.hear(), await client.hear()]
        assert {"closed": 4409} in heard
    async with greeted(edge) as client:
        await client.say("subscribe", id="1", payload={"query": "{ me { id } } #" + "x" * 8000})
        assert await client.hear() == {"closed": 1009}
    async with greeted(edge) as client:
        await client.say("subscribe", id="1", payload={"query": "{ nothing }"})
        assert (await client.hear())["payload"][0]["extensions"]["code"] == "invalid_query"


async def test_sockets_end_when_the_edge_stops(nats_url: str, redis: Redis, world: World) -> None:
    """1001 soon, and another edge goes on after the last entry."""
    async with the_nodes(nats_url, world), aiohttp.ClientSession() as session:
        async with an_edge(nats_url, redis, world) as first:
            task = a_task(first, "queued", "running")
            first.client = session
            stack = contextlib.AsyncExitStack()
            client = await stack.enter_async_context(greeted(first))
            await client.watch(task)
            assert seqs([await client.hear(), await client.hear()]) == [1, 2]
            reading = asyncio.create_task(client.rest())
            leaving = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - leaving < 1.5
        assert (await reading)[-1] == {"closed": 1001}
        await stack.aclose()
        world.moved(task, "succeeded")
        async with an_edge(nats_url, redis, world) as second:
            second.user = first.user
            async with greeted(second) as again:
                await again.watch(task, after=2)
                assert seqs(await again.rest()) == [3]
