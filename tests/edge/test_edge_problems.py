"""Every way to be refused: a problem with a status, a stable code and no secrets."""

import asyncio
import io
import uuid
import zlib
from typing import Any

import pytest

from adapters.signed_tokens import SigningKey
from adapters.telemetry import Batch, JsonLines
from contracts import auth, covers, tasks, templates, users
from contracts.errors import Unavailable
from edge.middleware.observe import BATCH_SECONDS
from edge.routes import ROUTES
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World, the_nodes


def assert_problem(reply: Reply, status: int, code: str, field: str | None = None, what: object = "") -> None:
    """The reply is a problem of that kind."""
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json"), (what, reply.body)
    assert (reply.json["status"], reply.json["code"]) == (status, code), what
    assert reply.json["title"]
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'self'")
    if field is not None:
        assert [error["field"] for error in reply.json["errors"]] == [field], what


JSON_TYPE = {"Content-Type": "application/json"}


BAD_BODIES = (
    (b"{", 400, "malformed", None),
    (b"", 400, "malformed", None),
    (b'{"title": "\xff"}', 400, "malformed", None),
    (b"[" * 100_000, 422, "invalid", "body"),
    (b'{"title":' + b"[" * 100_000, 422, "invalid", "title"),
    (b'{"title":"x","unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "malformed", None),
    (b"[]", 422, "invalid", "body"),
    (b"null", 422, "invalid", "body"),
    (b"{}", 422, "invalid", "title"),
    (b'{"title": 5}', 422, "invalid", "title"),
    (b'{"title": ""}', 422, "invalid", "title"),
    (b'{"title": "   "}', 422, "invalid", "title"),
    (b'{"title": "x", "seed": -1}', 422, "invalid", "seed"),
    (b'{"title": "x", "format": "vinyl"}', 422, "invalid", "format"),
    (b'{"title": "x", "palette": ["#123456", "red"]}', 422, "invalid", "palette[1]"),
    (b'{"title": "x", "template_id": "no"}', 422, "invalid", "template_id"),
    (b'{"title": "over quota"}', 402, "over_quota", None),
    (b'{"title": "unexpected"}', 500, "internal", None),
)


async def test_a_bad_body_is_refused(edge: Edge) -> None:
    """Malformed JSON is 400, a broken rule 422 with the field's name; nothing of an unexpected error gets out."""
    for body, status, code, field in BAD_BODIES:
        asked = edge.world.count(covers.GENERATE)
        reply = await edge.ask("POST", "/v1/covers", data=body, headers=JSON_TYPE)
        assert_problem(reply, status, code, field, body[:50])
        assert b"secret" not in reply.body
        assert edge.world.count(covers.GENERATE) == (asked if status in (400, 422) else asked + 1), body[:50]


BAD_ADDRESSES = (
    ("GET", "/v1/nothing", 404, "not_found", None),
    ("GET", "/v1/covers/not-a-uuid", 404, "not_found", None),
    ("GET", "/v1/tasks/not-a-uuid/events", 404, "not_found", None),
    ("GET", f"/v1/tasks/{uuid.uuid4()}", 404, "not_found", None),
    ("GET", "/v1/covers?status=lost", 422, "invalid", "status"),
    ("GET", "/v1/covers?limit=0", 422, "invalid", "limit"),
    ("GET", "/v1/covers?limit=ten", 422, "invalid", "limit"),
    ("GET", "/v1/templates?premium=perhaps", 422, "invalid", "premium"),
    ("GET", f"/v1/covers/{uuid.uuid4()}/image?size=huge", 422, "invalid", "size"),
    ("GET", f"/v1/covers/{uuid.uuid4()}/image", 409, "conflict", None),
    ("PUT", "/v1/covers", 405, "method_not_allowed", None),
    ("POST", "/healthz", 405, "method_not_allowed", None),
    ("PROPFIND", "/v1/covers", 405, "method_not_allowed", None),
    ("DELETE", f"/v1/templates/{uuid.uuid4()}", 403, "forbidden", None),
)


async def test_a_bad_address_or_value_is_refused(edge: Edge) -> None:
    """Unknown paths, ids that cannot exist, values out of range, methods that are not there, missing rights."""
    for method, path, status, code, field in BAD_ADDRESSES:
        reply = await edge.ask(method, path)
        assert_problem(reply, status, code, field, path)
        assert ("GET" in reply.headers.get("Allow", "")) is (status == 405), path


MEDIA = (
    ("text/plain", 415),
    ("application/x-www-form-urlencoded", 415),
    ("application/json; charset=latin-1", 415),
    ("application/json; charset=UTF-8", 202),
    ("application/merge-patch+json", 202),
)


async def test_only_json_is_taken(edge: Edge) -> None:
    """Another media type or character set is 415."""
    for media, status in MEDIA:
        reply = await edge.ask("POST", "/v1/covers", data=b'{"title":"x"}', headers={"Content-Type": media})
        assert reply.status == status, media
        if status == 415:
            assert_problem(reply, 415, "unsupported_media_type", what=media)


async def test_a_body_above_the_limit_is_refused(edge: Edge) -> None:
    """Above 1 MiB is 413, announced or not; the node hears nothing."""
    big = b'{"title":"x","prompt":"' + b"a" * 1024 * 1024 + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(big), 65536):
            yield big[start : start + 65536]

    assert_problem(await edge.ask("POST", "/v1/covers", data=io.BytesIO(big), headers=JSON_TYPE), 413, "too_large")
    assert_problem(await edge.ask("POST", "/v1/covers", data=pieces(), headers=JSON_TYPE), 413, "too_large")
    assert edge.world.count(covers.GENERATE) == 0


async def test_a_packed_body_is_refused(edge: Edge) -> None:
    """Whatever is in it, and however small it is, it is not unpacked: 415, which says what is taken."""
    bomb = zlib.compress(b'{"title":"' + b"a" * 50_000_000 + b'"}', 9)
    for encoding, body in (("deflate", bomb), ("gzip", b"{}"), ("br", b"x"), ("gzip, gzip", b"x"), ("unknown", b"{}")):
        headers = {**JSON_TYPE, "Content-Encoding": encoding}
        reply = await edge.ask("POST", "/v1/covers", data=body, headers=headers)
        assert_problem(reply, 415, "unsupported_media_type", what=encoding)
        assert reply.headers["Accept-Encoding"] == "identity"
    assert edge.world.count(covers.GENERATE) == 0
    plain = {**JSON_TYPE, "Content-Encoding": "identity"}
    assert (await edge.ask("POST", "/v1/covers", data=b'{"title": "x"}', headers=plain)).status == 202


async def test_a_request_id_is_taken_only_when_it_is_clean(edge: Edge) -> None:
    """Up to 128 of letters, digits, dot, underscore and dash; anything else is replaced."""
    for given, kept in (("a" * 128, True), ("a" * 129, False), ("a b", False), ("ü", False), ("x/y", False)):
        reply = await edge.ask("GET", "/v1/nothing", headers={"X-Request-ID": given})
        assert (reply.headers["X-Request-ID"] == given) is kept


async def test_a_node_that_is_down_is_503(nats_url: str, redis: Any, world: World) -> None:
    """Nobody listens: 503 with Retry-After, at once and not after the timeout; the others serve on."""
    others = ("auth", "templates")
    async with the_nodes(nats_url, world, others), an_edge(nats_url, redis, world) as edge:
        async with asyncio.timeout(1):
            reply = await edge.ask("POST", "/v1/covers", json={"title": "x"})
        assert_problem(reply, 503, "unavailable")
        assert reply.headers["Retry-After"] == "1"
        assert (await edge.ask("GET", "/v1/templates")).status == 200


async def test_without_the_auth_node_nobody_can_be_checked(nats_url: str, redis: Any, world: World) -> None:
    """Until the keys have been read once, a token is neither good nor bad: 503. Later the keys that are known do."""
    async with an_edge(nats_url, redis, world) as edge:
        assert_problem(await edge.ask("GET", "/v1/me"), 503, "unavailable")
        async with the_nodes(nats_url, world, ("auth", "users")):
            assert (await edge.ask("GET", "/v1/me")).status == 200
        async with the_nodes(nats_url, world, ("users",)):
            assert (await edge.ask("GET", "/v1/me")).status == 200


async def test_a_node_that_is_too_slow_is_504(nats_url: str, redis: Any, world: World) -> None:
    """The request's own limit ends the wait: 504."""
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, max_seconds=0.3) as edge:
        world.slow[users.GET.subject] = 2
        async with asyncio.timeout(1.5):
            assert_problem(await edge.ask("GET", "/v1/me"), 504, "deadline_exceeded")
        assert (await edge.ask("GET", "/v1/me/quota")).status == 200


async def test_a_body_that_does_not_come_is_504(nats_url: str, redis: Any, world: World) -> None:
    """A client that announces a body and sends half of it is not waited for without end."""

    async def half() -> Any:
        yield b'{"title":'
        await asyncio.sleep(1)
        yield b'"x"}'

    async with the_nodes(nats_url, world, ("auth", "covers")), an_edge(nats_url, redis, world, max_seconds=0.3) as edge:
        async with asyncio.timeout(0.9):
            assert_problem(
                await edge.ask("POST", "/v1/covers", data=half(), headers=JSON_TYPE), 504, "deadline_exceeded"
            )
        assert world.count(covers.GENERATE) == 0


async def test_the_nodes_own_errors_pass(edge: Edge) -> None:
    """What a node raises arrives with its status, code and Retry-After."""
    edge.world.failing[templates.LIST.subject] = Unavailable("MongoDB is down.", retry_after=7)
    reply = await edge.ask("GET", "/v1/templates")
    assert_problem(reply, 503, "unavailable")
    assert (reply.json["detail"], reply.headers["Retry-After"]) == ("MongoDB is down.", "7")


async def test_credentials_are_checked(edge: Edge) -> None:
    """No token, another scheme, a forged, expired or foreign one: 401 with WWW-Authenticate."""
    world, user = edge.world, edge.user
    good = world.token(user)
    head, body, signature = good.split(".")
    bad = [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {head}.{body}.{signature[::-1]}"},
        {"Authorization": f"Bearer {world.token(user, seconds=-60)}"},
        {"Authorization": "Bearer " + "a" * 5000},
    ]
    for headers in bad:
        reply = await edge.ask("GET", "/v1/me", signed=False, headers=headers)
        assert_problem(reply, 401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert world.count(users.GET) == 0
    assert (await edge.ask("GET", "/v1/me", signed=False, headers={"Authorization": f"bearer {good}"})).status == 200


async def test_every_route_of_a_user_needs_one(edge: Edge) -> None:
    """No route whose access is user or admin answers a stranger with anything but 401."""
    for route in ROUTES:
        if route.access in ("user", "admin"):
            path = route.path.format_map({name: uuid.uuid4() for name in route.fields})
            reply = await edge.ask(route.method, path, signed=False, data=b"{}", headers=JSON_TYPE)
            assert_problem(reply, 401, "unauthenticated")


async def test_new_keys_are_read_once_a_minute(edge: Edge) -> None:
    """A token of a new key makes the edge read the keys again; a flood of unknown keys does not."""
    world = edge.world
    assert (await edge.ask("GET", "/v1/me")).status == 200
    fresh = SigningKey.new()
    world.keys.append(fresh)
    reply = await edge.ask("GET", "/v1/me", signed=False, headers=world.bearer(edge.user, key=fresh))
    assert reply.status == 200
    asked = world.count(auth.JWKS)
    for _ in range(10):
        forged = world.bearer(edge.user, key=SigningKey.new())
        assert (await edge.ask("GET", "/v1/me", signed=False, headers=forged)).status == 401
    assert world.count(auth.JWKS) == asked


async def test_another_users_task_is_not_there(edge: Edge) -> None:
    """Watching somebody else's task is 404, before any event is sent."""
    task = uuid.uuid4()
    edge.world.owners[task] = uuid.uuid4()
    assert_problem(await edge.ask("GET", f"/v1/tasks/{task}/events"), 404, "not_found")
    edge.world.failing[tasks.HISTORY.subject] = Unavailable()
    assert_problem(await edge.ask("GET", f"/v1/tasks/{task}/events"), 503, "unavailable")


async def test_no_secret_is_logged(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """The access log has fields for machines, and neither token, body nor query."""
    caplog.set_level("INFO", logger="edge.access")
    token = edge.world.token(edge.user)
    headers = {"Authorization": f"Bearer {token}"}
    await edge.ask("GET", "/healthz")
    await edge.ask("POST", "/v1/covers?code=query-secret", json={"title": "title-secret"}, headers=headers)
    await asyncio.sleep(2 * BATCH_SECONDS)
    batch = next(r.msg for r in caplog.records if r.name == "edge.access")
    assert isinstance(batch, Batch)
    (_, message, given), *others = batch.rows
    assert (message, others) == ("POST /v1/covers 202", [])
    fields = given()
    assert {name: fields[name] for name in ("action", "method", "path", "route", "status", "user_id")} == {
        "action": "request",
        "method": "POST",
        "path": "/v1/covers",
        "route": "/v1/covers",
        "status": 202,
        "user_id": str(edge.user),
    }
    written = "".join(JsonLines().format(r) + str(r.__dict__) for r in caplog.records)
    assert str(edge.user) in written
    assert token not in written
    assert "secret" not in written
