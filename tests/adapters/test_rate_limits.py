"""Sliding windows on a real Valkey."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.rate_limits import SLOTS, Charge, RateLimits, Verdict
from adapters.redis import Redis, opened_redis
from contracts.errors import Unavailable


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of this run's Valkey."""
    async with opened_redis(redis_url) as redis:
        yield redis


def charge(quota: int, cost: int = 1, *, window: int = 60) -> Charge:
    """A charge under a key that nobody else has."""
    return Charge(f"test:{uuid.uuid4()}", quota, window, cost)


async def test_what_is_taken_is_told(redis: Redis) -> None:
    """Each take lowers what is left by its cost, until one does not fit; that one takes nothing."""
    limits, one = RateLimits(redis), charge(10, 4)
    verdicts = [await limits.take([one]) for _ in range(3)]
    assert [(verdict.refused, verdict.left[0].remaining) for verdict in verdicts] == [(False, 6), (False, 2), (True, 2)]
    assert 56 <= verdicts[0].left[0].reset <= 64
    assert 56 <= verdicts[2].wait[0] <= 64
    assert (await limits.take([one._replace(cost=2)])).left[0].remaining == 0


async def test_exactly_the_quota_is_taken_by_many_at_once(redis_url: str) -> None:
    """Of 300 that ask at once through three clients, as many as fit get in, whatever the size of the calls."""
    one = charge(120, 1)

    async def asked(limits: RateLimits) -> list[Verdict]:
        return await asyncio.gather(*(limits.take([one]) for _ in range(100)))

    async with opened_redis(redis_url) as a, opened_redis(redis_url) as b, opened_redis(redis_url) as c:
        clients = RateLimits(a, most=1), RateLimits(b, most=7), RateLimits(c)
        rounds = await asyncio.gather(*(asked(limits) for limits in clients))
    verdicts = [verdict for one_round in rounds for verdict in one_round]
    assert sum(not verdict.refused for verdict in verdicts) == 120
    assert sorted(verdict.left[0].remaining for verdict in verdicts if not verdict.refused) == list(range(120))


async def test_the_window_slides(redis: Redis) -> None:
    """What was taken comes back after the window; in no span of its length is more taken than the quota."""
    limits, one = RateLimits(redis), charge(5, window=1)
    loop, taken = asyncio.get_running_loop(), list[float]()
    end = loop.time() + 2.6
    while loop.time() < end:
        if not (await limits.take([one])).refused:
            taken.append(loop.time())
        await asyncio.sleep(0.005)
    spans = [later - earlier for earlier, later in zip(taken, taken[5:], strict=False)]
    assert len(taken) in (10, 15)  # the first five, and those who came when they were out of the window
    assert min(spans) >= 0.98, spans


async def test_all_or_nothing(redis: Redis) -> None:
    """A request that one key refuses takes nothing under the others."""
    limits, wide, narrow = RateLimits(redis), charge(10), charge(1)
    assert not (await limits.take([wide, narrow])).refused
    verdict = await limits.take([wide, narrow])
    assert (verdict.refused, verdict.wait[0], verdict.wait[1] > 0) == (True, 0, True)
    assert [left.remaining for left in verdict.left] == [9, 0]


async def test_more_than_the_quota_is_the_quota(redis: Redis) -> None:
    """A cost above the quota gets in when nothing was taken, instead of never."""
    limits, one = RateLimits(redis), charge(3, 10)
    assert [(await limits.take([one])).refused for _ in range(2)] == [False, True]


async def test_a_charge_is_given_back_or_forgotten(redis: Redis) -> None:
    """One charge is undone, or everything under the key; giving back to a key that has ended makes none."""
    limits, one = RateLimits(redis), charge(10, 3)
    verdicts = [await limits.take([one]) for _ in range(3)]
    await limits.give_back(one, verdicts[0].left[0])
    assert (await limits.take([one])).left[0].remaining == 1
    await limits.forget(one.key)
    await limits.give_back(one, verdicts[0].left[0])
    assert await redis.run("EXISTS", one.key) == 0
    assert (await limits.take([one])).left[0].remaining == 7


async def test_a_key_ends_by_itself(redis: Redis) -> None:
    """Nothing is kept for longer than it counts, and no more fields than there are slots."""
    limits, one = RateLimits(redis), charge(100_000, window=1)
    end = asyncio.get_running_loop().time() + 1.5
    while asyncio.get_running_loop().time() < end:
        await limits.take([one])
        await asyncio.sleep(0.01)
    assert await redis.run("HLEN", one.key) <= SLOTS + 2
    assert 0 < await redis.run("PTTL", one.key) <= 1000 * (1 + 2 / SLOTS) + 1


async def test_a_server_that_forgot_the_script_is_told_it_again(redis: Redis) -> None:
    """After SCRIPT FLUSH (a restart) the next call works."""
    limits, one = RateLimits(redis), charge(10)
    await limits.take([one])
    await redis.run("SCRIPT", "FLUSH")
    assert (await limits.take([one])).left[0].remaining == 8


async def test_everybody_hears_that_the_server_is_down() -> None:
    """Each of many who ask gets Unavailable within one timeout, and the next try is made later."""
    async with opened_redis("redis://127.0.0.1:1") as redis:
        limits = RateLimits(redis)
        async with asyncio.timeout(2):
            told = await asyncio.gather(*(limits.take([charge(1)]) for _ in range(200)), return_exceptions=True)
        assert {type(each) for each in told} == {Unavailable}
        with pytest.raises(Unavailable):
            await limits.take([charge(1)])
