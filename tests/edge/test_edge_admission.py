"""Orders that would wait too long are refused at the edge, and so are more requests than it can do at a time."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest_asyncio

from adapters.redis import Redis, opened_redis
from contracts import covers, tasks, users
from contracts.tasks import Load
from edge.openapi import openapi
from edge.outlook import NEWS, Outlook
from edge.routes import ROUTES
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import IDLE, World, the_nodes

BODY = {"title": "The Salt Road"}
LIMIT = 60.0
NOBODY: Any = None
"""In the place of a bus that nothing is asked of."""


def busy(**seconds: float) -> Load:
    """A load with these waits by plan."""
    waiting = {plan: round(wait) for plan, wait in seconds.items()}
    return msgspec.structs.replace(IDLE, waiting=waiting, seconds={**IDLE.seconds, **seconds})


async def seen(edge: Edge, load: Load) -> None:
    """Return when the edge has heard of this load."""
    edge.world.load = load
    before = edge.world.count(tasks.LOAD)
    async with asyncio.timeout(10):
        while edge.world.count(tasks.LOAD) < before + 2:
            await asyncio.sleep(0.05)


async def order(edge: Edge, tier: str, body: Any = BODY, key: str | None = None) -> Reply:
    """An order by a user of that plan."""
    headers = {**edge.world.bearer(tier=tier), **({"Idempotency-Key": key} if key else {})}
    return await edge.ask("POST", "/v1/covers", json=body, signed=False, headers=headers)


@pytest_asyncio.fixture
async def edge(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge that lets nobody wait longer than a minute."""
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, max_wait=LIMIT) as edge:
        yield edge


async def test_who_would_wait_too_long_is_refused_with_a_time(edge: Edge, redis: Redis) -> None:
    """503 as a problem: the estimate in words, Retry-After until the wait is short enough; nothing is done or kept."""
    await seen(edge, busy(pro=61.5, free=200.0))
    refused = await order(edge, "free", key="k")
    assert (refused.status, refused.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) == 140
    assert [refused.json[name] for name in ("code", "status", "title")] == ["overloaded", 503, "Too busy"]
    assert "4 minutes" in refused.json["detail"]
    assert "140 seconds" not in refused.json["detail"]
    assert "3 minutes" in refused.json["detail"]
    assert refused.json["request_id"] == refused.headers["X-Request-ID"]
    assert int((await order(edge, "pro")).headers["Retry-After"]) == 2
    assert (await order(edge, "pro_plus")).status == 202
    assert (await order(edge, "gold")).status == 503  # an unknown plan waits with the last
    assert edge.world.count(covers.GENERATE) == 1
    assert await redis.run("KEYS", "idempotency:*") == []


async def test_only_orders_are_refused(edge: Edge) -> None:
    """However much waits, everything else is served."""
    await seen(edge, busy(pro_plus=1e6, pro=1e6, free=1e6))
    for path in ("/v1/me", "/v1/covers", "/v1/tasks", "/v1/templates", "/healthz"):
        assert (await edge.ask("GET", path)).status == 200
    bad = await edge.ask("POST", "/v1/covers", json=BODY, signed=False)
    assert bad.status == 401  # who is asking comes first


async def test_an_accepted_order_is_answered_again(edge: Edge, redis: Redis) -> None:
    """A known Idempotency-Key gets its answer while new orders are refused; of others' keys nothing is known."""
    key = {"Idempotency-Key": "again"}
    first = await edge.ask("POST", "/v1/covers", json=BODY, headers=key)
    await seen(edge, busy(pro_plus=500.0, pro=500.0, free=500.0))
    again = await edge.ask("POST", "/v1/covers", json=BODY, headers=key)
    assert (again.status, again.body) == (first.status, first.body) == (202, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await edge.ask("POST", "/v1/covers", json={"title": "Other"}, headers=key)
    assert other.json["code"] == "idempotency_key_reused"
    assert (await order(edge, "free", key="again")).json["code"] == "overloaded"
    assert edge.world.count(covers.GENERATE) == 1


async def test_without_redis_orders_are_refused_all_the_same(nats_url: str, world: World) -> None:
    """Whether a key is known cannot be asked: that is no reason to let everybody in."""
    world.load = busy(free=500.0)
    async with opened_redis("redis://127.0.0.1:1/0") as redis, the_nodes(nats_url, world):
        async with an_edge(nats_url, redis, world, max_wait=LIMIT) as edge:
            await seen(edge, world.load)
            assert (await order(edge, "free", key="k")).json["code"] == "overloaded"


async def test_orders_for_later_are_let_in(edge: Edge) -> None:
    """One that begins when the queue is short again is taken, one that begins sooner is not."""
    await seen(edge, busy(free=200.0))
    later, soon = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (600, 30))
    assert (await order(edge, "free", {**BODY, "start_at": later.isoformat()})).status == 202
    assert (await order(edge, "free", {**BODY, "start_at": soon.isoformat()})).status == 503
    assert (await order(edge, "free", {**BODY, "start_at": "tomorrow"})).status == 503


async def test_an_edge_without_news_lets_everybody_in(nats_url: str, redis: Redis, world: World) -> None:
    """The tasks node does not say how busy it is: the edge refuses nobody."""
    world.failing[tasks.LOAD.subject] = RuntimeError()
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, max_wait=LIMIT) as edge:
        world.load = busy(free=500.0)
        assert (await order(edge, "free")).status == 202
        world.failing.clear()
        await seen(edge, world.load)
        assert (await order(edge, "free")).status == 503


def test_old_news_is_no_news() -> None:
    """Ten seconds after the last answer nothing is known any more."""
    at = 100.0

    def clock() -> float:
        return at

    outlook = Outlook(NOBODY, clock=clock)
    assert outlook.wait("free") is None
    outlook.hear(busy(free=30.0))
    assert outlook.wait("free") == 30.0
    at += NEWS
    assert outlook.wait("free") == 30.0
    at += 0.1
    assert outlook.wait("free") is None


def test_what_was_let_in_counts_until_the_node_counts_it() -> None:
    """Each order lengthens the wait at once, and for one more round of news."""
    outlook = Outlook(NOBODY)
    outlook.hear(busy(free=30.0, pro=10.0))
    for _ in range(5):
        outlook.let_in("free")
    assert (outlook.wait("free"), outlook.wait("pro")) == (35.0, 10.0)
    outlook.hear(busy(free=30.0))
    assert outlook.wait("free") == 35.0
    outlook.hear(busy(free=35.0))
    assert outlook.wait("free") == 35.0
    outlook.let_in("pro")
    assert outlook.wait("pro") == 1.0  # nothing waits: one more takes its time at the pace of sixty a minute


async def test_what_becomes_no_task_keeps_nobody_waiting(edge: Edge) -> None:
    """However many orders are refused or answered again, the next good one is taken; good ones are counted."""
    key = {"Idempotency-Key": "k"}
    await seen(edge, IDLE)
    assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 202
    for _ in range(100):
        assert (await order(edge, "free", {"title": ""})).status == 422
        assert (await edge.ask("POST", "/v1/covers", json=BODY, headers=key)).status == 202
    statuses = [(await order(edge, "free")).status for _ in range(200)]
    assert (statuses[0], statuses[-1]) == (202, 503)


async def test_too_many_requests_at_a_time_are_refused_at_once(nats_url: str, redis: Redis, world: World) -> None:
    """Of five at a time three are served and two are told within 50 ms to come again; health and streams are free."""
    world.slow[users.GET.subject] = 1.0
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, most_at_once=3) as edge:
        assert (await edge.ask("GET", "/v1/templates")).status == 200  # connections and keys are there
        began = time.perf_counter()
        running = [asyncio.create_task(edge.ask("GET", "/v1/me")) for _ in range(3)]
        await asyncio.sleep(0.3)
        began = time.perf_counter()
        refused = await asyncio.gather(*(edge.ask("POST", "/v1/covers", json=BODY) for _ in range(2)))
        took = time.perf_counter() - began
        assert [(r.status, r.json["code"], r.headers["Retry-After"]) for r in refused] == [(503, "overloaded", "1")] * 2
        assert (await edge.ask("GET", "/healthz")).status == 200
        task_id = uuid.uuid4()
        world.owners[task_id] = edge.user
        world.moved(task_id, "succeeded")
        assert (await edge.ask("GET", f"/v1/tasks/{task_id}/events")).status == 200
        assert [reply.status for reply in await asyncio.gather(*running)] == [200] * 3
        assert (await edge.ask("POST", "/v1/covers", json=BODY)).status == 202
    assert world.count(covers.GENERATE) == 1
    assert took < 0.5, took


def test_the_document_tells_of_refusals() -> None:
    """POST /v1/covers has 429 and 503 problems, with Retry-After."""
    document = openapi(ROUTES, version="1")
    responses = document["paths"]["/v1/covers"]["post"]["responses"]
    for status in ("429", "503"):
        found = document["components"]["responses"][responses[status]["$ref"].rsplit("/", 1)[1]]
        assert "Retry-After" in found["headers"]
        assert "application/problem+json" in found["content"]
