"""Proofs by mail, sessions and API keys in the whole product, by a client that knows the API and reads its mail."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.api import Api, Running, signed_up
from tests.support.mailbox import the_mail, token_in

OLD, NEW = "correct horse battery", "battery staple horse"
pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def api(common_stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(common_stack.base) as signed:
        yield signed


async def email_of(api: Api) -> str:
    """The address of who is signed in."""
    return str((await api.call("GET", "/v1/me")).body["email"])


def stranger(api: Api) -> Api:
    """The same connection, not signed in."""
    return Api(api.session, api.base)


async def test_an_address_is_proven_by_its_mail(common_stack: Running, api: Api) -> None:
    """The link leads to this stack; the token works once; the account says that it is proven."""
    email = await email_of(api)
    token = token_in(await the_mail(common_stack.home / "mail", email, "Confirm your e-mail address"))
    first = await stranger(api).call("POST", "/v1/auth/verify-email", {"token": token})
    again = await stranger(api).call("POST", "/v1/auth/verify-email", {"token": token})

    assert (first.status, first.body) == (200, {"email": email, "email_verified": True})
    assert (again.status, again.body["errors"][0]["field"]) == (422, "token")
    login = await api.call("POST", "/v1/auth/login", {"email": email, "password": OLD})
    assert login.body["user"]["email_verified"] is True


async def test_a_forgotten_password(common_stack: Running, api: Api) -> None:
    """The answer is the same for everybody; the token sets a password, ends every session at once, and is announced."""
    email, anybody = await email_of(api), stranger(api)
    login = (await anybody.call("POST", "/v1/auth/login", {"email": email, "password": OLD})).body
    answers = [
        await anybody.call("POST", "/v1/auth/password/forgot", {"email": each})
        for each in (email, f"{uuid.uuid4().hex}@example.org")
    ]
    assert [(answer.status, answer.body) for answer in answers] == [(202, {"status": "accepted"})] * 2
    token = token_in(await the_mail(common_stack.home / "mail", email, "Choose a new password"))
    reset = {"token": token, "password": NEW}
    assert (await anybody.call("POST", "/v1/auth/password/reset", reset)).status == 204
    assert (await anybody.call("POST", "/v1/auth/password/reset", reset)).status == 422

    assert (await anybody.call("POST", "/v1/auth/login", {"email": email, "password": OLD})).status == 401
    refresh = {"refresh_token": login["refresh_token"]}
    assert (await anybody.call("POST", "/v1/auth/refresh", refresh)).status == 401
    async with asyncio.timeout(2):
        while (await api.call("GET", "/v1/me")).status != 401:
            await asyncio.sleep(0.02)
    assert (await anybody.call("POST", "/v1/auth/login", {"email": email, "password": NEW})).status == 200
    await the_mail(common_stack.home / "mail", email, "Your password was changed")


async def test_sessions_are_seen_and_ended(api: Api) -> None:
    """Another sign-in is listed with program and network; ended, neither its refresh nor its access token works."""
    other = stranger(api)
    login = await other.call(
        "POST", "/v1/auth/login", {"email": await email_of(api), "password": OLD}, User_Agent="Phone 1"
    )
    other.token = login.body["access_token"]
    listed = (await api.call("GET", "/v1/me/sessions")).body["items"]
    phone = next(each for each in listed if each["user_agent"] == "Phone 1")

    assert [each["current"] for each in listed].count(True) == 1
    assert (phone["address"], phone["current"]) == ("127.0.0.0/24", False)
    assert (await api.call("DELETE", f"/v1/me/sessions/{phone['id']}")).status == 204
    refresh = {"refresh_token": login.body["refresh_token"]}
    assert (await stranger(api).call("POST", "/v1/auth/refresh", refresh)).status == 401
    async with asyncio.timeout(2):
        while (await other.call("GET", "/v1/me")).status != 401:
            await asyncio.sleep(0.02)
    assert (await api.call("DELETE", "/v1/me/sessions")).status == 204
    assert len((await api.call("GET", "/v1/me/sessions")).body["items"]) == 1


async def test_a_key_works_until_it_is_revoked(api: Api) -> None:
    """Within its scopes and no further; it cannot make keys; ten seconds after its end it is dead."""
    made = await api.call("POST", "/v1/api-keys", {"name": "build", "scopes": ["covers:read", "account:read"]})
    assert made.status == 201
    program, key = stranger(api), made.body["key"]
    assert (await program.call("GET", "/v1/covers", X_API_Key=key)).status == 200
    assert (await program.call("GET", "/v1/me", X_API_Key=key)).body["email"] == await email_of(api)
    refused = await program.call("POST", "/v1/covers", {"title": "T"}, X_API_Key=key)
    assert (refused.status, refused.body["detail"]) == (403, "This needs the scope covers:write.")
    assert (await program.call("GET", "/v1/api-keys", X_API_Key=key)).status == 403
    (listed,) = (await api.call("GET", "/v1/api-keys")).body["items"]
    assert listed["last_used_at"] is not None
    assert "key" not in listed

    assert (await api.call("DELETE", f"/v1/api-keys/{made.body['id']}")).status == 204
    async with asyncio.timeout(11):
        while (await program.call("GET", "/v1/covers", X_API_Key=key)).status != 401:
            await asyncio.sleep(0.2)


async def test_administrators_read_what_happened(common_stack: Running, api: Api) -> None:
    """The lines of one user, from where, without secrets; nobody else may."""
    user_id = (await api.call("GET", "/v1/me")).body["id"]
    admin = stranger(api)
    password = (common_stack.home / "admin-password").read_text().strip()
    login = await admin.call("POST", "/v1/auth/login", {"email": "admin@covergen.local", "password": password})
    admin.token = login.body["access_token"]
    page = await admin.call("GET", f"/v1/admin/audit?user_id={user_id}&limit=5")

    assert [(each["event"], each["address"]) for each in page.body["items"]] == [("registered", "127.0.0.0/24")]
    assert (await api.call("GET", "/v1/admin/audit")).status == 403


async def test_no_token_is_in_any_log(common_stack: Running, api: Api) -> None:
    """Of all processes of the stack."""
    email = await email_of(api)
    token = token_in(await the_mail(common_stack.home / "mail", email, "Confirm your e-mail address"))
    logs = _logs(common_stack.home)

    assert logs != ""
    assert token not in logs + "\n".join(common_stack.output)


def _logs(home: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in home.glob("log*/**/*") if path.is_file())
