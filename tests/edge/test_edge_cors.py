"""Pages of other origins, and packed answers."""

import gzip
import json
from typing import Any

import aiohttp
import pytest

from adapters.redis import Redis
from contracts import covers, users
from edge.middleware.compression import takes_gzip
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World, the_nodes

HOME, STRANGER = "https://app.example.org", "https://evil.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def allowed(reply: Reply) -> dict[str, str]:
    """The headers of cross-origin requests."""
    return {name: value for name, value in reply.headers.items() if name.startswith("Access-Control-")}


async def test_pages_of_known_origins_may_call(nats_url: str, redis: Redis, world: World) -> None:
    """A preflight says what may be sent, answers and errors say what may be read, and all of them that they depend on
    the origin; cookies are never allowed."""
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, origins=(HOME,)) as edge:
        asked = await edge.ask("OPTIONS", "/v1/covers", signed=False, headers={"Origin": HOME, **ASKS})
        assert (asked.status, allowed(asked)["Access-Control-Allow-Origin"]) == (204, HOME)
        assert {"POST", "DELETE"} <= set(allowed(asked)["Access-Control-Allow-Methods"].split(", "))
        taken = allowed(asked)["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "idempotency-key"} <= set(taken)
        for path, status in (("/v1/me", 200), ("/v1/nothing", 404), (f"/v1/covers/{edge.user}/image", 409)):
            reply = await edge.ask("GET", path, headers={"Origin": HOME})
            assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (status, HOME), path
            assert "RateLimit" in reply.headers["Access-Control-Expose-Headers"]
            assert "Origin" in reply.headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in reply.headers
        for origin in (STRANGER, "null", HOME + ".evil.example.org", HOME.upper()):
            for method in ("OPTIONS", "GET"):
                reply = await edge.ask(method, "/v1/me", headers={"Origin": origin, **ASKS})
                assert allowed(reply) == {}, origin
                assert reply.headers["Vary"] == "Origin"


async def test_without_the_setting_no_origin_may(edge: Edge) -> None:
    """By default there are no such headers, and OPTIONS says what the path takes."""
    reply = await edge.ask("OPTIONS", "/v1/covers", signed=False, headers={"Origin": HOME, **ASKS})
    assert (reply.status, allowed(reply), reply.headers["Allow"]) == (204, {}, "GET, HEAD, OPTIONS, POST")
    assert allowed(await edge.ask("GET", "/v1/me", headers={"Origin": HOME})) == {}


async def raw(edge: Edge, path: str, method: str = "GET", **headers: str) -> tuple[Any, bytes]:
    """An answer as it came over the wire."""
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Accept-Encoding",)) as client:
        sent = {**edge.world.bearer(edge.user), **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with client.request(method, edge.url + path, headers=sent) as answer:
            return answer, await answer.read()


async def test_large_json_is_packed_for_who_takes_it(edge: Edge) -> None:
    """Above 1 KiB, for clients that say gzip: the same document, its ETag weak, and still known by If-None-Match."""
    plain, body = await raw(edge, "/openapi.json")
    packed, bytes_sent = await raw(edge, "/openapi.json", Accept_Encoding="gzip, deflate")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(bytes_sent) == body
    assert len(bytes_sent) < len(body) / 4
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    again, _ = await raw(edge, "/openapi.json", Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert again.status == 304
    head, nothing = await raw(edge, "/openapi.json", "HEAD", Accept_Encoding="gzip")
    assert (head.headers["Content-Length"], nothing) == (str(len(bytes_sent)), b"")


async def test_small_answers_and_pictures_are_not_packed(edge: Edge) -> None:
    """What would gain nothing comes as it is."""
    for path in ("/v1/me", "/v1/covers/x", "/healthz"):
        answer, body = await raw(edge, path, Accept_Encoding="gzip")
        assert ("Content-Encoding" in answer.headers, isinstance(json.loads(body), dict)) == (False, True), path
    assert edge.world.count(users.GET) == 1
    assert edge.world.count(covers.GET) == 0


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("identity, *;q=0.1", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
    ],
)
def test_accept_encoding_is_read(header: str, takes: bool) -> None:
    """Names in any case, weights, and the star for what is not named."""
    assert takes_gzip(header) is takes
