"""The covers node: art, type on it, and the record of how each cover was made."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.paging import Cursor, Limit
from contracts.tasks import PLANS, Status, Step
from contracts.templates import Palette, StyleParams
from contracts.text import ONE_LINE, PROSE
from contracts.wire import Done, Endpoint, Event, ObjectRef, WorkQueue

Format = Literal["ebook", "square", "thumbnail"]
CoverStatus = Literal["generating", "ready", "failed", "cancelled"]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern=ONE_LINE)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern=ONE_LINE)]
Prompt = Annotated[str, msgspec.Meta(max_length=2000, pattern=PROSE)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""Below 2**53 so that it survives every JSON reader."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone."""


class GenerateCover(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for."""

    title: Title
    subtitle: Line | None = None
    author: Line | None = None
    prompt: Prompt | None = None
    """What the art should show; None: the style's own."""
    template_id: uuid.UUID | None = None
    format: Format = "ebook"
    variations: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    seed: Seed | None = None
    """The same request with the same seed gives the same art; None: chosen."""
    palette: Palette = ()
    """Colours instead of the style's own."""
    start_at: Moment | None = None
    """Not before this time, at most 30 days from now; None: as soon as possible. Quota is held from now on."""


class CoverAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun; watch the task."""

    task_id: uuid.UUID
    cover_id: uuid.UUID
    status: Status


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to make the cover again."""

    prompt: str
    """The resolved prompt that the image model got."""
    template_id: uuid.UUID
    template_name: str
    style_params: StyleParams
    model: str
    model_version: str
    seed: int
    width: int
    height: int


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """One text as it was set."""

    role: str
    """title, subtitle or author."""
    lines: tuple[str, ...]
    box: tuple[int, int, int, int]
    """x, y, width, height of the ink in pixels."""
    font: str
    """The face of most letters."""
    font_sha256: str
    faces: dict[str, str] = {}
    """Every face used, with the SHA-256 of its file: other scripts have others."""
    size: int
    """Pixels."""
    colour: str
    contrast: float
    """WCAG 2 contrast ratio against the pixels behind the glyphs."""
    treatment: str
    """none, scrim, panel or stroke."""


class Thumbnail(msgspec.Struct, frozen=True, kw_only=True):
    """How the title reads within 100 x 150 pixels."""

    legible: bool
    contrast: float
    """The ratio that nine in ten of its strokes reach against the ground beside them; legible from 3."""
    height_px: float
    """Height of its small letters, or of capitals or square characters, in the thumbnail's pixels."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How the type was set, with what was measured."""

    width: int
    height: int
    grid: str = ""
    """The name of the layout grid."""
    placed: tuple[Placed, ...]
    min_contrast: float
    thumbnail: Thumbnail | None = None
    """None for covers made before it was measured."""
    version: str


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a cover's picture."""

    version: int
    image: ObjectRef
    thumbnail: ObjectRef
    created_at: datetime
    edit_id: uuid.UUID | None = None
    """The edit session that it was saved from; None for what the saga made."""
    edit_version: int | None = None


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """A cover as its owner sees it."""

    cover_id: uuid.UUID
    task_id: uuid.UUID
    status: CoverStatus
    title: str
    subtitle: str | None
    author: str | None
    format: Format
    recipe: Recipe
    layout: Layout | None = None
    versions: tuple[Version, ...] = ()
    image_url: str | None = None
    thumbnail_url: str | None = None
    created_at: datetime


class GetCover(msgspec.Struct, frozen=True, kw_only=True):
    """One cover of the caller."""

    cover_id: uuid.UUID


class ListCovers(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's covers, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    status: CoverStatus | None = None


class CoverPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of covers."""

    items: tuple[Cover, ...]
    next_cursor: str | None = None


class GetImage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the picture of a cover is. Raises Conflict while it is being made."""

    cover_id: uuid.UUID
    size: Literal["full", "thumb"] = "full"


class AddVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Keep a copy of these pictures as the newest version of the caller's cover.

    Idempotent by `(cover_id, edit_id, edit_version)` while that is the newest version. Raises NotFound, and Conflict
    for a cover that is not ready or has too many versions.
    """

    cover_id: uuid.UUID
    edit_id: uuid.UUID
    edit_version: Annotated[int, msgspec.Meta(ge=0)]
    image: ObjectRef
    thumbnail: ObjectRef


class DeleteCover(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a cover and its pictures. Raises Conflict while it is being made."""

    cover_id: uuid.UUID


class GetUsage(msgspec.Struct, frozen=True, kw_only=True):
    """How many covers of a user were completed since a time?"""

    user_id: uuid.UUID
    since: datetime


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was really made."""

    completed: int


class CoverStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the saga on one cover; what it needs is in the cover's own record. Idempotent by `(task_id, step)`."""

    task_id: uuid.UUID
    cover_id: uuid.UUID
    user_id: uuid.UUID
    step: Step


class CoverCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """A cover is ready and counted."""

    cover_id: uuid.UUID
    task_id: uuid.UUID
    user_id: uuid.UUID
    template_id: uuid.UUID
    format: Format
    model: str
    completed_at: datetime


EDGE = frozenset({"edge"})
TASKS = frozenset({"tasks"})

GENERATE = Endpoint("svc.covers.generate", GenerateCover, CoverAccepted, EDGE, "Begin a cover", timeout=8)
GET = Endpoint("svc.covers.get", GetCover, Cover, frozenset({"edge", "edits", "exports"}), "Read a cover")
LIST = Endpoint("svc.covers.list", ListCovers, CoverPage, EDGE, "List the caller's covers")
IMAGE = Endpoint("svc.covers.image", GetImage, ObjectRef, frozenset({"edge", "exports"}), "Where a cover's picture is")
ADD_VERSION = Endpoint(
    "svc.covers.add_version", AddVersion, Version, frozenset({"edits"}), "Keep an edited picture as a new version"
)
DELETE = Endpoint("svc.covers.delete", DeleteCover, Done, EDGE, "Remove a cover")
USAGE = Endpoint("svc.covers.usage", GetUsage, Usage, frozenset({"users"}), "Count what was made")
PAINT = WorkQueue("jobs.covers.paint", CoverStep, TASKS, "Paint the art", concurrency=4, heavy=True, lanes=PLANS)
COMPOSE = WorkQueue("jobs.covers.compose", CoverStep, TASKS, "Set the type on the art", concurrency=4, heavy=True)
STORE = WorkQueue("jobs.covers.store", CoverStep, TASKS, "Keep the picture as a version of the cover")
COMPLETE = WorkQueue("jobs.covers.complete", CoverStep, TASKS, "Show the cover as ready and tell everybody")
DISCARD = WorkQueue("jobs.covers.discard", CoverStep, TASKS, "Undo what a step of the saga made")
COMPLETED = Event("events.covers.completed", CoverCompleted, frozenset({"templates"}), "A cover is ready and counted")

CONTRACTS = (
    GENERATE,
    GET,
    LIST,
    IMAGE,
    ADD_VERSION,
    DELETE,
    USAGE,
    PAINT,
    COMPOSE,
    STORE,
    COMPLETE,
    DISCARD,
    COMPLETED,
)
