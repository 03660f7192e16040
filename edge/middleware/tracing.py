"""Request id and trace context: taken in when they are well formed, made otherwise, always given back."""

import random
import re

from edge.exchange import Exchange, Handler, Result
from edge.routes import Route

HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def tracing(_route: Route, inner: Handler) -> Handler:
    """Give every request an id (X-Request-ID) and a W3C trace; without a given id, it is the trace's."""

    async def handle(exchange: Exchange) -> Result:
        given = exchange.request.headers
        trace = given.get("traceparent")
        if trace is None or not _TRACEPARENT.fullmatch(trace):
            fresh = f"{random.getrandbits(192):048x}"  # a name and no secret: no system call for it
            trace = f"00-{fresh[:32]}-{fresh[32:]}-01"
        request_id = given.get(HEADER)
        if request_id is None or not _ID.fullmatch(request_id):
            request_id = trace[3:35]
        exchange.traceparent, exchange.request_id = trace, request_id
        exchange.headers[HEADER] = request_id
        return await inner(exchange)

    return handle
