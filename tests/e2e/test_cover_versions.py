"""Several pictures of a cover over HTTP: variations, other words, the same again, other formats, and which is shown."""

import io
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from PIL import Image

from tests.support.api import Api, Running, signed_up

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


async def made(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The cover when the task of this order has succeeded."""
    accepted = await api.call("POST", path, body)
    assert accepted.status == 202, accepted.body
    assert accepted.headers["location"] == f"/v1/tasks/{accepted.body['task_id']}"
    task = await api.ended(accepted.body["task_id"])
    assert task["status"] == "succeeded", task
    cover: dict[str, Any] = (await api.call("GET", f"/v1/covers/{accepted.body['cover_id']}")).body
    return cover


async def size_of(api: Api, path: str) -> tuple[int, int]:
    """Of the picture there."""
    answer = await api.call("GET", path)
    assert answer.status == 200
    with Image.open(io.BytesIO(answer.body)) as picture:
        return picture.size


@pytest.mark.asyncio(loop_scope="module")
async def test_the_life_of_a_cover_with_many_versions(api: Api) -> None:
    """Two pictures for two of the quota; other words, formats and the same again for none; a variation for one."""
    wish = {"title": "The Tide", "author": "A. Writer", "format": "thumbnail", "variations": 2, "seed": 5}
    cover = await made(api, "/v1/covers", wish)
    path = f"/v1/covers/{cover['cover_id']}"
    assert (await api.call("GET", "/v1/me/quota")).body["used"] == 2
    assert [each["version"] for each in cover["versions"]] == [1, 2]
    assert cover["shown_version"] == 1

    cover = await made(api, f"{path}/retype", {"title": "Ebb", "typography": "deco"})
    third = cover["versions"][2]
    assert (cover["title"], cover["shown_version"], third["kind"]) == ("Ebb", 3, "retype")
    assert third["art"] == cover["versions"][0]["art"]
    assert third["recipe"]["style_params"]["typography"] == "deco"

    cover = await made(api, f"{path}/regenerate", {"version": 2})
    fourth = cover["versions"][3]
    assert (fourth["reproduced"], fourth["composed_sha256"]) == (True, cover["versions"][1]["composed_sha256"])

    cover = await made(api, f"{path}/formats", {"formats": ["story"]})
    assert await size_of(api, f"{path}/versions/5/image") == (1080, 1920)
    assert await size_of(api, f"{path}/image") == (1280, 720)

    cover = await made(api, f"{path}/variations", {"count": 1})
    assert [each["kind"] for each in cover["versions"]] == [
        "order",
        "order",
        "retype",
        "regenerate",
        "format",
        "variation",
    ]
    quota = (await api.call("GET", "/v1/me/quota")).body
    assert (quota["used"], quota["reserved"]) == (3, 0)

    chosen = (await api.call("POST", f"{path}/choose", {"version": 5})).body
    assert (chosen["shown_version"], chosen["format"], chosen["title"]) == (5, "story", "Ebb")
    assert await size_of(api, f"{path}/image") == (1080, 1920)
    assert (await api.call("DELETE", path)).status == 204


@pytest.mark.asyncio(loop_scope="module")
async def test_versions_belong_to_their_owner(api: Api) -> None:
    """For anybody else there is no such cover; bad words are told by their field."""
    cover = await made(api, "/v1/covers", {"title": "The Tide", "format": "thumbnail"})
    path = f"/v1/covers/{cover['cover_id']}"
    async with signed_up(api.base) as other:
        orders: tuple[tuple[str, dict[str, object]], ...]
        orders = (("retype", {"title": "x"}), ("variations", {}), ("regenerate", {}), ("choose", {"version": 1}))
        for word, body in orders:
            assert (await other.call("POST", f"{path}/{word}", body)).status == 404, word
        assert (await other.call("GET", f"{path}/versions/1/image")).status == 404
    blocked = await api.call("POST", f"{path}/retype", {"title": "x" * 151})
    assert (blocked.status, blocked.body["errors"][0]["field"]) == (422, "title")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_link_shows_a_cover_to_a_stranger_until_it_is_taken_back(api: Api) -> None:
    """The version that it was made of, as a page and a picture; nothing from the next request on after it was taken
    back, or its cover deleted."""
    cover = await made(api, "/v1/covers", {"title": "The Tide", "author": "A. Writer", "format": "thumbnail"})
    path = f"/v1/covers/{cover['cover_id']}"
    pinned, following = [
        (await api.call("POST", f"{path}/shares", wish, Idempotency_Key=uuid.uuid4().hex)).body
        for wish in ({"allow_download": True}, {"follow": True})
    ]
    await made(api, f"{path}/retype", {"title": "Ebb"})
    stranger = Api(api.session, api.base)

    async def seen(link: dict[str, Any], more: str = "") -> tuple[int, bytes]:
        answer = await stranger.call("GET", urlsplit(link["url"]).path + more)
        return answer.status, answer.body if isinstance(answer.body, bytes) else b""

    assert b"The Tide" in (await seen(pinned))[1]
    assert b"Ebb" in (await seen(following))[1]
    first = (await api.call("GET", f"{path}/versions/1/image")).body
    assert await seen(pinned, "/image?download=1") == (200, first)
    assert (await seen(following, "/image?download=1"))[0] == 403
    assert {each["url"] for each in (await api.call("GET", f"{path}/shares")).body["items"]} == {
        each["url"] for each in (pinned, following)
    }
    held = (await api.call("GET", "/v1/me/data")).body["shares"]
    assert {each["share_id"] for each in held} == {pinned["share_id"], following["share_id"]}

    assert (await api.call("DELETE", f"{path}/shares/{pinned['share_id']}")).status == 204
    assert [(await seen(pinned, more))[0] for more in ("", "/image")] == [404, 404]
    assert (await api.call("DELETE", f"{path}/shares/{pinned['share_id']}")).status == 404
    assert (await seen(following))[0] == 200
    assert (await api.call("DELETE", path)).status == 204
    assert [(await seen(following, more))[0] for more in ("", "/image")] == [404, 404]
    assert (await api.call("GET", "/v1/me/data")).body["shares"] == []
