"""Two edge processes on one Valkey: limits hold over both, and what each does while it is stopped and after."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from contracts import auth, covers, users
from contracts.errors import Unauthenticated
from ops.paths import Home
from ops.processes import reserve_port
from ops.servers.valkey import ValkeyServer
from tests.edge.small_nodes import World, the_nodes
from tests.support.processes import a_process, line_of
from tests.support.servers import running

PASSWORD = {"password": "correct horse battery"}
QUOTAS = "free=77, login-account=9, address=100000, login-address=1000"
BACK = 5.0
"""Seconds within which limits hold again after the server is back: an edge tries again each second."""


@dataclass
class Two:
    """Their addresses, and a client of both."""

    bases: list[str]
    client: aiohttp.ClientSession
    world: World

    async def ask(self, number: int, method: str, path: str, **options: Any) -> tuple[int, dict[str, str]]:
        """One request to one of them, in turn; its status and headers."""
        async with self.client.request(method, self.bases[number % 2] + path, **options) as answer:
            await answer.read()
            return answer.status, dict(answer.headers)

    async def statuses(self, count: int, method: str, path: str, **options: Any) -> Counter[int]:
        """That many at once."""
        answers = await asyncio.gather(*(self.ask(number, method, path, **options) for number in range(count)))
        return Counter(status for status, _ in answers)


@contextlib.asynccontextmanager
async def two_edges(nats_url: str, redis_url: str, world: World) -> AsyncIterator[Two]:
    """For the length of the block."""
    arguments = (nats_url, redis_url, "objects", QUOTAS)
    async with (
        the_nodes(nats_url, world, ("auth", "users", "covers")),
        a_process("tests.support.edge_process", *arguments) as one,
        a_process("tests.support.edge_process", *arguments) as two,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client,
    ):
        yield Two([await line_of(process, 5) for process in (one, two)], client, world)


@pytest_asyncio.fixture
async def two(nats_url: str, redis_database: str, world: World) -> AsyncIterator[Two]:
    """Two edges on the tests' own Valkey."""
    async with two_edges(nats_url, redis_database, world) as two:
        yield two


async def test_every_point_of_the_quota_is_given_and_none_more(two: Two) -> None:
    """Of 200 requests at once, some for one point and some for ten, by two users: each gets in as far as 77 points go,
    and not one point stays unused while a request of one point is refused."""
    ada, bob = two.world.bearer(), two.world.bearer()
    orders = [
        two.ask(number, "POST", "/v1/covers", headers=who, json={"title": "x"})
        for number in range(20)
        for who in (ada, bob)
    ]
    reads = [two.ask(number, "GET", "/v1/me", headers=who) for number in range(80) for who in (ada, bob)]
    answers = await asyncio.gather(*(call for pair in zip(orders, reads[:40], strict=True) for call in pair))
    answers += await asyncio.gather(*reads[40:])
    taken = Counter[str]()
    for status, headers in answers:
        assert status in (200, 202, 429)
        assert "RateLimit" in headers
        taken[str(status)] += 1
    points = two.world.count(users.GET) + 10 * two.world.count(covers.GENERATE)
    assert points == 2 * 77, taken
    assert taken["429"] == 200 - taken["200"] - taken["202"]


async def test_guesses_over_both_are_counted_together(two: Two) -> None:
    """Of 200 wrong passwords at once for one account, nine reach the node."""
    two.world.failing[auth.LOGIN.subject] = Unauthenticated("no")
    body = {"email": "ada@example.org", **PASSWORD}
    assert await two.statuses(200, "POST", "/v1/auth/login", json=body) == {401: 9, 429: 191}
    assert two.world.count(auth.LOGIN) == 9


async def test_valkey_is_stopped_and_comes_back(nats_url: str, world: World, tmp_path: Path) -> None:
    """While it is stopped, routes that are open without limits serve, and those that are closed answer 503 with
    Retry-After without asking the node; within seconds of its return limits hold again, and what was counted before
    still counts."""
    home, port = Home(tmp_path / "home"), reserve_port()
    home.create()
    ada, login = world.bearer(), {"email": "ada@example.org", **PASSWORD}
    async with contextlib.AsyncExitStack() as stack:
        async with running(ValkeyServer(home, port)) as first:
            two = await stack.enter_async_context(two_edges(nats_url, ValkeyServer(home, port).url, world))
            assert await two.statuses(200, "GET", "/v1/me", headers=ada) == {200: 77, 429: 123}
            assert await two.statuses(2, "POST", "/v1/auth/login", json=login) == {200: 2}
            await asyncio.sleep(1.1)  # it writes what it knows to the disk each second
        assert first.state == "stopped"
        asked = world.count(auth.LOGIN)
        assert await two.statuses(200, "GET", "/v1/me", headers=ada) == {200: 200}
        began = time.monotonic()
        for number in range(4):
            status, headers = await two.ask(number, "POST", "/v1/auth/login", json=login)
            assert (status, headers["Retry-After"], "RateLimit" in headers) == (503, "1", False)
        assert time.monotonic() - began < 2
        assert world.count(auth.LOGIN) == asked
        async with running(ValkeyServer(home, port)):
            seconds = await until_limited(two, ada)
            assert seconds < BACK
            assert await two.statuses(4, "POST", "/v1/auth/login", json=login) == {200: 4}
        print(f"limits held again {seconds:.2f} s after Valkey was back")  # noqa: T201 -- the figure is what is asked


async def until_limited(two: Two, headers: dict[str, str]) -> float:
    """Seconds until both refuse a user whose quota was used up before."""
    began = time.monotonic()
    while await two.statuses(2, "GET", "/v1/me", headers=headers) != {429: 2}:
        assert time.monotonic() - began < 4 * BACK
        await asyncio.sleep(0.1)
    return time.monotonic() - began
