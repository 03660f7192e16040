"""GraphQL over HTTP: each field is its route of REST, with the same rights, context, keys and refusals."""

import uuid
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type

from contracts import covers, templates, users
from contracts.errors import Conflict
from contracts.security import SCOPES
from edge.graphql.fields import MUTATIONS, QUERIES, bound_routes, route_of
from edge.graphql.http import MEDIA
from edge.graphql.schema import built, camel
from edge.route import Route
from ops.paths import ROOT
from tests.edge.conftest import Edge, Reply
from tests.edge.security_nodes import a_holder

ID = "6f1f2b0e-6f0e-4f57-9c50-0f8c0f3b7a52"
FIELDS: dict[str, str] = {
    "me": "me { id email username fullName subscriptionTier createdAt }",
    "preferences": "preferences { language emailNotifications }",
    "brand_kit": "brandKit { typography palette authorStyle { case tracking } logoPosition updatedAt }",
    "quota": "quota { used reserved limit tier resetsAt }",
    "own_styles": "ownStyles(limit: 2) { items { id } nextCursor }",
    "templates": 'templates(category: "book", premium: false, limit: 3) { items { id name styleParams { options } } }',
    "template": f'template(templateId: "{ID}") {{ id name isPremium }}',
    "categories": "categories { items { slug name count } }",
    "covers": "covers(status: READY, limit: 3) { items { coverId format } nextCursor }",
    "cover": f'cover(coverId: "{ID}") {{ coverId status format recipe {{ seed }} versions {{ version }} }}',
    "edits": "edits { items { editId canUndo } }",
    "edit": f'edit(editId: "{ID}") {{ editId currentVersion cover {{ title }} }}',
    "export_presets": "exportPresets { items { name mediaType } }",
    "exports": f'exports(coverId: "{ID}") {{ items {{ exportId }} }}',
    "export": f'export(exportId: "{ID}") {{ exportId status files {{ name }} }}',
    "tasks": "tasks(status: RUNNING) { items { taskId status } }",
    "task": f'task(taskId: "{ID}") {{ taskId type status progress }}',
    "notifications": "notifications(unread: true) { items { id } unread }",
    "update_me": 'updateMe(input: {fullName: "Ada King"}) { id }',
    "set_preferences": 'setPreferences(input: {language: "de"}) { language }',
    "set_brand_kit": ('setBrandKit(input: {typography: "classic", authorStyle: {case: SMALL_CAPS}}) { typography }'),
    "save_style": f'saveStyle(input: {{templateId: "{ID}", name: "A", customizations: {{family: "dunes"}}}}) {{ id }}',
    "update_style": (
        f'updateStyle(templateId: "{ID}", input: {{name: "B", customizations: {{family: "ink"}}}}) {{ id }}'
    ),
    "delete_style": f'deleteStyle(templateId: "{ID}")',
    "create_cover": 'createCover(input: {title: "S", format: EBOOK, seed: 4503599627370496}) { taskId status }',
    "retype_cover": f'retypeCover(coverId: "{ID}", input: {{title: "S"}}) {{ taskId status }}',
    "vary_cover": f'varyCover(coverId: "{ID}", input: {{count: 2}}) {{ taskId }}',
    "regenerate_cover": f'regenerateCover(coverId: "{ID}", input: {{version: 1}}) {{ taskId }}',
    "format_cover": f'formatCover(coverId: "{ID}", input: {{formats: [SQUARE]}}) {{ taskId }}',
    "choose_version": f'chooseVersion(coverId: "{ID}", input: {{version: 1}}) {{ shownVersion }}',
    "delete_cover": f'deleteCover(coverId: "{ID}")',
    "create_edit": f'createEdit(input: {{coverId: "{ID}"}}) {{ editId }}',
    "apply_operation": f'applyOperation(editId: "{ID}", input: {{op: ADJUST, blur: 1}}) {{ taskId version }}',
    "undo_edit": f'undoEdit(editId: "{ID}") {{ editId }}',
    "redo_edit": f'redoEdit(editId: "{ID}") {{ editId }}',
    "checkout_edit": f'checkoutEdit(editId: "{ID}", input: {{version: 0}}) {{ editId }}',
    "save_edit": f'saveEdit(editId: "{ID}") {{ coverVersion imageUrl }}',
    "delete_edit": f'deleteEdit(editId: "{ID}")',
    "create_export": f'createExport(input: {{coverId: "{ID}", presets: ["png"]}}) {{ exportId status }}',
    "delete_export": f'deleteExport(exportId: "{ID}")',
    "cancel_task": f'cancelTask(taskId: "{ID}") {{ taskId cancelRequested }}',
    "mark_notification_read": f'markNotificationRead(notificationId: "{ID}") {{ id readAt }}',
}
"""By field, how it is asked for."""
ROWS = [*QUERIES.items(), *MUTATIONS.items()]


def text(name: str) -> str:
    """A whole request for one field."""
    return f"{'query' if name in QUERIES else 'mutation'} {{ {FIELDS[name]} }}"


async def graph(edge: Edge, query: str, variables: dict[str, Any] | None = None, **options: Any) -> Reply:
    """One request of GraphQL."""
    return await edge.ask("POST", "/graphql", json={"query": query, "variables": variables}, **options)


async def test_every_field_asks_the_contract_of_its_route(edge: Edge) -> None:
    """200 with data and no error; the node hears the route's message, with the caller's context."""
    edge.world.owners[uuid.UUID(ID)] = edge.user
    for name, row in ROWS:
        await _asks_its_contract(edge, name, row)


async def _asks_its_contract(edge: Edge, name: str, row: str) -> None:
    reply = await graph(edge, text(name), headers={"X-Request-ID": "mine"})
    assert (reply.status, reply.headers["Content-Type"]) == (200, MEDIA)
    assert "errors" not in reply.json, reply.json
    assert reply.json["data"][camel(name)] is not None
    contract = route_of(row).contract
    assert contract is not None
    message, context = edge.world.last(contract)
    assert isinstance(message, contract.request)
    public = route_of(row).access == "public"
    assert (context.request_id, context.region, context.deadline is not None) == ("mine", "local", True)
    assert context.user_id == edge.user or public


async def test_a_key_needs_the_scope_of_the_route(edge: Edge) -> None:
    """A key with every scope but the field's is told which one it needs; with that alone it is let in."""
    edge.world.owners[uuid.UUID(ID)] = edge.user
    for index, (name, row) in enumerate(ROWS):
        await _needs_its_scope(edge, name, route_of(row), f"cg_{index:08x}_secret")


async def _needs_its_scope(edge: Edge, name: str, route: Route, key: str) -> None:
    edge.world.holders[key] = a_holder(edge.user, *(scope for scope in SCOPES if scope != route.scope))
    before = 0 if route.contract is None else edge.world.count(route.contract)
    reply = await graph(edge, text(name), signed=False, headers={"X-API-Key": key})
    if route.access == "public":
        assert "errors" not in reply.json
        return
    assert reply.json["data"] == {camel(name): None}
    error = reply.json["errors"][0]
    assert (error["extensions"]["code"], error["path"]) == ("forbidden", [camel(name)])
    assert route.scope is not None
    assert route.scope in error["message"]
    assert route.contract is not None
    assert edge.world.count(route.contract) == before
    second = key.replace("cg_0", "cg_1")
    edge.world.holders[second] = a_holder(edge.user, route.scope)
    assert "errors" not in (await graph(edge, text(name), signed=False, headers={"X-API-Key": second})).json


async def test_strangers_get_what_is_public(edge: Edge) -> None:
    """Styles, categories and presets; everything else is an error of its field, and no node is asked."""
    public = set()
    for name, row in ROWS:
        reply = await graph(edge, text(name), signed=False)
        assert reply.status == 200
        if "errors" not in reply.json:
            public.add(row)
        else:
            assert reply.json["errors"][0]["extensions"] == {"code": "unauthenticated", "status": 401}, reply.json
    assert public == {row for _, row in ROWS if route_of(row).access == "public"}
    assert {route.name for route in bound_routes() if _asked(edge, route)} == public


def _asked(edge: Edge, route: Route) -> int:
    return 0 if route.contract is None else edge.world.count(route.contract)


async def test_bad_credentials_are_a_problem(edge: Edge) -> None:
    """The stage before refuses: problem+json with 401, also where everything asked for is public."""
    reply = await graph(edge, "{ categories { items { slug } } }", signed=False, headers={"Authorization": "Bearer x"})
    assert (reply.status, reply.headers["Content-Type"]) == (401, "application/problem+json")


async def test_one_failing_field_leaves_the_others(edge: Edge) -> None:
    """The failing one is null with its code and when to come again; the other one is answered."""
    edge.world.failing[users.QUOTA.subject] = Conflict("Not now.", retry_after=3)
    reply = await graph(edge, "{ quota { used } me { username } }")
    assert reply.json["data"] == {"quota": None, "me": {"username": "ada"}}
    assert [error["extensions"] for error in reply.json["errors"]] == [
        {"code": "conflict", "status": 409, "retryAfter": 3.0}
    ]


async def test_what_breaks_a_rule_names_its_field(edge: Edge) -> None:
    """422 with the field, as in REST, before the node is asked."""
    reply = await graph(edge, 'mutation { createCover(input: {title: "", variations: 9}) { taskId } }')
    error = reply.json["errors"][0]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("invalid", 422)
    assert error["extensions"]["errors"][0]["field"] in ("title", "variations")
    assert edge.world.count(covers.GENERATE) == 0


async def test_what_nobody_expected_is_not_told(edge: Edge) -> None:
    """`internal` without the text of the exception."""
    reply = await graph(edge, 'mutation { createCover(input: {title: "unexpected"}) { taskId } }')
    assert reply.json["errors"][0]["extensions"] == {"code": "internal", "status": 500}
    assert "secret" not in reply.body.decode()


async def test_a_key_makes_one_cover(edge: Edge) -> None:
    """The same idempotencyKey is answered from memory; with another request it is refused; the node hears the key."""
    ask = 'mutation ($t: String!) { createCover(input: {title: $t}, idempotencyKey: "k") { taskId } }'
    first = await graph(edge, ask, {"t": "Salt"})
    again = await graph(edge, ask, {"t": "Salt"})
    assert first.json == again.json
    assert (edge.world.count(covers.GENERATE), edge.world.last(covers.GENERATE)[1].idempotency_key) == (1, "k")
    other = await graph(edge, ask, {"t": "Pepper"})
    assert other.json["errors"][0]["extensions"]["code"] == "idempotency_key_reused"


async def test_a_kept_refusal_is_a_refusal(edge: Edge) -> None:
    """What was refused under a key is refused again with the same code."""
    ask = 'mutation { createCover(input: {title: "over quota"}, idempotencyKey: "k") { taskId } }'
    codes = [(await graph(edge, ask)).json["errors"][0]["extensions"]["code"] for _ in range(2)]
    assert (codes, edge.world.count(covers.GENERATE)) == (["over_quota"] * 2, 1)


async def test_what_is_left_out_is_not_what_is_null(edge: Edge) -> None:
    """What is left out and what is null reach the node as they were sent."""
    await graph(edge, "mutation { updateMe(input: {fullName: null}) { id } }")
    assert edge.world.last(users.UPDATE)[0] == users.UpdateUser(full_name=None)
    await graph(edge, 'mutation { updateMe(input: {username: "ada2"}) { id } }')
    assert edge.world.last(users.UPDATE)[0] == users.UpdateUser(username="ada2")


async def test_the_same_thing_is_asked_once(edge: Edge) -> None:
    """Children and other names that need the same thing share one question to its node."""
    edge.world.owners[uuid.UUID(ID)] = edge.user
    one = f'cover(coverId: "{ID}") {{ title template {{ name }} }}'
    reply = await graph(edge, f'{{ a: {one} b: {one} edit(editId: "{ID}") {{ cover {{ title }} }} }}')
    assert reply.json["data"]["a"] == reply.json["data"]["b"]
    assert (edge.world.count(covers.GET), edge.world.count(templates.GET)) == (2, 1)


async def test_a_link_to_nothing_is_null(edge: Edge) -> None:
    """The task of a cover is not there any more: null, and no error."""
    reply = await graph(edge, f'{{ cover(coverId: "{ID}") {{ title task {{ status }} }} }}')
    assert reply.json == {"data": {"cover": {"title": "T", "task": None}}}


async def test_a_public_answer_is_kept_for_both(edge: Edge) -> None:
    """What REST has read is not asked again by GraphQL."""
    await edge.ask("GET", "/v1/templates/categories")
    reply = await graph(edge, "{ categories { items { slug } } }")
    assert reply.json["data"]["categories"]["items"] == [{"slug": "book"}]
    assert edge.world.count(templates.CATEGORIES) == 1


NOT_BEGUN: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("query ($i: UUID!) { cover(coverId: $i) { title } }", {"i": "no id"}),
    ("query ($i: UUID!) { cover(coverId: $i) { title } }", None),
    ("query ($n: Int) { covers(limit: $n) { nextCursor } }", {"n": "many"}),
    ("query ($n: Int) { covers(limit: $n) { nextCursor } }", {"n": 2**40}),
    ("{ covers(status: LOST) { nextCursor } }", None),
    ("{ covers { nothing } }", None),
    ("{ nothing }", None),
    ("mutation { createCover { taskId } }", None),
    ('mutation { createCover(input: {title: "x", seed: true}) { taskId } }', None),
    ("{ covers ", None),
    ("", None),
    (f'subscription {{ taskEvents(taskId: "{ID}") {{ seq }} }}', None),
    ("query a { me { id } } query b { me { id } }", None),
    ("{ me { id ...F } } fragment F on User { ...F }", None),
)


async def test_what_cannot_be_done_is_not_begun(edge: Edge) -> None:
    """400 with errors and no data; no node is asked."""
    for query, variables in NOT_BEGUN:
        reply = await graph(edge, query, variables)
        assert (reply.status, reply.headers["Content-Type"], "data" in reply.json) == (400, MEDIA, False), query
        assert reply.json["errors"][0]["extensions"] == {"code": "invalid_query", "status": 400}, query
    assert not [route.name for route in bound_routes() if _asked(edge, route)]


async def test_a_client_of_plain_json_gets_plain_json(edge: Edge) -> None:
    """Accept: application/json is answered so, with 200 also for what was not begun."""
    headers = {"Accept": "application/json"}
    reply = await graph(edge, "{ nothing }", headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    both = await graph(edge, "{ me { id } }", headers={"Accept": f"{MEDIA}, application/json"})
    assert (both.status, both.headers["Content-Type"]) == (200, MEDIA)


def test_the_schema_is_the_checked_in_one() -> None:
    """`covergen nats render` was run: the file's changes are the API's changes."""
    assert (ROOT / "edge" / "graphql" / "schema.graphql").read_text() == built().text


def test_every_field_of_a_contract_is_there() -> None:
    """Types have all fields of the contracts' replies, and each bound field is in the schema."""
    schema = build_schema(built().text)
    for route in bound_routes():
        assert route.contract is not None
        kind = schema.get_type(route.contract.reply.__name__)
        if route.contract.reply.__name__ in ("Done", "History"):
            continue
        assert isinstance(kind, GraphQLObjectType)
        assert {camel(name) for name in route.contract.reply.__struct_fields__} <= kind.fields.keys()
    for owner, name in built().bound:
        found = schema.get_type(owner)
        assert isinstance(found, GraphQLObjectType)
        assert get_named_type(found.fields[name].type) is not None


def test_what_has_its_own_limits_is_no_field() -> None:
    """Signing in, keys, sessions and the end of the account cannot be bound."""
    for name in ("POST /v1/auth/login", "DELETE /v1/me", "GET /v1/me/sessions", "GET /nothing"):
        with pytest.raises(ValueError, match=r"limits|no route"):
            route_of(name)
