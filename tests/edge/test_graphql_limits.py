"""What a request of GraphQL may ask for: each limit refuses with its name, and what is asked is paid for."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import OperationDefinitionNode, get_introspection_query, parse

from adapters.redis import Redis
from contracts import covers, users
from edge.graphql.limits import MAX_BODY, MAX_COST, TooComplex, cost
from edge.graphql.schema import built
from edge.rates import read_rates
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World, the_nodes

SCHEMA = built()
ID = "6f1f2b0e-6f0e-4f57-9c50-0f8c0f3b7a52"
DEEP = "cover { task { " * 5 + "status" + " } }" * 5
SPREADS = " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(12))
TOO_MUCH = {
    "depth": f'{{ export(exportId: "{ID}") {{ {DEEP} }} }}',
    "aliases": "{ me { " + " ".join(f"a{n}: id" for n in range(16)) + " } }",
    "roots": "{ " + "me { id } " * 16 + "}",
    "directives": "{ me { " + "id @skip(if: false) " * 16 + " } }",
    "fields": "{ me { ...F0 } } " + SPREADS + " fragment F12 on User { id }",
    "cost": "{ covers(limit: 100) { items { task { cover { task { cover { template { id } } } } } } }"
    " tasks(limit: 100) { items { cover { task { cover { task { cover { title } } } } } } } }",
    "query": "{ me { id } } #" + "x" * 16 * 1024,
}


@pytest_asyncio.fixture
async def limited(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge where a user has 60 points a minute."""
    async with (
        the_nodes(nats_url, world),
        an_edge(nats_url, redis, world, rates=read_rates("free=60,address=60")) as edge,
    ):
        yield edge


async def graph(edge: Edge, query: str, *, signed: bool = True, **variables: object) -> Reply:
    """One request of GraphQL."""
    return await edge.ask("POST", "/graphql", json={"query": query, "variables": variables}, signed=signed)


def points(query: str, **variables: object) -> int:
    """What a request costs."""
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return cost(SCHEMA, document, operation, variables)


async def test_each_limit_refuses_with_its_name(edge: Edge) -> None:
    """400, `too_complex`, which limit, how much is allowed and how much it was; no node is asked."""
    for name, query in TOO_MUCH.items():
        reply = await graph(edge, query)
        error = reply.json["errors"][0]
        assert (reply.status, error["extensions"]["code"]) == (400, "too_complex"), (name, reply.json)
        assert error["extensions"]["errors"][0]["field"] == name
        assert "at most" in error["message"]
    assert edge.world.count(users.GET) == edge.world.count(covers.LIST) == 0


async def test_too_many_tokens(edge: Edge) -> None:
    """The parser stops at the limit."""
    reply = await graph(edge, "{ me { " + "id " * 1200 + "} }")
    assert (reply.status, "token" in reply.json["errors"][0]["message"]) == (400, True)


async def test_just_below_the_limits(edge: Edge) -> None:
    """Fifteen other names and fifteen fields at the top are answered."""
    reply = await graph(edge, "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(15)) + " }")
    assert (reply.status, len(reply.json["data"])) == (200, 15)
    assert edge.world.count(users.GET) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ me { id } }", 1),
        ("{ me { id } quota { used } }", 2),
        ("{ __typename }", 0),
        ('mutation { createCover(input: {title: "x"}) { taskId } }', 10),
        ("{ covers { items { title } } }", 1),
        ("{ covers { items { task { status } } } }", 1 + 20),
        ("{ covers(limit: 7) { items { ...F } } } fragment F on Cover { task { status } template { id } }", 1 + 14),
        ("query ($n: Int) { covers(limit: $n) { items { task { status } } } }", 1 + 50),
        ("query ($n: Int = 9, $m: Int) { covers(limit: $n) { items { task { status } } } }", 1 + 50),
        ("query ($m: Int = 9) { covers(limit: $m) { items { task { status } } } }", 1 + 9),
        ("{ covers(limit: 5) { items { ... on Cover { task { cover { title } } } } } }", 1 + 10),
    ],
)
def test_a_request_costs_what_rest_would(query: str, expected: int) -> None:
    """The points of each route, and below a page once for each of its items."""
    assert points(query, n=50) == expected


def test_a_limit_that_is_none_counts_as_the_largest() -> None:
    """What the contract will refuse is not cheaper than what it takes."""
    query = "query ($n: Int) { covers(limit: $n) { items { task { status } } } }"
    assert [points(query, n=given) for given in (-5, 10**6, "x", None)] == [2, 101, 101, 101]
    with pytest.raises(TooComplex):
        points(
            "{ " + " ".join(f"a{n}: covers(limit: 100) {{ items {{ task {{ status }} }} }}" for n in range(10)) + "}"
        )
    assert MAX_COST == 1000


async def test_points_are_taken_from_the_rate_of_rest(limited: Edge) -> None:
    """A request pays the sum of its routes from what REST also takes; beyond is a problem, and no node is asked."""
    reply = await graph(limited, "{ covers(limit: 20) { items { task { status } } } }")
    assert reply.headers["RateLimit"].startswith('"free";r=39;')
    rest = await limited.ask("GET", "/v1/me")
    assert rest.headers["RateLimit"].startswith('"free";r=38;')
    asked = limited.world.count(covers.LIST)
    over = await graph(limited, "{ covers(limit: 50) { items { task { status } } } }")
    assert (over.status, over.headers["Content-Type"]) == (429, "application/problem+json")
    assert "Retry-After" in over.headers
    assert limited.world.count(covers.LIST) == asked
    assert (await graph(limited, "{ me { id } }")).status == 200


async def test_the_schema_is_told_to_who_is_signed_in(edge: Edge) -> None:
    """The usual question about the schema works with credentials; strangers get neither it nor guesses at names."""
    whole = await graph(edge, get_introspection_query())
    assert (whole.status, len(whole.json["data"]["__schema"]["types"]) > 40) == (200, True)
    closed = await graph(edge, "{ __schema { types { name } } }", signed=False)
    assert (closed.status, "signed-in" in closed.json["errors"][0]["message"]) == (400, True)
    assert "Did you mean" not in (await graph(edge, "{ categorie { items { slug } } }", signed=False)).body.decode()
    assert "Did you mean" in (await graph(edge, "{ categorie { items { slug } } }")).body.decode()


async def test_only_one_request_in_json_by_post(edge: Edge) -> None:
    """No batch, no form, no text, no query in the address: what a page elsewhere could send is refused."""
    query = {"query": "{ me { id } }"}
    sent = json.dumps(query)
    cases: dict[int, list[dict[str, Any]]] = {
        400: [{"json": [query, query]}, {"data": "{", "headers": {"Content-Type": "application/json"}}, {"json": {}}],
        415: [
            {"data": sent, "headers": {"Content-Type": "text/plain"}},
            {"data": query},
            {"data": "{ me { id } }", "headers": {"Content-Type": "application/graphql"}},
            {"data": sent.encode(), "skip_auto_headers": ["Content-Type"]},
        ],
    }
    for status, options in cases.items():
        for each in options:
            reply = await edge.ask("POST", "/graphql", **each)
            assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json"), each
    got = await edge.ask("GET", "/graphql", params=query)
    assert (got.status, got.headers["Allow"]) == (405, "POST")
    big = await edge.ask("POST", "/graphql", json={**query, "variables": {"x": "y" * MAX_BODY}})
    assert (big.status, big.json["code"]) == (413, "too_large")
    assert edge.world.count(users.GET) == 0
