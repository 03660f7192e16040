"""The end of an account in the nodes that keep what is a user's in MongoDB and in the object store."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.mail import FolderMailer
from adapters.mongo import Database, now, open_mongo
from adapters.nats.bus import Bus
from contracts import covers, notifications, tasks, templates
from contracts.covers import CoverAccepted, GenerateCover, ListCovers
from contracts.errors import NotFound, Unauthenticated, Unavailable
from contracts.notifications import ListNotifications, SendNotification
from contracts.tasks import CreateTask, FindUnknown, GetTask, ListTasks, StepReport
from contracts.templates import ListUserTemplates, SaveUserTemplate, StyleParams
from contracts.wire import Context
from nodes.covers.service import LATE_AFTER
from nodes.notifications.service import Notifications
from nodes.runtime import Node
from nodes.tasks.service import build as build_tasks
from nodes.templates.model import Seed
from nodes.templates.service import Templates
from tests.support.buses import a_bus
from tests.support.covers_world import USER, World, a_world, asks
from tests.support.endings import end_account
from tests.support.servers import MongoDatabase

OTHER = uuid.UUID(int=2)
SEED = Seed(name="Seeded", category="art", family="mesh", prompt_template="{prompt}", popularity_score=3)


@pytest_asyncio.fixture
async def database(mongo_database: MongoDatabase) -> AsyncIterator[Database]:
    """An empty database of one node."""
    client = open_mongo(mongo_database.url)
    yield client[mongo_database.name]
    client.close()


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A bus with streams."""
    async with a_bus(nats_url, streams=True) as bus:
        yield bus


@pytest_asyncio.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    """A covers node with small neighbours."""
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_the_inbox_is_emptied_for_good(bus: Bus, database: Database) -> None:
    """The user's notices go and the other's stay; one that comes late, or again, is not kept."""
    service = Notifications(database, FolderMailer(Path("unused"), "covers@example.org"), bytes(32))
    await service.prepare()

    async def tell(user: uuid.UUID, key: str) -> None:
        await service.send(SendNotification(user_id=user, effect_key=key, kind="k", title="T"), asks(user))

    async with Node(bus, service, "1.0.0"):
        for user in (USER, OTHER):
            await tell(user, "one")
        await end_account(bus, USER, "notifications")
        await end_account(bus, USER, "notifications")
        await tell(USER, "late")
        pages = [await bus.request(notifications.LIST, ListNotifications(), asks(user)) for user in (USER, OTHER)]

    assert [len(page.items) for page in pages] == [0, 1]
    assert await database["inbox"].count_documents({"user_id": USER}) == 0


async def test_own_styles_are_removed_for_good(bus: Bus, database: Database) -> None:
    """The user's own styles go and the other's stay; a token that is still good cannot save one."""
    service = Templates(database, bus.send)
    await service.prepare(seeds=(SEED,))
    own = SaveUserTemplate(template_id=SEED.id, name="Mine", customizations=StyleParams(family="mesh"))
    async with Node(bus, service, "1.0.0"):
        for user in (USER, OTHER):
            await bus.request(templates.SAVE_MINE, own, asks(user))
        await end_account(bus, USER, "templates")
        with pytest.raises(Unauthenticated):
            await bus.request(templates.SAVE_MINE, own, asks(USER))
        pages = [await bus.request(templates.LIST_MINE, ListUserTemplates(), asks(user)) for user in (USER, OTHER)]

    assert [len(page.items) for page in pages] == [0, 1]
    assert await database["user_templates"].count_documents({}) == 1


async def test_tasks_are_removed_also_while_they_run(bus: Bus, database: Database) -> None:
    """No task of the user is left, a report that comes late changes nothing, and no task is made any more."""
    service = await build_tasks(database, bus)
    order = CreateTask(task_id=uuid.uuid4(), type="generate", cover_id=uuid.uuid4(), input_params={"title": "Tides"})
    others = msgspec.structs.replace(order, task_id=uuid.uuid4())
    async with Node(bus, service, "1.0.0"):
        await bus.request(tasks.CREATE, order, asks())
        await bus.request(tasks.CREATE, others, asks(OTHER))
        await end_account(bus, USER, "tasks")
        await service.report(StepReport(task_id=order.task_id, step="paint"), asks())
        for late in (order, msgspec.structs.replace(order, task_id=uuid.uuid4())):
            with pytest.raises(Unauthenticated):
                await bus.request(tasks.CREATE, late, asks())
        with pytest.raises(NotFound):
            await bus.request(tasks.GET, GetTask(task_id=order.task_id), asks())
        question = FindUnknown(task_ids=(order.task_id, others.task_id))
        assert (await bus.request(tasks.FIND_UNKNOWN, question, Context.new())).task_ids == (order.task_id,)
        assert (await bus.request(tasks.LIST, ListTasks(), asks())).items == ()

    assert await database["generation_tasks"].count_documents({}) == 1


async def shelf(world: World, user: uuid.UUID = USER) -> int:
    """How many covers the user sees."""
    return len((await world.bus.request(covers.LIST, ListCovers(), asks(user))).items)


async def documents(world: World) -> int:
    """How many records there are of the user's covers, whatever is in them."""
    return await world.documents.count_documents({"user_id": USER})


async def paint_begun(world: World) -> CoverAccepted:
    """A cover whose painter has begun and waits."""
    world.brush.may_finish.clear()
    accepted = await world.generate()
    await world.send(covers.PAINT, accepted, "paint")
    async with asyncio.timeout(5):
        while not world.brush.orders:
            await asyncio.sleep(0.01)
    return accepted


async def test_covers_and_their_pictures_are_removed(world: World) -> None:
    """Ready, failed and deleted ones: no file, no record, not even the marks of covers deleted before; others stay."""
    ready, deleted, others = await world.generate(), await world.generate(), await world.generate(user=OTHER)
    for each in (ready, deleted, others):
        await world.make_ready(each)
    await world.delete(deleted)
    assert len(world.files()) == 4
    for _ in range(2):
        await end_account(world.bus, USER, "covers")

    assert {key.partition("/")[0] for key in world.files()} == {str(others.cover_id)}
    assert (await documents(world), await shelf(world), await shelf(world, OTHER)) == (0, 0, 1)


async def test_a_cover_that_is_being_painted_does_not_come_back(world: World) -> None:
    """The painter finishes after the end: the art is not kept, the steps find the cover gone, and in time the last
    record goes too."""
    accepted = await paint_begun(world)
    await end_account(world.bus, USER, "covers")
    assert await shelf(world) == 0
    world.brush.may_finish.set()
    await world.idle()
    report = await world.do(covers.STORE, accepted, "store")

    assert world.files() == set()
    reports = [report, *(world.neighbours.reports.get_nowait() for _ in range(world.neighbours.reports.qsize()))]
    assert {each.problem.code for each in reports if each is not None and each.problem is not None} == {"not_found"}
    left = await world.documents.find_one({"_id": accepted.cover_id})
    assert left is not None
    assert not {"request", "recipe", "art", "layout", "versions"} & left.keys()
    await world.service.take_back_orphans()
    await world.service.empty_deleted()
    assert await documents(world) == 1
    await world.documents.update_one(
        {"_id": accepted.cover_id}, {"$set": {"deleted_at": now() - LATE_AFTER - timedelta(seconds=1)}}
    )
    await world.service.empty_deleted()
    assert await documents(world) == 0


async def test_what_a_crashed_step_has_put_is_found(world: World) -> None:
    """A painter that died between putting the art and noting it: the key was noted before, and the sweep removes it."""
    accepted = await world.generate()
    key = f"{accepted.cover_id}/{'0' * 64}"
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": {"objects.paint": [key]}})
    await end_account(world.bus, USER, "covers")
    (world.art / str(accepted.cover_id)).mkdir(parents=True)
    (world.art / key).write_bytes(b"late")

    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": {"deleted_at": now() - 2 * LATE_AFTER}})
    await world.service.empty_deleted()
    assert (world.files(), await documents(world)) == (set(), 0)


async def test_no_cover_is_begun_after_the_end(world: World) -> None:
    """A token that is still good gets Unauthenticated, also with a key used before; no draft, reservation or task."""
    await world.generate(key="before")
    await end_account(world.bus, USER, "covers")
    reserved, created = len(world.neighbours.reserved), len(world.neighbours.created)
    for key in (None, "before", "after"):
        with pytest.raises(Unauthenticated):
            await world.generate(GenerateCover(title="Tides"), key=key)

    assert await world.documents.count_documents({"user_id": USER, "deleted_at": {"$exists": False}}) == 0
    assert (len(world.neighbours.reserved), len(world.neighbours.created)) == (reserved, created)


async def test_a_store_that_is_away_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are buried at once; the pictures go when the event comes again."""
    accepted = await world.generate()
    await world.make_ready(accepted)
    real, failures = world.service._objects.delete, [Unavailable("away"), Unavailable("away")]

    async def delete(key: str) -> None:
        if failures:
            raise failures.pop()
        await real(key)

    monkeypatch.setattr(world.service._objects, "delete", delete)
    ending = asyncio.create_task(end_account(world.bus, USER, "covers"))
    async with asyncio.timeout(5):
        while len(failures) > 1:
            await asyncio.sleep(0.01)
    assert (await shelf(world), len(world.files())) == (0, 2)
    await ending

    assert (failures, world.files(), await documents(world)) == ([], set(), 0)


async def test_two_ends_at_once_do_not_hinder_each_other(world: World) -> None:
    """Several instances, or a redelivery beside the first one: all of it is gone, nothing fails."""
    for _ in range(5):
        await world.make_ready(await world.generate())
    await asyncio.gather(*(end_account(world.bus, USER, "covers") for _ in range(3)))
    assert (world.files(), await documents(world)) == (set(), 0)
