"""Metrics and access log: rate, errors and duration per route and subject (RED), one line per request.

A line has the path without its query and never a header or a body, so that no secret is in it.
"""

import asyncio
import itertools
import logging
import time
import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from adapters.telemetry import Batch, Row
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

log = logging.getLogger("edge.access")

LABELS = ("method", "route", "subject")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BOUNDS = (*(str(bound) for bound in SECONDS), "+Inf")
QUIET = ("alive", "ready", "metrics")
"""Handlers that machines ask every few seconds: logged only when they do not answer 200."""
UNTOLD = "s/"
"""What paths begin with that hold a token, however they go on: only the route's own words are logged of them."""
GONE = 499
"""The status in metrics and log of a request whose client went away."""
BATCH_LINES, BATCH_SECONDS = 64, 0.05
"""The access log is written when so many lines wait, or so long after the first of them."""
Seen = tuple[float, str, str, str, int, float, str, uuid.UUID | None]
"""Unix time, method, path, route, status, seconds, request id, user."""


class Metrics:
    """The metrics of one edge process, in a registry of their own.

    The requests are counted in plain numbers and put in Prometheus' form when somebody reads them: its own counters
    take a lock and a chain of calls for each number.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self.registry.register(self)
        self._counters: dict[str, tuple[str, str, Mapping[str, int]]] = {}
        self.streams = Gauge("covergen_http_streams", "Open event streams", registry=self.registry)

    def for_route(self, route: Route) -> Callable[[int, float], None]:
        """A function that counts one answer of `route`: its status and its seconds."""
        subject = "" if route.contract is None else route.contract.subject
        return self._tallies.setdefault((route.method, route.path, subject), Tally()).count

    def count(self, name: str, about: str, label: str, counts: Mapping[str, int]) -> None:
        """Show what others count: `counts` by the value of `label`."""
        self._counters[name] = (about, label, counts)

    def collect(self) -> Iterator[Metric]:
        """What was counted, as Prometheus' client asks for it."""
        requests = CounterMetricFamily("covergen_http_requests", "Requests answered", labels=(*LABELS, "status"))
        seconds = HistogramMetricFamily("covergen_http_request_seconds", "Time to answer", labels=LABELS)
        for labels, tally in self._tallies.items():
            for status, count in tally.statuses.items():
                requests.add_metric((*labels, str(status)), count, created=tally.created)
            seconds.add_metric(labels, tally.cumulative(), tally.seconds)
        yield requests
        yield seconds
        for name, (about, label, counts) in self._counters.items():
            others = CounterMetricFamily(f"covergen_{name}", about, labels=(label,))
            for value, count in counts.items():
                others.add_metric((value,), count)
            yield others


class Tally:
    """The answers of one route."""

    def __init__(self) -> None:
        self.created = time.time()
        self.statuses: dict[int, int] = {}
        self.seconds = 0.0
        self._buckets = [0] * (len(SECONDS) + 1)

    def count(self, status: int, seconds: float) -> None:
        """One more."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds += seconds
        self._buckets[bisect_left(SECONDS, seconds)] += 1

    def cumulative(self) -> list[tuple[str, float]]:
        """The upper bounds, and how many took at most so long."""
        return list(zip(BOUNDS, itertools.accumulate(self._buckets), strict=True))


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
                    lines.add(_seen(exchange, status, seconds))

        return handle

    return stage


class AccessLog:
    """One line per request, written a few at a time and after their answers have gone out: that takes less than a line
    between two requests, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, seen: Seen) -> None:
        """Note a request; its line is written within `BATCH_SECONDS`."""
        self._seen.append(seen)
        if len(self._seen) >= BATCH_LINES:
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
        seen, self._seen = self._seen, []
        if seen:
            # `log.info` would walk the stack to find this line
            batch = Batch([_row(each) for each in seen])
            log.handle(log.makeRecord(log.name, logging.INFO, __name__, 0, batch, (), None))


def _seen(exchange: Exchange, status: int, seconds: float) -> Seen:
    request, claims = exchange.request, exchange.claims
    path = request.rel_url.raw_path  # still percent-encoded: no control characters
    if path.lstrip("/").startswith(UNTOLD):
        path = exchange.route.path
    user = None if claims is None else claims.sub
    return time.time(), request.method, path, exchange.route.path, status, seconds, exchange.request_id, user


def _row(seen: Seen) -> Row:
    at, method, path, _, status, _, _, _ = seen
    return at, f"{method} {path} {status}", partial(_fields, seen)


def _fields(seen: Seen) -> dict[str, Any]:
    _, method, path, route, status, seconds, request_id, user = seen
    return {
        "action": "request",
        "request_id": request_id,
        "method": method,
        "path": path,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "user_id": None if user is None else str(user),
    }
