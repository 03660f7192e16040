"""Orders for covers, and the shelf: the requests of the covers node on a real bus and a real database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.mongo import now
from contracts import covers, safety
from contracts.covers import GenerateCover
from contracts.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    Invalid,
    KeyReused,
    NotFound,
    Overloaded,
    OverQuota,
    RateLimited,
    Refused,
    ServiceError,
    Unauthenticated,
    UnderReview,
)
from tests.support.covers_world import USER, World, a_world, asks, finish
from tests.support.servers import MongoDatabase


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


async def test_letters_that_no_font_has_are_refused_at_once(world: World) -> None:
    """The refusal names field and characters before anything is held or painted."""
    with pytest.raises(Invalid) as invalid:
        await world.generate(GenerateCover(title="Tides", author="A. \U000104a0 Writer"))
    assert [error.field for error in invalid.value.errors] == ["author"]
    assert "\U000104a0" in invalid.value.errors[0].detail
    assert world.neighbours.reserved == []
    assert await world.documents.count_documents({}) == 0


async def test_a_title_that_shows_nothing_is_refused_by_name(world: World) -> None:
    """Signs without ink are characters, but no title; a character may also become more than there is room for."""
    wishes = (GenerateCover(title="\u200b"), GenerateCover(title="Tides", author="\ufb2c" * 150))
    for field, wish in zip(("title", "author"), wishes, strict=True):
        with pytest.raises(Invalid) as invalid:
            await world.generate(wish)
        assert [error.field for error in invalid.value.errors] == [field]


async def test_doubtful_text_waits_for_a_person(world: World) -> None:
    """A review has a code of its own, and leaves neither a draft nor a reservation; released, the order passes."""
    finding = safety.Finding(category="drugs", field="title", start=0, end=5, decision="review")
    world.neighbours.verdict = safety.Verdict(decision="review", findings=(finding,))
    with pytest.raises(UnderReview) as refused:
        await world.generate(key="k")
    assert [(error.field, error.category) for error in refused.value.errors] == [("title", "drugs")]
    assert await world.documents.count_documents({}) == 0
    world.neighbours.verdict = safety.Verdict(decision="allow")
    await world.generate(key="k")
    assert await world.documents.count_documents({}) == 1


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


@pytest.mark.parametrize("refusal", [Invalid, Overloaded, RateLimited])
async def test_a_refused_task_gives_its_quota_back(world: World, refusal: type[ServiceError]) -> None:
    """A definite no of tasks releases the reservation and takes the draft back; so does "not now"."""
    world.neighbours.create_error = refusal("no", retry_after=5)
    with pytest.raises(refusal):
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


async def test_an_old_draft_that_is_begun_again_is_not_taken_back(world: World) -> None:
    """Its user tries again, with the key, just when the sweep has heard that nobody knows its task."""
    world.neighbours.create_error = Internal()
    with pytest.raises(Internal):
        await world.generate(key="k")
    world.neighbours.create_error = None
    await world.documents.update_many({}, {"$set": {"created_at": now() - timedelta(seconds=61)}})
    heard = asyncio.Event()
    world.neighbours.slow_answers.append(heard)
    sweep = asyncio.create_task(world.service.take_back_orphans())
    while world.neighbours.slow_answers:
        await asyncio.sleep(0.01)
    accepted = await world.generate(key="k")
    heard.set()
    await sweep
    assert (await world.get(accepted)).status == "generating"


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
