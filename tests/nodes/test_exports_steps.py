"""The exports node's steps of the saga: files as they are found when opened, done once, undone at any time."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from adapters.objects import FolderObjects
from contracts import exports
from contracts.errors import Unavailable
from contracts.exports import ExportAccepted, ExportOptions
from contracts.wire import ObjectRef
from nodes.exports.store import ExportStore
from tests.support.exports_world import USER, World, a_world, broken
from tests.support.sagas import until
from tests.support.servers import MongoDatabase


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


class Gate(FolderObjects):
    """A folder that stops before it puts, or fails at a put of its choice."""

    def __init__(self, root: Path, *, fails_at: int = 0) -> None:
        super().__init__(root)
        self.arrived = asyncio.Event()
        self.opened = asyncio.Event()
        self.fails_at = fails_at
        self.puts = 0

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        self.puts += 1
        if self.puts == self.fails_at:
            raise Unavailable("the object could not be written")
        if not self.fails_at:
            self.arrived.set()
            await self.opened.wait()
        return await super().put(scope, data, media_type)


async def test_files_are_what_their_presets_say(world: World) -> None:
    """Opened again, each has the format, size, colour and density that it tells, and the picture of the cover."""
    presets = ("png", "jpeg", "jpeg-video", "jpeg-web", "webp-web", "thumbnail")
    accepted = await world.finished(await world.neighbours.shelve("thumbnail"), *presets)
    export = await world.get(accepted)
    assert (export.status, [file.preset for file in export.files]) == ("ready", list(presets))
    expected = {
        "png.png": ("PNG", (1280, 720), 300),
        "jpeg.jpg": ("JPEG", (1280, 720), 300),
        "jpeg-video.jpg": ("JPEG", (1280, 720), 72),
        "jpeg-web.jpg": ("JPEG", (1280, 720), 72),
        "webp-web.webp": ("WEBP", (1200, 675), None),
        "thumbnail.jpg": ("JPEG", (320, 180), 72),
    }
    for file in export.files:
        image = await world.opened(accepted, file.name)
        density = round(image.info["dpi"][0]) if "dpi" in image.info else None
        assert (image.format, image.size, density) == expected[file.name], file.name
        assert (image.mode, (file.width, file.height), file.dpi) == ("RGB", image.size, density)
        assert all(check.ok for check in file.checks)
        assert {check.rule for check in file.checks} >= {"format", "size", "colour", "bytes"}
        stored = (await world.file(accepted, file.name)).object
        assert (stored.size, stored.sha256) == (file.size, file.sha256)
        assert file.url == f"/v1/exports/{accepted.export_id}/files/{file.name}"
        assert looks_like(image, await picture_of(world, export.cover_id)), file.name


async def picture_of(world: World, cover_id: uuid.UUID) -> Image.Image:
    """The cover's own picture."""
    with (world.folder / world.neighbours.shelf[cover_id][2].key).open("rb") as file:
        image = Image.open(file)
        image.load()
        return image


def looks_like(one: Image.Image, other: Image.Image) -> bool:
    """Are they the same picture, whatever their size?"""
    one, other = (image.resize((32, 32), Image.Resampling.BOX) for image in (one, other))
    return max(high for _, high in ImageStat.Stat(ImageChops.difference(one, other)).extrema) <= 4


async def test_an_ebook_cover_keeps_the_rules_of_the_shop(world: World) -> None:
    """JPEG, RGB, exactly 1600 x 2560, at most 5 MB, each rule with what was measured."""
    accepted = await world.finished(await world.neighbours.shelve("ebook"), "jpeg-ebook")
    file = (await world.get(accepted)).files[0]
    checks = {check.rule: (check.ok, check.detail) for check in file.checks}
    assert checks["format"] == (True, "image/jpeg")
    assert checks["size"] == (True, "1600 x 2560 pixels")
    assert checks["colour"] == (True, "RGB, 8 bits a channel")
    assert checks["bytes"] == (True, f"{file.size} bytes of at most 5000000")
    assert checks["dpi"] == (True, "300 dpi")


async def test_quality_may_be_chosen(world: World) -> None:
    """A lower quality makes a smaller file of the same size in pixels; a PNG does not care."""
    cover_id = await world.neighbours.shelve()
    sizes = {}
    for quality in (50, 95):
        accepted = await world.create(cover_id, "jpeg", "png", options=ExportOptions(quality=quality))
        await world.do(exports.RENDER, accepted, "render")
        await world.do(exports.COMPLETE, accepted, "complete")
        sizes[quality] = [file.size for file in (await world.get(accepted)).files]
    assert sizes[50][0] < sizes[95][0]
    assert sizes[50][1] == sizes[95][1]


async def test_the_same_order_gives_the_same_bytes(world: World) -> None:
    """Two exports of one cover have the same digests, under keys of their own."""
    cover_id = await world.neighbours.shelve()
    first, second = [await world.finished(cover_id, "png", "jpeg-web", "webp-web") for _ in range(2)]
    digests = [[file.sha256 for file in (await world.get(each)).files] for each in (first, second)]
    assert digests[0] == digests[1]
    assert len(world.files(first.export_id)) == len(world.files(second.export_id)) == 3


async def test_an_export_does_not_change_with_its_cover(world: World) -> None:
    """The picture that was newest when it was ordered is the one that is rendered."""
    cover_id = await world.neighbours.shelve()
    accepted = await world.create(cover_id, "thumbnail")
    owner, cover, ref = world.neighbours.shelf[cover_id]
    black = Image.new("RGB", (1280, 720))
    black.save(world.folder / "black.png")
    newer = await FolderObjects(world.folder).put("newer", (world.folder / "black.png").read_bytes(), "image/png")
    world.neighbours.shelf[cover_id] = (owner, cover, newer)
    await world.do(exports.RENDER, accepted, "render")
    await world.do(exports.COMPLETE, accepted, "complete")
    image = await world.opened(accepted, "thumbnail.jpg")
    assert ref != newer
    assert ImageStat.Stat(image).mean[0] > 50


async def test_steps_that_come_twice_do_nothing_more(world: World) -> None:
    """One set of files, one event, the same report however often the jobs come."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    first = await world.do(exports.RENDER, accepted, "render")
    before = await world.documents.find_one({"_id": accepted.export_id})
    assert await world.do(exports.RENDER, accepted, "render") == first
    assert await world.documents.find_one({"_id": accepted.export_id}) == before
    assert first is not None
    assert world.files(accepted.export_id) == {ref.key for ref in first.images}
    for _ in range(2):
        await world.do(exports.COMPLETE, accepted, "complete")
    told = await world.told()
    assert [(event.export_id, event.user_id, event.presets) for event in told] == [
        (accepted.export_id, USER, ("thumbnail",))
    ]
    assert world.neighbours.begun == [accepted.task_id]


async def test_undoing_leaves_no_files_and_stays(world: World) -> None:
    """A discard removes all files; again is fine; a render that comes late makes none."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail", "jpeg-web")
    await world.do(exports.RENDER, accepted, "render")
    assert len(world.files(accepted.export_id)) == 2
    undone = await world.do(exports.DISCARD, accepted, "render/undo")
    assert undone is not None
    assert (undone.step, undone.problem, world.files(accepted.export_id)) == ("render/undo", None, set())
    assert await world.do(exports.DISCARD, accepted, "render/undo") == undone
    late = await world.do(exports.RENDER, accepted, "render")
    assert late is not None
    assert (late.images, late.problem) == ((), None)
    assert world.files(accepted.export_id) == set()
    await world.task_ends(accepted, "failed")
    await until(lambda: ended(world, accepted))
    assert (await world.get(accepted)).files == ()


async def ended(world: World, accepted: ExportAccepted) -> bool:
    """Is it over?"""
    return (await world.get(accepted)).status == "failed"


async def test_undoing_what_never_happened(world: World) -> None:
    """A discard that overtakes its step is done; the step then only reports."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    undone = await world.do(exports.DISCARD, accepted, "render/undo")
    assert undone is not None
    late = await world.do(exports.RENDER, accepted, "render")
    assert late is not None
    assert (late.images, late.problem, world.files(accepted.export_id)) == ((), None, set())


async def test_a_discard_in_the_middle_of_rendering_leaves_nothing(world: World) -> None:
    """A file that is put after its undoing, and all before it, are removed by whoever put them."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail", "jpeg-web")
    gate = Gate(world.folder)
    with broken(world.service, gate):
        await world.send(exports.RENDER, accepted, "render")
        await asyncio.wait_for(gate.arrived.wait(), 20)
        await world.send(exports.DISCARD, accepted, "render/undo")
        async with asyncio.timeout(5):
            assert (await world.neighbours.reports.get()).step == "render/undo"
        gate.opened.set()
        await world.idle()
    assert world.neighbours.reports.get_nowait().images == ()
    assert world.files(accepted.export_id) == set()
    assert gate.puts == 1


@pytest.mark.parametrize("fails_at", [1, 2])
async def test_a_put_that_fails_only_costs_a_retry(world: World, fails_at: int) -> None:
    """A store that is away between two files: the next delivery makes all of them, once each."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail", "jpeg-web")
    with broken(world.service, Gate(world.folder, fails_at=fails_at)):
        report = await world.do(exports.RENDER, accepted, "render")
    assert report is not None
    assert (report.problem, report.deliveries, len(report.images)) == (None, 2, 2)
    assert world.files(accepted.export_id) == {ref.key for ref in report.images}


async def test_what_a_crash_left_before_it_was_noted_is_undone(world: World) -> None:
    """A worker that died after a put, when the files were not noted yet: the discard finds them by their keys."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    ref = await FolderObjects(world.folder).put(str(accepted.export_id), b"a file", "image/jpeg")
    assert await ExportStore(world.database, world.bus.send).expect(accepted.export_id, ref.key)
    await world.do(exports.DISCARD, accepted, "render/undo")
    assert world.files(accepted.export_id) == set()


async def test_an_event_that_a_crash_held_up_is_sent_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is in the same write as the status: a worker that dies before sending loses nothing."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    await world.do(exports.RENDER, accepted, "render")

    async def dies(document: object) -> None:
        raise Unavailable("killed before it sent")

    monkeypatch.setattr(world.service._store.outbox, "relay", dies)  # a crash at this very point
    await world.send(exports.COMPLETE, accepted, "complete")
    await until(lambda: is_ready(world, accepted))
    assert await world.told() == []
    monkeypatch.undo()
    await until(lambda: was_told(world))
    assert [event.export_id for event in await world.told()] == [accepted.export_id]


async def is_ready(world: World, accepted: ExportAccepted) -> bool:
    """Can the files be had?"""
    return (await world.get(accepted)).status == "ready"


async def was_told(world: World) -> bool:
    """Has the event gone out?"""
    return bool(await world.told())


async def test_an_export_without_files_cannot_be_completed(world: World) -> None:
    """complete is refused rather than showing an empty export."""
    accepted = await world.create(await world.neighbours.shelve())
    report = await world.do(exports.COMPLETE, accepted, "complete")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "conflict"
    assert (await world.get(accepted)).status == "rendering"


async def test_a_cover_whose_picture_is_gone_fails_the_step(world: World) -> None:
    """The cover was deleted meanwhile: final, told to tasks, nothing kept."""
    cover_id = await world.neighbours.shelve()
    accepted = await world.create(cover_id)
    await FolderObjects(world.folder).delete(world.neighbours.shelf[cover_id][2].key)
    report = await world.do(exports.RENDER, accepted, "render")
    assert report is not None
    assert report.problem is not None
    assert (report.problem.code, world.files(accepted.export_id)) == ("not_found", set())


async def test_a_picture_that_is_none_fails_the_step(world: World) -> None:
    """Bytes that cannot be decoded are a final failure that names the preset."""
    cover_id = await world.neighbours.shelve()
    owner, cover, _ = world.neighbours.shelf[cover_id]
    broken_ref = await FolderObjects(world.folder).put("x", b"no picture", "image/png")
    world.neighbours.shelf[cover_id] = (owner, cover, broken_ref)
    report = await world.do(exports.RENDER, await world.create(cover_id, "jpeg-web"), "render")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "invalid"
    assert report.problem.detail.startswith("jpeg-web: ")


async def test_a_killed_worker_process_only_costs_a_retry(world: World) -> None:
    """render whose process dies comes again and ends well."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    worker = await world.workers.run(os.getpid)
    os.kill(worker, signal.SIGSTOP)  # so that the work is in its hands for certain
    await world.send(exports.RENDER, accepted, "render")
    await asyncio.sleep(0.5)
    os.kill(worker, signal.SIGKILL)
    await world.idle()
    report = world.neighbours.reports.get_nowait()
    assert (report.problem, report.deliveries, len(report.images)) == (None, 2, 1)
