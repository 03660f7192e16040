"""What can happen to jobs and the processes that do them, switched as an operator does, and the promise that holds."""

import asyncio
import time

import pytest

from adapters.nats.dead_letters import depth
from ops.operating import operator_bus
from tests.support.api import Api
from tests.support.faulty_world import FaultyWorld
from tests.support.processes import slowness
from tests.support.promises import accepted, settled

SAGA_STEPS = 6
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


async def test_consumer_lag(world: FaultyWorld, api: Api) -> None:
    """Every step is late; nothing is lost or done twice."""
    async with world.broken("consumer-lag", "--seconds", "0.4"):
        began = time.monotonic()
        statuses = await settled(api, await accepted(api))

    assert statuses == {"succeeded": 1}
    assert time.monotonic() - began > 6 * 0.4


async def test_poison_message(world: FaultyWorld, api: Api) -> None:
    """The poisoned job becomes one dead letter, its task fails and gives back its quota; the next one passes."""
    async with operator_bus(world.settings) as bus:
        before = (await depth(bus)).letters
        async with world.broken("poison-message", "--rate", "1", "--target", "jobs.covers.compose"):
            poisoned = await api.ended(await accepted(api))
        dead = await depth(bus)

    assert poisoned["status"] == "failed"
    assert dead.letters == before + 1
    assert await settled(api, poisoned["task_id"], await accepted(api)) == {"failed": 1, "succeeded": 1}


async def test_duplicate_delivery(world: FaultyWorld, api: Api) -> None:
    """Every handler runs twice: one version, one cover counted, one notice."""
    async with world.broken("duplicate-delivery"):
        statuses = await settled(api, await accepted(api), await accepted(api))

    assert statuses == {"succeeded": 2}


async def test_lost_ack(world: FaultyWorld, api: Api) -> None:
    """The server gives every message again, after the time to acknowledge: effects happen once all the same."""
    async with world.broken("lost-ack"):
        task_id = await accepted(api)
        await api.ended(task_id)
        assert await world.jobs() >= SAGA_STEPS
    async with asyncio.timeout(30):
        while await world.jobs():
            await asyncio.sleep(0.2)

    assert await settled(api, task_id) == {"succeeded": 1}


async def test_publish_refused(world: FaultyWorld, api: Api) -> None:
    """An accepted task waits in the outbox of its node and goes on afterwards."""
    async with world.broken("publish-refused", "--node", "tasks"):
        task_id = await accepted(api)
        await asyncio.sleep(1.5)
        waiting = (await api.call("GET", f"/v1/tasks/{task_id}")).body

    assert waiting["status"] == "queued"
    assert await settled(api, task_id) == {"succeeded": 1}


async def test_worker_crash(world: FaultyWorld, api: Api) -> None:
    """Processes die at their work; the jobs come again."""
    async with world.broken("worker-crash", "--rate", "1"):
        task_id = await accepted(api)
        await asyncio.sleep(2 * slowness())

    task = await api.ended(task_id)
    assert task["retry_count"] > 0
    assert await settled(api, task_id) == {"succeeded": 1}
