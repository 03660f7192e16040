"""Is this process alive, and can it serve?

Ready means: not stopping, the bus connected, every node answering `$SRV.PING`, Redis answering. The checks run
together and their outcome is kept for a second, so that asking often costs nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from adapters.nats.bus import Bus
from adapters.redis import Redis
from contracts.errors import FieldError, ServiceError, Unavailable
from contracts.wire import Context
from edge.exchange import Answer, Exchange

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises ServiceError with a sentence when not."""
LIMIT = 1.0
"""Seconds a check may take."""
KEEP = 1.0


class Health:
    """The answers of `/healthz` and `/readyz`."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._known: dict[str, str] = {}
        self._known_until = float("-inf")
        self._looking = asyncio.Lock()
        self._stopping = False

    def stop(self) -> None:
        """From now on not ready: balancers should send requests elsewhere."""
        self._stopping = True

    async def alive(self, _exchange: Exchange) -> Answer:
        """200 while the process runs."""
        return Answer(200, b'{"status":"ok"}')

    async def ready(self, _exchange: Exchange) -> Answer:
        """200 with every check, or a 503 problem that names those that failed."""
        if self._stopping:
            raise Unavailable("This process is stopping.", retry_after=1)
        found = await self._look()
        errors = tuple(FieldError(field=name, detail=text) for name, text in found.items() if text != "ok")
        if errors:
            raise Unavailable(f"Not ready: {', '.join(error.field for error in errors)}.", errors=errors)
        return Answer(200, msgspec.json.encode({"status": "ready", "checks": found}))

    async def _look(self) -> dict[str, str]:
        async with self._looking:
            if time.monotonic() >= self._known_until:
                results = await asyncio.gather(*(_outcome(check) for check in self._checks.values()))
                self._known = dict(zip(self._checks, results, strict=True))
                self._known_until = time.monotonic() + KEEP
            return self._known


async def _outcome(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), LIMIT)
    except ServiceError as error:
        return error.detail
    except TimeoutError:
        return "No answer in time."
    return "ok"


def checks_of(bus: Bus, redis: Redis, nodes: tuple[str, ...]) -> dict[str, Check]:
    """The bus, Redis, and a ping of each node."""

    async def connected() -> None:
        if not bus.connection.is_connected:
            raise Unavailable("The message bus is not reachable.")

    def ping(node: str) -> Check:
        async def check() -> None:
            await bus.request_raw(f"$SRV.PING.{node}", b"", Context.new(), LIMIT)

        return check

    return {"nats": connected, "redis": redis.ping, **{node: ping(node) for node in nodes}}
