"""A steady offer of orders over HTTP, whatever the answers are, and what became of each order."""

import asyncio
import contextlib
import itertools
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import connected
from contracts.errors import ServiceError
from contracts.tasks import LOAD, GetLoad, Load
from contracts.wire import Context
from ops.provision import node_database, profile
from ops.settings import read_settings
from tests.support.api import Api, Running

WISH: dict[str, Any] = {"title": "Storm Glass", "format": "thumbnail"}
PLENTY = 1_000_000
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class Customer:
    """A user with a plan."""

    api: Api
    tier: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order that was taken, and what the estimate for its plan was at that moment (seconds)."""

    customer: Customer
    task_id: str
    estimate: float


@dataclass(slots=True)
class Offer:
    """Orders at a rate, by customers in turn. What is not an answer at all is counted by its error."""

    customers: Sequence[Customer]
    load: "Watch"
    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    accepted: list[Accepted] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """Seconds until the refusal was there."""
    problems: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    """Status, headers and body of the refusals."""

    async def run(self, rate: float, seconds: float) -> None:
        """Offer so many orders per second; returns when each was answered."""
        began = time.monotonic()
        turns = itertools.cycle(self.customers)
        async with asyncio.TaskGroup() as group:
            for number in range(round(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                group.create_task(self.order(next(turns)))

    async def order(self, customer: Customer) -> int:
        """One order; its status, 0 for none."""
        began, estimate = time.monotonic(), self.load.estimate(customer.tier)
        try:
            answer = await customer.api.call("POST", "/v1/covers", {**WISH, "seed": random.randrange(2**40)})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.broken[type(error).__name__] += 1
            return 0
        self.statuses[answer.status] += 1
        if answer.status == 202:
            self.accepted.append(Accepted(customer, answer.body["task_id"], estimate))
        else:
            self.refused.append(time.monotonic() - began)
            self.problems.append((answer.status, answer.headers, answer.body))
        return answer.status


@dataclass(slots=True)
class Watch:
    """Follows the load as the tasks node tells it, and how fast other requests are answered meanwhile."""

    bus: Bus
    api: Api
    loads: list[Load] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    bad: list[tuple[str, int]] = field(default_factory=list)

    def estimate(self, tier: str) -> float:
        """The last estimate for a plan."""
        return self.loads[-1].seconds[tier] if self.loads else 0.0

    async def look(self) -> None:
        """Ask for the load twice a second; until cancelled."""
        while True:
            with contextlib.suppress(ServiceError):
                self.loads.append(await self.bus.request(LOAD, GetLoad(), Context.new(timeout=2)))
            await asyncio.sleep(0.5)

    async def read(self, *paths: str) -> None:
        """Ask for these paths ten times a second; until cancelled."""
        for path in itertools.cycle(paths):
            began = time.monotonic()
            answer = await self.api.call("GET", path)
            self.seconds.setdefault(path, []).append(time.monotonic() - began)
            if answer.status != 200:
                self.bad.append((path, answer.status))
            await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def on(self, *paths: str) -> AsyncIterator[None]:
        """Look and read for the length of the block."""
        running = [asyncio.create_task(self.look()), asyncio.create_task(self.read(*paths))]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            endings = await asyncio.gather(*running, return_exceptions=True)
        for ending in endings:
            if not isinstance(ending, asyncio.CancelledError) and isinstance(ending, BaseException):
                raise ending


async def customers(stack: Running, session: aiohttp.ClientSession, tiers: Sequence[str]) -> list[Customer]:
    """New users of these plans with quota for all of a test; signed in again, so that their tokens say so."""
    emails = [f"{uuid.uuid4().hex[:12]}@example.org" for _ in tiers]
    made = [Api(session, stack.base) for _ in tiers]
    for api, email in zip(made, emails, strict=True):
        assert (await api.call("POST", "/v1/auth/register", {"email": email, "password": PASSWORD})).status == 201
    connection = await asyncpg.connect(node_database(stack.run["postgres"], "users"))
    try:
        change = "UPDATE users SET quota_limit = $1, subscription_tier = $2 WHERE email = $3"
        await connection.executemany(change, [(PLENTY, tier, email) for tier, email in zip(tiers, emails, strict=True)])
    finally:
        await connection.close()
    for api, email in zip(made, emails, strict=True):
        answer = await api.call("POST", "/v1/auth/login", {"email": email, "password": PASSWORD})
        api.token = answer.body["access_token"]
    return [Customer(api, tier) for api, tier in zip(made, tiers, strict=True)]


@contextlib.asynccontextmanager
async def an_edges_bus(stack: Running) -> AsyncIterator[Bus]:
    """A link to the stack's NATS with the rights of an edge."""
    settings = read_settings({"COVERGEN_HOME": str(stack.home)}, stack.home / "no.env")
    async with connected(profile(settings, "edge", stack.run["nats"])) as connection, opened_bus(connection) as bus:
        yield bus
