"""Metrics and access log: rate, errors and duration per route and subject (RED), one line per request.

A line has the path without its query and never a header or a body, so that no secret is in it.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

log = logging.getLogger("edge.access")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
QUIET = ("alive", "ready", "metrics")
"""Handlers that machines ask every few seconds: logged only when they do not answer 200."""
GONE = 499
"""The status in metrics and log of a request whose client went away."""
BATCH_LINES, BATCH_SECONDS = 64, 0.05
"""The access log is written when so many lines wait, or so long after the first of them."""
Row = tuple[float, str, str, str, int, float, str, uuid.UUID | None]
"""Unix time, method, path, route, status, seconds, request id, user."""


class Metrics:
    """The metrics of one edge process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        labels = ("method", "route", "subject")
        self._requests = Counter(
            "covergen_http_requests", "Requests answered", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "covergen_http_request_seconds", "Time to answer", labels, buckets=SECONDS, registry=self.registry
        )
        self.streams = Gauge("covergen_http_streams", "Open event streams", registry=self.registry)

    def for_route(self, route: Route) -> Callable[[int, float], None]:
        """A function that counts one answer of `route`: its status and its seconds."""
        subject = "" if route.contract is None else route.contract.subject
        labels = (route.method, route.path, subject)
        observe = self._seconds.labels(*labels).observe
        counters: dict[int, Callable[[], None]] = {}

        def count(status: int, seconds: float) -> None:
            increment = counters.get(status)
            if increment is None:
                increment = counters[status] = self._requests.labels(*labels, str(status)).inc
            increment()
            observe(seconds)

        return count


def observation(metrics: Metrics) -> Middleware:
    """Count and log each request. It stands outside the error mapping, to see the status that goes out."""
    lines = AccessLog()

    def stage(route: Route, inner: Handler) -> Handler:
        count = metrics.for_route(route)
        quiet = 200 if route.handler in QUIET else 0

        async def handle(exchange: Exchange) -> Result:
            status = GONE
            try:
                result = await inner(exchange)
                status = result.status
                return result
            finally:
                seconds = time.perf_counter() - exchange.began
                count(status, seconds)
                if status != quiet and log.isEnabledFor(logging.INFO):
                    lines.add(_row(exchange, status, seconds))

        return handle

    return stage


class AccessLog:
    """One line per request, written a few at a time and after their answers have gone out: that takes less than a line
    between two requests, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, row: Row) -> None:
        """Note a request; its line is written within `BATCH_SECONDS`."""
        self._rows.append(row)
        if len(self._rows) >= BATCH_LINES:
            self.write()
        elif self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._soon(), name="access log")

    async def _soon(self) -> None:
        try:
            await asyncio.sleep(BATCH_SECONDS)
        finally:  # the end of the process cancels this task
            self.write()

    def write(self) -> None:
        """Write what was noted."""
        rows, self._rows = self._rows, []
        for row in rows:
            log.handle(_record(row))


def _row(exchange: Exchange, status: int, seconds: float) -> Row:
    request, claims = exchange.request, exchange.claims
    path = request.rel_url.raw_path  # still percent-encoded: no control characters
    user = None if claims is None else claims.sub
    return time.time(), request.method, path, exchange.route.path, status, seconds, exchange.request_id, user


def _record(row: Row) -> logging.LogRecord:
    at, method, path, route, status, seconds, request_id, user = row
    fields = {
        "action": "request",
        "request_id": request_id,
        "method": method,
        "path": path,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "user_id": None if user is None else str(user),
    }
    args = (method, path, status)
    # `log.info` would walk the stack to find this line
    record = log.makeRecord(log.name, logging.INFO, __name__, 0, "%s %s %d", args, None, extra=fields)
    record.created = at
    return record
