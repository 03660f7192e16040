"""Dead letters: messages that could not be worked on, kept with their reason in stream DEAD.

A message is buried under `dead.<original subject>` with its own body and the headers of its context, so that replaying
it is publishing it again. The message id names stream and sequence, so that burying it twice keeps one.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.jetstream import stored_headers
from adapters.nats.puller import Delivery
from contracts.errors import ServiceError, Unavailable
from contracts.wire import EVENTS, Context, DeadLetter

REASON, DETAIL, DELIVERIES = "dead-reason", "dead-detail", "dead-deliveries"
MAX_DELIVERIES = "max_deliveries"


async def bury(
    bus: Bus,
    *,
    subject: str,
    payload: bytes,
    stream: str,
    sequence: int,
    deliveries: int,
    error: ServiceError,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Keep a message that nobody can work on, `headers` being its own. Raises Unavailable."""
    facts = {REASON: error.code, DETAIL: _header_text(error.detail), DELIVERIES: str(deliveries)}
    kept = context_headers(headers or {}) | facts
    await bus.send(f"dead.{subject}", payload, message_id=f"dead-{stream}-{sequence}", headers=kept)


def context_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a message without those of the server (`Nats-...`) and of the grave (`dead-...`)."""
    return {name: text for name, text in headers.items() if not name.lower().startswith(("nats-", "dead-"))}


def unburied(delivery: Delivery) -> DeadLetter:
    """The dead letter that a message of stream DEAD is."""
    return DeadLetter(
        subject=delivery.subject.removeprefix("dead."),
        reason=delivery.headers.get(REASON, "unknown"),
        detail=delivery.headers.get(DETAIL, ""),
        deliveries=int(delivery.headers.get(DELIVERIES, "0")),
        payload=delivery.payload,
        sequence=delivery.sequence,
    )


class MaxDeliveries(msgspec.Struct, frozen=True):
    """The server's advisory that a message was delivered often enough (its workers crashed)."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int


class _Crashed(ServiceError):
    code, title = MAX_DELIVERIES, "Every worker that took it went away"


class Undertaker:
    """Buries what the workers could not bury themselves, because each of them died with the message in hand."""

    def __init__(self, bus: Bus):
        self._bus = bus

    async def bury(self, advisory: MaxDeliveries) -> None:
        """Idempotent by stream and sequence. Raises Unavailable."""
        found = await self._call(f"STREAM.MSG.GET.{advisory.stream}", {"seq": advisory.stream_seq})
        message = found.get("message")
        if message is None:
            return  # it was acknowledged after all, or buried before
        await bury(
            self._bus,
            subject=message["subject"],
            payload=base64.b64decode(message.get("data", "")),
            stream=advisory.stream,
            sequence=advisory.stream_seq,
            deliveries=advisory.deliveries,
            error=_Crashed(),
            headers=stored_headers(message),
        )
        if advisory.stream != EVENTS:  # in a work queue it would stay for ever; other listeners still need an event
            await self._call(f"STREAM.MSG.DELETE.{advisory.stream}", {"seq": advisory.stream_seq, "no_erase": True})

    async def _call(self, api: str, body: Mapping[str, Any]) -> dict[str, Any]:
        context = Context.new()
        reply = await self._bus.request_raw(f"$JS.API.{api}", msgspec.json.encode(body), context, 5.0)
        answer: dict[str, Any] = msgspec.json.decode(reply)
        if answer.get("error", {}).get("code", 404) != 404:
            raise Unavailable("JetStream could not look at a message.")
        return answer


def _header_text(text: str) -> str:
    return text.encode("ascii", "replace").decode()[:500]
