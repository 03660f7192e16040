"""The covers node: art, type on it, and the record of how each cover was made."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from contracts.paging import Cursor, Limit
from contracts.recipes import Format, Layout, Recipe
from contracts.tasks import PLANS, Status, Step
from contracts.templates import Palette, Slug
from contracts.text import ONE_LINE, PROSE
from contracts.wire import Done, Endpoint, Event, ObjectRef, WorkQueue

Kind = Literal["order", "variation", "retype", "format", "regenerate", "edit"]
"""What made a version."""
CoverStatus = Literal["generating", "ready", "failed", "cancelled"]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern=ONE_LINE)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern=ONE_LINE)]
Prompt = Annotated[str, msgspec.Meta(max_length=2000, pattern=PROSE)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""Below 2**53 so that it survives every JSON reader."""
MOST_VERSIONS = 24
"""Of one cover, so that it fits into a message with the recipes of all."""
VersionNumber = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=4)]
"""Pictures that one task makes."""
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
    """A style, or one of the own ones; None: chosen by the words."""
    format: Format = "ebook"
    variations: Count = 1
    """Pictures to choose from; quota counts those that were really made."""
    seed: Seed | None = None
    """The same request with the same seed gives the same art; None: chosen."""
    palette: Palette = ()
    """Colours instead of the style's own."""
    brand: bool = False
    """With fonts, colours, author and logo of the caller's brand kit. Raises Invalid when there is none."""
    start_at: Moment | None = None
    """Not before this time, at most 30 days from now; None: as soon as possible. Quota is held from now on."""


class CoverAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun; watch the task."""

    task_id: uuid.UUID
    cover_id: uuid.UUID
    status: Status


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a cover's picture."""

    version: int
    image: ObjectRef
    thumbnail: ObjectRef
    created_at: datetime
    edit_id: uuid.UUID | None = None
    """The edit session that it was saved from; None for what the saga made."""
    edit_version: int | None = None
    kind: Kind = "order"
    parent: int | None = None
    """The version that it was made from."""
    task_id: uuid.UUID | None = None
    """The task that made it."""
    variation: int = 1
    """Which of the pictures of its task."""
    recipe: Recipe | None = None
    """How to make it again; None for edited pictures, and in lists."""
    layout: Layout | None = None
    art: ObjectRef | None = None
    """Without type."""
    composed_sha256: str | None = None
    """Of the picture before its credentials were added, which are others each time."""
    reproduced: bool | None = None
    """Of a regenerated picture: is it the same as its parent to the byte?"""


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
    """In order; lists give only the one that is shown."""
    version_count: int = 0
    shown_version: int | None = None
    """The version whose picture, words, recipe and layout are the cover's."""
    running_task_id: uuid.UUID | None = None
    """Of the task that is making more versions."""
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
    version: VersionNumber | None = None
    """None: the one that is shown."""
    size: Literal["full", "thumb"] = "full"


class RetypeCover(msgspec.Struct, frozen=True, kw_only=True):
    """Other words or another pairing of fonts on the same art; with another `format` the art is painted anew by its
    seed. Takes no quota. Fields that are left out stay; null takes a line away.

    Raises Conflict while the cover, or another version of it, is being made, and for an edited picture.
    """

    cover_id: uuid.UUID
    version: VersionNumber | None = None
    """The version to begin with; None: the one that is shown."""
    title: Title | UnsetType = UNSET
    subtitle: Line | UnsetType | None = UNSET
    author: Line | UnsetType | None = UNSET
    typography: Slug | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    brand: bool | UnsetType = UNSET
    """True: with the caller's brand kit of now, its colours where the art is painted anew; false: without one."""


class VaryCover(msgspec.Struct, frozen=True, kw_only=True):
    """More pictures by the same recipe with other seeds; each that is made counts against the quota."""

    cover_id: uuid.UUID
    version: VersionNumber | None = None
    count: Count = 1
    seed: Seed | None = None
    """Of the first; None: chosen."""


class RegenerateCover(msgspec.Struct, frozen=True, kw_only=True):
    """Make a version again by its recipe; the new version says whether it is the same to the byte. Takes no quota."""

    cover_id: uuid.UUID
    version: VersionNumber | None = None


class FormatCover(msgspec.Struct, frozen=True, kw_only=True):
    """The same recipe in other shapes: art painted anew by its seed, type set anew, nothing cropped. No quota."""

    cover_id: uuid.UUID
    version: VersionNumber | None = None
    formats: Annotated[tuple[Format, ...], msgspec.Meta(min_length=1, max_length=6)]


class ChooseVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Show this version. Raises NotFound."""

    cover_id: uuid.UUID
    version: VersionNumber


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


class CoverStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of a saga on one cover; what it needs is in the cover's own record. Idempotent by `(task_id, step)`, and
    within a step by variation."""

    task_id: uuid.UUID
    cover_id: uuid.UUID
    user_id: uuid.UUID
    step: Step
    passed: tuple[ObjectRef, ...] = ()
    """Of the painted pictures those that passed the check; empty: all."""


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
RETYPE = Endpoint("svc.covers.retype", RetypeCover, CoverAccepted, EDGE, "Set other words on the same art", timeout=8)
VARY = Endpoint("svc.covers.vary", VaryCover, CoverAccepted, EDGE, "Make more pictures by the same recipe", timeout=8)
REGENERATE = Endpoint(
    "svc.covers.regenerate", RegenerateCover, CoverAccepted, EDGE, "Make a version again by its recipe", timeout=8
)
RESHAPE = Endpoint("svc.covers.reshape", FormatCover, CoverAccepted, EDGE, "Make the cover in other formats", timeout=8)
CHOOSE = Endpoint("svc.covers.choose", ChooseVersion, Cover, EDGE, "Choose the version that is shown")
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
    RETYPE,
    VARY,
    REGENERATE,
    RESHAPE,
    CHOOSE,
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
