"""Versions of a finished cover beyond the first: pictures that an edit session made, copied to be the cover's own."""

from adapters.mongo import now
from adapters.objects import Objects, describe
from contracts.covers import MOST_VERSIONS, AddVersion, Version
from contracts.errors import Conflict, NotFound
from contracts.wire import Context, ObjectRef
from nodes.covers.model import Record, caller
from nodes.covers.store import CoverStore

SAVING = "save"
"""Where the keys of their objects are noted, as if it were a step."""


class Versions:
    """The handler of `svc.covers.add_version`."""

    def __init__(self, store: CoverStore, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    async def add(self, order: AddVersion, context: Context) -> Version:
        """Keep the pictures as the newest version; idempotent while the same version of the same edit is the newest.

        Raises NotFound for a cover (or pictures) that is not there, Conflict when it is not ready, is full, or gets
        another version at the same time.
        """
        cover = await self._own(order, context)
        newest = cover.versions[-1]
        if (newest.edit_id, newest.edit_version) == (order.edit_id, order.edit_version):
            return newest
        image, thumbnail = await self._copied(cover, order)
        version = Version(
            version=len(cover.versions) + 1,
            image=image,
            thumbnail=thumbnail,
            created_at=now(),
            edit_id=order.edit_id,
            edit_version=order.edit_version,
            kind="edit",
            parent=cover.showing,
        )
        if await self._store.append_version(cover.cover_id, version):
            return version
        return await self._overtaken(order, context, (image, thumbnail))

    async def _own(self, order: AddVersion, context: Context) -> Record:
        cover = await self._store.of_id(order.cover_id, caller(context))
        if cover is None:
            raise NotFound("There is no such cover.")
        if cover.status != "ready" or not cover.versions:
            raise Conflict("This cover has no picture yet.")
        if len(cover.versions) >= MOST_VERSIONS:
            raise Conflict(f"A cover has at most {MOST_VERSIONS} versions.")
        return cover

    async def _copied(self, cover: Record, order: AddVersion) -> tuple[ObjectRef, ObjectRef]:
        """The pictures as objects of the cover, which go when it goes."""
        scope, sources = str(cover.cover_id), (order.image, order.thumbnail)
        data = [await self._objects.get(source) for source in sources]
        keys = tuple(describe(scope, each, ref.media_type).key for each, ref in zip(data, sources, strict=True))
        if not await self._store.expect_version(cover.cover_id, SAVING, keys):
            raise NotFound("There is no such cover.")
        image, thumbnail = [
            await self._objects.put(scope, each, ref.media_type) for each, ref in zip(data, sources, strict=True)
        ]
        return image, thumbnail

    async def _overtaken(self, order: AddVersion, context: Context, refs: tuple[ObjectRef, ...]) -> Version:
        """The cover changed meanwhile: by the same order, by another one, or it was deleted."""
        cover = await self._store.of_id(order.cover_id, caller(context))
        if cover is None:
            for ref in refs:
                await self._objects.delete(ref.key)
            raise NotFound("There is no such cover.")
        newest = cover.versions[-1]
        if (newest.edit_id, newest.edit_version) == (order.edit_id, order.edit_version):
            return newest
        raise Conflict("This cover got another version at the same time: save again.", retry_after=1)
