"""Security headers: the same on every answer, errors included."""

from collections.abc import Mapping

from multidict import CIMultiDict

from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Nothing inline, nothing from elsewhere; pictures may also be made in the page."""

HEADERS = CIMultiDict(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "Server": "covergen",
        "Cache-Control": "no-store",
    }
)
"""A route that may be cached says so over the last line. Server hides the versions that aiohttp would tell."""


def security_headers(headers: Mapping[str, str] = HEADERS) -> Middleware:
    """Put the headers on the exchange before anything can go wrong."""

    def stage(_route: Route, inner: Handler) -> Handler:
        async def handle(exchange: Exchange) -> Result:
            exchange.headers.update(headers)
            return await inner(exchange)

        return handle

    return stage
