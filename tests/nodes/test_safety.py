"""The safety node on a real bus: texts, pictures, and the step of the saga."""

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from adapters.moderation.pictures import PictureLimits, inspect_picture
from adapters.mongo import open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects, describe
from adapters.workers import Workers
from contracts import safety, tasks
from contracts.errors import NotFound
from contracts.safety import CheckImage, CheckImageStep, CheckText, TextPart
from contracts.tasks import StepReport
from contracts.wire import Context, ObjectRef
from nodes.bindings import work
from nodes.runtime import Node
from nodes.safety.service import Safety
from tests.support.buses import SmallService, a_bus
from tests.support.servers import MongoDatabase


def picture(size: tuple[int, int] = (320, 512), form: str = "PNG") -> bytes:
    """A picture that is not blank."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(out, form)
    return out.getvalue()


def flat(colour: tuple[int, ...], mode: str = "RGB") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new(mode, (320, 512), colour).save(out, "PNG")
    return out.getvalue()


@dataclass
class Lab:
    """A running safety node, and the reports that it sends."""

    bus: Bus
    objects: FolderObjects
    reports: asyncio.Queue[StepReport] = field(default_factory=asyncio.Queue)

    async def take(self, report: StepReport, _context: Context) -> None:
        """What the tasks node would do."""
        self.reports.put_nowait(report)

    async def step(self, *images: ObjectRef) -> StepReport:
        """Queue the step for these pictures and wait for its report."""
        job = CheckImageStep(task_id=uuid.uuid4(), step="check_image", images=images)
        await self.bus.enqueue(safety.CHECK_IMAGE_STEP, job, message_id=str(job.task_id))
        report = await asyncio.wait_for(self.reports.get(), 10)
        assert report.task_id == job.task_id
        return report


@pytest_asyncio.fixture
async def lab(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[Lab]:
    """The safety node with a folder of objects, and a listener in the place of the tasks node."""
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, "safety", streams=True))
        workers = await stack.enter_async_context(Workers(1, 20))
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        lab = Lab(bus, FolderObjects(tmp_path / "objects"))
        service = Safety(bus, client[mongo_database.name], lab.objects, workers)
        await service.prepare()
        await stack.enter_async_context(Node(bus, service, "1.0.0"))
        listener = await stack.enter_async_context(a_bus(nats_url, "tasks"))
        await stack.enter_async_context(Node(listener, SmallService("tasks", work(tasks.REPORT, lab.take)), "1.0.0"))
        yield lab


async def test_texts_are_judged_together(lab: Lab) -> None:
    """The strictest finding decides, and names category, field and span."""
    parts = (TextPart(field="title", text="Good night"), TextPart(field="prompt", text="Heil Hitler"))
    reply = await lab.bus.request(safety.CHECK_TEXT, CheckText(parts=parts), Context.new())
    assert reply.decision == "block"
    (finding,) = reply.findings
    assert (finding.category, finding.field, finding.start, finding.end) == ("extremism", "prompt", 0, 11)
    fine = await lab.bus.request(safety.CHECK_TEXT, CheckText(parts=parts[:1]), Context.new())
    assert (fine.decision, fine.findings) == ("allow", ())


async def test_the_longest_texts_are_judged_too(lab: Lab) -> None:
    """Ten parts of 4000 characters, with what matters at the very end."""
    filler = ("a lighthouse in the fog " * 170)[:3980]
    parts = tuple(TextPart(field=f"part{number}", text=filler) for number in range(9))
    last = TextPart(field="last", text=f"{filler} Sieg Heil")
    reply = await lab.bus.request(safety.CHECK_TEXT, CheckText(parts=(*parts, last)), Context.new())
    assert [(f.field, f.category) for f in reply.findings] == [("last", "extremism")]


async def test_a_picture_is_allowed_and_a_blank_one_blocked(lab: Lab) -> None:
    """A picture passes; one colour all over is a broken one."""
    good = await lab.objects.put("cover", picture(), "image/png")
    blank = await lab.objects.put("cover", flat((9, 9, 9)), "image/png")
    assert (await lab.bus.request(safety.CHECK_IMAGE, CheckImage(image=good), Context.new())).decision == "allow"
    reply = await lab.bus.request(safety.CHECK_IMAGE, CheckImage(image=blank), Context.new())
    assert reply.decision == "block"
    assert [finding.category for finding in reply.findings] == ["broken_image"]


async def test_a_picture_that_is_not_there_is_not_found(lab: Lab) -> None:
    """The store's answer crosses to the caller."""
    with pytest.raises(NotFound):
        await lab.bus.request(safety.CHECK_IMAGE, CheckImage(image=describe("x", b"?", "image/png")), Context.new())


async def test_the_step_reports_that_it_is_done(lab: Lab) -> None:
    """A good picture: a report without a problem, with the picture as passed."""
    good = await lab.objects.put("cover", picture(), "image/png")
    report = await lab.step(good)
    assert (report.step, report.problem, report.images, report.deliveries) == ("check_image", None, (good,), 1)


async def test_of_several_pictures_the_good_ones_pass(lab: Lab) -> None:
    """A broken one among them does not hinder the others."""
    good = await lab.objects.put("cover", picture(), "image/png")
    report = await lab.step(await lab.objects.put("cover", b"no picture", "image/png"), good)
    assert (report.problem, report.images) == (None, (good,))


async def test_the_step_reports_a_broken_picture_as_refused(lab: Lab) -> None:
    """A broken picture ends the step for good, with the category."""
    report = await lab.step(await lab.objects.put("cover", b"no picture", "image/png"))
    assert report.problem is not None
    assert report.problem.code == "content_refused"
    assert [error.category for error in report.problem.errors] == ["broken_image"]


async def test_the_step_reports_a_lost_picture(lab: Lab) -> None:
    """A picture that is gone will not come back: the step fails and the task hears why."""
    report = await lab.step(describe("gone", b"?", "image/png"))
    assert report.problem is not None
    assert report.problem.code == "not_found"


@pytest.mark.parametrize(
    ("data", "media_type", "problem"),
    [
        (picture(), "image/png", None),
        (picture(form="JPEG"), "image/jpeg", None),
        (picture(form="WEBP"), "image/webp", None),
        (picture(), "image/jpeg", "is PNG and not JPEG"),
        (picture(), "image/gif", "has a media type that no cover has"),
        (picture((40, 500)), "image/png", "has sides out of bounds"),
        (picture((2000, 1001)), "image/png", "has too many pixels"),
        (picture()[:-2000], "image/png", "cannot be decoded"),
        (b"", "image/png", "is empty or too large"),
        (flat((255, 255, 255)), "image/png", "is blank"),
        (flat((10, 200, 30, 0), "RGBA"), "image/png", "is blank"),
    ],
)
def test_what_is_wrong_with_a_picture(data: bytes, media_type: str, problem: str | None) -> None:
    """Each way in which bytes are no usable picture has its words."""
    assert inspect_picture(data, media_type, PictureLimits(max_pixels=2_000_000)) == problem


async def test_a_picture_that_takes_too_much_memory_is_refused() -> None:
    """The limit on memory holds in the worker, which lives on."""
    async with Workers(1, 20) as workers:
        out = io.BytesIO()
        Image.effect_noise((3000, 3000), 60).convert("RGB").save(out, "JPEG", progressive=True, quality=10)
        tight = PictureLimits(memory=8 * 1024 * 1024)
        assert await workers.run(inspect_picture, out.getvalue(), "image/jpeg", tight) == "is too large to decode"
        assert await workers.run(inspect_picture, out.getvalue(), "image/jpeg", PictureLimits()) is None
