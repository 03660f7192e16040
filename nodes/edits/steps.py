"""The edits node's part in the saga: apply, its undoing, and complete.

Every step may come twice, late, or after it was undone. So apply notes the objects it is about to put, puts them, notes
what it made unless it was undone meanwhile, and then reports to the tasks node. A failure that trying again cannot mend
is reported; any other is raised, so that the job comes again.
"""

import uuid
from collections.abc import Awaitable, Callable

from adapters.images import Inpainter
from adapters.mongo import now
from adapters.nats.bus import Bus
from adapters.objects import Objects, describe
from adapters.provenance.signatory import Signatory
from adapters.workers import Workers
from contracts.edits import EditStep
from contracts.errors import Invalid, NotFound
from contracts.wire import Context
from nodes.edits import model
from nodes.edits.making import Making
from nodes.edits.state import Pictures, Record, Running
from nodes.edits.store import EditStore
from nodes.reporting import Images, tell, tell_begun, told

Made = tuple[tuple[bytes, str], ...]
"""Bytes and media types of a picture and its small one."""
Effect = Callable[[Record, EditStep, Context], Awaitable[Images]]


class Steps:
    """Handlers of the work queues. The effect of each is idempotent by `(task_id, step)`."""

    def __init__(
        self,
        bus: Bus,
        store: EditStore,
        objects: Objects,
        workers: Workers,
        signatory: Signatory | None,
        images: Inpainter | None,
    ) -> None:
        """Without a `signatory` pictures get no credentials, without `images` none is painted."""
        self._signatory = signatory
        self._bus = bus
        self._store = store
        self._objects = objects
        self._making = Making(objects, workers, images)

    async def apply(self, step: EditStep, context: Context) -> None:
        """Make the new picture; as this is the first step, tell at once that the work has begun."""
        await tell_begun(self._bus, step, context)
        await self._do(step, context, self._apply)

    async def complete(self, step: EditStep, context: Context) -> None:
        """Make the new version the current one."""
        await self._do(step, context, self._complete)

    async def discard(self, step: EditStep, context: Context) -> None:
        """Undo an operation, whether its effect happened or not; it will not happen later either."""
        record = await self._store.change(
            step.edit_id, step.user_id, lambda session: model.released(session, step.task_id)
        )
        if record is not None and step.task_id in record.without:
            await self._remove(record.objects.get(str(step.task_id), ()))
        await tell(self._bus, step, context)

    async def _do(self, step: EditStep, context: Context, effect: Effect) -> None:
        await told(self._bus, step, context, self._effect(step, context, effect))

    async def _effect(self, step: EditStep, context: Context, effect: Effect) -> Images:
        record = await self._store.of_id(step.edit_id, step.user_id)
        if record is None:
            raise NotFound("This edit session is gone.")
        return await effect(record, step, context)

    async def _apply(self, record: Record, step: EditStep, context: Context) -> Images:
        done = next((entry.pictures for entry in record.edit_history if entry.task_id == step.task_id), None)
        if done is not None:
            return (done.image,)
        if step.task_id in record.without:
            # a crash after its objects were put may have left them behind the back of the undoing
            await self._remove(record.objects.get(str(step.task_id), ()))
            return ()
        running = record.running
        if running is None or running.task_id != step.task_id:
            raise NotFound("This operation is gone.")
        if running.made is not None:
            return (running.made.image,)
        return await self._keep(record, step, *await self._made(record, running, context))

    async def _made(self, record: Record, running: Running, context: Context) -> tuple[Made, str | None]:
        """Both pictures, signed, and which model painted."""
        source = await self._objects.get(model.pictures(record, running.parent).image)
        try:
            found, painter = await self._making.made(source, record, running, context)
            made: tuple[bytes, ...] = (found.picture.data, found.thumbnail.data)
            if self._signatory is not None:
                made = await self._signatory.edited(
                    made,
                    source,
                    cover_id=record.cover_id or record.session_id,
                    version=f"edit {record.session_id} {running.version}",
                    region=context.region,
                    painted_by=painter,
                )
        except ValueError as error:
            raise Invalid(f"The picture cannot be edited: {error}.") from error
        types = (found.picture.media_type, found.thumbnail.media_type)
        return tuple(zip(made, types, strict=True)), None if painter is None else painter[0]

    async def _keep(self, record: Record, step: EditStep, made: Made, painter: str | None) -> Images:
        """Put both pictures and note them; leaves nothing behind when the operation was undone meanwhile.

        Their scope is the task, so that no two operations share an object even when they give the same bytes.
        """
        scope = str(step.task_id)
        image, thumbnail = (describe(scope, data, media_type) for data, media_type in made)
        keys = (image.key, thumbnail.key)
        if not await self._change(record, step.task_id, lambda each: model.noted(each, step.task_id, keys)):
            return ()
        for data, media_type in made:
            await self._objects.put(scope, data, media_type)
        pictures = Pictures(image=image, thumbnail=thumbnail)
        if not await self._change(record, step.task_id, lambda each: model.made(each, step.task_id, pictures, painter)):
            await self._remove(keys)
            return ()
        return (image,)

    async def _change(self, record: Record, task_id: uuid.UUID, transition: Callable[[Record], Record | None]) -> bool:
        """False when the operation is not under way any more."""
        found = await self._store.change(record.session_id, record.user_id, transition)
        return found is not None and found.running is not None and found.running.task_id == task_id

    async def _complete(self, record: Record, step: EditStep, _context: Context) -> Images:
        after = await self._store.change(
            record.session_id, record.user_id, lambda each: model.completed(each, step.task_id, now())
        )
        if after is None:
            raise NotFound("This edit session is gone.")
        version = model.version_of(after, step.task_id)
        return (model.pictures(after, version).image,)

    async def _remove(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self._objects.delete(key)
