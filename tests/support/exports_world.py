"""An exports node on a real bus, database, folder and worker process, with small nodes in the place of others."""

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from adapters.mongo import Collection, Database, now, open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects, Objects
from adapters.workers import Workers
from contracts import auth, covers, exports, tasks
from contracts.covers import Cover, CoverStatus
from contracts.errors import Conflict, NotFound, ServiceError
from contracts.exports import CreateExport, Export, ExportAccepted, ExportCompleted, ExportOptions, ExportStep
from contracts.recipes import Format, Recipe
from contracts.tasks import CreateTask, StepReport, Task
from contracts.templates import StyleParams
from contracts.wire import Context, Event, ObjectRef, WorkQueue
from nodes.bindings import Service, serve, work
from nodes.exports.service import Exports
from nodes.runtime import Node
from tests.support.buses import SmallService, a_bus
from tests.support.servers import MongoDatabase

USER = uuid.UUID(int=1)
PLAIN = ExportOptions()
SIZES: dict[Format, tuple[int, int]] = {"ebook": (1600, 2560), "square": (3000, 3000), "thumbnail": (1280, 720)}


def a_picture(width: int, height: int) -> bytes:
    """A PNG with a gradient both ways, so that every row and column differs."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    out = io.BytesIO()
    Image.merge("RGB", (across, down, across)).save(out, "PNG", compress_level=1)
    return out.getvalue()


@dataclass
class Neighbours:
    """What covers and tasks know and were asked, and what they shall answer."""

    objects: FolderObjects
    shelf: dict[uuid.UUID, tuple[uuid.UUID, Cover, ObjectRef]] = field(default_factory=dict)
    created: dict[uuid.UUID, CreateTask] = field(default_factory=dict)
    create_error: ServiceError | None = None
    asked_unknown: asyncio.Event | None = None
    answer_unknown: asyncio.Event | None = None
    reports: asyncio.Queue[StepReport] = field(default_factory=asyncio.Queue)
    begun: list[uuid.UUID] = field(default_factory=list)

    def services(self) -> tuple[Service, ...]:
        return (
            SmallService("covers", serve(covers.GET, self.cover), serve(covers.IMAGE, self.image)),
            SmallService(
                "tasks",
                serve(tasks.CREATE, self.create),
                serve(tasks.FIND_UNKNOWN, self.find_unknown),
                work(tasks.REPORT, self.report),
            ),
        )

    async def shelve(
        self,
        shape: Format = "thumbnail",
        status: CoverStatus = "ready",
        title: str = "Tides",
        user: uuid.UUID = USER,
    ) -> uuid.UUID:
        """A cover with a picture."""
        cover_id = uuid.uuid4()
        width, height = SIZES[shape]
        ref = await self.objects.put(str(cover_id), a_picture(width, height), "image/png")
        cover = a_cover(cover_id, shape, status, title)
        self.shelf[cover_id] = (user, cover, ref)
        return cover_id

    async def cover(self, message: covers.GetCover, context: Context) -> Cover:
        owner, cover, _ = self.shelf.get(message.cover_id, (None, None, None))
        if cover is None or owner != context.user_id:
            raise NotFound("There is no such cover.")
        return cover

    async def image(self, message: covers.GetImage, context: Context) -> ObjectRef:
        return self.shelf[message.cover_id][2]

    async def create(self, message: CreateTask, context: Context) -> Task:
        if self.create_error is not None:
            raise self.create_error
        kept = self.created.setdefault(message.task_id, message)
        if kept != message:
            raise Conflict("another request")
        return Task(
            task_id=message.task_id, type="export", status="queued", step="render", progress=0, created_at=now()
        )

    async def find_unknown(self, message: tasks.FindUnknown, context: Context) -> tasks.Unknown:
        unknown = tuple(each for each in message.task_ids if each not in self.created)
        if self.asked_unknown is not None and self.answer_unknown is not None:
            self.asked_unknown.set()
            await self.answer_unknown.wait()
        return tasks.Unknown(task_ids=unknown)

    async def report(self, message: StepReport, context: Context) -> None:
        if message.begun:
            self.begun.append(message.task_id)
        else:
            self.reports.put_nowait(message)


def a_cover(cover_id: uuid.UUID, shape: Format, status: CoverStatus, title: str) -> Cover:
    """A cover as the covers node shows it."""
    width, height = SIZES[shape]
    recipe = Recipe(
        prompt="p",
        template_id=uuid.UUID(int=3),
        template_name="Mist",
        style_params=StyleParams(family="landscape"),
        model="painter",
        model_version="1",
        seed=7,
        width=width,
        height=height,
    )
    return Cover(
        cover_id=cover_id,
        task_id=uuid.uuid4(),
        status=status,
        title=title,
        subtitle=None,
        author=None,
        format=shape,
        recipe=recipe,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@dataclass
class World:
    """Everything a test talks to."""

    bus: Bus
    service: Exports
    neighbours: Neighbours
    database: Database
    folder: Path
    workers: Workers

    @property
    def documents(self) -> Collection:
        return self.database["exports"]

    def files(self, export_id: uuid.UUID) -> set[str]:
        """The keys of all objects of an export."""
        return {f"{export_id}/{path.name}" for path in self.folder.glob(f"{export_id}/*")}

    async def create(
        self,
        cover_id: uuid.UUID,
        *presets: str,
        key: str | None = None,
        user: uuid.UUID | None = USER,
        options: ExportOptions = PLAIN,
    ) -> ExportAccepted:
        context = msgspec.structs.replace(asks(user), idempotency_key=key)
        order = CreateExport(cover_id=cover_id, presets=presets or ("jpeg-web",), options=options)
        return await self.bus.request(exports.CREATE, order, context)

    async def do(self, queue: WorkQueue[ExportStep], accepted: ExportAccepted, step: str) -> StepReport | None:
        """Send a step, wait until all work is done, and give its report; None when it was reported before."""
        await self.send(queue, accepted, step)
        await self.idle()
        return None if self.neighbours.reports.empty() else self.neighbours.reports.get_nowait()

    async def idle(self) -> None:
        """Wait until every job is acknowledged."""
        stream = self.bus.connection.client.jetstream()
        async with asyncio.timeout(30):
            while (await stream.stream_info("JOBS")).state.messages:
                await asyncio.sleep(0.01)

    async def send(self, queue: WorkQueue[ExportStep], accepted: ExportAccepted, step: str) -> None:
        message = ExportStep(task_id=accepted.task_id, export_id=accepted.export_id, user_id=USER, step=step)
        await self.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)

    async def finished(self, cover_id: uuid.UUID, *presets: str) -> ExportAccepted:
        """An export that is ready."""
        accepted = await self.create(cover_id, *presets)
        for queue, step in ((exports.RENDER, "render"), (exports.COMPLETE, "complete")):
            report = await self.do(queue, accepted, step)
            assert report is not None
            assert report.problem is None
        return accepted

    async def get(self, accepted: ExportAccepted, user: uuid.UUID = USER) -> Export:
        return await self.bus.request(exports.GET, exports.GetExport(export_id=accepted.export_id), asks(user))

    async def file(self, accepted: ExportAccepted, name: str, user: uuid.UUID = USER) -> exports.StoredFile:
        question = exports.GetFile(export_id=accepted.export_id, name=name)
        return await self.bus.request(exports.FILE, question, asks(user))

    async def delete(self, accepted: ExportAccepted, user: uuid.UUID = USER) -> None:
        await self.bus.request(exports.DELETE, exports.DeleteExport(export_id=accepted.export_id), asks(user))

    async def opened(self, accepted: ExportAccepted, name: str) -> Image.Image:
        """A file as whoever saves it finds it."""
        data = await FolderObjects(self.folder).get((await self.file(accepted, name)).object)
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    async def task_ends(self, accepted: ExportAccepted, status: tasks.Status) -> None:
        event = tasks.TaskFinished(
            task_id=accepted.task_id,
            user_id=USER,
            type="export",
            status=status,
            cover_id=None,
            created_at=now(),
            completed_at=now(),
        )
        await self.publish(tasks.FINISHED, event)

    async def account_ends(self, user: uuid.UUID = USER) -> None:
        await self.publish(auth.ACCOUNT_DELETED, auth.AccountDeleted(user_id=user, deleted_at=now()))

    async def publish(self, event: Event[Any], message: msgspec.Struct) -> None:
        await self.bus.publish(event, message, message_id=uuid.uuid4().hex)

    async def told(self) -> list[ExportCompleted]:
        """The events that went out, from the stream itself."""
        stream = self.bus.connection.client.jetstream()
        found = []
        for sequence in range(1, (await stream.stream_info("EVENTS")).state.last_seq + 1):
            message = await stream.get_msg("EVENTS", sequence)
            if message.subject == exports.COMPLETED.subject:
                found.append(msgspec.json.decode(message.data or b"", type=ExportCompleted))
        return found


def asks(user: uuid.UUID | None = USER, timeout: float = 8) -> Context:
    return Context.new(timeout=timeout, user_id=user)


@contextlib.contextmanager
def broken(service: Exports, objects: Objects) -> Iterator[None]:
    """The steps of a node work on another object store for the length of the block."""
    steps = service._steps
    before, steps._objects = steps._objects, objects
    try:
        yield
    finally:
        steps._objects = before


@contextlib.asynccontextmanager
async def a_world(nats_url: str, mongo: MongoDatabase, folder: Path) -> AsyncIterator[World]:
    neighbours = Neighbours(FolderObjects(folder))
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        client = open_mongo(mongo.url)
        stack.callback(client.close)
        workers = await stack.enter_async_context(Workers(1, 20))
        service = Exports(bus, client[mongo.name], FolderObjects(folder), workers)
        await service.prepare()
        for each in (*neighbours.services(), service):
            await stack.enter_async_context(Node(bus, each, "1.0.0"))
        yield World(bus, service, neighbours, client[mongo.name], folder, workers)
