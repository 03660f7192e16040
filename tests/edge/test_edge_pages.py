"""Pictures, cache, health, metrics, documents and the studio's pages."""

import asyncio
import uuid
from typing import Any

import pytest

from adapters.objects import FolderObjects
from adapters.redis import Redis
from contracts import covers, templates
from contracts.registry import ENDPOINTS
from contracts.wire import ObjectRef
from edge.openapi import openapi
from edge.routes import ROUTES
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import NODES, World, the_nodes

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000


async def a_picture(edge: Edge, data: bytes = PNG) -> tuple[str, ObjectRef]:
    """The path of a cover's picture that is in the store."""
    cover = uuid.uuid4()
    ref = edge.world.images[cover] = await edge.world.objects.put("scope", data, "image/png")
    return f"/v1/covers/{cover}/image", ref


async def test_a_picture_is_sent_with_its_hash(edge: Edge) -> None:
    """The very bytes, their type, length and SHA-256 as ETag; private, never to be shown to another user."""
    path, ref = await a_picture(edge)
    reply = await edge.ask("GET", path)
    assert (reply.status, reply.body) == (200, PNG)
    assert reply.headers["Content-Type"] == "image/png"
    assert reply.headers["Content-Length"] == str(len(PNG))
    assert reply.headers["ETag"] == f'"{ref.sha256}"'
    assert reply.headers["Cache-Control"] == "private, no-cache"
    assert "X-Request-ID" in reply.headers
    fixed = await edge.ask("GET", f"{path}?v={ref.sha256}")
    assert fixed.headers["Cache-Control"] == "private, max-age=31536000, immutable"


async def test_a_picture_that_the_client_has_is_not_sent_again(edge: Edge) -> None:
    """If-None-Match with the ETag, weak or among others: 304 without a body."""
    path, ref = await a_picture(edge)
    for header in (f'"{ref.sha256}"', f'W/"{ref.sha256}"', f'"other", "{ref.sha256}"', "*"):
        reply = await edge.ask("GET", path, headers={"If-None-Match": header})
        assert (reply.status, reply.body, reply.headers["ETag"]) == (304, b"", f'"{ref.sha256}"')
    assert (await edge.ask("GET", path, headers={"If-None-Match": '"other"'})).status == 200


async def test_the_thumbnail_and_the_download(edge: Edge) -> None:
    """`?size=thumb` asks for the small picture; `?download=1` names a file; HEAD sends no bytes."""
    path, _ = await a_picture(edge)
    await edge.ask("GET", f"{path}?size=thumb")
    assert edge.world.last(covers.IMAGE)[0].size == "thumb"
    saved = await edge.ask("GET", f"{path}?download=1")
    cover = path.split("/")[3]
    assert saved.headers["Content-Disposition"] == f'attachment; filename="cover-{cover}.png"'
    head = await edge.ask("HEAD", path)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(PNG)))


async def test_a_lost_or_damaged_picture_is_a_problem(edge: Edge, tmp_path: Any) -> None:
    """Bytes that are gone are 404; bytes that are not what was put never look like a whole answer."""
    path, ref = await a_picture(edge, PNG * 3)
    await edge.world.objects.delete(ref.key)
    assert (await edge.ask("GET", path)).status == 404
    assert isinstance(edge.world.objects, FolderObjects)
    path, ref = await a_picture(edge, PNG * 3)
    file = tmp_path / "objects" / ref.key
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(Exception, match=r"payload|disconnected|closed"):
        await edge.ask("GET", path)
    file.write_bytes(b"short")
    assert (await edge.ask("GET", path)).status == 503


async def test_styles_are_cached_and_changes_are_seen(edge: Edge) -> None:
    """One question to the node for many requests; 304 for its ETag; an admin's change is seen at once."""
    first = await edge.ask("GET", "/v1/templates?limit=3", signed=False)
    second = await edge.ask("GET", "/v1/templates?limit=3", signed=False)
    assert first.body == second.body
    assert edge.world.count(templates.LIST) == 1
    assert first.headers["Cache-Control"].startswith("public, max-age=3600, stale-while-revalidate=")
    same = await edge.ask("GET", "/v1/templates?limit=3", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    await edge.ask("GET", "/v1/templates?limit=4", signed=False)
    assert edge.world.count(templates.LIST) == 2
    admin = edge.world.bearer(roles=("admin",))
    assert (await edge.ask("DELETE", f"/v1/templates/{uuid.uuid4()}", headers=admin)).status == 204
    await edge.ask("GET", "/v1/templates?limit=3", signed=False)
    assert edge.world.count(templates.LIST) == 3
    await edge.ask("GET", "/v1/templates?limit=3", signed=False, headers={"Cache-Control": "no-cache"})
    assert edge.world.count(templates.LIST) == 4


async def test_another_edge_sees_a_change_within_a_second(nats_url: str, redis: Redis, world: World) -> None:
    """The generation in Redis tells the other processes."""
    async with (
        the_nodes(nats_url, world),
        an_edge(nats_url, redis, world) as one,
        an_edge(nats_url, redis, world) as two,
    ):
        await one.ask("GET", "/v1/templates")
        await two.ask("DELETE", f"/v1/templates/{uuid.uuid4()}", headers=world.bearer(roles=("admin",)))
        before = world.count(templates.LIST)
        await asyncio.sleep(1.1)
        await one.ask("GET", "/v1/templates")
        assert world.count(templates.LIST) == before + 1


async def test_what_belongs_to_a_user_is_not_cached(edge: Edge) -> None:
    """Answers to users say no-store; errors are not kept."""
    assert (await edge.ask("GET", "/v1/me")).headers["Cache-Control"] == "no-store"
    edge.world.failing[templates.CATEGORIES.subject] = RuntimeError()
    failed = await edge.ask("GET", "/v1/templates/categories")
    assert (failed.status, failed.headers["Cache-Control"]) == (500, "no-store")
    edge.world.failing.clear()
    assert (await edge.ask("GET", "/v1/templates/categories")).status == 200


async def test_ready_means_that_everything_answers(nats_url: str, redis: Redis, world: World) -> None:
    """200 with all nodes; 503 naming the one that is away; alive in both cases."""
    async with the_nodes(nats_url, world, NODES[:-1]), an_edge(nats_url, redis, world) as edge:
        missing = await edge.ask("GET", "/readyz", signed=False)
        assert (missing.status, [e["field"] for e in missing.json["errors"]]) == (503, [NODES[-1]])
        assert (await edge.ask("GET", "/healthz", signed=False)).json == {"status": "ok"}
        async with the_nodes(nats_url, world, NODES[-1:]):
            await asyncio.sleep(1)
            ready = await edge.ask("GET", "/readyz", signed=False)
            assert (ready.status, ready.json["checks"]) == (200, dict.fromkeys(("nats", "redis", *NODES), "ok"))


async def test_metrics_count_by_route_and_subject(edge: Edge) -> None:
    """Rate, errors and duration with method, route, subject and status; never an id of a user."""
    await edge.ask("GET", f"/v1/tasks/{uuid.uuid4()}")
    await edge.ask("GET", "/v1/nothing")
    text = (await edge.ask("GET", "/metrics", signed=False)).body.decode()
    labels = 'method="GET",route="/v1/tasks/{task_id}"'
    assert f'covergen_http_requests_total{{{labels},status="404",subject="svc.tasks.get"}} 1.0' in text
    assert f'covergen_http_request_seconds_count{{{labels},subject="svc.tasks.get"}} 1.0' in text
    assert 'route="/{tail:.*}",status="404"' in text
    assert str(edge.user) not in text


async def test_the_documents_are_served(nats_url: str, redis: Redis, world: World) -> None:
    """OpenAPI, AsyncAPI when it is given, and a page with its own script and style."""
    async with an_edge(nats_url, redis, world, asyncapi=b'{"asyncapi":"3.0.0"}') as edge:
        document = await edge.ask("GET", "/openapi.json", signed=False)
        assert document.json["openapi"] == "3.1.0"
        unchanged = await edge.ask("GET", "/openapi.json", headers={"If-None-Match": document.headers["ETag"]})
        assert unchanged.status == 304
        assert (await edge.ask("GET", "/asyncapi.json", signed=False)).json == {"asyncapi": "3.0.0"}
        for path, media in (
            ("/docs", "text/html"),
            ("/docs/docs.js", "text/javascript"),
            ("/docs/docs.css", "text/css"),
        ):
            page = await edge.ask("GET", path, signed=False)
            assert page.headers["Content-Type"].startswith(media)
            assert b"http://" not in page.body
            assert b"https://" not in page.body
    async with an_edge(nats_url, redis, world) as edge:
        assert (await edge.ask("GET", "/asyncapi.json", signed=False)).status == 404


async def test_the_studio_is_at_the_root(edge: Edge) -> None:
    """Its pages go through the same stages: a request id and no inline scripts."""
    page = await edge.ask("GET", "/", signed=False)
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert "X-Request-ID" in page.headers
    assert (await edge.ask("GET", "/static/0123456789abcdef/../../app.py", signed=False)).status == 404


def test_the_openapi_document_is_whole() -> None:
    """Every route is in it, every reference leads somewhere, every placeholder is a parameter, names are unique."""
    document = openapi(ROUTES, version="1.2.3")
    schemas = document["components"]["schemas"]
    operations = [(path, method, op) for path, row in document["paths"].items() for method, op in row.items()]
    assert {(method.upper(), path) for path, method, _ in operations} == {(r.method, r.path) for r in ROUTES}
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    for reference in _references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind], reference
    for path, _, operation in operations:
        placed = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert placed == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert any(status < "400" for status in operation["responses"])
    assert "session_id" not in str(document["paths"]["/v1/auth/logout"])
    assert schemas["GenerateCover"]["properties"]["title"]["maxLength"] == 150
    assert document["paths"]["/v1/covers"]["post"]["security"] == [
        {"bearer": []},
        {"oauth2": ["covers:write"]},
        {"apiKey": ["covers:write"]},
        {"signature": ["covers:write"]},
        {"cookie": [], "csrf": []},
    ]
    assert document["paths"]["/v1/api-keys"]["post"]["security"] == [
        {"bearer": []},
        {"cookie": [], "csrf": []},
    ]
    assert "security" not in document["paths"]["/v1/templates"]["get"]


def test_every_route_may_call_its_contract() -> None:
    """The contract of a route is registered, may be called by `edge`, and has the fields that the route fills."""
    called = [route for route in ROUTES if route.contract is not None]
    subjects = {endpoint.subject for endpoint in ENDPOINTS if "edge" in endpoint.callers}
    for route in called:
        assert route.contract is not None
        assert route.contract.subject in subjects, route.name
        known = set(route.contract.request.__struct_fields__)
        assert {*route.fields, *route.query, *route.session} <= known, route.name


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in _references(item)]
    return [found for item in value for found in _references(item)] if isinstance(value, list) else []


async def test_what_cannot_be_read_is_logged_without_its_bytes(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """A header that is too long may hold a token: the log says that there was one, not what was in it."""
    caplog.set_level("INFO", logger="edge.connections")
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"secret" * 3000 + b"\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.0 431")
    assert "could not be read" in caplog.text
    assert "secretsecret" not in caplog.text
