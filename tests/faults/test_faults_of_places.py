"""Databases, nodes, the edge and clocks that fail, switched as an operator does, and the promise that holds."""

import asyncio
import time

import pytest

from tests.support.api import Api
from tests.support.faulty_world import FaultyWorld
from tests.support.processes import slowness
from tests.support.promises import accepted, says_come_back, settled, until

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


async def database_down(world: FaultyWorld, api: Api, fault: str) -> None:
    """Orders are 503 with Retry-After; what was accepted before ends when the database is back."""
    task_id = await accepted(api)
    async with world.broken(fault):
        says_come_back(await api.order("Not now", format="thumbnail"))
        await asyncio.sleep(2)

    assert await settled(api, task_id) == {"succeeded": 1}


async def test_postgres_down(world: FaultyWorld, api: Api) -> None:
    """Orders are 503 with Retry-After; what was accepted before ends when the database is back."""
    await database_down(world, api, "postgres-down")


async def test_mongo_down(world: FaultyWorld, api: Api) -> None:
    """Orders are 503 with Retry-After; what was accepted before ends when the database is back."""
    await database_down(world, api, "mongo-down")


async def test_redis_down(world: FaultyWorld, api: Api) -> None:
    """The edge serves on, says that it is not ready, and the same key still gives the same task."""
    async with world.broken("redis-down"):
        one, two = [await accepted(api, key="once") for _ in range(2)]
        ready = await api.call("GET", "/readyz")

    assert one == two
    assert (ready.status, ready.body["errors"][0]["field"]) == (503, "redis")
    assert await settled(api, one) == {"succeeded": 1}


async def test_slow_node(world: FaultyWorld, api: Api) -> None:
    """The caller has a 504 by its deadline, and others do not wait."""
    async with world.broken("slow-node", "--seconds", "30", "--node", "covers", "--target", "svc.covers.list"):
        began = time.monotonic()
        slow = asyncio.create_task(api.call("GET", "/v1/covers"))
        quick = await api.call("GET", "/v1/tasks")
        assert time.monotonic() - began < slowness()
        assert not slow.done()
        says_come_back(await slow, 504)

    assert quick.status == 200
    assert time.monotonic() - began < 10 * slowness()
    assert (await api.call("GET", "/v1/covers")).status == 200


async def test_edge_partition(world: FaultyWorld, api: Api) -> None:
    """504 by the deadline, alive but not ready; all is well afterwards, and tasks went on meanwhile."""
    task_id = await accepted(api)
    async with world.broken("edge-partition"):
        began = time.monotonic()
        says_come_back(await api.call("GET", "/v1/me"), 504)
        assert time.monotonic() - began < 10 * slowness()
        alive, ready = await api.call("GET", "/healthz"), await api.call("GET", "/readyz")

    assert (alive.status, ready.status) == (200, 503)
    assert await settled(api, task_id) == {"succeeded": 1}
    assert (await until(api, "/readyz", lambda body: body["status"] == "ready"))["status"] == "ready"


async def test_clock_skew(world: FaultyWorld, api: Api) -> None:
    """A step that seems late is waited for while its job is there. An hour ahead tasks are overdue and fail."""
    async with world.broken("provider-slow", "--seconds", "4"):
        ahead = await accepted(api)
        await until(api, f"/v1/tasks/{ahead}", lambda task: task["status"] == "running")
        async with world.broken("clock-skew", "--seconds", "380"):
            await api.ended(ahead)
        overdue = await accepted(api)
        async with world.broken("clock-skew", "--seconds", "3600"):
            await api.ended(overdue)

    assert "waiting" in await world.log(ahead)  # it was looked for, and its job is still there
    assert "expired" in await world.log(overdue)
    assert await settled(api, ahead, overdue) == {"succeeded": 1, "failed": 1}
