"""A brand kit over HTTP: a logo brought, a kit kept, covers made with it, made again without it, and all of it gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support.api import Api, Running, signed_up
from tests.support.logos import LOGOS, png
from tests.support.matrix_uploads import uploaded

pytestmark = pytest.mark.timeout(180)
KIT = "/v1/me/brand-kit"
PASSWORD = "correct horse battery"


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


async def made(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The cover when the task of this order has succeeded."""
    accepted = await api.call("POST", path, body)
    assert accepted.status == 202, accepted.body
    task = await api.ended(accepted.body["task_id"])
    assert task["status"] == "succeeded", task
    cover: dict[str, Any] = (await api.call("GET", f"/v1/covers/{accepted.body['cover_id']}")).body
    return cover


@pytest.mark.asyncio(loop_scope="module")
async def test_the_life_of_a_brand_kit(common_stack: Running, api: Api) -> None:
    """From the upload to a cover that is made again to the byte when kit and upload are gone, and to no account."""
    wish = {"title": "The Tide", "format": "thumbnail", "seed": 5, "brand": True}
    refused = await api.call("POST", "/v1/covers", wish)
    assert refused.status == 422
    assert refused.body["errors"] == [{"field": "brand", "detail": "you have no brand kit yet"}]
    async with aiohttp.ClientSession() as session:
        token = {"Authorization": f"Bearer {api.token}"}
        upload = await uploaded(session, common_stack.base, token, png(LOGOS["dark-mark"]), "logo")

    kit = {
        "typography": "classic",
        "palette": ["#162654", "#e96922"],
        "author": "Ada King",
        "author_style": {"case": "small_caps", "tracking": 0.08},
        "logo_upload_id": upload["upload_id"],
        "logo_position": "top",
    }
    kept = await api.call("PUT", KIT, kit)
    assert kept.status == 200, kept.body
    assert {name: kept.body[name] for name in kit} == kit | {"author_style": {**kit["author_style"], "weight": None}}
    assert (await api.call("GET", KIT)).body == kept.body
    assert (await api.call("GET", "/v1/me/data")).body["brand_kit"] == kept.body

    cover = await made(api, "/v1/covers", wish)
    path, first = f"/v1/covers/{cover['cover_id']}", cover["versions"][0]
    assert (cover["author"], first["recipe"]["style_params"]["typography"]) == ("Ada King", "classic")
    assert first["layout"]["logo"]["position"] == "top"
    assert first["layout"]["logo"]["sha256"] == kept.body["logo_sha256"]

    assert (await api.call("DELETE", f"/v1/uploads/{upload['upload_id']}")).status == 204
    assert (await api.call("PUT", KIT, {})).body["logo_upload_id"] is None
    cover = await made(api, f"{path}/regenerate", {})
    assert cover["versions"][1]["reproduced"] is True
    assert cover["versions"][1]["composed_sha256"] == first["composed_sha256"]
    assert (await api.call("POST", "/v1/covers", wish)).status == 422

    assert (await api.call("DELETE", "/v1/me", {"password": PASSWORD})).status == 204
    async with asyncio.timeout(10):
        while (await api.call("GET", KIT)).body.get("updated_at") is not None:
            await asyncio.sleep(0.05)
