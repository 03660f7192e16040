"""A users node on a real database and a real bus, with small stand-ins for the nodes that it asks."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from adapters.migrations import migrate
from adapters.nats.bus import Bus
from adapters.postgres import Pool, open_pool
from contracts import covers, tasks, users
from contracts.covers import GetUsage, Usage
from contracts.tasks import FindUnknown, StepReport, Unknown
from contracts.users import (
    CreateUser,
    GetQuota,
    ReserveQuota,
    SettleQuota,
    User,
    UserCreated,
)
from contracts.wire import Context
from nodes.bindings import listen, serve, work
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


@contextlib.asynccontextmanager
async def a_users_pool(dsn: str) -> AsyncIterator[Pool]:
    """The node's database, with its tables."""
    await migrate(dsn, MIGRATIONS)
    pool = await open_pool(dsn)
    yield pool
    await pool.close()


@contextlib.asynccontextmanager
async def a_users_house(url: str, pool: Pool) -> AsyncIterator[House]:
    """A running node whose clock stands in November; its outbox is relayed, the other chores are called by tests."""
    clock, near = [NOVEMBER], Neighbours()
    others = (
        SmallService("notifications", listen(users.CREATED, near.hear_created)),
        SmallService("tasks", serve(tasks.FIND_UNKNOWN, near.find_unknown), work(tasks.REPORT, near.take_report)),
        SmallService("covers", serve(covers.USAGE, near.usage)),
    )
    async with a_bus(url, streams=True) as bus, contextlib.AsyncExitStack() as stack:
        for other in others:
            await stack.enter_async_context(a_node(url, other))
        service = await stack.enter_async_context(running_users(url, pool, clock))
        yield House(bus, pool, service, near, clock)


async def chore(house: House, name: str) -> None:
    """Run one of the node's chores now."""
    await next(chore.run for chore in house.service.chores if chore.name == name)()
