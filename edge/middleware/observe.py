"""Metrics and access log: rate, errors and duration per route and subject (RED), one line per request.

A line has the path without its query and never a header or a body, so that no secret is in it.
"""

import logging
import time
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
                    _write(route, exchange, status, seconds)

        return handle

    return stage


def _write(route: Route, exchange: Exchange, status: int, seconds: float) -> None:
    request, claims = exchange.request, exchange.claims
    path = request.rel_url.raw_path  # still percent-encoded: no control characters
    fields = {
        "action": "request",
        "request_id": exchange.request_id,
        "method": request.method,
        "path": path,
        "route": route.path,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "user_id": None if claims is None else str(claims.sub),
    }
    args = (request.method, path, status)
    # `log.info` would walk the stack to find this line, which takes longer than all other stages together
    log.handle(log.makeRecord(log.name, logging.INFO, __name__, 0, "%s %s %d", args, None, extra=fields))
