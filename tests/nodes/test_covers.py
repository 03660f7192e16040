"""The covers node on a real bus and a real database, with small stand-ins for the nodes that it asks."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.images import Capabilities, PaintOrder, Picture
from adapters.mongo import Collection, Database, Outgoing, now, open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from adapters.workers import Workers
from contracts import covers, safety, tasks, templates, users
from contracts.covers import CoverCompleted, CoverStep, GenerateCover
from contracts.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    Invalid,
    KeyReused,
    NotFound,
    OverQuota,
    Refused,
    ServiceError,
    Unauthenticated,
)
from contracts.tasks import CreateTask, StepReport, Task
from contracts.wire import Context
from nodes.covers.service import Covers
from nodes.covers.store import CoverStore
from nodes.runtime import Node, Service, listen, serve, work
from tests.support.buses import SmallService, a_bus
from tests.support.servers import MongoDatabase

USER = uuid.UUID(int=1)
TEMPLATE = templates.Template(
    id=uuid.UUID(int=3),
    name="Mist",
    category="literary",
    prompt_template="{prompt}, gentle light",
    style_params=templates.StyleParams(family="landscape", options={"horizon": 0.6}),
    popularity_score=1,
    is_premium=False,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Brush:
    """An image model that counts, and that can be slow or unwilling."""

    name, version = "brush", "1"
    capabilities = Capabilities(
        seed=True, reproducible=True, mask=False, negative_prompt=False, any_size=True, offline=True, max_pixels=9
    )

    def __init__(self) -> None:
        self.orders: list[PaintOrder] = []
        self.refusal: Exception | None = None
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def paint(self, order: PaintOrder) -> Picture:
        self.orders.append(order)
        await self.may_finish.wait()
        if self.refusal is not None:
            raise self.refusal
        return Picture(f"art {order.seed}".encode(), "image/png", order.width, order.height)


@dataclass
class Neighbours:
    """What templates, safety, users and tasks were asked, and what they shall answer."""

    tiers: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    verdict: safety.Verdict = field(default_factory=lambda: safety.Verdict(decision="allow"))
    reserved: list[uuid.UUID] = field(default_factory=list)
    quota_error: ServiceError | None = None
    released: asyncio.Queue[users.SettleQuota] = field(default_factory=asyncio.Queue)
    created: dict[uuid.UUID, CreateTask] = field(default_factory=dict)
    create_error: ServiceError | None = None
    create_delay: float = 0
    reports: asyncio.Queue[StepReport] = field(default_factory=asyncio.Queue)
    completed: asyncio.Queue[CoverCompleted] = field(default_factory=asyncio.Queue)

    def services(self) -> tuple[Service, ...]:
        return (
            SmallService(
                "templates", serve(templates.CHOOSE, self.choose), listen(covers.COMPLETED, self.cover_completed)
            ),
            SmallService("safety", serve(safety.CHECK_TEXT, self.check)),
            SmallService("users", serve(users.RESERVE_QUOTA, self.reserve), work(users.RELEASE_QUOTA, self.release)),
            SmallService(
                "tasks",
                serve(tasks.CREATE, self.create),
                serve(tasks.FIND_UNKNOWN, self.find_unknown),
                work(tasks.REPORT, self.report),
            ),
        )

    async def choose(self, message: templates.ChooseTemplate, context: Context) -> templates.Template:
        self.tiers.append(context.tier)
        self.hints.append(message.hint)
        if message.template_id not in (None, TEMPLATE.id):
            raise Forbidden("That style is for paying users.")
        return TEMPLATE

    async def check(self, message: safety.CheckText, context: Context) -> safety.Verdict:
        return self.verdict

    async def reserve(self, message: users.ReserveQuota, context: Context) -> users.Quota:
        if self.quota_error is not None:
            raise self.quota_error
        self.reserved.append(message.task_id)
        return users.Quota(used=0, reserved=1, limit=10, tier="free", resets_at=now())

    async def release(self, message: users.SettleQuota, context: Context) -> None:
        self.released.put_nowait(message)

    async def create(self, message: CreateTask, context: Context) -> Task:
        await asyncio.sleep(self.create_delay)
        if self.create_error is not None:
            raise self.create_error
        kept = self.created.setdefault(message.task_id, message)
        if kept.input_params != message.input_params:
            raise KeyReused
        return Task(
            task_id=message.task_id, type="generate", status="queued", step="paint", progress=0, created_at=now()
        )

    async def find_unknown(self, message: tasks.FindUnknown, context: Context) -> tasks.Unknown:
        return tasks.Unknown(task_ids=tuple(each for each in message.task_ids if each not in self.created))

    async def report(self, message: StepReport, context: Context) -> None:
        if not message.begun:
            self.reports.put_nowait(message)

    async def cover_completed(self, message: CoverCompleted, context: Context) -> None:
        self.completed.put_nowait(message)


@dataclass
class World:
    """Everything a test talks to."""

    bus: Bus
    service: Covers
    neighbours: Neighbours
    brush: Brush
    database: Database
    art: Path

    @property
    def documents(self) -> Collection:
        return self.database["covers"]

    def files(self) -> set[str]:
        """The keys of all objects."""
        return {f"{path.parent.name}/{path.name}" for path in self.art.glob("*/*") if path.parent.name != ".incoming"}

    async def generate(
        self,
        request: GenerateCover | None = None,
        *,
        key: str | None = None,
        timeout: float = 8,
        user: uuid.UUID = USER,
    ) -> covers.CoverAccepted:
        context = msgspec.structs.replace(asks(user, timeout), idempotency_key=key)
        return await self.bus.request(covers.GENERATE, request or GenerateCover(title="Tides"), context)

    async def do(self, queue: object, accepted: covers.CoverAccepted, step: str) -> StepReport | None:
        """Send a step, wait until all work is done, and give its report; None when it was reported before."""
        await self.send(queue, accepted, step)
        await self.idle()
        return None if self.neighbours.reports.empty() else self.neighbours.reports.get_nowait()

    async def idle(self) -> None:
        """Wait until every job is acknowledged."""
        stream = self.bus.connection.client.jetstream()
        async with asyncio.timeout(20):
            while (await stream.stream_info("JOBS")).state.messages:
                await asyncio.sleep(0.01)

    async def send(self, queue: object, accepted: covers.CoverAccepted, step: str) -> None:
        message = CoverStep(task_id=accepted.task_id, cover_id=accepted.cover_id, user_id=USER, step=step)
        await self.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)  # type: ignore[arg-type]  # any queue of CoverStep

    async def get(self, accepted: covers.CoverAccepted, user: uuid.UUID = USER) -> covers.Cover:
        return await self.bus.request(covers.GET, covers.GetCover(cover_id=accepted.cover_id), asks(user))

    async def image(self, accepted: covers.CoverAccepted) -> str:
        ref = await self.bus.request(covers.IMAGE, covers.GetImage(cover_id=accepted.cover_id), asks())
        return ref.key

    async def delete(self, accepted: covers.CoverAccepted) -> None:
        await self.bus.request(covers.DELETE, covers.DeleteCover(cover_id=accepted.cover_id), asks())

    async def make_ready(self, accepted: covers.CoverAccepted) -> None:
        """A cover with pictures, without waiting for real ones."""
        scope, objects = str(accepted.cover_id), FolderObjects(self.art)
        refs = [await objects.put(scope, data, "image/png") for data in (b"picture", b"thumbnail")]
        image, thumbnail = (msgspec.to_builtins(ref) for ref in refs)
        change = {
            "status": "ready",
            "completed_at": now(),
            "objects": {"compose": [ref.key for ref in refs]},
            "versions": [{"version": 1, "image": image, "thumbnail": thumbnail, "created_at": now()}],
        }
        await self.documents.update_one({"_id": accepted.cover_id}, {"$set": change})


def asks(user: uuid.UUID | None = USER, timeout: float = 8, tier: str = "free") -> Context:
    return Context.new(timeout=timeout, user_id=user, tier=tier)


@contextlib.asynccontextmanager
async def a_world(nats_url: str, mongo: MongoDatabase, art: Path) -> AsyncIterator[World]:
    neighbours, brush = Neighbours(), Brush()
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        client = open_mongo(mongo.url)
        stack.callback(client.close)
        workers = await stack.enter_async_context(Workers(1, 20))
        service = Covers(bus, client[mongo.name], FolderObjects(art), brush, workers)
        await service.prepare()
        for each in (*neighbours.services(), service):
            await stack.enter_async_context(Node(bus, each, "1.0.0"))
        yield World(bus, service, neighbours, brush, client[mongo.name], art)


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_a_cover_is_accepted(world: World) -> None:
    """The style is chosen, quota held, the draft kept, and the task created with what was asked for."""
    request = GenerateCover(title="Tides", author="A. Writer", prompt="a lake", seed=5)
    accepted = await world.generate(request)
    assert accepted.status == "queued"
    assert world.neighbours.reserved == [accepted.task_id]
    order = world.neighbours.created[accepted.task_id]
    assert order.cover_id == accepted.cover_id
    assert order.input_params["title"] == "Tides"
    cover = await world.get(accepted)
    assert (cover.status, cover.title, cover.author, cover.image_url) == ("generating", "Tides", "A. Writer", None)
    assert (cover.recipe.prompt, cover.recipe.seed) == ("a lake, gentle light", 5)
    assert world.neighbours.hints == ["Tides a lake"]


async def test_nobody_gets_no_cover(world: World) -> None:
    """A request without a user is refused."""
    with pytest.raises(Unauthenticated):
        await world.bus.request(covers.GENERATE, GenerateCover(title="Tides"), asks(None))


async def test_the_same_key_gives_the_same_task(world: World) -> None:
    """Also when the requests come at the same time, there is one draft and one task."""
    accepted = await asyncio.gather(*(world.generate(key="k") for _ in range(5)))
    assert len(set(accepted)) == 1
    assert await world.generate(key="k") == accepted[0]
    assert await world.documents.count_documents({}) == 1
    assert set(world.neighbours.reserved) == {accepted[0].task_id}
    assert (await world.generate(key="k", user=uuid.UUID(int=9))).task_id != accepted[0].task_id


async def test_a_key_with_another_body_harms_nothing(world: World) -> None:
    """KeyReused, while draft, reservation and task of the first request stay as they are."""
    accepted = await world.generate(key="k")
    before = await world.documents.find_one({"_id": accepted.cover_id})
    with pytest.raises(KeyReused):
        await world.generate(GenerateCover(title="Ebb"), key="k")
    assert await world.documents.find_one({"_id": accepted.cover_id}) == before
    assert world.neighbours.reserved == [accepted.task_id]
    assert world.neighbours.released.empty()


async def test_blocked_text_is_refused_with_its_category(world: World) -> None:
    """The refusal names field and category, and nothing is held or kept."""
    finding = safety.Finding(category="violence", field="title", start=0, end=5, decision="block")
    world.neighbours.verdict = safety.Verdict(decision="block", findings=(finding,))
    with pytest.raises(Refused) as refused:
        await world.generate()
    assert [(e.field, e.category) for e in refused.value.errors] == [("title", "violence")]
    assert world.neighbours.reserved == []
    assert await world.documents.count_documents({}) == 0


async def test_doubtful_text_is_allowed_and_noted(world: World) -> None:
    """A review does not hinder the cover; the category is on its record."""
    finding = safety.Finding(category="drugs", field="title", start=0, end=5, decision="review")
    world.neighbours.verdict = safety.Verdict(decision="review", findings=(finding,))
    accepted = await world.generate()
    document = await world.documents.find_one({"_id": accepted.cover_id})
    assert document is not None
    assert document["review"] == ["drugs"]


async def test_the_tier_decides_about_styles(world: World) -> None:
    """templates is told the caller's tier, and its refusal reaches the caller."""
    await world.bus.request(covers.GENERATE, GenerateCover(title="Tides"), asks(tier="pro"))
    assert world.neighbours.tiers == ["pro"]
    with pytest.raises(Forbidden):
        await world.generate(GenerateCover(title="Tides", template_id=uuid.UUID(int=99)))


async def test_without_quota_there_is_no_draft(world: World) -> None:
    """OverQuota reaches the caller and leaves nothing; the same key works when there is quota again."""
    world.neighbours.quota_error = OverQuota()
    with pytest.raises(OverQuota):
        await world.generate(key="k")
    assert await world.documents.count_documents({}) == 0
    world.neighbours.quota_error = None
    assert (await world.generate(key="k")).task_id in world.neighbours.created


async def test_a_refused_task_gives_its_quota_back(world: World) -> None:
    """A definite no of tasks releases the reservation and takes the draft back."""
    world.neighbours.create_error = Invalid("no")
    with pytest.raises(Invalid):
        await world.generate()
    async with asyncio.timeout(5):
        settle = await world.neighbours.released.get()
    assert (settle.task_id, settle.user_id, settle.step) == (world.neighbours.reserved[0], USER, None)
    assert await world.documents.count_documents({}) == 0


@pytest.mark.parametrize("unknown", ["slow", "internal"])
async def test_after_an_unknown_ending_the_key_finds_its_task(world: World, unknown: str) -> None:
    """Nothing is taken back when the task may exist; the same key gets the task."""
    if unknown == "slow":
        world.neighbours.create_delay = 1.0
    else:
        world.neighbours.create_error = Internal()
    with pytest.raises(DeadlineExceeded if unknown == "slow" else Internal):
        await world.generate(key="k", timeout=0.5)
    assert await world.documents.count_documents({"status": "generating"}) == 1
    world.neighbours.create_delay, world.neighbours.create_error = 0, None
    accepted = await world.generate(key="k")
    assert set(world.neighbours.reserved) == {accepted.task_id}
    assert world.neighbours.released.empty()


async def test_old_drafts_without_a_task_are_taken_back(world: World) -> None:
    """Only those that are old and that tasks does not know."""
    world.neighbours.create_error = Internal()
    for key in ("old", "young"):
        with pytest.raises(Internal):
            await world.generate(key=key)
    world.neighbours.create_error = None
    known = await world.generate(key="known")
    old = now() - timedelta(seconds=61)
    young_id = uuid.uuid5(uuid.uuid5(USER, "young"), "cover")
    await world.documents.update_many({"_id": {"$ne": young_id}}, {"$set": {"created_at": old}})
    await world.service.take_back_orphans()
    left = await world.documents.find({}).to_list(10)
    assert {each["_id"] for each in left} == {young_id, known.cover_id}


async def test_painting_again_paints_nothing(world: World) -> None:
    """A repeated step makes and reports nothing new; the recipe says what the art was made with."""
    accepted = await world.generate(GenerateCover(title="Tides", seed=5, format="thumbnail"))
    first = await world.do(covers.PAINT, accepted, "paint")
    assert first is not None
    assert await world.do(covers.PAINT, accepted, "paint") is None
    assert (first.problem, [ref.media_type for ref in first.images]) == (None, ["image/png"])
    assert world.files() == {first.images[0].key}
    assert [(o.seed, o.width, o.height, o.family) for o in world.brush.orders] == [(5, 1280, 720, "landscape")]
    recipe = (await world.get(accepted)).recipe
    assert (recipe.model, recipe.model_version) == ("brush", "1")


async def test_art_that_cannot_be_painted_fails_the_step(world: World) -> None:
    """A ValueError of the model is final and is told to tasks."""
    world.brush.refusal = ValueError("there is no family of art called 'x'")
    accepted = await world.generate()
    report = await world.do(covers.PAINT, accepted, "paint")
    assert report is not None
    assert report.problem is not None
    assert (report.problem.code, report.images) == ("invalid", ())
    assert "no family of art" in report.problem.detail


async def test_a_step_of_a_cover_that_is_gone_fails(world: World) -> None:
    """A task whose draft does not exist ends, rather than trying for ever."""
    accepted = await world.generate()
    await world.documents.delete_one({"_id": accepted.cover_id})
    report = await world.do(covers.PAINT, accepted, "paint")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "not_found"
    undone = await world.do(covers.DISCARD, accepted, "paint/undo")
    assert undone is not None
    assert undone.problem is None


async def test_discarded_art_stays_away(world: World) -> None:
    """Undoing removes the art; undoing again is fine; a late paint does nothing."""
    accepted = await world.generate()
    await world.do(covers.PAINT, accepted, "paint")
    undone = await world.do(covers.DISCARD, accepted, "paint/undo")
    assert undone is not None
    assert (undone.step, undone.problem) == ("paint/undo", None)
    assert world.files() == set()
    assert await world.do(covers.DISCARD, accepted, "paint/undo") is None
    assert await world.do(covers.PAINT, accepted, "paint") is None
    assert len(world.brush.orders) == 1
    assert world.files() == set()


@pytest.mark.parametrize(
    ("queue", "step"), [(covers.PAINT, "paint"), (covers.COMPOSE, "compose"), (covers.STORE, "store")]
)
async def test_undoing_what_never_happened(world: World, queue: object, step: str) -> None:
    """A discard that overtakes its step is done; the step then only reports, and does nothing."""
    accepted = await world.generate()
    undone = await world.do(covers.DISCARD, accepted, f"{step}/undo")
    assert undone is not None
    assert undone.problem is None
    late = await world.do(queue, accepted, step)
    assert late is not None
    assert (late.step, late.images, late.problem) == (step, (), None)
    assert world.brush.orders == []
    assert world.files() == set()


async def test_a_discard_in_the_middle_of_painting_leaves_nothing(world: World) -> None:
    """Art that is finished after its undoing is thrown away."""
    accepted = await world.generate()
    world.brush.may_finish.clear()
    await world.send(covers.PAINT, accepted, "paint")
    async with asyncio.timeout(5):
        while not world.brush.orders:
            await asyncio.sleep(0.01)
    await world.send(covers.DISCARD, accepted, "paint/undo")
    async with asyncio.timeout(5):
        undone = await world.neighbours.reports.get()
    assert undone.step == "paint/undo"
    world.brush.may_finish.set()
    await world.idle()
    assert world.neighbours.reports.get_nowait().images == ()
    assert world.files() == set()
    assert (await world.documents.find_one({"_id": accepted.cover_id}) or {})["art"] is None


async def test_what_a_crash_left_behind_an_undoing_is_removed(world: World) -> None:
    """A worker that died after putting its art, when undoing had been before: the next delivery cleans up."""
    accepted = await world.generate()
    report = await world.do(covers.PAINT, accepted, "paint")
    assert report is not None
    await world.do(covers.DISCARD, accepted, "paint/undo")
    await FolderObjects(world.art).put(str(accepted.cover_id), b"art %d" % world.brush.orders[0].seed, "image/png")
    assert world.files() == {report.images[0].key}
    await world.do(covers.PAINT, accepted, "paint")
    assert world.files() == set()


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_a_task_without_success_ends_its_cover(world: World, status: str) -> None:
    """The end of the task is the end of the cover; it has no picture, and may be deleted."""
    accepted = await world.generate()
    with pytest.raises(Conflict):
        await world.image(accepted)
    await finish(world, accepted, status)
    assert (await world.get(accepted)).status == status
    with pytest.raises(NotFound):
        await world.image(accepted)
    await world.delete(accepted)


async def finish(world: World, accepted: covers.CoverAccepted, status: str) -> None:
    event = msgspec.convert(
        {
            "task_id": accepted.task_id,
            "user_id": USER,
            "type": "generate",
            "status": status,
            "cover_id": accepted.cover_id,
            "created_at": now(),
            "completed_at": now(),
        },
        tasks.TaskFinished,
    )
    await world.bus.publish(tasks.FINISHED, event, message_id=uuid.uuid4().hex)
    async with asyncio.timeout(5):
        while (await world.get(accepted)).status == "generating":
            await asyncio.sleep(0.02)


async def test_the_shelf_is_paged_newest_first(world: World) -> None:
    """Pages follow each other without gaps or repeats, also when times are equal; others see nothing."""
    accepted = [await world.generate(GenerateCover(title=f"Tide {n}")) for n in range(5)]
    at = now()
    for n, each in enumerate(accepted):
        await world.documents.update_one(
            {"_id": each.cover_id}, {"$set": {"created_at": at + timedelta(milliseconds=n // 2)}}
        )
    found: list[covers.Cover] = []
    cursor: str | None = None
    for _ in range(3):
        page = await world.bus.request(covers.LIST, covers.ListCovers(limit=2, cursor=cursor), asks())
        found += page.items
        cursor = page.next_cursor
    assert cursor is None
    assert {cover.cover_id for cover in found} == {each.cover_id for each in accepted}
    assert len(found) == 5
    assert [cover.created_at for cover in found] == sorted((cover.created_at for cover in found), reverse=True)
    others = await world.bus.request(covers.LIST, covers.ListCovers(), asks(uuid.UUID(int=9)))
    assert others.items == ()


async def test_the_shelf_is_filtered_and_guards_its_cursor(world: World) -> None:
    """A status filters; a made-up cursor is an error of its field."""
    one, _ = await world.generate(), await world.generate()
    await finish(world, one, "failed")
    page = await world.bus.request(covers.LIST, covers.ListCovers(status="failed"), asks())
    assert [cover.cover_id for cover in page.items] == [one.cover_id]
    with pytest.raises(Invalid) as invalid:
        await world.bus.request(covers.LIST, covers.ListCovers(cursor="nonsense"), asks())
    assert [error.field for error in invalid.value.errors] == ["cursor"]


async def test_covers_of_others_do_not_exist(world: World) -> None:
    """Reading and deleting somebody else's cover is NotFound."""
    accepted = await world.generate()
    await world.make_ready(accepted)
    other = uuid.UUID(int=9)
    with pytest.raises(NotFound):
        await world.get(accepted, other)
    with pytest.raises(NotFound):
        await world.bus.request(covers.DELETE, covers.DeleteCover(cover_id=accepted.cover_id), asks(other))
    assert len(world.files()) == 2


async def test_a_deleted_cover_leaves_no_picture_and_no_words(world: World) -> None:
    """Pictures and texts go; that it was made still counts, and its key still gives its task."""
    accepted = await world.generate(key="k")
    with pytest.raises(Conflict):
        await world.delete(accepted)
    await world.make_ready(accepted)
    await world.delete(accepted)
    assert world.files() == set()
    with pytest.raises(NotFound):
        await world.get(accepted)
    with pytest.raises(NotFound):
        await world.delete(accepted)
    document = await world.documents.find_one({"_id": accepted.cover_id})
    assert "Tides" not in str(document)
    request = covers.GetUsage(user_id=USER, since=now() - timedelta(hours=1))
    assert (await world.bus.request(covers.USAGE, request, asks())).completed == 1
    assert await world.generate(key="k") == accepted
    with pytest.raises(KeyReused):
        await world.generate(GenerateCover(title="Ebb"), key="k")


async def test_pictures_of_a_half_deleted_cover_are_removed(world: World) -> None:
    """A crash between deleting a cover and its pictures is made good."""
    accepted = await world.generate()
    await world.make_ready(accepted)
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": {"deleted_at": now()}})
    await world.service.empty_deleted()
    assert world.files() == set()
    assert await world.documents.count_documents({"objects": {"$exists": True}}) == 0


async def test_usage_counts_from_its_time_on(world: World) -> None:
    """Covers before the time, and those of others, do not count."""
    accepted = await world.generate()
    await world.make_ready(accepted)
    for user, since, count in (
        (USER, now() - timedelta(minutes=1), 1),
        (USER, now() + timedelta(minutes=1), 0),
        (uuid.UUID(int=9), now() - timedelta(minutes=1), 0),
    ):
        usage = await world.bus.request(covers.USAGE, covers.GetUsage(user_id=user, since=since), asks())
        assert usage.completed == count


async def test_a_cover_without_a_picture_cannot_be_completed(world: World) -> None:
    """complete fails for good rather than showing an empty cover."""
    accepted = await world.generate()
    report = await world.do(covers.COMPLETE, accepted, "complete")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "conflict"
    assert (await world.get(accepted)).status == "generating"


async def composed(world: World) -> covers.CoverAccepted:
    """A cover as it is after the type was set, without waiting for that."""
    accepted = await world.generate()
    scope, objects = str(accepted.cover_id), FolderObjects(world.art)
    refs = [await objects.put(scope, data, "image/png") for data in (b"picture", b"thumbnail")]
    made = {"picture": msgspec.to_builtins(refs[0]), "thumbnail": msgspec.to_builtins(refs[1])}
    keys = {"objects.compose": [ref.key for ref in refs]}
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": made | keys})
    return accepted


async def test_a_stored_and_completed_cover_is_shown_and_told_of_once(world: World) -> None:
    """The picture becomes version 1, the cover is ready, and one event goes out, however often the jobs come."""
    accepted = await composed(world)
    for _ in range(2):
        await world.do(covers.STORE, accepted, "store")
    for _ in range(2):
        await world.do(covers.COMPLETE, accepted, "complete")
    cover = await world.get(accepted)
    assert (cover.status, [version.version for version in cover.versions]) == ("ready", [1])
    assert await world.image(accepted) == cover.versions[0].image.key
    thumb = covers.GetImage(cover_id=accepted.cover_id, size="thumb")
    assert (await world.bus.request(covers.IMAGE, thumb, asks())).key == cover.versions[0].thumbnail.key
    await world.service.send_waiting()
    async with asyncio.timeout(5):
        event = await world.neighbours.completed.get()
    assert (event.cover_id, event.user_id, event.template_id) == (accepted.cover_id, USER, TEMPLATE.id)
    await asyncio.sleep(0.2)
    assert world.neighbours.completed.empty()


async def test_an_event_that_a_crash_held_up_is_sent_later(world: World) -> None:
    """The event is in the same write as the status, so a worker that dies before sending loses nothing."""
    accepted = await composed(world)
    await world.do(covers.STORE, accepted, "store")
    payload = msgspec.json.encode(
        CoverCompleted(
            cover_id=accepted.cover_id,
            task_id=accepted.task_id,
            user_id=USER,
            template_id=TEMPLATE.id,
            format="ebook",
            model="brush",
            completed_at=now(),
        )
    )
    outgoing = Outgoing(subject=covers.COMPLETED.subject, payload=payload, message_id=f"{accepted.task_id}:completed")
    await CoverStore(world.database, world.bus.send).complete(accepted.cover_id, now(), outgoing)
    async with asyncio.timeout(5):  # the chore of the running node finds it
        assert (await world.neighbours.completed.get()).cover_id == accepted.cover_id
        while await world.documents.count_documents({"outbox.0": {"$exists": True}}):
            await asyncio.sleep(0.05)


async def test_undoing_store_takes_the_version_away(world: World) -> None:
    """Version 1 goes, and with compose undone its pictures go too."""
    accepted = await composed(world)
    await world.do(covers.STORE, accepted, "store")
    await world.do(covers.DISCARD, accepted, "store/undo")
    assert (await world.get(accepted)).versions == ()
    await world.do(covers.DISCARD, accepted, "compose/undo")
    assert world.files() == set()


async def test_a_late_failure_of_the_task_takes_a_ready_cover_back(world: World) -> None:
    """The task decides: a cover that was shown before its task failed is shown no longer, and does not count."""
    accepted = await composed(world)
    await world.do(covers.STORE, accepted, "store")
    await world.do(covers.COMPLETE, accepted, "complete")
    await finish(world, accepted, "failed")
    async with asyncio.timeout(5):
        while (await world.get(accepted)).status != "failed":
            await asyncio.sleep(0.02)
    with pytest.raises(NotFound):
        await world.image(accepted)
    usage = covers.GetUsage(user_id=USER, since=now() - timedelta(hours=1))
    assert (await world.bus.request(covers.USAGE, usage, asks())).completed == 0
