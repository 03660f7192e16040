"""Provenance in a whole stack of the region cn: a cover, its edit and its export carry credentials and labels."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support import credentials
from tests.support.api import Api, Running, signed_up, whole_stack

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A stack as people run it there."""
    async with whole_stack(tmp_path_factory.mktemp("stack"), COVERGEN_REGION="cn-beijing") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(stack.base) as signed:
        yield signed


def history(data: bytes) -> list[list[str]]:
    """The actions of each manifest, oldest first; all of them are signed and whole, and the file is bound."""
    found = credentials.manifests(data)
    assert found
    assert all(each.signed and each.whole for each in found)
    assert credentials.bound(data)
    return [each.actions for each in found]


@pytest.mark.asyncio(loop_scope="module")
async def test_credentials_go_from_the_cover_through_edit_and_export(api: Api) -> None:
    """Read by the reader of our own from what a browser gets, and by the product's own route."""
    accepted = await api.order("The Salt Road", format="thumbnail", seed=7)
    assert (await api.ended(accepted.body["task_id"]))["status"] == "succeeded"
    path = f"/v1/covers/{accepted.body['cover_id']}"
    for address in (f"{path}/image", f"{path}/image?size=thumb"):
        assert history((await api.call("GET", address)).body) == [["c2pa.created", "c2pa.addedText"]]

    session = (await api.call("POST", "/v1/edits", {"cover_id": accepted.body["cover_id"]})).body
    edit = await api.call("POST", f"/v1/edits/{session['edit_id']}/operations", {"op": "adjust", "contrast": 0.2})
    assert (await api.ended(edit.body["task_id"]))["status"] == "succeeded"
    edited = (await api.call("GET", f"/v1/edits/{session['edit_id']}/image")).body
    assert history(edited)[-1] == ["c2pa.opened", "c2pa.edited"]
    assert (await api.call("POST", f"/v1/edits/{session['edit_id']}/save", {})).status == 201

    wish = {"cover_id": accepted.body["cover_id"], "presets": ["jpeg", "webp-web", "png"]}
    order = await api.call("POST", "/v1/exports", wish, Idempotency_Key=uuid.uuid4().hex)
    assert (await api.ended(order.body["task_id"]))["status"] == "succeeded"
    for name in ("jpeg.jpg", "webp-web.webp", "png.png"):
        data = (await api.call("GET", f"/v1/exports/{order.body['export_id']}/files/{name}")).body
        steps = history(data)
        assert [each[0] for each in steps] == ["c2pa.created", "c2pa.opened", "c2pa.opened"], name
        assert steps[-1][-1] == "c2pa.published"
        assert b"TC260:AIGC" in data

    told = (await api.call("GET", f"{path}/provenance")).body
    assert (told["valid"], told["trusted"], told["ingredients"][0]["relationship"]) == (True, False, "parentOf")
    assert {"iptc", "tc260-xmp", "tc260-png"} == {each["scheme"] for each in told["ai_labels"]}
    assert told["digital_source_type"].endswith("/algorithmicMedia")

    first = (await api.call("GET", f"{path}/provenance?version=1")).body
    assert (first["valid"], first["ingredients"]) == (True, [])
    assert [each["action"] for each in first["actions"]] == ["c2pa.created", "c2pa.addedText"]
    assert (await api.call("GET", f"{path}/provenance?version=9")).status == 404
