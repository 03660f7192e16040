"""Sign-in at other providers and changed passwords in the auth node, on a real database, bus and provider."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from adapters.crypto import new_opaque_token
from adapters.identity.github import GitHubProvider
from adapters.identity.oidc import OidcProvider
from adapters.identity.registered import Client, Registered
from contracts import auth, logins, security
from contracts.auth import DeleteAccount, Register, Session
from contracts.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unauthenticated, Unavailable
from contracts.logins import (
    ChangePassword,
    FinishedLogin,
    FinishLogin,
    ListIdentities,
    ListProviders,
    StartLogin,
    UnlinkIdentity,
)
from contracts.security import CreateApiKey, ListAudit, VerifyEmail
from contracts.wire import Context
from nodes.auth.logins import own_path
from tests.support.auth_house import ADMIN, House, an_auth_house
from tests.support.oidc_server import CLIENT_ID, SECRET, Provider, a_provider, visited

BROWSER = new_opaque_token()
GRACE = Register(email="grace@example.org", password="hopper's nanosecond", username="grace")
US = Client(CLIENT_ID, SECRET)


@dataclass
class Scene:
    """An auth node and the provider that it believes."""

    house: House
    op: Provider

    async def begun(self, provider: str = "op", user_id: uuid.UUID | None = None, **wish: Any) -> dict[str, str]:
        """What the provider gives the browser to bring back."""
        order = StartLogin(provider=provider, browser=BROWSER, **wish)
        context = Context(request_id="r", user_id=user_id)
        started = await self.house.bus.request(logins.START_LOGIN, order, context)
        return await visited(started.url)

    async def finished(self, answer: dict[str, str], provider: str = "op", browser: str = BROWSER) -> FinishedLogin:
        """The browser is back."""
        order = FinishLogin(provider=provider, browser=browser, **answer)
        return await self.house.bus.request(logins.FINISH_LOGIN, order, Context.new())

    async def signed_in(self, provider: str = "op") -> Session:
        """A whole sign-in."""
        done = await self.finished(await self.begun(provider), provider)
        assert done.session is not None
        return done.session

    async def identities(self, session: Session) -> logins.IdentityList:
        """Where a user can sign in."""
        return await self.house.bus.request(logins.LIST_IDENTITIES, ListIdentities(), by(session))

    async def events(self, user_id: uuid.UUID | None = None) -> list[str]:
        """The audit log, the oldest first."""
        admin = Context(request_id="r", user_id=uuid.uuid4(), roles=("user", "admin"))
        page = await self.house.bus.request(security.AUDIT, ListAudit(limit=100, user_id=user_id), admin)
        return [entry.event for entry in reversed(page.items)]


@pytest_asyncio.fixture
async def scene(nats_url: str, postgres_database: str) -> AsyncIterator[Scene]:
    """A node that knows a provider and something like GitHub."""
    async with a_provider() as op:
        known = (OidcProvider(Registered("op", "The OP", op.url, US)), GitHubProvider(US, site=op.url, api=op.url))
        async with an_auth_house(nats_url, postgres_database, known) as house:
            yield Scene(house, op)


def by(session: Session) -> Context:
    """A request of that user."""
    return Context(request_id="r", user_id=session.user.id)


def sid(session: Session) -> uuid.UUID:
    """The session's id, which is in the token."""
    payload = session.access_token.split(".")[1]
    return uuid.UUID(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"])


async def raised(work: Awaitable[Any]) -> type[ServiceError]:
    """The class of the error."""
    with pytest.raises(ServiceError) as caught:
        await work
    return type(caught.value)


async def test_providers_are_listed(scene: Scene) -> None:
    """Names and titles, in the operator's order; one that is not there is NotFound."""
    found = await scene.house.bus.request(logins.LIST_PROVIDERS, ListProviders(), Context.new())

    assert [(each.name, each.title) for each in found.items] == [("op", "The OP"), ("github", "GitHub")]
    assert await raised(scene.begun("google")) is NotFound


async def test_a_new_account(scene: Scene) -> None:
    """Whoever comes for the first time gets an account without a password, its address proven; then it is known."""
    session = await scene.signed_in()
    again = await scene.signed_in()
    found = await scene.identities(session)

    assert (session.user.email, session.user.email_verified) == ("grace@example.org", True)
    assert session.user.full_name == "Grace Hopper"
    assert again.user.id == session.user.id
    assert (await scene.house.verify(again.access_token)).sub == session.user.id
    assert [(each.provider, each.title, each.email) for each in found.items] == [("op", "The OP", "grace@example.org")]
    assert found.has_password is False
    assert await raised(scene.house.login("grace@example.org", "x")) is Unauthenticated
    assert await scene.events(session.user.id) == ["identity_linked", "registered", "login", "login_failed"]
    assert [mail.kind for mail in scene.house.mails] == []


async def test_at_github(scene: Scene) -> None:
    """The same by its two endpoints; both identities lead to one account by the verified address."""
    first = await scene.signed_in("github")
    scene.house.later(seconds=1)
    second = await scene.signed_in("op")

    assert first.user.id == second.user.id
    assert [each.provider for each in (await scene.identities(first)).items] == ["github", "op"]


async def test_the_subject_counts_not_the_address(scene: Scene) -> None:
    """A known user whose address changed there keeps the account; another user with the old address does not get it
    unless that is verified."""
    session = await scene.signed_in()
    scene.op.person |= {"email": "other@example.org", "email_verified": False}
    assert (await scene.signed_in()).user.id == session.user.id

    scene.op.person |= {"sub": "person-2", "email": "grace@example.org"}
    assert await raised(scene.signed_in()) is Forbidden
    scene.op.person |= {"email": None}
    assert await raised(scene.signed_in()) is Forbidden


async def test_an_account_with_a_proven_address_is_linked(scene: Scene) -> None:
    """Its password and its sessions stay."""
    local = await scene.house.register(GRACE)
    token = (await scene.house.mail("verify_email")).values["token"]
    await scene.house.bus.request(security.VERIFY_EMAIL, VerifyEmail(token=token), Context.new())
    session = await scene.signed_in()

    assert session.user.id == local.user.id
    assert (await scene.house.login(GRACE.email, GRACE.password)).user.id == local.user.id
    assert (await scene.house.refresh(local.refresh_token)).user.id == local.user.id
    assert (await scene.identities(session)).has_password
    assert "identity_linked" in await scene.events(local.user.id)


async def test_an_account_that_never_proved_its_address_changes_hands(scene: Scene) -> None:
    """Who registered somebody else's address in advance is out: password, sessions, keys and identities are gone."""
    squatter = await scene.house.register(GRACE)
    wish = CreateApiKey(name="door", scopes=("covers:read",))
    key = (await scene.house.bus.request(security.CREATE_KEY, wish, by(squatter))).key
    scene.op.person |= {"sub": "squatter", "email": "squatter@example.org"}
    assert (await scene.finished(await scene.begun(user_id=squatter.user.id))).session is None
    scene.op.person |= {"sub": "person-1", "email": "Grace@Example.org"}
    session = await scene.signed_in()

    assert session.user.id == squatter.user.id
    assert session.user.email_verified
    assert [each.email for each in (await scene.identities(session)).items] == ["Grace@Example.org"]
    assert await raised(scene.house.login(GRACE.email, GRACE.password)) is Unauthenticated
    assert await raised(scene.house.refresh(squatter.refresh_token)) is Unauthenticated
    assert await raised(scene.house.verify(key)) is Unauthenticated
    assert await raised(scene.house.verify(squatter.access_token)) is Unauthenticated
    token = (await scene.house.mail("verify_email")).values["token"]
    proof = scene.house.bus.request(security.VERIFY_EMAIL, VerifyEmail(token=token), Context.new())
    assert await raised(proof) is Invalid
    scene.op.person |= {"sub": "squatter", "email": "squatter@example.org"}
    assert (await scene.signed_in()).user.id != squatter.user.id
    assert "account_claimed" in await scene.events(squatter.user.id)
    assert (await scene.house.verify(session.access_token)).sub == session.user.id


async def test_the_administrator_is_not_linked_by_an_address(scene: Scene) -> None:
    """Before and after its account is there."""
    scene.op.person["email"] = ADMIN[0]
    assert await raised(scene.signed_in()) is Conflict
    await scene.house.service.ensure_admin()
    assert await raised(scene.signed_in()) is Conflict
    admin = await scene.house.login(*ADMIN)

    assert (await scene.finished(await scene.begun(user_id=admin.user.id))).session is None
    assert (await scene.signed_in()).user.roles == ("user", "admin")


async def test_a_registration_that_was_never_completed(scene: Scene) -> None:
    """The address goes to who has proven it; the password of the half-made account is good for nothing."""
    scene.house.profiles.failures.append((Unavailable("away"), False))
    assert await raised(scene.house.register(GRACE)) is Unavailable
    session = await scene.signed_in()

    assert session.user.email == "grace@example.org"
    assert await raised(scene.house.login(GRACE.email, GRACE.password)) is Unauthenticated
    assert await scene.house.status() == [("grace@example.org", "active")]


async def test_only_the_browser_that_began_finishes_once(scene: Scene) -> None:
    """Another browser, another state, another provider's callback, and a second time are refused."""
    answer = await scene.begun()
    assert await raised(scene.finished(answer, browser=new_opaque_token())) is Unauthenticated
    assert await raised(scene.finished(answer, browser="")) is Unauthenticated
    assert await raised(scene.finished({**answer, "state": new_opaque_token()})) is Unauthenticated
    assert await raised(scene.finished({"code": answer["code"]})) is Unauthenticated
    assert await raised(scene.finished(answer, provider="github")) is Unauthenticated
    assert (await scene.finished(answer)).session is not None
    assert await raised(scene.finished(answer)) is Unauthenticated

    late = await scene.begun()
    scene.house.later(minutes=10, seconds=1)
    assert await raised(scene.finished(late)) is Unauthenticated
    await scene.house.chore("auth-sweep")
    assert await scene.house.pool.value("SELECT count(*) FROM login_attempts") == 0


async def test_a_code_of_another_sign_in(scene: Scene) -> None:
    """Two sign-ins whose codes are swapped: PKCE and nonce belong to the state, so neither is good."""
    one, other = await scene.begun(), await scene.begun()

    assert await raised(scene.finished({**one, "code": other["code"]})) is Unauthenticated
    assert "login_failed" in await scene.events()


async def test_two_callbacks_at_the_same_moment(scene: Scene) -> None:
    """Of one answer one gets a session; of two answers of a new user both do, in one account."""
    answer = await scene.begun()
    twice = await asyncio.gather(*(scene.finished(answer) for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in twice) == ["FinishedLogin", "Unauthenticated"]

    scene.op.person |= {"sub": "person-2", "email": "joan@example.org"}
    answers = [await scene.begun() for _ in range(3)]
    done = await asyncio.gather(*(scene.finished(each) for each in answers))
    assert len({each.session.user.id for each in done if each.session is not None}) == 1
    assert await scene.house.pool.value("SELECT count(*) FROM identities") == 2


async def test_the_provider_says_no(scene: Scene) -> None:
    """What its user cancels is told so; what it cannot do now may be tried again; a provider that is down is named."""
    scene.op.denies = "access_denied"
    with pytest.raises(Unauthenticated, match="The sign-in at The OP was cancelled"):
        await scene.signed_in()
    scene.op.denies = "temporarily_unavailable"
    assert await raised(scene.signed_in()) is Unavailable
    scene.op.denies = None
    answer = await scene.begun()
    scene.op.down = True
    with pytest.raises(Unavailable, match="The OP does not answer"):
        await scene.finished(answer)
    stats = scene.house.service.breakers()
    assert stats["identity/op"]["failed"] > 0


async def test_one_more_way_to_sign_in(scene: Scene) -> None:
    """A signed-in user links whatever is not another's; the last way to sign in stays."""
    local = await scene.house.register(GRACE)
    scene.op.person |= {"email": "elsewhere@example.org", "email_verified": False}
    done = await scene.finished(await scene.begun(user_id=local.user.id, next="/#/account"))
    assert (done.session, done.next) == (None, "/#/account")
    assert (await scene.signed_in()).user.id == local.user.id
    other = await scene.house.register(Register(email="b@example.org", password="a password"))
    assert await raised(scene.finished(await scene.begun(user_id=other.user.id))) is Conflict

    listed = (await scene.identities(local)).items
    unlink = UnlinkIdentity(id=listed[0].id)
    assert await raised(scene.house.bus.request(logins.UNLINK_IDENTITY, unlink, by(other))) is NotFound
    await scene.house.bus.request(logins.UNLINK_IDENTITY, unlink, by(local))
    assert (await scene.identities(local)).items == ()
    assert (await scene.events(local.user.id))[-1] == "identity_unlinked"


async def test_the_last_way_to_sign_in_stays(scene: Scene) -> None:
    """Without a password one identity must be left."""
    session = await scene.signed_in()
    first = (await scene.identities(session)).items[0]
    ask = scene.house.bus.request(logins.UNLINK_IDENTITY, UnlinkIdentity(id=first.id), by(session))
    assert await raised(ask) is Conflict
    await scene.signed_in("github")
    await scene.house.bus.request(logins.UNLINK_IDENTITY, UnlinkIdentity(id=first.id), by(session))

    assert [each.provider for each in (await scene.identities(session)).items] == ["github"]


async def test_an_account_without_a_password_ends(scene: Scene) -> None:
    """A sign-in of just now is the proof; then the identity is free and makes a new account."""
    session = await scene.signed_in()
    scene.house.later(minutes=11)
    delete = DeleteAccount(session_id=sid(session))
    assert await raised(scene.house.bus.request(auth.DELETE_ACCOUNT, delete, by(session))) is Invalid
    assert await raised(scene.house.bus.request(auth.DELETE_ACCOUNT, DeleteAccount(), by(session))) is Invalid
    fresh = await scene.signed_in()
    await scene.house.bus.request(auth.DELETE_ACCOUNT, DeleteAccount(session_id=sid(fresh)), by(fresh))

    assert await scene.house.pool.value("SELECT count(*) FROM identities") == 0
    assert (await scene.signed_in()).user.id != session.user.id


async def test_an_account_with_a_password_needs_it_to_end(scene: Scene) -> None:
    """A fresh session is no proof there."""
    local = await scene.house.register(GRACE)
    delete = DeleteAccount(session_id=sid(local))

    assert await raised(scene.house.bus.request(auth.DELETE_ACCOUNT, delete, by(local))) is Invalid


async def test_a_changed_password(scene: Scene) -> None:
    """The other sessions end, this one goes on; the owner is told; the old password is good for nothing."""
    here, there = await scene.house.register(GRACE), await scene.house.login(GRACE.email, GRACE.password)
    change = ChangePassword(current_password="wrong", new_password="another one", session_id=sid(here))
    assert await raised(scene.house.bus.request(logins.CHANGE_PASSWORD, change, by(here))) is Invalid
    change = ChangePassword(current_password=GRACE.password, new_password="another one", session_id=sid(here))
    await scene.house.bus.request(logins.CHANGE_PASSWORD, change, by(here))

    assert (await scene.house.verify(here.access_token)).sub == here.user.id
    assert await raised(scene.house.refresh(there.refresh_token)) is Unauthenticated
    assert await raised(scene.house.login(GRACE.email, GRACE.password)) is Unauthenticated
    assert (await scene.house.login(GRACE.email, "another one")).user.id == here.user.id
    assert (await scene.house.mail("password_changed")).to == GRACE.email
    assert "password_changed" in await scene.events(here.user.id)
    assert await raised(scene.house.bus.request(logins.CHANGE_PASSWORD, change, by(here))) is Invalid


async def test_no_password_is_changed_where_there_is_none(scene: Scene) -> None:
    """A mail sets the first one."""
    session = await scene.signed_in()
    change = ChangePassword(current_password="anything", new_password="another one", session_id=sid(session))

    assert await raised(scene.house.bus.request(logins.CHANGE_PASSWORD, change, by(session))) is Conflict


@pytest.mark.parametrize(
    ("place", "path"),
    [("/", "/"), ("/#/covers?x=1", "/#/covers?x=1"), (None, "/"), ("//evil.example", "/"), ("/\\evil.example", "/"),
     ("https://evil.example", "/"), ("evil", "/"), ("/a\\b", "/"), ("/\tx", "/"), ("/é", "/"), ("/a b", "/")],
)  # fmt: skip
def test_where_one_goes_afterwards(place: str | None, path: str) -> None:
    """A path of ours, or the front page."""
    assert own_path(place) == path
