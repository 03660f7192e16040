"""The exports node: files of a finished cover for the places where it will be used."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.paging import Cursor, Limit
from contracts.tasks import Status, Step
from contracts.text import FILE_NAME, SLUG
from contracts.wire import Done, Endpoint, Event, ObjectRef, WorkQueue

ExportStatus = Literal["rendering", "ready", "failed", "cancelled"]
Media = Literal["image/png", "image/jpeg", "image/webp"]
PresetName = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=SLUG)]
FileName = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=FILE_NAME)]


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked for beyond the presets."""

    quality: Annotated[int, msgspec.Meta(ge=50, le=95)] | None = None
    """Of JPEG and WebP files, instead of each preset's own; a limit in bytes may still lower it."""


class CreateExport(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a user asks for, one for each preset."""

    cover_id: uuid.UUID
    presets: Annotated[tuple[PresetName, ...], msgspec.Meta(min_length=1, max_length=10)]
    options: ExportOptions = ExportOptions()


class ExportAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun; watch the task."""

    task_id: uuid.UUID
    export_id: uuid.UUID
    status: Status


class ExportCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that the finished file was opened again and measured for."""

    rule: str
    """`format`, `size`, `colour`, `dpi` or `bytes`."""
    ok: bool
    detail: str


class ExportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file, as it was measured."""

    name: str
    """Its name within the export."""
    preset: str
    media_type: Media
    width: int
    height: int
    dpi: int | None
    """As the file says; None for WebP, which cannot say."""
    size: int
    """Bytes."""
    sha256: str
    url: str
    checks: tuple[ExportCheck, ...]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export as its owner sees it."""

    export_id: uuid.UUID
    task_id: uuid.UUID
    cover_id: uuid.UUID
    title: str
    """Of the cover."""
    status: ExportStatus
    presets: tuple[str, ...]
    files: tuple[ExportFile, ...] = ()
    created_at: datetime


class GetExport(msgspec.Struct, frozen=True, kw_only=True):
    """One export of the caller."""

    export_id: uuid.UUID


class ListExports(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's exports, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    cover_id: uuid.UUID | None = None
    """Only those of this cover."""


class ExportPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of exports."""

    items: tuple[Export, ...]
    next_cursor: str | None = None


class GetFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file of an export is. Raises Conflict while it is being made."""

    export_id: uuid.UUID
    name: FileName


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes are, and what to call them when they are saved."""

    object: ObjectRef
    filename: str
    """Letters, digits, dashes and one dot."""


class DeleteExport(msgspec.Struct, frozen=True, kw_only=True):
    """Remove an export and its files. Raises Conflict while it is being made."""

    export_id: uuid.UUID


class ListPresets(msgspec.Struct, frozen=True, kw_only=True):
    """All presets."""


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is made for, and the rules it keeps. It is offered for covers that it fits without cropping."""

    name: PresetName
    title: str
    media_type: Media
    width: int | None = None
    height: int | None = None
    """Exactly this many pixels, both or none; without `longest` none means as the cover is."""
    longest: int | None = None
    """At most this many pixels on the longest side; a smaller cover stays as it is."""
    dpi: int | None = None
    quality: int = 90
    """Where the encoder begins, for JPEG and WebP."""
    max_bytes: int
    source: str
    """Whose rules these are, and when they were read."""


class Presets(msgspec.Struct, frozen=True, kw_only=True):
    """Presets in the order in which they should be shown."""

    items: tuple[Preset, ...]


class ExportStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the saga on one export; what it needs is in its own record. Idempotent by `(task_id, step)`."""

    task_id: uuid.UUID
    export_id: uuid.UUID
    user_id: uuid.UUID
    step: Step


class ExportCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """The files of an export can be had."""

    export_id: uuid.UUID
    task_id: uuid.UUID
    cover_id: uuid.UUID
    user_id: uuid.UUID
    presets: tuple[str, ...]
    completed_at: datetime


EDGE = frozenset({"edge"})
TASKS = frozenset({"tasks"})

CREATE = Endpoint("svc.exports.create", CreateExport, ExportAccepted, EDGE, "Begin an export", timeout=8)
GET = Endpoint("svc.exports.get", GetExport, Export, EDGE, "Read an export")
LIST = Endpoint("svc.exports.list", ListExports, ExportPage, EDGE, "List the caller's exports")
FILE = Endpoint("svc.exports.file", GetFile, StoredFile, EDGE, "Where a file of an export is")
PRESETS = Endpoint("svc.exports.presets", ListPresets, Presets, EDGE, "List presets")
DELETE = Endpoint("svc.exports.delete", DeleteExport, Done, EDGE, "Remove an export")
RENDER = WorkQueue("jobs.exports.render", ExportStep, TASKS, "Make the files", concurrency=4, heavy=True)
COMPLETE = WorkQueue("jobs.exports.complete", ExportStep, TASKS, "Show the export as ready and tell everybody")
DISCARD = WorkQueue("jobs.exports.discard", ExportStep, TASKS, "Undo what a step of the saga made")
COMPLETED = Event(
    "events.exports.completed",
    ExportCompleted,
    frozenset(),
    "Files of a cover can be had",
    watchers=frozenset({"edge"}),
)

CONTRACTS = (CREATE, GET, LIST, FILE, PRESETS, DELETE, RENDER, COMPLETE, DISCARD, COMPLETED)
