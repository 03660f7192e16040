"""A covers node on a real bus and a real database, with small stand-ins for the nodes that it asks."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from adapters.images import Capabilities, ImageModel, PaintOrder, Picture
from adapters.images.guarded import GuardedModel
from adapters.mongo import Collection, Database, now, open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from adapters.workers import Workers
from contracts import covers, safety, tasks, templates, users
from contracts.covers import CoverCompleted, CoverStep, GenerateCover
from contracts.errors import (
    Forbidden,
    KeyReused,
    ServiceError,
)
from contracts.tasks import CreateTask, StepReport, Task
from contracts.wire import Context, WorkQueue
from nodes.bindings import Service, listen, serve, work
from nodes.covers.service import Covers
from nodes.covers.share_links import Links
from nodes.runtime import Node
from tests.support.buses import SmallService, a_bus
from tests.support.servers import MongoDatabase

USER = uuid.UUID(int=1)
LINKS = Links(b"k" * 32, "https://covers.example")
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
    slow_answers: list[asyncio.Event] = field(default_factory=list)
    """The first questions for unknown tasks are answered, as things were, when these are set."""
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
        answer = tasks.Unknown(task_ids=tuple(each for each in message.task_ids if each not in self.created))
        if self.slow_answers:
            await self.slow_answers.pop(0).wait()
        return answer

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
    workers: Workers

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

    async def do(self, queue: WorkQueue[CoverStep], accepted: covers.CoverAccepted, step: str) -> StepReport | None:
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

    async def send(self, queue: WorkQueue[CoverStep], accepted: covers.CoverAccepted, step: str) -> None:
        message = CoverStep(task_id=accepted.task_id, cover_id=accepted.cover_id, user_id=USER, step=step)
        await self.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)

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
async def a_world(
    nats_url: str, mongo: MongoDatabase, art: Path, images: ImageModel | None = None
) -> AsyncIterator[World]:
    neighbours, brush = Neighbours(), Brush()
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        client = open_mongo(mongo.url)
        stack.callback(client.close)
        workers = await stack.enter_async_context(Workers(1, 20))
        breakers = (images.breaker,) if isinstance(images, GuardedModel) else ()
        service = Covers(
            bus, client[mongo.name], FolderObjects(art), images or brush, workers, links=LINKS, breakers=breakers
        )
        await service.prepare()
        for each in (*neighbours.services(), service):
            await stack.enter_async_context(Node(bus, each, "1.0.0"))
        yield World(bus, service, neighbours, brush, client[mongo.name], art, workers)


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


async def composed(world: World) -> covers.CoverAccepted:
    """A cover as it is after the type was set, without waiting for that."""
    accepted = await world.generate()
    scope, objects = str(accepted.cover_id), FolderObjects(world.art)
    refs = [await objects.put(scope, data, "image/png") for data in (b"picture", b"thumbnail")]
    made = {"picture": msgspec.to_builtins(refs[0]), "thumbnail": msgspec.to_builtins(refs[1])}
    keys = {"objects.compose": [ref.key for ref in refs]}
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": made | keys})
    return accepted
