"""Errors and delivery facts as NATS headers and subjects (ADR-32, JetStream acknowledgement subjects)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from contracts.errors import Internal, Problem, ServiceError, Unavailable, raised

ERROR, ERROR_CODE = "Nats-Service-Error", "Nats-Service-Error-Code"
STATUS = "Status"
MESSAGE_ID = "Nats-Msg-Id"
PENDING_MESSAGES = "Nats-Pending-Messages"
SCHEDULE, SCHEDULE_TARGET = "Nats-Schedule", "Nats-Schedule-Target"
SENDER = "sender"
VERSION = "version"
"""Of a reply: the version of the node that served, unless it is the stable one."""

_problem = msgspec.json.Decoder(Problem)


def schedule_headers(at: datetime, target: str) -> dict[str, str]:
    """The headers of a message that the server is to send to `target` when it is `at` (ADR-51)."""
    moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {SCHEDULE: f"@at {moment}", SCHEDULE_TARGET: target}


def error_headers(error: ServiceError) -> dict[str, str]:
    """The headers that mark a reply as an error: a number and a stable word, never the text of an exception."""
    return {ERROR: error.code, ERROR_CODE: str(error.status)}


def reply_error(headers: Mapping[str, str] | None, body: bytes) -> ServiceError | None:
    """The error that a reply carries, if it does."""
    if not headers:
        return None
    if headers.get(STATUS) == "503":
        return Unavailable("Nobody is there to answer.", retry_after=1)
    if ERROR not in headers and ERROR_CODE not in headers:
        return None
    try:
        return raised(_problem.decode(body))
    except msgspec.MsgspecError:
        return Internal()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the acknowledgement subject of a JetStream message says about its delivery."""

    stream: str
    consumer: str
    deliveries: int
    sequence: int

    @classmethod
    def from_reply(cls, reply: str) -> "Delivered":
        """`$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>...`, or with domain and account before the stream."""
        tokens = reply.split(".")
        first = 2 if len(tokens) == 9 else 4
        stream, consumer, deliveries, sequence = tokens[first : first + 4]
        return cls(stream, consumer, int(deliveries), int(sequence))
