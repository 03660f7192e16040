"""Answers that may be reused (RFC 9111, 5861): Cache-Control, Age and ETag for clients, `kept.py` for everybody.

Only public answers are kept, so that nothing of a user is. Cache-Status (RFC 9211) says what was done:

| the answer is | what follows |
|---|---|
| young | it is given |
| older than `max_age` | it is given, and one of all edges asks the node again behind it |
| older than `stale` besides | the node is asked first; what is kept is given if that fails, up to `stale_if_error` |
| emptied by a change, or none | the node is asked, once for all that ask the same at that moment |

`Cache-Control: no-cache` in a request asks the node.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

from adapters.nats.bus import Bus
from contracts import templates, token_keys
from contracts.errors import DeadlineExceeded, Internal, ServiceError, Unavailable
from contracts.wire import Event
from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.kept import LOOK_EVERY, Kept, ResponseCache
from edge.routes import Cache, Route

log = logging.getLogger(__name__)

NAME = "covergen"
PURGES: tuple[tuple[Event[Any], str], ...] = (
    (templates.CHANGED, "templates"),
    (token_keys.KEYS_CHANGED, "keys"),
)
"""What empties which group, whoever made the change."""
PASSING = (Unavailable, DeadlineExceeded, Internal)
"""Errors of the node that what is kept may stand in for."""


class Renewals:
    """What is being asked of nodes for the cache: one question for all who want the same, also behind their answers."""

    def __init__(self, cache: ResponseCache) -> None:
        self.cache = cache
        self.counts: Counter[str] = Counter()
        """Answers by what was done: hit, stale, error, miss."""
        self._asking: dict[tuple[str, int], asyncio.Task[Result]] = {}
        self._behind: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def watching(self, bus: Bus) -> AsyncIterator[None]:
        """Hear of changes for the length of the block; at its end nothing is asked any more."""
        stops = [await bus.watch(event, partial(self._changed, group)) for event, group in PURGES]
        try:
            yield
        finally:
            for stop in stops:
                await stop()
            tasks = [*self._asking.values(), *self._behind]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _changed(self, group: str, _told: object) -> None:
        self.cache.hear(group)

    async def together(
        self, key: str, generation: int, ask: Callable[[], Coroutine[Any, Any, Result]]
    ) -> tuple[Result, bool]:
        """Ask, or wait for who asks the same; True when it was somebody else's question.

        Who goes away does not end the question for the others.
        """
        place = (key, generation)
        task, joined = self._asking.get(place), True
        if task is None:
            task, joined = asyncio.create_task(ask(), name="ask for the cache"), False
            self._asking[place] = task
            task.add_done_callback(lambda done: self._asked(place, done))
        return await asyncio.shield(task), joined

    def _asked(self, place: tuple[str, int], done: "asyncio.Task[Result]") -> None:
        del self._asking[place]
        if not done.cancelled():
            done.exception()  # all who waited for it may have gone

    def later(self, kept: Kept, renewing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Renew an answer behind the one that is given, unless that was tried within the last second."""
        now = self.cache.clock()
        if now >= kept.renew_at:
            kept.renew_at = now + LOOK_EVERY
            task = asyncio.create_task(renewing(), name="renew a kept answer")
            self._behind.add(task)
            task.add_done_callback(self._behind.discard)


def response_cache(renewals: Renewals) -> Middleware:
    """Answer from memory where the route allows it; make a group old after a change."""

    def stage(route: Route, inner: Handler) -> Handler:
        if route.cache is not None:
            return Reading(renewals, route.cache, inner).handle
        if route.changes is not None:
            return _changing(renewals.cache, route.changes, inner)
        return inner

    return stage


class Reading:
    """The answers of one route."""

    def __init__(self, renewals: Renewals, rule: Cache, inner: Handler) -> None:
        self._renewals = renewals
        self._cache = renewals.cache
        self._rule = rule
        self._inner = inner

    async def handle(self, exchange: Exchange) -> Result:
        """Answer from what is kept, or from the node."""
        rule, cache, request = self._rule, self._cache, exchange.request
        generation = await cache.generation(rule.group)
        key = request.path_qs
        if "no-cache" in request.headers.get("Cache-Control", ""):
            return await self._asked(exchange, key, generation, "request")
        kept = cache.get(key, generation, rule)
        if kept is None:
            return await self._asked(exchange, key, generation, "uri-miss")
        age = cache.age(kept)
        if age < rule.max_age:
            return self._given(exchange, kept, "hit", f"hit; ttl={round(rule.max_age - age)}")
        if age < rule.max_age + rule.stale:
            self._renewals.later(kept, lambda: self._renew(exchange, key, kept))
            return self._given(exchange, kept, "stale", f"hit; ttl=-{round(age - rule.max_age)}")
        return await self._asked(exchange, key, generation, "stale", kept)

    async def _asked(self, exchange: Exchange, key: str, generation: int, why: str, old: Kept | None = None) -> Result:
        """Ask the node now; what is kept stands in when it fails."""
        began = self._cache.clock()
        try:
            result, joined = await self._renewals.together(key, generation, lambda: self._call(exchange))
        except PASSING as error:
            if old is None:
                raise
            return self._given(exchange, old, "error", f"fwd={why}; fwd-status={error.status}")
        if type(result) is not Answer or result.status != 200:
            return result
        stored = self._cache.put(key, result, generation, began)
        collapsed = "; collapsed" if joined else ""
        return self._given(exchange, stored, "miss", f"fwd={why}; fwd-status=200; stored{collapsed}")

    async def _renew(self, exchange: Exchange, key: str, kept: Kept) -> None:
        """Behind an answer: take what another edge renewed, or ask the node when none does."""
        cache, rule = self._cache, self._rule
        found = await cache.fetch(key, kept, rule.group)
        if found is not None and cache.age(found) < rule.max_age:
            return
        if not await cache.begin(key, rule.group):
            return
        began = cache.clock()
        try:
            result = await self._call(exchange)
        except ServiceError as error:
            log.info("a kept answer was not renewed: %s", error.code, extra={"action": "not_renewed"})
            return  # the lock stays until it ends by itself: the node has its rest
        if type(result) is Answer and result.status == 200:
            await cache.share(key, cache.put(key, result, kept.generation, began), rule)

    async def _call(self, exchange: Exchange) -> Result:
        """Ask the node by an exchange of its own: the one that began may be answered, or gone, before this is."""
        own = Exchange(exchange.request, exchange.route, exchange.region)
        own.request_id, own.seconds = exchange.request_id, exchange.seconds
        own.traceparent, own.tracestate = exchange.traceparent, exchange.tracestate
        return await self._inner(own)

    def _given(self, exchange: Exchange, kept: Kept, what: str, status: str) -> Answer:
        self._renewals.counts[what] += 1
        headers = exchange.headers
        headers["Cache-Control"], headers["ETag"] = self._rule.control, kept.etag
        headers["Cache-Status"] = f"{NAME}; {status}"
        if what != "miss":
            headers["Age"] = str(int(self._cache.age(kept)))
        if matches(exchange.request.headers.get("If-None-Match"), kept.etag):
            return Answer(304)
        return Answer(200, kept.body, kept.media)


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
