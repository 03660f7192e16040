"""Files of a cover over HTTP, from the whole product as a process: ordered, watched, saved, opened, removed."""

import asyncio
import hashlib
import io
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests.support.api import Answer, Api, Running, signed_up

pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


async def a_cover(api: Api) -> str:
    """A finished cover of 1280 x 720."""
    accepted = await api.order("The Salt Road", format="thumbnail", seed=3)
    assert (await api.ended(accepted.body["task_id"]))["status"] == "succeeded"
    return str(accepted.body["cover_id"])


async def export(api: Api, cover_id: str, *presets: str, key: str = "") -> Answer:
    """POST /v1/exports."""
    headers = {"Idempotency_Key": key or uuid.uuid4().hex}
    return await api.call("POST", "/v1/exports", {"cover_id": cover_id, "presets": presets}, **headers)


def objects_of(stack: Running, export_id: str) -> list[Path]:
    """The stored files of an export."""
    return list((stack.home / "objects" / export_id).glob("*"))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cover_is_exported_saved_and_removed(api: Api, common_stack: Running) -> None:
    """From the presets to the files on disk: each is what its preset and its checks say; afterwards nothing is left."""
    cover_id = await a_cover(api)
    offered = {each["name"]: each for each in (await api.call("GET", "/v1/exports/presets")).body["items"]}
    key = uuid.uuid4().hex
    accepted = await export(api, cover_id, "jpeg-video", "webp-web", key=key)
    assert accepted.status == 202, accepted.body
    assert accepted.headers["location"] == f"/v1/tasks/{accepted.body['task_id']}"
    export_id = accepted.body["export_id"]

    task = await api.ended(accepted.body["task_id"])
    assert (task["status"], task["type"], task["progress"]) == ("succeeded", "export", 1.0)
    assert task["result_urls"] == [f"/v1/exports/{export_id}"]
    shown = (await api.call("GET", task["result_urls"][0])).body
    assert (shown["status"], shown["cover_id"], len(shown["files"])) == ("ready", cover_id, 2)
    for file in shown["files"]:
        saved = await api.call("GET", file["url"])
        image = Image.open(io.BytesIO(saved.body))
        image.load()
        assert (saved.status, saved.headers["content-type"]) == (200, file["media_type"])
        assert (len(saved.body), hashlib.sha256(saved.body).hexdigest()) == (file["size"], file["sha256"])
        assert (image.size, image.mode) == ((file["width"], file["height"]), "RGB")
        assert len(saved.body) <= offered[file["preset"]]["max_bytes"]
        assert all(check["ok"] for check in file["checks"])
        if file["preset"] == "jpeg-video":
            assert (image.format, image.size, image.info["dpi"]) == ("JPEG", (1280, 720), (72, 72))
            assert saved.headers["content-disposition"] == 'attachment; filename="the-salt-road-jpeg-video.jpg"'

    again = await export(api, cover_id, "jpeg-video", "webp-web", key=key)
    assert again.body == accepted.body
    assert [each["export_id"] for each in (await api.call("GET", "/v1/me/data")).body["exports"]] == [export_id]
    inbox = (await api.call("GET", "/v1/notifications")).body["items"]
    assert "export_ready" in [note["kind"] for note in inbox]
    assert (await api.call("GET", "/v1/me/quota")).body["used"] == 1, "an export costs no quota"
    assert len(objects_of(common_stack, export_id)) == 2
    assert (await api.call("DELETE", f"/v1/exports/{export_id}")).status == 204
    assert (await api.call("GET", f"/v1/exports/{export_id}")).status == 404
    assert objects_of(common_stack, export_id) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_exported_is_refused(api: Api, common_stack: Running) -> None:
    """A preset that does not fit is 422 and named, a cover that is being made 409, a stranger's 404."""
    accepted = await api.order("Another Road", format="thumbnail")
    assert (await export(api, accepted.body["cover_id"], "png")).status == 409
    await api.ended(accepted.body["task_id"])
    refused = await export(api, accepted.body["cover_id"], "png", "jpeg-ebook")
    assert refused.status == 422
    assert refused.body["errors"][0]["field"] == "presets[1]"
    assert "jpeg-ebook is 1600 x 2560 pixels" in refused.body["detail"]
    async with signed_up(common_stack.base) as stranger:
        assert (await export(stranger, accepted.body["cover_id"], "png")).status == 404
    assert (await api.call("GET", "/v1/exports")).body["items"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_the_end_of_an_account_takes_its_files(common_stack: Running) -> None:
    """DELETE /v1/me removes what was exported, too."""
    async with signed_up(common_stack.base) as api:
        accepted = await export(api, await a_cover(api), "thumbnail")
        await api.ended(accepted.body["task_id"])
        assert len(objects_of(common_stack, accepted.body["export_id"])) == 1
        assert (await api.call("DELETE", "/v1/me", {"password": "correct horse battery"})).status == 204
        async with asyncio.timeout(15):
            while objects_of(common_stack, accepted.body["export_id"]):
                await asyncio.sleep(0.1)
