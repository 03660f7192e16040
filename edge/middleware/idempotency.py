"""Idempotency-Key on POST: the same key and request is done once and its answer replayed for a day.

Scoped by user and route. The same key with another request is 422 `idempotency_key_reused`, while the first still runs
it is 409. Answers of 5xx, and 4xx that say "not now", are not kept. When Redis is down this stage fails open, with a
warning: the key still travels in the context, and covers makes the same task from the same key, so that a repeat there
changes nothing.
"""

import hashlib
import logging
import os

import msgspec

from adapters.redis import Attempt, Begun, Busy, Idempotency, Mismatch, Stored
from contracts.errors import Conflict, FieldError, Invalid, KeyReused, ServiceError, Unavailable
from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.problems import problem_answer
from edge.routes import Route

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
NOT_NOW = frozenset({401, 408, 409, 425, 429})

log = logging.getLogger(__name__)


def idempotency(store: Idempotency) -> Middleware:
    """Do a request with a key once."""

    def stage(route: Route, inner: Handler) -> Handler:
        if not route.idempotent:
            return inner

        async def handle(exchange: Exchange) -> Result:
            key = exchange.request.headers.get(HEADER)
            if key is None:
                return await inner(exchange)
            exchange.idempotency_key = _checked(key)
            attempt = Attempt(
                scope=scope_of(exchange, exchange.idempotency_key),
                fingerprint=_fingerprint(exchange),
                owner=os.urandom(16),
            )
            match await _begin(store, attempt):
                case None:
                    return await inner(exchange)
                case Mismatch():
                    raise KeyReused("This Idempotency-Key was used with another request.")
                case Busy():
                    raise Conflict("The first request with this Idempotency-Key is still running.", retry_after=1)
                case Stored() as found:
                    return Answer(found.status, found.body, found.media, {**found.headers, REPLAYED: "true"})
            return await _first(store, attempt, exchange, inner)

        return handle

    return stage


async def _begin(store: Idempotency, attempt: Attempt) -> Begun | Busy | Mismatch | Stored | None:
    """What the store says; None when it cannot be asked."""
    try:
        return await store.begin(attempt)
    except Unavailable:
        log.warning("Redis is down: idempotency by the nodes alone", extra={"action": "idempotency_open"})
        return None


async def _first(store: Idempotency, attempt: Attempt, exchange: Exchange, inner: Handler) -> Result:
    kept: Stored | None = None
    try:
        answer = await _answered(exchange, inner)
        if isinstance(answer, Answer) and answer.status < 500 and answer.status not in NOT_NOW:
            kept = Stored(status=answer.status, body=answer.body, media=answer.media, headers=answer.headers)
        return answer
    finally:
        await _settle(store, attempt, kept)


async def _answered(exchange: Exchange, inner: Handler) -> Result:
    try:
        return await inner(exchange)
    except ServiceError as error:
        if error.status >= 500:
            raise
        return problem_answer(error, exchange.request_id)


async def _settle(store: Idempotency, attempt: Attempt, kept: Stored | None) -> None:
    try:
        await store.settle(attempt, kept)
    except Unavailable:
        log.warning("an answer could not be kept", extra={"action": "idempotency_not_kept"})


def _checked(key: str) -> str:
    if not key or len(key) > MAX_KEY or not key.isascii() or not key.isprintable():
        detail = f"1 to {MAX_KEY} printable ASCII characters"
        raise Invalid(f"{HEADER}: {detail}", errors=(FieldError(field=HEADER, detail=detail),))
    return key


def scope_of(exchange: Exchange, key: str) -> str:
    """Whose key it is and for which route: keys of others, or of other routes, are not the same."""
    claims = exchange.claims
    who = "anonymous" if claims is None else str(claims.sub)
    return f"{who}:{exchange.route.name}:{hashlib.sha256(key.encode()).hexdigest()}"


def _fingerprint(exchange: Exchange) -> bytes:
    request = exchange.request
    return hashlib.sha256(msgspec.msgpack.encode((request.path_qs, exchange.body))).digest()
