"""The covers node's steps of the saga: done once, undone at any time, told to the tasks node."""

import asyncio
import os
import signal
import struct
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.images import PaintOrder
from adapters.images.painter import Painter, paint
from adapters.mongo import now
from adapters.mongo_outbox import Outgoing
from adapters.objects import FolderObjects
from adapters.workers import Workers
from contracts import covers
from contracts.covers import CoverCompleted, CoverStep, GenerateCover
from contracts.errors import (
    NotFound,
)
from contracts.wire import WorkQueue
from nodes.covers.store import CoverStore
from tests.support.covers_world import TEMPLATE, USER, World, a_world, asks, composed, finish
from tests.support.servers import MongoDatabase


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_painting_again_paints_nothing(world: World) -> None:
    """A step that is sent again makes nothing new and is reported again; the recipe says what the art was made with."""
    accepted = await world.generate(GenerateCover(title="Tides", seed=5, format="thumbnail"))
    first = await world.do(covers.PAINT, accepted, "paint")
    assert first is not None
    assert await world.do(covers.PAINT, accepted, "paint") == first
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
    assert await world.do(covers.DISCARD, accepted, "paint/undo") == undone
    late = await world.do(covers.PAINT, accepted, "paint")
    assert late is not None
    assert (late.images, late.problem) == ((), None)
    assert len(world.brush.orders) == 1
    assert world.files() == set()


@pytest.mark.parametrize(
    ("queue", "step"), [(covers.PAINT, "paint"), (covers.COMPOSE, "compose"), (covers.STORE, "store")]
)
async def test_undoing_what_never_happened(world: World, queue: WorkQueue[CoverStep], step: str) -> None:
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


async def test_a_cover_without_a_picture_cannot_be_completed(world: World) -> None:
    """complete fails for good rather than showing an empty cover."""
    accepted = await world.generate()
    report = await world.do(covers.COMPLETE, accepted, "complete")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "conflict"
    assert (await world.get(accepted)).status == "generating"


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


async def test_a_cover_is_really_made(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> None:
    """Painter and typesetter in worker processes: a picture of the right size, a thumbnail, measured contrast."""
    async with Workers(1, 25) as workers, a_world(nats_url, mongo_database, tmp_path, Painter(workers)) as world:
        request = GenerateCover(title="The Tide", subtitle="A Winter", author="A. Writer", format="thumbnail", seed=3)
        accepted = await world.generate(request)
        for queue, step in (
            (covers.PAINT, "paint"),
            (covers.COMPOSE, "compose"),
            (covers.STORE, "store"),
            (covers.COMPLETE, "complete"),
        ):
            report = await world.do(queue, accepted, step)
            assert report is not None
            assert report.problem is None
            assert report.images
        cover = await world.get(accepted)
        image = await FolderObjects(tmp_path).get(cover.versions[0].image)
        thumbnail = await FolderObjects(tmp_path).get(cover.versions[0].thumbnail)
    assert size_of_png(image) == (1280, 720)
    assert size_of_png(thumbnail) == (320, 180)
    assert cover.layout is not None
    assert [placed.role for placed in cover.layout.placed] == ["title", "subtitle", "author"]
    assert cover.layout.min_contrast >= 4.5
    assert (cover.status, cover.recipe.model, cover.recipe.seed) == ("ready", "painter", 3)


def size_of_png(data: bytes) -> tuple[int, int]:
    """Width and height from the header (ISO/IEC 15948)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


async def art_of(world: World, accepted: covers.CoverAccepted) -> None:
    """Real art in the place of the small one."""
    art = paint(PaintOrder(prompt="", family="landscape", width=480, height=768, seed=1))
    ref = await FolderObjects(world.art).put(str(accepted.cover_id), art.data, art.media_type)
    made = {"art": msgspec.to_builtins(ref), "recipe.width": 480, "recipe.height": 768}
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": made})


async def test_composing_again_changes_nothing(world: World) -> None:
    """A repeated compose keeps picture, thumbnail and layout; undoing takes all three away but not the art."""
    accepted = await world.generate()
    await art_of(world, accepted)
    await world.do(covers.COMPOSE, accepted, "compose")
    before = await world.documents.find_one({"_id": accepted.cover_id})
    assert before is not None
    assert None not in (before["picture"], before["thumbnail"], before["layout"])
    assert len(world.files()) == 3
    await world.do(covers.COMPOSE, accepted, "compose")
    assert await world.documents.find_one({"_id": accepted.cover_id}) == before
    await world.do(covers.DISCARD, accepted, "compose/undo")
    assert world.files() == {before["art"]["key"]}
    cover = await world.documents.find_one({"_id": accepted.cover_id})
    assert cover is not None
    assert (cover["picture"], cover["thumbnail"], cover["layout"]) == (None, None, None)


async def test_type_that_cannot_be_set_fails_the_step(world: World) -> None:
    """Letters that no font has are a final failure that names field and characters."""
    accepted = await world.generate()
    await art_of(world, accepted)
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": {"request.title": "Tides \U000104a0"}})
    report = await world.do(covers.COMPOSE, accepted, "compose")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "invalid"
    assert [error.field for error in report.problem.errors] == ["title"]
    assert "\U000104a0" in report.problem.errors[0].detail


async def test_art_that_is_no_picture_fails_the_step(world: World) -> None:
    """What the model gave cannot be read: final, and nothing is kept."""
    accepted = await world.generate()
    await world.do(covers.PAINT, accepted, "paint")
    files = world.files()
    report = await world.do(covers.COMPOSE, accepted, "compose")
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "invalid"
    assert world.files() == files


async def test_a_killed_worker_process_only_costs_a_retry(world: World) -> None:
    """compose whose process dies comes again and ends well."""
    accepted = await world.generate()
    await art_of(world, accepted)
    worker = await world.workers.run(os.getpid)
    os.kill(worker, signal.SIGSTOP)  # so that the work is in its hands for certain
    await world.send(covers.COMPOSE, accepted, "compose")
    await asyncio.sleep(0.5)
    os.kill(worker, signal.SIGKILL)
    await world.idle()
    assert (await world.documents.find_one({"_id": accepted.cover_id}) or {})["picture"] is not None
    assert world.neighbours.reports.get_nowait().deliveries == 2
