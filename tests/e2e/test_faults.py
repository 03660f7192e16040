"""Every run-time fault in a running system, switched as an operator does, and the promise that holds under it."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.nats.dead_letters import depth
from contracts.faults import FAULTS
from contracts.notifications import MAIL, SendMail
from ops.operating import operator_bus
from tests.support.api import Answer, Api, signed_up
from tests.support.faulty_world import FaultyWorld, a_faulty_world
from tests.support.mailbox import mails_in, the_mail
from tests.support.promises import accepted, settled, until

RETRIES = 7.0
"""Seconds from the first to the last delivery of a job that always fails."""
SAGA_STEPS = 6
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, mongo_url: str, redis_url: str
) -> AsyncIterator[FaultyWorld]:
    """One system for all faults: what one left behind must not spoil what comes after."""
    async with a_faulty_world(tmp_path_factory.mktemp("faulty"), postgres_url, mongo_url, redis_url) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def api(world: FaultyWorld) -> AsyncIterator[Api]:
    """A new user, so that quota and inbox can be counted."""
    async with signed_up(world.base) as signed:
        yield signed


def says_come_back(answer: Answer, status: int = 503) -> None:
    """A problem that tells when to try again."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


async def test_every_fault_has_a_test() -> None:
    """One per row of the table, named after it."""
    named = {f"test_{fault.name.replace('-', '_')}" for fault in FAULTS}

    assert named <= set(dir(sys.modules[__name__]))
    assert len(FAULTS) >= 15


async def test_provider_slow(world: FaultyWorld, api: Api) -> None:
    """Tasks take longer and succeed; one that waits can be cancelled."""
    async with world.broken("provider-slow", "--seconds", "1.5"):
        began = time.monotonic()
        tasks = [await accepted(api), await accepted(api)]
        await api.call("DELETE", f"/v1/tasks/{tasks[1]}")
        statuses = await settled(api, *tasks)

    assert statuses == {"succeeded": 1, "cancelled": 1}
    assert time.monotonic() - began > 1.5


async def test_provider_refusing(world: FaultyWorld, api: Api) -> None:
    """The task fails at the first try and says why; the quota is given back."""
    async with world.broken("provider-refusing"):
        task = await api.ended(await accepted(api), 5)

    assert (task["status"], task["error_message"]) == ("failed", "The image model does not paint this.")
    assert await settled(api, task["task_id"]) == {"failed": 1}


async def test_provider_failing(world: FaultyWorld, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model that fails every second time all tasks end, and the quota counts what succeeded."""
    for faults in world.faults:
        monkeypatch.setattr(faults, "_chance", itertools.cycle((0.25, 0.75)).__next__)
    async with world.broken("provider-failing", "--rate", "0.5"):
        tasks = [await accepted(api, f"Storm {number}") for number in range(4)]
        statuses = await settled(api, *tasks)

    assert statuses["succeeded"] + statuses["failed"] == 4


async def test_breaker_open(world: FaultyWorld, api: Api) -> None:
    """The model is not called, the job waits; once the breaker may close the cover is made."""
    async with world.broken("breaker-open", "--seconds", "1"):
        task_id = await accepted(api)
        await asyncio.sleep(1.5)
        waiting = (await api.call("GET", f"/v1/tasks/{task_id}")).body

    assert (waiting["status"], waiting["step"]) == ("running", "paint")
    assert await settled(api, task_id) == {"succeeded": 1}


async def test_storage_full(world: FaultyWorld, api: Api) -> None:
    """Tried four times, then failed; the quota is given back and nothing is half stored. Afterwards covers are made."""
    async with world.broken("storage-full"):
        began = time.monotonic()
        task = await api.ended(await accepted(api))
        took = time.monotonic() - began

    assert task["status"] == "failed"
    assert took > RETRIES
    assert list((world.settings.home / "objects").glob(f"{task['cover_id']}/*")) == []
    assert await settled(api, task["task_id"], await accepted(api)) == {"failed": 1, "succeeded": 1}


async def test_storage_slow(world: FaultyWorld, api: Api) -> None:
    """Tasks take longer and succeed."""
    async with world.broken("storage-slow", "--seconds", "0.5"):
        began = time.monotonic()
        task = await api.ended(await accepted(api))
        took = time.monotonic() - began

    assert took > 4 * 0.5  # three pictures put, one read
    assert await settled(api, task["task_id"]) == {"succeeded": 1}


async def test_storage_unreadable(world: FaultyWorld, api: Api) -> None:
    """A picture that is there is 503 with Retry-After, and there again afterwards; a task in flight succeeds."""
    ready = await api.ended(await accepted(api))
    path = f"/v1/covers/{ready['cover_id']}/image"
    async with world.broken("storage-unreadable"):
        says_come_back(await api.call("GET", path))
        task_id = await accepted(api)
        await asyncio.sleep(2)

    assert (await api.call("GET", path)).status == 200
    assert await settled(api, ready["task_id"], task_id) == {"succeeded": 2}


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


async def test_slow_node(world: FaultyWorld, api: Api) -> None:
    """The caller has a 504 by its deadline, and others do not wait."""
    async with world.broken("slow-node", "--seconds", "30", "--node", "covers", "--target", "svc.covers.list"):
        began = time.monotonic()
        slow = asyncio.create_task(api.call("GET", "/v1/covers"))
        quick = await api.call("GET", "/v1/tasks")
        assert time.monotonic() - began < 1
        says_come_back(await slow, 504)

    assert quick.status == 200
    assert time.monotonic() - began < 10
    assert (await api.call("GET", "/v1/covers")).status == 200


async def test_text_check_down(world: FaultyWorld, api: Api) -> None:
    """No cover is accepted unchecked: 503, nothing is reserved, no task is made."""
    async with world.broken("text-check-down"):
        says_come_back(await api.order("Unchecked", format="thumbnail"))

    assert (await api.call("GET", "/v1/tasks")).body["items"] == []
    assert await settled(api, await accepted(api)) == {"succeeded": 1}


async def test_edge_partition(world: FaultyWorld, api: Api) -> None:
    """504 by the deadline, alive but not ready; all is well afterwards, and tasks went on meanwhile."""
    task_id = await accepted(api)
    async with world.broken("edge-partition"):
        began = time.monotonic()
        says_come_back(await api.call("GET", "/v1/me"), 504)
        assert time.monotonic() - began < 10
        alive, ready = await api.call("GET", "/healthz"), await api.call("GET", "/readyz")

    assert (alive.status, ready.status) == (200, 503)
    assert await settled(api, task_id) == {"succeeded": 1}
    assert (await until(api, "/readyz", lambda body: body["status"] == "ready"))["status"] == "ready"


async def test_worker_crash(world: FaultyWorld, api: Api) -> None:
    """Processes die at their work; the jobs come again."""
    async with world.broken("worker-crash", "--rate", "1"):
        task_id = await accepted(api)
        await asyncio.sleep(2)

    task = await api.ended(task_id)
    assert task["retry_count"] > 0
    assert await settled(api, task_id) == {"succeeded": 1}


async def test_mail_refused(world: FaultyWorld) -> None:
    """Tried again after 1, 2 and 4 s, then a dead letter; nothing is in the folder, and what comes afterwards is."""
    first, second = (
        SendMail(to="ada@example.org", kind="password_changed", effect_key=key, values={"at": "now"})
        for key in ("refused", "taken")
    )
    async with operator_bus(world.settings) as bus:
        before = (await depth(bus)).letters
        async with world.broken("mail-refused"):
            await bus.enqueue(MAIL, first, message_id=first.effect_key)
            async with asyncio.timeout(20):
                while (await depth(bus)).letters == before:
                    await asyncio.sleep(0.1)
        await bus.enqueue(MAIL, second, message_id=second.effect_key)
    folder = world.settings.home / "mail"
    await the_mail(folder, "ada@example.org", "Your password was changed")

    assert len(mails_in(folder, "ada@example.org")) == 1


async def test_clock_skew(world: FaultyWorld, api: Api) -> None:
    """A step that seems late is waited for while its job is there. An hour ahead tasks are overdue and fail."""
    async with world.broken("provider-slow", "--seconds", "4"):
        ahead = await accepted(api)
        await until(api, f"/v1/tasks/{ahead}", lambda task: task["status"] == "running")
        async with world.broken("clock-skew", "--seconds", "200"):
            await api.ended(ahead)
        overdue = await accepted(api)
        async with world.broken("clock-skew", "--seconds", "3600"):
            await api.ended(overdue)

    assert "waiting" in await world.log(ahead)  # it was looked for, and its job is still there
    assert "expired" in await world.log(overdue)
    assert await settled(api, ahead, overdue) == {"succeeded": 1, "failed": 1}
