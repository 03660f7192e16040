"""How much waits in each durable consumer, as JetStream counts it."""

from collections.abc import AsyncIterator

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.jetstream import ask


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one durable consumer."""

    stream: str
    durable: str
    pending: int
    """Not given to anybody yet."""
    ack_pending: int
    """Given to a worker that is not done."""
    redelivered: int
    """Those of them that were given before."""


class _Consumer(msgspec.Struct):
    stream_name: str
    name: str
    num_pending: int = 0
    num_ack_pending: int = 0
    num_redelivered: int = 0


async def queue_depths(bus: Bus, stream: str) -> AsyncIterator[QueueDepth]:
    """The consumers of a stream. Raises Unavailable."""
    offset, total = 0, 1
    while offset < total:
        answer = await ask(bus, f"CONSUMER.LIST.{stream}", {"offset": offset})
        found = msgspec.convert(answer.get("consumers") or (), tuple[_Consumer, ...])
        for each in found:
            yield QueueDepth(
                stream=each.stream_name,
                durable=each.name,
                pending=each.num_pending,
                ack_pending=each.num_ack_pending,
                redelivered=each.num_redelivered,
            )
        offset, total = offset + len(found), answer.get("total", 0) if found else 0
