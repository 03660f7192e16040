"""The studio's session in the whole product: cookies as a browser keeps them, in front of two edge processes."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.support.api import Answer, Api, Running, whole_stack

PASSWORD = "correct horse battery"
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A stack of this module's own, with two edge processes."""
    async with whole_stack(tmp_path_factory.mktemp("browser"), COVERGEN_HTTP_WORKERS="2") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(stack: Running) -> AsyncIterator[Api]:
    """A client that keeps cookies and has no token."""
    jar = aiohttp.CookieJar(unsafe=True)  # its host is an address
    connector = aiohttp.TCPConnector(force_close=True)  # each request may meet the other process
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as session:
        yield Api(session, stack.base)


async def signed_up(browser: Api) -> Answer:
    """Sign up as somebody new."""
    answer = await browser.call(
        "POST", "/session/register", {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    )
    assert answer.status == 201, answer.body
    return answer


async def test_a_visit(browser: Api) -> None:
    """Signed up, changed something in every process, refreshed, signed out: then nothing is left that works."""
    visit = (await signed_up(browser)).body
    seen = (await browser.call("GET", "/session")).body
    assert {"user": seen["user"], "csrf_token": seen["csrf_token"]} == {
        name: visit[name] for name in ("user", "csrf_token")
    }
    for at in range(12):
        changed = await browser.call("PATCH", "/v1/me", {"full_name": f"Ada {at}"}, X_CSRF_Token=visit["csrf_token"])
        assert changed.status == 200, changed.body
    assert (await browser.call("PATCH", "/v1/me", {"full_name": "Eve"})).body["code"] == "csrf"

    before = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
    assert (await browser.call("POST", "/session/refresh")).body["csrf_token"] == visit["csrf_token"]
    after = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
    assert set(before) == set(after)
    assert all(before[name] != after[name] for name in before)

    assert (await browser.call("DELETE", "/session", X_CSRF_Token=visit["csrf_token"])).status == 204
    assert list(browser.session.cookie_jar) == []
    assert (await browser.call("GET", "/session")).body["code"] == "unauthenticated"
    stolen = {"Cookie": f"covergen_refresh={after['covergen_refresh']}"}
    assert (await browser.call("POST", "/session/refresh", **stolen)).status == 401


async def test_a_session_that_is_ended_elsewhere(browser: Api) -> None:
    """Its access cookie is refused within moments, and its refresh cookie is then taken away."""
    visit = (await signed_up(browser)).body
    listed = (await browser.call("GET", "/v1/me/sessions")).body["items"]
    mine = next(session["id"] for session in listed if session["current"])
    ended = await browser.call("DELETE", f"/v1/me/sessions/{mine}", X_CSRF_Token=visit["csrf_token"])
    assert ended.status == 204, ended.body
    async with asyncio.timeout(5):
        while (await browser.call("GET", "/v1/me")).status != 401:
            await asyncio.sleep(0.05)
    assert (await browser.call("POST", "/session/refresh")).status == 401
    assert list(browser.session.cookie_jar) == []
