"""The auth node on a real database and a real bus, with a small users node that can fail."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from adapters.migrations import migrate
from adapters.passwords import Passwords
from adapters.postgres import open_pool
from adapters.signed_tokens import Verifier
from contracts import auth, users
from contracts.auth import GetJwks, Login, Refresh, Register, Session, VerifyToken
from contracts.errors import Conflict, Unauthenticated, Unavailable
from contracts.registry import ENDPOINTS, EVENTS
from contracts.wire import Context
from nodes.auth.service import Auth
from nodes.auth.store import MIGRATIONS
from nodes.users.service import Users
from nodes.users.store import MIGRATIONS as USERS_MIGRATIONS
from tests.support.auth_house import ADA, ADMIN, ROOT, START, House, an_auth_house, running_auth
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.servers import fresh_postgres


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


async def fields(work: Awaitable[Session]) -> list[str]:
    """The fields that a Conflict names."""
    with pytest.raises(Conflict) as caught:
        await work
    return [error.field for error in caught.value.errors]


async def test_register_signs_in(house: House) -> None:
    """A new account has a profile, an access token that the published keys verify, and a refresh token."""
    session = await house.register()
    assert (session.user.email, session.user.username, session.user.tier) == ("ada@example.org", "ada", "free")
    assert (session.token_type, session.expires_in, session.user.roles) == ("Bearer", 900, ("user",))
    jwks = await house.bus.request(auth.JWKS, GetJwks(), Context.new())
    claims = Verifier(clock=START.timestamp).verify(session.access_token, jwks)
    assert (claims.sub, claims.tier, claims.roles) == (session.user.id, "free", ("user",))
    assert await house.verify(session.access_token) == claims
    assert await house.status() == [("ada@example.org", "active")]


async def test_nothing_plain_is_stored(house: House) -> None:
    """Neither the password nor any token is in the database."""
    session = await house.register()
    following = await house.refresh(session.refresh_token)
    rows = await house.pool.all("SELECT row_to_json(u)::text AS text FROM users_auth u")
    rows += await house.pool.all("SELECT row_to_json(t)::text AS text FROM tokens t")
    stored = " ".join(row["text"] for row in rows)
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
    for secret in (ADA.password, session.refresh_token, session.access_token, following.refresh_token):
        assert secret not in stored


async def test_address_taken(house: House) -> None:
    """An address has one account in every spelling; the error names the field."""
    await house.register()
    again = msgspec.structs.replace(ADA, email="aDA@example.ORG", username="other")
    assert await fields(house.register(again)) == ["email"]


async def test_address_taken_at_the_same_moment(house: House) -> None:
    """Of several people who register one address at once with different passwords one gets it."""
    tries = [msgspec.structs.replace(ADA, password=f"password {n}", username=None) for n in range(6)]
    results = await asyncio.gather(*(house.register(message) for message in tries), return_exceptions=True)
    assert sum(isinstance(result, Session) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 5
    assert await house.status() == [("ada@example.org", "active")]


async def test_username_taken_frees_the_address(house: House) -> None:
    """When the username is taken the account is undone, and the address is free for the next try."""
    await house.register()
    eve = Register(email="eve@example.org", password="correct horse", username="ada")
    assert await fields(house.register(eve)) == ["username"]
    assert await house.status() == [("ada@example.org", "active")]
    assert (await house.register(msgspec.structs.replace(eve, username="eve"))).user.username == "eve"


@pytest.mark.parametrize("late", [False, True], ids=["before the profile", "after the profile"])
@pytest.mark.parametrize("how", ["login", "register"])
async def test_broken_registration_heals(house: House, late: bool, how: str) -> None:
    """A registration that broke off is completed by the next login or registration with the same password."""
    house.profiles.failures = [(Unavailable("down"), late)]
    with pytest.raises(Unavailable):
        await house.register()
    assert await house.status() == [("ada@example.org", "pending")]
    session = await (house.login() if how == "login" else house.register())
    assert session.user.username == "ada"
    assert await house.status() == [("ada@example.org", "active")]
    assert len(house.profiles.made) == 1


async def test_broken_registration_is_not_for_others(house: House) -> None:
    """Another password neither signs in nor registers there, until a minute has passed without anybody using it."""
    house.profiles.failures = [(Unavailable("down"), False)]
    with pytest.raises(Unavailable):
        await house.register()
    other = msgspec.structs.replace(ADA, password="another one")
    with pytest.raises(Unauthenticated):
        await house.login(password=other.password)
    assert await fields(house.register(other)) == ["email"]
    house.later(seconds=61)
    await house.register(other)
    with pytest.raises(Unauthenticated):
        await house.login()
    assert (await house.login(password=other.password)).user.username == "ada"


async def test_broken_registration_whose_username_went(house: House) -> None:
    """When somebody else got the username meanwhile, the login still works, with a name from the address."""
    house.profiles.failures = [(Unavailable("down"), False)]
    broken = msgspec.structs.replace(ADA, username="countess")
    with pytest.raises(Unavailable):
        await house.register(broken)
    await house.register(Register(email="eve@example.org", password="correct horse", username="countess"))
    assert (await house.login()).user.username == "ada"


async def test_one_registration_twice_at_once(house: House) -> None:
    """A double click with the same password is one account; each click gets a session or hears Conflict."""
    results = await asyncio.gather(*(house.register() for _ in range(4)), return_exceptions=True)
    good = [result for result in results if isinstance(result, Session)]
    assert good
    assert {session.user.id for session in good} == set(house.profiles.made)
    assert all(isinstance(result, Session | Conflict) for result in results)
    assert (await house.login()).user.id == good[0].user.id


async def test_login(house: House) -> None:
    """The password opens a session of its own, in every spelling of the address, and is written down."""
    first = await house.register()
    house.later(minutes=1)
    second = await house.login(" ADA@example.org ")
    claims = [await house.verify(session.access_token) for session in (first, second)]
    assert claims[0].sub == claims[1].sub
    assert claims[0].sid != claims[1].sid
    assert await house.pool.value("SELECT last_login FROM users_auth") == START + timedelta(minutes=1)


async def test_login_says_the_same_to_everybody(house: House) -> None:
    """A wrong password and an unknown or impossible address get the same sentence after the same work."""
    await house.register()
    sentences, seconds = set(), []
    for email in (ADA.email, "nobody@example.org", "a\x00@example.org"):
        spent = []
        for _ in range(5):
            begun = time.process_time()  # of this process: what else the machine does is not in it
            with pytest.raises(Unauthenticated) as caught:
                await house.login(email, "wrong password")
            spent.append(time.process_time() - begun)
            sentences.add(caught.value.detail)
        seconds.append(min(spent))
    assert len(sentences) == 1
    assert max(seconds) < 2 * min(seconds)


async def test_login_renews_an_old_hash(house: House) -> None:
    """A hash with weaker parameters is replaced at the next login, and goes on to work."""
    await house.register()
    weak = PasswordHasher(1, 8192, 1).hash(ADA.password)
    await house.pool.run("UPDATE users_auth SET password_hash = $1", weak)
    await house.login()
    assert "m=19456,t=2,p=1" in await house.pool.value("SELECT password_hash FROM users_auth")
    await house.login()


async def test_missing_profile_is_made_again(house: House) -> None:
    """An account whose profile is lost still signs in."""
    await house.register()
    house.profiles.made.clear()
    assert (await house.login()).user.username == "ada"


async def test_instances_agree_on_the_key(nats_url: str, postgres_database: str) -> None:
    """Instances that start at once on an empty database make one key, and verify each other's tokens."""
    await migrate(postgres_database, MIGRATIONS)
    passwords = Passwords(threads=1)
    pools = [await open_pool(postgres_database, max_size=2) for _ in range(4)]
    async with a_bus(nats_url, "auth") as bus:
        services = [Auth(pool, bus, passwords, root=ROOT) for pool in pools]
        await asyncio.gather(*(service.prepare() for service in services))
        sets = [await service.jwks(GetJwks(), Context.new()) for service in services]
    assert len({jwks.keys[0].kid for jwks in sets}) == 1
    assert all(len(jwks.keys) == 1 for jwks in sets)
    assert await pools[0].value("SELECT count(*) FROM server_keys") == 1
    for pool in pools:
        await pool.close()
    passwords.close()


async def test_tokens_outlive_a_restart(house: House) -> None:
    """Another instance on the same database knows keys, sessions and repeats."""
    session = await house.register()
    one = await house.refresh(session.refresh_token)
    other_pool = await open_pool(house.dsn)
    passwords = Passwords(threads=1)
    other = Auth(other_pool, house.bus, passwords, root=ROOT, clock=lambda: house.time[0])
    assert (await other.verify(VerifyToken(token=one.access_token), Context.new())).sub == session.user.id
    two = await other.refresh(Refresh(refresh_token=session.refresh_token), Context.new())
    assert two.refresh_token == one.refresh_token
    await other_pool.close()
    passwords.close()


async def test_admin_is_made_once(house: House) -> None:
    """The administrator's account exists after the chore, however often and by how many it is run."""
    other = await open_pool(house.dsn)
    passwords = Passwords(threads=1)
    beside = Auth(other, house.bus, passwords, root=ROOT, admin=ADMIN, clock=lambda: house.time[0])
    await asyncio.gather(house.service.ensure_admin(), beside.ensure_admin())
    await house.service.ensure_admin()
    session = await house.login("admin@covergen.local", ADMIN[1])
    assert session.user.roles == ("user", "admin")
    assert (await house.verify(session.access_token)).roles == ("user", "admin")
    assert await house.status() == [("admin@covergen.local", "active")]
    assert len(house.profiles.made) == 1
    await other.close()
    passwords.close()


async def test_admin_waits_for_the_users_node(house: House) -> None:
    """While profiles cannot be made the chore fails and is tried again; nobody else gets the address meanwhile."""
    house.profiles.failures = [(Unavailable("down"), False)]
    with pytest.raises(Unavailable):
        await house.service.ensure_admin()
    house.later(hours=1)
    thief = Register(email="ADMIN@covergen.local", password="correct horse")
    assert await fields(house.register(thief)) == ["email"]
    await house.service.ensure_admin()
    assert (await house.login(*ADMIN)).user.roles == ("user", "admin")


@pytest.mark.parametrize(("password", "roles"), [(ADMIN[1], ("user", "admin")), ("correct horse", ("user",))])
async def test_admin_address_that_has_an_account(house: House, password: str, roles: tuple[str, ...]) -> None:
    """An account made before becomes the administrator's only if its password is the administrator's."""
    pool = await open_pool(house.dsn)
    passwords = Passwords(threads=1)
    without = Auth(pool, house.bus, passwords, root=ROOT, clock=lambda: house.time[0])
    await without.register(Register(email=ADMIN[0], password=password), Context.new())
    await house.service.ensure_admin()
    assert (await house.login(ADMIN[0], password)).user.roles == roles
    await pool.close()
    passwords.close()


async def test_with_the_users_node_itself(nats_url: str, postgres_database: str, postgres_url: str) -> None:
    """Both nodes together: profile, quota, a taken username, and the same profile after login and refresh."""
    async with contextlib.AsyncExitStack() as stack:
        users_database = await stack.enter_async_context(fresh_postgres(postgres_url))
        await migrate(postgres_database, MIGRATIONS)
        await migrate(users_database, USERS_MIGRATIONS)
        pools = [await open_pool(dsn) for dsn in (postgres_database, users_database)]
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        beside = Users(pools[1], bus)
        await stack.enter_async_context(a_node(nats_url, SmallService("users", *beside.bindings)))
        await stack.enter_async_context(running_auth(nats_url, pools[0], [datetime.now(UTC)]))
        session = await bus.request(auth.REGISTER, ADA, Context.new())
        context = Context.new(user_id=session.user.id)
        assert (await bus.request(users.QUOTA, users.GetQuota(), context)).limit == 10
        eve = Register(email="eve@example.org", password="correct horse", username="ADA")
        assert await fields(bus.request(auth.REGISTER, eve, Context.new())) == ["username"]
        login = Login(email=ADA.email, password=ADA.password)
        assert (await bus.request(auth.LOGIN, login, Context.new())).user == session.user
        refresh = Refresh(refresh_token=session.refresh_token)
        assert (await bus.request(auth.REFRESH, refresh, Context.new())).user == session.user
        await beside.close()
        await asyncio.gather(*(pool.close() for pool in pools))


async def test_database_away(house: House) -> None:
    """Without its database the node says Unavailable."""
    await house.pool.close()
    with pytest.raises(Unavailable):
        await house.login()
    with pytest.raises(Unavailable):
        await house.refresh("x")


def test_every_contract_is_bound(house: House) -> None:
    """The node binds all its endpoints, and all events that are for it."""
    bound = {binding.contract.subject for binding in house.service.bindings if binding.contract is not None}
    assert bound == {
        *(endpoint.subject for endpoint in ENDPOINTS if endpoint.node == "auth"),
        *(event.subject for event in EVENTS if "auth" in event.listeners),
    }
