"""What is looked up before a session or an operation begins: the picture, the mask, the words, the cover's art."""

import uuid

from adapters.images.fitting import Unreadable
from adapters.images.repainting import MOST_PIXELS, finished, shaped_alike, size_of
from adapters.mongo import now
from adapters.nats.bus import Bus
from adapters.objects import Objects, describe
from adapters.workers import Workers
from contracts import covers, safety
from contracts.covers import GetCover
from contracts.edits import OpenEdit
from contracts.errors import NotFound
from contracts.recipes import Recipe
from contracts.safety import CheckText, TextPart
from contracts.wire import Context, ObjectRef
from nodes.edits import model
from nodes.edits.making import means_of
from nodes.edits.model import caller
from nodes.edits.state import Means, Pictures, Record, Wish
from nodes.edits.upload_store import Row
from nodes.edits.uploads import Uploads
from nodes.edits.wishes import KINDS, invalid, objection

Copies = tuple[tuple[bytes, str], ...]
"""Bytes and media types that a session is to have of its own."""


class Opening:
    """Asks the nodes of covers and safety, and the uploads of this one."""

    def __init__(self, bus: Bus, objects: Objects, workers: Workers, uploads: Uploads) -> None:
        self._bus = bus
        self._objects = objects
        self._workers = workers
        self._uploads = uploads

    async def opened(self, request: OpenEdit, session_id: uuid.UUID, context: Context) -> tuple[Record, Copies]:
        """A session that is not kept yet, with what is to be put once it is. Raises Invalid, NotFound, Conflict."""
        if request.cover_id is not None and request.upload_id is None:
            cover = await self._bus.request(covers.GET, GetCover(cover_id=request.cover_id), context)
            return model.opened(cover, session_id, caller(context), now()), ()
        if request.upload_id is None or request.cover_id is not None:
            raise invalid("cover_id", "give either `cover_id` or `upload_id`")
        row = await self._upload("upload_id", request.upload_id, "image", context)
        if row.width * row.height > MOST_PIXELS:
            raise invalid(
                "upload_id", f"has more than {MOST_PIXELS // 10**6} million pixels, which is too much to edit"
            )
        data = await self._objects.get(row.image)
        small = (await self._workers.run(finished, data)).thumbnail
        copies = ((data, row.image.media_type), (small.data, small.media_type))
        image, thumbnail = (describe(str(session_id), *each) for each in copies)
        pictures = Pictures(image=image, thumbnail=thumbnail)
        return model.opened_upload(row.upload_id, pictures, session_id, caller(context), now()), copies

    async def means(self, record: Record, wish: Wish, context: Context) -> Means:
        """What an operation needs. Raises Invalid, Refused, UnderReview, NotFound when the cover is gone."""
        if wish.prompt is not None:
            part = TextPart(field="prompt", text=wish.prompt)
            error = objection(await self._bus.request(safety.CHECK_TEXT, CheckText(parts=(part,)), context))
            if error is not None:
                raise error
        mask = None if wish.mask_upload_id is None else await self._mask(record, wish.mask_upload_id, context)
        recipe = await self._recipe(record, context) if KINDS[wish.op].paints else None
        return means_of(mask, recipe)

    async def _mask(self, record: Record, upload_id: uuid.UUID, context: Context) -> ObjectRef:
        row = await self._upload("mask_upload_id", upload_id, "mask", context)
        if not row.marked:
            raise invalid("mask_upload_id", "marks nothing: no pixel of it is white")
        try:
            size = size_of(await self._objects.get(model.pictures(record).image))
        except Unreadable as error:
            raise NotFound("The picture of this session cannot be read.") from error
        if not shaped_alike((row.width, row.height), size):
            shapes = f"{row.width}x{row.height}, has not the shape of the picture, {size[0]}x{size[1]}"
            raise invalid("mask_upload_id", f"the mask, {shapes}")
        return row.image

    async def _upload(self, field: str, upload_id: uuid.UUID, purpose: str, context: Context) -> Row:
        """One of the caller's own with that purpose, which counts as used."""
        row = await self._uploads.taken(upload_id, context)
        if row is None:
            raise invalid(field, "there is no such upload")
        if row.purpose != purpose:
            raise invalid(field, f"was uploaded as {row.purpose}: bring it with the purpose `{purpose}`")
        return row

    async def _recipe(self, record: Record, context: Context) -> Recipe | None:
        if record.cover_id is None:
            return None
        return (await self._bus.request(covers.GET, GetCover(cover_id=record.cover_id), context)).recipe
