"""The Redis adapter on a real Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.redis import Attempt, Begun, Busy, Idempotency, Mismatch, Redis, Stored, opened_redis
from contracts.errors import Unavailable

ANSWER = Stored(status=202, body=b"\x00body", media="application/json", headers={"Location": "/there"})


@pytest_asyncio.fixture
async def redis(redis_database: str) -> AsyncIterator[Redis]:
    """A client of an empty Valkey."""
    async with opened_redis(redis_database) as redis:
        yield redis


def attempt(owner: bytes = b"one", fingerprint: bytes = b"request") -> Attempt:
    """A try with the scope that all of them share."""
    return Attempt(scope="scope", fingerprint=fingerprint, owner=owner)


async def test_values_are_kept_counted_and_forgotten(redis: Redis) -> None:
    """get, set with an end, increment, delete."""
    await redis.ping()
    assert await redis.get("k") is None
    await redis.set("k", b"\xff\x00", seconds=60)
    assert await redis.get("k") == b"\xff\x00"
    assert 0 < await redis.run("TTL", "k") <= 60
    await redis.delete("k")
    assert await redis.get("k") is None
    assert [await redis.increment("n"), await redis.increment("n")] == [1, 2]


async def test_the_first_of_many_begins(redis: Redis) -> None:
    """Of 50 tries at once exactly one begins; the others see that it runs."""
    store = Idempotency(redis)
    found = await asyncio.gather(*(store.begin(attempt(bytes([n]))) for n in range(50)))
    assert found.count(Begun()) == 1
    assert found.count(Busy()) == 49


async def test_an_answer_is_kept_for_the_same_request_only(redis: Redis) -> None:
    """After settling, the same request gets the stored answer, another one a mismatch."""
    store = Idempotency(redis, keep=1000)
    assert await store.begin(attempt()) == Begun()
    assert await store.begin(attempt(b"two", b"other")) == Mismatch()
    await store.settle(attempt(), ANSWER)
    assert await store.begin(attempt(b"two")) == ANSWER
    assert await store.begin(attempt(b"two", b"other")) == Mismatch()
    assert 60 < await redis.run("TTL", "idempotency:scope") <= 1000


async def test_a_key_without_an_answer_is_free_again(redis: Redis) -> None:
    """Settling with nothing lets the next try begin."""
    store = Idempotency(redis)
    await store.begin(attempt())
    await store.settle(attempt(), None)
    assert await store.begin(attempt(b"two")) == Begun()


async def test_only_the_owner_settles(redis: Redis) -> None:
    """A try whose mark has expired and been taken by another changes nothing."""
    store = Idempotency(redis)
    await store.begin(attempt(b"late"))
    await redis.delete("idempotency:scope")
    assert await store.begin(attempt(b"new")) == Begun()
    await store.settle(attempt(b"late"), ANSWER)
    assert await store.begin(attempt(b"third")) == Busy()
    await store.settle(attempt(b"late"), None)
    assert await store.begin(attempt(b"third")) == Busy()


async def test_a_mark_ends_by_itself(redis: Redis) -> None:
    """A process that died while its request ran blocks the key only for a while."""
    store = Idempotency(redis, running=1)
    await store.begin(attempt())
    await asyncio.sleep(1.1)
    assert await store.begin(attempt(b"two")) == Begun()


async def test_a_dead_server_is_unavailable_at_once() -> None:
    """Nobody listens: Unavailable; and for the next second without another try."""
    now = 0.0
    redis = Redis("redis://127.0.0.1:1/0", clock=lambda: now)
    try:
        with pytest.raises(Unavailable) as first:
            await redis.ping()
        assert isinstance(first.value.__cause__, Exception)
        with pytest.raises(Unavailable) as second:
            await redis.ping()
        assert second.value.__cause__ is None
        now = 1.5
        with pytest.raises(Unavailable) as third:
            await redis.ping()
        assert isinstance(third.value.__cause__, Exception)
    finally:
        await redis.close()


async def test_a_silent_server_costs_one_timeout() -> None:
    """A server that takes the connection and says nothing is given up after the timeout."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    redis = Redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout=0.1)
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await redis.ping()
        assert time.monotonic() - began < 1
    finally:
        await redis.close()
        server.close()
        for writer in held:
            writer.close()
        await server.wait_closed()


async def test_a_refused_command_is_no_outage(redis: Redis) -> None:
    """An error reply is Unavailable for its caller, and the next call goes through."""
    await redis.set("text", b"no number", seconds=9)
    with pytest.raises(Unavailable):
        await redis.increment("text")
    await redis.ping()


async def test_more_callers_than_connections_wait(redis_database: str) -> None:
    """A pool of 2 connections serves 100 callers."""
    redis = Redis(redis_database, connections=2)
    try:
        await asyncio.gather(*(redis.ping() for _ in range(100)))
    finally:
        await redis.close()
