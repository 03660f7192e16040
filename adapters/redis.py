"""Redis (or Valkey): small values that may be lost, and the memory of idempotent requests.

Everything raises Unavailable when the server cannot be reached. After a failure the next second's calls fail at once,
so that a dead server costs its callers one timeout a second and not one per request.
"""

import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from redis import asyncio as driver
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from contracts.errors import Unavailable

REST = 1.0
"""Seconds without a try after a failure."""
TIMEOUT = 0.5
"""Seconds for connecting, for a command, and for a free connection."""
CONNECTIONS = 32

DAY = 24 * 3600
RUNNING_SECONDS = 20
"""How long a request may hold its key without an answer: more than twice what a route with keys may take (8 s by its
contract, and two commands here), so that none that lives loses it, and a client whose edge crashed soon gets through.
Should it end too early all the same, the key has gone to the node, where a repeat makes nothing new.
"""


class Script:
    """A program for the server, which does it in one step."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Redis:
    """A client that fails fast. Use `opened_redis`, or `close` it yourself."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = TIMEOUT,
        connections: int = CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pool = driver.BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Once, at once: a connection of the pool may have died with a restart of the server.
            retry=Retry(NoBackoff(), 1),
        )
        self._client: driver.Redis = driver.Redis.from_pool(pool)
        self._client.response_callbacks.clear()  # replies as the server sends them; SET ... GET would become a bool
        self._clock = clock
        self._rest_until = float("-inf")

    async def ping(self) -> None:
        """Return when the server answers."""
        await self.run("PING")

    async def get(self, key: str) -> bytes | None:
        """The value of `key`, None when there is none."""
        value: bytes | None = await self.run("GET", key)
        return value

    async def set(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep `value` for that many seconds."""
        await self.run("SET", key, value, "EX", seconds)

    async def increment(self, key: str) -> int:
        """Count up and return the new number."""
        return int(await self.run("INCR", key))

    async def delete(self, key: str) -> None:
        """Forget `key`; nothing happens when it is not there."""
        await self.run("DEL", key)

    async def run(self, *command: str | bytes | int) -> Any:
        """One command in the protocol's own words."""
        async with self._mapped():
            return await self._client.execute_command(*command)

    async def do(self, script: Script, keys: Sequence[str], values: Sequence[str | bytes | int]) -> Any:
        """Run a program; its text is sent when the server does not know it (any more)."""
        try:
            return await self.run("EVALSHA", script.sha, len(keys), *keys, *values)
        except Unavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self.run("EVAL", script.text, len(keys), *keys, *values)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    @contextlib.asynccontextmanager
    async def _mapped(self) -> AsyncIterator[None]:
        if self._clock() < self._rest_until:
            raise Unavailable("Redis is down.", retry_after=REST)
        try:
            yield
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._rest_until = self._clock() + REST
            raise Unavailable("Redis is down.", retry_after=REST) from error
        except RedisError as error:
            raise Unavailable("Redis refused a command.", retry_after=REST) from error


@contextlib.asynccontextmanager
async def opened_redis(url: str) -> AsyncIterator[Redis]:
    """A client for the length of the block; the first connection is made by the first command."""
    redis = Redis(url)
    try:
        yield redis
    finally:
        await redis.close()


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that can be given again."""

    status: int
    body: bytes
    media: str
    headers: dict[str, str] = {}


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to do a request."""

    scope: str
    """Whose key, for which route."""
    fingerprint: bytes
    """The same for the same request."""
    owner: bytes
    """Unique to this try."""


class Begun(msgspec.Struct, frozen=True):
    """The request is the first with its key, and now marked as running."""


class Busy(msgspec.Struct, frozen=True):
    """The same request is running."""


class Mismatch(msgspec.Struct, frozen=True):
    """The key belongs to another request."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: bytes
    owner: bytes
    answer: Stored | None = None
    """None while it is running."""


_SETTLE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
"""Replace or remove our own mark and nobody else's: after a minute another request may have taken the key."""


class Idempotency:
    """Which requests have been made under which key, and how they were answered."""

    def __init__(self, redis: Redis, *, keep: int = DAY, running: int = RUNNING_SECONDS) -> None:
        self._redis = redis
        self._keep = keep  # seconds
        self._running = running
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Entry)

    async def begin(self, attempt: Attempt) -> Begun | Busy | Mismatch | Stored:
        """Take the key of the scope for this request."""
        mark = self._entry(attempt)
        raw = await self._redis.run("SET", _key(attempt.scope), mark, "NX", "GET", "EX", self._running)
        if raw is None:
            return Begun()
        entry = self._decoder.decode(raw)
        if entry.fingerprint != attempt.fingerprint:
            return Mismatch()
        return entry.answer or Busy()

    async def known(self, scope: str) -> bool:
        """Is there an answer in this scope, or a request that runs? Changes nothing."""
        return bool(await self._redis.run("EXISTS", _key(scope)))

    async def settle(self, attempt: Attempt, answer: Stored | None) -> None:
        """Keep the answer of a request that began here, or free its key when there is none."""
        done = b"" if answer is None else self._entry(attempt, answer)
        await self._redis.run("EVAL", _SETTLE, 1, _key(attempt.scope), self._entry(attempt), done, self._keep)

    def _entry(self, attempt: Attempt, answer: Stored | None = None) -> bytes:
        return self._encoder.encode(_Entry(fingerprint=attempt.fingerprint, owner=attempt.owner, answer=answer))


def _key(scope: str) -> str:
    return f"idempotency:{scope}"
