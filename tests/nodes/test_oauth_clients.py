"""Clients, what they learn of tokens and users, and the roles of accounts, on a real database and a real bus."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from contracts import auth, oauth, security
from contracts.auth import DeleteAccount, Session
from contracts.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unauthenticated
from contracts.oauth import (
    CreateClient,
    DeleteClient,
    GetUserInfo,
    Introspection,
    ListClients,
    Refusal,
    SetRoles,
    TokenQuery,
    Tokens,
)
from contracts.wire import Context
from tests.support.auth_house import House, an_auth_house
from tests.support.partners import BACK, PARTNER, Partner, a_partner, caller, claims_of

ROOT = Context(request_id="r", user_id=uuid.uuid4(), roles=("user", "admin"))


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


@pytest_asyncio.fixture
async def partner(house: House) -> Partner:
    """A partner with a confidential client."""
    return await a_partner(house)


async def raised(work: Awaitable[Any]) -> type[ServiceError]:
    """The class of the error."""
    with pytest.raises(ServiceError) as caught:
        await work
    return type(caught.value)


async def told(partner: Partner, token: str | None, **change: Any) -> Introspection | Refusal:
    """What introspection says to this client."""
    wish = {"client_id": str(partner.client.id), "client_secret": partner.client.client_secret, "token": token}
    reply = await partner.house.bus.request(oauth.INTROSPECT, TokenQuery(**{**wish, **change}), Context.new())
    answer = reply.granted or reply.refused
    assert answer is not None
    return answer


async def revoke(partner: Partner, token: str) -> None:
    """By its client."""
    query = TokenQuery(client_id=str(partner.client.id), client_secret=partner.client.client_secret, token=token)
    assert (await partner.house.bus.request(oauth.REVOKE_TOKEN, query, Context.new())).refused is None


def order(**change: Any) -> CreateClient:
    """A good client, but for the change."""
    return msgspec.convert({"name": "Shop", "redirect_uris": [BACK], "scopes": ["covers:read"], **change}, CreateClient)


async def test_only_partners_have_clients(house: House, partner: Partner) -> None:
    """Listed by their owner alone, without secrets; the database has a hash only."""
    user = await house.register()
    assert await raised(house.bus.request(oauth.CREATE_CLIENT, order(), caller(user))) is Forbidden
    other = caller(user, "partner")
    assert (await house.bus.request(oauth.LIST_CLIENTS, ListClients(), other)).items == ()
    (listed,) = (await house.bus.request(oauth.LIST_CLIENTS, ListClients(), partner.by)).items
    assert msgspec.structs.asdict(listed).items() <= msgspec.structs.asdict(partner.client).items()
    assert await raised(house.bus.request(oauth.DELETE_CLIENT, DeleteClient(id=listed.id), other)) is NotFound
    secret = partner.client.client_secret or ""
    rows = await house.pool.all("SELECT oauth_clients::text AS row FROM oauth_clients")
    assert secret.startswith("cgs_")
    assert all(secret not in row["row"] for row in rows)


@pytest.mark.parametrize(
    "uri",
    [
        "http://partner.example/back",
        "https://partner.example/back#here",
        "https://user@partner.example/back",
        "https://partner.example/a b",
        "https://partner.example;x/back",
        "http://127.0.0.1.evil.example/back",
        "http://localhost.evil.example/",
        "javascript:alert(1)//https://x",
        "shop://back",
        "https:///back",
        "https://partner.example/back\n",
    ],
)
def test_redirect_uris_are_https_or_this_machine(uri: str) -> None:
    """Anything else is no such URI."""
    with pytest.raises(msgspec.ValidationError):
        order(redirect_uris=[uri])


@pytest.mark.parametrize("uri", ["https://partner.example", "http://localhost:3000/b?x=1", "http://[::1]:80/b"])
def test_good_redirect_uris(uri: str) -> None:
    """With or without port, path and query."""
    assert order(redirect_uris=[uri]).redirect_uris == (uri,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"redirect_uris": []}, "redirect_uris"),
        ({"grant_types": ["client_credentials"], "confidential": False}, "grant_types"),
        ({"grant_types": ["client_credentials", "refresh_token"]}, "grant_types"),
        ({"grant_types": ["authorization_code"], "scopes": ["openid", "offline_access"]}, "scopes"),
    ],
)
async def test_what_does_not_go_together(house: House, partner: Partner, change: dict[str, Any], field: str) -> None:
    """Invalid, naming the field."""
    with pytest.raises(Invalid) as caught:
        await house.bus.request(oauth.CREATE_CLIENT, order(**change), partner.by)
    assert caught.value.errors[0].field == field


async def test_there_are_twenty_clients_at_most(house: House, partner: Partner) -> None:
    """Also when many are made at the same moment."""
    made = await asyncio.gather(
        *(house.bus.request(oauth.CREATE_CLIENT, order(), partner.by) for _ in range(25)), return_exceptions=True
    )
    assert [type(each) for each in made].count(oauth.NewClient) == 19
    assert len((await house.bus.request(oauth.LIST_CLIENTS, ListClients(), partner.by)).items) == 20


async def test_a_removed_client_has_nothing(house: House, partner: Partner) -> None:
    """Its tokens end, also of its users, and the edges are told."""
    user = await house.register()
    tokens = await partner.let_in(user)
    await house.bus.request(oauth.DELETE_CLIENT, DeleteClient(id=partner.client.id), partner.by)

    with pytest.raises(Unauthenticated):
        await house.verify(tokens.access_token)
    answer = await partner.token("refresh_token", refresh_token=tokens.refresh_token)
    assert isinstance(answer, Refusal)
    assert answer.error == "invalid_client"
    async with asyncio.timeout(2):
        while claims_of(tokens.access_token)["sid"] not in map(str, house.ended):
            await asyncio.sleep(0.01)
    assert await raised(house.verify(tokens.access_token)) is Unauthenticated
    gone = house.bus.request(oauth.DELETE_CLIENT, DeleteClient(id=partner.client.id), partner.by)
    assert await raised(gone) is NotFound


async def test_introspection_tells_of_own_tokens(house: House, partner: Partner) -> None:
    """Of access and refresh tokens; of others' only that they are not active."""
    user, other = await house.register(), await a_partner(house, replace(PARTNER, email="other@example.org"))
    tokens = await partner.let_in(user)
    access, refresh = await told(partner, tokens.access_token), await told(partner, tokens.refresh_token)
    assert isinstance(access, Introspection)
    assert isinstance(refresh, Introspection)

    assert (access.active, access.sub, access.client_id) == (True, str(user.user.id), str(partner.client.id))
    assert (access.scope, access.token_type) == (tokens.scope, "Bearer")
    assert (refresh.active, refresh.token_type) == (True, "refresh_token")
    for token in (tokens.access_token, tokens.refresh_token, user.access_token, user.refresh_token, "nonsense"):
        assert await told(other, token) == Introspection(active=False)
    assert isinstance(await told(partner, tokens.access_token, client_secret="cgs_wrong"), Refusal)
    assert isinstance(await told(partner, None), Refusal)
    house.later(minutes=16)
    assert await told(partner, tokens.access_token) == Introspection(active=False)
    assert (await told(partner, tokens.refresh_token)) == refresh


async def test_revocation(house: House, partner: Partner) -> None:
    """One token takes all of its session with it; another client's goes on; both are answered alike."""
    user, other = await house.register(), await a_partner(house, replace(PARTNER, email="other@example.org"))
    one, two = await partner.let_in(user), await partner.let_in(user)
    await revoke(other, one.access_token)
    await revoke(other, one.refresh_token or "")
    await revoke(partner, user.access_token)
    assert (await told(partner, one.access_token)) != Introspection(active=False)
    await revoke(partner, one.refresh_token or "")
    await revoke(partner, two.access_token)
    await revoke(partner, "nonsense")

    for tokens in (one, two):
        assert await told(partner, tokens.access_token) == Introspection(active=False)
        assert await told(partner, tokens.refresh_token) == Introspection(active=False)
    assert (await house.verify(user.access_token)).sub == user.user.id


async def test_userinfo_is_what_the_scopes_tell(house: House, partner: Partner) -> None:
    """The subject always; name and address by scope."""
    user = await house.register()

    async def info(scope: str | None) -> dict[str, Any]:
        reply = await house.bus.request(oauth.USERINFO, GetUserInfo(scope=scope), caller(user))
        found: dict[str, Any] = msgspec.to_builtins(reply)
        return found

    sub = {"sub": str(user.user.id)}
    assert await info("openid covers:read") == sub
    assert await info("openid email") == {**sub, "email": user.user.email, "email_verified": False}
    assert await info("openid profile") == {**sub, "name": "ada", "preferred_username": "ada"}


async def test_roles_are_given_and_taken(house: House) -> None:
    """By administrators; a new role is in the next token; each change is a line of the log, once."""
    user = await house.register()
    set_roles = SetRoles(id=user.user.id, roles=("partner",))
    assert await raised(house.bus.request(oauth.SET_ROLES, set_roles, caller(user, "partner"))) is Forbidden
    for _ in range(2):
        assert (await house.bus.request(oauth.SET_ROLES, set_roles, ROOT)).roles == ("user", "partner")
    renewed = await house.refresh(user.refresh_token)
    assert (await house.verify(renewed.access_token)).roles == ("user", "partner")
    await house.bus.request(oauth.SET_ROLES, SetRoles(id=user.user.id, roles=()), ROOT)

    page = await house.bus.request(security.AUDIT, security.ListAudit(user_id=user.user.id), ROOT)
    lines = [(entry.event, entry.detail, entry.by) for entry in page.items if entry.event.startswith("role_")]
    assert lines == [("role_taken", "partner", ROOT.user_id), ("role_given", "partner", ROOT.user_id)]
    nobody = house.bus.request(oauth.SET_ROLES, SetRoles(id=uuid.uuid4(), roles=()), ROOT)
    assert await raised(nobody) is NotFound


async def test_who_was_administrator_is_signed_out(house: House) -> None:
    """So that no token says it any more. Nobody takes that role from himself."""
    user = await house.register()
    await house.bus.request(oauth.SET_ROLES, SetRoles(id=user.user.id, roles=("admin",)), ROOT)
    admin = await house.login()
    own = house.bus.request(oauth.SET_ROLES, SetRoles(id=user.user.id, roles=()), caller(user, "admin"))
    assert await raised(own) is Conflict
    await house.bus.request(oauth.SET_ROLES, SetRoles(id=user.user.id, roles=("partner",)), ROOT)

    with pytest.raises(Unauthenticated):
        await house.verify(admin.access_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(admin.refresh_token)
    assert (await house.verify((await house.login()).access_token)).roles == ("user", "partner")


async def test_clients_of_who_is_no_partner_any_more(house: House, partner: Partner) -> None:
    """Get nothing, and users are not sent to them."""
    tokens = await partner.let_in(await house.register())
    await house.bus.request(oauth.SET_ROLES, SetRoles(id=partner.session.user.id, roles=()), ROOT)
    answer = await partner.token("refresh_token", refresh_token=tokens.refresh_token)
    assert isinstance(answer, Refusal)
    assert answer.error == "invalid_client"
    assert (await partner.ask(partner.session, "v" * 43)).outcome == "refuse"


async def test_a_deleted_account_takes_its_clients_along(house: House, partner: Partner) -> None:
    """The tokens of their users too; and what a user has allowed goes with the user."""
    user: Session = await house.register()
    tokens: Tokens = await partner.let_in(user)
    delete = DeleteAccount(password=PARTNER.password)
    await house.bus.request(auth.DELETE_ACCOUNT, delete, caller(partner.session))

    with pytest.raises(Unauthenticated):
        await house.verify(tokens.access_token)
    for table in ("oauth_clients", "oauth_consents", "authorization_codes"):
        assert await house.pool.value(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 -- names of ours
    assert (await house.verify(user.access_token)).sub == user.user.id
