"""A request for each route of the table that succeeds when the owner (or who has the role) makes it."""

import dataclasses
import io
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from tests.support.matrix import Asked
from tests.support.matrix_partners import PARTNER_ROWS
from tests.support.matrix_reviews import REVIEW_ROWS
from tests.support.matrix_row import Row, at, fresh, own, owner_of
from tests.support.matrix_shares import SHARE_ROWS
from tests.support.matrix_uploads import UPLOAD_ROWS
from tests.support.matrix_world import PASSWORD, World


async def _register(_world: World) -> Asked:
    return Asked(path="/v1/auth/register", body={"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD})


async def _login(world: World) -> Asked:
    return Asked(path="/v1/auth/login", body={"email": world.ids["email"], "password": PASSWORD})


async def _refresh(world: World) -> Asked:
    return Asked(path="/v1/auth/refresh", body={"refresh_token": (await world.login())["refresh_token"]})


async def _page_refresh(world: World) -> Asked:
    return Asked(path="/session/refresh", headers=await world.browser(world.ids["email"]))


async def _page_login(world: World) -> Asked:
    return Asked(path="/session", body={"email": world.ids["email"], "password": PASSWORD})


async def _page_register(world: World) -> Asked:
    return Asked(path="/session/register", body=(await _register(world)).body)


async def _logout(world: World) -> Asked:
    return Asked(path="/v1/auth/logout", body={"refresh_token": (await world.login())["refresh_token"]})


async def _verify(world: World) -> Asked:
    return Asked(path="/v1/auth/verify-email", body={"token": world.proofs.pop()})


async def _reset(world: World) -> Asked:
    return Asked(path="/v1/auth/password/reset", body={"token": world.resets.pop(), "password": PASSWORD})


async def _session(world: World) -> Asked:
    await world.login()
    listed = (await world.made("GET", "/v1/me/sessions"))["items"]
    other = next(each for each in listed if not each["current"])
    return Asked(path=f"/v1/me/sessions/{other['id']}", owner=owner_of(world))


async def _key(world: World) -> Asked:
    made = await world.made("POST", "/v1/api-keys", {"name": "spare", "scopes": ["covers:read"]})
    return Asked(path=f"/v1/api-keys/{made['id']}", owner=owner_of(world))


def _order() -> dict[str, Any]:
    """Of a cover that nobody begins to paint while this runs."""
    return {"title": "Later", "start_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}


async def _new_cover(_world: World) -> Asked:
    return Asked(path="/v1/covers", body=_order())


async def _waiting_task(world: World) -> Asked:
    accepted = await world.made("POST", "/v1/covers", _order())
    return Asked(path=f"/v1/tasks/{accepted['task_id']}", owner=owner_of(world))


async def _unpainted_cover(world: World) -> Asked:
    accepted = await world.made("POST", "/v1/covers", _order())
    await world.made("DELETE", f"/v1/tasks/{accepted['task_id']}")
    await world.owner.ended(accepted["task_id"])
    await _until_cancelled(world, accepted["cover_id"])
    return Asked(path=f"/v1/covers/{accepted['cover_id']}", owner=owner_of(world))


def _further(word: str, body: dict[str, Any]) -> Row:
    """Of a cover without a picture, so that its owner is told of a conflict and nothing is made."""

    async def make(world: World) -> Asked:
        return Asked(path=f"{(await _unpainted_cover(world)).path}/{word}", body=body, owner=owner_of(world))

    return Row(make=make, status=409)


async def _until_cancelled(world: World, cover_id: str) -> None:
    while (await world.made("GET", f"/v1/covers/{cover_id}"))["status"] != "cancelled":
        pass  # the covers node hears of the end of a task by an event


async def _operation(world: World) -> Asked:
    edit = await world.made("POST", "/v1/edits", {"cover_id": world.ids["cover_id"]})
    body = {"op": "adjust", "contrast": 0.2}
    return Asked(path=f"/v1/edits/{edit['edit_id']}/operations", body=body, owner=owner_of(world))


async def _edit(world: World) -> Asked:
    edit = await world.made("POST", "/v1/edits", {"cover_id": world.ids["cover_id"]})
    return Asked(path=f"/v1/edits/{edit['edit_id']}", owner=owner_of(world))


async def _export(world: World) -> Asked:
    wish = {"cover_id": world.ids["cover_id"], "presets": ["thumbnail"]}
    made = await world.ended(await world.made("POST", "/v1/exports", wish))
    return Asked(path=f"/v1/exports/{made['export_id']}", owner=owner_of(world))


async def _own_style(world: World) -> Asked:
    body = {"template_id": world.ids["style"], "name": "Mine", "customizations": {"family": "ink"}}
    return Asked(path="/v1/me/templates", body=body)


async def _kept_style(world: World) -> Asked:
    made = await world.made("POST", "/v1/me/templates", (await _own_style(world)).body)
    return Asked(path=f"/v1/me/templates/{made['id']}", owner=owner_of(world))


async def _renamed_style(world: World) -> Asked:
    return dataclasses.replace(await _kept_style(world), body={"name": "Ours"})


async def _new_style(_world: World) -> Asked:
    look = {"category": "book", "prompt_template": "{prompt}", "style_params": {"family": "ink"}}
    return Asked(path="/v1/templates", body={"name": uuid.uuid4().hex, **look})


async def _style(world: World) -> Asked:
    made = await world.made("POST", "/v1/templates", (await _new_style(world)).body, by=world.admin)
    return Asked(path=f"/v1/templates/{made['id']}")


async def _changed_style(world: World) -> Asked:
    return Asked(path=(await _style(world)).path, body={"name": uuid.uuid4().hex})


def _dead(word: str = "") -> Row:
    async def make(world: World) -> Asked:
        return Asked(path=f"/v1/admin/dead-letters/{await world.dead_letter()}{word}")

    return fresh(make)


async def _file(_world: World) -> Asked:
    """A picture that says nothing of its origin."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return Asked(path="/v1/verify", raw=out.getvalue())


EDIT = "/v1/edits/{edit_id}"
TO_NEWEST = (f"{EDIT}/checkout", {"version": 1})


async def _socket(_world: World) -> Asked:
    """A WebSocket that speaks no protocol of ours, so that it ends as soon as it has begun."""
    names = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    return Asked(path="/graphql", headers={**names, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})


ROWS: Mapping[str, Row] = {
    "POST /v1/auth/register": fresh(_register),
    "POST /v1/auth/login": Row(make=_login),
    "POST /v1/auth/refresh": fresh(_refresh),
    "POST /v1/auth/logout": fresh(_logout),
    "GET /.well-known/jwks.json": at("/.well-known/jwks.json"),
    "POST /v1/auth/verify-email": fresh(_verify),
    "POST /v1/auth/verify-email/mail": at("/v1/auth/verify-email/mail"),
    "POST /v1/auth/password/forgot": at("/v1/auth/password/forgot", {"email": "nobody@example.org"}),
    "POST /v1/auth/password/reset": fresh(_reset),
    "GET /session": at("/session"),
    "POST /session": Row(make=_page_login),
    "POST /session/register": fresh(_page_register),
    "POST /session/refresh": fresh(_page_refresh),
    "DELETE /session": Row(make=at("/session").make, twin="everybody"),
    "GET /v1/me/sessions": at("/v1/me/sessions"),
    "DELETE /v1/me/sessions": Row(make=at("/v1/me/sessions").make, twin="users"),
    "DELETE /v1/me/sessions/{id}": fresh(_session),
    "GET /v1/api-keys": at("/v1/api-keys"),
    "POST /v1/api-keys": at("/v1/api-keys", {"name": "build", "scopes": ["covers:read"]}),
    "DELETE /v1/api-keys/{id}": fresh(_key),
    **PARTNER_ROWS,
    **REVIEW_ROWS,
    **UPLOAD_ROWS,
    "GET /v1/me": at("/v1/me"),
    "PATCH /v1/me": at("/v1/me", {"full_name": "Ada King"}),
    "DELETE /v1/me": Row(make=at("/v1/me", {"password": PASSWORD}).make, twin="users", refuses={"admin": 409}),
    "GET /v1/me/data": at("/v1/me/data"),
    "GET /v1/me/preferences": at("/v1/me/preferences"),
    "PUT /v1/me/preferences": at("/v1/me/preferences", {"language": "de", "email_notifications": False}),
    "GET /v1/me/brand-kit": at("/v1/me/brand-kit"),
    "PUT /v1/me/brand-kit": at("/v1/me/brand-kit", {"typography": "classic", "author": "Ada King"}),
    "GET /v1/me/quota": at("/v1/me/quota"),
    "GET /v1/me/templates": at("/v1/me/templates"),
    "POST /v1/me/templates": Row(make=_own_style),
    "PATCH /v1/me/templates/{template_id}": fresh(_renamed_style),
    "DELETE /v1/me/templates/{template_id}": fresh(_kept_style),
    "GET /v1/templates": at("/v1/templates"),
    "GET /v1/templates/categories": at("/v1/templates/categories"),
    "GET /v1/templates/{template_id}": own("/v1/templates/{style}"),
    "POST /v1/templates": fresh(_new_style),
    "PATCH /v1/templates/{template_id}": Row(make=_changed_style),
    "DELETE /v1/templates/{template_id}": fresh(_style),
    "POST /v1/covers": fresh(_new_cover),
    "GET /v1/covers": at("/v1/covers"),
    "GET /v1/covers/{cover_id}": own("/v1/covers/{cover_id}"),
    "DELETE /v1/covers/{cover_id}": fresh(_unpainted_cover),
    "GET /v1/covers/{cover_id}/image": own("/v1/covers/{cover_id}/image"),
    "GET /v1/covers/{cover_id}/versions/{version}/image": own("/v1/covers/{cover_id}/versions/1/image"),
    "POST /v1/covers/{cover_id}/choose": own("/v1/covers/{cover_id}/choose", {"version": 1}),
    "POST /v1/covers/{cover_id}/retype": _further("retype", {"title": "Sooner"}),
    "POST /v1/covers/{cover_id}/variations": _further("variations", {"count": 1}),
    "POST /v1/covers/{cover_id}/regenerate": _further("regenerate", {}),
    "POST /v1/covers/{cover_id}/formats": _further("formats", {"formats": ["square"]}),
    "POST /v1/edits": own("/v1/edits", {"cover_id": "{cover_id}"}),
    "GET /v1/edits": at("/v1/edits"),
    "GET /v1/edits/{edit_id}": own(EDIT),
    "DELETE /v1/edits/{edit_id}": fresh(_edit),
    "POST /v1/edits/{edit_id}/operations": fresh(_operation),
    "POST /v1/edits/{edit_id}/undo": own(f"{EDIT}/undo", before=(TO_NEWEST,)),
    "POST /v1/edits/{edit_id}/redo": own(f"{EDIT}/redo", before=(TO_NEWEST, (f"{EDIT}/undo", None))),
    "POST /v1/edits/{edit_id}/checkout": own(f"{EDIT}/checkout", {"version": 0}),
    "GET /v1/edits/{edit_id}/image": own(f"{EDIT}/image"),
    "POST /v1/edits/{edit_id}/save": own(f"{EDIT}/save"),
    "GET /v1/exports/presets": at("/v1/exports/presets"),
    "POST /v1/exports": own("/v1/exports", {"cover_id": "{cover_id}", "presets": ["png"]}),
    "GET /v1/exports": at("/v1/exports"),
    "GET /v1/exports/{export_id}": own("/v1/exports/{export_id}"),
    "GET /v1/exports/{export_id}/files/{name}": own("/v1/exports/{export_id}/files/{file}"),
    "DELETE /v1/exports/{export_id}": fresh(_export),
    "POST /v1/verify": Row(make=_file),
    "POST /webhooks/images/replicate": Row(make=at("/webhooks/images/replicate", {"id": "abc"}).make, status=404),
    **SHARE_ROWS,
    "GET /v1/covers/{cover_id}/provenance": own("/v1/covers/{cover_id}/provenance"),
    "GET /v1/tasks": at("/v1/tasks"),
    "GET /v1/tasks/{task_id}": own("/v1/tasks/{task_id}"),
    "DELETE /v1/tasks/{task_id}": fresh(_waiting_task),
    "GET /v1/tasks/{task_id}/events": own("/v1/tasks/{task_id}/events"),
    "GET /v1/notifications": at("/v1/notifications"),
    "POST /v1/notifications/{notification_id}/read": own("/v1/notifications/{note}/read"),
    "GET /v1/admin/dead-letters": at("/v1/admin/dead-letters"),
    "GET /v1/admin/dead-letters/{sequence}": _dead(),
    "DELETE /v1/admin/dead-letters/{sequence}": _dead(),
    "POST /v1/admin/dead-letters/{sequence}/replay": _dead("/replay"),
    "GET /v1/admin/tasks": at("/v1/admin/tasks"),
    "GET /v1/admin/tasks/{task_id}": own("/v1/admin/tasks/{task_id}"),
    "GET /v1/admin/audit": at("/v1/admin/audit"),
    "POST /graphql": at("/graphql", {"query": "{ __typename }"}),
    "GET /graphql": Row(make=_socket),
    "GET /healthz": at("/healthz"),
    "GET /readyz": at("/readyz"),
    "GET /metrics": at("/metrics"),
    "GET /openapi.json": at("/openapi.json"),
    "GET /asyncapi.json": at("/asyncapi.json"),
    "GET /docs": at("/docs"),
}
