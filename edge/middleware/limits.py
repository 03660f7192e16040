"""Limits on what a request may take: bytes of its body, seconds of our time.

Bodies come as they are: a packed one, which may be a thousand times larger than it looks, is refused with 415. The
size of headers is limited by aiohttp's parser (8190 bytes each, 128 of them), which `connections.py` speaks for.
"""

import asyncio
import time

from contracts.errors import DeadlineExceeded, TooLarge, UnsupportedMedia
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.routes import Route

MAX_BODY = 960 * 1024
"""Bytes: a message of NATS has 1 MiB, and the context's headers are a part of it."""
MAX_SECONDS = 30.0
_LONG = ("events", "image", "export", "graphql-socket", "verify", "upload")
"""Handlers that send for as long as the client reads, or have limits of their own."""


def limits(*, max_body: int = MAX_BODY, max_seconds: float = MAX_SECONDS) -> Middleware:
    """Read the body within the limits: 413 above `max_body` bytes, 504 after `max_seconds`.

    What is left of the time bounds the deadline that travels to the node; everything else that is waited for has a
    timeout of its own.
    """

    def stage(route: Route, inner: Handler) -> Handler:
        if route.handler in _LONG:
            return inner
        read_body = route.body != "none" or route.idempotent

        async def handle(exchange: Exchange) -> Result:
            exchange.seconds = max_seconds
            if read_body:
                exchange.body = await _body(exchange, max_body)
            return await inner(exchange)

        return handle

    return stage


async def _body(exchange: Exchange, max_body: int) -> bytes:
    request = exchange.request
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        exchange.headers["Accept-Encoding"] = "identity"  # RFC 9110, 15.5.16
        raise UnsupportedMedia("Send the body as it is, without Content-Encoding.")
    if (request.content_length or 0) > max_body:
        raise TooLarge(f"A body has at most {max_body} bytes.")
    if not request.content.is_eof():
        return await _slow_body(exchange)
    body = request.content.read_nowait()  # all of it is here; `read` would copy it piece by piece
    if len(body) > max_body:  # whatever was announced
        raise TooLarge(f"A body has at most {max_body} bytes.")
    return body


async def _slow_body(exchange: Exchange) -> bytes:
    """Wait for the rest; aiohttp raises HTTPRequestEntityTooLarge above the application's `client_max_size`."""
    try:
        async with asyncio.timeout(exchange.seconds):
            body = await exchange.request.read()
    except TimeoutError:
        raise DeadlineExceeded("The body took too long.") from None
    exchange.seconds = max(0.0, exchange.seconds - (time.perf_counter() - exchange.began))
    return body
