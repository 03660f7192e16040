"""The end of an account: the auth and users nodes on real databases and a real bus."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.migrations import migrate
from adapters.nats.bus import Bus
from adapters.passwords import Passwords
from adapters.postgres import Pool, open_pool
from contracts import auth, tasks, users
from contracts.auth import AccountDeleted, DeleteAccount, GetAccount, Login, Refresh, Register, Session, VerifyToken
from contracts.errors import Conflict, Invalid, NotFound, Unauthenticated
from contracts.tasks import StepReport
from contracts.users import CreateUser, GetPreferences, GetUser, Preferences, ReserveQuota, SettleQuota
from contracts.wire import Context
from nodes.auth.ending import Ending
from nodes.auth.model import NewSession
from nodes.auth.service import Auth
from nodes.auth.store import MIGRATIONS as AUTH_MIGRATIONS
from nodes.bindings import listen, work
from nodes.users.service import Users
from nodes.users.store import MIGRATIONS as USERS_MIGRATIONS
from ops.provision_nats import provision_streams
from tests.support.auth_house import ROOT
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.endings import acknowledged, end_account
from tests.support.servers import fresh_postgres

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = Register(email="ada@example.org", password="correct horse", username="ada")
ADMIN = ("admin@covergen.local", "administrator")


@dataclass
class House:
    """An auth and a users node, their databases, and what the others hear."""

    bus: Bus
    accounts: Pool
    profiles: Pool
    auth: Auth
    time: list[datetime]
    heard: list[AccountDeleted] = field(default_factory=list)
    reports: list[StepReport] = field(default_factory=list)

    async def register(self, message: Register = ADA) -> Session:
        return await self.bus.request(auth.REGISTER, message, Context.new())

    async def login(self) -> Session:
        return await self.bus.request(auth.LOGIN, Login(email=ADA.email, password=ADA.password), Context.new())

    async def delete(self, session: Session, password: str = ADA.password) -> None:
        await self.bus.request(auth.DELETE_ACCOUNT, DeleteAccount(password=password), by(session.user.id))

    async def end(self, session: Session) -> None:
        """Delete an account and wait until the users node has done its part."""
        count = len(self.heard)
        await self.delete(session)
        await self.until_heard(count + 1)
        await acknowledged(self.bus, "users")

    async def rows(self) -> list[tuple[str, str]]:
        """(address, status) of all accounts."""
        found = await self.accounts.all("SELECT email, status FROM users_auth ORDER BY email")
        return [(row["email"], row["status"]) for row in found]

    async def chore(self, name: str) -> None:
        """Run one of the auth node's chores now."""
        await next(chore for chore in self.auth.chores if chore.name == name).run()

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)

    async def hear(self, event: AccountDeleted, context: Context) -> None:
        self.heard.append(event)

    async def report(self, message: StepReport, context: Context) -> None:
        self.reports.append(message)


def by(user_id: uuid.UUID) -> Context:
    """A request of that user."""
    return Context.new(timeout=8, user_id=user_id)


@contextlib.asynccontextmanager
async def database(server: str, migrations: Path) -> AsyncIterator[Pool]:
    """An empty database with a node's tables."""
    async with fresh_postgres(server) as dsn:
        await migrate(dsn, migrations)
        pool = await open_pool(dsn)
        yield pool
        await pool.close()


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_url: str) -> AsyncIterator[House]:
    """Both nodes, running; the chores are run by the tests."""
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        accounts = await stack.enter_async_context(database(postgres_url, AUTH_MIGRATIONS))
        profiles = await stack.enter_async_context(database(postgres_url, USERS_MIGRATIONS))
        passwords, time = Passwords(threads=1), [START]
        stack.callback(passwords.close)
        service = Auth(accounts, bus, passwords, root=ROOT, admin=ADMIN, clock=lambda: time[0])
        people = Users(profiles, bus, clock=lambda: time[0])
        for closing in (service, people):
            stack.push_async_callback(closing.close)
        await service.prepare()
        house = House(bus, accounts, profiles, service, time)
        nodes = (
            SmallService("auth", *service.bindings),
            SmallService("users", *people.bindings),
            SmallService("covers", listen(auth.ACCOUNT_DELETED, house.hear)),
            SmallService("tasks", work(tasks.REPORT, house.report)),
        )
        for node in nodes:
            await stack.enter_async_context(a_node(nats_url, node))
        yield house


async def test_the_facts_of_an_account_are_no_secrets(house: House) -> None:
    """Address, roles, times and the number of sessions that go on; nothing for nobody."""
    session = await house.register()
    await house.login()

    facts = await house.bus.request(auth.ACCOUNT, GetAccount(), by(session.user.id))
    assert (facts.id, facts.email, facts.roles, facts.sessions) == (session.user.id, ADA.email, ("user",), 2)
    assert (facts.created_at, facts.last_login) == (START, START)
    for context in (Context.new(), by(uuid.uuid4())):
        with pytest.raises(Unauthenticated):
            await house.bus.request(auth.ACCOUNT, GetAccount(), context)


async def test_a_wrong_password_deletes_nothing(house: House) -> None:
    """Invalid names the field; the account and its sessions go on."""
    session = await house.register()
    with pytest.raises(Invalid) as caught:
        await house.delete(session, "wrong horse")
    assert [error.field for error in caught.value.errors] == ["password"]
    assert (await house.login()).user.id == session.user.id
    assert await house.accounts.value("SELECT count(*) FROM outbox") == 0


async def test_an_administrator_stays(house: House) -> None:
    """The administrator's account cannot be deleted, not even by its owner."""
    await house.auth.ensure_admin()
    session = await house.bus.request(auth.LOGIN, Login(email=ADMIN[0], password=ADMIN[1]), Context.new())
    with pytest.raises(Conflict):
        await house.delete(session, ADMIN[1])
    assert await house.rows() == [(ADMIN[0], "active")]


async def test_a_deleted_account_signs_nobody_in(house: House) -> None:
    """Login, refresh and every session end at once, the event goes out once, and a repetition is Unauthenticated."""
    session, other = await house.register(), await house.login()
    await house.delete(session)

    with pytest.raises(Unauthenticated):
        await house.login()
    for each in (session, other):
        with pytest.raises(Unauthenticated):
            await house.bus.request(auth.REFRESH, Refresh(refresh_token=each.refresh_token), Context.new())
        with pytest.raises(Unauthenticated):
            await house.bus.request(auth.VERIFY, VerifyToken(token=each.access_token), Context.new())
    with pytest.raises(Unauthenticated):
        await house.delete(session)
    await house.until_heard(1)
    await acknowledged(house.bus, "covers")
    assert [event.user_id for event in house.heard] == [session.user.id]


async def test_nothing_of_the_owner_stays_in_the_account(house: House) -> None:
    """The row that is kept for a day has no address, hash, role or login; sessions and tokens are gone."""
    session = await house.register()
    await house.delete(session)
    row = await house.accounts.one("SELECT * FROM users_auth")
    assert row is not None
    assert (row["email"], row["password_hash"], row["roles"]) == (f"deleted:{session.user.id}", "", [])
    assert (row["pending_username"], row["pending_full_name"], row["last_login"]) == (None, None, None)
    assert await house.accounts.value("SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM tokens)") == 0
    with pytest.raises(Unauthenticated):
        await house.bus.request(auth.LOGIN, Login(email=row["email"], password="x"), Context.new())


async def test_the_address_and_the_name_are_free_again(house: House) -> None:
    """The same registration makes another account, which the end of the first does not touch."""
    first = await house.register()
    await house.end(first)
    second = await house.register()
    assert (second.user.email, second.user.username) == (first.user.email, "ada")
    assert second.user.id != first.user.id

    await end_account(house.bus, first.user.id, "users")
    assert (await house.login()).user.id == second.user.id


async def test_a_sign_in_that_was_under_way_brings_nothing_back(house: House) -> None:
    """The password was right, then the account was deleted: no session begins, no profile and no account is made."""
    session = await house.register()
    account = await house.auth._store.by_email(ADA.email)
    assert account is not None
    await house.end(session)

    with pytest.raises(Unauthenticated):
        await house.auth._accounts.profile(account, Context.new())
    async with house.auth._store.activating(account) as transaction:
        assert transaction is None
    new = NewSession(
        id=uuid.uuid4(),
        user_id=account.id,
        password_hash=account.password_hash,
        token_hash=b"hash",
        now=START,
        expires_at=START,
    )
    async with house.auth._store.beginning(new) as transaction:
        assert transaction is None
    assert [status for _, status in await house.rows()] == ["deleted"]
    assert await house.profiles.value("SELECT count(*) FROM users") == 0


async def test_a_password_that_changes_meanwhile_stops_the_deletion(house: House) -> None:
    """What was proven is the old password: nothing is deleted and no event is stored."""
    session = await house.register()
    account = await house.auth._store.by_id(session.user.id)
    assert account is not None
    await house.accounts.run("UPDATE users_auth SET password_hash = 'another'")
    async with house.auth._store.deleting(account, START) as transaction:
        assert transaction is None
    assert await house.rows() == [(ADA.email, "active")]
    assert await house.accounts.value("SELECT count(*) FROM sessions") == 1


async def test_the_event_is_stored_with_the_deletion(nats_url: str, postgres_url: str) -> None:
    """While the bus takes no events the deletion is done all the same; the relay sends the event when it can."""
    heard: list[AccountDeleted] = []

    async def hear(event: AccountDeleted, context: Context) -> None:
        heard.append(event)

    passwords = Passwords(threads=1)
    async with a_bus(nats_url) as bus, database(postgres_url, AUTH_MIGRATIONS) as pool:
        service = Auth(pool, bus, passwords, root=ROOT, clock=lambda: START)
        account = service._accounts.pending(ADA.email, ADA, await passwords.hash(ADA.password))
        await service._store.insert_pending(account)
        async with service._store.activating(account):
            pass
        ending = Ending(service._store, service._outbox, service._audit, passwords, lambda: START)
        await ending.delete(DeleteAccount(password=ADA.password), by(account.id))  # there is no stream yet
        await service.close()
        assert await pool.value("SELECT count(*) FROM outbox") == 1

        await provision_streams(bus)
        async with a_node(nats_url, SmallService("covers", listen(auth.ACCOUNT_DELETED, hear))):
            await service._outbox.relay()
            await acknowledged(bus, "covers")
    passwords.close()
    assert [event.user_id for event in heard] == [account.id]


async def test_a_deletion_is_told_every_hour_for_a_day(house: House) -> None:
    """Not before the hour, once per hour whatever instances run, and the row is forgotten after a day."""
    session = await house.register()
    await house.delete(session)
    await house.chore("auth-deleted")
    house.time[0] = START + timedelta(hours=1, seconds=1)
    await asyncio.gather(house.chore("auth-deleted"), house.chore("auth-deleted"))
    await house.until_heard(2)
    await acknowledged(house.bus, "covers")
    assert [(event.user_id, event.deleted_at) for event in house.heard] == [(session.user.id, START)] * 2

    await house.chore("auth-sweep")
    assert len(await house.rows()) == 1
    house.time[0] = START + timedelta(days=1, seconds=1)
    await house.chore("auth-sweep")
    assert await house.rows() == []


async def test_users_delete_profile_preferences_and_reservations(house: House) -> None:
    """All rows of that user and nobody else's, however often it is told."""
    session = await house.register()
    other = await house.register(Register(email="bob@example.org", password=ADA.password))
    for each in (session, other):
        await house.bus.request(users.SET_PREFERENCES, Preferences(language="de"), by(each.user.id))
        await house.bus.request(users.RESERVE_QUOTA, ReserveQuota(task_id=uuid.uuid4()), by(each.user.id))
    for _ in range(2):
        await end_account(house.bus, session.user.id, "users")

    assert await house.profiles.value("SELECT count(*) FROM users") == 1
    assert await house.profiles.value("SELECT count(*) FROM user_preferences") == 1
    assert await house.profiles.value("SELECT count(*) FROM quota_reservations") == 1
    with pytest.raises(NotFound):
        await house.bus.request(users.GET, GetUser(), by(session.user.id))
    with pytest.raises(NotFound):
        await house.bus.request(users.PREFERENCES, GetPreferences(), by(session.user.id))
    assert (await house.bus.request(users.GET, GetUser(), by(other.user.id))).email == "bob@example.org"


async def test_users_make_no_deleted_profile_again(house: House) -> None:
    """A creation that comes late is refused while the deletion is remembered, also when the two meet."""
    late = CreateUser(user_id=uuid.uuid4(), email="late@example.org")
    create = house.bus.request(users.CREATE, late, Context.new(timeout=5))
    await asyncio.gather(create, end_account(house.bus, late.user_id, "users"), return_exceptions=True)
    assert await house.profiles.value("SELECT count(*) FROM users") == 0
    with pytest.raises(Unauthenticated):
        await house.bus.request(users.CREATE, late, Context.new(timeout=5))


async def test_users_answer_the_saga_of_a_deleted_user(house: House) -> None:
    """A commit is reported as failed, a release as done: there is nothing to give back."""
    session = await house.register()
    task_id = uuid.uuid4()
    await house.bus.request(users.RESERVE_QUOTA, ReserveQuota(task_id=task_id), by(session.user.id))
    await end_account(house.bus, session.user.id, "users")
    with pytest.raises(NotFound):
        await house.bus.request(users.RESERVE_QUOTA, ReserveQuota(task_id=uuid.uuid4()), by(session.user.id))
    for queue, step in ((users.COMMIT_QUOTA, "commit"), (users.RELEASE_QUOTA, "reserve/undo")):
        message = SettleQuota(task_id=task_id, user_id=session.user.id, step=step)
        await house.bus.enqueue(queue, message, message_id=step)
    async with asyncio.timeout(5):
        while len(house.reports) < 2:
            await asyncio.sleep(0.01)
    problems = {report.step: report.problem and report.problem.code for report in house.reports}
    assert problems == {"commit": "not_found", "reserve/undo": None}
