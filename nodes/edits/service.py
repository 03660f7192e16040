"""The edits node: sessions on covers and uploads, their versions, and its steps of the saga (`steps.py`)."""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.images import Inpainter
from adapters.mongo import LONG_AGO, Database, now
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from adapters.objects import Objects
from adapters.provenance.signatory import Signatory
from adapters.resilience import Breaker, states
from adapters.workers import Workers
from contracts import auth, covers, edits, tasks
from contracts.auth import AccountDeleted
from contracts.covers import AddVersion
from contracts.edits import (
    CheckoutEdit,
    DeleteEdit,
    EditPage,
    EditSession,
    GetEdit,
    GetEditImage,
    ListEdits,
    OpenEdit,
    Operate,
    OperationAccepted,
    RedoEdit,
    SavedEdit,
    SaveEdit,
    UndoEdit,
)
from contracts.errors import Conflict, Internal, KeyReused, NotFound, ServiceError, Unavailable
from contracts.paging import cut, moment_of
from contracts.tasks import CreateTask, FindUnknown, Task, TaskFinished
from contracts.wire import Context, Done, ObjectRef
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.departed import Departed, gone
from nodes.edits import model
from nodes.edits.model import caller, new_id, shown
from nodes.edits.opening import Opening
from nodes.edits.state import Means, Record, Wish
from nodes.edits.steps import Steps
from nodes.edits.store import EditStore
from nodes.edits.uploads import Uploads
from nodes.edits.wishes import wanted

log = logging.getLogger(__name__)

ORPHAN_AFTER = timedelta(seconds=60)
"""Age from which an operation whose task nobody knows is taken back; far above the deadline of any request."""
LATE_AFTER = timedelta(minutes=10)
"""Longer than a step takes: what a step in a deleted session has put meanwhile is removed after it."""


class Edits:
    """The service. Call `prepare` once before it is bound."""

    name = "edits"

    def __init__(
        self,
        bus: Bus,
        database: Database,
        objects: Objects,
        workers: Workers,
        signatory: Signatory | None = None,
        *,
        images: Inpainter | None = None,
        breakers: Sequence[Breaker] = (),
        measured: Callable[[], Sequence[Gauge]] = tuple,
    ) -> None:
        """Without a `signatory` pictures get no credentials, without `images` none is painted; `breakers` and
        `measured` are of these, for the metrics."""
        self._breakers = breakers
        self._measured = measured
        self._bus = bus
        self._objects = objects
        self._store = EditStore(database)
        self._departed = Departed(database)
        self._steps = Steps(bus, self._store, objects, workers, signatory, images)
        self._uploads = Uploads(bus, database, objects, self._departed)
        self._opening = Opening(bus, objects, workers, self._uploads)
        self._looked_until = LONG_AGO

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await self._store.prepare()
        await self._departed.prepare()
        await self._uploads.prepare()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What this node does."""
        return (
            serve(edits.OPEN, self.open),
            serve(edits.GET, self.get),
            serve(edits.LIST, self.list),
            serve(edits.OPERATE, self.operate),
            serve(edits.UNDO, self.undo),
            serve(edits.REDO, self.redo),
            serve(edits.CHECKOUT, self.checkout),
            serve(edits.IMAGE, self.image),
            serve(edits.SAVE, self.save),
            serve(edits.DELETE, self.delete),
            work(edits.APPLY, self._steps.apply),
            work(edits.COMPLETE, self._steps.complete),
            work(edits.DISCARD, self._steps.discard),
            listen(tasks.FINISHED, self.task_finished),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
            *self._uploads.bindings,
        )

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What this node does by itself."""
        return (
            Chore("take back orphan operations", 10.0, self.take_back_orphans),
            Chore("empty deleted sessions", 30.0, self.empty_deleted),
            *self._uploads.chores,
        )

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """Those of the image models."""
        return states(self._breakers)

    def gauges(self) -> Sequence[Gauge]:
        """What the image models count."""
        return self._measured()

    async def open(self, request: OpenEdit, context: Context) -> EditSession:
        """Begin a session; the same Idempotency-Key gives the same one, KeyReused for another cover or upload.

        Raises NotFound, Invalid unless one of the two is named and can be edited, Conflict while the cover is made,
        Unauthenticated for a deleted user, of whom nothing stays.
        """
        user_id = caller(context)
        opened, copies = await self._opening.opened(request, new_id(user_id, "edit", context.idempotency_key), context)
        new = await self._store.keep(opened)
        if new and await self._departed.has(user_id):
            await self._store.drop(opened.session_id)
            raise gone()
        record = await self._own(opened.session_id, context)
        if (record.cover_id, record.upload_id) != (request.cover_id, request.upload_id):
            raise KeyReused("This Idempotency-Key belongs to another request.")
        for data, media_type in copies:  # the row names them, so that they go with it
            await self._objects.put(str(opened.session_id), data, media_type)
        return shown(record)

    async def get(self, request: GetEdit, context: Context) -> EditSession:
        """One session of the caller. Raises NotFound."""
        return shown(await self._own(request.edit_id, context))

    async def list(self, request: ListEdits, context: Context) -> EditPage:
        """The caller's sessions, newest first."""
        found = await self._store.page(caller(context), moment_of(request.cursor), request.limit + 1)
        items, following = cut(found, request.limit, lambda item: (item.created_at, item.session_id))
        return EditPage(items=tuple(shown(item) for item in items), next_cursor=following)

    async def operate(self, request: Operate, context: Context) -> OperationAccepted:
        """Begin an operation. With an Idempotency-Key the same request gives the same task, another raises KeyReused.

        Raises Conflict while another operation of the session runs, Invalid for an operation that is not there or lacks
        something, Refused and UnderReview for the words of a prompt.
        """
        task_id, wish = new_id(request.edit_id, "operation", context.idempotency_key), wanted(request)
        before = await self._own(request.edit_id, context)
        means = Means() if model.known(before, task_id) else await self._opening.means(before, wish, context)
        record = await self._changed(
            request.edit_id, context, lambda session: model.held(session, wish, means, task_id, now())
        )
        try:
            task = await self._create(record, wish, task_id, context)
        except (Unavailable, Internal):
            raise  # the task may be there: the same key may come again, and if not, the sweep looks
        except ServiceError:
            await self._release(record, task_id)
            raise
        if task.status in ("failed", "cancelled"):
            await self._release(record, task_id)
        version = model.version_of(record, task_id)
        return OperationAccepted(task_id=task_id, edit_id=request.edit_id, version=version, status=task.status)

    async def _create(self, record: Record, wish: Wish, task_id: uuid.UUID, context: Context) -> Task:
        order = CreateTask(
            task_id=task_id,
            type="edit",
            cover_id=record.cover_id,
            work_id=record.session_id,
            input_params={"op": wish.op, **wish.params, **_words(wish)},
        )
        return await self._bus.request(tasks.CREATE, order, context)

    async def _release(self, record: Record, task_id: uuid.UUID) -> None:
        await self._store.change(record.session_id, record.user_id, lambda session: model.released(session, task_id))

    async def undo(self, request: UndoEdit, context: Context) -> EditSession:
        """Back to the version that the current one was made from. Raises NotFound, Conflict."""
        return shown(await self._changed(request.edit_id, context, model.undone))

    async def redo(self, request: RedoEdit, context: Context) -> EditSession:
        """The last undo taken back. Raises NotFound, Conflict."""
        return shown(await self._changed(request.edit_id, context, model.redone))

    async def checkout(self, request: CheckoutEdit, context: Context) -> EditSession:
        """Any version becomes current; again changes nothing. Raises NotFound, Invalid, Conflict."""
        return shown(
            await self._changed(request.edit_id, context, lambda session: model.checked_out(session, request.version))
        )

    async def image(self, request: GetEditImage, context: Context) -> ObjectRef:
        """Where the picture of a version is. Raises NotFound."""
        return model.pictures(await self._own(request.edit_id, context), request.version).image

    async def save(self, request: SaveEdit, context: Context) -> SavedEdit:
        """Make the current version the newest of the cover; idempotent by session and version while it is that.

        Raises NotFound when the session or the cover is gone, Conflict for a session on an upload.
        """
        record = await self._own(request.edit_id, context)
        if record.cover_id is None:
            raise Conflict("This session is on an upload, which is no cover: download its picture.")
        version, pictures = record.current_version, model.pictures(record)
        order = AddVersion(
            cover_id=record.cover_id,
            edit_id=record.session_id,
            edit_version=version,
            image=pictures.image,
            thumbnail=pictures.thumbnail,
        )
        kept = await self._bus.request(covers.ADD_VERSION, order, context)
        return SavedEdit(
            edit_id=record.session_id,
            version=version,
            cover_id=record.cover_id,
            cover_version=kept.version,
            image_url=f"/v1/covers/{record.cover_id}/image",
        )

    async def delete(self, request: DeleteEdit, context: Context) -> Done:
        """Remove a session, then its pictures; a crash in between is made good by the sweep."""
        record = await self._own(request.edit_id, context)
        if record.running is not None or not await self._store.bury(record):
            raise Conflict("An operation of this session is under way: cancel its task first.", retry_after=1)
        await self._remove(record.objects)
        return Done()

    async def task_finished(self, event: TaskFinished, context: Context) -> None:
        """A task without success leaves its session as it was; success was written by the last step."""
        if event.type != "edit" or event.status not in ("failed", "cancelled"):
            return
        record = await self._store.of_task(event.task_id)
        if record is not None:
            await self._release(record, event.task_id)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Delete a user's sessions, busy ones too, and uploads, with their pictures for good; idempotent."""
        await self._departed.mark(event.user_id)
        await self._uploads.account_deleted(event)
        for document in await self._store.bury_all(event.user_id):
            await self._remove(document.get("objects", {}))

    async def take_back_orphans(self) -> None:
        """End old operations whose task was never created."""
        found, following = await self._store.running(self._looked_until, now() - ORPHAN_AFTER)
        self._looked_until = following or LONG_AGO
        if not found:
            return
        asked = FindUnknown(task_ids=tuple(found))
        for task_id in (await self._bus.request(tasks.FIND_UNKNOWN, asked, Context.new(timeout=5))).task_ids:
            await self._release(found[task_id], task_id)
            await self._remove({"": found[task_id].objects.get(str(task_id), ())})

    async def empty_deleted(self) -> None:
        """Remove what late steps have put into deleted sessions, then the last of these."""
        for document in await self._store.buried(now() - LATE_AFTER):
            await self._remove(document.get("objects", {}))
            await self._store.emptied(document["_id"])

    async def _remove(self, objects: Mapping[str, Sequence[str]]) -> None:
        for keys in objects.values():
            for key in keys:
                await self._objects.delete(key)

    async def _changed(
        self, session_id: uuid.UUID, context: Context, transition: Callable[[Record], Record | None]
    ) -> Record:
        record = await self._store.change(session_id, caller(context), transition)
        if record is None:
            raise NotFound("There is no such edit session.")
        return record

    async def _own(self, session_id: uuid.UUID, context: Context) -> Record:
        record = await self._store.of_id(session_id, caller(context))
        if record is None:
            raise NotFound("There is no such edit session.")
        return record


def _words(wish: Wish) -> dict[str, str]:
    """What of a wish is no number."""
    found = {"prompt": wish.prompt, "mask_upload_id": wish.mask_upload_id}
    return {name: str(value) for name, value in found.items() if value is not None}
