"""The templates node on a real bus and a real database."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from adapters.mongo import Database, open_mongo
from adapters.nats.bus import Bus
from contracts import covers, templates
from contracts.covers import CoverCompleted
from contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from contracts.templates import (
    ChooseTemplate,
    DeleteTemplate,
    GetTemplate,
    ListCategories,
    ListTemplates,
    ListUserTemplates,
    SaveUserTemplate,
    StyleParams,
    Template,
    TemplatePage,
    UpdateTemplate,
)
from contracts.wire import Context
from nodes.runtime import Node
from nodes.templates import service as templates_service
from nodes.templates.model import Known, Seed, read_seeds
from nodes.templates.service import Templates
from tests.support.buses import a_bus
from tests.support.servers import MongoDatabase
from tests.support.styles import an_order

SHIPPED = read_seeds(Path(templates_service.SEEDS_FILE).read_bytes())
SEED = Seed(name="Seeded", category="art", family="mesh", prompt_template="{prompt}", popularity_score=3)


def admin(key: str | None = None) -> Context:
    """An administrator's context."""
    return Context(request_id="r", user_id=ADMIN, roles=("user", "admin"), idempotency_key=key)


def user(tier: str = "free", key: str | None = None) -> Context:
    """The context of a user of this tier."""
    return Context(request_id="r", user_id=USER, roles=("user",), tier=tier, idempotency_key=key)


ADMIN, USER = uuid.uuid4(), uuid.uuid4()
KNOWN = Known(families=frozenset({"mesh", "ink"}))


@dataclass
class Lab:
    """A running templates node without styles, unless a test plants some."""

    bus: Bus
    service: Templates
    database: Database

    async def make(self, name: str, **of: Any) -> Template:
        """A style made by an administrator."""
        return await self.bus.request(templates.CREATE, an_order(name, **of), admin())

    async def page(self, **ask: object) -> TemplatePage:
        """One page of styles."""
        return await self.bus.request(templates.LIST, msgspec.convert(ask, ListTemplates), user())

    async def names(self, **ask: object) -> list[str]:
        """The names of the styles on one page."""
        return [style.name for style in (await self.page(**ask)).items]

    async def get(self, template_id: uuid.UUID) -> Template:
        """One style."""
        return await self.bus.request(templates.GET, GetTemplate(template_id=template_id), user())


@contextlib.asynccontextmanager
async def a_lab(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Lab]:
    """The templates node on an empty database."""
    async with contextlib.AsyncExitStack() as stack:
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        bus = await stack.enter_async_context(a_bus(nats_url, "templates", streams=True))
        service = Templates(client[mongo_database.name], bus.send, known=KNOWN, clock=lambda: 0.0)
        await service.prepare(seeds=())
        await stack.enter_async_context(Node(bus, service, "1.0.0"))
        yield Lab(bus, service, client[mongo_database.name])


@pytest_asyncio.fixture
async def lab(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Lab]:
    async with a_lab(nats_url, mongo_database) as lab:
        yield lab


async def test_the_shipped_styles_are_there_after_the_start(lab: Lab) -> None:
    """All of them, with ids that do not change, listed by popularity; starting again changes nothing."""
    await lab.service.prepare()
    await asyncio.gather(lab.service.prepare(), lab.service.prepare())
    page = await lab.page(limit=100)
    assert {style.id for style in page.items} == {seed.id for seed in SHIPPED}
    scores = [style.popularity_score for style in page.items]
    assert scores == sorted(scores, reverse=True)
    assert page.next_cursor is None


async def test_seeding_again_keeps_popularity_and_updates_the_rest(lab: Lab) -> None:
    """A new release may change a palette, but not what the users made popular."""
    await lab.service.prepare((SEED,))
    await lab.database["style_templates"].update_one({"_id": SEED.id}, {"$inc": {"popularity_score": 4}})
    await lab.service.prepare((msgspec.structs.replace(SEED, category="new", popularity_score=0),))
    style = await lab.get(SEED.id)
    assert (style.popularity_score, style.category) == (7, "new")


async def test_seeding_again_respects_what_administrators_did(lab: Lab) -> None:
    """A changed built-in style stays changed, a removed one stays removed, a name that is taken stays taken."""
    other = msgspec.structs.replace(SEED, name="Other")
    await lab.service.prepare((SEED, other))
    await lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=SEED.id, category="mine"), admin())
    await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=other.id), admin())
    made = await lab.make("Third")
    await lab.service.prepare((SEED, other, msgspec.structs.replace(SEED, name="third")))
    assert [(s.name, s.category) for s in (await lab.page()).items] == [("Seeded", "mine"), ("Third", "art")]
    assert (await lab.get(made.id)).created_by == ADMIN


async def test_a_search_needs_all_its_words(lab: Lab) -> None:
    """In name, category or prompt, whatever the case; signs of a pattern mean nothing."""
    await lab.make("Night Rain", category="crime")
    await lab.make("Night Sky", category="space")
    assert sorted(await lab.names(q="NIGHT")) == ["Night Rain", "Night Sky"]
    assert await lab.names(q="crime night") == ["Night Rain"]
    assert await lab.names(q="night desert") == []
    assert await lab.names(q="(rain.*") == ["Night Rain"]
    assert await lab.names(q="s+y") == ["Night Sky"]
    assert await lab.names(category="space") == ["Night Sky"]


async def test_the_premium_filter_works_both_ways(lab: Lab) -> None:
    """Only premium, only standard, or all."""
    await lab.make("Gold", is_premium=True, popularity=2)
    await lab.make("Iron", popularity=1)
    assert await lab.names(premium=True) == ["Gold"]
    assert await lab.names(premium=False) == ["Iron"]
    assert await lab.names() == ["Gold", "Iron"]


async def test_pages_hold_each_style_once(lab: Lab) -> None:
    """Ties in popularity neither repeat nor lose a style, in the order of one long page."""
    for number in range(11):
        await lab.make(f"Style {number}", popularity=number // 4)
    seen: list[uuid.UUID] = []
    cursor = None
    for _ in range(4):
        page = await lab.page(limit=3, cursor=cursor)
        seen += [style.id for style in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == [style.id for style in (await lab.page(limit=100)).items]
    assert len(set(seen)) == 11


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsMl0", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAsIngiXQ"])
async def test_a_cursor_of_another_list_is_invalid(lab: Lab, cursor: str) -> None:
    """The field is named, for styles and for own styles."""
    with pytest.raises(Invalid) as caught:
        await lab.page(cursor=cursor)
    assert caught.value.errors[0].field == "cursor"
    with pytest.raises(Invalid):
        await lab.bus.request(templates.LIST_MINE, ListUserTemplates(cursor=cursor), user())


async def test_categories_have_counts(lab: Lab) -> None:
    """Removed styles do not count."""
    await lab.make("A", category="art")
    await lab.make("B", category="art")
    gone = await lab.make("C", category="gone")
    await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=gone.id), admin())
    reply = await lab.bus.request(templates.CATEGORIES, ListCategories(), user())
    assert [(c.slug, c.name, c.count) for c in reply.items] == [("art", "Art", 2)]


async def test_a_style_that_is_asked_for_is_chosen_if_the_tier_may(lab: Lab) -> None:
    """Premium on the free tier is forbidden with a sentence, an unknown one is not found."""
    gold = await lab.make("Gold", is_premium=True)
    ask = ChooseTemplate(template_id=gold.id)
    assert (await lab.bus.request(templates.CHOOSE, ask, user("pro"))).id == gold.id
    with pytest.raises(Forbidden, match=r"Gold.*paid plans"):
        await lab.bus.request(templates.CHOOSE, ask, user("free"))
    with pytest.raises(NotFound):
        await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=uuid.uuid4()), user())


async def test_the_hint_or_popularity_chooses(lab: Lab) -> None:
    """The best match, else the most popular standard style; a style that has just gone is not chosen."""
    with pytest.raises(NotFound):
        await lab.bus.request(templates.CHOOSE, ChooseTemplate(), user())
    await lab.make("Popular", popularity=9)
    ocean = await lab.make("Ocean")
    hint = ChooseTemplate(hint="Tales of the ocean")
    assert (await lab.bus.request(templates.CHOOSE, hint, user())).id == ocean.id
    assert (await lab.bus.request(templates.CHOOSE, ChooseTemplate(hint="zzz"), user())).name == "Popular"
    await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=ocean.id), admin())
    assert (await lab.bus.request(templates.CHOOSE, hint, user())).name == "Popular"


async def test_only_administrators_change_styles(lab: Lab) -> None:
    """Everybody else is forbidden to create, update and delete."""
    style = await lab.make("Mine")
    with pytest.raises(Forbidden):
        await lab.bus.request(templates.CREATE, an_order("Other"), user("pro"))
    with pytest.raises(Forbidden):
        await lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=style.id, name="x"), user("pro"))
    with pytest.raises(Forbidden):
        await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=style.id), user("pro"))
    assert await lab.names() == ["Mine"]


async def test_a_style_is_changed_and_found_by_its_new_words(lab: Lab) -> None:
    """The search follows the change; everything else of the style stays."""
    style = await lab.make("Old", popularity=5)
    change = UpdateTemplate(template_id=style.id, name="Brand New", is_premium=True)
    reply = await lab.bus.request(templates.UPDATE, change, admin())
    assert await lab.get(style.id) == reply
    assert (reply.name, reply.is_premium, reply.popularity_score) == ("Brand New", True, 5)
    assert reply.style_params == style.style_params
    assert await lab.names(q="brand") == ["Brand New"]
    assert await lab.names(q="old") == []


async def test_a_style_of_an_unknown_family_is_invalid(lab: Lab) -> None:
    """In creating, changing and saving an own one."""
    style, oil = await lab.make("Base"), StyleParams(family="oil")
    with pytest.raises(Invalid):
        await lab.bus.request(templates.CREATE, msgspec.structs.replace(an_order("Oil"), style_params=oil), admin())
    with pytest.raises(Invalid):
        await lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=style.id, style_params=oil), admin())
    ask = SaveUserTemplate(template_id=style.id, name="Oil", customizations=oil)
    with pytest.raises(Invalid):
        await lab.bus.request(templates.SAVE_MINE, ask, user())
    assert (await lab.get(style.id)).style_params == style.style_params


async def test_a_name_is_taken_once(lab: Lab) -> None:
    """Whatever its case, in creating and renaming; a removed style gives its name back."""
    first = await lab.make("Same")
    second = await lab.make("Other")
    with pytest.raises(Conflict):
        await lab.make("SAME")
    with pytest.raises(Conflict):
        await lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=second.id, name="same"), admin())
    await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=first.id), admin())
    assert (await lab.make("Same")).id != first.id


async def test_a_removed_style_is_gone(lab: Lab) -> None:
    """Reading, changing and removing it again find nothing."""
    style = await lab.make("Gone")
    await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=style.id), admin())
    with pytest.raises(NotFound):
        await lab.get(style.id)
    with pytest.raises(NotFound):
        await lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=style.id, name="x"), admin())
    with pytest.raises(NotFound):
        await lab.bus.request(templates.DELETE, DeleteTemplate(template_id=style.id), admin())


async def test_creating_again_with_the_same_key_gives_the_same_style(lab: Lab) -> None:
    """The idempotency key of a user makes one style."""
    first = await lab.bus.request(templates.CREATE, an_order("Once"), admin("k"))
    second = await lab.bus.request(templates.CREATE, an_order("Once"), admin("k"))
    assert first == second
    assert await lab.names() == ["Once"]


async def test_changes_at_the_same_time_are_all_kept(lab: Lab) -> None:
    """Two administrators change different fields at once; neither change is lost."""
    style = await lab.make("Shared")
    await asyncio.gather(
        lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=style.id, name="Renamed"), admin()),
        lab.bus.request(templates.UPDATE, UpdateTemplate(template_id=style.id, category="moved"), admin()),
    )
    both = await lab.get(style.id)
    assert (both.name, both.category) == ("Renamed", "moved")


async def test_own_styles_belong_to_their_user(lab: Lab) -> None:
    """Saved once per key, listed newest first to their owner only, over pages."""
    style = await lab.make("Base")

    def save(name: str) -> SaveUserTemplate:
        return SaveUserTemplate(template_id=style.id, name=name, customizations=StyleParams(family="ink"))

    for number in range(3):
        await lab.bus.request(templates.SAVE_MINE, save(f"Mine {number}"), user(key=f"k{number}"))
        await asyncio.sleep(0.002)
    again = await lab.bus.request(templates.SAVE_MINE, save("Mine 0"), user(key="k0"))
    first = await lab.bus.request(templates.LIST_MINE, ListUserTemplates(limit=2), user())
    rest = await lab.bus.request(templates.LIST_MINE, ListUserTemplates(cursor=first.next_cursor), user())
    assert [own.name for own in (*first.items, *rest.items)] == ["Mine 2", "Mine 1", "Mine 0"]
    assert rest.items == (again,)
    assert rest.next_cursor is None
    assert (await lab.bus.request(templates.LIST_MINE, ListUserTemplates(), admin())).items == ()


async def test_an_own_style_can_be_chosen_by_its_owner_only(lab: Lab) -> None:
    """It is the style that it was made of, with what the user changed; others have no such style, and who is no longer
    of a paid tier may not use what was made of a premium one."""
    style = await lab.make("Base")
    gold = await lab.make("Gold", is_premium=True)
    asks = [
        SaveUserTemplate(
            template_id=each.id, name="Mine", customizations=StyleParams(family="ink", palette=("#102030",))
        )
        for each in (style, gold)
    ]
    mine, golden = [await lab.bus.request(templates.SAVE_MINE, ask, user("pro")) for ask in asks]
    chosen = await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=mine.id), user())
    assert (chosen.id, chosen.name, chosen.prompt_template) == (style.id, "Mine", style.prompt_template)
    assert chosen.style_params == mine.customizations
    with pytest.raises(Forbidden):
        await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=golden.id), user("free"))
    with pytest.raises(NotFound):
        await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=mine.id), admin())


async def test_own_styles_need_a_user_a_style_and_the_tier(lab: Lab) -> None:
    """Nobody's style, a style that is not there, a premium one on the free tier."""
    gold = await lab.make("Gold", is_premium=True)
    ask = SaveUserTemplate(template_id=gold.id, name="Mine", customizations=StyleParams(family="ink"))
    with pytest.raises(Forbidden):
        await lab.bus.request(templates.SAVE_MINE, ask, user("free"))
    with pytest.raises(NotFound):
        await lab.bus.request(templates.SAVE_MINE, msgspec.structs.replace(ask, template_id=uuid.uuid4()), user())
    with pytest.raises(Unauthenticated):
        await lab.bus.request(templates.LIST_MINE, ListUserTemplates(), Context.new())


def completed(template_id: uuid.UUID) -> CoverCompleted:
    """The event of a cover in this style."""
    return CoverCompleted(
        cover_id=uuid.uuid4(),
        task_id=uuid.uuid4(),
        user_id=USER,
        template_id=template_id,
        format="ebook",
        model="painter",
        completed_at=datetime.now(UTC),
    )


async def test_a_completed_cover_makes_its_style_more_popular_once(lab: Lab) -> None:
    """The event may come twice under other ids; another task counts again."""
    style = await lab.make("Used")
    event = completed(style.id)
    for message_id in ("1", "2"):
        await lab.bus.publish(covers.COMPLETED, event, message_id=message_id)
    await lab.bus.publish(covers.COMPLETED, completed(style.id), message_id="3")
    async with asyncio.timeout(10):
        while (await lab.get(style.id)).popularity_score < 2:
            await asyncio.sleep(0.02)
    await lab.service.cover_completed(event, Context.new())
    assert (await lab.get(style.id)).popularity_score == 2


async def test_covers_told_many_times_at_once_are_counted_once_each(lab: Lab) -> None:
    """Four tasks, each told six times side by side: the style is four uses more popular."""
    style = await lab.make("Loved")
    events = [completed(style.id) for _ in range(4)] * 6
    await asyncio.gather(*(lab.service.cover_completed(event, Context.new()) for event in events))
    assert (await lab.get(style.id)).popularity_score == 4


async def test_a_count_that_stopped_half_way_is_finished_once(lab: Lab) -> None:
    """Counted in the style but not written down: neither its next delivery nor another task's counts it again."""
    style = await lab.make("Used")
    event, other = completed(style.id), completed(style.id)
    await lab.database["style_templates"].update_one(
        {"_id": style.id}, {"$inc": {"popularity_score": 1}, "$set": {"last_counted": event.task_id}}
    )
    for told in (event, other, event):
        await lab.service.cover_completed(told, Context.new())
    assert (await lab.get(style.id)).popularity_score == 2


async def test_a_cover_in_a_removed_style_is_no_error(lab: Lab) -> None:
    """The event of a style that nobody knows is taken and does nothing."""
    await lab.service.cover_completed(completed(uuid.uuid4()), Context.new())
    assert await lab.names() == []
