"""Editing a cover over HTTP in a whole stack: adjusted, undone, redone, cancelled, and saved as a new version."""

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageStat

from tests.support.api import Answer, Api, Running, signed_up

pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


async def a_session(api: Api) -> dict[str, Any]:
    """A session on a small cover of the caller."""
    accepted = await api.order("The Salt Road", format="thumbnail", seed=7)
    assert (await api.ended(accepted.body["task_id"]))["status"] == "succeeded"
    opened = await api.call("POST", "/v1/edits", {"cover_id": accepted.body["cover_id"]})
    assert opened.status == 201, opened.body
    session: dict[str, Any] = opened.body
    return session


async def picture(api: Api, path: str) -> tuple[bytes, float]:
    """The bytes at an address and the mean of their grey."""
    answer = await api.call("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.body)) as image:
        return answer.body, ImageStat.Stat(image.convert("L")).mean[0]


async def adjust(api: Api, where: str, **values: float) -> Answer:
    """Begin an adjustment."""
    return await api.call("POST", f"{where}/operations", {"op": "adjust", **values})


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cover_is_edited_and_saved(api: Api) -> None:
    """Brighter, back, forth; the cover changes only by saving, and then has two versions."""
    session = await a_session(api)
    where, cover = f"/v1/edits/{session['edit_id']}", f"/v1/covers/{session['cover_id']}"
    quota = (await api.call("GET", "/v1/me/quota")).body
    before, grey = await picture(api, f"{cover}/image")
    assert (await picture(api, f"{where}/image"))[0] == before

    accepted = await adjust(api, where, brightness=0.4, saturation=-0.5)
    assert (accepted.status, accepted.headers["location"]) == (202, f"/v1/tasks/{accepted.body['task_id']}")
    task = await api.ended(accepted.body["task_id"])
    assert (task["status"], task["type"], task["result_urls"]) == ("succeeded", "edit", [f"{where}/image"])
    after, brighter = await picture(api, f"{where}/image")
    assert brighter > grey + 15
    assert (await picture(api, f"{cover}/image"))[0] == before

    for word, version, shown in (("undo", 0, before), ("redo", 1, after), ("undo", 0, before)):
        assert (await api.call("POST", f"{where}/{word}")).body["current_version"] == version
        assert (await picture(api, f"{where}/image"))[0] == shown
    assert (await api.call("POST", f"{where}/undo")).status == 409
    assert (await api.call("POST", f"{where}/checkout", {"version": 1})).body["current_version"] == 1

    saved = await api.call("POST", f"{where}/save")
    assert (saved.status, saved.body["cover_version"]) == (201, 2)
    assert (await picture(api, f"{cover}/image"))[0] == after
    assert (await picture(api, f"{cover}/image?size=thumb"))[1] > grey + 15
    versions = (await api.call("GET", cover)).body["versions"]
    assert [each["version"] for each in versions] == [1, 2]
    assert (await api.call("GET", "/v1/me/quota")).body == quota
    inbox = (await api.call("GET", "/v1/notifications")).body["items"]
    assert [each["link"] for each in inbox if each["kind"] == "edit_ready"] == [where]
    data = (await api.call("GET", "/v1/me/data")).body
    assert [each["edit_id"] for each in data["edits"]] == [session["edit_id"]]

    assert (await api.call("DELETE", where)).status == 204
    assert (await api.call("GET", where)).status == 404
    assert (await picture(api, f"{cover}/image"))[0] == after


@pytest.mark.asyncio(loop_scope="module")
async def test_two_at_once_and_a_cancelled_one(api: Api) -> None:
    """Of two operations one wins; cancelled, it leaves the session as it was and free for the next."""
    session = await a_session(api)
    where = f"/v1/edits/{session['edit_id']}"
    answers = await asyncio.gather(adjust(api, where, blur=20), adjust(api, where, blur=20))
    assert sorted(each.status for each in answers) == [202, 409]
    won = next(each for each in answers if each.status == 202)
    cancelled = await api.call("DELETE", f"/v1/tasks/{won.body['task_id']}")
    ended = await api.ended(won.body["task_id"])
    now = (await api.call("GET", where)).body
    if cancelled.status == 200:
        assert (ended["status"], now["current_version"], now["edit_history"]) == ("cancelled", 0, [])
    else:  # it was past its commit point
        assert (cancelled.status, ended["status"], now["current_version"]) == (409, "succeeded", 1)
    assert now["running_task_id"] is None
    assert (await adjust(api, where, warmth=0.5)).status == 202


@pytest.mark.asyncio(loop_scope="module")
async def test_refusals(common_stack: Running, api: Api) -> None:
    """What is not there, or missing, is named; a stranger finds nothing."""
    session = await a_session(api)
    where = f"/v1/edits/{session['edit_id']}"
    sharpen = await api.call("POST", f"{where}/operations", {"op": "sharpen_all", "sharpen": 1})
    assert (sharpen.status, sharpen.body["errors"][0]["field"]) == (422, "op")
    assert "adjust" in sharpen.body["errors"][0]["detail"]
    inpaint = await api.call("POST", f"{where}/operations", {"op": "inpaint", "prompt": "a moon"})
    assert (inpaint.status, inpaint.body["errors"][0]["field"]) == (422, "mask_upload_id")
    nowhere = await api.call("POST", f"{where}/checkout", {"version": 9})
    assert (nowhere.status, nowhere.body["errors"][0]["field"]) == (422, "version")
    assert (await api.call("POST", "/v1/edits", {"cover_id": str(uuid.uuid4())})).status == 404
    async with signed_up(common_stack.base) as stranger:
        assert (await stranger.call("GET", where)).status == 404
        assert (await stranger.call("GET", f"{where}/image")).status == 404
        assert (await adjust(stranger, where, blur=1)).status == 404
        assert (await stranger.call("POST", "/v1/edits", {"cover_id": session["cover_id"]})).status == 404
