"""Pictures that users send: read within limits, made ours in a process of its own, put, and checked by the edits node.

The node says where the bytes go before they are put, and has them checked afterwards; so nothing that was put is ever
without a row, wherever an edge ends. The same file sent again is the same upload: no Idempotency-Key is needed.
Nothing is read of strangers, so a signature (RFC 9421), which would have to cover the body, is no proof here.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import get_args

import msgspec
from aiohttp import BodyPartReader, hdrs, web

from adapters.images.received import NotTaken, Received, receive_apart
from adapters.nats.bus import Bus
from adapters.objects import Objects
from contracts import uploads
from contracts.errors import (
    DeadlineExceeded,
    Malformed,
    TooLarge,
    UnsupportedMedia,
)
from contracts.uploads import MAX_UPLOAD, BeginUpload, FinishUpload, NewObject, Purpose
from edge.exchange import Answer, Exchange
from edge.reading import ReadingRoom, wrong

MOST_AT_ONCE = 3
"""Files that are held in memory at a time, each with what is made of it."""
ARRIVES = 60.0
"""Seconds that a file may take to arrive."""
SECONDS = 30.0
"""That it may take to be read."""
REST = 64 * 1024
"""Bytes of a form around its file."""
MOST_PARTS = 10
LONGEST_WORD = 20
FORM = "multipart/form-data"
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_encode = msgspec.json.Encoder().encode


class Uploads:
    """The handler `upload`. `trust` is a PEM file of those whose Content Credentials are trusted."""

    def __init__(self, bus: Bus, objects: Objects, trust: Path | None = None, *, max_file: int = MAX_UPLOAD) -> None:
        self._bus = bus
        self._objects = objects
        self._trust = trust
        self._max_file = max_file
        self.room = ReadingRoom(MOST_AT_ONCE, SECONDS, "adapters.images.receiving", NotTaken, "picture")

    async def handle(self, exchange: Exchange) -> Answer:
        """Take one picture. Raises Invalid naming `file` or `purpose`, TooLarge, Malformed, UnsupportedMedia,
        Overloaded, DeadlineExceeded, and what the node does."""
        _expect_form(exchange.request, self._max_file)
        async with self.room.place():
            data, purpose = await self._form(exchange.request)
            received = await self.room.read(receive_apart, data, purpose, self._trust)
            return await self._kept(exchange, received, purpose)

    async def _kept(self, exchange: Exchange, received: Received, purpose: Purpose) -> Answer:
        """Where, the bytes, and the check: in this order, so that a crash in between leaves nothing for good."""
        pictures = [(received.data, received.media_type)]
        if received.shown is not None:
            pictures.append((received.shown, "image/png"))
        described = [_described(*each) for each in pictures]
        order = BeginUpload(
            purpose=purpose,
            picture=described[0],
            shown=described[1] if described[1:] else None,
            width=received.width,
            height=received.height,
            marked=received.marked,
            credentials=received.credentials,
        )
        place = await self._bus.request(uploads.BEGIN, order, exchange.context(uploads.BEGIN.timeout))
        for data, media_type in pictures:
            await self._objects.put(place.scope, data, media_type)
        done = FinishUpload(upload_id=place.upload_id)
        upload = await self._bus.request(uploads.FINISH, done, exchange.context(uploads.FINISH.timeout))
        return Answer(201, _encode(upload), headers={"Location": f"/v1/uploads/{upload.upload_id}"})

    async def _form(self, request: web.Request) -> tuple[bytes, Purpose]:
        try:
            async with asyncio.timeout(ARRIVES):
                data, word = await self._read(request)
        except TimeoutError:
            raise DeadlineExceeded("The file took too long to arrive.") from None
        except ValueError:
            raise Malformed("The form could not be read.") from None
        purpose = next((each for each in PURPOSES if each == word), None)
        if purpose is None:
            raise wrong("purpose", f"must be one of {', '.join(PURPOSES)}")
        if not data:
            raise wrong("file", "there is no file in the form")
        return data, purpose

    async def _read(self, request: web.Request) -> tuple[bytes, str]:
        """The bytes of the field `file`, and what the field `purpose` says; other fields are passed over."""
        reader = await request.multipart()
        data, word = b"", str(PURPOSES[0])
        for _ in range(MOST_PARTS):
            part = await reader.next()
            if part is None:
                return data, word
            if not isinstance(part, BodyPartReader):
                raise Malformed("The form has another form in it.")
            if part.name == "file" and part.filename is not None:
                data = await self._collected(part, self._max_file)
            elif part.name == "purpose":
                word = (await self._collected(part, LONGEST_WORD)).decode("ascii", "replace").strip()
            else:
                await self._collected(part, REST)
        raise Malformed(f"The form has more than {MOST_PARTS - 1} fields.")

    async def _collected(self, part: BodyPartReader, limit: int) -> bytes:
        data = bytearray()
        while piece := await part.read_chunk():
            data += piece
            if len(data) > limit:
                raise _too_large(limit, part.name)
        return bytes(data)


def _expect_form(request: web.Request, max_file: int) -> None:
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Send the file as it is, without Content-Encoding.")
    if request.content_type != FORM:
        raise UnsupportedMedia(f"Send the picture as the field `file` of a form ({FORM}).")
    if (request.content_length or 0) > max_file + REST:
        raise _too_large(max_file, "file")


def _described(data: bytes, media_type: str) -> NewObject:
    return NewObject(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


def _too_large(limit: int, field: str | None) -> TooLarge:
    return TooLarge(f"{field or 'A field'} has at most {limit} bytes.")
