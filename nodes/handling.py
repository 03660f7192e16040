"""What a handler's ending means, for the caller and for the queue.

| ending | request | job or event |
|---|---|---|
| returns | the reply | acknowledged |
| `Unavailable` or unexpected exception | the error, without text if unexpected | again after 1, 2, 4 s, then dead |
| `Unavailable` that says when (`retry_after`) | the error | the same, but not before then, 60 s at most |
| any other ServiceError, or an unreadable message | the error | a dead letter at once |
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.discovery import Meter
from adapters.nats.graveyard import bury, unburied
from adapters.nats.puller import Ack, Delivery, Nak, Outcome, Term
from adapters.nats.responder import Answer
from adapters.nats.wire import MESSAGE_ID, error_headers
from contracts.errors import DeadlineExceeded, Internal, Invalid, Malformed, ServiceError, Unavailable
from contracts.wire import Context, Endpoint

log = logging.getLogger(__name__)

RETRY_DELAYS = (1.0, 2.0, 4.0)
"""Seconds before the second, third and fourth delivery, unless a setting says otherwise."""
MAX_DELIVER = len(RETRY_DELAYS) + 1
LONGEST_DELAY = 60.0
"""Seconds that an error's own `retry_after` may ask for, e.g. the rest of an open breaker's pause."""

Handler = Callable[[Any, Context], Awaitable[Any]]
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answering:
    """Turns bytes into a call of the handler of an endpoint, and its ending into a reply."""

    endpoint: Endpoint[Any, Any]
    handler: Handler
    meter: Meter
    marks: dict[str, str] | None = None
    """Headers of every reply."""
    _decoder: msgspec.json.Decoder[Any] | None = None

    async def __call__(self, payload: bytes, headers: Mapping[str, str] | None) -> Answer | None:
        began = time.perf_counter()
        try:
            context = _context(headers)
            body = _encode(await self._handled(payload, context))
        except ServiceError as error:
            self.meter.count(began, error.code)
            return self._refusal(error)
        except Exception:
            log.exception("%s failed", self.endpoint.subject, extra={"action": "request_failed"})
            self.meter.count(began, Internal.code)
            return self._refusal(Internal())
        self.meter.count(began)
        return body, self.marks

    def _refusal(self, error: ServiceError) -> Answer:
        return _encode(error.problem()), {**error_headers(error), **(self.marks or {})}

    async def _handled(self, payload: bytes, context: Context) -> Any:
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(self.endpoint.request)
        message = _decoded(self._decoder, payload or b"{}")
        remaining = context.remaining()
        if remaining is None:
            return await self.handler(message, context)
        if remaining <= 0:
            raise DeadlineExceeded("Nobody waits for this answer any more.")
        limit = asyncio.timeout(remaining)
        try:
            async with limit:
                return await self.handler(message, context)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceeded("The work took longer than the caller waits.") from error


@dataclass(slots=True)
class Working:
    """Turns a delivery into a call of the handler of a queue or event, and its ending into an outcome."""

    bus: Bus
    message: type[Any]
    handler: Handler
    meter: Meter
    delays: tuple[float, ...] = RETRY_DELAYS
    """Seconds before the second, third and fourth delivery."""
    _decoder: msgspec.json.Decoder[Any] | None = None

    async def __call__(self, delivery: Delivery) -> Outcome:
        began = time.perf_counter()
        try:
            await self._handle(delivery)
        except ServiceError as error:
            self.meter.count(began, error.code)
            return await self._failed(delivery, error)
        except Exception:
            log.exception("%s failed", delivery.subject, extra={"action": "job_failed"})
            self.meter.count(began, Internal.code)
            return await self._failed(delivery, Internal())
        self.meter.count(began)
        return Ack()

    async def _handle(self, delivery: Delivery) -> None:
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(self.message)
        message_id = delivery.headers.get(MESSAGE_ID)
        context = msgspec.structs.replace(
            _context(delivery.headers), delivery=delivery.deliveries, message_id=message_id
        )
        await self.handler(_decoded(self._decoder, delivery.payload), context)

    async def _failed(self, delivery: Delivery, error: ServiceError) -> Outcome:
        transient = isinstance(error, Unavailable | Internal)
        if transient and delivery.deliveries < MAX_DELIVER:
            return Nak(retry_delay(delivery.deliveries, error, self.delays))
        log.error("%s is dead: %s", delivery.subject, error.code, extra={"action": "dead_letter"})
        try:
            await bury(
                self.bus,
                subject=delivery.subject,
                payload=delivery.payload,
                stream=delivery.stream,
                sequence=delivery.sequence,
                deliveries=delivery.deliveries,
                error=error,
                headers=delivery.headers,
            )
        except Unavailable:
            return Nak(self.delays[-1])  # at the last delivery the server's advisory and the undertaker take over
        return Term()


@dataclass(slots=True)
class Mourning:
    """Gives dead letters to their reader; a letter that it cannot take now is given again, for ever if need be."""

    handler: Handler
    meter: Meter

    async def __call__(self, delivery: Delivery) -> Outcome:
        began = time.perf_counter()
        try:
            await self.handler(unburied(delivery), _context({}))
        except Exception:
            log.exception("dead letter was not taken", extra={"action": "dead_letter_failed"})
            self.meter.count(began, Internal.code)
            return Nak(RETRY_DELAYS[min(delivery.deliveries, len(RETRY_DELAYS)) - 1])
        self.meter.count(began)
        return Ack()


def retry_delay(deliveries: int, error: ServiceError, delays: tuple[float, ...] = RETRY_DELAYS) -> float:
    """Seconds until a job that failed at its n-th delivery is given again: trying before `retry_after` is no use."""
    return max(delays[deliveries - 1], min(error.retry_after or 0.0, LONGEST_DELAY))


def _context(headers: Mapping[str, str] | None) -> Context:
    try:
        return Context.from_headers(headers)
    except ValueError as error:
        raise Malformed("A header is not what its name says.") from error


def _decoded(decoder: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Invalid(f"The message breaks its contract: {error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed("The message is not JSON.") from error
    except RecursionError as error:
        raise Malformed("The message is nested too deeply.") from error
