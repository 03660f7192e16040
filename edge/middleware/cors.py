"""Cross-origin requests: the pages of these origins may call us with a token of their own, everybody else's may not.

Credentials of the browser (cookies) are never allowed. A preflight is answered here, before anything is counted; an
origin that is not known gets its answer without the headers, which its browser does not show to the page.
"""

from collections.abc import Iterable

from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.routes import Route

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
TAKEN = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-ID, X-API-Key, X-User-Type, "
    "traceparent, tracestate"
)
EXPOSED = (
    "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, "
    "X-Covergen-Version, X-Request-ID"
)
MAX_AGE = 600
"""Seconds for which a browser need not ask again."""


def cors(origins: Iterable[str] = ()) -> Middleware:
    """Allow these origins, such as `https://app.example.org`; nothing at all when there are none."""
    allowed = frozenset(origins)

    def stage(_route: Route, inner: Handler) -> Handler:
        if not allowed:
            return inner

        async def handle(exchange: Exchange) -> Result:
            request, headers = exchange.request, exchange.headers
            headers["Vary"] = "Origin"
            origin = request.headers.get("Origin")
            if origin not in allowed:
                return await inner(exchange)
            headers["Access-Control-Allow-Origin"] = origin
            if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
                return Answer(204, headers=_PREFLIGHT)
            headers["Access-Control-Expose-Headers"] = EXPOSED
            return await inner(exchange)

        return handle

    return stage


_PREFLIGHT = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": TAKEN,
    "Access-Control-Max-Age": str(MAX_AGE),
}
