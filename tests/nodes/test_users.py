"""The users node on a real database and a real bus."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio

from adapters.postgres import Pool
from contracts import auth, users
from contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from contracts.users import (
    CreateUser,
    GetPreferences,
    GetQuota,
    GetUser,
    Preferences,
    Quota,
    UpdateUser,
    UserCreated,
)
from contracts.wire import Context
from nodes.bindings import listen
from nodes.users.service import Users
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.users_house import DECEMBER, NOVEMBER, House, Neighbours, a_users_house, a_users_pool, of, until


@pytest_asyncio.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    """The node's database."""
    async with a_users_pool(postgres_database) as pool:
        yield pool


@pytest_asyncio.fixture
async def house(nats_url: str, pool: Pool) -> AsyncIterator[House]:
    """A running node."""
    async with a_users_house(nats_url, pool) as house:
        yield house


async def test_create_and_read(house: House) -> None:
    """A new profile has the defaults and is read back; the fact is told."""
    ada = await house.user("Ada.Lovelace@example.org")
    assert (ada.username, ada.subscription_tier, ada.avatar_url) == ("Ada.Lovelace", "free", None)
    assert ada.created_at == NOVEMBER
    assert await house.bus.request(users.GET, GetUser(), of(ada)) == ada
    assert await house.bus.request(users.GET, GetUser(user_id=ada.id), Context.new()) == ada
    quota = await house.bus.request(users.QUOTA, GetQuota(), of(ada))
    assert quota == Quota(used=0, reserved=0, limit=10, tier="free", resets_at=DECEMBER)
    await until(lambda: house.neighbours.created)
    assert house.neighbours.created == [UserCreated(user_id=ada.id, username=ada.username, created_at=NOVEMBER)]


async def test_create_is_idempotent_by_id(house: House) -> None:
    """The same account created many times at once is one profile and one fact, whatever name is asked for."""
    wanted = CreateUser(user_id=uuid.uuid4(), email="ada@example.org", username="ada", full_name=" Ada  L. ")
    made = await asyncio.gather(*(house.bus.request(users.CREATE, wanted, Context.new()) for _ in range(8)))
    again = msgspec.structs.replace(wanted, username="other")
    made.append(await house.bus.request(users.CREATE, again, Context.new()))
    assert {(user.id, user.username, user.full_name) for user in made} == {(wanted.user_id, "ada", "Ada  L.")}
    await until(lambda: house.neighbours.created)
    await asyncio.sleep(0.2)
    assert len(house.neighbours.created) == 1


async def test_username_taken(house: House) -> None:
    """A username is taken in every spelling; the error names the field."""
    await house.user(username="Ada")
    with pytest.raises(Conflict) as caught:
        await house.user("b@example.org", username="aDA")
    assert [error.field for error in caught.value.errors] == ["username"]


async def test_default_username_taken(house: House) -> None:
    """Who asks for no username gets another when the first choice is taken, also when many come at once."""
    made = await asyncio.gather(*(house.user(f"Ada@{n}.example.org") for n in range(8)))
    names = {user.username.lower() for user in made}
    assert len(names) == 8
    assert "ada" in names
    assert all(name.startswith("ada") for name in names)


async def test_profiles_are_private(house: House) -> None:
    """Users read their own profile only; admins and other nodes read anybody's."""
    ada, eve = await house.user(), await house.user("eve@example.org")
    with pytest.raises(Forbidden):
        await house.bus.request(users.GET, GetUser(user_id=ada.id), of(eve))
    with pytest.raises(Unauthenticated):
        await house.bus.request(users.GET, GetUser(), Context.new())
    with pytest.raises(NotFound):
        await house.bus.request(users.GET, GetUser(user_id=uuid.uuid4()), Context.new())
    admin = msgspec.structs.replace(of(eve), roles=("user", "admin"))
    assert await house.bus.request(users.GET, GetUser(user_id=ada.id), admin) == ada


async def test_update(house: House) -> None:
    """Given fields change, others stay, null empties; updated_at moves."""
    ada = await house.user()
    house.at(NOVEMBER + timedelta(hours=1))
    changes = UpdateUser(full_name="Ada", avatar_url="https://example.org/a.png")
    after = await house.bus.request(users.UPDATE, changes, of(ada))
    assert (after.username, after.full_name, after.avatar_url) == (ada.username, "Ada", "https://example.org/a.png")
    assert after.updated_at == NOVEMBER + timedelta(hours=1)
    after = await house.bus.request(users.UPDATE, UpdateUser(username="countess", avatar_url=None), of(ada))
    assert (after.username, after.full_name, after.avatar_url) == ("countess", "Ada", None)


async def test_update_refuses(house: House) -> None:
    """A taken username is Conflict, a bad one Invalid, an unknown caller NotFound; nothing changes."""
    ada = await house.user()
    await house.user("eve@example.org")
    with pytest.raises(Conflict):
        await house.bus.request(users.UPDATE, UpdateUser(username="EVE"), of(ada))
    with pytest.raises(Invalid):
        await house.bus.request(users.UPDATE, UpdateUser(full_name="a\x00b"), of(ada))
    with pytest.raises(NotFound):
        await house.bus.request(users.UPDATE, UpdateUser(full_name="x"), Context.new(user_id=uuid.uuid4()))
    assert await house.bus.request(users.GET, GetUser(), of(ada)) == ada


async def test_preferences(house: House) -> None:
    """Defaults until they are set; setting replaces all; nobody has none."""
    ada = await house.user()
    assert await house.bus.request(users.PREFERENCES, GetPreferences(), of(ada)) == Preferences()
    wanted = Preferences(language="pt-BR", email_notifications=False)
    for _ in range(2):
        assert await house.bus.request(users.SET_PREFERENCES, wanted, of(ada)) == wanted
    assert await house.bus.request(users.PREFERENCES, GetPreferences(), of(ada)) == wanted
    nobody = Context.new(user_id=uuid.uuid4())
    with pytest.raises(NotFound):
        await house.bus.request(users.SET_PREFERENCES, wanted, nobody)
    with pytest.raises(NotFound):
        await house.bus.request(users.PREFERENCES, GetPreferences(), nobody)


async def test_fact_survives_a_bus_that_is_away(pool: Pool, nats_url: str) -> None:
    """A profile created while nobody stores messages is told once the stream is there."""
    near = Neighbours()
    wanted = CreateUser(user_id=uuid.uuid4(), email="ada@example.org")
    async with a_bus(nats_url, "users") as bus:
        service = Users(pool, bus)
        await service.create(wanted, Context.new())
        await service.close()  # its relay has failed
        assert await pool.value("SELECT count(*) FROM outbox") == 1
        async with a_bus(nats_url, streams=True):
            heard = SmallService("notifications", listen(users.CREATED, near.hear_created))
            async with a_node(nats_url, heard):
                await service.chores[0].run()
                await until(lambda: near.created)
    assert [fact.user_id for fact in near.created] == [wanted.user_id]
    assert await pool.value("SELECT count(*) FROM outbox") == 0


async def test_database_away(house: House) -> None:
    """Without its database the node says Unavailable, and nothing of the driver."""
    ada = await house.user()
    await house.pool.close()
    with pytest.raises(Unavailable, match=r"^The database is not available\.$"):
        await house.bus.request(users.GET, GetUser(), of(ada))


def test_every_contract_is_bound(house: House) -> None:
    """The node binds its endpoints and queues, all of them."""
    bound = {binding.contract.subject for binding in house.service.bindings if binding.contract is not None}
    own = {contract.subject for contract in users.CONTRACTS} - {users.CREATED.subject}
    assert bound == own | {auth.ACCOUNT_DELETED.subject}
