"""Uploads: a place for the bytes, the check of what was put there, and their end.

Two phases, so that nothing that was put is ever without a row: `begin` writes the row, the edge puts, `finish` has the
picture checked. What is not finished within minutes goes with its object, as does what nobody used for 30 days.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta

from adapters.mongo import Database, now
from adapters.nats.bus import Bus
from adapters.objects import MAX_OBJECT, Objects
from contracts import safety, uploads
from contracts.auth import AccountDeleted
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Refused, ServiceError, TooLarge, UnderReview
from contracts.paging import cut, moment_of
from contracts.safety import CheckImage, Finding, Verdict
from contracts.uploads import (
    MOST_UPLOADS,
    BeginUpload,
    DeleteUpload,
    FinishUpload,
    GetUpload,
    GetUploadImage,
    ListUploads,
    NewObject,
    ReleaseUpload,
    Upload,
    UploadPage,
    UploadPlace,
)
from contracts.wire import Context, Done, ObjectRef
from nodes.bindings import Binding, Chore, serve
from nodes.departed import Departed, gone
from nodes.edits.model import caller
from nodes.edits.upload_store import KEPT, Row, UploadStore, identity, told

FINISHED_WITHIN = timedelta(minutes=10)
"""Time in which what was begun is finished, or goes; nobody puts for nearly so long."""
UNUSABLE = "broken_image"
"""What the safety node finds in a picture that shows nothing, or that it cannot read."""


class Uploads:
    """The handlers and chores of uploads. Call `prepare` once."""

    def __init__(self, bus: Bus, database: Database, objects: Objects, departed: Departed) -> None:
        self._bus = bus
        self._store = UploadStore(database)
        self._objects = objects
        self._departed = departed
        self.bindings: tuple[Binding, ...] = (
            serve(uploads.BEGIN, self.begin),
            serve(uploads.FINISH, self.finish),
            serve(uploads.GET, self.get),
            serve(uploads.IMAGE, self.image),
            serve(uploads.LIST, self.list),
            serve(uploads.DELETE, self.delete),
            serve(uploads.RELEASE, self.release),
        )
        self.chores: tuple[Chore, ...] = (
            Chore("remove unfinished uploads", 60.0, self.remove_unfinished),
            Chore("remove unused uploads", 3600.0, self.remove_unused),
            Chore("forget removed uploads", 60.0, self.forget_removed),
        )

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await self._store.prepare()

    async def begin(self, request: BeginUpload, context: Context) -> UploadPlace:
        """A place for the bytes; the same bytes for the same purpose have the same one. Nothing is checked yet.

        Raises Conflict when there are too many, TooLarge, Unauthenticated for a deleted user, of whom nothing stays.
        """
        user_id = caller(context)
        if any(each is not None and each.size > MAX_OBJECT for each in (request.picture, request.shown)):
            raise TooLarge(f"An object has at most {MAX_OBJECT} bytes.")
        new = _begun(request, user_id)
        row = await self._store.keep(new)
        if row.upload_id == new.upload_id:
            await self._welcome(row)
        return UploadPlace(upload_id=row.upload_id, scope=row.scope)

    async def _welcome(self, row: Row) -> None:
        """Written first and taken back where it may not stay, so that no two who begin at once slip through."""
        if await self._departed.has(row.user_id):
            await self._store.bury_own(row)
            raise gone()
        if await self._store.count(row.user_id) > MOST_UPLOADS:
            await self._store.bury_own(row)
            raise Conflict(f"At most {MOST_UPLOADS} uploads are kept of a user: remove some first.")

    async def finish(self, request: FinishUpload, context: Context) -> Upload:
        """Check what was put, and keep it; idempotent. What may not stay goes at once, with its row.

        Raises Refused, UnderReview, Invalid; NotFound when the bytes are not there or the upload has gone; Unavailable
        when nobody can check it: then it may be finished later.
        """
        row = await self._store.of_id(request.upload_id, caller(context), pending=True)
        if row is None:
            raise NotFound("There is no such upload.")
        if row.purpose != "mask" and row.status == "pending":
            verdict = await self._bus.request(safety.CHECK_IMAGE, CheckImage(image=row.shown or row.image), context)
            if (error := refusal(verdict)) is not None:
                await self._remove(row)
                raise error
        else:
            await self._objects.get(row.image)
        done = await self._store.ready(row)
        if done is None:
            raise NotFound("The upload was removed meanwhile.")
        return told(done)

    async def get(self, request: GetUpload, context: Context) -> Upload:
        """One upload of the caller; with `refer` or `holder` this is a use of it. Raises NotFound."""
        row: Row | None = await self._own(request.upload_id, context)
        if row is not None and (request.refer or request.holder is not None):
            row = await self._store.used(row, request.holder)
        if row is None:
            raise NotFound("There is no such upload.")
        return told(row, refer=request.refer)

    async def taken(self, upload_id: uuid.UUID, context: Context) -> Row | None:
        """One of the caller's own that is ready, counted as used; None when there is none. For this node's sessions."""
        row = await self._store.of_id(upload_id, caller(context))
        return None if row is None else await self._store.used(row, None)

    async def image(self, request: GetUploadImage, context: Context) -> ObjectRef:
        """Where its picture is. Raises NotFound."""
        return (await self._own(request.upload_id, context)).image

    async def list(self, request: ListUploads, context: Context) -> UploadPage:
        """The caller's, newest first."""
        found = await self._store.page(caller(context), moment_of(request.cursor), request.limit + 1)
        items, cursor = cut(found, request.limit, lambda row: (row.created_at, row.upload_id))
        return UploadPage(items=tuple(map(told, items)), next_cursor=cursor)

    async def delete(self, request: DeleteUpload, context: Context) -> Done:
        """Remove the row, then the object; a crash in between is made good by the chore. Raises NotFound."""
        await self._remove(await self._own(request.upload_id, context))
        return Done()

    async def release(self, request: ReleaseUpload, context: Context) -> Done:
        """A holder needs it no longer; idempotent."""
        await self._store.released(request.upload_id, caller(context), request.holder)
        return Done()

    async def account_deleted(self, event: AccountDeleted) -> None:
        """Remove all of a user, whom the node has marked as gone; idempotent."""
        await self._delete_objects(await self._store.bury_all(event.user_id))

    async def remove_unfinished(self) -> None:
        """What was begun and not finished goes with its object."""
        await self._remove_old(await self._store.since("pending", now() - FINISHED_WITHIN))

    async def remove_unused(self) -> None:
        """What nobody used for so long, and nothing needs, goes."""
        await self._remove_old(await self._store.since("ready", now() - KEPT))

    async def forget_removed(self) -> None:
        """Late writers are done: remove what they may have put, and then the row."""
        for row in await self._store.since("gone", now() - FINISHED_WITHIN):
            await self._delete_objects([row])
            await self._store.forget(row)

    async def _remove_old(self, rows: Iterable[Row]) -> None:
        await self._delete_objects([row for row in rows if await self._store.bury(row)])

    async def _remove(self, row: Row) -> None:
        await self._store.bury_own(row)
        await self._delete_objects([row])

    async def _delete_objects(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for key in row.keys:
                await self._objects.delete(key)

    async def _own(self, upload_id: uuid.UUID, context: Context) -> Row:
        row = await self._store.of_id(upload_id, caller(context))
        if row is None:
            raise NotFound("There is no such upload.")
        return row


def _begun(request: BeginUpload, user_id: uuid.UUID) -> Row:
    upload_id, at = uuid.uuid4(), now()
    scope = f"upload-{upload_id.hex}"
    return Row(
        upload_id=upload_id,
        user_id=user_id,
        identity=identity(user_id, request.purpose, request.picture.sha256),
        purpose=request.purpose,
        scope=scope,
        image=_placed(scope, request.picture),
        shown=None if request.shown is None else _placed(scope, request.shown),
        width=request.width,
        height=request.height,
        marked=request.marked,
        credentials=request.credentials,
        since=at,
        created_at=at,
    )


def _placed(scope: str, new: NewObject) -> ObjectRef:
    return ObjectRef(key=f"{scope}/{new.sha256}", sha256=new.sha256, size=new.size, media_type=new.media_type)


def refusal(verdict: Verdict) -> ServiceError | None:
    """Why an upload cannot stay; None when it can."""
    if verdict.decision == "allow":
        return None
    categories = {finding.category for finding in verdict.findings if finding.decision == verdict.decision}
    if categories == {UNUSABLE}:
        detail = "shows nothing, or cannot be used"
        return Invalid(
            "The picture shows nothing, or cannot be used.", errors=(FieldError(field="file", detail=detail),)
        )
    if verdict.decision == "review":
        detail = "waits for a person to look at it"
        return UnderReview(
            "A person has to look at this picture before it can be kept. Nothing of it was; send it again later.",
            errors=_named(verdict.findings, "review", detail),
        )
    return Refused("This picture breaks the content rules.", errors=_named(verdict.findings, "block", "is refused"))


def _named(findings: Iterable[Finding], decision: str, detail: str) -> tuple[FieldError, ...]:
    categories = sorted({each.category for each in findings if each.decision == decision} - {UNUSABLE})
    return tuple(FieldError(field="file", detail=f"{detail}: {each}", category=each) for each in categories)
