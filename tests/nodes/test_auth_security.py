"""Sessions, API keys and the audit log of the auth node, on a real database and a real bus."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from adapters.crypto import token_hash
from contracts import auth, reviews, security
from contracts.auth import Session, VerifyToken
from contracts.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unauthenticated
from contracts.reviews import ReviewDecided
from contracts.security import (
    CreateApiKey,
    ListApiKeys,
    ListAudit,
    ListSessions,
    NewApiKey,
    RevokeApiKey,
    RevokeOtherSessions,
    RevokeSession,
    SecurityEvent,
)
from contracts.wire import Context
from tests.support.auth_house import ADA, START, House, an_auth_house

ADMIN = Context(request_id="r", user_id=uuid.uuid4(), roles=("user", "admin"))


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


def by(session: Session, agent: str = "Firefox", address: str = "203.0.113.0/24") -> Context:
    """A request of that user."""
    return Context(request_id="r", user_id=session.user.id, address=address, user_agent=agent)


def sid(session: Session) -> uuid.UUID:
    """The session's id, which is in the token."""
    payload = session.access_token.split(".")[1]
    return uuid.UUID(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"])


async def raised(work: Awaitable[Any]) -> type[ServiceError]:
    """The class of the error."""
    with pytest.raises(ServiceError) as caught:
        await work
    return type(caught.value)


async def sessions(house: House, session: Session, **ask: Any) -> security.SessionList:
    """Where the user is signed in, asked by that session."""
    return await house.bus.request(security.LIST_SESSIONS, ListSessions(session_id=sid(session), **ask), by(session))


async def log(house: House, event: SecurityEvent | None = None, **ask: Any) -> list[security.AuditEntry]:
    """The audit log, the newest first."""
    page = await house.bus.request(security.AUDIT, ListAudit(event=event, limit=100, **ask), ADMIN)
    return list(page.items)


async def a_key(house: House, session: Session, **wish: Any) -> NewApiKey:
    """A new key."""
    order = CreateApiKey(**{"name": "build", "scopes": ("covers:read",), **wish})
    return await house.bus.request(security.CREATE_KEY, order, by(session))


async def test_sessions_are_listed_with_where_and_when(house: House) -> None:
    """The last used first, with program and network; the asking one is marked; pages do not overlap."""
    first = await house.register()
    house.later(hours=1)
    second = await house.login(context=Context(request_id="r", address="198.51.100.0/24", user_agent="curl/8"))
    found = await sessions(house, second)

    assert [each.id for each in found.items] == [sid(second), sid(first)]
    assert [each.current for each in found.items] == [True, False]
    assert (found.items[0].user_agent, found.items[0].address) == ("curl/8", "198.51.100.0/24")
    assert found.items[1].created_at == found.items[1].last_used_at == START
    page = await sessions(house, second, limit=1)
    rest = await sessions(house, second, limit=1, cursor=page.next_cursor)
    assert [each.id for each in (*page.items, *rest.items)] == [each.id for each in found.items]
    assert rest.next_cursor is None


async def test_a_refresh_is_a_use(house: House) -> None:
    """It moves `last_used_at`; a session that nobody used for 30 days is not listed."""
    session = await house.register()
    house.later(days=3)
    await house.refresh(session.refresh_token)
    (shown,) = (await sessions(house, session)).items
    assert shown.last_used_at == START + timedelta(days=3)
    house.later(days=31)
    assert (await sessions(house, session)).items == ()


async def test_an_ended_session_refreshes_no_more(house: House) -> None:
    """At once; another session goes on. Ending it again changes nothing, somebody else's is not found."""
    mine, phone = await house.register(), await house.login()
    other = await house.register(auth.Register(email="bob@example.org", password="correct horse"))
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=sid(phone)), by(mine))
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=sid(phone)), by(mine))

    assert await raised(house.refresh(phone.refresh_token)) is Unauthenticated
    assert await raised(house.verify(phone.access_token)) is Unauthenticated
    assert await house.refresh(mine.refresh_token)
    foreign = house.bus.request(security.REVOKE_SESSION, RevokeSession(id=sid(other)), by(mine))
    assert await raised(foreign) is NotFound
    assert await house.refresh(other.refresh_token)
    assert [entry.detail for entry in await log(house, "session_revoked")] == [str(sid(phone))]


async def test_all_others_end(house: House) -> None:
    """Only the asking session goes on."""
    mine, *others = await house.register(), await house.login(), await house.login()
    await house.bus.request(security.REVOKE_OTHERS, RevokeOtherSessions(session_id=sid(mine)), by(mine))

    for other in others:
        assert await raised(house.refresh(other.refresh_token)) is Unauthenticated
    assert [each.id for each in (await sessions(house, mine)).items] == [sid(mine)]


async def test_edges_are_told_and_may_read_it_again(house: House) -> None:
    """Every end before its time is an event, by logout, by hand, or by theft; the list forgets after 15 minutes."""
    mine, phone, thief = await house.register(), await house.login(), await house.login()
    await house.logout(auth.Logout(refresh_token=phone.refresh_token))
    await house.refresh(thief.refresh_token)
    house.later(minutes=1)
    assert await raised(house.refresh(thief.refresh_token)) is Unauthenticated  # used before
    await house.bus.request(security.REVOKE_SESSION, RevokeSession(id=sid(mine)), by(mine))

    async with asyncio.timeout(5):
        while len(house.ended) < 3:
            await asyncio.sleep(0.01)
    assert set(house.ended) == {sid(mine), sid(phone), sid(thief)}
    revoked = await house.bus.request(security.REVOKED, security.GetRevoked(), Context.new())
    assert {each.id for each in revoked.sessions} == set(house.ended)
    house.later(minutes=15)
    assert (await house.bus.request(security.REVOKED, security.GetRevoked(), Context.new())).sessions == ()


async def test_a_key_is_shown_once_and_verified(house: House) -> None:
    """Its claims name user and scopes and no administrator; only a hash is stored; its use is noted to the minute."""
    session = await house.register()
    await house.pool.run("UPDATE users_auth SET roles = '{user,admin}' WHERE id = $1", session.user.id)
    made = await a_key(house, session, scopes=("covers:write", "covers:read", "covers:read"))
    claims = await house.bus.request(auth.VERIFY, VerifyToken(token=made.key), Context.new())

    assert made.key.startswith(f"{made.prefix}_")
    assert len(made.key) == len("cg_") + 8 + 1 + 43
    assert (claims.sub, claims.sid, claims.scope) == (session.user.id, made.id, "covers:read covers:write")
    assert claims.roles == ("user",)
    row = await house.pool.one("SELECT key_hash, row_to_json(k)::text AS text FROM api_keys k")
    assert row is not None
    assert row["key_hash"] == token_hash(made.key)
    assert made.key.rpartition("_")[2] not in row["text"]
    listed = await house.bus.request(security.LIST_KEYS, ListApiKeys(), by(session))
    assert [(each.id, each.prefix, each.last_used_at) for each in listed.items] == [(made.id, made.prefix, START)]
    house.later(seconds=59)
    await house.bus.request(auth.VERIFY, VerifyToken(token=made.key), Context.new())
    assert (await house.bus.request(security.LIST_KEYS, ListApiKeys(), by(session))).items[0].last_used_at == START


async def test_a_key_ends(house: House) -> None:
    """Revoked by its owner and nobody else, expired, or with its account: it is not good any more."""
    session = await house.register()
    other = await house.register(auth.Register(email="bob@example.org", password="correct horse"))
    revoked, short, left = [
        await a_key(house, session, expires_at=START + timedelta(hours=hours)) for hours in (5, 1, 5)
    ]
    assert await raised(house.bus.request(security.REVOKE_KEY, RevokeApiKey(id=revoked.id), by(other))) is NotFound
    await house.verify(revoked.key)
    await house.bus.request(security.REVOKE_KEY, RevokeApiKey(id=revoked.id), by(session))
    house.later(hours=2)
    assert await raised(house.verify(revoked.key)) is Unauthenticated
    assert await raised(house.verify(short.key)) is Unauthenticated
    await house.verify(left.key)
    await house.service.sweep()
    assert [each["id"] for each in await house.pool.all("SELECT id FROM api_keys")] == [left.id]
    gone = auth.DeleteAccount(password=ADA.password)
    await house.bus.request(auth.DELETE_ACCOUNT, gone, by(session))
    assert await raised(house.verify(left.key)) is Unauthenticated
    assert await house.pool.value("SELECT count(*) FROM api_keys") == 0


async def test_keys_have_limits(house: House) -> None:
    """Twenty for each user, also when they are asked for at once; no time that has passed or is too far off."""
    session = await house.register()
    made = await asyncio.gather(*(a_key(house, session) for _ in range(22)), return_exceptions=True)
    assert sum(isinstance(each, NewApiKey) for each in made) == 20
    assert sum(isinstance(each, Conflict) for each in made) == 2
    for span in (timedelta(0), timedelta(days=-1), timedelta(days=400)):
        assert await raised(a_key(house, session, expires_at=START + span)) is Invalid


async def test_the_log_tells_what_happened(house: House) -> None:
    """Who, what and from where, the newest first, by user and event, in pages; secrets are not in it."""
    where = Context(request_id="r", address="203.0.113.0/24", user_agent="Firefox")
    session = await house.register(context=where)
    await house.login(context=where)
    assert await raised(house.login(password="wrong", context=where)) is Unauthenticated
    assert await raised(house.login(email="nobody@example.org", context=where)) is Unauthenticated
    key = await a_key(house, session)

    entries = await log(house)
    assert [entry.event for entry in entries[:5]] == ["key_made", "login_failed", "login_failed", "login", "registered"]
    assert [entry.user_id for entry in entries[1:3]] == [None, session.user.id]
    assert {(entry.address, entry.user_agent) for entry in entries[:5]} == {("203.0.113.0/24", "Firefox")}
    assert (entries[0].by, entries[0].detail) == (session.user.id, f"{key.prefix} covers:read")
    assert [e.event for e in await log(house, user_id=session.user.id, event="login")] == ["login"]
    pages: list[security.AuditEntry] = []
    cursor: str | None = None
    while True:
        page = await house.bus.request(security.AUDIT, ListAudit(limit=2, cursor=cursor), ADMIN)
        pages += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert [entry.id for entry in pages] == [entry.id for entry in entries]
    written = str(await house.pool.all("SELECT row_to_json(a)::text AS text FROM audit_log a"))
    for secret in (ADA.password, "wrong", "nobody@example.org", key.key, session.refresh_token, session.access_token):
        assert secret not in written


async def test_the_log_is_for_administrators(house: House) -> None:
    """The node looks at the role again."""
    session = await house.register()
    assert await raised(house.bus.request(security.AUDIT, ListAudit(), by(session))) is Forbidden


async def test_a_stolen_token_and_a_role_are_in_the_log(house: House) -> None:
    """Reuse of a refresh token with the session it ended, and who was made an administrator."""
    await house.service.ensure_admin()
    session = await house.register()
    await house.refresh(session.refresh_token)
    house.later(minutes=1)
    assert await raised(house.refresh(session.refresh_token)) is Unauthenticated

    assert [entry.detail for entry in await log(house, "refresh_reused")] == [str(sid(session))]
    assert [entry.detail for entry in await log(house, "role_given")] == ["admin"]


async def test_decisions_on_reviews_are_in_the_log_once(house: House) -> None:
    """However often one is told: who decided, from where, about whom, and which review; a later one is another line."""
    owner, review, administrator = uuid.uuid4(), uuid.uuid4(), by(await house.register())
    news = [
        ReviewDecided(
            decision_id=uuid.uuid4(), review_id=review, kind="text", user_id=owner, decision=decision, at=START
        )
        for decision in ("release", "confirm")
    ]
    for number, event in enumerate((news[0], news[0], news[1])):
        await house.bus.publish(reviews.DECIDED, event, message_id=f"{review}:{number}", context=administrator)
    async with asyncio.timeout(10):
        while len(entries := await log(house, "review_decided")) < 2:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    entries = await log(house, "review_decided", user_id=owner)
    assert [entry.detail for entry in entries] == [f"{review} confirm", f"{review} release"]
    assert {(e.id, e.by, e.address, e.user_agent) for e in entries} == {
        (each.decision_id, administrator.user_id, administrator.address, administrator.user_agent) for each in news
    }


async def test_the_log_outlives_the_account_for_a_year(house: House) -> None:
    """Without networks and programs; after a year the lines go, too."""
    session = await house.register(context=Context(request_id="r", address="203.0.113.0/24", user_agent="Firefox"))
    await house.bus.request(auth.DELETE_ACCOUNT, auth.DeleteAccount(password=ADA.password), by(session))
    entries = await log(house, user_id=session.user.id)
    assert [entry.event for entry in entries] == ["account_deleted", "registered"]
    assert {(entry.address, entry.user_agent) for entry in entries} == {(None, None)}
    house.later(days=364)
    await house.service.sweep()
    assert len(await log(house, user_id=session.user.id)) == 2
    house.later(days=2)
    await house.service.sweep()
    assert await log(house) == []
