"""Pictures and files: the node says where the bytes are, the edge streams them from the object store.

The ETag is the SHA-256 of the bytes. The picture behind a cover's address changes when the cover gets a new version,
so the address must be asked again (304 when nothing changed); with `?v=<sha256>` in it, it may be kept for good. The
file behind the address of an export never changes.
"""

import contextlib
import re

import msgspec
from aiohttp import hdrs, web

from adapters.nats.bus import Bus
from adapters.objects import Objects
from contracts.exports import StoredFile
from contracts.wire import ObjectRef
from edge.binding import contract_of, payload
from edge.exchange import Answer, Exchange, Handler, Result
from edge.middleware.cache import matches
from edge.routes import Route

YEAR = 365 * 24 * 3600
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_decoder = msgspec.json.Decoder(ObjectRef)
_file_decoder = msgspec.json.Decoder(StoredFile)


def image(route: Route, bus: Bus, objects: Objects) -> Handler:
    """The handler of a picture: PNG bytes, 304 when the client has them."""
    contract = contract_of(route)
    message_of = payload(route)

    async def handle(exchange: Exchange) -> Result:
        message = message_of(exchange)
        context = exchange.context(contract.timeout)
        ref = _decoder.decode(await bus.request_raw(contract.subject, message, context, contract.timeout))
        _describe(exchange, ref)
        if matches(exchange.request.headers.get("If-None-Match"), exchange.headers["ETag"]):
            return Answer(304)
        return await stream_object(exchange, objects, ref)

    return handle


def file(route: Route, bus: Bus, objects: Objects) -> Handler:
    """The handler of a finished file, to be saved under a name of its own; 304 when the client has it."""
    contract = contract_of(route)
    message_of = payload(route)

    async def handle(exchange: Exchange) -> Result:
        context = exchange.context(contract.timeout)
        reply = await bus.request_raw(contract.subject, message_of(exchange), context, contract.timeout)
        found = _file_decoder.decode(reply)
        exchange.headers["Cache-Control"] = f"private, max-age={YEAR}, immutable"
        exchange.headers["ETag"] = f'"{found.object.sha256}"'
        exchange.headers["Content-Disposition"] = f'attachment; filename="{_UNSAFE.sub("_", found.filename)}"'
        if matches(exchange.request.headers.get("If-None-Match"), exchange.headers["ETag"]):
            return Answer(304)
        return await stream_object(exchange, objects, found.object)

    return handle


def _describe(exchange: Exchange, ref: ObjectRef) -> None:
    query = exchange.request.query
    fixed = query.get("v") == ref.sha256
    exchange.headers["Cache-Control"] = f"private, max-age={YEAR}, immutable" if fixed else "private, no-cache"
    exchange.headers["ETag"] = f'"{ref.sha256}"'
    if query.get("download", "0") not in ("0", "false", ""):
        name = _UNSAFE.sub(
            "_", exchange.request.match_info.get("cover_id") or exchange.request.match_info.get("edit_id", "cover")
        )
        extension = _EXTENSIONS.get(ref.media_type, "bin")
        exchange.headers["Content-Disposition"] = f'attachment; filename="cover-{name}.{extension}"'


async def stream_object(exchange: Exchange, objects: Objects, ref: ObjectRef) -> web.StreamResponse:
    """Answer with the bytes, as they are read; a HEAD with their headers. Raises NotFound while nothing is sent."""
    response = web.StreamResponse(headers=exchange.headers)
    response.headers[hdrs.CONTENT_TYPE] = ref.media_type
    response.content_length = ref.size
    if exchange.request.method == hdrs.METH_HEAD:
        await response.prepare(exchange.request)
        return response
    pieces = objects.stream(ref)
    try:
        first = await anext(pieces, b"")  # a missing object is still answered as a problem
        exchange.streaming = response
        await response.prepare(exchange.request)
        with contextlib.suppress(ConnectionError):
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return response
