"""JSON above 1 KiB is packed with gzip for clients that take it.

Not where an answer holds tokens: from the packed size of a secret beside something that a stranger chose, the secret
can be guessed (BREACH). Answers with an ETag, which come again and again, are packed once.
"""

import asyncio
import gzip
from collections import OrderedDict

from edge.exchange import JSON, Answer, Exchange, Handler, Result
from edge.routes import Route

LEAST = 1024
"""Bytes: below, packing costs more than it saves."""
ASIDE = 64 * 1024
"""Bytes from which another thread packs, so that nobody waits for it."""
LEVEL = 4
KEPT = 128
"""Packed answers that are kept."""
SECRET = ("auth", "shares")
"""Tags of routes whose answers hold tokens."""
PACKING = ("call", "openapi", "asyncapi")
"""Handlers that answer with whole JSON documents."""


def compression(route: Route, inner: Handler) -> Handler:
    """Pack the answers of one route."""
    if route.handler not in PACKING or route.tag in SECRET or route.status == 204:
        return inner
    kept: OrderedDict[str, bytes] = OrderedDict()

    async def handle(exchange: Exchange) -> Result:
        result = await inner(exchange)
        if type(result) is not Answer or len(result.body) < LEAST or result.media != JSON:
            return result
        headers = exchange.headers
        headers["Vary"] = f"{headers['Vary']}, Accept-Encoding" if "Vary" in headers else "Accept-Encoding"
        if not takes_gzip(exchange.request.headers.get("Accept-Encoding", "")):
            return result
        result.body = await _packed(result.body, headers.get("ETag"), kept)
        headers["Content-Encoding"] = "gzip"
        if "ETag" in headers:
            headers["ETag"] = f"W/{headers['ETag']}"  # the same to read, other bytes
        return result

    return handle


async def _packed(body: bytes, etag: str | None, kept: OrderedDict[str, bytes]) -> bytes:
    if etag is not None and etag in kept:
        kept.move_to_end(etag)
        return kept[etag]
    packed = await asyncio.to_thread(_gzip, body) if len(body) >= ASIDE else _gzip(body)
    if etag is not None:
        kept[etag] = packed
        if len(kept) > KEPT:
            kept.popitem(last=False)
    return packed


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def takes_gzip(header: str) -> bool:
    """Does this Accept-Encoding take gzip?"""
    quality: dict[str, bool] = {}
    for part in header.split(","):
        name, _, weight = part.partition(";")
        weight = weight.strip().removeprefix("q=")
        quality[name.strip().lower()] = not weight or weight.strip("0.") != ""
    return quality.get("gzip", quality.get("*", False))
