"""Rate limits of a running edge on a real Valkey."""

import asyncio
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import make_mocked_request

from adapters.redis import Redis, opened_redis
from contracts import auth, templates, users
from contracts.errors import Invalid, Unauthenticated
from edge.address import Addresses, networks
from edge.openapi import openapi
from edge.rates import GUARDS, POLICIES, read_rates
from edge.routes import ROUTES
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World, the_nodes
from tests.edge.test_edge_problems import assert_problem
from tests.support.processes import a_process, line_of

QUOTAS = "free=20, pro=40, address=1000, login-account=3, login-address=8, register-address=4, proof-user=2"
PASSWORD = {"password": "correct horse battery"}


@pytest_asyncio.fixture
async def limited(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge with small limits."""
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, rates=read_rates(QUOTAS)) as edge:
        yield edge


def told(reply: Reply) -> dict[str, dict[str, int]]:
    """What the two header fields say, by the name of the policy."""
    found: dict[str, dict[str, int]] = {}
    for item in (reply.headers["RateLimit-Policy"] + ", " + reply.headers["RateLimit"]).split(", "):
        match = re.fullmatch(r'"([a-z_-]+)"((?:;[a-z]=\d+)+)', item)
        assert match, item
        pairs = (pair.split("=") for pair in match[2][1:].split(";"))
        found.setdefault(match[1], {}).update({name: int(number) for name, number in pairs})
    return found


async def login(edge: Edge, email: str, **options: Any) -> Reply:
    """Try to sign in."""
    return await edge.ask("POST", "/v1/auth/login", signed=False, json={"email": email, **PASSWORD}, **options)


async def test_each_user_has_a_limit(limited: Edge) -> None:
    """What is left falls by the route's cost; beyond it 429 with Retry-After, for that user alone, by the plan."""
    first = await limited.ask("GET", "/v1/me")
    assert told(first) == {"free": {"q": 20, "w": 60, "r": 19, "t": told(first)["free"]["t"]}}
    assert 50 <= told(first)["free"]["t"] <= 64
    order = await limited.ask("POST", "/v1/covers", json={"title": "x"})
    assert (order.status, told(order)["free"]["r"]) == (202, 9)
    refused = await limited.ask("POST", "/v1/covers", json={"title": "x"})
    assert_problem(refused, 429, "rate_limited")
    assert 50 <= int(refused.headers["Retry-After"]) <= 64
    assert told(refused)["free"]["r"] == 9
    assert (await limited.ask("GET", "/v1/me")).status == 200
    other = limited.world.bearer(tier="pro")
    assert told(await limited.ask("GET", "/v1/me", signed=False, headers=other))["pro"]["r"] == 39


async def test_who_has_not_signed_in_is_counted_by_address(nats_url: str, redis: Redis, world: World) -> None:
    """Public routes, unknown paths and bad credentials count against the address; what costs nothing does not."""
    rates = read_rates("address=30")
    wrong = {"Authorization": "Bearer nonsense"}
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, rates=rates) as edge:
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/"):
            free = await edge.ask("GET", path, signed=False)
            assert (free.status, "RateLimit" in free.headers) == (200, False), path
        assert told(await edge.ask("GET", "/v1/templates", signed=False))["address"]["r"] == 29
        assert told(await edge.ask("GET", "/v1/nothing", signed=False))["address"]["r"] == 28
        denied = [await edge.ask("GET", "/v1/me", signed=False, headers=wrong) for _ in range(29)]
        assert [told(reply)["address"]["r"] for reply in denied] == [*range(27, -1, -1), 0]
        assert_problem(denied[0], 401, "unauthenticated")
        assert_problem(denied[-1], 429, "rate_limited")
        assert (await edge.ask("GET", "/v1/me")).status == 200


async def test_exactly_the_limit_over_two_processes(nats_url: str, redis_database: str, world: World) -> None:
    """Of 200 requests at once, half of them to each of two edge processes, exactly as many as the limit get in."""
    arguments = (nats_url, redis_database, "objects", "free=77")
    async with (
        the_nodes(nats_url, world, ("auth", "users")),
        a_process("tests.support.edge_process", *arguments) as one,
        a_process("tests.support.edge_process", *arguments) as two,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client,
    ):
        bases = [await line_of(process, 5) for process in (one, two)]
        headers = world.bearer()

        async def ask(base: str) -> tuple[int, int]:
            async with client.get(f"{base}/v1/me", headers=headers) as answer:
                left = re.search(r"r=(\d+)", answer.headers["RateLimit"])
                assert left
                return answer.status, int(left[1])

        answers = await asyncio.gather(*(ask(bases[number % 2]) for number in range(200)))
    assert Counter(status for status, _ in answers) == {200: 77, 429: 123}
    assert sorted(left for status, left in answers if status == 200) == list(range(77))
    assert world.count(users.GET) == 77


async def test_guesses_at_an_account_are_limited(limited: Edge) -> None:
    """After three failures within the window the account is closed to passwords, right ones too, from any spelling of
    its address; another account is not; a success in between begins anew."""
    denied = Unauthenticated("The e-mail address or the password is wrong.")
    limited.world.failing[auth.LOGIN.subject] = denied
    statuses = [(await login(limited, "ada@example.org")).status for _ in range(2)]
    del limited.world.failing[auth.LOGIN.subject]
    statuses.append((await login(limited, "ada@example.org")).status)
    limited.world.failing[auth.LOGIN.subject] = denied
    statuses += [(await login(limited, email)).status for email in ("ada@example.org", "ADA@example.org ")]
    statuses.append((await login(limited, "Ada@Example.org")).status)
    assert statuses == [401, 401, 200, 401, 401, 401]
    del limited.world.failing[auth.LOGIN.subject]
    asked = limited.world.count(auth.LOGIN)
    refused = await login(limited, "ada@example.org")
    assert_problem(refused, 429, "rate_limited")
    assert (int(refused.headers["Retry-After"]) > 600, limited.world.count(auth.LOGIN)) == (True, asked)
    assert (await login(limited, "bob@example.org")).status == 200


async def test_the_limit_does_not_tell_whether_there_is_an_account(limited: Edge) -> None:
    """The same answers, headers and times for an account and for none: nothing is looked up before the limit, and how
    often an account was tried is in no header."""

    async def seen(email: str) -> list[tuple[int, object, set[str]]]:
        replies = [await login(limited, email) for _ in range(4)]
        return [(reply.status, reply.json["detail"].partition("in ")[0], set(told(reply))) for reply in replies]

    limited.world.failing[auth.LOGIN.subject] = Unauthenticated("The e-mail address or the password is wrong.")
    one, other = await seen("ada@example.org"), await seen("nobody@example.org")
    assert one == other
    assert [status for status, _, _ in one] == [401, 401, 401, 429]
    assert one[0][2] == {"address", "login-address"}


async def test_an_address_that_tries_many_accounts_is_limited(limited: Edge) -> None:
    """Eight failures of one address close sign-in to it; what succeeds, or is no guess, does not count."""
    for _ in range(3):
        assert (await login(limited, "ada@example.org")).status == 200
    limited.world.failing[auth.LOGIN.subject] = Invalid("no")
    assert (await login(limited, "ada@example.org")).status == 422
    limited.world.failing[auth.LOGIN.subject] = Unauthenticated("no")
    replies = await asyncio.gather(*(login(limited, f"{number}@example.org") for number in range(12)))
    assert Counter(reply.status for reply in replies) == {401: 8, 429: 4}


async def test_accounts_are_not_made_in_heaps(limited: Edge) -> None:
    """The fifth account of one address within the hour is refused."""
    body = {"email": "ada@example.org", **PASSWORD}
    statuses = [(await limited.ask("POST", "/v1/auth/register", signed=False, json=body)).status for _ in range(5)]
    assert statuses == [201, 201, 201, 201, 429]


async def test_the_password_is_not_guessed_from_a_session(limited: Edge) -> None:
    """Two wrong passwords at the end of an account, and its user cannot try a third; others can."""
    limited.world.failing[auth.DELETE_ACCOUNT.subject] = Invalid("The password is wrong.")
    statuses = [(await limited.ask("DELETE", "/v1/me", json={"password": "wrong"})).status for _ in range(3)]
    assert statuses == [422, 422, 429]
    del limited.world.failing[auth.DELETE_ACCOUNT.subject]
    other = limited.world.bearer()
    assert (await limited.ask("DELETE", "/v1/me", signed=False, headers=other, json={"password": "x"})).status == 204


async def test_without_redis_each_route_does_what_its_line_says(nats_url: str, world: World) -> None:
    """Redis down: 503 where passwords could be guessed, before anybody is asked; everything else is served without
    limits and without the headers."""
    rates = read_rates("free=1, address=1")
    async with (
        opened_redis("redis://127.0.0.1:1") as redis,
        the_nodes(nats_url, world),
        an_edge(nats_url, redis, world, rates=rates) as edge,
    ):
        for route in ROUTES:
            if route.handler != "call" or route.access == "admin":
                continue
            path = route.path.format_map({name: uuid.uuid4() for name in route.fields})
            reply = await edge.ask(route.method, path, json=BODIES.get(route.name))
            assert (reply.status == 503) is (route.without_limits == "closed"), (route.name, reply.body)
            assert "RateLimit" not in reply.headers
    assert world.count(auth.LOGIN) == world.count(auth.DELETE_ACCOUNT) == 0
    assert world.count(templates.LIST) == 1
    assert {route.name for route in ROUTES if route.without_limits == "closed"} >= {"POST /v1/auth/login"}


BODIES = {"POST /v1/auth/login": {"email": "ada@example.org", **PASSWORD}, "DELETE /v1/me": {"password": "x"}}


async def test_the_document_knows_429() -> None:
    """Every route that is limited has 429 with Retry-After in the OpenAPI document; the others do not."""
    document = openapi(ROUTES, version="1")
    paths = document["paths"]
    for route in ROUTES:
        responses = paths[route.path][route.method.lower()]["responses"]
        assert ("429" in responses) is (route.cost > 0), route.name
        if route.cost:
            success = responses[str(route.status)]["headers"]
            assert {"RateLimit", "RateLimit-Policy"} <= set(success), route.name
            refusal = document["components"]["responses"][responses["429"]["$ref"].rsplit("/", 1)[1]]
            assert "Retry-After" in refusal["headers"], route.name


def test_every_guard_is_known() -> None:
    """A route's guard and a guard's policies are lines of the tables."""
    names = {policy.name for policy in POLICIES}
    assert len(names) == len(POLICIES)
    assert set(GUARDS) >= {route.guard for route in ROUTES if route.guard}
    assert names >= {name for guards in GUARDS.values() for name in guards}


def test_limits_are_read_from_a_setting() -> None:
    """On, off, or quotas by name; anything else is refused with a reason."""
    assert read_rates("off") is None
    given = read_rates("free=7,login-account=2")
    assert given is not None
    assert (given.of_tier("free").quota, given.of_tier("pro").quota) == (7, 12_000)
    assert [policy.quota for policy in given.guards("login")] == [2, 100]
    for text in ("free", "free=0", "free=-1", "free=x", "gold=5", "yes"):
        with pytest.raises(ValueError, match=r"must be|knows"):
            read_rates(text)


PROXIES = "10.0.0.0/8, 2001:db8::/32"
HOPS = (
    ("192.0.2.1", None, "192.0.2.1"),
    ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
    ("10.0.0.1", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
    ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
    ("10.0.0.1", "198.51.100.7, nonsense, 10.2.3.4", "10.2.3.4"),
    ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
    ("2001:db8::1", "[2001:db9:1:2:3::4]:80", "2001:db9:1:2::/64"),
    ("2001:db9:1:2:ffff::1", None, "2001:db9:1:2::/64"),
    ("::ffff:192.0.2.1", None, "192.0.2.1"),
    ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
)


def test_the_address_behind_proxies_is_the_last_that_they_saw() -> None:
    """X-Forwarded-For counts only as far as it was written by proxies that are trusted; IPv6 by its site."""
    addresses = Addresses(networks(PROXIES))
    for peer, forwarded, expected in HOPS:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        request = make_mocked_request("GET", "/", headers=headers, transport=Peer(peer))
        assert addresses.of(request) == expected, (peer, forwarded)
    spoofed = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "1.2.3.4"}, transport=Peer("10.0.0.1"))
    assert Addresses().of(spoofed) == "10.0.0.1"


class Peer:
    """A connection's other end."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str) -> object:
        """As a transport tells it."""
        return (self._address, 4711) if name == "peername" else None
