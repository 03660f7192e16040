"""The studio's session by cookies: what is set, what is believed, and what a foreign page cannot do with it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
import pytest_asyncio

from adapters.nats.bus import Bus
from adapters.redis import Redis
from contracts import auth, covers, security, users
from contracts.errors import Unauthenticated
from contracts.security import SessionsRevoked
from contracts.wire import Context
from edge.cookies import ACCESS, HEADER, REFRESH, REFRESH_SECONDS, Cookies, session_of
from edge.rates import Rates
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.small_nodes import World, the_nodes
from tests.support.buses import a_bus

LOGIN = {"email": "ada@example.org", "password": "correct horse"}
FOREIGN = "https://evil.example"
PUBLIC = "https://covers.example.org"
Set = dict[str, Morsel[str]]


@dataclass
class Browser:
    """Somebody who is signed in by cookies."""

    edge: Edge
    cookies: Set
    visit: dict[str, Any]

    @property
    def csrf(self) -> dict[str, str]:
        """The header of a change."""
        return {HEADER: self.visit["csrf_token"]}

    async def ask(self, method: str, path: str, *, without: tuple[str, ...] = (), **options: Any) -> Reply:
        """One request with the cookies that a browser would send there."""
        sent = [m for m in self.cookies.values() if path.startswith(m["path"]) and m.key not in without]
        headers = {"Cookie": "; ".join(f"{m.key}={m.value}" for m in sent), **options.pop("headers", {})}
        return await self.edge.ask(method, path, signed=False, headers=headers, **options)


def cookies_of(reply: Reply) -> Set:
    """What an answer sets, by name."""
    jar: SimpleCookie = SimpleCookie()
    for value in reply.headers.getall("Set-Cookie", ()):
        jar.load(value)
    return dict(jar)


async def signed_in(edge: Edge, path: str = "/session", **options: Any) -> Browser:
    """Somebody who has just signed in."""
    reply = await edge.ask("POST", path, signed=False, json=LOGIN, **options)
    assert reply.status in (200, 201), reply.body
    return Browser(edge, cookies_of(reply), reply.json)


@pytest_asyncio.fixture
async def browser(edge: Edge) -> Browser:
    """A browser that reached the edge by http."""
    return await signed_in(edge)


@pytest_asyncio.fixture
async def public(nats_url: str, redis: Redis, world: World) -> AsyncIterator[Edge]:
    """An edge whose users come by https."""
    rules = {"cookies": Cookies(public_url=PUBLIC), "origins": ("https://app.example.org",)}
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, **rules) as edge:
        yield edge


@pytest.mark.parametrize(("path", "status"), [("/session", 200), ("/session/register", 201)])
async def test_tokens_go_into_cookies_only(edge: Edge, path: str, status: int) -> None:
    """Both cookies are closed to scripts and sent to us alone, and the body names nobody's token."""
    reply = await edge.ask("POST", path, signed=False, json=LOGIN)
    found = cookies_of(reply)
    access, refresh = found[ACCESS], found[REFRESH]

    assert reply.status == status
    assert set(reply.json) == {"user", "expires_in", "csrf_token"}
    assert access.value.encode() not in reply.body
    assert (access["httponly"], access["samesite"], access["path"], access["max-age"]) == (True, "Lax", "/", "900")
    assert (refresh["httponly"], refresh["samesite"], refresh["path"]) == (True, "Strict", "/session")
    assert refresh["max-age"] == str(REFRESH_SECONDS)
    assert {(m["secure"], m["domain"]) for m in found.values()} == {("", "")}
    assert reply.headers["Cache-Control"] == "no-store"


async def test_by_https_the_cookies_are_secure(public: Edge) -> None:
    """Their names say so too, so that the browser refuses the same from plain http or from another host."""
    browser = await signed_in(public)
    assert set(browser.cookies) == {f"__Host-{ACCESS}", f"__Secure-{REFRESH}"}
    assert all(morsel["secure"] for morsel in browser.cookies.values())
    assert (await browser.ask("GET", "/v1/me")).status == 200
    plain = {"Cookie": f"{ACCESS}={browser.cookies[f'__Host-{ACCESS}'].value}"}
    assert (await public.ask("GET", "/v1/me", signed=False, headers=plain)).status == 401


async def test_the_cookie_counts_where_a_token_would(browser: Browser) -> None:
    """Reading needs the cookie alone; the node is told whose it is."""
    assert (await browser.ask("GET", "/v1/me")).json["id"] == browser.visit["user"]["id"]
    shown = await browser.ask("GET", "/session")
    assert (shown.status, shown.json["csrf_token"]) == (200, browser.visit["csrf_token"])
    assert 0 < shown.json["expires_in"] <= 600
    assert set(shown.json["user"]) == set(browser.visit["user"])
    assert (await browser.ask("GET", "/v1/me", without=(ACCESS,))).status == 401


async def test_a_change_needs_the_token_of_the_session(browser: Browser) -> None:
    """Without it, with a wrong one or with another session's it is 403 `csrf`, and nothing is asked of a node."""
    other = await signed_in(browser.edge)
    for headers in ({}, {HEADER: "x"}, {HEADER: "\N{BULLET}".encode().decode("latin-1")}, other.csrf):
        reply = await browser.ask("PATCH", "/v1/me", json={}, headers=headers)
        assert (reply.status, reply.json["code"]) == (403, "csrf")
    assert browser.edge.world.count(users.UPDATE) == 0
    assert (await browser.ask("PATCH", "/v1/me", json={}, headers=browser.csrf)).status == 200


async def test_a_key_of_its_own_makes_other_tokens() -> None:
    """Who does not know the key cannot make the token of a session whose id they know."""
    one, other, sid = Cookies(csrf_key=b"a" * 32), Cookies(csrf_key=b"b" * 32), uuid.uuid4()
    assert one.csrf_token(sid) == Cookies(csrf_key=b"a" * 32).csrf_token(sid) != other.csrf_token(sid)
    assert "aaaa" not in repr(one)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": FOREIGN},
    ],
    ids=str,
)
async def test_other_sites_change_nothing(browser: Browser, headers: dict[str, str]) -> None:
    """Not even with the right token; and they sign nobody in, up or out (login CSRF)."""
    asked = len(browser.edge.world.asked)
    for method, path, body in (
        ("POST", "/session", LOGIN),
        ("POST", "/session/register", LOGIN),
        ("POST", "/session/refresh", None),
        ("DELETE", "/session", None),
        ("POST", "/v1/covers", {"title": "T"}),
    ):
        reply = await browser.ask(method, path, json=body, headers={**headers, **browser.csrf})
        assert (reply.status, reply.json["code"]) == (403, "csrf"), path
        assert "Set-Cookie" not in reply.headers
    assert [subject for subject, _, _ in browser.edge.world.asked[asked:] if subject != auth.JWKS.subject] == []


async def test_our_own_pages_may(browser: Browser) -> None:
    """With the origin that they were loaded from; a form on a page without referrers has the origin `null`."""
    own = {"Origin": browser.edge.url, "Sec-Fetch-Site": "same-origin"}
    hidden = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    for headers in (own, hidden, {"Origin": browser.edge.url}, {"Sec-Fetch-Site": "none"}):
        reply = await browser.ask("PATCH", "/v1/me", json={}, headers={**headers, **browser.csrf})
        assert reply.status == 200, headers


async def test_the_public_origin_is_ours(public: Edge) -> None:
    """Behind a proxy the Host may be another; the same host by plain http is not us."""
    browser = await signed_in(public)
    for origin, status in ((PUBLIC, 200), (public.url, 403), ("http://covers.example.org", 403)):
        reply = await browser.ask("PATCH", "/v1/me", json={}, headers={"Origin": origin, **browser.csrf})
        assert reply.status == status, origin


async def test_the_cookie_is_no_credential_of_other_origins(public: Edge) -> None:
    """CORS allows another origin to call us with a token of its own; the cookie does not count there, nor for what
    its pages show, but does for a link that a user follows."""
    browser, app = await signed_in(public), {"Origin": "https://app.example.org"}
    reply = await browser.ask("GET", "/v1/me", headers=app)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (401, app["Origin"])
    assert "Access-Control-Allow-Credentials" not in reply.headers
    shown = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert (await browser.ask("GET", "/v1/me", headers=shown)).status == 401
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await browser.ask("GET", "/v1/me", headers=followed)).status == 200
    preflight = {**app, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": HEADER}
    allowed = (await browser.ask("OPTIONS", "/v1/covers", headers=preflight)).headers["Access-Control-Allow-Headers"]
    assert HEADER.lower() not in allowed.lower()


async def test_bearers_need_no_csrf_token(browser: Browser) -> None:
    """A token that the caller sends itself is proof; a cookie beside it changes nothing, not even whose it is."""
    headers = browser.edge.world.bearer(browser.edge.user)
    reply = await browser.ask("PATCH", "/v1/me", json={}, headers={**headers, "Origin": FOREIGN})
    assert (reply.status, reply.json["id"]) == (200, str(browser.edge.user))
    bad = await browser.ask("GET", "/v1/me", headers={"Authorization": "Bearer x"})
    assert bad.status == 401


async def test_the_token_may_come_in_a_form(browser: Browser) -> None:
    """A form that the browser posts by itself has it as a field; here the route refuses only its media type."""
    for token, status in ((browser.visit["csrf_token"], 415), ("x", 403)):
        form = {"csrf_token": token, "title": "T"}
        assert (await browser.ask("POST", "/v1/covers", data=form)).status == status
    assert browser.edge.world.count(covers.GENERATE) == 0


async def test_refreshing_changes_both_cookies(browser: Browser) -> None:
    """The old refresh token goes to the node, the new ones into the cookies; no access cookie is needed."""
    reply = await browser.ask("POST", "/session/refresh", without=(ACCESS,))
    fresh = cookies_of(reply)
    assert browser.edge.world.last(auth.REFRESH)[0].refresh_token == browser.cookies[REFRESH].value
    assert (reply.status, set(fresh)) == (200, {ACCESS, REFRESH})
    assert all(fresh[name].value != browser.cookies[name].value for name in fresh)
    assert set(reply.json) == {"user", "expires_in", "csrf_token"}


async def test_a_session_that_cannot_go_on_is_forgotten(browser: Browser) -> None:
    """Refresh cookies that are not good, or not there, are removed with the 401; another failure keeps them."""
    browser.edge.world.failing[auth.REFRESH.subject] = Unauthenticated("used")
    reply = await browser.ask("POST", "/session/refresh")
    assert (reply.status, {m["max-age"] for m in cookies_of(reply).values()}) == (401, {"0"})
    browser.edge.world.failing[auth.REFRESH.subject] = RuntimeError("away")
    reply = await browser.ask("POST", "/session/refresh")
    assert (reply.status, cookies_of(reply)) == (500, {})
    none = await browser.edge.ask("POST", "/session/refresh", signed=False)
    assert none.status == 401


async def test_who_may_refresh_is_told(browser: Browser) -> None:
    """`GET /session` without the access cookie says by its code whether refreshing makes sense."""
    may = await browser.ask("GET", "/session", without=(ACCESS,))
    nobody = await browser.ask("GET", "/session", without=(ACCESS, REFRESH))
    assert [(r.status, r.json["code"]) for r in (may, nobody)] == [(401, "session_expired"), (401, "unauthenticated")]


async def test_signing_out_ends_the_session_and_the_cookies(browser: Browser) -> None:
    """With the CSRF token; the node is given the refresh token, and the browser two cookies that end at once."""
    assert (await browser.ask("DELETE", "/session")).status == 403
    reply = await browser.ask("DELETE", "/session", headers=browser.csrf)
    gone = cookies_of(reply)
    assert (reply.status, reply.body) == (204, b"")
    assert {(m.key, m.value, m["max-age"], m["path"]) for m in gone.values()} == {
        (ACCESS, "", "0", "/"),
        (REFRESH, "", "0", "/session"),
    }
    message, _ = browser.edge.world.last(auth.LOGOUT)
    assert message.refresh_token == browser.cookies[REFRESH].value


async def test_signing_out_twice_is_fine(edge: Edge, browser: Browser) -> None:
    """Nobody is asked when there is nothing to end; an expired access cookie does not stand in the way."""
    nobody = await edge.ask("DELETE", "/session", signed=False)
    assert (nobody.status, set(cookies_of(nobody))) == (204, {ACCESS, REFRESH})
    assert edge.world.count(auth.LOGOUT) == 0
    assert (await browser.ask("DELETE", "/session", without=(ACCESS,))).status == 204
    assert edge.world.count(auth.LOGOUT) == 1


async def test_an_ended_session_is_refused(browser: Browser, nats_url: str) -> None:
    """The cookie of a session that was ended elsewhere is 401 as soon as the edge hears of it."""
    sid = session_of(browser.cookies[ACCESS].value)
    async with a_bus(nats_url, streams=True) as bus:
        await _end(bus, sid)
        async with asyncio.timeout(2):
            while (await browser.ask("GET", "/v1/me")).status != 401:
                await asyncio.sleep(0.01)
    assert (await browser.ask("PATCH", "/v1/me", json={}, headers=browser.csrf)).status == 401


async def test_guesses_count_wherever_they_are_made(nats_url: str, redis: Redis, world: World) -> None:
    """The sign-in of the studio and that of the API share their limit, and both close without Redis."""
    world.failing[auth.LOGIN.subject] = Unauthenticated("wrong")
    rates = Rates().with_quotas({"login-account": 2})
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, rates=rates) as edge:
        paths = ("/session", "/v1/auth/login", "/session")
        statuses = [(await edge.ask("POST", path, signed=False, json=LOGIN)).status for path in paths]
    assert statuses == [401, 401, 429]


async def test_cookies_of_other_programs_do_no_harm(edge: Edge) -> None:
    """Nor do cookies that are no cookies, or an access cookie that is no token."""
    for cookie in ("theme=dark; =; ;;", "covergen_access", f"{ACCESS}=", f"{ACCESS}=x.y.z", f'{ACCESS}="a'):
        reply = await edge.ask("GET", "/v1/me", signed=False, headers={"Cookie": cookie})
        assert (reply.status, reply.json["code"]) == (401, "unauthenticated"), cookie


async def _end(bus: Bus, sid: uuid.UUID) -> None:
    event = SessionsRevoked(session_ids=(sid,), at=datetime.now(UTC))
    await bus.publish(security.SESSION_REVOKED, event, message_id=str(sid), context=Context.new())
