"""An edits node beside a real covers node, on a real bus and a real database, with a small tasks node."""

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageStat

from adapters.images import PaintOrder
from adapters.images.painter import Painter, paint
from adapters.mongo import Collection, now
from adapters.objects import FolderObjects
from contracts import covers, edits
from contracts.covers import CoverAccepted
from contracts.edits import EditSession, EditStep, OperationAccepted
from contracts.tasks import StepReport
from contracts.wire import ObjectRef, WorkQueue
from nodes.edits.service import Edits
from nodes.runtime import Node
from tests.support.covers_world import USER, World, a_world, asks
from tests.support.servers import MongoDatabase


class GatedObjects(FolderObjects):
    """Objects whose putting can be held up; `waiting` says that somebody is held up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.gate, self.waiting = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        self.waiting.set()
        await self.gate.wait()
        return await super().put(scope, data, media_type)


@dataclass
class EditWorld:
    """Everything a test talks to."""

    world: World
    service: Edits
    objects: GatedObjects

    @property
    def documents(self) -> Collection:
        return self.world.database["edit_sessions"]

    def files(self, scope: uuid.UUID) -> set[str]:
        """The keys of the objects of a cover or a task."""
        return {key for key in self.world.files() if key.startswith(str(scope))}

    async def cover(self) -> CoverAccepted:
        """A ready cover with real pictures."""
        accepted = await self.world.generate()
        scope = str(accepted.cover_id)
        art = [paint(PaintOrder(prompt="", family="landscape", width=w, height=h, seed=3)) for w, h in SIZES]
        refs = [await self.objects.put(scope, each.data, each.media_type) for each in art]
        image, thumbnail = (msgspec.to_builtins(ref) for ref in refs)
        change = {
            "status": "ready",
            "completed_at": now(),
            "objects": {"compose": [ref.key for ref in refs]},
            "versions": [{"version": 1, "image": image, "thumbnail": thumbnail, "created_at": now()}],
        }
        await self.world.documents.update_one({"_id": accepted.cover_id}, {"$set": change})
        return accepted

    async def open(self, cover: CoverAccepted | None = None) -> EditSession:
        """A session on a cover, or on a new one."""
        cover = cover or await self.cover()
        return await self.world.bus.request(edits.OPEN, edits.OpenEdit(cover_id=cover.cover_id), asks())

    async def get(self, session: EditSession) -> EditSession:
        return await self.world.bus.request(edits.GET, edits.GetEdit(edit_id=session.edit_id), asks())

    async def operate(self, session: EditSession, *, key: str | None = None, **values: Any) -> OperationAccepted:
        """Begin an adjustment."""
        context = msgspec.structs.replace(asks(), idempotency_key=key)
        order = edits.Operate(edit_id=session.edit_id, op="adjust", **(values or {"brightness": 0.5}))
        return await self.world.bus.request(edits.OPERATE, order, context)

    async def send(self, queue: WorkQueue[EditStep], accepted: OperationAccepted, step: str) -> None:
        message = EditStep(task_id=accepted.task_id, edit_id=accepted.edit_id, user_id=USER, step=step)
        await self.world.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)

    async def do(self, queue: WorkQueue[EditStep], accepted: OperationAccepted, step: str) -> StepReport | None:
        """Send a step, wait until all work is done, and give its report; None when it was reported before."""
        await self.send(queue, accepted, step)
        await self.world.idle()
        reports = self.world.neighbours.reports
        return None if reports.empty() else reports.get_nowait()

    async def done(self, session: EditSession, **values: Any) -> OperationAccepted:
        """A whole adjustment."""
        accepted = await self.operate(session, key=None, **values)
        for queue, step in ((edits.APPLY, "apply"), (edits.COMPLETE, "complete")):
            report = await self.do(queue, accepted, step)
            assert report is not None
            assert report.problem is None
        return accepted

    async def lightness(self, session: EditSession, version: int | None = None) -> float:
        """Mean of the grey picture of a version, 0 to 255."""
        ask = edits.GetEditImage(edit_id=session.edit_id, version=version)
        return lightness(await self.objects.get(await self.world.bus.request(edits.IMAGE, ask, asks())))

    async def cover_now(self, session: EditSession) -> covers.Cover:
        assert session.cover_id is not None
        ask = covers.GetCover(cover_id=session.cover_id)
        return await self.world.bus.request(covers.GET, ask, asks())


SIZES = ((480, 768), (320, 512))


def lightness(data: bytes) -> float:
    """Mean of a picture's grey, 0 to 255."""
    with Image.open(io.BytesIO(data)) as picture:
        return ImageStat.Stat(picture.convert("L")).mean[0]


@contextlib.asynccontextmanager
async def an_edit_world(nats_url: str, mongo: MongoDatabase, art: Path) -> AsyncIterator[EditWorld]:
    """The nodes, until the block ends."""
    async with a_world(nats_url, mongo, art) as world:
        objects = GatedObjects(art)
        service = Edits(world.bus, world.database, objects, world.workers, images=Painter(world.workers))
        await service.prepare()
        async with Node(world.bus, service, "1.0.0"):
            yield EditWorld(world, service, objects)
