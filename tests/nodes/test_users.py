"""The users node on a real database and a real bus, with small stand-ins for the nodes that it asks."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from adapters.nats.bus import Bus
from adapters.postgres import Pool, migrate, open_pool
from contracts import auth, covers, tasks, users
from contracts.covers import GetUsage, Usage
from contracts.errors import Conflict, Forbidden, Invalid, KeyReused, NotFound, OverQuota, Unauthenticated, Unavailable
from contracts.tasks import FindUnknown, StepReport, Unknown
from contracts.users import (
    CreateUser,
    GetPreferences,
    GetQuota,
    GetUser,
    Preferences,
    Quota,
    ReserveQuota,
    SettleQuota,
    UpdateUser,
    User,
    UserCreated,
)
from contracts.wire import Context
from nodes.runtime import listen, serve, work
from nodes.users.service import Users
from nodes.users.store import MIGRATIONS
from tests.support.buses import SmallService, a_bus, a_node

NOVEMBER = datetime(2026, 11, 22, 12, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass
class Neighbours:
    """What the other nodes were told, and what they shall answer."""

    created: list[UserCreated] = field(default_factory=list)
    reports: list[StepReport] = field(default_factory=list)
    known_tasks: set[uuid.UUID] = field(default_factory=set)
    asked: list[tuple[uuid.UUID, ...]] = field(default_factory=list)
    completed: dict[uuid.UUID, int] = field(default_factory=dict)
    usage_since: list[datetime] = field(default_factory=list)

    async def hear_created(self, message: UserCreated, _context: Context) -> None:
        self.created.append(message)

    async def take_report(self, message: StepReport, _context: Context) -> None:
        self.reports.append(message)

    async def find_unknown(self, message: FindUnknown, _context: Context) -> Unknown:
        self.asked.append(message.task_ids)
        return Unknown(task_ids=tuple(task for task in message.task_ids if task not in self.known_tasks))

    async def usage(self, message: GetUsage, _context: Context) -> Usage:
        self.usage_since.append(message.since)
        return Usage(completed=self.completed.get(message.user_id, 0))


@dataclass
class House:
    """A users node, its database, its clock and its neighbours."""

    bus: Bus
    pool: Pool
    service: Users
    neighbours: Neighbours
    time: list[datetime]

    def at(self, now: datetime) -> None:
        """Set the clock."""
        self.time[0] = now

    async def user(self, email: str = "ada@example.org", username: str | None = None) -> User:
        """A new user."""
        wanted = CreateUser(user_id=uuid.uuid4(), email=email, username=username)
        return await self.bus.request(users.CREATE, wanted, Context.new(timeout=5))

    async def quota(self, user: User) -> tuple[int, int]:
        """(used, reserved)."""
        quota = await self.bus.request(users.QUOTA, GetQuota(), of(user))
        return quota.used, quota.reserved

    async def reserve(self, user: User, task: uuid.UUID | None = None, amount: int = 1) -> uuid.UUID:
        """Hold quota for a task, a new one unless named."""
        task = task or uuid.uuid4()
        await self.bus.request(users.RESERVE_QUOTA, ReserveQuota(task_id=task, amount=amount), of(user))
        return task

    async def settle(self, verb: str, user: User, task: uuid.UUID, step: str | None = "commit") -> StepReport | None:
        """Put the job on its queue and wait for the report, if one is due."""
        queue = {"commit": users.COMMIT_QUOTA, "release": users.RELEASE_QUOTA}[verb]
        heard = len(self.neighbours.reports)
        message = SettleQuota(task_id=task, user_id=user.id, step=step)
        await self.bus.enqueue(queue, message, message_id=uuid.uuid4().hex)
        if step is None:
            await self.idle(queue.durable)
            return None
        await until(lambda: len(self.neighbours.reports) > heard)
        return self.neighbours.reports[-1]

    async def idle(self, durable: str) -> None:
        """Wait until a queue has nothing waiting and nothing being worked on."""
        async with asyncio.timeout(5):
            while True:
                subject = f"$JS.API.CONSUMER.INFO.JOBS.{durable}"
                info = msgspec.json.decode(await self.bus.request_raw(subject, b"", Context.new(), 5))
                if info["num_pending"] == 0 and info["num_ack_pending"] == 0:
                    return
                await asyncio.sleep(0.01)


def of(user: User) -> Context:
    """The context of a request by that user."""
    return Context.new(timeout=8, user_id=user.id)


async def until(condition: Callable[[], object], limit: float = 5) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running_users(url: str, pool: Pool, clock: list[datetime]) -> AsyncIterator[Users]:
    """One instance of the node with a connection of its own."""
    async with a_bus(url, "users") as bus:
        service = Users(pool, bus, clock=lambda: clock[0])
        only = SmallService("users", *service.bindings, chores=service.chores[:1])
        async with a_node(url, only):
            yield service
        await service.close()


@pytest_asyncio.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    """The node's database."""
    await migrate(postgres_database, MIGRATIONS)
    pool = await open_pool(postgres_database)
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def house(nats_url: str, pool: Pool) -> AsyncIterator[House]:
    """A running node whose clock stands in November; its outbox is relayed, the other chores are called by tests."""
    clock, near = [NOVEMBER], Neighbours()
    others = (
        SmallService("notifications", listen(users.CREATED, near.hear_created)),
        SmallService("tasks", serve(tasks.FIND_UNKNOWN, near.find_unknown), work(tasks.REPORT, near.take_report)),
        SmallService("covers", serve(covers.USAGE, near.usage)),
    )
    async with a_bus(nats_url, streams=True) as bus, contextlib.AsyncExitStack() as stack:
        for other in others:
            await stack.enter_async_context(a_node(nats_url, other))
        service = await stack.enter_async_context(running_users(nats_url, pool, clock))
        yield House(bus, pool, service, near, clock)


async def chore(house: House, name: str) -> None:
    """Run one of the node's chores now."""
    await next(chore.run for chore in house.service.chores if chore.name == name)()


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


async def test_reserve_and_commit(house: House) -> None:
    """A reservation moves from reserved to used, once, however often each message comes; the saga is told."""
    ada = await house.user()
    task = await house.reserve(ada)
    assert await house.reserve(ada, task) == task
    assert await house.quota(ada) == (0, 1)
    report = await house.settle("commit", ada, task)
    assert report == StepReport(task_id=task, step="commit", deliveries=1)
    assert await house.quota(ada) == (1, 0)
    await house.settle("commit", ada, task, step=None)
    assert await house.quota(ada) == (1, 0)
    await house.reserve(ada, task)  # it is made: nothing is held again
    assert await house.quota(ada) == (1, 0)


async def test_reserve_and_release(house: House) -> None:
    """A release gives back once, and a task that begins again holds again."""
    ada = await house.user()
    task = await house.reserve(ada)
    report = await house.settle("release", ada, task, step="reserve/undo")
    assert report == StepReport(task_id=task, step="reserve/undo")
    await house.settle("release", ada, task, step=None)
    assert await house.quota(ada) == (0, 0)
    await house.reserve(ada, task)
    assert await house.quota(ada) == (0, 1)


async def test_commit_wins_over_release(house: House) -> None:
    """In whichever order both come, what was made is counted."""
    ada = await house.user()
    first, second = await house.reserve(ada), await house.reserve(ada)
    for verb, task in (("commit", first), ("release", first), ("release", second), ("commit", second)):
        await house.settle(verb, ada, task, step=None)
    assert await house.quota(ada) == (2, 0)


async def test_settling_what_was_never_held(house: House) -> None:
    """A release is done at once; a commit fails for good and the saga is told why."""
    ada = await house.user()
    task = uuid.uuid4()
    assert await house.settle("release", ada, task, step="reserve/undo") == StepReport(
        task_id=task, step="reserve/undo"
    )
    report = await house.settle("commit", ada, task)
    assert report is not None
    assert report.problem is not None
    assert report.problem.code == "not_found"
    assert await house.quota(ada) == (0, 0)


async def test_somebody_elses_task(house: House) -> None:
    """A task id holds for one user and one amount; another's settlement does not touch it."""
    ada, eve = await house.user(), await house.user("eve@example.org")
    task = await house.reserve(ada)
    with pytest.raises(KeyReused):
        await house.reserve(eve, task)
    with pytest.raises(KeyReused):
        await house.reserve(ada, task, amount=2)
    await house.settle("release", eve, task, step=None)
    assert await house.quota(ada) == (0, 1)
    assert await house.quota(eve) == (0, 0)


async def test_limit_holds_under_200_reservations_at_once(house: House, nats_url: str, postgres_database: str) -> None:
    """Two instances get 200 reservations of one user at once: exactly the limit is held, the rest is OverQuota."""
    ada = await house.user()
    other = await open_pool(postgres_database)
    async with running_users(nats_url, other, house.time):
        tries = (house.reserve(ada) for _ in range(200))
        results = await asyncio.gather(*tries, return_exceptions=True)
    await other.close()
    assert sum(isinstance(result, uuid.UUID) for result in results) == 10
    assert sum(isinstance(result, OverQuota) for result in results) == 190
    assert await house.quota(ada) == (0, 10)


async def test_one_task_200_times_at_once(house: House) -> None:
    """The same task reserved and settled many times at once is one cover."""
    ada = await house.user()
    task = uuid.uuid4()
    await asyncio.gather(*(house.reserve(ada, task) for _ in range(100)))
    message = SettleQuota(task_id=task, user_id=ada.id)
    commits = (house.bus.enqueue(users.COMMIT_QUOTA, message, message_id=f"c{n}") for n in range(50))
    releases = (house.bus.enqueue(users.RELEASE_QUOTA, message, message_id=f"r{n}") for n in range(50))
    await asyncio.gather(*commits, *releases)
    await house.idle(users.COMMIT_QUOTA.durable)
    await house.idle(users.RELEASE_QUOTA.durable)
    assert await house.quota(ada) == (1, 0)


async def test_new_month(house: House) -> None:
    """At the first moment of the month the quota is whole again; what is settled later belongs to the old month."""
    ada = await house.user()
    held = [await house.reserve(ada) for _ in range(10)]
    await house.settle("commit", ada, held[0], step=None)
    house.at(DECEMBER - timedelta(microseconds=1))
    with pytest.raises(OverQuota):
        await house.reserve(ada)
    house.at(DECEMBER)
    assert await house.quota(ada) == (0, 0)
    await house.settle("commit", ada, held[1], step=None)
    await house.settle("release", ada, held[2], step=None)
    assert await house.quota(ada) == (0, 0)
    fresh = await house.reserve(ada)
    await house.settle("commit", ada, fresh, step=None)
    assert await house.quota(ada) == (1, 0)
    quota = await house.bus.request(users.QUOTA, GetQuota(), of(ada))
    assert quota.resets_at == datetime(2027, 1, 1, tzinfo=UTC)


async def test_orphans_are_released(house: House) -> None:
    """Reservations whose task nobody knows are given back after a minute; known ones stay and are asked about once."""
    ada = await house.user()
    orphan, known = await house.reserve(ada), await house.reserve(ada)
    house.neighbours.known_tasks.add(known)
    house.at(NOVEMBER + timedelta(seconds=59))
    await chore(house, "users-orphans")
    assert house.neighbours.asked == []
    house.at(NOVEMBER + timedelta(seconds=61))
    await chore(house, "users-orphans")
    assert await house.quota(ada) == (0, 1)
    await chore(house, "users-orphans")
    assert [set(asked) for asked in house.neighbours.asked] == [{orphan, known}]


async def test_reconcile_counts_what_was_missed(house: House) -> None:
    """Covers that were completed without being counted are counted, once; deleted covers give nothing back."""
    ada, eve = await house.user(), await house.user("eve@example.org")
    for user in (ada, eve):
        await house.settle("commit", user, await house.reserve(user), step=None)
    house.neighbours.completed = {ada.id: 3, eve.id: 0}
    for _ in range(2):
        await chore(house, "users-reconcile")
        assert await house.quota(ada) == (3, 0)
        assert await house.quota(eve) == (1, 0)
    assert set(house.neighbours.usage_since) == {datetime(2026, 11, 1, tzinfo=UTC)}


async def test_reconcile_around_the_new_month(house: House) -> None:
    """A cover that last month counted and this month completed is not counted twice."""
    ada = await house.user()
    house.at(DECEMBER - timedelta(seconds=1))
    task, late = await house.reserve(ada), await house.reserve(ada)
    await house.settle("commit", ada, task, step=None)
    house.at(DECEMBER + timedelta(seconds=5))
    house.neighbours.completed = {ada.id: 1}
    await chore(house, "users-reconcile")
    assert await house.quota(ada) == (0, 0)
    await house.settle("commit", ada, late, step=None)
    house.neighbours.completed = {ada.id: 2}
    await chore(house, "users-reconcile")
    assert await house.quota(ada) == (0, 0)


async def test_reconcile_leaves_the_inactive_alone(house: House) -> None:
    """Who did nothing of late is not asked about."""
    ada = await house.user()
    await house.settle("commit", ada, await house.reserve(ada), step=None)
    house.at(NOVEMBER + timedelta(hours=2))
    await chore(house, "users-reconcile")
    assert house.neighbours.usage_since == []


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
