"""The exports node's part in the saga: render, complete, and the undoing of the first.

Every step may come twice, late, or after it was undone. Rendering notes each object before it is put, and the files
when all are there, unless it was undone meanwhile. A failure that trying again cannot mend is reported; any other is
raised, so that the job comes again.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from adapters.mongo import now
from adapters.mongo_outbox import Outgoing
from adapters.nats.bus import Bus
from adapters.objects import Objects, describe
from adapters.provenance.signatory import Signatory
from adapters.rendering import Rendered, render
from adapters.workers import Workers
from contracts.errors import Conflict, Invalid, NotFound
from contracts.exports import COMPLETED, ExportCompleted, ExportStep, Preset
from contracts.wire import Context
from nodes.exports.model import KeptFile, Record, kept, order_for
from nodes.exports.presets import BY_NAME
from nodes.exports.store import ExportStore
from nodes.reporting import Images, tell, tell_begun, told

Effect = Callable[[Record, Context], Awaitable[Images]]


class Undone(Exception):
    """The step may not be done any more."""


class Steps:
    """Handlers of the work queues. The effect of each is idempotent by `(task_id, step)`."""

    def __init__(
        self, bus: Bus, store: ExportStore, objects: Objects, workers: Workers, signatory: Signatory | None
    ) -> None:
        """Without a `signatory` files get no credentials."""
        self._signatory = signatory
        self._bus = bus
        self._store = store
        self._objects = objects
        self._workers = workers

    async def render(self, step: ExportStep, context: Context) -> None:
        """Make the files; as this is the first step, tell at once that the work has begun."""
        await tell_begun(self._bus, step, context)
        await self._do(step, context, self._render)

    async def complete(self, step: ExportStep, context: Context) -> None:
        """Show the export as ready and tell everybody. Without files it is refused, and the task walks back."""
        await self._do(step, context, self._complete)

    async def discard(self, step: ExportStep, context: Context) -> None:
        """Undo the rendering, whether it happened or not; it will not happen later either."""
        await self._remove(await self._store.undo(step.export_id, step.task_id))
        await tell(self._bus, step, context)

    async def _do(self, step: ExportStep, context: Context, effect: Effect) -> None:
        await told(self._bus, step, context, self._effect(step, context, effect))

    async def _effect(self, step: ExportStep, context: Context, effect: Effect) -> Images:
        export = await self._store.of_id(step.export_id, step.user_id)
        if export is None or export.task_id != step.task_id:
            raise NotFound("This export is gone.")
        if export.undone:
            # a crash after its objects were put may have left them behind the back of the undoing
            await self._remove(export.keys)
            return ()
        try:
            return await effect(export, context)
        except Undone:
            return ()

    async def _render(self, export: Record, context: Context) -> Images:
        if export.files:
            return tuple(file.ref for file in export.files)
        picture = await self._objects.get(export.source)
        files: list[KeptFile] = []
        try:
            for name in export.presets:
                file = await self._file(export, BY_NAME[name], picture, context.region)
                files.append(file)
            if not await self._store.record(export.export_id, tuple(files)):
                raise Undone
        except (Undone, Invalid):
            await self._remove(file.ref.key for file in files)  # the undoing may have been before they were put
            raise
        return tuple(file.ref for file in files)

    async def _file(self, export: Record, preset: Preset, picture: bytes, region: str | None) -> KeptFile:
        """One file, kept. Raises Invalid when it breaks a rule of its preset, Undone; neither leaves it behind."""
        try:
            made = await self._made(export, preset, picture, region)
        except ValueError as error:
            raise Invalid(f"{preset.name}: {error}.") from error
        scope = str(export.export_id)
        file = kept(preset, describe(scope, made.data, preset.media_type), made.measured)
        broken = "; ".join(f"{check.rule}: {check.detail}" for check in file.checks if not check.ok)
        if broken:
            raise Invalid(f"{preset.name} breaks its rules: {broken}.")
        if not await self._store.expect(export.export_id, file.ref.key):
            raise Undone
        await self._objects.put(scope, made.data, preset.media_type)
        return file

    async def _made(self, export: Record, preset: Preset, picture: bytes, region: str | None) -> Rendered:
        order = order_for(preset, export.options)
        if self._signatory is None:
            return await self._workers.run(render, picture, order)
        name = f"export {export.export_id} {preset.name}"
        return await self._signatory.rendered(picture, order, cover_id=export.cover_id, version=name, region=region)

    async def _complete(self, export: Record, _context: Context) -> Images:
        if not export.files:
            raise Conflict("There are no files to show.")
        at = now()
        event = ExportCompleted(
            export_id=export.export_id,
            task_id=export.task_id,
            cover_id=export.cover_id,
            user_id=export.user_id,
            presets=export.presets,
            completed_at=at,
        )
        outgoing = Outgoing(
            subject=COMPLETED.subject, payload=msgspec.json.encode(event), message_id=f"{export.task_id}:completed"
        )
        document = await self._store.complete(export.export_id, at, outgoing)
        if document is not None:
            await self._store.outbox.relay(document)
        return tuple(file.ref for file in export.files)

    async def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            await self._objects.delete(key)
