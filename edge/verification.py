"""What a file says of its origin: read in a process of its own, within limits, and kept nowhere.

The file may be the body itself or the first file of a form. It never leaves this machine: a message of NATS could not
carry it, and the object store is for what users keep.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import BodyPartReader, hdrs, web

from adapters.nats.bus import Bus
from adapters.objects import MAX_OBJECT, Objects
from adapters.provenance.apart import Unreadable, read_apart
from contracts.errors import (
    DeadlineExceeded,
    Malformed,
    TooLarge,
    UnsupportedMedia,
)
from contracts.wire import ObjectRef
from edge.binding import contract_of, payload
from edge.exchange import Answer, Exchange, Handler
from edge.reading import ReadingRoom, wrong
from edge.routes import Route

MOST_AT_ONCE = 4
"""Files that are held in memory at a time."""
SECONDS = 30.0
"""That a file may take to arrive, and then to be read."""
FORM = "multipart/form-data"
_ref = msgspec.json.Decoder(ObjectRef)
_encode = msgspec.json.Encoder().encode


class Verification:
    """The handlers `verify` and `provenance`. `trust` is a PEM file of those whose signatures are trusted."""

    def __init__(self, bus: Bus, objects: Objects, trust: Path | None = None, *, max_file: int = MAX_OBJECT) -> None:
        self._bus = bus
        self._objects = objects
        self._trust = trust
        self._max_file = max_file
        self.room = ReadingRoom(MOST_AT_ONCE, SECONDS, "adapters.provenance.reading", Unreadable)

    async def verify(self, exchange: Exchange) -> Answer:
        """Any file. Raises Invalid for one that cannot be read, TooLarge, Malformed, Overloaded."""
        return await self._placed(lambda: self._body(exchange))

    def of_cover(self, route: Route) -> Handler:
        """The handler of a cover's own picture."""
        contract, message_of = contract_of(route), payload(route)

        async def handle(exchange: Exchange) -> Answer:
            context = exchange.context(contract.timeout)
            reply = await self._bus.request_raw(contract.subject, message_of(exchange), context, contract.timeout)
            return await self._placed(lambda: self._objects.get(_ref.decode(reply)))

        return handle

    async def _placed(self, fetch: Callable[[], Awaitable[bytes]]) -> Answer:
        async with self.room.place():
            return Answer(200, _encode(await self.room.read(read_apart, await fetch(), self._trust)))

    async def _body(self, exchange: Exchange) -> bytes:
        request = exchange.request
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
            raise UnsupportedMedia("Send the file as it is, without Content-Encoding.")
        if (request.content_length or 0) > self._max_file:
            raise self._too_large()
        try:
            async with asyncio.timeout(SECONDS):
                data = await self._collected(await _source(request))
        except TimeoutError:
            raise DeadlineExceeded("The file took too long to arrive.") from None
        if not data:
            raise wrong("file", "there is no file in the request")
        return data

    async def _collected(self, pieces: AsyncIterator[bytes]) -> bytes:
        data = bytearray()
        async for piece in pieces:
            data += piece
            if len(data) > self._max_file:
                raise self._too_large()
        return bytes(data)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A file has at most {self._max_file} bytes.")


async def _source(request: web.Request) -> AsyncIterator[bytes]:
    """The pieces of the file. Raises Malformed for a form without one."""
    if request.content_type != FORM:
        return request.content.iter_any()
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.filename is not None:
                return _pieces(part)
    except ValueError:
        raise Malformed("The form could not be read.") from None
    raise Malformed("There is no file in the form.")


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk():
        yield piece
