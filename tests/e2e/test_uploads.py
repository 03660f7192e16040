"""Pictures that users bring, in a whole stack: uploaded, checked, edited by a mask, listed, told and removed."""

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw

from tests.support.api import Api, Running, signed_up
from tests.support.matrix_uploads import picture, uploaded
from tests.support.matrix_world import bearer

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


def mask(size: tuple[int, int]) -> bytes:
    """White is the middle."""
    image, (width, height) = Image.new("L", size), size
    ImageDraw.Draw(image).rectangle((width // 3, height // 3, 2 * width // 3, 2 * height // 3), fill=255)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def bring(api: Api, data: bytes, purpose: str = "image") -> Any:
    return await uploaded(api.session, api.base, bearer(api), data, purpose)


async def pixels(api: Api, path: str) -> Any:
    answer = await api.call("GET", path)
    assert answer.status == 200, answer.body
    with Image.open(io.BytesIO(answer.body)) as image:
        return np.asarray(image.convert("RGB")).copy()


async def test_uploads_are_kept_listed_told_and_removed(api: Api) -> None:
    """The same picture at the same time is one upload; it is in the document of everything, and gone after DELETE."""
    made = await asyncio.gather(*(bring(api, picture(5)) for _ in range(3)))
    assert len({each["upload_id"] for each in made}) == 1
    where = f"/v1/uploads/{made[0]['upload_id']}"
    last = await bring(api, picture(5))
    assert (await api.call("GET", where)).body == last
    assert np.array_equal(await pixels(api, f"{where}/image"), np.asarray(Image.open(io.BytesIO(picture(5)))))
    listed = (await api.call("GET", "/v1/uploads")).body
    assert [each["upload_id"] for each in listed["items"]] == [made[0]["upload_id"]]
    assert (await api.call("GET", "/v1/me/data")).body["uploads"] == listed["items"]
    assert (await api.call("DELETE", where)).status == 204
    assert (await api.call("GET", where)).status == (await api.call("GET", f"{where}/image")).status == 404


async def test_what_shows_nothing_is_refused(api: Api) -> None:
    """By the real classifier's own look, with the field, and nothing is kept."""
    out = io.BytesIO()
    Image.new("RGB", (128, 128), "grey").save(out, "PNG")
    form = aiohttp.FormData()
    form.add_field("file", out.getvalue(), filename="grey.png", content_type="image/png")
    async with api.session.post(f"{api.base}/v1/uploads", data=form, headers=bearer(api)) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["errors"][0]["field"]) == (422, "invalid", "file")
    assert (await api.call("GET", "/v1/uploads")).body["items"] == []


async def test_an_upload_is_edited(api: Api) -> None:
    """A part is painted anew, then the canvas grows; the task says in words what is done, and others see none of it."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((320, 240)).convert("RGB").save(out, "PNG")
    photo, spot = await bring(api, out.getvalue()), await bring(api, mask((320, 240)), "mask")
    opened = await api.call("POST", "/v1/edits", {"upload_id": photo["upload_id"]})
    assert (opened.status, opened.body["upload_id"], opened.body["cover_id"]) == (201, photo["upload_id"], None)
    where = f"/v1/edits/{opened.body['edit_id']}"
    orders: tuple[dict[str, Any], ...] = (
        {"op": "replace", "prompt": "a ship at sea", "mask_upload_id": spot["upload_id"], "seed": 4},
        {"op": "expand", "right": 80},
    )
    for order in orders:
        begun = await api.call("POST", f"{where}/operations", order)
        assert begun.status == 202, begun.body
        task = await api.ended(begun.body["task_id"])
        assert (task["status"], task["cover_id"], task["result_urls"]) == ("succeeded", None, [f"{where}/image"])
    before, painted, grown = [await pixels(api, f"{where}/image?version={number}") for number in range(3)]
    assert np.array_equal(before[:40], painted[:40])
    assert not np.array_equal(before[100:140, 120:200], painted[100:140, 120:200])
    assert np.array_equal(grown[:, :320], painted)
    shown = (await api.call("GET", where)).body
    assert [each["painted_by"] for each in shown["edit_history"]] == ["painter", "painter"]
    assert shown["edit_history"][0]["prompt"] == "a ship at sea"
    assert (await api.call("POST", f"{where}/save")).status == 409


async def test_words_and_masks_are_looked_at_first(api: Api) -> None:
    """A prompt that the rules refuse is 422 before anything begins; so is a mask that is nobody's."""
    photo, spot = await bring(api, picture(9)), await bring(api, mask((80, 64)), "mask")
    where = f"/v1/edits/{(await api.call('POST', '/v1/edits', {'upload_id': photo['upload_id']})).body['edit_id']}"
    for order, code, field in (
        ({"op": "replace", "mask_upload_id": spot["upload_id"], "prompt": "naked child"}, "content_refused", "prompt"),
        ({"op": "erase", "mask_upload_id": str(uuid.uuid4())}, "invalid", "mask_upload_id"),
    ):
        answer = await api.call("POST", f"{where}/operations", order)
        assert (answer.status, answer.body["code"]) == (422, code), answer.body
        assert {each["field"] for each in answer.body["errors"]} == {field}
