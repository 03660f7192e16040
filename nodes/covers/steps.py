"""The covers node's part in the saga: paint, compose, store, complete, and the undoing of the first three.

Every step may come twice, late, or after it was undone. So each notes the objects it is about to put, puts them, notes
what it made unless it was undone meanwhile, and then reports to the tasks node. A failure that trying again cannot mend
is reported; any other is raised, so that the job comes again.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from adapters.images import ImageModel
from adapters.mongo import now
from adapters.mongo_outbox import Outgoing
from adapters.nats.bus import Bus
from adapters.objects import Objects, describe
from contracts.covers import COMPLETED, CoverCompleted, CoverStep, Version
from contracts.errors import Conflict, Invalid, Malformed, NotFound
from contracts.wire import Context, ObjectRef
from nodes.covers.composing import Composer
from nodes.covers.makings import Makings
from nodes.covers.model import Record
from nodes.covers.painting import paint_order, painted
from nodes.covers.store import CoverStore
from nodes.covers.takes import Work
from nodes.covers.typesetting import type_order, with_logo
from nodes.reporting import Images, tell, tell_begun, told

Effect = Callable[[Record], Awaitable[Images]]
Further = Callable[[Record, Work], Awaitable[Images]]

CLEARED: Mapping[str, Mapping[str, Any]] = {
    "paint": {"art": None},
    "compose": {"picture": None, "thumbnail": None, "layout": None, "composed": None},
    "store": {"versions": []},
}
"""What undoing a step clears."""


class Undone(Exception):
    """The step may not be done any more."""


class Steps:
    """Handlers of the work queues. The effect of each is idempotent by `(task_id, step)`."""

    def __init__(
        self, bus: Bus, store: CoverStore, objects: Objects, images: ImageModel, composer: Composer, makings: Makings
    ) -> None:
        """`makings` does the same steps for tasks of several pictures, or of further versions."""
        self._makings = makings
        self._bus = bus
        self._store = store
        self._objects = objects
        self._images = images
        self._composer = composer

    async def paint(self, step: CoverStep, context: Context) -> None:
        """Paint the art; as this is the first step, tell at once that the work has begun."""
        await tell_begun(self._bus, step, context)
        await self._do(
            step,
            context,
            lambda cover: self._paint(cover, context),
            lambda cover, work: self._makings.paint(cover, work, context),
        )

    async def compose(self, step: CoverStep, context: Context) -> None:
        """Set the type on the art."""
        await self._do(
            step,
            context,
            lambda cover: self._compose(cover, context.region),
            lambda cover, work: self._makings.compose(cover, work, step.passed, context.region),
        )

    async def store(self, step: CoverStep, context: Context) -> None:
        """Keep the picture as the first version of the cover."""
        await self._do(step, context, self._keep_version, self._makings.keep)

    async def complete(self, step: CoverStep, context: Context) -> None:
        """Show the cover as ready and tell everybody."""
        await self._do(step, context, self._complete, self._finish)

    async def discard(self, step: CoverStep, context: Context) -> None:
        """Undo `<step>/undo`, whether its effect happened or not; it will not happen later either."""
        name = step.step.removesuffix("/undo")
        if name not in CLEARED:
            raise Malformed(f"{step.step} is nothing that covers can undo")
        await self._makings.discard(step)
        await self._remove(await self._store.undo(step.cover_id, step.task_id, name, CLEARED[name]))
        await tell(self._bus, step, context)

    async def _do(self, step: CoverStep, context: Context, effect: Effect, further: Further) -> None:
        await told(self._bus, step, context, self._effect(step, effect, further))

    async def _effect(self, step: CoverStep, effect: Effect, further: Further) -> Images:
        cover = await self._store.of_id(step.cover_id, step.user_id)
        if cover is None:
            raise NotFound("This cover is gone.")
        if cover.work is not None and cover.work.task_id == step.task_id:
            return await further(cover, cover.work)
        if cover.task_id != step.task_id or cover.many:
            return await self._makings.late(cover, step)
        if step.step in cover.undone:
            # a crash after its objects were put may have left them behind the back of the undoing
            await self._remove(cover.objects.get(step.step, ()))
            return ()
        try:
            return await effect(cover)
        except Undone:
            return ()

    async def _paint(self, cover: Record, context: Context) -> Images:
        if cover.art is not None:
            return (cover.art,)
        order = paint_order(cover.recipe, f"{cover.task_id}:1", cover.user_id, context)
        try:
            picture = await self._images.paint(order)
        except ValueError as error:
            raise Invalid(f"The art cannot be painted: {error}.") from error
        recipe = painted(cover.recipe, picture, self._images)
        made = await self._keep(cover, "paint", {"art": (picture.data, picture.media_type)}, {"recipe": recipe})
        return tuple(made.values())

    async def _compose(self, cover: Record, region: str | None) -> Images:
        if cover.picture is not None and cover.thumbnail is not None:
            return (cover.picture, cover.thumbnail)
        if cover.art is None:
            raise Conflict("There is no art to set type on.")
        art = await self._objects.get(cover.art)
        words = cover.recipe if cover.recipe.brand else cover.request
        order = await with_logo(type_order(words, cover.recipe), cover.recipe, self._objects)
        done = await self._composer.compose(
            art, order, cover.recipe, cover_id=cover.cover_id, version="1", region=region
        )
        made = await self._keep(cover, "compose", done.pictures, done.noted)
        return tuple(made.values())

    async def _keep_version(self, cover: Record) -> Images:
        if cover.picture is None or cover.thumbnail is None:
            raise Conflict("There is no picture to keep.")
        version = Version(
            version=1,
            image=cover.picture,
            thumbnail=cover.thumbnail,
            created_at=now(),
            task_id=cover.task_id,
            recipe=cover.recipe,
            layout=cover.layout,
            art=cover.art,
            composed_sha256=cover.composed,
        )
        if not cover.versions:
            await self._store.record(cover.cover_id, "store", {"versions": (version,)})
        return (cover.picture,)

    async def _finish(self, cover: Record, work: Work) -> Images:
        """The first versions of a new cover, or more of a finished one."""
        making = cover.status == "generating" and cover.task_id == work.task_id
        return await (self._complete(cover) if making else self._makings.add(cover, work))

    async def _complete(self, cover: Record) -> Images:
        if not cover.versions:
            raise Conflict("There is no picture to show.")
        at = now()
        event = CoverCompleted(
            cover_id=cover.cover_id,
            task_id=cover.task_id,
            user_id=cover.user_id,
            template_id=cover.recipe.template_id,
            format=cover.request.format,
            model=cover.recipe.model,
            completed_at=at,
        )
        outgoing = Outgoing(
            subject=COMPLETED.subject, payload=msgspec.json.encode(event), message_id=f"{cover.task_id}:completed"
        )
        document = await self._store.complete(cover.cover_id, at, outgoing, len(cover.versions))
        if document is not None:
            await self._store.outbox.relay(document)
        return (cover.versions[-1].image,)

    async def _keep(
        self, cover: Record, step: str, pictures: Mapping[str, tuple[bytes, str]], more: Mapping[str, Any]
    ) -> dict[str, ObjectRef]:
        """Put pictures and note them under their names. Raises Undone, and then leaves nothing behind."""
        scope = str(cover.cover_id)
        refs = {name: describe(scope, data, media_type) for name, (data, media_type) in pictures.items()}
        keys = tuple(ref.key for ref in refs.values())
        if not await self._store.expect(cover.cover_id, step, keys):
            raise Undone
        for data, media_type in pictures.values():
            await self._objects.put(scope, data, media_type)
        if not await self._store.record(cover.cover_id, step, {**refs, **more}):
            await self._remove(keys)
            raise Undone
        return refs

    async def _remove(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self._objects.delete(key)
