"""The routes of exports at the edge: what is asked of the node, and files that are streamed to be saved."""

import json
import uuid

import pytest

from contracts import exports
from contracts.errors import Conflict, FieldError, Invalid
from contracts.exports import StoredFile
from contracts.wire import ObjectRef
from tests.edge.conftest import Edge

DATA = bytes(range(256)) * 1024


async def a_file(edge: Edge, filename: str = "tides-jpeg-ebook.jpg") -> str:
    """A stored file of an export; its path."""
    export_id = uuid.uuid4()
    ref = await edge.world.objects.put(str(export_id), DATA, "image/jpeg")
    edge.world.files[export_id, "jpeg-ebook.jpg"] = StoredFile(object=ref, filename=filename)
    return f"/v1/exports/{export_id}/files/jpeg-ebook.jpg"


async def test_an_export_is_begun(edge: Edge) -> None:
    """202 with the task's address; the node gets what was asked for, who asks, and the key."""
    body = {"cover_id": str(uuid.uuid4()), "presets": ["png", "webp-web"], "options": {"quality": 70}}
    reply = await edge.ask("POST", "/v1/exports", json=body, headers={"Idempotency-Key": "k"})
    assert reply.status == 202
    assert reply.headers["Location"] == f"/v1/tasks/{reply.json['task_id']}"
    assert set(reply.json) == {"task_id", "export_id", "status"}
    message, context = edge.world.last(exports.CREATE)
    assert (str(message.cover_id), message.presets) == (body["cover_id"], ("png", "webp-web"))
    assert (message.options.quality, context.user_id, context.idempotency_key) == (70, edge.user, "k")
    again = await edge.ask("POST", "/v1/exports", json=body, headers={"Idempotency-Key": "k"})
    assert (again.json, edge.world.count(exports.CREATE)) == (reply.json, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"presets": []}, "presets"),
        ({"presets": ["png"] * 11}, "presets"),
        ({"presets": ["../png"]}, "presets[0]"),
        ({"cover_id": "x"}, "cover_id"),
        ({"options": {"quality": 200}}, "options.quality"),
    ],
)
async def test_a_bad_order_is_refused_at_once(edge: Edge, change: dict[str, object], field: str) -> None:
    """422 with the field, and no node is asked."""
    body = {"cover_id": str(uuid.uuid4()), "presets": ["png"], **change}
    reply = await edge.ask("POST", "/v1/exports", json=body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)
    assert edge.world.count(exports.CREATE) == 0


async def test_what_the_node_refuses_is_told(edge: Edge) -> None:
    """A preset that does not fit is named; a cover that is being made is 409 with a time to come back."""
    body = {"cover_id": str(uuid.uuid4()), "presets": ["jpeg-video"]}
    wrong = FieldError(field="presets[0]", detail="jpeg-video would have to be cropped")
    edge.world.failing[exports.CREATE.subject] = Invalid("jpeg-video does not fit.", errors=(wrong,))
    reply = await edge.ask("POST", "/v1/exports", json=body)
    assert (reply.status, reply.json["errors"]) == (422, [{"field": wrong.field, "detail": wrong.detail}])
    edge.world.failing[exports.CREATE.subject] = Conflict("being made", retry_after=1)
    reply = await edge.ask("POST", "/v1/exports", json=body)
    assert (reply.status, reply.headers["Retry-After"]) == (409, "1")


async def test_everything_but_the_presets_needs_a_user(edge: Edge) -> None:
    """401 without credentials; the presets are public and may be kept."""
    some = f"/v1/exports/{uuid.uuid4()}"
    calls = [("POST", "/v1/exports"), ("GET", "/v1/exports"), ("GET", some), ("DELETE", some)]
    for method, path in (*calls, ("GET", f"{some}/files/png.png")):
        assert (await edge.ask(method, path, signed=False, json={})).status == 401, path
    presets = await edge.ask("GET", "/v1/exports/presets", signed=False)
    assert (presets.status, presets.json) == (200, {"items": []})
    assert "max-age=3600" in presets.headers["Cache-Control"]


async def test_exports_are_read_and_removed(edge: Edge) -> None:
    """One by its id, all of a cover by the query, gone with 204; an id that is none is 404."""
    export_id, cover_id = uuid.uuid4(), uuid.uuid4()
    assert (await edge.ask("GET", f"/v1/exports/{export_id}")).json["export_id"] == str(export_id)
    assert (await edge.ask("GET", f"/v1/exports?cover_id={cover_id}&limit=5")).status == 200
    message, _ = edge.world.last(exports.LIST)
    assert (message.cover_id, message.limit) == (cover_id, 5)
    assert (await edge.ask("DELETE", f"/v1/exports/{export_id}")).status == 204
    assert edge.world.last(exports.DELETE)[0].export_id == export_id
    assert (await edge.ask("GET", "/v1/exports/nothing")).status == 404


async def test_a_file_is_streamed_to_be_saved(edge: Edge) -> None:
    """All bytes with type, length, name and tag; 304 for whoever has them; HEAD without bytes."""
    path = await a_file(edge)
    reply = await edge.ask("GET", path)
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, DATA, "image/jpeg")
    assert reply.headers["Content-Length"] == str(len(DATA))
    assert reply.headers["Content-Disposition"] == 'attachment; filename="tides-jpeg-ebook.jpg"'
    assert reply.headers["Cache-Control"].startswith("private, ")
    tag = {"If-None-Match": reply.headers["ETag"]}
    kept = await edge.ask("GET", path, headers=tag)
    assert (kept.status, kept.body) == (304, b"")
    head = await edge.ask("HEAD", path)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(DATA)), b"")


async def test_a_name_cannot_break_out_of_its_header(edge: Edge) -> None:
    """Whatever a node says, the file's name is letters, digits, dots, dashes and underscores."""
    reply = await edge.ask("GET", await a_file(edge, 'a"; x=\r\n/../b.jpg'))
    assert reply.headers["Content-Disposition"] == 'attachment; filename="a___x____.._b.jpg"'


async def test_a_file_that_is_not_there_is_a_problem(edge: Edge) -> None:
    """404 for another name, for one that no file can have, and when the bytes are gone."""
    path = await a_file(edge)
    assert (await edge.ask("GET", path.replace("ebook", "web"))).status == 404
    assert (await edge.ask("GET", path.replace("jpeg-ebook.jpg", "%2e%2e%2fx"))).status == 404
    ref = ObjectRef(key="x/" + "0" * 64, sha256="0" * 64, size=5, media_type="image/png")
    export_id = uuid.uuid4()
    edge.world.files[export_id, "png.png"] = StoredFile(object=ref, filename="x.png")
    gone = await edge.ask("GET", f"/v1/exports/{export_id}/files/png.png")
    assert (gone.status, gone.json["code"]) == (404, "not_found")


async def test_the_document_for_machines_knows_exports(edge: Edge) -> None:
    """OpenAPI has the routes, the statuses a node adds, and nothing of where files are kept."""
    document = json.loads((await edge.ask("GET", "/openapi.json", signed=False)).body)
    begin = document["paths"]["/v1/exports"]["post"]
    assert {"202", "404", "409", "422"} <= begin["responses"].keys()
    saved = document["paths"]["/v1/exports/{export_id}/files/{name}"]["get"]
    assert "image/*" in saved["responses"]["200"]["content"]
    assert {"CreateExport", "Export", "Preset"} <= document["components"]["schemas"].keys()
    assert "StoredFile" not in document["components"]["schemas"]
