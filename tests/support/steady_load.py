"""A steady load of what users do: most read, some order covers, each order under a key of its own.

What a client sees is counted by kind: answers by status, and connections that broke (resets, refusals, ends without an
answer), none of which the client tries again here.
"""

import asyncio
import contextlib
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.api import Api, Running

RATE = 50.0
ORDER_EVERY = 1.0
"""Seconds between two orders of covers."""
USERS = 8
"""Each may order ten covers a month."""
END_LIMIT = 60.0
CLIENT_TIMEOUT = 20.0
READS = ("/v1/me", "/v1/templates")


@dataclass
class Load:
    """Requests at a steady rate, whatever the answers do, and what became of them."""

    users: list[Api]
    order_every: float = ORDER_EVERY
    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    orders: dict[str, tuple[Api, str]] = field(default_factory=dict)
    """Task by key."""
    ordered: int = 0
    bad: list[Any] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """Counts for the table."""
        errors = sum(count for status, count in self.statuses.items() if status >= 400)
        return f"{self.statuses.total()}, {len(self.orders)}, {errors}, {self.broken.total()}"

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; returns when every request has ended."""
        began, asked, ordered = time.monotonic(), 0, 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                passed = time.monotonic() - began
                if passed >= asked / RATE:
                    asked += 1
                    order = passed >= ordered * self.order_every
                    ordered += order
                    group.create_task(self._order() if order else self._read(READS[asked % len(READS)]))
                else:
                    await asyncio.sleep(asked / RATE - passed)

    async def _read(self, path: str) -> None:
        await self._counted(random.choice(self.users), "GET", path)

    async def _order(self) -> None:
        self.ordered += 1
        user, key = self.users[self.ordered % len(self.users)], uuid.uuid4().hex
        wish = {"title": "Storm Glass", "format": "thumbnail"}
        body = await self._counted(user, "POST", "/v1/covers", wish, Idempotency_Key=key)
        if body is not None and "task_id" in body:
            self.orders[key] = (user, body["task_id"])

    async def _counted(self, user: Api, method: str, path: str, *args: Any, **headers: str) -> Any:
        began = time.monotonic()
        try:
            answer = await user.call(method, path, *args, **headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.broken[type(error).__name__] += 1
            self.bad.append((round(time.monotonic() - began, 2), method, path, repr(error)))
            return None
        self.statuses[answer.status] += 1
        self.seconds.append(time.monotonic() - began)
        if answer.status >= 400:
            self.bad.append((method, path, answer.status, answer.body))
        return answer.body


@contextlib.asynccontextmanager
async def users_of(stack: Running, *, keep: bool = True) -> AsyncIterator[list[Api]]:
    """Users, each with connections of its own; without `keep` one for each request."""
    async with contextlib.AsyncExitStack() as sessions:
        users = []
        for _ in range(USERS):
            limit = aiohttp.ClientTimeout(total=CLIENT_TIMEOUT)
            connector = aiohttp.TCPConnector(force_close=not keep)
            session = await sessions.enter_async_context(aiohttp.ClientSession(timeout=limit, connector=connector))
            users.append(Api(session, stack.base))
            await users[-1].register()
        yield users


@contextlib.asynccontextmanager
async def under_load(stack: Running, users: list[Api], order_every: float = ORDER_EVERY) -> AsyncIterator[Load]:
    """Load for the length of the block and a second before and after it."""
    load, stop = Load(users, order_every), asyncio.Event()
    running = asyncio.create_task(load.run(stop))
    await asyncio.sleep(1)
    try:
        yield load
        await asyncio.sleep(1)
    finally:
        stop.set()
        await running


async def promises_kept(load: Load) -> None:
    """Every accepted order ended well, was counted once, and gave one cover."""
    for user, task_id in load.orders.values():
        assert (await user.ended(task_id, END_LIMIT))["status"] == "succeeded"
    assert len({task_id for _, task_id in load.orders.values()}) == len(load.orders)
    for user in load.users:
        mine = sum(1 for owner, _ in load.orders.values() if owner is user)
        covers = (await user.call("GET", "/v1/covers?limit=100")).body["items"]
        quota = (await user.call("GET", "/v1/me/quota")).body
        assert [cover["status"] for cover in covers] == ["ready"] * mine
        assert (quota["used"], quota["reserved"]) == (mine, 0)
