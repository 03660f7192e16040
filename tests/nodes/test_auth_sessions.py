"""Sessions of the auth node: refresh tokens that rotate, theft, the end of a session, and access tokens in time."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from contracts.auth import Logout, Session
from contracts.errors import Unauthenticated, Unavailable
from contracts.wire import Context
from tests.support.auth_house import House, an_auth_house


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


async def test_refresh_rotates(house: House) -> None:
    """Each refresh gives a new token of the same session; tier and roles are those of now."""
    session = await house.register()
    first = await house.verify(session.access_token)
    user = house.profiles.made[session.user.id]
    house.profiles.made[user.id] = msgspec.structs.replace(user, subscription_tier="pro")
    tokens = {session.refresh_token}
    for _ in range(3):
        house.later(minutes=14)
        session = await house.refresh(session.refresh_token)
        claims = await house.verify(session.access_token)
        assert (claims.sid, claims.tier) == (first.sid, "pro")
        tokens.add(session.refresh_token)
    assert len(tokens) == 4


async def test_lost_answer_can_be_repeated_once(house: House) -> None:
    """The same token within 10 s gives the same successor; a second repeat ends the session."""
    session = await house.register()
    one = await house.refresh(session.refresh_token)
    house.later(seconds=9)
    two = await house.refresh(session.refresh_token)
    assert one.refresh_token == two.refresh_token
    with pytest.raises(Unauthenticated):
        await house.refresh(session.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(one.refresh_token)


async def test_stolen_token_ends_the_session(house: House) -> None:
    """A used token that comes back later ends its session for both holders, and no other session."""
    session, other = await house.register(), await house.login()
    following = await house.refresh(session.refresh_token)
    house.later(seconds=11)
    with pytest.raises(Unauthenticated):
        await house.refresh(session.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(following.refresh_token)
    with pytest.raises(Unauthenticated, match="session has ended"):
        await house.verify(following.access_token)
    assert (await house.refresh(other.refresh_token)).user == other.user


async def test_repeat_after_the_successor_was_used(house: House) -> None:
    """Within 10 s too: once the successor was used, its predecessor is stolen."""
    session = await house.register()
    following = await house.refresh(session.refresh_token)
    last = await house.refresh(following.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(session.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.refresh(last.refresh_token)


async def test_one_token_many_times_at_once(house: House) -> None:
    """However many present one token at the same moment: at most one successor exists, and two at most get it."""
    session = await house.register()
    tries = (house.refresh(session.refresh_token) for _ in range(10))
    results = await asyncio.gather(*tries, return_exceptions=True)
    good = [result.refresh_token for result in results if isinstance(result, Session)]
    assert len(good) == 2
    assert len(set(good)) == 1
    assert all(isinstance(result, Session | Unauthenticated) for result in results)
    assert await house.pool.value("SELECT count(*) FROM tokens WHERE revoked_at IS NULL") == 0


async def test_refresh_expires(house: House) -> None:
    """After 30 days without use a session is over; the sweep forgets it a day later."""
    session = await house.register()
    house.later(days=30)
    with pytest.raises(Unauthenticated):
        await house.refresh(session.refresh_token)
    await house.service.sweep()
    assert await house.pool.value("SELECT count(*) FROM tokens") == 1
    house.later(days=1, seconds=1)
    await house.service.sweep()
    assert await house.pool.value("SELECT count(*) FROM tokens") == 0
    assert await house.pool.value("SELECT count(*) FROM sessions") == 0


async def test_refresh_costs_nothing_while_profiles_are_away(house: House) -> None:
    """When the users node is down the token is not used up."""
    session = await house.register()
    house.profiles.away = True
    with pytest.raises(Unavailable):
        await house.refresh(session.refresh_token)
    house.profiles.away = False
    house.later(minutes=1)
    assert (await house.refresh(session.refresh_token)).user == session.user


@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 100, "\x00"], ids=["word", "dots", "letters", "nul"])
async def test_unknown_tokens(house: House, token: str) -> None:
    """What is no token is Unauthenticated everywhere, and ends nothing."""
    with pytest.raises(Unauthenticated):
        await house.refresh(token)
    with pytest.raises(Unauthenticated):
        await house.verify(token)
    await house.logout(Logout(refresh_token=token))


async def test_logout(house: House) -> None:
    """A session ends by its refresh token, used or not, or by its owner naming it; again is fine."""
    session = await house.register()
    following = await house.refresh(session.refresh_token)
    for _ in range(2):
        await house.logout(Logout(refresh_token=session.refresh_token))
    with pytest.raises(Unauthenticated):
        await house.refresh(following.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.verify(following.access_token)


async def test_logout_by_name_is_for_the_owner(house: House) -> None:
    """Nobody ends another's session by knowing its id."""
    session = await house.register()
    claims = await house.verify(session.access_token)
    by_name = Logout(session_id=claims.sid)
    await house.logout(by_name, Context.new(user_id=uuid.uuid4()))
    assert await house.verify(session.access_token) == claims
    for message in (by_name, Logout()):
        with pytest.raises(Unauthenticated):
            await house.logout(message)
    await house.logout(by_name, Context.new(user_id=claims.sub))
    with pytest.raises(Unauthenticated):
        await house.verify(session.access_token)


async def test_access_token_expires(house: House) -> None:
    """Fifteen minutes (and the five seconds that clocks may differ)."""
    session = await house.register()
    house.later(minutes=15, seconds=4)
    await house.verify(session.access_token)
    house.later(seconds=1)
    with pytest.raises(Unauthenticated, match="expired"):
        await house.verify(session.access_token)
