"""The tasks node on a real bus and a real database, with small workers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio

from adapters.mongo_outbox import Outbox
from contracts import tasks
from contracts.errors import Conflict, Invalid, KeyReused, NotFound, Refused, Unauthenticated, Unavailable
from contracts.tasks import CancelTask, FindUnknown, GetHistory, GetTask, ListTasks, Progress, StepReport
from contracts.wire import Context, DeadLetter
from nodes.tasks.queues import Queues
from nodes.tasks.service import Tasks, build
from tests.support.sagas import ART, until
from tests.support.servers import MongoDatabase
from tests.support.tasks_scene import Scene, a_scene, order

FORWARD = ["paint", "check_image", "compose", "store", "commit", "complete"]


@pytest_asyncio.fixture
async def scene(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Scene]:
    """A scene of the test's own."""
    async with a_scene(nats_url, mongo_database) as made:
        yield made


async def test_a_cover_is_made_step_by_step(scene: Scene) -> None:
    """From queued to succeeded: each step once, the result, one note, one event, a history without holes."""
    seen: list[Progress] = []
    await scene.bus.watch(tasks.PROGRESSED, seen.append)
    async with scene.running():
        created = await scene.create()
        assert (created.status, created.step, created.progress) == ("queued", "paint", 0)
        task = await scene.ended(created.task_id)
        history = await scene.bus.request(tasks.HISTORY, GetHistory(task_id=task.task_id), scene.user)
        rest = await scene.bus.request(tasks.HISTORY, GetHistory(task_id=task.task_id, after=5), scene.user)
    assert scene.crew.effects[task.task_id] == FORWARD
    assert (task.status, task.progress, task.error_message) == ("succeeded", 1.0, None)
    assert task.result_urls == (f"/v1/covers/{task.cover_id}/image",)
    assert task.started_at is not None
    assert task.completed_at is not None
    assert task.created_at <= task.started_at <= task.completed_at
    assert scene.crew.pictures == [(ART,)]
    assert [n.kind for n in scene.crew.notes] == ["cover_ready"]
    assert [e.status for e in scene.crew.finished] == ["succeeded"]
    assert history.ended
    assert [e.seq for e in history.entries] == list(range(1, 8))
    assert [e.seq for e in rest.entries] == [6, 7]
    assert [p.seq for p in seen] == [e.seq for e in history.entries]
    assert [p.detail for p in seen][:3] == ["Waiting to be painted", "Checking the picture", "Setting the type"]


async def test_the_users_context_goes_along_with_the_work(scene: Scene) -> None:
    """Workers learn the user, the tier and the request, and no deadline."""
    async with scene.running():
        task = await scene.create()
        await scene.ended(task.task_id)
    assert {(c.user_id, c.tier, c.request_id, c.deadline) for c in scene.crew.contexts} == {
        (scene.user.user_id, "pro", scene.user.request_id, None)
    }


async def test_creating_again_gives_the_same_task_and_never_anothers(scene: Scene) -> None:
    """The same request is idempotent; other input, another cover or another user is refused."""
    asked = order()
    other = Context.new(user_id=uuid.uuid4())
    async with scene.running(workers=False):
        first = await scene.bus.request(tasks.CREATE, asked, scene.user)
        assert await scene.bus.request(tasks.CREATE, asked, scene.user) == first
        for changed in (
            msgspec.structs.replace(asked, input_params={"title": "Other"}),
            msgspec.structs.replace(asked, cover_id=uuid.uuid4()),
        ):
            with pytest.raises(KeyReused):
                await scene.bus.request(tasks.CREATE, changed, scene.user)
        with pytest.raises(KeyReused):
            await scene.bus.request(tasks.CREATE, asked, other)
        both = await asyncio.gather(*(scene.bus.request(tasks.CREATE, order("x"), scene.user) for _ in range(3)))
        assert len({task.task_id for task in both}) == 3
    assert await scene.events(first.task_id) == ["created"]


async def test_a_task_is_only_its_owners(scene: Scene) -> None:
    """To others it does not exist; without a user there is nothing to see."""
    other = Context.new(user_id=uuid.uuid4())
    async with scene.running(workers=False):
        task_id = (await scene.create()).task_id
        for context, error in ((other, NotFound), (Context.new(), Unauthenticated)):
            with pytest.raises(error):
                await scene.bus.request(tasks.GET, GetTask(task_id=task_id), context)
            with pytest.raises(error):
                await scene.bus.request(tasks.HISTORY, GetHistory(task_id=task_id), context)
            with pytest.raises(error):
                await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), context)
        assert (await scene.bus.request(tasks.LIST, ListTasks(), other)).items == ()
        assert not (await scene.get(task_id)).cancel_requested


async def test_lists_go_page_by_page_newest_first(scene: Scene) -> None:
    """Every task comes once, also those of the same millisecond; the status filters."""
    async with scene.running(workers=False):
        made = {(await scene.create(str(n))).task_id for n in range(7)}
        cancelled = sorted(made, key=str)[:2]
        found: list[tasks.Task] = []
        cursor = None
        while True:
            page = await scene.bus.request(tasks.LIST, ListTasks(limit=3, cursor=cursor), scene.user)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        await scene.store.collection.update_many({"task_id": {"$in": cancelled}}, {"$set": {"status": "cancelled"}})
        filtered = await scene.bus.request(tasks.LIST, ListTasks(status="cancelled"), scene.user)
        with pytest.raises(Invalid):
            await scene.bus.request(tasks.LIST, ListTasks(cursor="nonsense"), scene.user)
    assert {task.task_id for task in found} == made
    assert [t.created_at for t in found] == sorted((t.created_at for t in found), reverse=True)
    assert {task.task_id for task in filtered.items} == set(cancelled)


async def test_a_refused_picture_undoes_the_paint_and_gives_the_quota_back(scene: Scene) -> None:
    """A permanent problem walks back in reverse, and the user reads why."""
    scene.crew.errors["check_image"] = Refused("The picture shows something that we do not make.")
    async with scene.running():
        task = await scene.ended((await scene.create()).task_id)
    assert scene.crew.effects[task.task_id] == ["paint", "paint/undo", "reserve/undo"]
    assert (task.status, task.error_code, task.result_urls) == ("failed", "content_refused", ())
    assert task.error_message == "The picture shows something that we do not make."
    assert [n.kind for n in scene.crew.notes] == ["cover_failed"]


async def test_a_dead_letter_leads_to_compensation(scene: Scene) -> None:
    """A job that its worker cannot take at all ends the task, through the dead letters."""
    scene.crew.deaths["compose"] = Invalid("The title does not fit.")
    async with scene.running():
        task = await scene.ended((await scene.create()).task_id)
    assert scene.crew.effects[task.task_id] == ["paint", "check_image", "compose/undo", "paint/undo", "reserve/undo"]
    assert (task.status, task.error_message) == ("failed", "The title does not fit.")


async def test_a_dead_undo_is_sent_again_until_it_is_done(scene: Scene) -> None:
    """The reservation is given back in the end, however often that failed before."""
    scene.crew.errors["paint"] = Refused()
    scene.crew.deaths["paint/undo"] = Conflict("not now")
    async with scene.running():
        task_id = (await scene.create()).task_id

        async def postponed() -> bool:
            return "postponed" in await scene.events(task_id)

        await until(postponed)
        assert (await scene.get(task_id)).status == "running"
        scene.crew.deaths.clear()
        scene.clock.ahead = timedelta(seconds=30)
        task = await scene.ended(task_id)
    assert task.status == "failed"
    assert scene.crew.effects[task_id] == ["paint/undo", "reserve/undo"]
    assert "resent" in await scene.events(task_id)


async def test_a_step_whose_report_is_lost_is_sent_again(scene: Scene) -> None:
    """A worker crashed between effect and report, or its message is gone: the reconciler asks again."""
    scene.crew.silent.add("compose")
    async with scene.running():
        task_id = (await scene.create()).task_id

        async def silent() -> bool:
            return scene.crew.deliveries[task_id, "compose"] == 1

        await until(silent)
        scene.clock.ahead = timedelta(seconds=245)
        task = await scene.ended(task_id)
    assert task.status == "succeeded"
    assert scene.crew.effects[task_id] == FORWARD
    assert scene.crew.deliveries[task_id, "compose"] == 2
    assert (await scene.events(task_id)).count("resent") == 1


async def test_duplicate_reports_change_nothing(scene: Scene) -> None:
    """Every report three times: each step is still sent once and the user is told once."""
    scene.crew.reports = 3
    async with scene.running(instances=2):
        task = await scene.ended((await scene.create()).task_id)
        await asyncio.sleep(0.3)
    assert task.status == "succeeded"
    assert [scene.crew.deliveries[task.task_id, step] for step in FORWARD] == [1] * 6
    assert len(scene.crew.notes) == len(scene.crew.finished) == 1
    assert await scene.events(task.task_id) == ["created", *["done"] * 5, "finished"]


async def test_two_instances_share_the_work_without_doing_it_twice(scene: Scene) -> None:
    """Twelve tasks, two instances that sweep and reconcile all the while, every report twice."""
    scene.crew.reports = 2
    async with scene.running(instances=2):
        made = await asyncio.gather(*(scene.create(str(n)) for n in range(12)))
        ended = [await scene.ended(task.task_id) for task in made]
    assert {task.status for task in ended} == {"succeeded"}
    assert set(scene.crew.deliveries.values()) == {1}
    assert len(scene.crew.notes) == 12


async def test_racing_reports_are_applied_once(scene: Scene) -> None:
    """Two instances get the same report at the same moment: one write wins, the other reads again and lets it be."""
    task = await scene.service().create(order(), scene.user)
    report = StepReport(task_id=task.task_id, step="paint", images=(ART,), deliveries=3)
    instances = [scene.service() for _ in range(6)]
    await asyncio.gather(*(instance.report(report, scene.user) for instance in instances))
    assert await scene.events(task.task_id) == ["created", "done"]
    assert (await scene.service().get(GetTask(task_id=task.task_id), scene.user)).retry_count == 2


async def test_what_was_stored_but_not_sent_is_swept_by_another_instance(scene: Scene) -> None:
    """The bus is away when the task is created: the task exists, and its first step goes out once the bus is back."""

    async def nowhere(subject: str, payload: bytes, *, message_id: str, headers: object) -> None:
        raise Unavailable("The message bus is not reachable.")

    crashed = Tasks(scene.store, Outbox(scene.store.collection, nowhere), Queues(scene.bus))
    task = await crashed.create(order(), scene.user)
    assert task.status == "queued"
    scene.clock.ahead = timedelta(seconds=3)
    async with scene.running(instances=2):
        assert (await scene.ended(task.task_id)).status == "succeeded"
    assert scene.crew.deliveries[task.task_id, "paint"] == 1


async def test_a_queued_task_is_cancelled_at_once(scene: Scene) -> None:
    """Nobody paints yet: the cancellation does not wait for the painter."""
    scene.crew.gates["paint"] = asyncio.Event()
    async with scene.running():
        task_id = (await scene.create()).task_id
        answer = await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), scene.user)
        assert answer.cancel_requested
        task = await scene.ended(task_id)
        again = await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), scene.user)
        scene.crew.gates["paint"].set()
    assert task.status == again.status == "cancelled"
    assert scene.crew.effects[task_id][:2] == ["paint/undo", "reserve/undo"]
    assert [n.kind for n in scene.crew.notes] == ["cover_cancelled"]


async def test_a_running_task_is_cancelled_when_its_step_reports(scene: Scene) -> None:
    """The step in hand is finished, then everything is undone."""
    scene.crew.gates["compose"] = asyncio.Event()
    async with scene.running():
        task_id = (await scene.create()).task_id

        async def composing() -> bool:
            return (await scene.get(task_id)).step == "compose"

        await until(composing)
        answer = await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), scene.user)
        assert (answer.status, answer.cancel_requested) == ("running", True)
        scene.crew.gates["compose"].set()
        task = await scene.ended(task_id)
    assert task.status == "cancelled"
    assert scene.crew.effects[task_id] == [*FORWARD[:3], "compose/undo", "paint/undo", "reserve/undo"]


async def test_a_finished_cover_cannot_be_cancelled(scene: Scene) -> None:
    """Once the commit is sent, and after the end, cancelling is a conflict."""
    scene.crew.gates["commit"] = asyncio.Event()
    async with scene.running():
        task_id = (await scene.create()).task_id

        async def committing() -> bool:
            return (await scene.get(task_id)).step == "commit"

        await until(committing)
        with pytest.raises(Conflict):
            await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), scene.user)
        scene.crew.gates["commit"].set()
        await scene.ended(task_id)
        with pytest.raises(Conflict):
            await scene.bus.request(tasks.CANCEL, CancelTask(task_id=task_id), scene.user)
        with pytest.raises(NotFound):
            await scene.bus.request(tasks.CANCEL, CancelTask(task_id=uuid.uuid4()), scene.user)


async def test_unknown_tasks_are_told_from_known_ones(scene: Scene) -> None:
    """For nodes that hold something for a task that never came to be."""
    async with scene.running(workers=False):
        known, unknown = (await scene.create()).task_id, uuid.uuid4()
        answer = await scene.bus.request(tasks.FIND_UNKNOWN, FindUnknown(task_ids=(known, unknown)), Context.new())
    assert answer.task_ids == (unknown,)


async def test_dead_letters_that_are_no_steps_are_let_be(scene: Scene) -> None:
    """A dead report is applied after all; notes, foreign jobs and unreadable ones change nothing."""
    service = scene.service()
    task = await service.create(order(), scene.user)
    report = msgspec.json.encode(StepReport(task_id=task.task_id, step="paint"))
    letters = {
        "jobs.notifications.send": b'{"user_id": 1}',
        "jobs.covers.paint": b"\xff",
        "jobs.covers.discard": msgspec.json.encode({"task_id": str(uuid.uuid4()), "step": "paint/undo"}),
        tasks.REPORT.subject: report,
    }
    for subject, payload in letters.items():
        letter = DeadLetter(subject=subject, reason="unavailable", detail="", deliveries=4, payload=payload)
        await service.dead(letter, Context.new())
    assert await scene.events(task.task_id) == ["created", "done"]


async def test_build_makes_the_indexes_and_can_be_repeated(scene: Scene) -> None:
    """Two instances start on one database."""
    await asyncio.gather(build(scene.database, scene.bus), build(scene.database, scene.bus))
    names = set(await scene.store.collection.index_information())
    assert names == {"_id_", "own", "due", "turns", "outbox_at"}
