"""The authorization server at the edge: forms, proofs of clients, the protocol's own answers, the two pages."""

import base64
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from contracts import oauth
from tests.edge.conftest import Edge, Reply

CLIENT = "shop"
SECRET = "a:b%c +d"


async def token(edge: Edge, form: Any, **headers: str) -> Reply:
    """POST /oauth/token."""
    return await edge.ask("POST", "/oauth/token", signed=False, data=form, headers=headers)


def basic(name: str, secret: str) -> str:
    """The header of HTTP Basic, of values that are encoded already."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


async def test_tokens_are_not_kept_by_anybody(edge: Edge) -> None:
    """200 in the protocol's form, Cache-Control: no-store; fields that are not there are left out."""
    reply = await token(edge, {"grant_type": "authorization_code", "code": "good"})
    assert (reply.status, reply.headers["Cache-Control"], reply.headers["Pragma"]) == (200, "no-store", "no-cache")
    assert reply.json == {"access_token": "t", "token_type": "Bearer", "expires_in": 900, "scope": "openid"}


async def test_refusals_are_the_protocols(edge: Edge) -> None:
    """400 with `error`; 401 with a challenge for a client that is not proven."""
    refused = await token(edge, {"grant_type": "authorization_code", "code": "bad"})
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    unknown = await token(edge, {"grant_type": "authorization_code", "client_secret": "wrong"})
    assert (unknown.status, unknown.json["error"]) == (401, "invalid_client")
    assert unknown.headers["WWW-Authenticate"].startswith("Basic ")


async def test_a_client_proves_itself_by_basic(edge: Edge) -> None:
    """Both parts are form-encoded inside (RFC 6749 2.3.1)."""
    header = basic("shop%2F1", "a%3Ab%25c+%2Bd")
    await token(edge, {"grant_type": "client_credentials"}, Authorization=header)
    message, context = edge.world.last(oauth.TOKEN)
    assert (message.client_id, message.client_secret, message.grant_type) == ("shop/1", SECRET, "client_credentials")
    assert (context.user_id, context.address) == (None, "127.0.0.0/24")


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ([("code", "good"), ("code", "good")], {}),
        ({"client_secret": SECRET}, {"Authorization": basic(CLIENT, SECRET)}),
        ({"client_id": "other"}, {"Authorization": basic(CLIENT, SECRET)}),
        ({"code": "good"}, {"Authorization": "Bearer t"}),
        ({"code": "good"}, {"Authorization": "Basic !!"}),
        ({"code": "x" * 2049}, {}),
        (b'{"code": "good"}', {"Content-Type": "application/json"}),
        (b"code=%ff", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("&".join(f"a{n}=1" for n in range(60)).encode(), {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
async def test_what_is_not_well_formed(edge: Edge, form: Any, headers: dict[str, str]) -> None:
    """invalid_request, and the node is not asked."""
    reply = await token(edge, form, **headers)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert edge.world.count(oauth.TOKEN) == 0


async def test_introspection_and_revocation(edge: Edge) -> None:
    """A token that is not active; and nothing but 200 for one that has ended."""
    told = await edge.ask("POST", "/oauth/introspect", signed=False, data={"token": "t"})
    assert (told.status, told.json) == (200, {"active": False})
    ended = await edge.ask("POST", "/oauth/revoke", signed=False, data={"token": "t"})
    assert (ended.status, ended.body) == (200, b"")


async def test_the_question_of_the_page(edge: Edge) -> None:
    """Parameters and the CSRF token are in the form; the answer is followed with 303; a link decides nothing."""
    page = await edge.ask("GET", "/oauth/authorize?client_id=ask&state=%22%3E&decision=allow")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'name="state" value="&#34;&gt;"' in page.body
    assert b'name="csrf_token"' in page.body
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https://partner.example")
    said = await edge.ask(
        "POST", "/oauth/authorize", data={"client_id": "ask", "decision": "allow"}, allow_redirects=False
    )
    assert (said.status, said.headers["Location"]) == (303, "https://partner.example/b?said=allow")
    message, context = edge.world.last(oauth.AUTHORIZE)
    assert (message.decision, context.user_id) == ("allow", edge.user)
    assert message.session_id is not None


async def test_nobody_is_signed_in(edge: Edge) -> None:
    """They sign in first, and come back to the same question without the wish to sign in."""
    path = "/oauth/authorize?client_id=ask&scope=a+b&prompt=login&max_age=1"
    reply = await edge.ask("GET", path, signed=False, allow_redirects=False)
    place = urlsplit(reply.headers["Location"])
    assert (reply.status, place.path) == (302, "/login")
    assert dict(parse_qsl(place.query))["next"] == "/oauth/authorize?client_id=ask&scope=a+b"


@pytest.mark.parametrize("query", ["client_id=other", f"client_id=ask&state={'x' * 2049}", ""])
async def test_a_page_for_what_cannot_be_sent_back(edge: Edge, query: str) -> None:
    """400 and no redirect."""
    reply = await edge.ask("GET", f"/oauth/authorize?{query}", allow_redirects=False)
    assert (reply.status, "Location" in reply.headers) == (400, False)
    assert b"This link does not work" in reply.body


async def test_repeated_parameters_are_named(edge: Edge) -> None:
    """The node decides what follows from it."""
    await edge.ask("GET", "/oauth/authorize?client_id=ask&scope=a&scope=b")
    assert edge.world.last(oauth.AUTHORIZE)[0].repeated == ("scope",)


async def test_userinfo_needs_openid(edge: Edge) -> None:
    """A client's token has the scope, and the node is told all of them; the user's own session needs none."""

    async def info(**claims: Any) -> Reply:
        headers = edge.world.bearer(edge.user, **claims)
        return await edge.ask("GET", "/oauth/userinfo", signed=False, headers=headers)

    assert (await info(scope="covers:read")).status == 403
    assert (await info(scope="openid email")).json == {"sub": str(edge.user)}
    assert edge.world.last(oauth.USERINFO)[0].scope == "openid email"
    assert (await info()).status == 200
    assert edge.world.last(oauth.USERINFO)[0].scope is None


@pytest.mark.parametrize(("roles", "status"), [(("user",), 403), (("user", "partner"), 200), (("user", "admin"), 200)])
async def test_clients_are_for_partners(edge: Edge, roles: tuple[str, ...], status: int) -> None:
    """And for administrators; a client's token opens nothing here."""
    headers = edge.world.bearer(edge.user, roles=roles)
    assert (await edge.ask("GET", "/v1/oauth/clients", signed=False, headers=headers)).status == status
    limited = edge.world.bearer(edge.user, roles=roles, scope="openid", client_id=str(uuid.uuid4()))
    assert (await edge.ask("GET", "/v1/oauth/clients", signed=False, headers=limited)).status == 403
