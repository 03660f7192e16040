"""The routes of edit sessions at the edge: what is asked of the node, refusals that name the field, pictures."""

import uuid

import pytest

from contracts import edits
from contracts.errors import Conflict
from tests.edge.conftest import Edge


def path(edit_id: uuid.UUID, word: str = "") -> str:
    """The address of a session or of something of it."""
    return f"/v1/edits/{edit_id}" + (f"/{word}" if word else "")


async def test_a_session_is_created_at_its_address(edge: Edge) -> None:
    """201 with Location; the same key asks the node once."""
    body, key = {"cover_id": str(uuid.uuid4())}, {"Idempotency-Key": "k"}
    reply = await edge.ask("POST", "/v1/edits", json=body, headers=key)
    assert (reply.status, reply.headers["Location"]) == (201, path(reply.json["edit_id"]))
    assert (reply.json["current_version"], reply.json["edit_history"]) == (0, [])
    again = await edge.ask("POST", "/v1/edits", json=body, headers=key)
    assert (again.json, edge.world.count(edits.OPEN)) == (reply.json, 1)


async def test_an_operation_is_accepted_with_the_address_of_its_task(edge: Edge) -> None:
    """202 and Location of the task; the path says which session, whatever the body says."""
    mine = uuid.uuid4()
    body = {"op": "adjust", "brightness": 1, "warmth": -0.5, "edit_id": str(uuid.uuid4())}
    reply = await edge.ask("POST", path(mine, "operations"), json=body)
    assert (reply.status, reply.headers["Location"]) == (202, f"/v1/tasks/{reply.json['task_id']}")
    message, context = edge.world.last(edits.OPERATE)
    assert message == edits.Operate(edit_id=mine, op="adjust", brightness=1.0, warmth=-0.5)
    assert context.user_id == edge.user


@pytest.mark.parametrize(
    ("word", "body", "field"),
    [
        ("operations", {"op": "adjust", "brightness": 1.5}, "brightness"),
        ("operations", {"op": "adjust", "contrast": "much"}, "contrast"),
        ("operations", {"op": "adjust", "blur": 21}, "blur"),
        ("operations", {"op": "adjust", "sharpen": -0.1}, "sharpen"),
        ("operations", {"brightness": 0.5}, "op"),
        ("operations", {"op": "a b"}, "op"),
        ("checkout", {"version": -1}, "version"),
        ("checkout", {}, "version"),
    ],
)
async def test_bad_values_name_their_field(edge: Edge, word: str, body: dict[str, object], field: str) -> None:
    """422 before the node is asked."""
    reply = await edge.ask("POST", path(uuid.uuid4(), word), json=body)
    assert (reply.status, [error["field"] for error in reply.json["errors"]]) == (422, [field])
    assert edge.world.count(edits.OPERATE) == edge.world.count(edits.CHECKOUT) == 0


async def test_a_busy_session_is_a_conflict_that_says_when(edge: Edge) -> None:
    """409 with Retry-After, and a retry with the same key asks again."""
    edge.world.failing[edits.OPERATE.subject] = Conflict("An operation is under way.", retry_after=1)
    where, body, key = path(uuid.uuid4(), "operations"), {"op": "adjust", "blur": 1}, {"Idempotency-Key": "k"}
    reply = await edge.ask("POST", where, json=body, headers=key)
    assert (reply.status, reply.json["code"], reply.headers["Retry-After"]) == (409, "conflict", "1")
    edge.world.failing.clear()
    assert (await edge.ask("POST", where, json=body, headers=key)).status == 202


async def test_the_picture_of_a_version(edge: Edge) -> None:
    """PNG bytes with an ETag, 304 when the client has them, a file name on request; `version` is a number or 422."""
    mine = uuid.uuid4()
    edge.world.images[mine] = await edge.world.objects.put(str(mine), b"picture", "image/png")
    reply = await edge.ask("GET", path(mine, "image?version=3"))
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"picture", "image/png")
    assert edge.world.last(edits.IMAGE)[0] == edits.GetEditImage(edit_id=mine, version=3)
    kept = {"If-None-Match": reply.headers["ETag"]}
    assert (await edge.ask("GET", path(mine, "image"), headers=kept)).status == 304
    saved = await edge.ask("GET", path(mine, "image?download=1"))
    assert f'filename="cover-{mine}.png"' in saved.headers["Content-Disposition"]
    assert (await edge.ask("GET", path(mine, "image?version=x"))).status == 422
    assert (await edge.ask("GET", path(uuid.uuid4(), "image"))).status == 404


async def test_nobody_gets_nothing(edge: Edge) -> None:
    """Every route of sessions asks who it is; an id that is none is not found."""
    where = path(uuid.uuid4())
    for method, address in (("POST", "/v1/edits"), ("GET", "/v1/edits"), ("GET", where), ("POST", f"{where}/undo")):
        assert (await edge.ask(method, address, signed=False, json={})).status == 401
    assert (await edge.ask("GET", "/v1/edits/none")).status == 404


async def test_the_document_shows_what_there_is(edge: Edge) -> None:
    """OpenAPI lists the operations that exist, hides the id that the path gives, and has an example."""
    document = (await edge.ask("GET", "/openapi.json", signed=False)).json
    operation = document["paths"]["/v1/edits/{edit_id}/operations"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["schema"]["properties"]["op"]["enum"] == list(edits.OPERATIONS)
    assert "edit_id" not in content["schema"]["properties"]
    assert content["example"]["op"] == "adjust"
    assert {"202", "401", "404", "409", "422"} <= operation["responses"].keys()
