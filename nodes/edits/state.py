"""What an edit session is as it is stored: its pictures, the operations that were done, the one that is under way."""

import uuid
from datetime import datetime

import msgspec

from contracts.wire import ObjectRef


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of a version and its small one."""

    image: ObjectRef
    thumbnail: ObjectRef


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation is to do, as it is kept with it."""

    op: str
    params: dict[str, float]
    prompt: str | None = None
    mask_upload_id: uuid.UUID | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the art of a cover was painted from, so that a part of it can be painted like the rest."""

    prompt: str = ""
    family: str = ""
    palette: tuple[str, ...] = ()
    options: dict[str, float | str | bool] = {}
    model: str = ""


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation needs beside the picture, found before it began."""

    mask: ObjectRef | None = None
    look: Look = Look()


class Running(Wish, frozen=True, kw_only=True):
    """The operation that is under way."""

    task_id: uuid.UUID
    version: int
    """What it will make."""
    parent: int
    means: Means = Means()
    made: Pictures | None = None
    painted_by: str | None = None
    since: datetime


class Entry(Wish, frozen=True, kw_only=True):
    """An operation that was done."""

    version: int
    parent: int
    painted_by: str | None = None
    task_id: uuid.UUID
    pictures: Pictures
    created_at: datetime


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    cover_id: uuid.UUID | None = None
    upload_id: uuid.UUID | None = None
    """One of the two."""
    original: Pictures
    """Belongs to the cover, whose versions stay as long as the cover does; of an upload it is a copy of our own."""
    original_image_url: str
    edit_history: tuple[Entry, ...] = ()
    current_version: int = 0
    redo: tuple[int, ...] = ()
    """Versions that were undone, the last undone one last."""
    running: Running | None = None
    without: tuple[uuid.UUID, ...] = ()
    """Tasks of operations that ended without a version; they are not done again."""
    objects: dict[str, tuple[str, ...]] = {}
    """Task to keys of all objects that it has put or was about to put."""
    rev: int = 0
    """Counts every write; a write names the one it read."""
    created_at: datetime
