"""Who is let in: no more requests at a time than this process can do, no more orders than will begin in time.

An order is refused with 503 `overloaded` before anything is done for it, when it would wait longer than the limit;
Retry-After says when the wait will have fallen below it. Two kinds are let through however much waits: an order for a
later time, when it begins behind what waits now, and one whose Idempotency-Key is known, because the stage behind has
its answer, or knows that it runs. For that the store is asked, and only on the way to a refusal; when it is down the
order is refused, and the same key gives the same task later.
"""

import functools
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.redis import Idempotency
from contracts.errors import Overloaded, ServiceError, Unavailable
from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.middleware.idempotency import HEADER, REPLAYED, scope_of
from edge.outlook import Outlook
from edge.routes import Route

MAX_WAIT = 600.0
"""Seconds."""
MOST_AT_ONCE = 512
"""Requests of one process at a time."""
UNCOUNTED = ("events", "graphql-socket", "alive", "ready", "metrics")
"""Handlers that are not counted: streams, which wait more than they work, and what machines ask to see if we live."""


def crowd(most: int = MOST_AT_ONCE) -> Middleware:
    """At most `most` requests at a time; the others are told at once to come again, without any work for them."""
    running = 0

    def stage(route: Route, inner: Handler) -> Handler:
        if route.handler in UNCOUNTED:
            return inner

        async def handle(exchange: Exchange) -> Result:
            nonlocal running
            if running >= most:
                raise Overloaded("Too many requests at a time. Please try again in a second.", retry_after=1)
            running += 1
            try:
                return await inner(exchange)
            finally:
                running -= 1

        return handle

    return stage


def admission(outlook: Outlook, store: Idempotency, *, max_wait: float = MAX_WAIT) -> Middleware:
    """Refuse orders that would wait longer than `max_wait` seconds, on routes that say what they admit."""

    def stage(route: Route, inner: Handler) -> Handler:
        if route.admits is None:
            return inner
        later = functools.partial(_begins_after, _decoder(route))

        async def handle(exchange: Exchange) -> Result:
            tier = "free" if exchange.claims is None else exchange.claims.tier
            seconds = outlook.wait(tier)
            if seconds is not None and seconds > max_wait:
                refusal = Overloaded.waiting(seconds, max_wait)
                if not later(exchange.body, refusal.retry_after or 0.0) and not await _known(store, exchange):
                    raise refusal
            outlook.let_in(tier)
            return await _counted(outlook, tier, inner, exchange)

        return handle

    return stage


class _Order(msgspec.Struct):
    start_at: datetime | None = None


def _decoder(route: Route) -> msgspec.json.Decoder[_Order] | None:
    """Reads when an order begins; None where orders do not say that."""
    fields = () if route.contract is None else route.contract.request.__struct_fields__
    return msgspec.json.Decoder(_Order) if "start_at" in fields else None


def _begins_after(decoder: "msgspec.json.Decoder[_Order] | None", body: bytes, seconds: float) -> bool:
    """Does the order begin when what waits now is gone? A time sooner than that would be a way around the refusal."""
    try:
        start = None if decoder is None else decoder.decode(body).start_at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if start is None or start.tzinfo is None:
        return False
    return start >= datetime.now(UTC) + timedelta(seconds=seconds)


async def _counted(outlook: Outlook, tier: str, inner: Handler, exchange: Exchange) -> Result:
    """The answer. What it refuses, or gives again, becomes no task; after an unknown ending there may be one."""
    try:
        result = await inner(exchange)
    except ServiceError as error:
        if error.status < 500:
            outlook.turned_away(tier)
        raise
    if isinstance(result, Answer) and (result.status >= 400 or REPLAYED in result.headers):
        outlook.turned_away(tier)
    return result


async def _known(store: Idempotency, exchange: Exchange) -> bool:
    """Was an order with this key taken before?"""
    key = exchange.request.headers.get(HEADER)
    if not key:
        return False
    try:
        return await store.known(scope_of(exchange, key))
    except Unavailable:
        return False
