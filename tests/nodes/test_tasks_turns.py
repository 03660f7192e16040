"""Turns, times to come, time limits and vanished messages: the tasks node on real servers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from adapters.mongo import now
from contracts import covers, tasks
from contracts.errors import Invalid, Unavailable
from contracts.tasks import CancelTask
from contracts.wire import JOBS, Context
from nodes.tasks.queues import Queues
from nodes.tasks.sagas import GENERATE
from nodes.tasks.turns import SHARES
from tests.support.sagas import until
from tests.support.servers import MongoDatabase
from tests.support.tasks_scene import Scene, a_scene, order

LATENESS = 2.5
"""Seconds that a delayed task may begin late on a busy machine; the chaos suite measures the promised half second."""


@pytest_asyncio.fixture
async def scene(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Scene]:
    """A scene of the test's own."""
    async with a_scene(nats_url, mongo_database) as made:
        yield made


def a_user(tier: str = "free") -> Context:
    """Somebody else."""
    return Context.new(user_id=uuid.uuid4(), tier=tier)


async def test_of_a_users_tasks_only_a_few_are_in_flight(scene: Scene) -> None:
    """Twenty tasks of one user: never more than the share at once, all of them succeed, in the order they came."""
    crowd = a_user("free")
    gate = scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running(instances=2):
        made = [(await scene.create(f"{n}", crowd)).task_id for n in range(20)]
        await until(lambda: _deliveries(scene, 2))
        await asyncio.sleep(0.2)
        assert len(scene.crew.deliveries) == SHARES["free"]
        assert await scene.store.in_flight(crowd.user_id or uuid.UUID(int=0), 20) == SHARES["free"]
        assert await scene.place(made[5]) == "held"
        gate.set()
        await asyncio.gather(*(scene.ended(task_id, crowd, 30) for task_id in made))
    first = [task_id for task_id, step in scene.crew.deliveries if step == "paint"]
    assert set(first) == set(made)
    assert sorted(first, key=made.index) == first or _nearly(first, made)
    assert all(scene.crew.effects[task_id][-1] == "complete" for task_id in made)


async def test_one_users_crowd_does_not_stand_before_anothers_single_task(scene: Scene) -> None:
    """A hundred tasks of one user wait; the single task of another, of a lesser plan, is done long before them."""
    crowd, single = a_user("pro_plus"), a_user("free")
    gate = scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        for n in range(100):
            await scene.create(f"{n}", crowd)
        task = await scene.create("Mine", single)
        gate.set()

        async def mine_done() -> bool:
            return any(event.task_id == task.task_id for event in scene.crew.finished)

        await until(mine_done)
        ended = [event.user_id for event in scene.crew.finished]
    assert len(ended) < 50


async def test_a_held_task_is_cancelled_without_a_trace_in_the_queues(scene: Scene) -> None:
    """Only the quota is given back; no worker ever hears of its steps."""
    crowd = a_user("free")
    gate = scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        made = [(await scene.create(f"{n}", crowd)).task_id for n in range(3)]
        answer = await scene.bus.request(tasks.CANCEL, CancelTask(task_id=made[2]), crowd)
        assert answer.cancel_requested

        async def over() -> bool:
            return any(event.task_id == made[2] for event in scene.crew.finished)

        await until(over)
        gate.set()
        await asyncio.gather(*(scene.ended(task_id, crowd) for task_id in made[:2]))
    assert scene.crew.effects[made[2]] == ["reserve/undo"]
    assert await scene.events(made[2]) == ["created", "stopping", "finished"]


async def test_a_turn_that_a_crash_forgot_is_given(scene: Scene) -> None:
    """The instance dies between the end of one task and the turn of the next: another gives it."""
    crowd = a_user("free")
    silent = scene.service()
    made = [(await silent.create(order(f"{n}"), crowd)).task_id for n in range(3)]
    assert await scene.place(made[2]) == "held"
    for task_id in made[:2]:  # ended behind everybody's back
        await scene.store.collection.update_one(
            {"_id": task_id}, {"$set": {"status": "cancelled", "place": None, "step": None, "due_at": None}}
        )
    async with scene.running():
        await scene.ended(made[2], crowd)
    log = await scene.log(made[2])
    assert [(entry.event, entry.by) for entry in log][:2] == [("created", "user"), ("sent", "turns")]


async def test_a_delayed_task_begins_at_its_time(scene: Scene) -> None:
    """Until then it is queued and can be cancelled; then it begins once, soon."""
    at = now() + timedelta(seconds=2)
    async with scene.running():
        task = await scene.create(start_at=at)
        assert (task.status, task.step, task.start_at) == ("queued", None, at)
        assert scene.crew.deliveries == {}
        ended = await scene.ended(task.task_id)
    assert ended.started_at is not None
    assert timedelta() <= ended.started_at - at < timedelta(seconds=LATENESS)
    assert scene.crew.deliveries[task.task_id, "paint"] == 1
    details = [entry.detail for entry in await scene.log(task.task_id)]
    assert details[:2] == ["Waiting for its time", "Waiting to be painted"]


async def test_a_delayed_task_begins_though_its_schedule_was_lost(scene: Scene) -> None:
    """The database is the truth: without a bell from JetStream the reconciler lets it set out."""
    async with scene.running():
        task = await scene.create(start_at=now() + timedelta(seconds=1.5))
        assert await scene.bus.unschedule(tasks.START, str(task.task_id))
        ended = await scene.ended(task.task_id)
    assert ended.status == "succeeded"


async def test_a_cancelled_delayed_task_leaves_no_schedule(scene: Scene) -> None:
    """Its quota is given back at once, and JetStream forgets the time."""
    async with scene.running():
        task = await scene.create(start_at=now() + timedelta(days=20))
        await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task.task_id), scene.user)
        await scene.ended(task.task_id)
        assert not await scene.bus.unschedule(tasks.START, str(task.task_id))
    assert scene.crew.effects[task.task_id] == ["reserve/undo"]


async def test_a_start_in_the_past_is_now_and_one_too_far_is_refused(scene: Scene) -> None:
    """The error names the field."""
    async with scene.running():
        task = await scene.create(start_at=now() - timedelta(days=1))
        assert (await scene.ended(task.task_id)).start_at is None
        with pytest.raises(Invalid) as refused:
            await scene.create(start_at=now() + tasks.LONGEST_DELAY + timedelta(minutes=1))
    assert [error.field for error in refused.value.errors] == ["start_at"]


async def test_a_task_that_takes_too_long_is_given_up_and_undone(scene: Scene) -> None:
    """The painter never answers; after the task's time it fails with a clear message and its quota is back."""
    scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        task = await scene.create()
        await until(lambda: _deliveries(scene, 1))
        scene.clock.ahead = timedelta(seconds=GENERATE.timeout + 1)
        ended = await scene.ended(task.task_id)
        scene.crew.gates["paint"].set()
    assert (ended.status, ended.error_code) == ("failed", "deadline_exceeded")
    assert ended.error_message == "It was not finished within 30 minutes."
    assert scene.crew.effects[task.task_id][:2] == ["paint/undo", "reserve/undo"]
    expired = next(entry for entry in await scene.log(task.task_id) if entry.event == "expired")
    assert (expired.by, expired.step, expired.error) == ("reconciler", "paint", "deadline_exceeded")


async def test_a_step_whose_message_vanished_is_sent_again(scene: Scene) -> None:
    """The stream loses its messages (a damaged file, a restored backup): the comparison finds out, nothing waits."""
    service, users = scene.service(), [a_user() for _ in range(5)]
    made = [(await service.create(order(f"{n}"), user)).task_id for n, user in enumerate(users)]
    await next(chore.run() for chore in service.chores if chore.name == "sweep")  # what was sent is off the books
    kept = await Queues(scene.bus).ids(covers.PAINT.subject_of("free"))
    assert kept == frozenset(f"{task_id}:paint" for task_id in made)
    await scene.bus.request_raw(f"$JS.API.STREAM.PURGE.{JOBS}", b"{}", Context.new(), 5)
    scene.clock.ahead = timedelta(seconds=11)
    async with scene.running():
        await asyncio.gather(*map(scene.ended, made, users))
    assert all(scene.crew.deliveries[task_id, "paint"] == 1 for task_id in made)
    resent = [entry for entry in await scene.log(made[0]) if entry.event == "resent"]
    assert [(entry.by, entry.attempt) for entry in resent] == [("reconciler", 1)]


async def test_a_step_that_waits_in_its_queue_is_not_sent_again(scene: Scene) -> None:
    """The queue is long, nobody comes to it for minutes: one message is enough, and the log says that it waits."""
    service = scene.service()
    task_id = (await service.create(order(), scene.user)).task_id
    chores = {chore.name: chore.run for chore in service.chores}
    scene.clock.ahead = timedelta(seconds=361)
    await chores["compare"]()
    await chores["resend"]()
    assert await scene.events(task_id) == ["created", "waiting"]
    scene.clock.ahead = timedelta(seconds=300)
    await chores["resend"]()
    assert await scene.events(task_id) == ["created", "waiting"]


async def test_a_postponed_step_keeps_its_pause(scene: Scene) -> None:
    """An undo that fails is sent again after its pause, not earlier because its message is gone."""
    scene.crew.deaths["reserve/undo"] = Unavailable("not now")
    scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        task = await scene.create()
        await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task.task_id), scene.user)

        async def postponed() -> bool:
            return "postponed" in await scene.events(task.task_id)

        await until(postponed, limit=20)
        stored = await scene.store.find(task.task_id)
        assert stored is not None
        assert stored.task.postponed
        assert await scene.store.silent(now() + timedelta(seconds=60)) == []
        del scene.crew.deaths["reserve/undo"]
        scene.crew.gates["paint"].set()
        scene.clock.ahead = timedelta(seconds=6)
        await scene.ended(task.task_id)
    events = await scene.events(task.task_id)
    assert events[events.index("postponed") + 1] == "resent"


async def test_the_log_says_who(scene: Scene) -> None:
    """The user, the instance of the worker, and what failed with which error in which attempt."""
    async with scene.running():
        task = await scene.create()
        await scene.ended(task.task_id)
    log = await scene.log(task.task_id)
    assert log[0].by == "user"
    assert {entry.by.partition("/")[0] for entry in log[1:]} == {"tester"}  # the crew's bus
    assert all(entry.at and entry.detail and entry.attempt == 0 for entry in log)


async def _deliveries(scene: Scene, count: int) -> bool:
    return len(scene.crew.deliveries) >= count


def _nearly(found: list[uuid.UUID], wanted: list[uuid.UUID]) -> bool:
    """Tasks in flight at a time may overtake each other, no others."""
    return all(abs(found.index(task_id) - wanted.index(task_id)) < 2 * SHARES["free"] for task_id in wanted)
