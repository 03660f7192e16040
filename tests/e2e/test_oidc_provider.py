"""The whole product as an OpenID provider, asked by an independent relying party with a browser."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
import pytest_asyncio

from tests.support.api import Api, Running
from tests.support.relying_party import BACK, Browser, RelyingParty, a_relying_party

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
WISH = {
    "name": "Bindery <b>& Sons</b>",
    "redirect_uris": [BACK],
    "scopes": ["openid", "profile", "email", "offline_access", "covers:read"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def partner(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody whom an administrator has made a partner."""
    async with aiohttp.ClientSession() as session:
        admin, partner = Api(session, common_stack.base), Api(session, common_stack.base)
        password = (common_stack.home / "admin-password").read_text().strip()
        body = {"email": "admin@covergen.local", "password": password}
        admin.token = (await admin.call("POST", "/v1/auth/login", body)).body["access_token"]
        user = await partner.register()
        assert (await partner.call("POST", "/v1/oauth/clients", WISH)).status == 403
        given = await admin.call("PUT", f"/v1/admin/users/{user['id']}/roles", {"roles": ["partner"]})
        assert (given.status, given.body["roles"]) == (200, ["user", "partner"])
        body = {"email": user["email"], "password": "correct horse battery"}
        partner.token = (await partner.call("POST", "/v1/auth/login", body)).body["access_token"]
        yield partner


@asynccontextmanager
async def a_browser(common_stack: Running) -> AsyncIterator[Browser]:
    """A browser with a new user signed in."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        browser = Browser(session, common_stack.base)
        await browser.sign_up()
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def scene(common_stack: Running, partner: Api) -> AsyncIterator[tuple[Browser, RelyingParty]]:
    """A user's browser and a confidential client."""
    made = await partner.call("POST", "/v1/oauth/clients", WISH)
    assert made.status == 201, made.body
    async with AsyncExitStack() as open_:
        browser = await open_.enter_async_context(a_browser(common_stack))
        yield browser, await open_.enter_async_context(a_relying_party(common_stack.base, made.body))


def sent_back(location: str) -> dict[str, str]:
    """What a redirect says to the client."""
    assert location.startswith(f"{BACK}?"), location
    return dict(parse_qsl(urlsplit(location).query))


async def test_a_stranger_signs_in_through_us(scene: tuple[Browser, RelyingParty]) -> None:
    """Discovery, consent, code, tokens; the ID token holds; userinfo agrees; scopes are what they say."""
    browser, party = scene
    status, _, page = await browser.open(party.link())
    assert status == 200
    assert "Bindery &lt;b&gt;&amp; Sons&lt;/b&gt;" in page
    assert browser.email in page
    assert "See your e-mail address" in page
    status, location, _ = await browser.press(page, "allow")
    tokens = await party.tokens(location)
    claims = await party.proven(tokens)

    assert (claims["email"], claims["email_verified"], claims["name"]) == (browser.email, False, "Ada Lovelace")
    assert abs(claims["auth_time"] - time.time()) < 60
    info = (await party.client.get(party.metadata["userinfo_endpoint"])).json()
    assert {name: claims[name] for name in info} == info
    base = party.metadata["issuer"]
    assert (await party.client.get(f"{base}/v1/covers")).status_code == 200
    assert (await party.client.post(f"{base}/v1/covers", json={"title": "T"})).status_code == 403
    for closed in ("/v1/me/sessions", "/v1/api-keys", "/v1/oauth/clients", "/oauth/authorize"):
        assert (await party.client.get(base + closed)).status_code == 403, closed


async def test_consent_is_asked_once(scene: tuple[Browser, RelyingParty]) -> None:
    """The second time the browser comes straight back, also silently; not for a client that wants to ask."""
    browser, party = scene
    assert sent_back((await browser.open(party.link(prompt="none")))[1])["error"] == "consent_required"
    await browser.agree(party.link())
    status, location, _ = await browser.open(party.link(prompt="none"))
    assert (status, "code" in sent_back(location)) == (302, True)
    assert (await browser.open(party.link(prompt="consent")))[0] == 200


async def test_who_says_no(scene: tuple[Browser, RelyingParty]) -> None:
    """The client learns that, with its state, and gets no code."""
    browser, party = scene
    _, _, page = await browser.open(party.link())
    status, location, _ = await browser.press(page, "deny")
    came = sent_back(location)
    assert (status, came["error"], came["state"]) == (303, "access_denied", party.state)


async def test_only_our_page_can_say_yes(scene: tuple[Browser, RelyingParty]) -> None:
    """Not without the CSRF token, not with a wrong one, not by a link."""
    browser, party = scene
    _, _, page = await browser.open(party.link())
    assert (await browser.press(page, "allow", csrf_token="x" * 43))[0] == 403
    assert (await browser.press(page.replace("csrf_token", "other"), "allow"))[0] == 403
    assert (await browser.open(party.link(decision="allow")))[0] == 200


async def test_the_page_is_closed(scene: tuple[Browser, RelyingParty]) -> None:
    """No script, no frame, nothing inline; the form leads to us and to the client only; nothing is kept."""
    browser, party = scene
    async with browser.session.get(party.link(), headers={"Sec-Fetch-Mode": "navigate"}) as answer:
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        page = await answer.text()
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert policy["form-action"] == "'self' http://127.0.0.1:9"
    assert "script-src" not in policy
    assert "<script" not in page
    assert "style=" not in page
    assert answer.headers["Cache-Control"] == "no-store"


async def test_strangers_sign_in_first(common_stack: Running, scene: tuple[Browser, RelyingParty]) -> None:
    """They come back to the same question; silently that is login_required."""
    _, party = scene
    async with aiohttp.ClientSession() as session:
        nobody = Browser(session, common_stack.base)
        link = party.link(prompt="login")
        status, location, _ = await nobody.open(link)
        assert (status, urlsplit(location).path) == (302, "/login")
        back = urlsplit(dict(parse_qsl(urlsplit(location).query))["next"])
        asked = dict(parse_qsl(urlsplit(link).query))
        assert back.path == "/oauth/authorize"
        assert dict(parse_qsl(back.query)) == {name: value for name, value in asked.items() if name != "prompt"}
        assert sent_back((await nobody.open(party.link(prompt="none")))[1])["error"] == "login_required"


@pytest.mark.parametrize(
    "uri",
    [f"{BACK}/", "http://127.0.0.1:10/back", f"{BACK}?x=1", "http://localhost:9/back", "https://127.0.0.1:9/back"],
)
async def test_a_redirect_uri_is_exact(scene: tuple[Browser, RelyingParty], uri: str) -> None:
    """Anything else is a page of ours, and no redirect."""
    browser, party = scene
    status, location, page = await browser.open(party.link(redirect_uri=uri))
    assert (status, location) == (400, "")
    assert "not one of its own" in page


@pytest.mark.parametrize("change", [{"code_challenge": ""}, {"code_challenge_method": "plain"}])
async def test_pkce_is_needed(scene: tuple[Browser, RelyingParty], change: dict[str, str]) -> None:
    """S256, for every client."""
    browser, party = scene
    parts = urlsplit(party.link())
    query = urlencode({**dict(parse_qsl(parts.query)), **change})
    _, location, _ = await browser.open(parts._replace(query=query).geturl())
    assert sent_back(location)["error"] == "invalid_request"


async def test_a_wrong_verifier_or_secret(scene: tuple[Browser, RelyingParty]) -> None:
    """Is refused in the words of RFC 6749; the right one still works."""
    browser, party = scene
    code = sent_back(await browser.agree(party.link()))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": party.verifier}
    wrong = await party.ask("token_endpoint", **{**form, "code_verifier": secrets.token_urlsafe(40)})
    assert (wrong[0], wrong[1]["error"]) == (400, "invalid_grant")
    url = party.metadata["token_endpoint"]
    answer = await party.client.request(
        "POST", url, data=form, auth=(party.client.client_id, "cgs_x"), withhold_token=True
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"
    body = urlencode([*form.items(), ("code", code), ("client_id", party.client.client_id)])
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = await party.client.request("POST", url, content=body, headers=form_type, withhold_token=True, auth=None)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert (await party.ask("token_endpoint", **form))[0] == 200


async def test_a_code_twice_ends_the_tokens(scene: tuple[Browser, RelyingParty]) -> None:
    """Within a second they are refused everywhere."""
    browser, party = scene
    location = await browser.agree(party.link())
    tokens = await party.tokens(location)
    covers = f"{party.metadata['issuer']}/v1/covers"
    assert (await party.client.get(covers)).status_code == 200
    form = {"grant_type": "authorization_code", "code": sent_back(location)["code"], "redirect_uri": BACK}
    again = await party.ask("token_endpoint", **form, code_verifier=party.verifier)
    assert (again[0], again[1]["error"]) == (400, "invalid_grant")
    async with asyncio.timeout(1):
        while (await party.client.get(covers)).status_code != 401:
            await asyncio.sleep(0.02)
    old = await party.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert old[1]["error"] == "invalid_grant"


async def test_refresh_introspect_revoke(scene: tuple[Browser, RelyingParty]) -> None:
    """By Authlib's own calls; after the revocation nothing is active and nothing works."""
    browser, party = scene
    tokens = await party.tokens(await browser.agree(party.link()))
    newer = dict(await party.client.refresh_token(party.metadata["token_endpoint"], tokens["refresh_token"]))
    assert newer["refresh_token"] != tokens["refresh_token"]
    at = party.metadata["introspection_endpoint"]
    active = (await party.client.introspect_token(at, newer["access_token"])).json()
    assert (active["active"], active["scope"]) == (True, newer["scope"])
    assert active["client_id"] == party.client.client_id
    await party.client.revoke_token(party.metadata["revocation_endpoint"], newer["refresh_token"])
    assert (await party.client.introspect_token(at, newer["access_token"])).json() == {"active": False}
    async with asyncio.timeout(1):
        while (await party.client.get(f"{party.metadata['issuer']}/v1/covers")).status_code != 401:
            await asyncio.sleep(0.02)


async def test_a_client_by_itself(partner: Api, scene: tuple[Browser, RelyingParty]) -> None:
    """Acts for its owner, within its scopes."""
    _, party = scene
    url = party.metadata["token_endpoint"]
    tokens: dict[str, Any] = dict(
        await party.client.fetch_token(url, grant_type="client_credentials", scope="covers:read")
    )
    assert (tokens["scope"], "refresh_token" in tokens, "id_token" in tokens) == ("covers:read", False, False)
    assert (await party.client.get(f"{party.metadata['issuer']}/v1/covers")).status_code == 200
    assert (await party.client.get(party.metadata["userinfo_endpoint"])).status_code == 403
    names = [each["application"] for each in (await partner.call("GET", "/v1/me/sessions")).body["items"]]
    assert WISH["name"] in names


async def test_a_public_client(common_stack: Running, partner: Api) -> None:
    """With PKCE alone, and another client's code is nothing to it."""
    wish = {**WISH, "confidential": False, "grant_types": ["authorization_code", "refresh_token"]}
    made = (await partner.call("POST", "/v1/oauth/clients", wish)).body
    other = (await partner.call("POST", "/v1/oauth/clients", wish)).body
    assert made["client_secret"] is None
    async with AsyncExitStack() as open_:
        browser = await open_.enter_async_context(a_browser(common_stack))
        options = {"token_endpoint_auth_method": "none"}
        party = await open_.enter_async_context(a_relying_party(common_stack.base, made, **options))
        thief = await open_.enter_async_context(a_relying_party(common_stack.base, other, **options))
        code = sent_back(location := await browser.agree(party.link()))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": other["id"]}
        stolen = await thief.ask("token_endpoint", **form, code_verifier=party.verifier)
        assert (stolen[0], stolen[1]["error"]) == (400, "invalid_grant")
        assert (await party.proven(await party.tokens(location)))["email"] == browser.email
