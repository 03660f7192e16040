"""What all instances of the nodes tell about themselves, asked at once: `$SRV.STATS` (ADR-32), read back."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Annotated

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from adapters.nats.bus import Bus
from adapters.nats.wire import STATUS

METRIC = r"^[a-z][a-z0-9_]*$(?!\n)"


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """A number that a node measures, for `$SRV.STATS` and, with `covergen_` before its name, for Prometheus."""

    name: Annotated[str, msgspec.Meta(pattern=METRIC)]
    value: float
    about: str
    """What it means, with its unit."""
    labels: dict[str, str] = {}


class BreakerStats(msgspec.Struct, frozen=True, kw_only=True):
    """Of the statistics of a circuit breaker, what metrics need."""

    state: str
    openings: int = 0


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long requests took, as `discovery.SECONDS` divides it."""

    buckets: tuple[int, ...] = ()


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one endpoint, queue or listener of one instance."""

    subject: str
    queue_group: str = ""
    num_requests: int = 0
    num_errors: int = 0
    processing_time: int = 0
    """Nanoseconds in all."""
    data: Times = Times()


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """What our nodes add to their statistics."""

    breakers: dict[str, BreakerStats] = {}
    """By target."""
    gauges: tuple[Gauge, ...] = ()


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The statistics of one instance."""

    name: str
    id: str
    endpoints: tuple[Served, ...] = ()
    data: Extra = Extra()


async def census(bus: Bus, nodes: Iterable[str], *, quiet: float = 0.05, most: float = 0.5) -> list[Stats]:
    """The statistics of every instance of `nodes`; of those that do not answer there are none.

    Waits until each node has answered and `quiet` seconds bring nobody else, at most `most` seconds. Raises nothing
    when the bus is away.
    """
    if not bus.connection.is_connected:
        return []
    wanted = frozenset(nodes)
    found: dict[tuple[str, str], Stats] = {}
    with contextlib.suppress(TimeoutError, NatsError):
        async with asyncio.timeout(most):
            await _collect(bus, wanted, found, quiet)
    return list(found.values())


async def _collect(bus: Bus, wanted: frozenset[str], found: dict[tuple[str, str], Stats], quiet: float) -> None:
    replies: asyncio.Queue[Msg] = asyncio.Queue()
    client = bus.connection.client
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=replies.put)
    try:
        await client.publish("$SRV.STATS", b"", reply=inbox)
        while True:
            everybody = wanted <= {name for name, _ in found}
            async with asyncio.timeout(quiet if everybody else None):
                message = await replies.get()
            if message.headers and message.headers.get(STATUS) == "503":
                return
            stats = _read(message.data)
            if stats is not None and stats.name in wanted:
                found[stats.name, stats.id] = stats
    finally:
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()


def _read(reply: bytes) -> Stats | None:
    """None for an answer that is not of our kind: others may serve on the same bus."""
    try:
        return _decoder.decode(reply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_decoder = msgspec.json.Decoder(Stats)
