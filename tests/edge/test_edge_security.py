"""API keys, sessions that ended, and where a request comes from, at a running edge."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from adapters.redis import Redis
from contracts import auth, covers, security, users
from contracts.errors import Unavailable
from contracts.security import SCOPES, SessionsRevoked
from contracts.wire import Context
from edge.middleware.authentication import INSIDE
from edge.middleware.origin import printable, truncated
from edge.routes import ROUTES, Route
from tests.edge.conftest import Edge, an_edge
from tests.edge.security_nodes import a_holder
from tests.edge.small_nodes import World, the_nodes
from tests.support.buses import a_bus

KEY = "cg_0a1b2c3d_secret"


def by_key(key: str = KEY) -> dict[str, str]:
    """The header of a program."""
    return {"X-API-Key": key}


async def test_a_key_speaks_for_its_user(edge: Edge) -> None:
    """The node gets the user of the key; many requests at once cost one question."""
    edge.world.holders[KEY] = a_holder(edge.user, "covers:read")
    replies = await asyncio.gather(*(edge.ask("GET", "/v1/covers", signed=False, headers=by_key()) for _ in range(10)))

    assert {reply.status for reply in replies} == {200}
    assert edge.world.last(covers.LIST)[1].user_id == edge.user
    assert edge.world.count(auth.VERIFY) == 1


async def test_a_key_needs_the_scope_of_the_route(edge: Edge) -> None:
    """403 that names the scope, and the node is not asked."""
    edge.world.holders[KEY] = a_holder(edge.user, "covers:read", "account:read")
    reply = await edge.ask("POST", "/v1/covers", signed=False, headers=by_key(), json={"title": "T"})

    assert (reply.status, reply.json["code"]) == (403, "forbidden")
    assert "covers:write" in reply.json["detail"]
    assert edge.world.count(covers.GENERATE) == 0


CLOSED = [each for each in ROUTES if each.access != "public" and each.scope is None and each.handler not in INSIDE]
"""Where no key is good; the fields of GraphQL have the scopes of their own routes."""


@pytest.mark.parametrize("route", CLOSED, ids=lambda r: r.name)
async def test_no_key_may_do_what_has_no_scope(edge: Edge, route: Route) -> None:
    """Sessions, keys, passwords, the export, the end of an account and all of administration: 403 with every scope."""
    edge.world.holders[KEY] = a_holder(edge.user, *SCOPES)
    path = route.path.format_map(dict.fromkeys(route.fields, uuid.uuid4()))
    reply = await edge.ask(route.method, path, signed=False, headers=by_key(), json={})
    assert reply.status == 403


def test_what_has_no_scope() -> None:
    """A new route is closed to keys until it says otherwise; this is the list of those that stay closed."""
    closed = {route.name for route in CLOSED if route.access in ("user", "optional")}
    assert closed == {
        "POST /v1/auth/logout",
        "POST /v1/auth/verify-email/mail",
        "GET /v1/me/sessions",
        "DELETE /v1/me/sessions",
        "DELETE /v1/me/sessions/{id}",
        "GET /v1/api-keys",
        "POST /v1/api-keys",
        "DELETE /v1/api-keys/{id}",
        "GET /v1/signing-keys",
        "POST /v1/signing-keys",
        "DELETE /v1/signing-keys/{id}",
        "GET /session",
        "DELETE /session",
        "GET /oauth/authorize",
        "POST /oauth/authorize",
        "GET /v1/me/identities",
        "POST /v1/me/identities",
        "DELETE /v1/me/identities/{id}",
        "POST /v1/me/password",
        "DELETE /v1/me",
        "GET /v1/me/data",
    }
    assert [r.name for r in ROUTES if r.access in ("public", "admin") and r.scope is not None] == []


@pytest.mark.parametrize("key", ["cg_wrong", "other", "", "cg_" + "x" * 200])
async def test_a_key_that_is_not_good(edge: Edge, key: str) -> None:
    """401; what cannot be a key is not even asked about, and a wrong one is asked about once."""
    for _ in range(2):
        assert (await edge.ask("GET", "/v1/me", signed=False, headers=by_key(key))).status == 401
    assert edge.world.count(auth.VERIFY) == (1 if key == "cg_wrong" else 0)


async def test_a_key_beside_a_token(edge: Edge) -> None:
    """It is not clear who asks: 401."""
    edge.world.holders[KEY] = a_holder(edge.user, *SCOPES)
    assert (await edge.ask("GET", "/v1/me", headers=by_key())).status == 401


async def test_an_expired_key_is_not_believed(edge: Edge) -> None:
    """Whatever was remembered of it."""
    edge.world.holders[KEY] = a_holder(edge.user, *SCOPES, seconds=-1)
    assert (await edge.ask("GET", "/v1/me", signed=False, headers=by_key())).status == 401


async def test_without_the_auth_node_keys_are_503(edge: Edge) -> None:
    """A key that cannot be checked is not believed; the failure is not remembered."""
    edge.world.holders[KEY] = a_holder(edge.user, *SCOPES)
    edge.world.failing[auth.VERIFY.subject] = Unavailable("away")
    assert (await edge.ask("GET", "/v1/me", signed=False, headers=by_key())).status == 503
    edge.world.failing.clear()
    assert (await edge.ask("GET", "/v1/me", signed=False, headers=by_key())).status == 200


async def test_an_ended_session_is_refused_at_once(edge: Edge, nats_url: str) -> None:
    """An access token that is good by itself is 401 as soon as its session's end is heard; others go on."""
    ended, other = uuid.uuid4(), uuid.uuid4()
    mine, another = (edge.world.bearer(edge.user, sid=sid) for sid in (ended, other))
    assert (await edge.ask("GET", "/v1/me", signed=False, headers=mine)).status == 200

    async with a_bus(nats_url, streams=True) as bus:
        event = SessionsRevoked(session_ids=(ended,), at=datetime.now(UTC))
        await bus.publish(security.SESSION_REVOKED, event, message_id=str(ended), context=Context.new())
        async with asyncio.timeout(2):
            while (await edge.ask("GET", "/v1/me", signed=False, headers=mine)).status != 401:
                await asyncio.sleep(0.01)
    assert (await edge.ask("GET", "/v1/me", signed=False, headers=another)).status == 200


async def test_an_edge_that_begins_knows_what_ended_before(nats_url: str, redis: Redis, world: World) -> None:
    """It reads the list from the auth node."""
    ended = uuid.uuid4()
    world.ended.append(ended)
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world) as edge:
        headers = world.bearer(edge.user, sid=ended)
        async with asyncio.timeout(2):
            while (await edge.ask("GET", "/v1/me", signed=False, headers=headers)).status != 401:
                await asyncio.sleep(0.01)
        assert (await edge.ask("GET", "/v1/me")).status == 200


async def test_the_node_is_told_from_where(edge: Edge) -> None:
    """On routes whose node keeps it: the network and the program; on others neither travels."""
    body = {"email": "ada@example.org", "password": "correct horse"}
    await edge.ask("POST", "/v1/auth/login", signed=False, json=body, headers={"User-Agent": "Ada's \N{WATCH} 1.0"})
    await edge.ask("GET", "/v1/me")

    told, untold = edge.world.last(auth.LOGIN)[1], edge.world.last(users.GET)[1]
    assert told.address == "127.0.0.0/24"
    assert told.user_agent is not None
    assert told.user_agent.startswith("Ada's")
    assert (untold.address, untold.user_agent) == (None, None)


async def test_the_session_field_comes_from_the_token_only(edge: Edge) -> None:
    """Nobody names another session as the own one."""
    sid = uuid.uuid4()
    await edge.ask(
        "GET", f"/v1/me/sessions?session_id={uuid.uuid4()}", signed=False, headers=edge.world.bearer(edge.user, sid=sid)
    )
    assert edge.world.last(security.LIST_SESSIONS)[0].session_id == sid


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("unknown", None),
        ("", None),
    ],
)
def test_addresses_are_truncated(address: str, kept: str | None) -> None:
    """What is kept names a network, not a client."""
    assert truncated(address) == kept


def test_user_agents_are_made_safe() -> None:
    """No control character comes near a header of ours, and it has an end."""
    assert printable("Firefox\r\nuser-id: 1\x00\x7f") == "Firefoxuser-id: 1"
    assert len(printable("x" * 1000) or "") == 200
    assert printable(" \t") is None
