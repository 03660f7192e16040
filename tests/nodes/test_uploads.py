"""Uploads: the edits node on a real bus, database and folder of objects, with a small safety node."""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.mongo import Collection, now, open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from adapters.workers import Workers
from contracts import safety, uploads
from contracts.errors import Conflict, Invalid, NotFound, Refused, Unauthenticated, Unavailable, UnderReview
from contracts.safety import CheckImage, Decision, Finding, Verdict
from contracts.uploads import (
    MOST_UPLOADS,
    BeginUpload,
    DeleteUpload,
    FinishUpload,
    GetUpload,
    GetUploadImage,
    ListUploads,
    NewObject,
    Purpose,
    ReleaseUpload,
    Upload,
    UploadPlace,
)
from contracts.wire import Context, Endpoint
from nodes.bindings import serve
from nodes.edits.service import Edits
from nodes.runtime import Node
from tests.support.buses import SmallService, a_bus
from tests.support.covers_world import USER, asks
from tests.support.endings import end_account
from tests.support.servers import MongoDatabase

OTHER = uuid.UUID(int=2)
PICTURE = b"a picture"


def finding(decision: Decision, category: str = "nudity") -> Verdict:
    found = Finding(category=category, field="image", start=0, end=0, decision=decision)
    return Verdict(decision=decision, findings=(found,))


@dataclass
class House:
    """The node, and what the safety node says."""

    bus: Bus
    service: Edits
    objects: FolderObjects
    rows: Collection
    root: Path
    verdict: Verdict = field(default_factory=lambda: Verdict(decision="allow"))
    checked: list[str] = field(default_factory=list)
    away: bool = False

    async def check(self, ask: CheckImage, _context: Context) -> Verdict:
        await self.objects.get(ask.image)
        self.checked.append(ask.image.sha256)
        if self.away:
            raise Unavailable("No classifier.")
        return self.verdict

    def files(self) -> set[str]:
        return {path.name for path in self.root.glob("upload-*/*")}

    async def begin(self, data: bytes = PICTURE, purpose: Purpose = "image", user: uuid.UUID = USER) -> UploadPlace:
        order = BeginUpload(purpose=purpose, picture=described(data), width=80, height=64)
        return await self.bus.request(uploads.BEGIN, order, asks(user))

    async def finish(self, place: UploadPlace, user: uuid.UUID = USER) -> Upload:
        return await self.bus.request(uploads.FINISH, FinishUpload(upload_id=place.upload_id), asks(user))

    async def upload(self, data: bytes = PICTURE, purpose: Purpose = "image", user: uuid.UUID = USER) -> Upload:
        """All that an edge does."""
        place = await self.begin(data, purpose, user)
        await self.objects.put(place.scope, data, "image/png")
        return await self.finish(place, user)

    async def get(self, upload: Upload, **more: Any) -> Upload:
        ask = GetUpload(upload_id=upload.upload_id, **more)
        return await self.bus.request(uploads.GET, ask, asks())

    async def listed(self, user: uuid.UUID = USER) -> list[uuid.UUID]:
        page = await self.bus.request(uploads.LIST, ListUploads(), asks(user))
        return [each.upload_id for each in page.items]

    async def age(self, **shift: float) -> None:
        """Everything was written that much earlier."""
        async for row in self.rows.find({}):
            await self.rows.update_one({"_id": row["_id"]}, {"$set": {"since": row["since"] - timedelta(**shift)}})

    async def chores(self) -> None:
        """Each chore of uploads once."""
        for chore in self.service.chores:
            if "uploads" in chore.name:
                await chore.run()


def described(data: bytes) -> NewObject:
    return NewObject(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/png")


@pytest.fixture
async def house(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[House]:
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        database, objects = client[mongo_database.name], FolderObjects(tmp_path / "art")
        workers = await stack.enter_async_context(Workers(1, 20))
        service = Edits(bus, database, objects, workers)
        await service.prepare()
        house = House(bus, service, objects, database["uploads"], tmp_path / "art")
        for each in (SmallService("safety", serve(safety.CHECK_IMAGE, house.check)), service):
            await stack.enter_async_context(Node(bus, each, "1.0.0"))
        yield house


async def test_an_upload_is_kept_and_told(house: House) -> None:
    """It is listed, its picture is where the node says, it expires after 30 days, and it was checked once."""
    made = await house.upload()
    assert await house.get(made) == made
    assert (made.sha256, made.size, made.width, made.height, made.purpose) == (
        hashlib.sha256(PICTURE).hexdigest(),
        len(PICTURE),
        80,
        64,
        "image",
    )
    assert made.expires_at is not None
    assert timedelta(days=29, hours=23) < made.expires_at - now() <= timedelta(days=30)
    ref = await house.bus.request(uploads.IMAGE, GetUploadImage(upload_id=made.upload_id), asks())
    assert await house.objects.get(ref) == PICTURE
    assert (made.object, (await house.get(made, refer=True)).object) == (None, ref)
    assert (await house.listed(), house.checked) == ([made.upload_id], [made.sha256])


async def test_others_see_nothing_of_it(house: House) -> None:
    """Not found for another user by every way, and nobody is told to say who; theirs is another upload."""
    made = await house.upload()
    orders: tuple[tuple[Endpoint[Any, Any], object], ...] = (
        (uploads.GET, GetUpload(upload_id=made.upload_id, refer=True)),
        (uploads.IMAGE, GetUploadImage(upload_id=made.upload_id)),
        (uploads.DELETE, DeleteUpload(upload_id=made.upload_id)),
        (uploads.FINISH, FinishUpload(upload_id=made.upload_id)),
    )
    for endpoint, order in orders:
        with pytest.raises(NotFound):
            await house.bus.request(endpoint, order, asks(OTHER))
        with pytest.raises(Unauthenticated):
            await house.bus.request(endpoint, order, asks(None))
    theirs = await house.upload(user=OTHER)
    assert theirs.upload_id != made.upload_id
    assert await house.listed(OTHER) == [theirs.upload_id]


async def test_the_same_bytes_are_the_same_upload(house: House) -> None:
    """Sent again, also at the same time; for another purpose they are another one."""
    made = await asyncio.gather(*(house.upload() for _ in range(6)))
    assert len({each.upload_id for each in made}) == 1
    assert (await house.upload()).upload_id == made[0].upload_id
    assert (await house.upload(purpose="logo")).upload_id != made[0].upload_id
    assert await house.rows.count_documents({}) == 2
    assert len(house.files()) == 1


async def test_masks_are_not_checked(house: House) -> None:
    """They show nothing; but they must be there."""
    house.verdict = finding("block")
    assert (await house.upload(purpose="mask")).purpose == "mask"
    assert house.checked == []
    with pytest.raises(NotFound):
        await house.finish(await house.begin(b"never put", "mask"))


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        (finding("block"), Refused),
        (finding("review"), UnderReview),
        (finding("block", "broken_image"), Invalid),
    ],
)
async def test_what_may_not_stay_goes_at_once(house: House, verdict: Verdict, error: type[Exception]) -> None:
    """With its object; the file and the category are named. Released by a person it may come again."""
    house.verdict = verdict
    with pytest.raises(error) as refused:
        await house.upload()
    assert type(refused.value) is error
    assert [each.field for each in getattr(refused.value, "errors", ())] == ["file"]
    assert (house.files(), await house.listed()) == (set(), [])
    house.verdict = Verdict(decision="allow")
    assert await house.listed() == [] != [(await house.upload()).upload_id]


async def test_what_nobody_could_check_may_be_finished_later(house: House) -> None:
    """It is not shown meanwhile."""
    house.away, place = True, await house.begin()
    await house.objects.put(place.scope, PICTURE, "image/png")
    with pytest.raises(Unavailable):
        await house.finish(place)
    assert await house.listed() == []
    house.away = False
    assert (await house.upload()).upload_id == place.upload_id


async def test_an_edge_that_dies_leaves_nothing(house: House) -> None:
    """Killed before it put, after it put, or while the picture is checked: within minutes row and object are gone."""
    await house.begin(b"not put")
    place = await house.begin(b"put")
    await house.objects.put(place.scope, b"put", "image/png")
    kept = await house.upload(b"done")
    await house.age(minutes=9)
    await house.chores()
    assert (await house.rows.count_documents({"status": "pending"}), len(house.files())) == (2, 2)
    await house.begin(b"put")  # sent again: it is young once more
    await house.age(minutes=2)
    await house.chores()
    assert (await house.rows.count_documents({"status": "pending"}), len(house.files())) == (1, 2)
    await house.age(minutes=11)
    await house.chores()
    assert house.files() == {kept.sha256}
    await house.age(minutes=11)
    await house.chores()
    assert [row["_id"] async for row in house.rows.find({})] == [kept.upload_id]


async def test_a_late_writer_leaves_nothing(house: House) -> None:
    """What is put after its row went is removed too, and what came again meanwhile is not touched."""
    place = await house.begin()
    await house.age(minutes=11)
    await house.chores()
    await house.objects.put(place.scope, PICTURE, "image/png")
    with pytest.raises(NotFound):
        await house.finish(place)
    again = await house.upload()
    assert len(list(house.root.glob("upload-*/*"))) == 2
    await house.age(minutes=11)
    await house.chores()
    assert [each.parent.name for each in house.root.glob("upload-*/*")] == [f"upload-{again.upload_id.hex}"]


async def test_only_so_many_are_kept(house: House) -> None:
    """One more is a conflict that says how many, also when several come at once; removing one makes room."""
    made = [await house.upload(b"%d" % number, "mask") for number in range(MOST_UPLOADS - 1)]
    results = await asyncio.gather(*(house.upload(b"late %d" % n, "mask") for n in range(4)), return_exceptions=True)
    refused = [each for each in results if isinstance(each, Conflict)]
    assert len(refused) >= 3
    assert str(MOST_UPLOADS) in refused[0].detail
    assert (await house.upload(b"0", "mask")).upload_id == made[0].upload_id, "what is there may come again"
    if len(refused) == 3:
        await house.bus.request(uploads.DELETE, DeleteUpload(upload_id=made[1].upload_id), asks())
    await house.upload(b"room", "mask")
    assert await house.rows.count_documents({"status": "ready"}) == MOST_UPLOADS


async def test_pages_go_on_where_they_ended(house: House) -> None:
    """Newest first, each once."""
    made = [await house.upload(b"%d" % number) for number in range(5)]
    seen: list[uuid.UUID] = []
    cursor: str | None = None
    while True:
        page = await house.bus.request(uploads.LIST, ListUploads(limit=2, cursor=cursor), asks())
        seen += [each.upload_id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [each.upload_id for each in reversed(made)]


async def test_what_nobody_uses_expires(house: House) -> None:
    """After 30 days; a use counts anew, and what a holder needs stays until it is released."""
    unused, used, held = [await house.upload(each) for each in (b"unused", b"used", b"held")]
    cover = uuid.uuid4()
    assert (await house.get(held, holder=cover)).expires_at is None
    await house.age(days=29)
    await house.get(unused)  # looking is no use
    await house.get(used, refer=True)
    await house.age(days=2)
    await house.chores()
    assert set(await house.listed()) == {used.upload_id, held.upload_id}
    assert house.files() == {used.sha256, held.sha256}
    for _ in range(2):
        await house.bus.request(uploads.RELEASE, ReleaseUpload(upload_id=held.upload_id, holder=cover), asks())
    await house.chores()
    assert await house.listed() == [used.upload_id]


async def test_removing_one(house: House) -> None:
    """Its object goes with it, and it is not found any more; the same bytes make a new one."""
    made = await house.upload()
    await house.bus.request(uploads.DELETE, DeleteUpload(upload_id=made.upload_id), asks())
    assert (house.files(), await house.listed()) == (set(), [])
    with pytest.raises(NotFound):
        await house.bus.request(uploads.DELETE, DeleteUpload(upload_id=made.upload_id), asks())
    assert (await house.upload()).upload_id != made.upload_id


async def test_they_go_with_the_account(house: House) -> None:
    """Ready ones and those under way, with their objects; nothing can be begun or finished afterwards."""
    await house.upload()
    place, others = await house.begin(b"under way"), await house.upload(user=OTHER)
    await house.objects.put(place.scope, b"under way", "image/png")
    await end_account(house.bus, USER, "edits")
    assert (house.files(), await house.listed(OTHER)) == ({others.sha256}, [others.upload_id])
    with pytest.raises(NotFound):
        await house.finish(place)
    with pytest.raises(Unauthenticated):
        await house.begin(b"late")
    await house.age(minutes=11)
    await house.chores()
    assert await house.rows.count_documents({"user_id": USER, "status": {"$ne": "gone"}}) == 0
