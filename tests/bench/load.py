"""The load generator: one asyncio process, raw keep-alive sockets, one request in flight per connection.

`python -m tests.bench.load PLAN` with a JSON `Plan` prints a JSON `Measured`. It does as little as it can per answer,
because it shares the machine with what it measures.
"""

import asyncio
import re
import sys
import time

import msgspec

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where to, and for how long."""

    host: str
    port: int
    request: str
    """The whole request as it goes over the wire."""
    status: int
    """The only status that is taken for an answer."""
    connections: int
    seconds: float
    warmup: float
    """Seconds before the count begins."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered while it counted."""

    count: int
    seconds: float
    p50: float
    """Milliseconds."""
    p99: float
    bad: int
    """Answers with another status; connections that broke."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.count / self.seconds


class _Tally:
    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.bad = 0
        self.stopping = False


class _Client(asyncio.Protocol):
    def __init__(self, request: bytes, status: bytes, tally: _Tally) -> None:
        self._request = request
        self._status = status
        self._tally = tally
        self._buffer = b""
        self._sent = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._tally.stopping:
            self._tally.bad += 1

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        head = data.find(_END)
        length = _LENGTH.search(data, 0, head) if head >= 0 else None
        if head < 0 or (length is not None and len(data) < head + 4 + int(length[1])):
            return
        self._buffer = b""
        self._tally.latencies.append(time.perf_counter() - self._sent)
        if length is None or not data.startswith(self._status):
            self._tally.bad += 1
        self._send()

    def _send(self) -> None:
        if self.transport is not None and not self._tally.stopping:
            self._sent = time.perf_counter()
            self.transport.write(self._request)


async def measure(plan: Plan) -> Measured:
    """Send requests for the time of the plan."""
    loop = asyncio.get_running_loop()
    tally = _Tally()
    request, status = plan.request.encode(), f"HTTP/1.1 {plan.status} ".encode()
    clients = [
        (await loop.create_connection(lambda: _Client(request, status, tally), plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    await asyncio.sleep(plan.warmup)
    tally.latencies, began = [], time.perf_counter()
    await asyncio.sleep(plan.seconds)
    found, seconds = sorted(tally.latencies), time.perf_counter() - began
    tally.stopping = True
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    p50, p99 = (found[int(len(found) * part)] * 1000 if found else 0.0 for part in (0.5, 0.99))
    return Measured(count=len(found), seconds=seconds, p50=p50, p99=p99, bad=tally.bad)


if __name__ == "__main__":
    measured = asyncio.run(measure(msgspec.json.decode(sys.argv[1], type=Plan)))
    sys.stdout.buffer.write(msgspec.json.encode(measured) + b"\n")
