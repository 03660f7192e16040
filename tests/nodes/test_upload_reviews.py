"""Uploads that the picture classifier leaves to a person: the edits node and the safety node together."""

import contextlib
import hashlib
import io
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from adapters.moderation.bands import Band, Bands
from adapters.mongo import open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from adapters.workers import Workers
from contracts import reviews, uploads
from contracts.errors import Refused, UnderReview
from contracts.reviews import DecideReview, ListReviews, ReviewRow, Ruling
from contracts.uploads import BeginUpload, FinishUpload, NewObject, Upload
from contracts.wire import Context
from nodes.edits.service import Edits
from nodes.runtime import Node
from nodes.safety.service import Safety
from tests.support.buses import a_bus
from tests.support.servers import MongoDatabase

PHOTOGRAPH = Path(__file__).parents[1] / "data" / "harmless" / "retina.jpg"
"""Scores 0.14, which is as much as a harmless photograph has."""
EVERYBODY, CHINA = Band(review=0.05, block=0.6), Band(review=0.01, block=0.05, region="cn")
BANDS = Bands((EVERYBODY, CHINA, Band(review=0.5, block=0.9, tier="pro")))
ADMIN = Context(request_id="admin", user_id=uuid.uuid4(), roles=("user", "admin"))
USER = uuid.uuid4()


def photograph() -> bytes:
    """As an edge makes it."""
    with Image.open(PHOTOGRAPH) as opened:
        out = io.BytesIO()
        opened.save(out, "PNG")
    return out.getvalue()


@dataclass
class House:
    """Both nodes, and where they keep pictures."""

    bus: Bus
    root: Path
    objects: FolderObjects

    async def upload(self, *, user: uuid.UUID = USER, region: str | None = None, tier: str = "free") -> Upload:
        """All that an edge does."""
        data, context = photograph(), Context(request_id="r", user_id=user, region=region, tier=tier)
        new = NewObject(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/png")
        order = BeginUpload(purpose="image", picture=new, width=384, height=384)
        place = await self.bus.request(uploads.BEGIN, order, context)
        await self.objects.put(place.scope, data, "image/png")
        return await self.bus.request(uploads.FINISH, FinishUpload(upload_id=place.upload_id), context)

    async def waiting(self) -> tuple[ReviewRow, ...]:
        """What a person has to decide."""
        return (await self.bus.request(reviews.LIST_REVIEWS, ListReviews(status="waiting"), ADMIN)).items

    async def decide(self, row: ReviewRow, decision: Ruling) -> None:
        """What an administrator says."""
        await self.bus.request(reviews.DECIDE_REVIEW, DecideReview(review_id=row.id, decision=decision), ADMIN)

    def kept(self) -> set[str]:
        """Pictures of uploads in the store."""
        return {path.name for path in self.root.glob("upload-*/*")}


@pytest.fixture
async def house(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[House]:
    """The nodes share a server, not a database; thresholds are such that a photograph is in the middle."""
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        objects = FolderObjects(tmp_path / "art")
        workers = await stack.enter_async_context(Workers(1, 20))
        edits = Edits(bus, client[mongo_database.name], objects, workers)
        safety = Safety(bus, client[mongo_database.name], objects, workers, bands=BANDS)
        for service in (edits, safety):
            await service.prepare()
            await stack.enter_async_context(Node(bus, service, "1.0.0"))
        yield House(bus, tmp_path / "art", objects)


async def test_an_upload_in_the_middle_waits_and_passes_when_it_was_released(house: House) -> None:
    """Nothing of it is kept but the copy for the administrator; a decision is about the bytes, whoever sends them."""
    for _ in range(2):
        with pytest.raises(UnderReview) as told:
            await house.upload()
        assert [(each.field, each.category) for each in told.value.errors] == [("file", "nudity")]
    assert house.kept() == set()
    (row,) = await house.waiting()
    assert (row.kind, row.user_id, row.categories) == ("picture", USER, ("nudity",))
    await house.decide(row, "release")
    kept, theirs = await house.upload(), await house.upload(user=uuid.uuid4())
    assert kept.sha256 == theirs.sha256 == hashlib.sha256(photograph()).hexdigest()
    assert await house.waiting() == ()


async def test_a_confirmed_upload_is_refused_from_then_on(house: House) -> None:
    """For everybody, and without another item in the queue."""
    with pytest.raises(UnderReview):
        await house.upload()
    (row,) = await house.waiting()
    await house.decide(row, "confirm")
    with pytest.raises(Refused):
        await house.upload(user=uuid.uuid4())
    assert (house.kept(), await house.waiting()) == (set(), ())


async def test_the_bands_of_region_and_plan_are_those_of_covers(house: House) -> None:
    """What waits elsewhere is refused in one region, without a queue, and passes on another plan."""
    with pytest.raises(Refused):
        await house.upload(region="cn")
    assert (house.kept(), await house.waiting()) == (set(), ())
    assert (await house.upload(tier="pro")).purpose == "image"
