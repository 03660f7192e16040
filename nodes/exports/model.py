"""The rules of exports: ids, the record, what is ordered and measured, and how a record looks to its owner."""

import hashlib
import re
import unicodedata
import uuid
from datetime import datetime

import msgspec

from adapters.rendering import Measured, RenderOrder
from contracts.errors import Unauthenticated
from contracts.exports import (
    CreateExport,
    Export,
    ExportCheck,
    ExportFile,
    ExportOptions,
    ExportStatus,
    Media,
    Preset,
    StoredFile,
)
from contracts.wire import Context, ObjectRef

EXTENSIONS: dict[Media, str] = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
SLUG_LENGTH = 60


class Ids(msgspec.Struct, frozen=True):
    """The task that makes an export, and the export."""

    task_id: uuid.UUID
    export_id: uuid.UUID


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file as it is stored."""

    name: str
    preset: str
    ref: ObjectRef
    media_type: Media
    width: int
    height: int
    dpi: int | None
    checks: tuple[ExportCheck, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True, rename={"export_id": "_id"}):
    """An export as it is stored."""

    export_id: uuid.UUID
    task_id: uuid.UUID
    user_id: uuid.UUID
    cover_id: uuid.UUID
    title: str
    presets: tuple[str, ...]
    options: ExportOptions
    fingerprint: str
    """Of the request: the same key with another request is told by it, even when the export is deleted."""
    source: ObjectRef
    """The cover's picture at the time of the request: the export does not change with the cover."""
    status: ExportStatus = "rendering"
    files: tuple[KeptFile, ...] = ()
    keys: tuple[str, ...] = ()
    """Of all objects that were put or were about to be."""
    undone: bool = False
    """Nothing is rendered any more."""
    created_at: datetime
    completed_at: datetime | None = None


def caller(context: Context) -> uuid.UUID:
    """Who asks. Raises Unauthenticated."""
    if context.user_id is None:
        raise Unauthenticated("Exports belong to users: say who asks.")
    return context.user_id


def identify(user_id: uuid.UUID, idempotency_key: str | None) -> Ids:
    """The ids of a new export; the same key of the same user gives the same ids, and others than for a cover."""
    mine = uuid.uuid5(user_id, "exports")
    task_id = uuid.uuid4() if idempotency_key is None else uuid.uuid5(mine, idempotency_key)
    return Ids(task_id, uuid.uuid5(task_id, "export"))


def fingerprint(request: CreateExport) -> str:
    """Tells whether two requests are the same."""
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()


def order_for(preset: Preset, options: ExportOptions) -> RenderOrder:
    """What the encoder is told."""
    return RenderOrder(
        media_type=preset.media_type,
        width=preset.width,
        height=preset.height,
        longest=preset.longest,
        dpi=preset.dpi,
        quality=options.quality or preset.quality,
        max_bytes=preset.max_bytes,
    )


def file_name(preset: Preset) -> str:
    """The name of its file within an export."""
    return f"{preset.name}.{EXTENSIONS[preset.media_type]}"


def checks(preset: Preset, found: Measured) -> tuple[ExportCheck, ...]:
    """Every rule of the preset, held against what the finished file was found to be."""
    rows = [
        ("format", found.media_type == preset.media_type, found.media_type),
        ("size", _fits(preset, found), f"{found.width} x {found.height} pixels"),
        ("colour", found.mode == "RGB", f"{found.mode}, 8 bits a channel"),
        ("bytes", found.size <= preset.max_bytes, f"{found.size} bytes of at most {preset.max_bytes}"),
    ]
    if preset.dpi is not None and preset.media_type != "image/webp":
        rows.append(("dpi", found.dpi == preset.dpi, f"{found.dpi} dpi"))
    return tuple(ExportCheck(rule=rule, ok=ok, detail=detail) for rule, ok, detail in rows)


def _fits(preset: Preset, found: Measured) -> bool:
    if preset.width is not None:
        return (found.width, found.height) == (preset.width, preset.height)
    return preset.longest is None or max(found.width, found.height) <= preset.longest


def kept(preset: Preset, ref: ObjectRef, found: Measured) -> KeptFile:
    """The record of a finished file."""
    return KeptFile(
        name=file_name(preset),
        preset=preset.name,
        ref=ref,
        media_type=preset.media_type,
        width=found.width,
        height=found.height,
        dpi=found.dpi,
        checks=checks(preset, found),
    )


def stored(record: Record, file: KeptFile) -> StoredFile:
    """Where a file is, and its name for whoever saves it: `<title>-<preset>.<extension>`."""
    plain = unicodedata.normalize("NFKD", record.title).encode("ascii", "ignore").decode().lower()
    title = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].strip("-") or "cover"
    return StoredFile(object=file.ref, filename=f"{title}-{file.name}")


def shown(record: Record) -> Export:
    """The export as its owner sees it; files only when all are there."""
    files = record.files if record.status == "ready" else ()
    return Export(
        export_id=record.export_id,
        task_id=record.task_id,
        cover_id=record.cover_id,
        title=record.title,
        status=record.status,
        presets=record.presets,
        files=tuple(_shown_file(record, file) for file in files),
        created_at=record.created_at,
    )


def _shown_file(record: Record, file: KeptFile) -> ExportFile:
    return ExportFile(
        name=file.name,
        preset=file.preset,
        media_type=file.media_type,
        width=file.width,
        height=file.height,
        dpi=file.dpi,
        size=file.ref.size,
        sha256=file.ref.sha256,
        url=f"/v1/exports/{record.export_id}/files/{file.name}",
        checks=file.checks,
    )
