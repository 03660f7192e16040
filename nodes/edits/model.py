"""The rules of edit sessions, pure: each takes a session's record and gives the next, or raises.

Versions are never changed: an operation adds one, made from the current version, and undo, redo and checkout only
choose which is current. What was undone can be redone until the next operation or checkout; it stays in the history.
"""

import uuid
from datetime import datetime

import msgspec

from contracts.covers import Cover
from contracts.edits import EditEntry, EditSession
from contracts.errors import Conflict, FieldError, Invalid, KeyReused, NotFound, Unauthenticated
from contracts.recipes import Recipe
from contracts.wire import Context
from nodes.edits.state import Entry, Look, Means, Pictures, Record, Running, Wish

MOST_VERSIONS = 50
"""Of one session, so that a page of sessions fits into a message."""
REMEMBERED = 200
"""Operations without success whose keys stay used."""
ORIGINAL = "original"
"""What the objects are noted under that no task has put."""
ADJUSTABLE = ("brightness", "contrast", "saturation", "warmth", "blur", "sharpen")


def caller(context: Context) -> uuid.UUID:
    """Who asks. Raises Unauthenticated."""
    if context.user_id is None:
        raise Unauthenticated("Edits belong to users: say who asks.")
    return context.user_id


def new_id(scope: uuid.UUID, word: str, idempotency_key: str | None) -> uuid.UUID:
    """A new id; the same key in the same scope (a user, a session) gives the same one."""
    return uuid.uuid4() if idempotency_key is None else uuid.uuid5(scope, f"{word}:{idempotency_key}")


def opened_upload(
    upload_id: uuid.UUID, pictures: Pictures, session_id: uuid.UUID, user_id: uuid.UUID, at: datetime
) -> Record:
    """A session on a copy of an upload."""
    return Record(
        session_id=session_id,
        user_id=user_id,
        upload_id=upload_id,
        original=pictures,
        original_image_url=image_url(session_id, 0),
        objects={ORIGINAL: (pictures.image.key, pictures.thumbnail.key)},
        created_at=at,
    )


def opened(cover: Cover, session_id: uuid.UUID, user_id: uuid.UUID, at: datetime) -> Record:
    """A session on the shown picture of a cover. Raises Conflict while it is made, NotFound when it has none."""
    if cover.status == "generating":
        raise Conflict("This cover is still being made.", retry_after=1)
    if cover.status != "ready" or not cover.versions:
        raise NotFound("This cover has no picture.")
    newest = next((each for each in cover.versions if each.version == cover.shown_version), cover.versions[-1])
    return Record(
        session_id=session_id,
        user_id=user_id,
        cover_id=cover.cover_id,
        original=Pictures(image=newest.image, thumbnail=newest.thumbnail),
        original_image_url=image_url(session_id, 0),
        created_at=at,
    )


def look_of(recipe: Recipe, palette: tuple[str, ...]) -> Look:
    """How a recipe looks; `palette`: the colours that were taken where it names none."""
    style = recipe.style_params
    return Look(
        prompt=recipe.prompt,
        family=style.family,
        palette=style.palette or palette,
        options=style.options,
        model="" if recipe.painting is None else recipe.model,
    )


def known(record: Record, task_id: uuid.UUID) -> bool:
    """Was this operation begun before, whatever became of it?"""
    return task_id in record.without or _operation(record, task_id) is not None


def held(record: Record, wish: Wish, means: Means, task_id: uuid.UUID, at: datetime) -> Record | None:
    """The session with the operation under way; None when this task is known already.

    Raises Conflict while another one runs or when there are too many versions, KeyReused when the task id was used for
    another operation.
    """
    before = _operation(record, task_id)
    if before is not None:
        if any(getattr(before, name) != getattr(wish, name) for name in Wish.__struct_fields__):
            raise KeyReused("This Idempotency-Key belongs to another request.")
        return None
    if task_id in record.without:
        return None
    _expect_idle(record)
    if len(record.edit_history) >= MOST_VERSIONS:
        raise Conflict(f"A session has at most {MOST_VERSIONS} versions: save, and open another one.")
    running = Running(
        task_id=task_id,
        version=len(record.edit_history) + 1,
        parent=record.current_version,
        op=wish.op,
        params=wish.params,
        prompt=wish.prompt,
        mask_upload_id=wish.mask_upload_id,
        means=means,
        since=at,
    )
    return _with(record, running=running)


def version_of(record: Record, task_id: uuid.UUID) -> int | None:
    """What this task makes or has made; None when it is not known."""
    found = _operation(record, task_id)
    return None if found is None else found.version


def noted(record: Record, task_id: uuid.UUID, keys: tuple[str, ...]) -> Record | None:
    """Objects that a task is about to put are written down first; None when it must not put them any more."""
    if record.running is None or record.running.task_id != task_id:
        return None
    before = record.objects.get(str(task_id), ())
    return _with(record, objects={**record.objects, str(task_id): tuple(dict.fromkeys((*before, *keys)))})


def made(record: Record, task_id: uuid.UUID, pictures: Pictures, painted_by: str | None = None) -> Record | None:
    """The new picture is there; None when nobody wants it any more."""
    if record.running is None or record.running.task_id != task_id:
        return None
    return _with(record, running=msgspec.structs.replace(record.running, made=pictures, painted_by=painted_by))


def completed(record: Record, task_id: uuid.UUID, at: datetime) -> Record | None:
    """The new version is there and current; None when it was before. Raises Conflict when no picture is there."""
    if any(entry.task_id == task_id for entry in record.edit_history):
        return None
    running = record.running
    if running is None or running.task_id != task_id or running.made is None:
        raise Conflict("There is no picture to keep.")
    entry = Entry(
        version=running.version,
        parent=running.parent,
        op=running.op,
        params=running.params,
        prompt=running.prompt,
        mask_upload_id=running.mask_upload_id,
        painted_by=running.painted_by,
        task_id=task_id,
        pictures=running.made,
        created_at=at,
    )
    history = (*record.edit_history, entry)
    return _with(record, edit_history=history, current_version=entry.version, redo=(), running=None)


def released(record: Record, task_id: uuid.UUID) -> Record | None:
    """The task has ended without a version, and may not make one later; None when that is so already, or it has one."""
    if task_id in record.without or any(entry.task_id == task_id for entry in record.edit_history):
        return None
    running = record.running
    left = None if running is not None and running.task_id == task_id else running
    without = (*record.without, task_id)
    forgotten = {str(each) for each in without[:-REMEMBERED]}
    objects = {task: keys for task, keys in record.objects.items() if task not in forgotten}
    return _with(record, running=left, without=without[-REMEMBERED:], objects=objects)


def undone(record: Record) -> Record:
    """One operation back. Raises Conflict."""
    _expect_idle(record)
    if record.current_version == 0:
        raise Conflict("There is nothing to undo: this is the original.")
    parent = _entry(record, record.current_version).parent
    return _with(record, current_version=parent, redo=(*record.redo, record.current_version))


def redone(record: Record) -> Record:
    """The last undo taken back. Raises Conflict."""
    _expect_idle(record)
    if not record.redo:
        raise Conflict("There is nothing to redo.")
    return _with(record, current_version=record.redo[-1], redo=record.redo[:-1])


def checked_out(record: Record, version: int) -> Record:
    """Any version becomes current. Raises Invalid for one that does not exist, Conflict while an operation runs."""
    _expect_idle(record)
    if version > len(record.edit_history):
        detail = f"there is no such version; the newest is {len(record.edit_history)}"
        raise Invalid(f"version: {detail}", errors=(FieldError(field="version", detail=detail),))
    return record if version == record.current_version else _with(record, current_version=version, redo=())


def pictures(record: Record, version: int | None = None) -> Pictures:
    """Of a version, or of the current one. Raises NotFound."""
    asked = record.current_version if version is None else version
    return record.original if asked == 0 else _entry(record, asked).pictures


def image_url(session_id: uuid.UUID, version: int) -> str:
    """The address of a version's picture."""
    return f"/v1/edits/{session_id}/image?version={version}"


def shown(record: Record) -> EditSession:
    """The session as its owner sees it."""
    return EditSession(
        edit_id=record.session_id,
        cover_id=record.cover_id,
        upload_id=record.upload_id,
        original_image_url=record.original_image_url,
        edit_history=tuple(_shown(record.session_id, entry) for entry in record.edit_history),
        current_version=record.current_version,
        can_undo=record.running is None and record.current_version > 0,
        can_redo=record.running is None and bool(record.redo),
        running_task_id=None if record.running is None else record.running.task_id,
        image_url=image_url(record.session_id, record.current_version),
        created_at=record.created_at,
    )


def _shown(session_id: uuid.UUID, entry: Entry) -> EditEntry:
    return EditEntry(
        version=entry.version,
        parent=entry.parent,
        op=entry.op,
        params=entry.params,
        prompt=entry.prompt,
        mask_upload_id=entry.mask_upload_id,
        painted_by=entry.painted_by,
        task_id=entry.task_id,
        image_url=image_url(session_id, entry.version),
        created_at=entry.created_at,
    )


def _operation(record: Record, task_id: uuid.UUID) -> Entry | Running | None:
    if record.running is not None and record.running.task_id == task_id:
        return record.running
    return next((entry for entry in record.edit_history if entry.task_id == task_id), None)


def _entry(record: Record, version: int) -> Entry:
    if not 0 < version <= len(record.edit_history):
        raise NotFound("There is no such version.")
    return record.edit_history[version - 1]


def _expect_idle(record: Record) -> None:
    if record.running is not None:
        raise Conflict("An operation of this session is under way: wait for its task or cancel it.", retry_after=1)


def _with(record: Record, **changes: object) -> Record:
    return msgspec.structs.replace(record, **changes, rev=record.rev + 1)
