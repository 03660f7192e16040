"""The exports node: takes orders for files of covers, does its steps of the saga (`steps.py`), and keeps the files."""

import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from adapters.mongo import LONG_AGO, Database, Document, now
from adapters.nats.bus import Bus
from adapters.objects import Objects
from adapters.provenance.signatory import Signatory
from adapters.workers import Workers
from contracts import auth, covers, exports, tasks
from contracts.auth import AccountDeleted
from contracts.covers import Cover, GetCover, GetImage
from contracts.errors import Conflict, Internal, KeyReused, NotFound, ServiceError, Unavailable
from contracts.exports import (
    CreateExport,
    DeleteExport,
    Export,
    ExportAccepted,
    ExportPage,
    GetExport,
    GetFile,
    ListExports,
    ListPresets,
    Presets,
    StoredFile,
)
from contracts.paging import cut, moment_of
from contracts.tasks import CreateTask, FindUnknown, TaskFinished
from contracts.wire import Context, Done
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.departed import Departed, gone
from nodes.exports.model import Ids, Record, caller, fingerprint, identify, shown, stored
from nodes.exports.presets import TABLE, chosen
from nodes.exports.steps import Steps
from nodes.exports.store import ExportStore

log = logging.getLogger(__name__)

ORPHAN_AFTER = timedelta(seconds=60)
"""Age from which a draft whose task nobody knows is taken back; far above the deadline of any request."""

LATE_AFTER = timedelta(minutes=10)
"""Longer than a step takes: what a step of a deleted user's export has put meanwhile is removed after it."""


class Exports:
    """The service. Call `prepare` once before it is bound."""

    name = "exports"

    def __init__(
        self, bus: Bus, database: Database, objects: Objects, workers: Workers, signatory: Signatory | None = None
    ) -> None:
        """`objects` hold the covers' pictures and take the files, `workers` make them; without a `signatory` they get
        no credentials."""
        self._bus = bus
        self._objects = objects
        self._store = ExportStore(database, bus.send)
        self._departed = Departed(database)
        self._looked_until = LONG_AGO
        self._steps = Steps(bus, self._store, objects, workers, signatory)

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await self._store.prepare()
        await self._departed.prepare()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What this node does."""
        return (
            serve(exports.CREATE, self.create),
            serve(exports.GET, self.get),
            serve(exports.LIST, self.list),
            serve(exports.FILE, self.file),
            serve(exports.PRESETS, self.presets),
            serve(exports.DELETE, self.delete),
            work(exports.RENDER, self._steps.render),
            work(exports.COMPLETE, self._steps.complete),
            work(exports.DISCARD, self._steps.discard),
            listen(tasks.FINISHED, self.task_finished),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
        )

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What this node does by itself."""
        return (
            Chore("send waiting events of exports", 1.0, self.send_waiting),
            Chore("take back orphan exports", 10.0, self.take_back_orphans),
            Chore("empty deleted exports", 30.0, self.empty_deleted),
        )

    async def create(self, request: CreateExport, context: Context) -> ExportAccepted:
        """Begin an export. With an Idempotency-Key the same request gives the same task, another raises KeyReused.

        Raises NotFound for a cover that is not the caller's, Conflict for one that is not ready, Invalid for presets
        that are none or do not fit, Unauthenticated for a deleted user, of whom no draft stays.
        """
        user_id = caller(context)
        ids = identify(user_id, context.idempotency_key)
        export = await self._known(ids, user_id, request)
        if export is not None:
            await self._store.renew(msgspec.structs.replace(export, created_at=now()))
        else:
            export = await self._draft(ids, user_id, request, context)
            if not await self._store.keep(export):
                export = await self._known(ids, user_id, request)
        if await self._departed.has(user_id):
            await self._store.drop(ids.export_id)
            raise gone()
        if export is None:
            raise Unavailable("This export has just been taken back. Try again.")
        return await self._begin(export, context)

    async def _known(self, ids: Ids, user_id: uuid.UUID, request: CreateExport) -> Record | None:
        """The export that the same request has begun before. Raises KeyReused, Conflict when it is deleted."""
        print_before = await self._store.fingerprint(ids.export_id)
        if print_before is None:
            return None
        if print_before != fingerprint(request):
            raise KeyReused("This Idempotency-Key belongs to another request.")
        export = await self._store.of_id(ids.export_id, user_id)
        if export is None:
            raise Conflict("The export of this Idempotency-Key was deleted.")
        return export

    async def _draft(self, ids: Ids, user_id: uuid.UUID, request: CreateExport, context: Context) -> Record:
        cover: Cover = await self._bus.request(covers.GET, GetCover(cover_id=request.cover_id), context)
        if cover.status != "ready":
            making = cover.status == "generating"
            why = "is still being made" if making else f"has no picture: it was {cover.status}"
            raise Conflict(f"This cover {why}.", retry_after=1 if making else None)
        presets = chosen(request.presets, cover.recipe.width, cover.recipe.height)
        source = await self._bus.request(covers.IMAGE, GetImage(cover_id=request.cover_id), context)
        return Record(
            export_id=ids.export_id,
            task_id=ids.task_id,
            user_id=user_id,
            cover_id=request.cover_id,
            title=cover.title,
            presets=tuple(preset.name for preset in presets),
            options=request.options,
            fingerprint=fingerprint(request),
            source=source,
            created_at=now(),
        )

    async def _begin(self, export: Record, context: Context) -> ExportAccepted:
        """Create the task; again gives the one that exists.

        A definite refusal takes the draft back. After an unknown ending nothing is touched: the same key may come
        again, and if not, the sweep finds what no task belongs to.
        """
        asked: dict[str, object] = {"title": export.title, "presets": list(export.presets)}
        asked["options"] = msgspec.to_builtins(export.options)
        order = CreateTask(
            task_id=export.task_id,
            type="export",
            cover_id=export.cover_id,
            work_id=export.export_id,
            input_params=asked,
        )
        try:
            task = await self._bus.request(tasks.CREATE, order, context)
        except (Unavailable, Internal):
            raise
        except ServiceError:
            await self._store.drop(export.export_id)
            raise
        return ExportAccepted(task_id=export.task_id, export_id=export.export_id, status=task.status)

    async def get(self, request: GetExport, context: Context) -> Export:
        """One export of the caller. Raises NotFound."""
        return shown(await self._own(request.export_id, context))

    async def list(self, request: ListExports, context: Context) -> ExportPage:
        """The caller's exports, newest first."""
        after = moment_of(request.cursor)
        found = await self._store.page(caller(context), request.cover_id, after, request.limit + 1)
        items, following = cut(found, request.limit, lambda item: (item.created_at, item.export_id))
        return ExportPage(items=tuple(shown(item) for item in items), next_cursor=following)

    async def file(self, request: GetFile, context: Context) -> StoredFile:
        """Where a file is. Raises Conflict while it is being made, NotFound when there is none of that name."""
        export = await self._own(request.export_id, context)
        if export.status == "rendering":
            raise Conflict("This export is still being made.", retry_after=1)
        found = next((file for file in export.files if file.name == request.name), None)
        if export.status != "ready" or found is None:
            raise NotFound("This export has no file of that name.")
        return stored(export, found)

    async def presets(self, request: ListPresets, context: Context) -> Presets:
        """All presets."""
        return Presets(items=TABLE)

    async def delete(self, request: DeleteExport, context: Context) -> Done:
        """Remove an export, then its files; a crash in between is made good by the sweep."""
        document = await self._store.bury(request.export_id, caller(context))
        if document is None:
            await self._own(request.export_id, context)
            raise Conflict("This export is still being made: cancel its task first.")
        await self._empty(document)
        return Done()

    async def task_finished(self, event: TaskFinished, context: Context) -> None:
        """A task without success ends its export; success was written by the last step."""
        if event.type == "export" and event.status in ("failed", "cancelled"):
            await self._store.end(event.task_id, event.status)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Delete a user's exports and their files for good; idempotent.

        An export that is being made goes too. Its record waits, without anything of the cover, until a step that had
        begun can put nothing more; then the sweep empties it.
        """
        await self._departed.mark(event.user_id)
        for document in await self._store.bury_all(event.user_id):
            if document["status"] == "rendering":
                await self._remove(document.get("keys", ()))
            else:
                await self._empty(document)

    async def send_waiting(self) -> None:
        """Send events that a crash or a lost connection left behind."""
        await self._store.outbox.sweep()

    async def take_back_orphans(self) -> None:
        """Remove old drafts whose task was never created."""
        before = now() - ORPHAN_AFTER
        drafts, following = await self._store.unrendered(self._looked_until, before)
        self._looked_until = following or LONG_AGO
        if not drafts:
            return
        question = FindUnknown(task_ids=tuple(drafts))
        answer = await self._bus.request(tasks.FIND_UNKNOWN, question, Context.new(timeout=5))
        for task_id in answer.task_ids:
            await self._store.drop(drafts[task_id], before)

    async def empty_deleted(self) -> None:
        """Remove files of deleted exports that are still there."""
        for document in await self._store.buried(now() - LATE_AFTER):
            await self._empty(document)

    async def _empty(self, document: Document) -> None:
        await self._remove(document.get("keys", ()))
        await self._store.emptied(document["_id"])

    async def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            await self._objects.delete(key)

    async def _own(self, export_id: uuid.UUID, context: Context) -> Record:
        export = await self._store.of_id(export_id, caller(context))
        if export is None:
            raise NotFound("There is no such export.")
        return export
