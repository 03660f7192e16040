"""How busy the tasks node is: its estimates, and what it refuses by itself."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from adapters.mongo import now
from adapters.mongo_outbox import Outbox
from contracts import tasks
from contracts.errors import Overloaded, RateLimited, Unavailable
from contracts.tasks import GetLoad, Load
from contracts.wire import Context
from nodes.tasks.load import Look
from nodes.tasks.queues import Queues
from nodes.tasks.reckoner import UNFINISHED, Reckoner
from nodes.tasks.service import Tasks
from nodes.tasks.turns import SHARES
from tests.support.buses import a_node
from tests.support.sagas import until
from tests.support.servers import MongoDatabase
from tests.support.tasks_scene import Scene, a_scene, order


@pytest_asyncio.fixture
async def scene(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Scene]:
    """A scene of the test's own."""
    async with a_scene(nats_url, mongo_database) as made:
        yield made


def somebody(tier: str) -> Context:
    """A user of that plan."""
    return Context.new(user_id=uuid.uuid4(), tier=tier)


async def load(scene: Scene) -> Load:
    """What the node says."""
    return await scene.bus.request(tasks.LOAD, GetLoad(), scene.user)


async def looked(scene: Scene) -> Load:
    """What the node says after its next look."""
    asked = now()

    async def new() -> bool:
        try:
            return (await load(scene)).at > asked
        except Unavailable:
            return False

    await until(new)
    return await load(scene)


async def test_the_estimate_follows_the_queue(scene: Scene) -> None:
    """What waits is counted by plan, held or sent, and not what is for later; nothing waits when all is done."""
    scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        idle = await looked(scene)
        pro, free = [await scene.create() for _ in range(6)], await scene.create(user=somebody("free"))
        await scene.create(start_at=scene.clock() + timedelta(hours=1))
        busy = await looked(scene)
        scene.crew.gates["paint"].set()
        for task in pro:
            await scene.ended(task.task_id)
        await until(lambda: _quiet(scene))
    assert sum(idle.waiting.values()) == sum(idle.seconds.values()) == 0
    assert busy.waiting == {"pro_plus": 0, "pro": 6, "free": 1}
    assert busy.seconds["pro"] > busy.seconds["pro_plus"] > 0
    assert free.task_id


async def _quiet(scene: Scene) -> bool:
    found = await looked(scene)
    return sum(found.waiting.values()) == sum(found.seconds.values()) == 0


async def test_a_busy_minute_teaches_the_pace(scene: Scene) -> None:
    """The pace is that of the busy seconds, kept for all instances and for those that start later."""
    begun = scene.clock()
    for second in range(60):
        look = Look(span=1.0, begun=2, came={"pro": 1})
        await scene.store.paces.add(begun - timedelta(seconds=second), look)
        await scene.store.paces.add(begun - timedelta(seconds=second), look)  # another instance
    await scene.store.paces.add(begun - timedelta(hours=1), Look(span=1.0, begun=500))
    async with scene.running(workers=False):
        for _ in range(3):
            await scene.create()
        found = await looked(scene)
    assert found.per_minute == pytest.approx(240, rel=0.1)
    assert found.seconds["pro"] == pytest.approx(1.0, rel=0.1)


async def test_begun_tasks_are_counted(scene: Scene) -> None:
    """With workers the pace becomes theirs: well above what is believed before."""
    async with scene.running():
        before = await looked(scene)
        for _ in range(4):
            await asyncio.gather(*(scene.create(user=somebody("pro_plus")) for _ in range(40)))
        await until(lambda: _faster(scene, before.per_minute), 20)


async def _faster(scene: Scene, per_minute: float) -> bool:
    return (await looked(scene)).per_minute > per_minute


async def test_a_burst_past_the_edge_is_refused(scene: Scene) -> None:
    """At twice the limit the node refuses, also within one look; a task that exists and one for later are let in."""
    outbox = Outbox(scene.store.collection, scene.bus.send, clock=scene.clock)
    service = Tasks(scene.store, outbox, Queues(scene.bus), max_wait=10.0, clock=scene.clock)
    known = order()
    async with a_node(scene.url, service):
        await looked(scene)
        await scene.bus.request(tasks.CREATE, known, scene.user)
        answers = await asyncio.gather(*(scene.create() for _ in range(30)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert (await scene.bus.request(tasks.CREATE, known, scene.user)).task_id == known.task_id
        await scene.create(start_at=scene.clock() + timedelta(hours=1))
        stored = await scene.store.collection.count_documents({})
    assert 10 <= len(refused) <= 25
    assert all((error.retry_after or 0) >= 1 for error in refused)
    assert len(refused) + stored == 1 + 30 + 1


async def test_a_user_has_a_number_of_unfinished_tasks(scene: Scene) -> None:
    """Free users have twenty: the next is refused with a sentence, others are not; one that ended makes room."""
    user, most = somebody("free"), UNFINISHED["free"]
    scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        await looked(scene)
        made = [await scene.create(user=user) for _ in range(most)]
        with pytest.raises(RateLimited, match=f"{most} unfinished") as refused:
            await scene.create(user=user)
        assert (refused.value.retry_after or 0) >= 1
        await scene.create(user=somebody("free"))
        await looked(scene)
        with pytest.raises(RateLimited):
            await scene.create(user=user, start_at=scene.clock() + timedelta(hours=1))
        scene.crew.gates["paint"].set()
        await scene.ended(made[SHARES["free"]].task_id, user)
        await looked(scene)
        await scene.create(user=user)


async def test_old_looks_refuse_nobody(scene: Scene) -> None:
    """A reckoner that has not looked for long says nothing and lets everybody in."""
    reckoner = Reckoner(scene.store, max_wait=0.001, clock=scene.clock)
    with pytest.raises(Unavailable):
        await reckoner.load(GetLoad(), scene.user)
    async with scene.running(workers=False):
        await scene.create()
        await reckoner.reckon()
        assert (await reckoner.load(GetLoad(), scene.user)).waiting["pro"] == 1
        assert {gauge.name for gauge in reckoner.gauges()} == {
            "tasks_per_minute",
            "tasks_waiting",
            "tasks_wait_seconds",
        }
        found = await scene.store.find((await scene.create()).task_id)
        assert found is not None
        with pytest.raises(Overloaded):
            reckoner.admit(found.task)
        scene.clock.ahead = timedelta(seconds=11)
        reckoner.admit(found.task)
        assert list(reckoner.gauges()) == []
        with pytest.raises(Unavailable):
            await reckoner.load(GetLoad(), scene.user)
