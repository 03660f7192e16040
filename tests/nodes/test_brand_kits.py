"""Brand kits: what they may say, what orders take from them, and how long the copies of their logos stay."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.mongo import now
from adapters.objects import FolderObjects
from contracts import brands, covers, uploads
from contracts.brands import AuthorStyle, BrandKit, GetBrandKit, SetBrandKit
from contracts.covers import Cover, GenerateCover
from contracts.errors import Invalid, NotFound, Refused, Unauthenticated
from contracts.safety import Finding, Verdict
from contracts.uploads import GetUpload, Purpose, ReleaseUpload, Upload
from contracts.wire import Context, Done, ObjectRef
from nodes.bindings import serve
from nodes.covers.brand_kits import BrandKits
from nodes.covers.brand_store import BrandStore
from nodes.departed import Departed
from nodes.runtime import Node
from tests.nodes.test_covers_further import FIRST, MORE, RETYPED, Small, ask, through
from tests.support.buses import SmallService
from tests.support.covers_world import USER, World, a_world, asks
from tests.support.endings import end_account
from tests.support.logos import LOGOS, png
from tests.support.servers import MongoDatabase

pytestmark = pytest.mark.timeout(180)
PALETTE = ("#162654", "#e96922")


class Shelf:
    """Uploads of the caller, as the edits node answers for them."""

    def __init__(self, objects: FolderObjects) -> None:
        self.objects = objects
        self.held: set[uuid.UUID] = set()
        self.kept: dict[uuid.UUID, tuple[Purpose, ObjectRef]] = {}

    async def put(self, name: str = "dark-mark", purpose: Purpose = "logo") -> uuid.UUID:
        """A file of the user."""
        upload_id = uuid.uuid4()
        self.kept[upload_id] = (purpose, await self.objects.put(upload_id.hex, png(LOGOS[name]), "image/png"))
        return upload_id

    async def drop(self, upload_id: uuid.UUID) -> None:
        """The upload goes with its bytes."""
        await self.objects.delete(self.kept.pop(upload_id)[1].key)

    async def get(self, message: GetUpload, context: Context) -> Upload:
        if message.upload_id not in self.kept or context.user_id != USER:
            raise NotFound
        purpose, ref = self.kept[message.upload_id]
        if message.holder is not None:
            self.held.add(message.upload_id)
        return Upload(
            upload_id=message.upload_id,
            media_type=ref.media_type,
            width=600,
            height=600,
            size=ref.size,
            sha256=ref.sha256,
            purpose=purpose,
            created_at=now(),
            expires_at=None,
            url="/",
            object=ref if message.refer else None,
        )

    async def release(self, message: ReleaseUpload, context: Context) -> Done:
        self.held.discard(message.upload_id)
        return Done()


@pytest.fixture
def model() -> Small:
    return Small()


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path, model: Small) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art", model) as world:
        yield world


@pytest.fixture
async def shelf(world: World) -> AsyncIterator[Shelf]:
    shelf = Shelf(FolderObjects(world.art))
    async with Node(
        world.bus, SmallService("edits", serve(uploads.GET, shelf.get), serve(uploads.RELEASE, shelf.release)), "1.0.0"
    ):
        yield shelf


async def put_kit(world: World, **fields: Any) -> BrandKit:
    """Replace the user's kit."""
    return await world.bus.request(brands.SET, SetBrandKit(**fields), asks())


async def kit_of(world: World, user: uuid.UUID = USER) -> BrandKit:
    """Read a kit."""
    return await world.bus.request(brands.GET, GetBrandKit(), asks(user))


async def branded(world: World, **wish: Any) -> Cover:
    """A cover that was ordered with the kit, and made."""
    order = GenerateCover(title="The Tide", **{"format": "thumbnail", "seed": 3, "brand": True, **wish})
    accepted = await world.generate(order)
    assert (await through(world, accepted, FIRST)).problem is None
    return await world.get(accepted)


async def wrong(called: Any, field: str) -> str:
    """What is said of that field of a bad request."""
    with pytest.raises(Invalid) as raised:
        await called
    return next(each.detail for each in raised.value.errors if each.field == field)


def kits_of(world: World) -> BrandKits:
    """The same handlers, to do a chore by hand."""
    store, departed = BrandStore(world.database), Departed(world.database)
    return BrandKits(world.bus, store, FolderObjects(world.art), world.workers, departed)


def logos(world: World) -> set[str]:
    """Copies of logos that are there."""
    return {key for key in world.files() if key.startswith("logo-")}


async def look_again(world: World) -> None:
    """The chore, as if every copy were due."""
    await world.database["brand_logos"].update_many({}, {"$set": {"look_at": now() - timedelta(seconds=1)}})
    await kits_of(world).remove_unneeded()


async def test_without_a_kit_there_is_an_empty_one_and_no_brand(world: World) -> None:
    """Reading gives nothing set; an order with `brand: true` is refused with that field, and leaves no draft."""
    assert await kit_of(world) == BrandKit()
    order = world.generate(GenerateCover(title="Tides", brand=True))
    assert await wrong(order, "brand") == "you have no brand kit yet"
    await put_kit(world)
    assert await wrong(world.generate(GenerateCover(title="Tides", brand=True)), "brand")
    assert await world.documents.count_documents({}) == 0


async def test_a_put_replaces_all_of_it(world: World) -> None:
    """What is left out is taken away; others have their own."""
    style = AuthorStyle(case="small_caps", tracking=0.1, weight="bold")
    first = await put_kit(world, typography="literary", palette=PALETTE, author="Ada King", author_style=style)
    assert (first, first.author_style, first.updated_at is None) == (await kit_of(world), style, False)
    second = await put_kit(world, author="A. King")
    assert (second.typography, second.palette, second.author, second.author_style) == (None, (), "A. King", None)
    assert await kit_of(world, uuid.UUID(int=2)) == BrandKit()


async def test_bad_kits_are_refused_by_field(world: World, shelf: Shelf) -> None:
    """Unknown fonts with the known ones, a weight or letters that the pairing lacks, uploads not there or no logo."""
    known = await wrong(put_kit(world, typography="comic"), "typography")
    assert "literary" in known and "thriller" in known  # noqa: PT018 -- one statement about one sentence
    heavy = put_kit(world, typography="classic", author_style=AuthorStyle(weight="bold"))
    assert await wrong(heavy, "author_style.weight") == "classic has no bold face for names"
    assert "\U000104a0" in await wrong(put_kit(world, author="A. \U000104a0"), "author")
    assert await wrong(put_kit(world, logo_upload_id=uuid.uuid4()), "logo_upload_id") == "there is no such upload"
    photo = await shelf.put(purpose="image")
    assert "is no logo" in await wrong(put_kit(world, logo_upload_id=photo), "logo_upload_id")
    assert (await kit_of(world), logos(world), shelf.held) == (BrandKit(), set(), set())


async def test_an_author_that_breaks_the_rules_is_refused(world: World) -> None:
    """When it is kept, and when a cover is ordered with it."""
    await put_kit(world, author="Ada King")
    finding = Finding(field="author", category="hate", start=0, end=3, decision="block")
    world.neighbours.verdict = Verdict(decision="block", findings=(finding,))
    with pytest.raises(Refused):
        await put_kit(world, author="Somebody")
    with pytest.raises(Refused):
        await world.generate(GenerateCover(title="Tides", brand=True))
    assert (await kit_of(world)).author == "Ada King"


async def test_an_order_takes_the_kit_into_its_recipe(world: World, shelf: Shelf, model: Small) -> None:
    """Fonts, colours of the art, author with its style, and the logo: in the recipe, and on the page."""
    style = AuthorStyle(case="small_caps")
    logo = await shelf.put()
    kit = await put_kit(
        world, typography="classic", palette=PALETTE, author="Ada King", author_style=style, logo_upload_id=logo
    )
    cover = await branded(world)
    recipe, layout = cover.versions[0].recipe, cover.versions[0].layout
    assert recipe is not None
    assert recipe.brand is not None
    assert recipe.brand.logo is not None
    assert layout is not None
    assert layout.logo is not None
    assert (recipe.style_params.typography, recipe.style_params.palette) == ("classic", PALETTE)
    assert (cover.author, recipe.author, recipe.brand.author_style) == ("Ada King", "Ada King", style)
    assert recipe.brand.logo.sha256 == kit.logo_sha256 == layout.logo.sha256
    assert model.orders[0].palette == PALETTE
    assert [each.font for each in layout.placed if each.role == "author"] == ["EB Garamond Medium"]


async def test_what_an_order_says_goes_before_the_kit(world: World) -> None:
    """Its own author and palette; an order without `brand` takes nothing."""
    await put_kit(world, palette=PALETTE, author="Ada King")
    cover = await branded(world, author="B. Writer", palette=("#112233",))
    assert (cover.author, cover.recipe.style_params.palette) == ("B. Writer", ("#112233",))
    plain = await branded(world, brand=False)
    assert (plain.author, plain.recipe.brand, plain.recipe.style_params.palette) == (None, None, ())


async def test_versions_stay_as_they_were_when_the_kit_changes(world: World, shelf: Shelf) -> None:
    """After another kit, and without the upload, the same again is the same to the byte; other shapes have the logo."""
    logo = await shelf.put()
    await put_kit(world, typography="classic", palette=PALETTE, author="Ada King", logo_upload_id=logo)
    cover = await branded(world)
    await put_kit(world, typography="thriller", author="Somebody Else")
    await shelf.drop(logo)
    await look_again(world)
    again = await ask(world, covers.REGENERATE, cover)
    assert (await through(world, again, MORE)).problem is None
    shaped = await ask(world, covers.RESHAPE, cover, formats=["portrait"])
    assert (await through(world, shaped, MORE)).problem is None
    first, same, other = (await world.get(again)).versions
    assert same.reproduced is True
    assert same.composed_sha256 == first.composed_sha256
    assert other.layout is not None
    assert other.layout.logo is not None
    assert other.recipe is not None
    assert (other.recipe.author, other.recipe.style_params.typography) == ("Ada King", "classic")


async def test_retyping_puts_the_kit_on_and_takes_it_off(world: World, shelf: Shelf, model: Small) -> None:
    """On the same art, so its colours stay; in another format they are the kit's; and off again."""
    cover = await branded(world, brand=False)
    assert cover.author is None
    assert await wrong(ask(world, covers.RETYPE, cover, brand=True), "brand") == "you have no brand kit yet"
    await put_kit(
        world, typography="modern", palette=PALETTE, author="Ada King", logo_upload_id=await shelf.put("white-mark")
    )
    on = await ask(world, covers.RETYPE, cover, brand=True)
    assert (await through(world, on, RETYPED)).problem is None
    shaped = await ask(world, covers.RETYPE, cover, brand=True, format="portrait", typography="thriller")
    assert (await through(world, shaped, MORE)).problem is None
    off = await ask(world, covers.RETYPE, cover, version=2, brand=False)
    assert (await through(world, off, RETYPED)).problem is None
    plain, dressed, painted, undressed = (await world.get(on)).versions
    assert dressed.art == plain.art == undressed.art
    recipes = [each.recipe for each in (dressed, painted, undressed) if each.recipe]
    assert [recipe.author for recipe in recipes] == ["Ada King"] * 3
    assert [recipe.style_params.palette for recipe in recipes] == [(), PALETTE, ()]
    assert [recipe.style_params.typography for recipe in recipes] == ["modern", "thriller", "modern"]
    assert [bool(each.layout and each.layout.logo) for each in (dressed, painted, undressed)] == [True, True, False]
    assert model.orders[-1].palette == PALETTE


async def test_the_same_upload_keeps_its_copy(world: World, shelf: Shelf) -> None:
    """Changing something else needs the upload no more; taking the logo away and bringing it back does."""
    logo = await shelf.put()
    first = await put_kit(world, logo_upload_id=logo)
    await shelf.drop(logo)
    second = await put_kit(world, logo_upload_id=logo, palette=PALETTE)
    assert second.logo_sha256 == first.logo_sha256 is not None
    await put_kit(world)
    assert await wrong(put_kit(world, logo_upload_id=logo), "logo_upload_id") == "there is no such upload"


async def test_the_upload_of_a_kit_is_held_until_another_one_comes(world: World, shelf: Shelf) -> None:
    """The edits node keeps it while the kit shows it."""
    first, second = await shelf.put(), await shelf.put("tall")
    await put_kit(world, logo_upload_id=first)
    assert shelf.held == {first}
    await put_kit(world, logo_upload_id=second, palette=PALETTE)
    assert shelf.held == {second}
    await put_kit(world)
    assert shelf.held == set()


async def test_a_copy_goes_when_neither_kit_nor_cover_needs_it(world: World, shelf: Shelf) -> None:
    """It stays for the kit, then for a cover that was made with it, and goes with that."""
    await put_kit(world, logo_upload_id=await shelf.put())
    cover = await branded(world)
    await look_again(world)
    assert len(logos(world)) == 1
    await put_kit(world, author="Ada King")
    await look_again(world)
    assert len(logos(world)) == 1
    await world.bus.request(covers.DELETE, covers.DeleteCover(cover_id=cover.cover_id), asks())
    await look_again(world)
    assert logos(world) == set()
    assert await world.database["brand_logos"].count_documents({}) == 0


async def test_a_replaced_logo_is_looked_at_within_minutes(world: World, shelf: Shelf) -> None:
    """Not at once, as an order may have read the kit just before, and never while the kit has it."""
    await put_kit(world, logo_upload_id=await shelf.put())
    await look_again(world)
    await put_kit(world, logo_upload_id=await shelf.put("tall"))
    await kits_of(world).remove_unneeded()
    assert len(logos(world)) == 2
    dates = [row["look_at"] async for row in world.database["brand_logos"].find()]
    assert all(date < now() + timedelta(minutes=11) for date in dates)
    await look_again(world)
    assert len(logos(world)) == 1


async def test_bytes_without_a_kit_go(world: World, shelf: Shelf) -> None:
    """A crash between the copy and the kit leaves a row that the chore finds."""
    ref = await FolderObjects(world.art).put("logo-lost", b"bytes", "image/png")
    await BrandStore(world.database).expect(ref.key, USER)
    await look_again(world)
    assert logos(world) == set()


async def test_the_end_of_an_account_takes_kit_and_logo(world: World, shelf: Shelf) -> None:
    """Nothing of either stays, and a token that outlived the account makes no new one."""
    await put_kit(world, author="Ada King", logo_upload_id=await shelf.put())
    await end_account(world.bus, USER, "covers")
    await gone(lambda: logos(world))
    assert await world.database["brand_kits"].count_documents({}) == 0
    assert await world.database["brand_logos"].count_documents({}) == 0
    with pytest.raises(Unauthenticated):
        await put_kit(world, author="Ada King", logo_upload_id=await shelf.put())
    assert (await world.database["brand_kits"].count_documents({}), logos(world)) == (0, set())


async def gone(there: Callable[[], set[str]]) -> None:
    """Wait until nothing is there."""
    async with asyncio.timeout(10):
        while there():
            await asyncio.sleep(0.02)
