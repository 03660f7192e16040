"""Request id and trace context: taken in when they are well formed, made otherwise, always given back."""

import random
import re

from adapters.tracing import Span, Traces, good_state, sampled
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

HEADER = "X-Request-ID"
QUIET = ("alive", "ready", "metrics")
"""Handlers that machines ask every few seconds: their requests have no spans."""
GONE, OUR_FAULT = 499, 500
"""The status of a request whose client went away; from which on one has failed."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def tracing(_route: Route, inner: Handler) -> Handler:
    """Give every request an id (X-Request-ID) and a W3C trace; without a given id, it is the trace's."""

    async def handle(exchange: Exchange) -> Result:
        given = exchange.request.headers
        trace = None if given.get("traceparent") is None else _given(exchange)
        if trace is None:
            fresh = f"{random.getrandbits(192):048x}"  # a name and no secret: no system call for it
            trace = f"00-{fresh[:32]}-{fresh[32:]}-01"
        request_id = given.get(HEADER)
        if request_id is None or not _ID.fullmatch(request_id):
            request_id = trace[3:35]
        exchange.traceparent, exchange.request_id = trace, request_id
        exchange.headers[HEADER] = request_id
        return await inner(exchange)

    return handle


def traced(traces: Traces) -> Middleware:
    """The same, with a span for each request of a trace that is sampled."""

    def stage(route: Route, inner: Handler) -> Handler:
        if route.handler in QUIET:
            return tracing(route, inner)
        about = {"http.route": route.path, "url.scheme": "http", "network.protocol.name": "http"}

        async def handle(exchange: Exchange) -> Result:
            trace, method = _given(exchange), exchange.request.method
            if trace is not None and not sampled(trace):
                _name(exchange, trace)
                return await inner(exchange)
            attributes = {**about, "http.request.method": method}
            span = traces.begin("server", f"{method} {route.path}", attributes, trace, exchange.tracestate)
            _name(exchange, span.traceparent)
            status = GONE
            try:
                result = await inner(exchange)
                status = result.status
                return result
            finally:
                _end(span, status)

        return handle

    return stage


def _given(exchange: Exchange) -> str | None:
    """The caller's trace, if it is one; then what comes with it is passed on, too."""
    given = exchange.request.headers
    trace = given.get("traceparent")
    if trace is None or not _TRACEPARENT.fullmatch(trace):
        return None
    exchange.tracestate = good_state(given.get("tracestate"))
    return trace


def _name(exchange: Exchange, trace: str) -> None:
    request_id = exchange.request.headers.get(HEADER)
    if request_id is None or not _ID.fullmatch(request_id):
        request_id = trace[3:35]
    exchange.traceparent, exchange.request_id = trace, request_id
    exchange.headers[HEADER] = request_id


def _end(span: Span, status: int) -> None:
    failed = str(status) if status >= OUR_FAULT else None
    span.end(error=failed, http__response__status_code=status)
