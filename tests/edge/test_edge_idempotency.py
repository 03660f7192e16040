"""Idempotency-Key: done once, replayed, refused with another request, and open when Redis is down."""

import asyncio
import uuid
from pathlib import Path

from adapters.redis import RUNNING_SECONDS, TIMEOUT, Redis, opened_redis
from contracts import covers, notifications
from contracts.errors import Unavailable
from edge.routes import ROUTES
from ops.paths import Home
from ops.servers.valkey import ValkeyServer
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import World, the_nodes
from tests.support.servers import running

BODY = {"title": "The Salt Road"}


async def test_twenty_at_once_make_one_cover(edge: Edge) -> None:
    """Of 20 equal requests one is done; the others are told to wait, and get its answer when they come again."""
    edge.world.slow[covers.GENERATE.subject] = 0.3
    key = {"Idempotency-Key": uuid.uuid4().hex}
    replies = await asyncio.gather(*(edge.ask("POST", "/v1/covers", json=BODY, headers=key) for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [202] + [409] * 19
    assert edge.world.count(covers.GENERATE) == 1
    first = next(reply for reply in replies if reply.status == 202)
    running = next(reply for reply in replies if reply.status == 409)
    assert (running.json["code"], running.headers["Retry-After"]) == ("conflict", "1")
    again = await asyncio.gather(*(edge.ask("POST", "/v1/covers", json=BODY, headers=key) for _ in range(20)))
    assert {(reply.status, reply.body, reply.headers["Location"]) for reply in again} == {
        (202, first.body, first.headers["Location"])
    }
    assert {reply.headers["Idempotency-Replayed"] for reply in again} == {"true"}
    assert edge.world.count(covers.GENERATE) == 1
    assert edge.world.last(covers.GENERATE)[1].idempotency_key == key["Idempotency-Key"]


async def test_the_same_key_with_another_body_is_refused(edge: Edge) -> None:
    """422 idempotency_key_reused, while it runs and afterwards."""
    key = {"Idempotency-Key": "k"}
    edge.world.slow[covers.GENERATE.subject] = 0.3
    first = asyncio.create_task(edge.ask("POST", "/v1/covers", json=BODY, headers=key))
    await asyncio.sleep(0.1)
    during = await edge.ask("POST", "/v1/covers", json={"title": "Other"}, headers=key)
    assert (await first).status == 202
    after = await edge.ask("POST", "/v1/covers", json={"title": "Other"}, headers=key)
    assert [r.json["code"] for r in (during, after)] == ["idempotency_key_reused"] * 2
    assert [r.status for r in (during, after)] == [422, 422]


async def test_a_key_belongs_to_its_user_and_route(edge: Edge) -> None:
    """Another user, or another route, may use the same key."""
    key = {"Idempotency-Key": "shared"}
    assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 202
    other = await edge.ask("POST", "/v1/covers", json=BODY, headers={**edge.world.bearer(), **key}, signed=False)
    assert "Idempotency-Replayed" not in other.headers
    read = await edge.ask("POST", f"/v1/notifications/{uuid.uuid4()}/read", headers=key)
    assert read.status == 200
    assert edge.world.count(covers.GENERATE) == 2
    entry = await edge.ask("POST", f"/v1/notifications/{uuid.uuid4()}/read", headers=key)
    assert entry.json["code"] == "idempotency_key_reused"
    assert edge.world.count(notifications.MARK_READ) == 1


async def test_errors_that_may_pass_are_not_kept(edge: Edge) -> None:
    """After a 503 or an unexpected 500 the same key tries again; a 4xx is the answer for good."""
    key = {"Idempotency-Key": "retry"}
    edge.world.failing[covers.GENERATE.subject] = Unavailable()
    assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 503
    edge.world.failing[covers.GENERATE.subject] = RuntimeError()
    assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 500
    edge.world.failing.clear()
    assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 202
    bad = {"Idempotency-Key": "bad"}
    replies = [await edge.ask("POST", "/v1/covers", json={"title": ""}, headers=bad) for _ in range(2)]
    assert [(r.status, "Idempotency-Replayed" in r.headers) for r in replies] == [(422, False), (422, True)]
    assert replies[1].headers["Content-Type"] == "application/problem+json"


async def test_a_key_must_be_short_and_printable(edge: Edge) -> None:
    """1 to 255 printable ASCII characters."""
    for key, status in (("a" * 255, 202), ("a" * 256, 422), ("", 422), ("ü", 422)):
        reply = await edge.ask("POST", "/v1/covers", json=BODY, headers={"Idempotency-Key": key})
        assert reply.status == status
        if status == 422:
            assert reply.json["errors"][0]["field"] == "Idempotency-Key"


async def test_without_redis_the_key_still_reaches_the_node(nats_url: str, world: World) -> None:
    """Redis is down: requests are served, and covers gets the key, from which it makes the same task."""
    async with opened_redis("redis://127.0.0.1:1/0") as redis, the_nodes(nats_url, world):
        async with an_edge(nats_url, redis, world) as edge:
            reply = await edge.ask("POST", "/v1/covers", json=BODY, headers={"Idempotency-Key": "open"})
            assert reply.status == 202
            assert edge.world.last(covers.GENERATE)[1].idempotency_key == "open"
            assert (await edge.ask("GET", "/v1/templates")).status == 200
            assert (await edge.ask("GET", "/readyz")).json["errors"][0]["field"] == "redis"


def test_no_running_request_loses_its_key() -> None:
    """The time for which a key is held is more than twice what any route with keys may take."""
    longest = max(route.contract.timeout for route in ROUTES if route.idempotent and route.contract)
    assert 2 * (longest + 2 * TIMEOUT) < RUNNING_SECONDS


async def test_redis_that_stops_halfway_loses_no_answer(nats_url: str, world: World, tmp_path: Path) -> None:
    """Redis dies while a request runs: its client gets its answer all the same."""
    server = ValkeyServer(Home(tmp_path / "home"))
    world.slow[covers.GENERATE.subject] = 0.6
    async with running(server) as supervised, opened_redis(server.url) as redis, the_nodes(nats_url, world):
        async with an_edge(nats_url, redis, world) as edge:
            asked = asyncio.create_task(
                edge.ask("POST", "/v1/covers", json=BODY, headers={"Idempotency-Key": "halfway"})
            )
            await asyncio.sleep(0.3)
            await supervised.stop()
            assert (await asked).status == 202


async def test_a_lost_connection_to_redis_is_made_anew(edge: Edge, redis: Redis) -> None:
    """Connections that Redis closed do not make a request fail or lose its idempotency."""
    key = {"Idempotency-Key": "closed"}
    first = await edge.ask("POST", "/v1/covers", json=BODY, headers=key)
    await redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    again = await edge.ask("POST", "/v1/covers", json=BODY, headers=key)
    assert again.body == first.body
    assert again.headers["Idempotency-Replayed"] == "true"
