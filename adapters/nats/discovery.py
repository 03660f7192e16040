"""The service verbs of ADR-32: `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`, so that `nats micro` sees us."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from adapters.nats.bus import Bus
from adapters.nats.connection import Connection

PLACE = "place"
"""In the metadata of an instance: as which of its node's versions it serves."""
SECONDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
"""Bounds of the times that are counted apart; few, because each is a number for each subject of each instance."""
VERBS = ("PING", "INFO", "STATS")
_TYPES = {verb: f"io.nats.micro.v1.{verb.lower()}_response" for verb in VERBS}


@dataclass(slots=True)
class Meter:
    """Counts of one endpoint, queue or listener of one instance."""

    name: str
    subject: str
    queue_group: str
    kind: str
    """svc, jobs, events or dead."""
    num_requests: int = 0
    num_errors: int = 0
    last_error: str = ""
    """The code of the last error, never its text."""
    processing_time: int = 0
    """Nanoseconds in all."""
    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    """How many took up to each of `SECONDS` and more than the one before; at last what took longer than all."""

    def count(self, began: float, error: str | None = None) -> None:
        """One more, begun at `began` (`time.perf_counter()`), with the code of its error if it failed."""
        self.num_requests += 1
        seconds = time.perf_counter() - began
        self.processing_time += int(seconds * 1e9)
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        if error is not None:
            self.num_errors += 1
            self.last_error = error

    def info(self) -> dict[str, Any]:
        """Its part of `$SRV.INFO`."""
        return {
            "name": self.name,
            "subject": self.subject,
            "queue_group": self.queue_group,
            "metadata": {"kind": self.kind},
        }

    def stats(self) -> dict[str, Any]:
        """Its part of `$SRV.STATS`."""
        average = self.processing_time // self.num_requests if self.num_requests else 0
        counts = {
            "num_requests": self.num_requests,
            "num_errors": self.num_errors,
            "last_error": self.last_error,
            "processing_time": self.processing_time,
            "average_processing_time": average,
            "data": {"buckets": self.buckets},
        }
        return {"name": self.name, "subject": self.subject, "queue_group": self.queue_group, **counts}


@dataclass(slots=True)
class Discovery:
    """What one instance tells about itself."""

    name: str
    instance: str
    version: str
    description: str
    meters: tuple[Meter, ...]
    metadata: Mapping[str, str]
    data: Callable[[], Mapping[str, Any]] = dict
    """More for STATS, e.g. the states of circuit breakers."""
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z"))
    _subscriptions: list[Subscription] = field(default_factory=list)

    async def start(self, connection: Connection) -> None:
        """Answer the three verbs, for all services, for this one, and for this instance."""
        for verb in VERBS:
            for suffix in ("", f".{self.name}", f".{self.name}.{self.instance}"):
                answer = self._answering(connection, verb)
                self._subscriptions.append(await connection.client.subscribe(f"$SRV.{verb}{suffix}", cb=answer))

    async def stop(self) -> None:
        """Be silent."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions.clear()

    def _answering(self, connection: Connection, verb: str) -> Callable[[Msg], Any]:
        async def answer(message: Msg) -> None:
            await connection.client.publish(message.reply, msgspec.json.encode(self.reply(verb)))

        return answer

    def reply(self, verb: str) -> dict[str, Any]:
        """The answer to one verb."""
        base: dict[str, Any] = {
            "type": _TYPES[verb],
            "name": self.name,
            "id": self.instance,
            "version": self.version,
            "metadata": dict(self.metadata),
        }
        if verb == "INFO":
            base |= {"description": self.description, "endpoints": [meter.info() for meter in self.meters]}
        if verb == "STATS":
            endpoints = [meter.stats() for meter in self.meters]
            base |= {"started": self.started, "endpoints": endpoints, "data": dict(self.data())}
        return base


class Peer(msgspec.Struct, frozen=True):
    """Another instance, as `$SRV.PING` shows it."""

    name: str
    id: str
    version: str
    metadata: Mapping[str, str] = {}

    @property
    def place(self) -> str:
        """Which of the node's versions it is (`contracts/traffic.py`); empty for a node that has none."""
        return self.metadata.get(PLACE, "")


async def peers(bus: Bus, name: str) -> list[Peer]:
    """The instances of service `name` that answer within 0.3 s (at once when there is none)."""
    replies = await bus.gather(f"$SRV.PING.{name}", b"", quiet=0.15, most=0.3)
    return [msgspec.json.decode(reply, type=Peer) for reply in replies]
