"""Operations that paint, erase and extend, on covers and on uploads: the edits node with the built-in painter."""

import hashlib
import io
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from adapters.images.repainting import reach
from contracts import edits, safety, uploads
from contracts.edits import EditSession, Operate, OperationAccepted
from contracts.errors import Conflict, Invalid, KeyReused, Refused, UnderReview
from contracts.safety import CheckImage, Finding, Verdict
from contracts.tasks import StepReport
from contracts.uploads import BeginUpload, DeleteUpload, FinishUpload, NewObject, Purpose, Upload
from contracts.wire import Context
from nodes.bindings import serve
from nodes.runtime import Node
from tests.support.buses import SmallService
from tests.support.covers_world import asks
from tests.support.edits_world import SIZES, EditWorld, an_edit_world
from tests.support.servers import MongoDatabase

SIZE = SIZES[0]
BOX = (160, 280, 320, 480)


async def fine(_ask: CheckImage, _context: Context) -> Verdict:
    return Verdict(decision="allow")


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[EditWorld]:
    async with an_edit_world(nats_url, mongo_database, tmp_path / "art") as world:
        checker = SmallService("safety", serve(safety.CHECK_IMAGE, fine))
        async with Node(world.world.bus, checker, "1.0.0"):
            yield world


def mask(box: tuple[int, int, int, int] = BOX, size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("L", size)
    ImageDraw.Draw(image).rectangle(box, fill=255)
    return image


async def brought(world: EditWorld, image: Image.Image, purpose: Purpose) -> Upload:
    """An upload, put as an edge does."""
    out = io.BytesIO()
    image.save(out, "PNG")
    data, bus = out.getvalue(), world.world.bus
    new = NewObject(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/png")
    marked = float((np.asarray(image) > 127).mean()) if purpose == "mask" else None
    order = BeginUpload(purpose=purpose, picture=new, width=image.width, height=image.height, marked=marked)
    place = await bus.request(uploads.BEGIN, order, asks())
    await world.objects.put(place.scope, data, "image/png")
    return await bus.request(uploads.FINISH, FinishUpload(upload_id=place.upload_id), asks())


async def begin(world: EditWorld, session: EditSession, key: str | None = None, **order: Any) -> OperationAccepted:
    context = msgspec.structs.replace(asks(), idempotency_key=key)
    return await world.world.bus.request(edits.OPERATE, Operate(edit_id=session.edit_id, **order), context)


async def done(world: EditWorld, session: EditSession, **order: Any) -> StepReport:
    """The whole operation; the report of its first step."""
    accepted = await begin(world, session, **order)
    report = await world.do(edits.APPLY, accepted, "apply")
    assert report is not None
    if report.problem is None:
        await world.do(edits.COMPLETE, accepted, "complete")
    else:
        await world.do(edits.DISCARD, accepted, "apply/undo")
    return report


async def pixels(world: EditWorld, session: EditSession, version: int) -> Any:
    ask = edits.GetEditImage(edit_id=session.edit_id, version=version)
    data = await world.objects.get(await world.world.bus.request(edits.IMAGE, ask, asks()))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).copy()


@pytest.mark.parametrize(
    "order", [{"op": "inpaint"}, {"op": "replace", "prompt": "a ship"}, {"op": "erase"}], ids=lambda order: order["op"]
)
async def test_a_marked_place_changes_and_nothing_else(world: EditWorld, order: dict[str, Any]) -> None:
    """A version is added that differs within the mask; beyond its soft edge every pixel stays."""
    session, spot = await world.open(), await brought(world, mask(), "mask")
    report = await done(world, session, mask_upload_id=spot.upload_id, **order)
    assert report.problem is None
    after = await world.get(session)
    entry = after.edit_history[-1]
    assert (entry.op, entry.mask_upload_id, after.current_version) == (order["op"], spot.upload_id, 1)
    assert (entry.prompt, entry.painted_by) == (order.get("prompt"), None if order["op"] == "erase" else "painter")
    one, other = await pixels(world, session, 0), await pixels(world, session, 1)
    far = np.asarray(mask().filter(ImageFilter.MaxFilter(2 * reach(*SIZE) + 1))) == 0
    assert np.array_equal(one[far], other[far])
    left, top, right, bottom = BOX
    assert (one != other)[top:bottom, left:right].any(axis=-1).mean() > 0.3


async def test_the_canvas_grows(world: EditWorld) -> None:
    """The next version is larger and has the old one in it; undo goes back to the old size, saving keeps the new."""
    session = await world.open()
    assert (await done(world, session, op="expand", left=64, bottom=32)).problem is None
    one, other = await pixels(world, session, 0), await pixels(world, session, 1)
    assert other.shape == (SIZE[1] + 32, SIZE[0] + 64, 3)
    assert np.array_equal(other[: SIZE[1], 64:], one)
    spot = await brought(world, mask(), "mask")
    with pytest.raises(Invalid) as refused:
        await begin(world, session, op="erase", mask_upload_id=spot.upload_id)
    assert [each.field for each in refused.value.errors] == ["mask_upload_id"]
    await world.world.bus.request(edits.UNDO, edits.UndoEdit(edit_id=session.edit_id), asks())
    assert (await done(world, session, op="erase", mask_upload_id=spot.upload_id)).problem is None


async def test_masks_that_cannot_be_used_are_named(world: EditWorld) -> None:
    """Empty, of another shape, for another purpose, or not there: 422 with the field, and no task begins."""
    session = await world.open()
    empty = await brought(world, Image.new("L", SIZE), "mask")
    square = await brought(world, mask((10, 10, 50, 50), (200, 200)), "mask")
    photo = await brought(world, Image.radial_gradient("L"), "image")
    before = len(world.world.neighbours.created)
    for upload_id in (empty.upload_id, square.upload_id, photo.upload_id, uuid.uuid4()):
        with pytest.raises(Invalid) as refused:
            await begin(world, session, op="inpaint", mask_upload_id=upload_id)
        assert [each.field for each in refused.value.errors] == ["mask_upload_id"]
    assert len(world.world.neighbours.created) == before
    assert (await world.get(session)).running_task_id is None


@pytest.mark.parametrize(("decision", "error"), [("block", Refused), ("review", UnderReview)])
async def test_words_are_checked_before_anything_begins(
    world: EditWorld, decision: Any, error: type[Exception]
) -> None:
    """The field and the category are named, and the session is free."""
    session, spot = await world.open(), await brought(world, mask(), "mask")
    found = Finding(category="violence", field="prompt", start=0, end=4, decision=decision)
    world.world.neighbours.verdict = Verdict(decision=decision, findings=(found,))
    with pytest.raises(error) as refused:
        await begin(world, session, op="replace", prompt="gore", mask_upload_id=spot.upload_id)
    assert type(refused.value) is error
    assert [(each.field, each.category) for each in getattr(refused.value, "errors", ())] == [("prompt", "violence")]
    assert (await world.get(session)).running_task_id is None


async def test_the_same_key_is_the_same_operation(world: EditWorld) -> None:
    """Also when its mask has gone meanwhile; with other words it is refused."""
    session, spot = await world.open(), await brought(world, mask(), "mask")
    order: dict[str, Any] = {"op": "inpaint", "mask_upload_id": spot.upload_id}
    accepted = await begin(world, session, "k", prompt="a ship", **order)
    await world.world.bus.request(uploads.DELETE, DeleteUpload(upload_id=spot.upload_id), asks())
    assert await begin(world, session, "k", prompt="a ship", **order) == accepted
    with pytest.raises(KeyReused):
        await begin(world, session, "k", prompt="a whale", **order)
    report = await world.do(edits.APPLY, accepted, "apply")
    assert report is not None
    assert report.problem is not None, "what was removed before it was used is gone"


async def test_an_upload_is_edited_as_a_copy(world: EditWorld) -> None:
    """Its session outlives it, makes versions, and cannot be saved to a cover; its pictures go with it."""
    photo = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    upload = await brought(world, photo, "image")
    order = edits.OpenEdit(upload_id=upload.upload_id)
    context = msgspec.structs.replace(asks(), idempotency_key="open")
    session = await world.world.bus.request(edits.OPEN, order, context)
    assert (session.upload_id, session.cover_id) == (upload.upload_id, None)
    assert (await world.world.bus.request(edits.OPEN, order, context)).edit_id == session.edit_id
    await world.world.bus.request(uploads.DELETE, DeleteUpload(upload_id=upload.upload_id), asks())
    assert np.array_equal(await pixels(world, session, 0), np.asarray(photo))
    spot = await brought(world, mask(), "mask")
    for wish in ({"op": "adjust", "brightness": 0.3}, {"op": "inpaint", "mask_upload_id": spot.upload_id}):
        assert (await done(world, session, **wish)).problem is None
    assert [each.cover_id for each in world.world.neighbours.created.values()] == [None, None]
    with pytest.raises(Conflict):
        await world.world.bus.request(edits.SAVE, edits.SaveEdit(edit_id=session.edit_id), asks())
    await world.world.bus.request(edits.DELETE, edits.DeleteEdit(edit_id=session.edit_id), asks())
    assert {key for key in world.world.files() if not key.startswith("upload-")} == set()


async def test_one_of_the_two_is_opened(world: EditWorld) -> None:
    """Neither, both, a mask, and what is not there are named."""
    spot, cover = await brought(world, mask(), "mask"), await world.cover()
    both = edits.OpenEdit(cover_id=cover.cover_id, upload_id=spot.upload_id)
    for order, field in (
        (edits.OpenEdit(), "cover_id"),
        (both, "cover_id"),
        (edits.OpenEdit(upload_id=spot.upload_id), "upload_id"),
        (edits.OpenEdit(upload_id=uuid.uuid4()), "upload_id"),
    ):
        with pytest.raises(Invalid) as refused:
            await world.world.bus.request(edits.OPEN, order, asks())
        assert [each.field for each in refused.value.errors] == [field]
