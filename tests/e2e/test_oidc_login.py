"""Sign-in at another provider in the whole product: as a browser goes through it, cookies and redirects included."""

import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from tests.support.api import Api, Running, whole_stack
from tests.support.oidc_server import CLIENT_ID, SECRET, Provider, a_provider

START = "/v1/auth/oauth/test-op/start"
pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[Provider]:
    """A provider in this process."""
    async with a_provider() as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> AsyncIterator[Running]:
    """A stack that knows the provider, on a port that is known before: the provider sends browsers there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {
        "COVERGEN_HTTP_PORT": str(port),
        "COVERGEN_OIDC": f"test-op={CLIENT_ID}:{SECRET}@{provider.url}",
        "COVERGEN_GITHUB_CLIENT": "an-id:a-secret",
    }
    async with whole_stack(tmp_path_factory.mktemp("oidc"), **settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(provider: Provider) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser with cookies of its own; whoever uses it is new at the provider."""
    name = uuid.uuid4().hex[:12]
    provider.person |= {"sub": name, "email": f"{name}@example.org", "email_verified": True}
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept": "text/html,*/*"}
    ) as session:
        yield session


async def hop(browser: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str]:
    """One request: its status and where it leads."""
    async with browser.get(URL(url, encoded=True), allow_redirects=False, headers=headers) as answer:
        return answer.status, answer.headers.get("Location", "")


async def back_from(browser: aiohttp.ClientSession, base: str, query: str = "") -> str:
    """Through the start and the provider: the address of the callback."""
    status, there = await hop(browser, f"{base}{START}{query}")
    assert status == 302
    status, back = await hop(browser, there)
    assert status == 302
    return back


async def visit(browser: aiohttp.ClientSession, base: str) -> dict[str, Any] | None:
    """Who is signed in in the browser."""
    async with browser.get(f"{base}/session") as answer:
        return await answer.json() if answer.status == 200 else None


async def test_a_browser_signs_in(stack: Running, provider: Provider, browser: aiohttp.ClientSession) -> None:
    """There and back: the session is in cookies that no script reads, the browser where it wanted to go."""
    async with browser.get(f"{stack.base}/v1/auth/providers") as answer:
        listed = await answer.json()
    callback = await back_from(browser, stack.base, "?next=/%3Fx=1")
    binding = next(cookie for cookie in browser.cookie_jar if cookie.key == "covergen_login")
    async with browser.get(URL(callback, encoded=True), allow_redirects=False) as answer:
        status, place, cookies = answer.status, answer.headers["Location"], answer.headers.getall("Set-Cookie")
    signed = await visit(browser, stack.base)

    assert [each["name"] for each in listed["items"]] == ["github", "test-op"]
    assert (binding["httponly"], binding["samesite"], binding["max-age"]) == (True, "Lax", "600")
    assert (status, place) == (303, "/?x=1")
    assert all("HttpOnly" in cookie for cookie in cookies)
    assert signed is not None
    assert (signed["user"]["email"], signed["user"]["email_verified"]) == (provider.person["email"], True)
    assert await hop(browser, callback) == (303, "/?signin=failed")  # used already; the session goes on
    assert await visit(browser, stack.base) is not None


async def test_another_browser_cannot_finish(stack: Running, browser: aiohttp.ClientSession) -> None:
    """Neither one without the cookie nor one that has begun a sign-in of its own; the right one still can."""
    callback = await back_from(browser, stack.base)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as other:
        assert await hop(other, callback) == (303, "/?signin=failed")
        await hop(other, f"{stack.base}{START}")
        assert await hop(other, callback) == (303, "/?signin=failed")
        assert await visit(other, stack.base) is None
        forged = callback.replace("state=", "state=x")
    assert await hop(browser, forged) == (303, "/?signin=failed")
    assert await hop(browser, callback) == (303, "/")


async def test_two_tabs_of_one_browser(stack: Running, browser: aiohttp.ClientSession) -> None:
    """A sign-in begun in a second tab does not break the first."""
    first, second = [await back_from(browser, stack.base) for _ in range(2)]

    assert await hop(browser, first) == (303, "/")
    assert await hop(browser, second) == (303, "/")


async def test_refusals_are_told_to_the_studio(
    stack: Running, provider: Provider, browser: aiohttp.ClientSession
) -> None:
    """By a word: cancelled, an address that is not verified, a provider that is down; nothing leads elsewhere."""
    provider.denies = "access_denied"
    assert await hop(browser, await back_from(browser, stack.base)) == (303, "/?signin=failed")
    provider.denies = None
    provider.person["email_verified"] = False
    assert await hop(browser, await back_from(browser, stack.base)) == (303, "/?signin=unverified")
    provider.person["email_verified"] = True
    callback = await back_from(browser, stack.base, "?next=//evil.example")
    provider.down = True
    assert await hop(browser, callback) == (303, "/?signin=unavailable")
    provider.down = False
    assert await hop(browser, await back_from(browser, stack.base, "?next=//evil.example")) == (303, "/")
    assert (await hop(browser, f"{stack.base}/v1/auth/oauth/nowhere/start"))[0] == 404


async def test_a_client_without_the_studio(stack: Running, provider: Provider, browser: aiohttp.ClientSession) -> None:
    """Who accepts only JSON gets the tokens, or a problem; it may link one more way, and not lose the last."""
    callback = await back_from(browser, stack.base)
    async with browser.get(URL(callback, encoded=True), headers={"Accept": "application/json"}) as answer:
        session = await answer.json()
        assert (answer.status, session["user"]["email"]) == (200, provider.person["email"])
    async with browser.get(URL(callback, encoded=True), headers={"Accept": "application/json"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "unauthenticated")

    async with aiohttp.ClientSession() as plain:
        api = Api(plain, stack.base, session["access_token"])
        listed = (await api.call("GET", "/v1/me/identities")).body
        assert [each["provider"] for each in listed["items"]] == ["test-op"]
        assert (await api.call("DELETE", f"/v1/me/identities/{listed['items'][0]['id']}")).status == 409
        begun = await api.call("POST", "/v1/me/identities", {"provider": "github", "next": "/x"})
        query = parse_qs(urlsplit(begun.body["url"]).query)
        assert (begun.status, query["code_challenge_method"]) == (200, ["S256"])
        assert begun.body["url"].startswith("https://github.com/login/oauth/authorize?")
        assert query["redirect_uri"] == [f"{stack.base}/v1/auth/oauth/github/callback"]
        change = {"current_password": "anything", "new_password": "correct horse"}
        assert (await api.call("POST", "/v1/me/password", change)).status == 409
        assert (await api.call("DELETE", "/v1/me", {})).status == 204


async def test_a_password_is_changed(stack: Running, browser: aiohttp.ClientSession) -> None:
    """By the present one; the old one is refused then."""
    api = Api(browser, stack.base)
    user = await api.register()
    change = {"current_password": "wrong horse battery", "new_password": "battery staple horse"}
    refused = await api.call("POST", "/v1/me/password", change)
    done = await api.call("POST", "/v1/me/password", {**change, "current_password": "correct horse battery"})
    login = {"email": user["email"], "password": change["new_password"]}

    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "current_password")
    assert done.status == 204
    assert (await api.call("GET", "/v1/me")).status == 200
    assert (await Api(browser, stack.base).call("POST", "/v1/auth/login", login)).status == 200
