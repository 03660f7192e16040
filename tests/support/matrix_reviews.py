"""The rows of what the safety rules leave to administrators."""

import io
import uuid
from collections.abc import Mapping

from PIL import Image

from adapters.mongo import now, open_mongo
from adapters.objects import FolderObjects
from contracts.safety import Finding
from nodes.safety.model import Item
from nodes.safety.store import ReviewStore
from tests.support.matrix import Asked
from tests.support.matrix_row import Row, at
from tests.support.matrix_world import World

RULING = {"decision": "confirm", "note": "Not for a shop window."}


async def waiting_picture(world: World) -> uuid.UUID:
    """The id of a picture that waits for a person: written down as the node would, since ours are all harmless."""
    out = io.BytesIO()
    Image.radial_gradient("L").save(out, "PNG")
    picture = await FolderObjects(world.stack.home / "objects").put("review-matrix", out.getvalue(), "image/png")
    finding = Finding(category="nudity", field="image", start=0, end=0, decision="review", score=0.6)
    item = Item(
        id=uuid.uuid4(),
        kind="picture",
        digest=uuid.uuid4().hex,
        user_id=None,
        created_at=now(),
        picture=picture,
        findings=(finding,),
    )
    client = open_mongo(world.stack.run["mongo"])
    try:
        assert await ReviewStore(client["covergen_safety"], _nothing_to_send).keep(item)
    finally:
        client.close()
    return item.id


async def _nothing_to_send(subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]) -> None:
    raise AssertionError("an item that waits has nothing to tell")


def _review(word: str = "", body: Mapping[str, str] | None = None) -> Row:
    async def make(world: World) -> Asked:
        return Asked(path=f"/v1/admin/reviews/{await waiting_picture(world)}{word}", body=body)

    return Row(make=make)


REVIEW_ROWS: Mapping[str, Row] = {
    "GET /v1/admin/reviews": at("/v1/admin/reviews?status=waiting"),
    "GET /v1/admin/reviews/{review_id}": _review(),
    "GET /v1/admin/reviews/{review_id}/picture": _review("/picture"),
    "POST /v1/admin/reviews/{review_id}": _review("", RULING),
}
