"""The edge's part of a sign-in at another provider: the cookie that binds the browser, and what it tells the node."""

from typing import Any

from adapters.redis import Redis
from contracts import logins
from contracts.errors import Conflict, Forbidden, Unauthenticated, Unavailable
from edge.cookies import Cookies
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import World, the_nodes

START, CALLBACK = "/v1/auth/oauth/op/start", "/v1/auth/oauth/op/callback"


async def test_the_binding_cookie(nats_url: str, redis: Redis, world: World) -> None:
    """Over https it is Secure and of this host alone; a second sign-in of the browser keeps it; the node learns it."""
    cookies = Cookies(public_url="https://covers.example.org")
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, cookies=cookies) as edge:
        first = await edge.ask("GET", START, signed=False, allow_redirects=False)
        name, _, rest = first.headers["Set-Cookie"].partition("=")
        value, _, attributes = rest.partition("; ")
        kept = {"Cookie": f"{name}={value}"}
        again = await edge.ask("GET", START, signed=False, allow_redirects=False, headers=kept)

        assert (first.status, first.headers["Location"]) == (302, "https://op.example.org/authorize")
        assert (name, len(value)) == ("__Host-covergen_login", 43)
        assert attributes == "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        assert again.headers["Set-Cookie"] == first.headers["Set-Cookie"]
        message, context = world.last(logins.START_LOGIN)
        assert (message.provider, message.browser, message.next, context.user_id) == ("op", value, None, None)
        forged = {"Cookie": f"{name}=short"}
        other = await edge.ask("GET", START, signed=False, allow_redirects=False, headers=forged)
        assert "short" not in other.headers["Set-Cookie"]


async def test_what_the_node_is_told_at_the_end(edge: Edge) -> None:
    """State, code, issuer and the browser's cookie; where from; a parameter that is too long reaches nobody."""
    headers = {"Cookie": f"covergen_login={'b' * 43}", "User-Agent": "Firefox"}
    query = "?state=s&code=c&iss=https%3A%2F%2Fop.example.org"
    done = await edge.ask("GET", CALLBACK + query, signed=False, allow_redirects=False, headers=headers)
    message, context = edge.world.last(logins.FINISH_LOGIN)

    assert (done.status, done.headers["Location"]) == (303, "/")
    assert (message.state, message.code, message.iss) == ("s", "c", "https://op.example.org")
    assert (message.browser, context.user_agent) == ("b" * 43, "Firefox")
    long = await edge.ask("GET", f"{CALLBACK}?state={'s' * 3000}", signed=False, allow_redirects=False)
    assert (long.status, long.headers["Location"]) == (303, "/?signin=failed")
    assert edge.world.count(logins.FINISH_LOGIN) == 1


async def test_words_for_refusals(edge: Edge) -> None:
    """Each kind of refusal has its word for the studio; the same at the start; JSON clients get the problem."""
    errors: tuple[tuple[Any, str, int], ...] = (
        (Unavailable(), "unavailable", 503),
        (Forbidden(), "unverified", 403),
        (Conflict(), "taken", 409),
        (Unauthenticated(), "failed", 401),
    )
    for error, word, status in errors:
        edge.world.failing[logins.FINISH_LOGIN.subject] = error
        told = await edge.ask("GET", CALLBACK, signed=False, allow_redirects=False)
        plain = await edge.ask("GET", CALLBACK, signed=False, headers={"Accept": "application/json"})
        assert (told.status, told.headers["Location"], plain.status) == (303, f"/?signin={word}", status)
    edge.world.failing[logins.START_LOGIN.subject] = Unavailable()
    told = await edge.ask("GET", START, signed=False, allow_redirects=False)
    assert told.headers["Location"] == "/?signin=unavailable"


async def test_linking_and_passwords_are_the_users_own(edge: Edge) -> None:
    """Nobody else may; the node learns who asks, and which session goes on."""
    assert (await edge.ask("POST", "/v1/me/identities", signed=False, json={"provider": "op"})).status == 401
    change = {"current_password": "correct horse", "new_password": "battery staple", "session_id": str(edge.user)}
    assert (await edge.ask("POST", "/v1/me/password", signed=False, json=change)).status == 401
    begun = await edge.ask("POST", "/v1/me/identities", json={"provider": "op", "next": "/x"})
    assert (begun.status, begun.json) == (200, {"url": "https://op.example.org/authorize"})
    message, context = edge.world.last(logins.START_LOGIN)
    assert (message.next, context.user_id) == ("/x", edge.user)

    assert (await edge.ask("POST", "/v1/me/password", json=change)).status == 204
    message, context = edge.world.last(logins.CHANGE_PASSWORD)
    assert context.user_id == edge.user
    assert message.session_id not in (None, edge.user)
