"""The authorization server of the auth node, on a real database and a real bus: codes, grants, refusals."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from contracts import auth, security
from contracts.auth import Session
from contracts.errors import Unauthenticated
from contracts.oauth import Refusal, Tokens
from contracts.security import ListSessions, RevokeSession
from tests.support.auth_house import House, an_auth_house
from tests.support.partners import BACK, PARTNER, Partner, a_partner, caller, claims_of, sent_back

VERIFIER = secrets.token_urlsafe(40)
ISSUER = "http://127.0.0.1:8080"


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


@pytest_asyncio.fixture
async def partner(house: House) -> Partner:
    """A partner with a confidential client."""
    return await a_partner(house)


@pytest_asyncio.fixture
async def ada(house: House, partner: Partner) -> Session:
    """Somebody who is signed in."""
    return await house.register()


async def test_a_code_becomes_tokens(house: House, partner: Partner, ada: Session) -> None:
    """An access token with scopes and client, a refresh token, an ID token with nonce and the time of the sign-in."""
    house.later(seconds=20)
    answer = sent_back(await partner.ask(ada, VERIFIER))
    assert (answer["state"], answer["iss"]) == ("s-1", ISSUER)
    tokens = await partner.redeem(answer["code"], VERIFIER)
    assert isinstance(tokens, Tokens)
    claims, id_token = await house.verify(tokens.access_token), claims_of(tokens.id_token or "")

    assert (claims.sub, claims.client_id, claims.roles) == (ada.user.id, str(partner.client.id), ("user",))
    assert claims.scope == tokens.scope == "covers:read email offline_access openid"
    assert (id_token["iss"], id_token["aud"], id_token["nonce"]) == (ISSUER, str(partner.client.id), "n-1")
    assert (id_token["sub"], id_token["email"], id_token["email_verified"]) == (str(ada.user.id), ada.user.email, False)
    assert id_token["iat"] - id_token["auth_time"] == 20
    assert "name" not in id_token
    assert tokens.refresh_token


async def test_a_code_is_good_once(house: House, partner: Partner, ada: Session) -> None:
    """The second use is refused and ends what the first one has got; the edges are told."""
    code = await partner.code(ada, VERIFIER)
    tokens = await partner.redeem(code, VERIFIER)
    assert isinstance(tokens, Tokens)
    assert _error(await partner.redeem(code, VERIFIER)) == "invalid_grant"

    with pytest.raises(Unauthenticated):
        await house.verify(tokens.access_token)
    assert _error(await partner.token("refresh_token", refresh_token=tokens.refresh_token)) == "invalid_grant"
    async with asyncio.timeout(1):
        while claims_of(tokens.access_token)["sid"] not in map(str, house.ended):
            await asyncio.sleep(0.01)


async def test_of_many_at_once_one_gets_tokens(partner: Partner, ada: Session) -> None:
    """Twenty redemptions of one code at the same moment."""
    code = await partner.code(ada, VERIFIER)
    answers = await asyncio.gather(*(partner.redeem(code, VERIFIER) for _ in range(20)))
    assert sum(isinstance(answer, Tokens) for answer in answers) == 1
    assert {answer.error for answer in answers if isinstance(answer, Refusal)} == {"invalid_grant"}


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": f"{BACK}/"},
        {"redirect_uri": None},
        {"code": "never given"},
    ],
)
async def test_a_code_is_bound(partner: Partner, ada: Session, change: dict[str, Any]) -> None:
    """To its verifier and its redirect URI; a failed try does not use it up."""
    code = await partner.code(ada, VERIFIER)
    assert _error(await partner.redeem(**{"code": code, "verifier": VERIFIER, **_renamed(change)})) == "invalid_grant"
    assert isinstance(await partner.redeem(code, VERIFIER), Tokens)


async def test_a_code_is_good_for_a_minute(house: House, partner: Partner, ada: Session) -> None:
    """And not longer; nor for another client, nor when the user has signed out meanwhile."""
    code, late = await partner.code(ada, VERIFIER), await partner.code(ada, VERIFIER)
    other = await a_partner(house, _named("other"))
    assert _error(await other.redeem(code, VERIFIER)) == "invalid_grant"
    house.later(seconds=61)
    assert _error(await partner.redeem(late, VERIFIER)) == "invalid_grant"
    last = await partner.code(ada, VERIFIER)
    sid = uuid.UUID(claims_of(ada.access_token)["sid"])
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=sid), caller(ada))
    assert _error(await partner.redeem(last, VERIFIER)) == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid account:write"}, "invalid_scope"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none", "decision": None}, "consent_required"),
        ({"prompt": "none", "session_id": None}, "login_required"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "ey.."}, "request_not_supported"),
        ({"repeated": ("scope",)}, "invalid_request"),
        ({"decision": "deny"}, "access_denied"),
    ],
)
async def test_refusals_go_to_the_client(partner: Partner, ada: Session, change: dict[str, Any], error: str) -> None:
    """With state and issuer, without a code."""
    answer = sent_back(await partner.ask(ada, VERIFIER, **change))
    assert (answer["error"], answer["state"], answer["iss"], "code" in answer) == (error, "s-1", ISSUER, False)


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": f"{BACK}/"},
        {"redirect_uri": f"{BACK}?more=1"},
        {"redirect_uri": "https://partner.example:444/back"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": None},
        {"repeated": ("redirect_uri",)},
        {"client_id": str(uuid.uuid4())},
        {"client_id": "shop"},
        {"client_id": None},
    ],
)
async def test_nobody_is_sent_astray(partner: Partner, ada: Session, change: dict[str, Any]) -> None:
    """Where the client or its redirect URI is not known there is no redirect."""
    answer = await partner.ask(ada, VERIFIER, **change)
    assert (answer.outcome, answer.location) == ("refuse", "")


async def test_consent_is_remembered(partner: Partner, ada: Session) -> None:
    """For the same scopes and fewer; more are asked for, and so is what prompt=consent wants."""
    first = await partner.ask(ada, VERIFIER, decision=None)
    assert (first.outcome, first.client, first.account) == ("ask", "Partner's shop", ada.user.email)
    await partner.let_in(ada)

    assert "code" in sent_back(await partner.ask(ada, VERIFIER, decision=None))
    assert "code" in sent_back(await partner.ask(ada, VERIFIER, decision=None, scope="openid", prompt="none"))
    assert (await partner.ask(ada, VERIFIER, decision=None, scope="openid covers:write")).outcome == "ask"
    assert (await partner.ask(ada, VERIFIER, decision=None, prompt="consent")).outcome == "ask"


async def test_signing_in_anew(house: House, partner: Partner, ada: Session) -> None:
    """Asked of strangers, by prompt=login, and when the sign-in is older than max_age."""
    await partner.let_in(ada)
    house.later(seconds=100)
    assert (await partner.ask(ada, VERIFIER, decision=None, session_id=None)).outcome == "sign_in"
    assert (await partner.ask(ada, VERIFIER, decision=None, prompt="login")).outcome == "sign_in"
    assert (await partner.ask(ada, VERIFIER, decision=None, max_age="99")).outcome == "sign_in"
    assert (await partner.ask(ada, VERIFIER, decision=None, max_age="100")).outcome == "redirect"


async def test_a_public_client_on_this_machine_asks_every_time(house: House, ada: Session) -> None:
    """Whoever listens on that port could be it. It needs no secret, and has none."""
    back = "http://127.0.0.1:7777/back"
    wish = {"confidential": False, "redirect_uris": (back,), "grant_types": ("authorization_code", "refresh_token")}
    native = await a_partner(house, _named("native"), **wish)
    code = await native.code(ada, VERIFIER, redirect_uri=back)

    assert native.client.client_secret is None
    assert isinstance(await native.redeem(code, VERIFIER, redirect_uri=back), Tokens)
    assert (await native.ask(ada, VERIFIER, decision=None, redirect_uri=back)).outcome == "ask"
    again = await native.code(ada, VERIFIER, redirect_uri=back)
    assert _error(await native.redeem(again, VERIFIER, redirect_uri=back, client_secret="cgs_x")) == "invalid_client"


async def test_refresh_tokens_rotate(house: House, partner: Partner, ada: Session) -> None:
    """Scopes may be fewer, never more; a used token ends the family; the studio's refresh takes none of them."""
    first = await partner.let_in(ada)
    second = await partner.token("refresh_token", refresh_token=first.refresh_token, scope="covers:read")
    assert isinstance(second, Tokens)
    assert second.scope == "covers:read"
    more = await partner.token("refresh_token", refresh_token=second.refresh_token, scope="covers:write")
    assert _error(more) == "invalid_scope"
    with pytest.raises(Unauthenticated):
        await house.refresh(second.refresh_token or "")
    third = await partner.token("refresh_token", refresh_token=second.refresh_token)
    assert isinstance(third, Tokens)
    assert third.scope == first.scope
    house.later(seconds=30)
    assert _error(await partner.token("refresh_token", refresh_token=first.refresh_token)) == "invalid_grant"
    assert _error(await partner.token("refresh_token", refresh_token=third.refresh_token)) == "invalid_grant"
    with pytest.raises(Unauthenticated):
        await house.verify(third.access_token)


async def test_without_offline_access_there_is_no_refresh_token(partner: Partner, ada: Session) -> None:
    """And without openid no ID token."""
    tokens = await partner.let_in(ada, scope="covers:read")
    assert (tokens.refresh_token, tokens.id_token, tokens.scope) == (None, None, "covers:read")


async def test_a_client_by_itself_acts_for_its_owner(house: House, partner: Partner) -> None:
    """Within its own scopes that are about no user, in one session of the owner, which can be ended."""
    first, second = await partner.token("client_credentials"), await partner.token("client_credentials")
    assert isinstance(first, Tokens)
    assert isinstance(second, Tokens)
    one, two = await house.verify(first.access_token), await house.verify(second.access_token)

    assert (one.sub, one.sid, one.scope) == (partner.session.user.id, two.sid, "covers:read covers:write")
    assert first.refresh_token is None
    assert _error(await partner.token("client_credentials", scope="openid")) == "invalid_scope"
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=one.sid), partner.by)
    with pytest.raises(Unauthenticated):
        await house.verify(second.access_token)
    third = await partner.token("client_credentials")
    assert isinstance(third, Tokens)
    assert claims_of(third.access_token)["sid"] != str(one.sid)


@pytest.mark.parametrize(
    ("grant", "change", "error"),
    [
        ("client_credentials", {"client_secret": "cgs_wrong"}, "invalid_client"),
        ("client_credentials", {"client_secret": None}, "invalid_client"),
        ("client_credentials", {"client_id": str(uuid.uuid4())}, "invalid_client"),
        ("client_credentials", {"client_id": None}, "invalid_client"),
        ("password", {}, "unsupported_grant_type"),
        ("", {}, "invalid_request"),
        ("authorization_code", {}, "invalid_request"),
        ("refresh_token", {"refresh_token": "never given"}, "invalid_grant"),
    ],
)
async def test_refusals_at_the_token_endpoint(partner: Partner, grant: str, change: dict[str, Any], error: str) -> None:
    """In the words of RFC 6749."""
    assert _error(await partner.token(grant, **change)) == error


async def test_the_user_sees_and_ends_it(house: House, partner: Partner, ada: Session) -> None:
    """The list of sessions names the program; its end is the end of its tokens and of the consent."""
    tokens = await partner.let_in(ada)
    listed = (await house.bus.request(security.LIST_SESSIONS, ListSessions(), caller(ada))).items
    (its,) = [each for each in listed if each.application == "Partner's shop"]
    assert len(listed) == 2
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=its.id), caller(ada))

    assert _error(await partner.token("refresh_token", refresh_token=tokens.refresh_token)) == "invalid_grant"
    assert (await partner.ask(ada, VERIFIER, decision=None)).outcome == "ask"


async def test_the_signing_key_is_there_before_the_first_id_token(house: House, partner: Partner) -> None:
    """A client with openid makes it, so that its public part is known in time."""
    jwks = await house.bus.request(auth.JWKS, auth.GetJwks(), partner.by)
    assert [key.alg for key in jwks.keys if key.kty == "RSA"] == ["RS256"]


def _error(answer: Tokens | Refusal) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.error


def _renamed(change: Mapping[str, Any]) -> dict[str, Any]:
    return {("verifier" if name == "code_verifier" else name): value for name, value in change.items()}


def _named(name: str) -> auth.Register:
    return replace(PARTNER, email=f"{name}@example.org")
