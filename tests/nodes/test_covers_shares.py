"""Links to covers: who makes them, what they show, and when they show nothing any more."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from adapters.mongo import Database, now
from contracts import covers, shares
from contracts.covers import ChooseVersion, CoverAccepted, GenerateCover
from contracts.errors import Conflict, Forbidden, Gone, Invalid, KeyReused, NotFound, Unauthenticated
from contracts.exports import StoredFile
from contracts.shares import (
    MOST_SHARES,
    CreateShare,
    ListAllShares,
    ListShares,
    RevokeShare,
    Share,
    SharedCover,
    ShowShared,
    ShowSharedImage,
)
from contracts.wire import Context
from nodes.covers.share_links import Links
from nodes.covers.share_store import KEPT, ShareRecord, ShareStore
from nodes.covers.shares import Shares
from nodes.covers.store import CoverStore
from nodes.departed import Departed
from tests.support.covers_world import LINKS, TEMPLATE, USER, World, a_world, asks
from tests.support.endings import end_account
from tests.support.servers import MongoDatabase

OTHER = uuid.UUID(int=2)
NOTHING = "There is nothing behind this link."


@pytest_asyncio.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    """A covers node with small neighbours."""
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


class Counting(ShareStore):
    """The same store, which notes what it is asked for."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked: list[uuid.UUID] = []

    async def of_id(self, share_id: uuid.UUID) -> ShareRecord | None:
        """One link."""
        self.asked.append(share_id)
        return await super().of_id(share_id)


async def a_cover(world: World, **wish: Any) -> CoverAccepted:
    """A ready cover with one version."""
    request = GenerateCover(**{"title": "Tides", "author": "Ada Lovelace", "prompt": "secret wish", **wish})
    accepted = await world.generate(request)
    await world.make_ready(accepted)
    return accepted


async def second_version(world: World, accepted: CoverAccepted) -> None:
    """Another version with another title, which is shown."""
    cover = await world.documents.find_one({"_id": accepted.cover_id})
    assert cover is not None
    first = cover["versions"][0]
    recipe = {**cover["recipe"], "title": "Ebb"}
    other = {**first, "version": 2, "kind": "retype", "parent": 1, "recipe": recipe, "image": first["thumbnail"]}
    await world.documents.update_one({"_id": accepted.cover_id}, {"$push": {"versions": other}, "$set": {"shown": 2}})


async def share(world: World, accepted: CoverAccepted, *, key: str | None = None, **wish: Any) -> Share:
    """A new link of its owner."""
    context = msgspec.structs.replace(asks(), idempotency_key=key)
    return await world.bus.request(shares.CREATE, CreateShare(cover_id=accepted.cover_id, **wish), context)


async def look(world: World, url: str) -> SharedCover:
    """What a stranger gets to see."""
    return await world.bus.request(shares.SHARED, ShowShared(token=url.rpartition("/")[2]), Context.new(timeout=5))


async def listed(world: World, accepted: CoverAccepted) -> list[Share]:
    """What its owner is told of the links of a cover."""
    return list((await world.bus.request(shares.LIST, ListShares(cover_id=accepted.cover_id), asks())).items)


async def revoke(world: World, link: Share, user: uuid.UUID = USER) -> None:
    """Take it back."""
    order = RevokeShare(cover_id=link.cover_id, share_id=link.share_id)
    await world.bus.request(shares.REVOKE, order, asks(user))


async def test_a_link_shows_the_cover_to_a_stranger(world: World) -> None:
    """Title, author, style and pictures; nothing of who ordered it or how."""
    accepted = await a_cover(world)
    link = await share(world, accepted)
    assert link.url.startswith("https://covers.example/s/")
    assert (link.version, link.allow_download) == (1, False)
    assert timedelta(days=30, seconds=-1) <= link.expires_at - link.created_at <= timedelta(days=30)

    told = await look(world, link.url)
    assert (told.title, told.author, told.style, told.url) == ("Tides", "Ada Lovelace", TEMPLATE.name, link.url)
    assert (told.width, told.height, told.format) == (1600, 2560, "ebook")
    assert told.image.key == await world.image(accepted)
    text = msgspec.json.encode(told).decode()
    for secret in ("secret wish", str(USER), str(accepted.task_id), "gentle light", "seed"):
        assert secret not in text


async def test_the_picture_behind_a_link(world: World) -> None:
    """Large or small, under the title's name; it is offered for saving only when its owner wants that."""
    accepted = await a_cover(world, title="Tides, 2nd édition")
    plain, offered = await share(world, accepted), await share(world, accepted, allow_download=True)

    async def picture(link: Share, **wish: Any) -> StoredFile:
        ask = ShowSharedImage(token=link.url.rpartition("/")[2], **wish)
        return await world.bus.request(shares.SHARED_IMAGE, ask, Context.new(timeout=5))

    assert (await picture(plain)).object.key == await world.image(accepted)
    small = await picture(plain, size="thumb")
    assert (small.object.size, small.filename) == (len(b"thumbnail"), "tides-2nd-edition.png")
    with pytest.raises(Forbidden):
        await picture(plain, download=True)
    assert (await picture(offered, download=True)).object.key == await world.image(accepted)


async def test_the_name_of_an_own_style_is_not_told(world: World) -> None:
    """It is what the owner calls it."""
    accepted = await a_cover(world, template_id=TEMPLATE.id)
    assert (await look(world, (await share(world, accepted)).url)).style == TEMPLATE.name
    own = {"request.template_id": str(uuid.uuid4()), "recipe.template_name": "For a client"}
    await world.documents.update_one({"_id": accepted.cover_id}, {"$set": own})
    assert (await look(world, (await share(world, accepted)).url)).style is None


async def test_a_link_keeps_its_version_unless_it_follows(world: World) -> None:
    """The version that was shown is pinned, another can be named, and one that follows shows what the cover shows."""
    accepted = await a_cover(world)
    pinned, following = await share(world, accepted), await share(world, accepted, follow=True)
    await second_version(world, accepted)
    named = await share(world, accepted, version=1)
    newest = await share(world, accepted)

    assert [each.version for each in (pinned, following, named, newest)] == [1, None, 1, 2]
    titles = [(await look(world, each.url)).title for each in (pinned, following, named, newest)]
    assert titles == ["Tides", "Ebb", "Tides", "Ebb"]
    await world.bus.request(covers.CHOOSE, ChooseVersion(cover_id=accepted.cover_id, version=1), asks())
    assert [(await look(world, each.url)).title for each in (following, newest)] == ["Tides", "Ebb"]
    with pytest.raises(NotFound):
        await share(world, accepted, version=3)
    with pytest.raises(Invalid) as refused:
        await share(world, accepted, version=1, follow=True)
    assert refused.value.errors[0].field == "follow"


def forged(url: str) -> dict[str, str]:
    """Tokens that were not made by us, from one that was."""
    token = url.rpartition("/")[2]
    data = base64.urlsafe_b64decode(token)
    flipped = {
        f"bit of byte {at}": bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]]) for at in (0, 15, 16, 19, 20, 35)
    }
    later = data[:16] + (int.from_bytes(data[16:20]) + 86400).to_bytes(4) + data[20:]
    share_id, expires_at = LINKS.read(token)
    return {
        **{name: base64.urlsafe_b64encode(each).decode() for name, each in flipped.items()},
        "a later end": base64.urlsafe_b64encode(later).decode(),
        "no mac": base64.urlsafe_b64encode(data[:20] + bytes(16)).decode(),
        "another key": Links(b"x" * 32, "").url(share_id, expires_at)[3:],
        "never made": LINKS.url(uuid.uuid4(), expires_at).rpartition("/")[2],
        "another end": LINKS.url(share_id, expires_at + timedelta(days=1)).rpartition("/")[2],
        "no base64": "!" * 48,
        "beyond ASCII": "ä" * 48,
        "spaces": f"{token[:-1]} ",
        "padding": f"{token[:-4]}AA==",
    }


async def test_forged_links_are_told_apart_by_nobody(world: World) -> None:
    """Each of them is answered as one that never was, in the same words."""
    accepted = await a_cover(world)
    link = await share(world, accepted)
    for name, token in forged(link.url).items():
        with pytest.raises(NotFound) as refused:
            await look(world, token)
        assert refused.value.detail == NOTHING, name
    assert (await look(world, link.url)).title == "Tides"


def test_a_token_has_one_form() -> None:
    """It says id and end, fits exactly, and another alphabet for the same bytes is not taken."""
    at = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    for number in range(200):
        token = LINKS.url(uuid.UUID(int=number << 64), at).rpartition("/")[2]
        assert (len(token), LINKS.read(token)) == (shares.TOKEN_LENGTH, (uuid.UUID(int=number << 64), at))
        other = token.translate(str.maketrans("-_", "+/"))
        if other != token:
            with pytest.raises(NotFound):
                LINKS.read(other)


async def test_a_forged_link_does_not_reach_the_database(world: World) -> None:
    """Nor does an expired one."""
    accepted = await a_cover(world)
    link = await share(world, accepted)
    past = LINKS.url(link.share_id, now() - timedelta(seconds=1))
    store = Counting(world.database)
    handlers = Shares(CoverStore(world.database, world.bus.send), store, Departed(world.database), LINKS)

    async def seen(token: str) -> SharedCover:
        return await handlers.shared(ShowShared(token=token), Context.new(timeout=5))

    with pytest.raises(NotFound):
        await seen(forged(link.url)["no mac"])
    with pytest.raises(Gone):
        await seen(past.rpartition("/")[2])
    assert store.asked == []
    assert (await seen(link.url.rpartition("/")[2])).title == "Tides"
    assert store.asked == [link.share_id]


async def test_a_link_that_was_taken_back_shows_nothing(world: World) -> None:
    """At once; again is 404; of another's link nobody learns anything, nor takes it back."""
    accepted = await a_cover(world)
    kept, link = await share(world, accepted), await share(world, accepted)
    with pytest.raises(NotFound):
        await revoke(world, link, OTHER)
    await revoke(world, link)
    with pytest.raises(NotFound, match=NOTHING):
        await look(world, link.url)
    with pytest.raises(NotFound):
        await revoke(world, link)
    assert await listed(world, accepted) == [kept]
    assert (await look(world, kept.url)).title == "Tides"


async def test_a_link_expires(world: World) -> None:
    """It is told so, in words of its own, is not listed, and the database forgets it after a week."""
    accepted = await a_cover(world)
    link = await share(world, accepted, expires_in_days=1)
    assert timedelta(days=1, seconds=-1) <= link.expires_at - link.created_at <= timedelta(days=1)
    past = (now() - timedelta(seconds=5)).replace(microsecond=0)
    await world.database["shares"].update_one({"_id": link.share_id}, {"$set": {"expires_at": past}})
    with pytest.raises(Gone, match="expired"):
        await look(world, LINKS.url(link.share_id, past))
    assert await listed(world, accepted) == []
    everything = await world.bus.request(shares.LIST_ALL, ListAllShares(), asks())
    assert [each.share_id for each in everything.items] == [link.share_id]
    indexes = await world.database["shares"].index_information()
    assert indexes["ended"]["expireAfterSeconds"] == KEPT


async def test_the_same_key_makes_one_link(world: World) -> None:
    """The same request gives the same address, another with that key is refused; without a key each is another."""
    accepted = await a_cover(world)
    both = await asyncio.gather(*(share(world, accepted, key="k") for _ in range(2)))
    assert both[0] == both[1] == await share(world, accepted, key="k")
    with pytest.raises(KeyReused):
        await share(world, accepted, key="k", allow_download=True)
    assert len({each.url for each in (await share(world, accepted), await share(world, accepted), both[0])}) == 3


async def test_no_more_links_than_fit(world: World) -> None:
    """Fifty of a cover at a time, however many come at once; one taken back or expired makes room."""
    accepted = await a_cover(world)
    for _ in range(MOST_SHARES // 5 - 1):
        await asyncio.gather(*(share(world, accepted) for _ in range(5)))
    answers = await asyncio.gather(*(share(world, accepted) for _ in range(9)), return_exceptions=True)
    assert {type(each) for each in answers} <= {Share, Conflict}
    count = await world.database["shares"].count_documents({})
    assert MOST_SHARES - 5 <= count <= MOST_SHARES
    for _ in range(MOST_SHARES - count):
        await share(world, accepted)
    with pytest.raises(Conflict, match="50 links"):
        await share(world, accepted)
    first = await world.bus.request(shares.LIST, ListShares(cover_id=accepted.cover_id, limit=30), asks())
    more = ListShares(cover_id=accepted.cover_id, limit=30, cursor=first.next_cursor)
    second = await world.bus.request(shares.LIST, more, asks())
    assert (len({each.share_id for each in (*first.items, *second.items)}), second.next_cursor) == (50, None)
    await revoke(world, first.items[0])
    await share(world, accepted)


async def test_links_go_with_their_cover(world: World) -> None:
    """A deleted cover is 404 behind its links, none is listed, and none is kept; other covers' links stay."""
    accepted, other = await a_cover(world), await a_cover(world)
    link, kept = await share(world, accepted), await share(world, other)
    await world.delete(accepted)
    with pytest.raises(NotFound, match=NOTHING):
        await look(world, link.url)
    with pytest.raises(NotFound):
        await listed(world, accepted)
    assert [each["_id"] async for each in world.database["shares"].find({})] == [kept.share_id]
    with pytest.raises(NotFound):
        await share(world, accepted)


async def test_links_go_with_their_account(world: World) -> None:
    """None is kept, and none is made with an access token that is still good."""
    accepted = await a_cover(world)
    link = await share(world, accepted)
    await end_account(world.bus, USER, "covers")
    with pytest.raises(NotFound, match=NOTHING):
        await look(world, link.url)
    assert await world.database["shares"].count_documents({}) == 0
    with pytest.raises(NotFound):
        await share(world, accepted)


async def test_a_link_made_while_the_account_ends_is_taken_back(world: World) -> None:
    """The mark is looked at after the link is written."""
    accepted = await a_cover(world)
    await Departed(world.database).mark(USER)
    with pytest.raises(Unauthenticated):
        await share(world, accepted)
    assert await world.database["shares"].count_documents({}) == 0


async def test_only_a_finished_cover_of_ones_own_is_shared(world: World) -> None:
    """Another's is 404, one that is being made 409."""
    accepted = await world.generate(GenerateCover(title="Later"))
    with pytest.raises(Conflict):
        await share(world, accepted)
    ready = await a_cover(world)
    for who, error in ((asks(OTHER), NotFound), (Context.new(timeout=5), Unauthenticated)):
        with pytest.raises(error):
            await world.bus.request(shares.CREATE, CreateShare(cover_id=ready.cover_id), who)
        with pytest.raises(error):
            await world.bus.request(shares.LIST, ListShares(cover_id=ready.cover_id), who)
