"""Every route of the table, from HTTP to the node and back."""

import uuid
from typing import Any

import msgspec

from contracts import auth, covers, tasks, templates, users
from edge.routes import ROUTES
from tests.edge.conftest import Edge

BODIES: dict[str, Any] = {
    "/v1/auth/register": {"email": "ada@example.org", "password": "correct horse"},
    "/v1/auth/login": {"email": "ada@example.org", "password": "correct horse"},
    "/v1/auth/refresh": {"refresh_token": "r"},
    "/v1/auth/logout": {},
    "/v1/auth/verify-email": {"token": "t"},
    "/v1/auth/password/forgot": {"email": "ada@example.org"},
    "/v1/auth/password/reset": {"token": "t", "password": "battery staple"},
    "/v1/admin/keys/rotate": {"alg": "EdDSA", "at_once": False},
    "/v1/signing-keys": {"name": "build server", "algorithm": "hmac-sha256", "scopes": ["covers:read"]},
    "/v1/oauth/clients": {"name": "Shop", "redirect_uris": ["https://shop.example/b"], "scopes": ["openid"]},
    "/v1/admin/users/{id}/roles": {"roles": ["partner"]},
    "/v1/me/password": {"current_password": "correct horse", "new_password": "battery staple"},
    "/v1/api-keys": {"name": "build server", "scopes": ["covers:read"]},
    "/v1/me": {"full_name": "Ada King", "password": "correct horse"},
    "/v1/me/preferences": {"language": "de", "email_notifications": False},
    "/v1/me/brand-kit": {"typography": "classic", "palette": ["#1a2b3c"], "author_style": {"case": "small_caps"}},
    "/v1/me/templates": {"template_id": str(uuid.uuid4()), "name": "Mine", "customizations": {"family": "dunes"}},
    "/v1/me/templates/{template_id}": {"name": "Ours", "customizations": {"family": "dunes"}},
    "/v1/templates": {
        "name": "New",
        "category": "book",
        "prompt_template": "{prompt}",
        "style_params": {"family": "dunes"},
    },
    "/v1/templates/{template_id}": {"name": "Newer"},
    "/v1/covers": {"title": "The Salt Road"},
    "/v1/admin/reviews/{review_id}": {"decision": "release"},
    "/v1/covers/{cover_id}/choose": {"version": 1},
    "/v1/covers/{cover_id}/retype": {"title": "The Salt Road"},
    "/v1/covers/{cover_id}/variations": {"count": 2},
    "/v1/covers/{cover_id}/regenerate": {},
    "/v1/covers/{cover_id}/formats": {"formats": ["square"]},
    "/v1/covers/{cover_id}/shares": {"expires_in_days": 7},
    "/v1/exports": {"cover_id": str(uuid.uuid4()), "presets": ["jpeg-ebook"]},
    "/v1/edits": {"cover_id": str(uuid.uuid4())},
    "/v1/edits/{edit_id}/operations": {"op": "adjust", "brightness": 0.5},
    "/v1/edits/{edit_id}/checkout": {"version": 0},
}
CALLS = [route for route in ROUTES if route.handler == "call"]


async def test_every_plain_route_answers_with_its_status(edge: Edge) -> None:
    """A good request to each route of the table is answered with the table's status and the contract's type."""
    known = uuid.uuid4()
    edge.world.owners[known] = edge.user
    for route in CALLS:
        path = route.path.format_map({**dict.fromkeys(route.fields, known), "sequence": 7})
        body = {"json": BODIES[route.path]} if route.body != "none" else {}
        roles = {"roles": ("user", "admin")} if route.access in ("partner", "admin") else {}
        signed = edge.world.bearer(edge.user, **roles) if route.access != "public" else {}
        reply = await edge.ask(route.method, path, signed=False, headers=signed, **body)
        assert reply.status == route.status, (route.name, reply.body)
        assert route.contract is not None
        assert edge.world.count(route.contract) >= 1, route.name
        if route.status == 204:
            assert reply.body == b"", route.name
        else:
            assert reply.headers["Content-Type"] == "application/json", route.name
            msgspec.json.decode(reply.body, type=route.contract.reply)


async def test_a_cover_is_accepted_with_the_address_of_its_task(edge: Edge) -> None:
    """POST /v1/covers gives 202, ids, and Location of the task; the node gets user, tier and request id."""
    reply = await edge.ask(
        "POST", "/v1/covers", json={"title": "The Salt Road", "seed": 7}, headers={"X-Request-ID": "my-own.1"}
    )
    assert reply.status == 202
    assert reply.headers["Location"] == f"/v1/tasks/{reply.json['task_id']}"
    message, context = edge.world.last(covers.GENERATE)
    assert (message.title, message.seed) == ("The Salt Road", 7)
    assert (context.user_id, context.tier, context.request_id) == (edge.user, "free", "my-own.1")
    assert context.deadline is not None


async def test_query_values_reach_the_contract_with_their_types(edge: Edge) -> None:
    """`limit` arrives as a number and `premium` as a boolean."""
    reply = await edge.ask("GET", "/v1/templates?limit=5&premium=false&q=red%20dunes&other=1", signed=False)
    assert reply.status == 200
    message, _ = edge.world.last(templates.LIST)
    assert (message.limit, message.premium, message.q) == (5, False, "red dunes")


async def test_the_path_wins_over_the_body(edge: Edge) -> None:
    """A template id in the body of a PATCH cannot redirect the change."""
    wanted, other = uuid.uuid4(), uuid.uuid4()
    admin = edge.world.bearer(edge.user, roles=("user", "admin"))
    body = {"name": "New name", "template_id": str(other)}
    reply = await edge.ask("PATCH", f"/v1/templates/{wanted}", json=body, headers=admin)
    assert reply.status == 200
    message, _ = edge.world.last(templates.UPDATE)
    assert message == templates.UpdateTemplate(template_id=wanted, name="New name")


async def test_logout_takes_the_session_from_the_token_only(edge: Edge) -> None:
    """A session id in the body is ignored; the one of the access token is used."""
    session = uuid.uuid4()
    signed = edge.world.bearer(edge.user, sid=session)
    body = {"session_id": str(uuid.uuid4())}
    assert (await edge.ask("POST", "/v1/auth/logout", json=body, headers=signed)).status == 204
    assert edge.world.last(auth.LOGOUT)[0].session_id == session
    assert (await edge.ask("POST", "/v1/auth/logout", headers=signed)).status == 204
    anonymous = await edge.ask("POST", "/v1/auth/logout", signed=False, json={**body, "refresh_token": "r"})
    assert anonymous.status == 204
    message, context = edge.world.last(auth.LOGOUT)
    assert (message.refresh_token, message.session_id, context.user_id) == ("r", None, None)


async def test_nobody_reads_another_profile_through_the_query(edge: Edge) -> None:
    """`user_id` is a field of the contract but no parameter of the route."""
    reply = await edge.ask("GET", f"/v1/me?user_id={uuid.uuid4()}")
    assert reply.json["id"] == str(edge.user)
    assert edge.world.last(users.GET)[0].user_id is None


async def test_a_trace_is_carried_on(edge: Edge) -> None:
    """A good traceparent reaches the node; a bad one is replaced, and the new trace's id is the request id."""
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await edge.ask("GET", "/v1/me", headers={"traceparent": good})
    assert edge.world.last(users.GET)[1].traceparent == good
    reply = await edge.ask("GET", "/v1/me", headers={"traceparent": "00-zz", "X-Request-ID": "bad id\t"})
    context = edge.world.last(users.GET)[1]
    assert context.traceparent is not None
    assert reply.headers["X-Request-ID"] == context.request_id == context.traceparent.split("-")[1]


async def test_cancelling_asks_for_the_callers_task(edge: Edge) -> None:
    """DELETE /v1/tasks/{id} cancels the own task; another's is 404."""
    mine, others = uuid.uuid4(), uuid.uuid4()
    edge.world.owners = {mine: edge.user, others: uuid.uuid4()}
    assert (await edge.ask("DELETE", f"/v1/tasks/{mine}")).json["task_id"] == str(mine)
    assert (await edge.ask("DELETE", f"/v1/tasks/{others}")).status == 404
    assert edge.world.count(tasks.CANCEL) == 2


async def test_head_and_options(edge: Edge) -> None:
    """HEAD gives the headers of GET without its body; OPTIONS names the methods."""
    get = await edge.ask("GET", "/v1/templates", signed=False)
    head = await edge.ask("HEAD", "/v1/templates", signed=False)
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", get.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(get.body))
    options = await edge.ask("OPTIONS", "/v1/covers", signed=False)
    assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
