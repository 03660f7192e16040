"""Several pictures of one order, and further versions of a finished cover: each task's effects, kept or taken back."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.images import PaintOrder, Picture
from adapters.images.painter import Painter, paint
from adapters.mongo import now
from adapters.workers import Workers
from contracts import covers, tasks
from contracts.covers import Cover, CoverAccepted, CoverStep, GenerateCover, Version
from contracts.errors import Conflict, Invalid, KeyReused, NotFound, OverQuota, Refused, Unavailable
from contracts.safety import Finding, Verdict
from contracts.tasks import StepReport
from contracts.wire import ObjectRef
from tests.support.covers_world import USER, World, a_world, asks, finish
from tests.support.servers import MongoDatabase

PAINTED = ((covers.PAINT, "paint"), (covers.COMPOSE, "compose"))
FIRST = (*PAINTED, (covers.STORE, "store"), (covers.COMPLETE, "complete"))
MORE = (*PAINTED, (covers.COMPLETE, "complete"))
RETYPED = ((covers.COMPOSE, "compose"), (covers.COMPLETE, "complete"))
SMALL: dict[str, Any] = {"format": "thumbnail", "author": "A. Writer"}


class Small:
    """Real art, painted small, so that composing is quick; unwilling for chosen seeds."""

    name, version = "small", "1"
    capabilities = Painter.capabilities

    def __init__(self) -> None:
        self.orders: list[PaintOrder] = []
        self.refused: dict[int, Exception] = {}

    async def paint(self, order: PaintOrder) -> Picture:
        """The art of that seed."""
        self.orders.append(order)
        if len(self.orders) in self.refused:
            raise self.refused[len(self.orders)]
        art = paint(msgspec.structs.replace(order, width=320, height=180))
        return msgspec.structs.replace(art, model=self.name, version=self.version)


@pytest.fixture
def model() -> Small:
    return Small()


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path, model: Small) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art", model) as world:
        yield world


async def through(world: World, accepted: CoverAccepted, steps: Any, **more: Any) -> StepReport:
    """Do the steps one after the other; the last report. A step that failed ends it."""
    for queue, step in steps:
        message = CoverStep(task_id=accepted.task_id, cover_id=accepted.cover_id, user_id=USER, step=step, **more)
        await world.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)
        await world.idle()
        report = world.neighbours.reports.get_nowait()
        if report.problem is not None:
            return report
    return report


async def a_cover(world: World, **wish: Any) -> Cover:
    """A cover that was ordered and made."""
    accepted = await world.generate(GenerateCover(title="The Tide", **{**SMALL, "seed": 3, **wish}))
    assert (await through(world, accepted, FIRST)).problem is None
    return await world.get(accepted)


async def ask(world: World, endpoint: Any, cover: Cover, key: str | None = None, **fields: Any) -> CoverAccepted:
    """One of the orders for further versions."""
    context = msgspec.structs.replace(asks(), idempotency_key=key)
    order = msgspec.convert({"cover_id": cover.cover_id, **fields}, endpoint.request)
    accepted: CoverAccepted = await world.bus.request(endpoint, order, context)
    return accepted


async def test_an_order_for_three_pictures_has_three_versions(world: World, model: Small) -> None:
    """Other seeds, made from the first one; the first is shown; the quota of three is held and three are told."""
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, seed=3, variations=3))
    assert world.neighbours.reserved == [accepted.task_id]
    report = await through(world, accepted, FIRST[:3])
    assert len(report.images) == 3
    await through(world, accepted, FIRST[3:])
    cover = await world.get(accepted)
    assert (cover.status, cover.shown_version) == ("ready", 1)
    assert [(each.version, each.variation, each.kind) for each in cover.versions] == [
        (1, 1, "order"),
        (2, 2, "order"),
        (3, 3, "order"),
    ]
    assert len({each.image.sha256 for each in cover.versions}) == 3
    assert model.orders[0].seed == 3
    assert len({order.seed for order in model.orders}) == 3
    usage = covers.GetUsage(user_id=USER, since=now() - timedelta(hours=1))
    assert (await world.bus.request(covers.USAGE, usage, asks())).completed == 3


async def test_a_picture_that_fails_costs_only_itself(world: World, model: Small) -> None:
    """The second of three is refused by the model, the third by the check: one is kept, and one is counted."""
    model.refused[2] = Invalid("No.")
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, seed=3, variations=3))
    painted = await through(world, accepted, PAINTED[:1])
    assert len(painted.images) == 2
    stored = await through(world, accepted, FIRST[1:3], passed=painted.images[:1])
    assert len(stored.images) == 1
    await through(world, accepted, FIRST[3:])
    cover = await world.get(accepted)
    assert [(each.version, each.variation) for each in cover.versions] == [(1, 1)]


async def test_when_no_picture_can_be_made_the_step_fails(world: World, model: Small) -> None:
    """With the reason of the first one."""
    model.refused = {1: Refused("Not that."), 2: ValueError("nor this")}
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, variations=2))
    report = await through(world, accepted, PAINTED)
    assert report.problem is not None
    assert (report.step, report.problem.code, report.problem.detail) == ("paint", "content_refused", "Not that.")


async def test_a_model_that_is_away_is_asked_again_for_the_missing_ones_only(world: World, model: Small) -> None:
    """What was painted before is not painted again."""
    model.refused[2] = Unavailable("Away.")
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, seed=3, variations=2))
    report = await through(world, accepted, PAINTED[:1])
    assert len(report.images) == 2
    assert [order.seed == 3 for order in model.orders] == [True, False, False]
    assert model.orders[1].seed == model.orders[2].seed


async def test_a_model_that_stays_away_costs_only_what_it_has_not_made(world: World, model: Small) -> None:
    """At the third try the others are taken as they are."""
    model.refused = dict.fromkeys((2, 3, 4), Unavailable("Away."))
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, seed=3, variations=2))
    report = await through(world, accepted, PAINTED[:1])
    assert (len(report.images), report.problem) == (1, None)


@pytest.mark.parametrize("undone", ["paint", "compose", "store"])
async def test_an_order_for_several_that_is_taken_back_leaves_nothing(world: World, undone: str) -> None:
    """No object stays, and a late step finds nothing to do."""
    accepted = await world.generate(GenerateCover(title="The Tide", **SMALL, variations=2))
    await through(world, accepted, FIRST[:3])
    await through(world, accepted, ((covers.DISCARD, f"{undone}/undo"),))
    assert world.files() == set()
    assert (await through(world, accepted, FIRST[:1])).problem is not None
    assert world.files() == set()
    await finish(world, accepted, "failed")
    assert (await world.get(accepted)).versions == ()


async def test_retyping_sets_new_words_on_the_same_art(world: World, model: Small) -> None:
    """A new version is shown, with words and layout of its own; nothing is painted, nothing is reserved."""
    cover = await a_cover(world)
    reserved = list(world.neighbours.reserved)
    accepted = await ask(world, covers.RETYPE, cover, title="Ebb", author=None)
    assert world.neighbours.created[accepted.task_id].type == "retype"
    assert (await world.get(accepted)).running_task_id == accepted.task_id
    await through(world, accepted, RETYPED)
    after = await world.get(accepted)
    first, second = after.versions
    assert (len(model.orders), world.neighbours.reserved) == (1, reserved)
    assert (after.title, after.author, after.shown_version, after.running_task_id) == ("Ebb", None, 2, None)
    assert (second.kind, second.parent, second.art) == ("retype", 1, first.art)
    assert first.recipe is not None
    assert first.recipe.title == "The Tide"
    assert second.image.sha256 != first.image.sha256
    assert after.layout is not None
    assert [placed.role for placed in after.layout.placed] == ["title"]
    again = await through(world, accepted, RETYPED)
    assert (again.problem, len((await world.get(accepted)).versions)) == (None, 2)


async def test_new_words_are_checked_before_anything_begins(world: World) -> None:
    """Content, letters, and the pairing of fonts; the cover stays free for another try."""
    cover = await a_cover(world)
    with pytest.raises(Invalid, match="cannot be set"):
        await ask(world, covers.RETYPE, cover, title="Ebb \U000104a0")
    with pytest.raises(Invalid):
        await ask(world, covers.RETYPE, cover, typography="no-such-pairing")
    finding = Finding(field="title", decision="block", category="violence", start=0, end=3)
    world.neighbours.verdict = Verdict(decision="block", findings=(finding,))
    with pytest.raises(Refused):
        await ask(world, covers.RETYPE, cover, title="Ebb")
    assert (await world.get(accepted_of(cover))).running_task_id is None


async def test_one_task_at_a_time_makes_versions_of_a_cover(world: World) -> None:
    """A second order is a conflict; the same key gives the same task; another body with it is refused."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.RETYPE, cover, key="k", title="Ebb")
    assert await ask(world, covers.RETYPE, cover, key="k", title="Ebb") == accepted
    with pytest.raises(KeyReused):
        await ask(world, covers.RETYPE, cover, key="k", title="Flow")
    with pytest.raises(Conflict):
        await ask(world, covers.VARY, cover)
    with pytest.raises(Conflict):
        await world.delete(accepted)
    await through(world, accepted, RETYPED)
    assert await ask(world, covers.RETYPE, cover, key="k", title="Ebb") == accepted
    await world.delete(accepted)
    assert world.files() == set()


async def test_variations_are_versions_beside_the_one_shown(world: World, model: Small) -> None:
    """As many as were asked for, quota held by a task of its own, other seeds; what is shown stays."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.VARY, cover, count=2, seed=11)
    assert world.neighbours.reserved[-1] == accepted.task_id
    report = await through(world, accepted, MORE[:2])
    assert len(report.images) == 2
    await through(world, accepted, MORE[2:])
    after = await world.get(accepted)
    assert (after.shown_version, [each.kind for each in after.versions]) == (1, ["order", "variation", "variation"])
    assert [order.seed for order in model.orders[:2]] == [3, 11]
    usage = covers.GetUsage(user_id=USER, since=now() - timedelta(hours=1))
    assert (await world.bus.request(covers.USAGE, usage, asks())).completed == 3


async def test_without_quota_there_are_no_variations(world: World) -> None:
    """The cover is free for other work at once."""
    cover = await a_cover(world)
    world.neighbours.quota_error = OverQuota("No more.")
    with pytest.raises(OverQuota):
        await ask(world, covers.VARY, cover)
    assert (await world.get(accepted_of(cover))).running_task_id is None


async def test_variations_that_fail_leave_the_cover_as_it_was(world: World) -> None:
    """Their pictures go; the cover is ready as before, and free."""
    cover = await a_cover(world)
    before = world.files()
    accepted = await ask(world, covers.VARY, cover, count=2)
    await through(world, accepted, MORE[:2])
    assert len(world.files()) > len(before)
    await through(world, accepted, ((covers.DISCARD, "compose/undo"), (covers.DISCARD, "paint/undo")))
    assert world.files() == before
    after = await world.get(accepted)
    assert (after.status, after.versions, after.running_task_id) == ("ready", cover.versions, None)


async def test_a_failed_task_frees_its_cover(world: World) -> None:
    """Also when no step of it was ever done."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.VARY, cover)
    event = {"task_id": accepted.task_id, "user_id": USER, "type": "vary", "status": "failed"}
    more = {"cover_id": cover.cover_id, "created_at": now(), "completed_at": now()}
    await world.bus.publish(tasks.FINISHED, msgspec.convert(event | more, tasks.TaskFinished), message_id="x")
    async with asyncio.timeout(5):
        while (await world.get(accepted)).running_task_id is not None:
            await asyncio.sleep(0.02)
    assert (await world.get(accepted)).status == "ready"


async def test_work_without_a_task_is_taken_back(world: World) -> None:
    """After an unknown ending of the request nothing is touched; a minute later the sweep frees the cover."""
    cover = await a_cover(world)
    world.neighbours.create_error = Unavailable("Away.")
    with pytest.raises(Unavailable):
        await ask(world, covers.RETYPE, cover, title="Ebb")
    assert (await world.get(accepted_of(cover))).running_task_id is not None
    await world.service.take_back_orphans()
    assert (await world.get(accepted_of(cover))).running_task_id is not None
    old = {"$set": {"work.created_at": now() - timedelta(seconds=61)}}
    await world.documents.update_one({"_id": cover.cover_id}, old)
    await world.service.take_back_orphans()
    assert (await world.get(accepted_of(cover))).running_task_id is None


async def test_formats_are_painted_and_set_anew(world: World, model: Small) -> None:
    """Each at its own size by the same seed; the format that it has already is not made again."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.RESHAPE, cover, formats=["wide", "thumbnail", "story"])
    assert world.neighbours.created[accepted.task_id].type == "remake"
    await through(world, accepted, MORE)
    after = await world.get(accepted)
    recipes = [each.recipe for each in after.versions if each.recipe is not None]
    assert [(r.format, r.width, r.height, r.seed) for r in recipes[1:]] == [
        ("wide", 1920, 1080, 3),
        ("story", 1080, 1920, 3),
    ]
    assert [(order.width, order.height) for order in model.orders[1:]] == [(1920, 1080), (1080, 1920)]
    assert (after.shown_version, after.format) == (1, "thumbnail")
    with pytest.raises(Invalid):
        await ask(world, covers.RESHAPE, cover, formats=["thumbnail"])


async def test_a_version_made_again_says_whether_it_is_the_same(world: World) -> None:
    """By the same model it is the same to the byte; by another one it is not, and that is said."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.REGENERATE, cover)
    await through(world, accepted, MORE)
    first, second = (await world.get(accepted)).versions
    assert (second.kind, second.reproduced, second.parent) == ("regenerate", True, 1)
    assert second.image.sha256 == first.image.sha256
    other = {"versions.0.recipe.seed": 4}
    await world.documents.update_one({"_id": cover.cover_id}, {"$set": other})
    accepted = await ask(world, covers.REGENERATE, cover, version=1)
    await through(world, accepted, MORE)
    assert (await world.get(accepted)).versions[2].reproduced is False


async def test_a_recipe_has_everything_that_was_used(world: World) -> None:
    """Words, format, model, seed, the typesetter's version and the hash of each font file."""
    cover = await a_cover(world)
    recipe = cover.recipe
    assert (recipe.title, recipe.author, recipe.format, recipe.seed) == ("The Tide", "A. Writer", "thumbnail", 3)
    assert (recipe.model, recipe.model_version) == ("small", "1")
    assert cover.layout is not None
    assert recipe.typesetter == cover.layout.version
    assert recipe.fonts == {placed.font: placed.font_sha256 for placed in cover.layout.placed}


async def test_the_version_that_is_shown_can_be_chosen(world: World) -> None:
    """Its words and picture are the cover's then; each version's picture can be had by its number."""
    cover = await a_cover(world)
    accepted = await ask(world, covers.RETYPE, cover, title="Ebb")
    await through(world, accepted, RETYPED)
    chosen = await world.bus.request(covers.CHOOSE, covers.ChooseVersion(cover_id=cover.cover_id, version=1), asks())
    assert (chosen.shown_version, chosen.title) == (1, "The Tide")
    assert await world.image(accepted) == chosen.versions[0].image.key
    for version in chosen.versions:
        ref = await world.bus.request(
            covers.IMAGE, covers.GetImage(cover_id=cover.cover_id, version=version.version), asks()
        )
        assert ref == version.image
    with pytest.raises(NotFound):
        await world.bus.request(covers.CHOOSE, covers.ChooseVersion(cover_id=cover.cover_id, version=9), asks())
    with pytest.raises(NotFound):
        await world.bus.request(covers.IMAGE, covers.GetImage(cover_id=cover.cover_id, version=9), asks())


async def test_lists_give_only_the_version_that_is_shown(world: World) -> None:
    """So that a page of covers with many versions fits into a message."""
    cover = await a_cover(world, variations=3)
    page = await world.bus.request(covers.LIST, covers.ListCovers(), asks())
    (item,) = page.items
    assert (item.version_count, [each.version for each in item.versions]) == (3, [1])
    assert item.versions[0].recipe is None
    assert item.recipe == cover.recipe


async def test_an_edited_picture_has_no_recipe_to_begin_with(world: World) -> None:
    """Retyping it would lose the edit, so that is a conflict; the composed version can still be named."""
    cover = await a_cover(world)
    image, thumbnail = await edited(world, cover)
    order = covers.AddVersion(
        cover_id=cover.cover_id, edit_id=uuid.uuid4(), edit_version=1, image=image, thumbnail=thumbnail
    )
    await world.bus.request(covers.ADD_VERSION, order, asks())
    after = await world.get(accepted_of(cover))
    assert (after.shown_version, after.title, after.recipe) == (2, "The Tide", cover.recipe)
    with pytest.raises(Conflict, match="edited by hand"):
        await ask(world, covers.RETYPE, cover, title="Ebb")
    assert (await ask(world, covers.RETYPE, cover, title="Ebb", version=1)).status == "queued"


async def edited(world: World, cover: Cover) -> tuple[ObjectRef, ObjectRef]:
    """Pictures of an edit session."""
    version: Version = cover.versions[0]
    assert hashlib.sha256(b"").hexdigest() != version.image.sha256
    return version.image, version.thumbnail


def accepted_of(cover: Cover) -> CoverAccepted:
    """For helpers that want to be told a cover that way."""
    return CoverAccepted(task_id=cover.task_id, cover_id=cover.cover_id, status="succeeded")


async def test_a_real_cover_is_made_again_byte_for_byte(
    nats_url: str, mongo_database: MongoDatabase, tmp_path: Path
) -> None:
    """Painter and typesetter in worker processes."""
    async with Workers(1, 25) as workers, a_world(nats_url, mongo_database, tmp_path, Painter(workers)) as world:
        cover = await a_cover(world)
        accepted = await ask(world, covers.REGENERATE, cover)
        await through(world, accepted, MORE)
        assert (await world.get(accepted)).versions[1].reproduced is True
