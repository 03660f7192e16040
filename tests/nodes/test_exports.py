"""Orders for exports, and the shelf: the requests of the exports node on a real bus and a real database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.mongo import now
from contracts import exports
from contracts.covers import CoverStatus
from contracts.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from contracts.exports import ExportOptions, ListExports, ListPresets
from contracts.recipes import Format
from nodes.exports.presets import BY_NAME
from tests.support.exports_world import World, a_world, asks
from tests.support.sagas import until
from tests.support.servers import MongoDatabase

STRANGER = uuid.UUID(int=9)


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_an_export_is_accepted(world: World) -> None:
    """The order is kept, each preset once, and the task created for it with the cover's title."""
    cover_id = await world.neighbours.shelve(title="Tides")
    accepted = await world.create(cover_id, "jpeg-web", "png", "jpeg-web", options=ExportOptions(quality=70))
    order = world.neighbours.created[accepted.task_id]
    assert (order.type, order.cover_id, order.work_id) == ("export", cover_id, accepted.export_id)
    assert (order.input_params["title"], order.input_params["presets"]) == ("Tides", ["jpeg-web", "png"])
    export = await world.get(accepted)
    assert (export.status, export.presets, export.files) == ("rendering", ("jpeg-web", "png"), ())
    assert (export.title, export.cover_id, accepted.status) == ("Tides", cover_id, "queued")


@pytest.mark.parametrize(
    ("shape", "preset", "why"),
    [
        ("thumbnail", "tiff", "tiff is no preset; there are png, jpeg,"),
        ("thumbnail", "jpeg-ebook", "is 1600 x 2560 pixels and this cover 1280 x 720, which would have to be cropped"),
        ("ebook", "jpeg-audiobook", "is 2400 x 2400 pixels and this cover 1600 x 2560, which would have to be cropped"),
    ],
)
async def test_a_preset_that_cannot_be_is_named_with_the_reason(
    world: World, shape: Format, preset: str, why: str
) -> None:
    """422 names every wrong preset and its place; nothing is kept and no task is made."""
    cover_id = await world.neighbours.shelve(shape)
    with pytest.raises(Invalid) as invalid:
        await world.create(cover_id, "png", preset, "nothing")
    assert [error.field for error in invalid.value.errors] == ["presets[1]", "presets[2]"]
    assert why in invalid.value.errors[0].detail
    assert preset in invalid.value.detail
    assert (await world.documents.count_documents({}), world.neighbours.created) == (0, {})


@pytest.mark.parametrize(
    ("shape", "fitting"),
    [
        ("ebook", {"jpeg-ebook"}),
        ("square", {"jpeg-podcast", "jpeg-audiobook"}),
        ("thumbnail", {"jpeg-video"}),
    ],
)
async def test_presets_of_a_fixed_size_are_for_covers_of_their_shape(
    world: World, shape: Format, fitting: set[str]
) -> None:
    """Each fixed size is taken by the covers that it fits and refused for all others."""
    cover_id = await world.neighbours.shelve(shape)
    taken = set()
    for name in (preset.name for preset in BY_NAME.values() if preset.width is not None):
        try:
            await world.create(cover_id, name)
        except Invalid:
            continue
        taken.add(name)
    assert taken == fitting


async def test_presets_say_what_they_keep(world: World) -> None:
    """Each has limits and a source, names are unique, and a size is whole or none."""
    presets = (await world.bus.request(exports.PRESETS, ListPresets(), asks(None))).items
    assert len({preset.name for preset in presets}) == len(presets) == len(BY_NAME)
    for preset in presets:
        assert (preset.width is None) == (preset.height is None)
        assert preset.source
        assert 0 < preset.max_bytes <= 30_000_000


@pytest.mark.parametrize("status", ["generating", "failed", "cancelled"])
async def test_only_a_ready_cover_can_be_exported(world: World, status: CoverStatus) -> None:
    """Conflict, with a time to come back only while it is being made."""
    cover_id = await world.neighbours.shelve(status=status)
    with pytest.raises(Conflict) as conflict:
        await world.create(cover_id)
    assert conflict.value.retry_after == (1 if status == "generating" else None)


async def test_others_covers_and_exports_are_not_found(world: World) -> None:
    """A stranger neither exports the cover nor sees, reads or removes the export."""
    cover_id = await world.neighbours.shelve()
    with pytest.raises(NotFound):
        await world.create(cover_id, user=STRANGER)
    with pytest.raises(Unauthenticated):
        await world.create(cover_id, user=None)
    accepted = await world.finished(cover_id, "thumbnail")
    for ask in (world.get(accepted, STRANGER), world.file(accepted, "thumbnail.jpg", STRANGER)):
        with pytest.raises(NotFound):
            await ask
    with pytest.raises(NotFound):
        await world.delete(accepted, STRANGER)
    assert (await world.get(accepted)).status == "ready"


async def test_the_same_key_gives_the_same_task(world: World) -> None:
    """Also when the requests come at once, or when the cover is gone meanwhile, there is one export and one task."""
    cover_id = await world.neighbours.shelve()
    accepted = await asyncio.gather(*(world.create(cover_id, key="k") for _ in range(5)))
    assert len(set(accepted)) == 1
    world.neighbours.shelf.clear()
    assert await world.create(cover_id, key="k") == accepted[0]
    assert len(world.neighbours.created) == await world.documents.count_documents({}) == 1


async def test_a_key_belongs_to_one_request(world: World) -> None:
    """Another request with it is KeyReused, also when the export was deleted; then the same one is a Conflict."""
    cover_id = await world.neighbours.shelve()
    accepted = await world.create(cover_id, key="k")
    with pytest.raises(KeyReused):
        await world.create(cover_id, "png", key="k")
    await world.task_ends(accepted, "failed")
    await until(lambda: has_status(world, accepted, "failed"))
    await world.delete(accepted)
    with pytest.raises(KeyReused):
        await world.create(cover_id, "png", key="k")
    with pytest.raises(Conflict):
        await world.create(cover_id, key="k")


async def has_status(world: World, accepted: exports.ExportAccepted, status: str) -> bool:
    """Is the export in that state?"""
    return (await world.get(accepted)).status == status


async def test_a_refused_task_leaves_no_draft(world: World) -> None:
    """What was kept for a task that is refused is taken back."""
    world.neighbours.create_error = Forbidden("no")
    with pytest.raises(Forbidden):
        await world.create(await world.neighbours.shelve())
    assert await world.documents.count_documents({}) == 0


async def test_a_draft_of_an_unknown_ending_is_found_by_the_sweep(world: World) -> None:
    """Kept while its task may still come to be; later removed, but not one whose task exists."""
    cover_id = await world.neighbours.shelve()
    accepted = await world.create(cover_id)
    world.neighbours.create_error = Unavailable("gone")
    with pytest.raises(Unavailable):
        await world.create(cover_id, key="k")
    assert await world.documents.count_documents({}) == 2
    await world.service.take_back_orphans()
    assert await world.documents.count_documents({}) == 2
    await world.documents.update_many({}, {"$set": {"created_at": now() - timedelta(minutes=5)}})
    await world.service.take_back_orphans()
    assert [each["_id"] async for each in world.documents.find({})] == [accepted.export_id]


async def test_a_draft_that_is_begun_again_is_not_taken_for_an_orphan(world: World) -> None:
    """The key comes again while the sweep asks for its task: the draft is young then, and stays."""
    cover_id = await world.neighbours.shelve()
    world.neighbours.create_error = Unavailable("gone")
    with pytest.raises(Unavailable):
        await world.create(cover_id, key="k")
    await world.documents.update_many({}, {"$set": {"created_at": now() - timedelta(minutes=5)}})
    world.neighbours.create_error = None
    world.neighbours.asked_unknown, world.neighbours.answer_unknown = asyncio.Event(), asyncio.Event()
    sweep = asyncio.create_task(world.service.take_back_orphans())
    await asyncio.wait_for(world.neighbours.asked_unknown.wait(), 5)
    accepted = await world.create(cover_id, key="k")
    world.neighbours.answer_unknown.set()
    await sweep
    assert (await world.get(accepted)).status == "rendering"


async def test_the_same_key_goes_on_after_an_unknown_ending(world: World) -> None:
    """The draft that is there is used: one export, one task."""
    cover_id = await world.neighbours.shelve()
    world.neighbours.create_error = Unavailable("gone")
    with pytest.raises(Unavailable):
        await world.create(cover_id, key="k")
    world.neighbours.create_error = None
    accepted = await world.create(cover_id, key="k")
    assert [each["_id"] async for each in world.documents.find({})] == [accepted.export_id]
    assert list(world.neighbours.created) == [accepted.task_id]


async def test_the_list_is_paged_and_may_be_of_one_cover(world: World) -> None:
    """Newest first, every export once, each page with the next one's cursor."""
    one, other = await world.neighbours.shelve(), await world.neighbours.shelve()
    made = [(await world.create(cover_id)).export_id for cover_id in (one, other, one, one)]
    seen, cursor = [], None
    while True:
        page = await world.bus.request(exports.LIST, ListExports(limit=2, cursor=cursor), asks())
        seen += [each.export_id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    assert seen[0] == made[3]
    of_one = await world.bus.request(exports.LIST, ListExports(cover_id=other), asks())
    assert [each.export_id for each in of_one.items] == [made[1]]


async def test_files_are_had_when_they_are_ready(world: World) -> None:
    """Conflict before, NotFound for another name or after a failure."""
    accepted = await world.create(await world.neighbours.shelve(), "thumbnail")
    with pytest.raises(Conflict):
        await world.file(accepted, "thumbnail.jpg")
    with pytest.raises(Conflict):
        await world.delete(accepted)
    await world.do(exports.RENDER, accepted, "render")
    assert (await world.get(accepted)).files == (), "not before the task says so"
    await world.do(exports.COMPLETE, accepted, "complete")
    assert (await world.file(accepted, "thumbnail.jpg")).object.media_type == "image/jpeg"
    with pytest.raises(NotFound):
        await world.file(accepted, "png.png")
    await world.task_ends(accepted, "failed")
    await until(lambda: has_status(world, accepted, "failed"))
    with pytest.raises(NotFound):
        await world.file(accepted, "thumbnail.jpg")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Salt Road", "the-salt-road-thumbnail.jpg"),
        ("Été à “Nîmes”/..", "ete-a-nimes-thumbnail.jpg"),
        ("静かな海", "cover-thumbnail.jpg"),
    ],
)
async def test_a_file_is_named_after_the_cover(world: World, title: str, name: str) -> None:
    """Plain letters whatever the title is."""
    accepted = await world.finished(await world.neighbours.shelve(title=title), "thumbnail")
    assert (await world.file(accepted, "thumbnail.jpg")).filename == name


async def test_a_deleted_export_leaves_nothing_of_the_cover(world: World) -> None:
    """Its files go, the record keeps no title; deleting again finds nothing."""
    accepted = await world.finished(await world.neighbours.shelve(), "thumbnail", "jpeg-web")
    assert len(world.files(accepted.export_id)) == 2
    await world.delete(accepted)
    assert world.files(accepted.export_id) == set()
    document = await world.documents.find_one({"_id": accepted.export_id}) or {}
    assert not {"title", "presets", "source", "files", "keys"} & document.keys()
    with pytest.raises(NotFound):
        await world.delete(accepted)
    assert (await world.bus.request(exports.LIST, ListExports(), asks())).items == ()


async def test_a_delete_that_crashed_is_made_good(world: World) -> None:
    """An export that is marked as deleted, whose files are still there, is emptied by the sweep."""
    accepted = await world.finished(await world.neighbours.shelve(), "thumbnail")
    await world.documents.update_one({"_id": accepted.export_id}, {"$set": {"deleted_at": now()}})
    await world.service.empty_deleted()
    assert world.files(accepted.export_id) == set()


async def test_the_end_of_an_account_takes_its_exports(world: World) -> None:
    """Ready ones are gone at once with their files, those under way as soon as nothing can come any more."""
    cover_id = await world.neighbours.shelve()
    ready = await world.finished(cover_id, "thumbnail")
    begun = await world.create(cover_id)
    await world.account_ends()
    await until(lambda: counted(world, 1))
    assert world.files(ready.export_id) == set()
    report = await world.do(exports.RENDER, begun, "render")
    assert report is not None
    assert report.problem is not None
    assert (report.problem.code, world.files(begun.export_id)) == ("not_found", set())
    await world.documents.update_one({}, {"$set": {"deleted_at": now() - timedelta(hours=1)}})
    await world.service.empty_deleted()
    assert await counted(world, 0)
    with pytest.raises(Unauthenticated):
        await world.create(cover_id)
    assert await counted(world, 0)


async def counted(world: World, count: int) -> bool:
    """Are there so many records?"""
    return await world.documents.count_documents({}) == count
