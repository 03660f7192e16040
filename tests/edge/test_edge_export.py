"""GET /v1/me/data and DELETE /v1/me at the edge: one document from many pages, and the password on its way."""

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import msgspec
import pytest

from contracts import (
    auth,
    brands,
    covers,
    edits,
    exports,
    logins,
    notifications,
    security,
    shares,
    tasks,
    templates,
    uploads,
    users,
)
from contracts.covers import Cover, CoverPage
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated, Unavailable
from contracts.wire import Context
from edge.export import FACTS, LISTS, PAGE, Export
from nodes.bindings import serve
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import NODES, World, a_cover, the_nodes
from tests.support.buses import SmallService, a_node

DATA = "/v1/me/data"


class Shelf:
    """A covers node with many covers, in pages; `fails_at` is the page from which it is away."""

    def __init__(self, count: int) -> None:
        self.covers = [a_cover(uuid.UUID(int=number)) for number in range(count)]
        self.asked: list[tuple[int, str | None]] = []
        self.contexts: list[Context] = []
        self.fails_at: int | None = None

    def service(self) -> SmallService:
        """The node."""
        lists = serve(covers.LIST, self.list), serve(shares.LIST_ALL, self.links)
        return SmallService("covers", *lists, serve(brands.GET, self.kit))

    async def kit(self, ask: brands.GetBrandKit, context: Context) -> brands.BrandKit:
        """None."""
        return brands.BrandKit()

    async def list(self, ask: covers.ListCovers, context: Context) -> CoverPage:
        """One page."""
        self.asked.append((ask.limit, ask.cursor))
        self.contexts.append(context)
        if self.fails_at is not None and len(self.asked) > self.fails_at:
            raise Unavailable
        start = int(ask.cursor or 0)
        end = start + ask.limit
        items = tuple(self.covers[start:end])
        return CoverPage(items=items, next_cursor=str(end) if end < len(self.covers) else None)

    async def links(self, _ask: shares.ListAllShares, _context: Context) -> shares.SharePage:
        """None."""
        return shares.SharePage(items=())


@pytest.fixture
def others() -> tuple[str, ...]:
    """All nodes but covers."""
    return tuple(name for name in NODES if name != "covers")


async def test_the_document_has_everything(edge: Edge) -> None:
    """Facts and lists of every node under their names, asked for as the caller, as a file that nobody caches."""
    reply = await edge.ask("GET", DATA)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.headers["Cache-Control"] == "no-store"
    assert "covergen-data.json" in reply.headers["Content-Disposition"]
    names = ["exported_at", "account", *(name for name, _ in FACTS), *(name for name, _ in LISTS), "truncated"]
    assert list(reply.json) == names
    for name, contract in (("account", auth.ACCOUNT), *FACTS):
        msgspec.convert(reply.json[name], contract.reply)
    assert reply.json["truncated"] == []
    for _, contract in (*FACTS, *LISTS):
        assert edge.world.last(contract)[1].user_id == edge.user, contract.subject
    assert not {"password", "hash", "token"} & {word for key in reply.json["account"] for word in key.split("_")}


async def test_pages_become_one_list(nats_url: str, redis: Any, world: World, others: tuple[str, ...]) -> None:
    """Every item once and in order, from pages that are small enough for the bus."""
    shelf = Shelf(2 * PAGE + 3)
    async with the_nodes(nats_url, world, others), a_node(nats_url, shelf.service()):
        async with an_edge(nats_url, redis, world) as edge:
            document = (await edge.ask("GET", DATA)).json

    assert msgspec.convert(document["covers"], list[Cover]) == shelf.covers
    assert shelf.asked == [(PAGE, None), (PAGE, str(PAGE)), (PAGE, str(2 * PAGE))]
    assert (document["truncated"], document["tasks"]) == ([], [])


async def test_a_list_that_is_too_long_is_cut_and_named(
    nats_url: str, redis: Any, world: World, others: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most so many items of a kind; exactly so many are not cut."""
    monkeypatch.setattr("edge.app.Export", lambda bus: Export(bus, most=7, page=3))
    for count, sent, truncated in ((8, 7, ["covers"]), (7, 7, [])):
        shelf = Shelf(count)
        async with the_nodes(nats_url, world, others), a_node(nats_url, shelf.service()):
            async with an_edge(nats_url, redis, world) as edge:
                document = (await edge.ask("GET", DATA)).json
        assert ([limit for limit, _ in shelf.asked], len(document["covers"])) == ([3, 3, 1], sent)
        assert document["truncated"] == truncated


async def test_what_fails_first_is_a_problem(edge: Edge) -> None:
    """A deleted account is 401 although its profile is gone too; a node that is away is 503; nobody is 401."""
    assert (await edge.ask("GET", DATA, signed=False)).status == 401
    edge.world.failing[users.QUOTA.subject] = Unavailable()
    assert (await edge.ask("GET", DATA)).status == 503
    edge.world.failing[users.GET.subject] = NotFound()
    edge.world.failing[auth.ACCOUNT.subject] = Unauthenticated("The account is gone.")
    reply = await edge.ask("GET", DATA)
    assert (reply.status, reply.json["code"]) == (401, "unauthenticated")


async def test_what_fails_later_breaks_off(nats_url: str, redis: Any, world: World, others: tuple[str, ...]) -> None:
    """A node that goes away in the middle ends the connection: half a document never looks whole."""
    shelf = Shelf(2 * PAGE)
    shelf.fails_at = 1
    async with the_nodes(nats_url, world, others), a_node(nats_url, shelf.service()):
        async with an_edge(nats_url, redis, world) as edge:
            with pytest.raises(aiohttp.ClientError):
                await edge.ask("GET", DATA)
            assert (await edge.ask("GET", "/v1/me")).status == 200


async def test_a_client_that_leaves_stops_the_work(
    nats_url: str, redis: Any, world: World, others: tuple[str, ...]
) -> None:
    """No more pages are asked for when nobody reads them."""
    shelf = Shelf(400 * PAGE)
    async with the_nodes(nats_url, world, others), a_node(nats_url, shelf.service()):
        async with an_edge(nats_url, redis, world) as edge:
            answer = await edge.client.get(edge.url + DATA, headers=world.bearer(edge.user))
            await answer.content.readexactly(100)
            answer.close()
            async with asyncio.timeout(10):
                seen = -1
                while seen != len(shelf.asked):
                    seen = len(shelf.asked)
                    await asyncio.sleep(0.3)
    assert len(shelf.asked) < 400


async def test_the_account_is_deleted_by_the_password(edge: Edge) -> None:
    """204 without a body; the node gets the password and the caller, and no user id from the body."""
    body = {"password": "correct horse", "user_id": str(uuid.uuid4())}
    reply = await edge.ask("DELETE", "/v1/me", json=body)
    assert (reply.status, reply.body) == (204, b"")
    message, context = edge.world.last(auth.DELETE_ACCOUNT)
    assert (message.password, context.user_id) == ("correct horse", edge.user)


async def test_a_deletion_that_is_refused_says_why(edge: Edge) -> None:
    """No body is 400, a wrong password 422; an administrator gets 409; nobody 401."""
    assert (await edge.ask("DELETE", "/v1/me", signed=False, json={"password": "x"})).status == 401
    assert (await edge.ask("DELETE", "/v1/me")).status == 400
    assert edge.world.count(auth.DELETE_ACCOUNT) == 0
    wrong = FieldError(field="password", detail="is not right")
    for error, status in ((Invalid("The password is not right.", errors=(wrong,)), 422), (Conflict(), 409)):
        edge.world.failing[auth.DELETE_ACCOUNT.subject] = error
        assert (await edge.ask("DELETE", "/v1/me", json={"password": "x"})).status == status


async def test_both_are_in_the_document_for_machines(edge: Edge) -> None:
    """OpenAPI knows the routes, the body of the one and the answers of both."""
    paths = json.loads((await edge.ask("GET", "/openapi.json", signed=False)).body)["paths"]
    delete, data = paths["/v1/me"]["delete"], paths[DATA]["get"]
    assert delete["requestBody"]["content"]["application/json"]["schema"]["properties"].keys() == {"password"}
    assert {"204", "401", "409", "422"} <= delete["responses"].keys()
    assert "application/json" in data["responses"]["200"]["content"]
    assert {"401", "503"} <= data["responses"].keys()


def test_every_list_of_the_callers_own_is_in_the_document() -> None:
    """The kinds of things that a user has: who adds one adds it here."""
    assert {contract for _, contract in LISTS} == {
        covers.LIST,
        shares.LIST_ALL,
        edits.LIST,
        uploads.LIST,
        exports.LIST,
        tasks.LIST,
        notifications.LIST,
        templates.LIST_MINE,
        security.LIST_SESSIONS,
        security.LIST_KEYS,
        logins.LIST_IDENTITIES,
    }
