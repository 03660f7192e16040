"""Answers that may be reused: Cache-Control and ETag for clients, a bounded memory of this process for everybody.

Only public answers are kept, so that nothing of a user is. A group of answers is emptied by a generation number in
Redis, which a change counts up and every edge reads at most once a second; when Redis is down, a change empties only
the cache of the process that made it, and the others follow when the age is reached. `Cache-Control: no-cache` in a
request asks the node again.
"""

import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from adapters.redis import Redis
from contracts.errors import Unavailable
from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.routes import Cache, Route

MAX_BYTES = 16 * 1024 * 1024
LOOK_EVERY = 1.0
"""Seconds between two looks at a generation."""


@dataclass(slots=True)
class _Kept:
    body: bytes
    media: str
    etag: str
    generation: int
    until: float


@dataclass(slots=True)
class _Generation:
    number: int = 0
    look_at: float = 0.0


class ResponseCache:
    """A bounded memory of answers, oldest use out first."""

    def __init__(self, redis: Redis, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic):
        self._redis = redis
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._generations: dict[str, _Generation] = {}

    async def generation(self, group: str) -> int:
        """The group's generation, at most a second old."""
        known = self._generations.setdefault(group, _Generation())
        now = self._clock()
        if now >= known.look_at:
            known.look_at = now + LOOK_EVERY
            with contextlib.suppress(Unavailable):  # what we know must do then
                known.number = max(known.number, int(await self._redis.get(_counter(group)) or 0))
        return known.number

    async def renew(self, group: str) -> None:
        """Make everything in the group stale, in all processes."""
        known = self._generations.setdefault(group, _Generation())
        known.number += 1
        with contextlib.suppress(Unavailable):  # the others will see it when the age is reached
            known.number = max(known.number, await self._redis.increment(_counter(group)))

    def get(self, key: str, generation: int) -> _Kept | None:
        """What is kept under `key`, if it is still good."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.generation != generation or found.until <= self._clock():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found

    def put(self, key: str, answer: Answer, generation: int, max_age: int) -> _Kept:
        """Keep an answer."""
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        kept = _Kept(answer.body, answer.media, etag, generation, self._clock() + max_age)
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body) + len(key)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))
        return kept

    def _drop(self, key: str) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body) + len(key)


def _counter(group: str) -> str:
    return f"cache:{group}:generation"


def response_cache(cache: ResponseCache) -> Middleware:
    """Answer from memory where the route allows it; make a group stale after a change."""

    def stage(route: Route, inner: Handler) -> Handler:
        if route.cache is not None:
            return _reading(cache, route.cache, inner)
        if route.changes is not None:
            return _changing(cache, route.changes, inner)
        return inner

    return stage


def _reading(cache: ResponseCache, rule: Cache, inner: Handler) -> Handler:
    control = f"public, max-age={rule.max_age}"

    async def handle(exchange: Exchange) -> Result:
        request = exchange.request
        generation = await cache.generation(rule.group)
        key = request.path_qs
        kept = None if "no-cache" in request.headers.get("Cache-Control", "") else cache.get(key, generation)
        if kept is None:
            result = await inner(exchange)
            if type(result) is not Answer or result.status != 200:
                return result
            kept = cache.put(key, result, generation, rule.max_age)
        exchange.headers["Cache-Control"] = control
        exchange.headers["ETag"] = kept.etag
        if matches(request.headers.get("If-None-Match"), kept.etag):
            return Answer(304)
        return Answer(200, kept.body, kept.media)

    return handle


def _changing(cache: ResponseCache, group: str, inner: Handler) -> Handler:
    async def handle(exchange: Exchange) -> Result:
        try:
            return await inner(exchange)
        finally:
            await cache.renew(group)  # also after an error: a change may have been made before it

    return handle


def matches(header: str | None, etag: str) -> bool:
    """Does If-None-Match name this ETag? The comparison is weak (RFC 9110, 13.1.2)."""
    if header is None:
        return False
    return header.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in header.split(","))
