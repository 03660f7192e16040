"""The edits node: sessions on a cover or an upload, each change of the picture a version that can be taken back.

A cover is edited as it is composed: its type is part of the picture. What erases or paints over type leaves the words
of the cover as they are; other words are set by `retype`, on the art.
"""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec

from contracts.covers import Prompt, Seed
from contracts.paging import Cursor
from contracts.tasks import PLANS, Status, Step
from contracts.text import CODE
from contracts.wire import Done, Endpoint, ObjectRef, WorkQueue

OPERATIONS = ("adjust", "inpaint", "erase", "replace", "expand")
"""What an operation may be."""
EditVersion = Annotated[int, msgspec.Meta(ge=0)]
"""Counts up within a session; 0 is the cover's picture as it was when the session was opened."""
Op = Annotated[str, msgspec.Meta(max_length=40, pattern=CODE, extra_json_schema={"enum": list(OPERATIONS)})]
Shift = Annotated[float, msgspec.Meta(ge=-1, le=1)]
"""From as little as there is to as much as there is; 0 changes nothing."""
BlurRadius = Annotated[float, msgspec.Meta(ge=0, le=20)]
Strength = Annotated[float, msgspec.Meta(ge=0, le=1)]
Margin = Annotated[int, msgspec.Meta(ge=0, le=4000)]
"""Pixels by which a side of the canvas moves outwards."""


class OpenEdit(msgspec.Struct, frozen=True, kw_only=True):
    """Begin to edit the picture that a cover shows, or a copy of an upload: give one of the two.

    Raises Conflict while the cover is being made, Invalid for an upload that is no `image` or has too many pixels.
    """

    cover_id: uuid.UUID | None = None
    upload_id: uuid.UUID | None = None


class Operate(msgspec.Struct, frozen=True, kw_only=True):
    """Make a new version from the current one. One operation of a session runs at a time: Conflict for a second.

    `adjust` changes tone and focus. `inpaint` paints anew what a mask marks, `replace` what the prompt names into it,
    `erase` fills it from what is around it, `expand` makes the canvas larger and paints the new part; beyond the soft
    edge of a mask every pixel stays. Takes no quota. Refused and UnderReview for the words of a prompt.
    """

    edit_id: uuid.UUID
    op: Op
    brightness: Shift = 0.0
    contrast: Shift = 0.0
    saturation: Shift = 0.0
    """-1: grey."""
    warmth: Shift = 0.0
    """Below 0: bluer; above: redder."""
    blur: BlurRadius = 0.0
    """Radius in pixels of the picture."""
    sharpen: Strength = 0.0
    prompt: Prompt | None = None
    """What is to be seen: required by `replace`; for `inpaint` and `expand` None is what the cover's art shows."""
    mask_upload_id: uuid.UUID | None = None
    """An upload with the purpose `mask`, in the shape of the picture: white is what changes."""
    seed: Seed | None = None
    """None: chosen. With the cover's own seed, and no prompt, its art without type is painted again."""
    left: Margin = 0
    right: Margin = 0
    top: Margin = 0
    bottom: Margin = 0


class OperationAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun; watch the task."""

    task_id: uuid.UUID
    edit_id: uuid.UUID
    version: EditVersion | None
    """The version that it makes; None when the same key came again and it has ended without one."""
    status: Status


class GetEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One session of the caller."""

    edit_id: uuid.UUID


class UndoEdit(GetEdit, frozen=True, kw_only=True):
    """Go back to the version that the current one was made from. Raises Conflict at the original and while busy."""


class RedoEdit(GetEdit, frozen=True, kw_only=True):
    """Take the last undo back. Raises Conflict when there is none since the last operation, and while busy."""


class DeleteEdit(GetEdit, frozen=True, kw_only=True):
    """Remove a session and its pictures; versions saved to the cover stay there. Raises Conflict while busy."""


class CheckoutEdit(GetEdit, frozen=True, kw_only=True):
    """Make any version the current one. Raises Invalid for one that does not exist, Conflict while busy."""

    version: EditVersion


class SaveEdit(GetEdit, frozen=True, kw_only=True):
    """Make the current version a new version of the cover. Raises NotFound when the cover is gone, Conflict for a
    session on an upload, whose picture can be downloaded."""


class SavedEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What was saved where. Saving again what is the cover's newest version changes nothing."""

    edit_id: uuid.UUID
    version: EditVersion
    cover_id: uuid.UUID
    cover_version: int
    image_url: str


class GetEditImage(GetEdit, frozen=True, kw_only=True):
    """Where the picture of a version is; None: of the current one. Raises NotFound."""

    version: EditVersion | None = None


class EditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One operation that was done."""

    version: EditVersion
    """What it made."""
    parent: EditVersion
    """What it was made from."""
    op: str
    params: dict[str, float]
    """The values that were not 0."""
    prompt: str | None = None
    mask_upload_id: uuid.UUID | None = None
    painted_by: str | None = None
    """The image model, where one painted."""
    task_id: uuid.UUID
    image_url: str
    created_at: datetime


class EditSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its owner sees it."""

    edit_id: uuid.UUID
    cover_id: uuid.UUID | None
    """None for a session on an upload."""
    upload_id: uuid.UUID | None = None
    """What it was copied from, whether that is still there or not."""
    original_image_url: str
    edit_history: tuple[EditEntry, ...]
    """All operations, also those that were undone, in the order in which they were done."""
    current_version: EditVersion
    can_undo: bool
    can_redo: bool
    running_task_id: uuid.UUID | None = None
    """Of the operation that is under way."""
    image_url: str
    """Of the current version."""
    created_at: datetime


class ListEdits(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's sessions, newest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=25)] = 20
    """Fewer than of other lists, because sessions come with their history."""
    cursor: Cursor | None = None


class EditPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of sessions."""

    items: tuple[EditSession, ...]
    next_cursor: str | None = None


class EditStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the saga on one session; what it needs is in the session's record. Idempotent by `(task_id, step)`."""

    task_id: uuid.UUID
    edit_id: uuid.UUID
    user_id: uuid.UUID
    step: Step


EDGE = frozenset({"edge"})
TASKS = frozenset({"tasks"})

OPEN = Endpoint("svc.edits.open", OpenEdit, EditSession, EDGE, "Begin to edit a cover", timeout=8)
GET = Endpoint("svc.edits.get", GetEdit, EditSession, EDGE, "Read an edit session")
LIST = Endpoint("svc.edits.list", ListEdits, EditPage, EDGE, "List the caller's edit sessions")
OPERATE = Endpoint("svc.edits.operate", Operate, OperationAccepted, EDGE, "Begin an operation", timeout=8)
UNDO = Endpoint("svc.edits.undo", UndoEdit, EditSession, EDGE, "Go back one operation")
REDO = Endpoint("svc.edits.redo", RedoEdit, EditSession, EDGE, "Take an undo back")
CHECKOUT = Endpoint("svc.edits.checkout", CheckoutEdit, EditSession, EDGE, "Go to any version")
IMAGE = Endpoint("svc.edits.image", GetEditImage, ObjectRef, EDGE, "Where the picture of a version is")
SAVE = Endpoint("svc.edits.save", SaveEdit, SavedEdit, EDGE, "Save as a new version of the cover", timeout=8)
DELETE = Endpoint("svc.edits.delete", DeleteEdit, Done, EDGE, "Remove an edit session")
APPLY = WorkQueue("jobs.edits.apply", EditStep, TASKS, "Make the new picture", concurrency=4, heavy=True, lanes=PLANS)
COMPLETE = WorkQueue("jobs.edits.complete", EditStep, TASKS, "Make the new version the current one")
DISCARD = WorkQueue("jobs.edits.discard", EditStep, TASKS, "Undo what an operation made")

CONTRACTS = (OPEN, GET, LIST, OPERATE, UNDO, REDO, CHECKOUT, IMAGE, SAVE, DELETE, APPLY, COMPLETE, DISCARD)
