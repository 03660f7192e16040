"""The templates node: the styles a cover can be made in."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from contracts.paging import Cursor, Limit
from contracts.text import COLOUR, ONE_LINE, PROSE, SLUG, OptionName, OptionText
from contracts.wire import Done, Endpoint, Event

Colour = Annotated[str, msgspec.Meta(pattern=COLOUR)]
Palette = Annotated[tuple[Colour, ...], msgspec.Meta(max_length=8)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
Slug = Annotated[str, msgspec.Meta(pattern=SLUG, max_length=40)]
PromptTemplate = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=PROSE)]


class StyleParams(msgspec.Struct, frozen=True, kw_only=True):
    """How art and type of a style are made."""

    family: Slug
    """The family of art that the built-in painter knows."""
    palette: Palette = ()
    typography: Slug = "literary"
    """The name of a font pairing."""
    options: Annotated[dict[OptionName, float | OptionText | bool], msgspec.Meta(max_length=20)] = {}


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A style."""

    id: uuid.UUID
    name: str
    category: str
    thumbnail_url: str | None = None
    prompt_template: str
    """Text with `{title}` and `{prompt}` in it."""
    style_params: StyleParams
    popularity_score: int
    is_premium: bool
    created_by: uuid.UUID | None = None
    """None: built in."""
    created_at: datetime


class ListTemplates(msgspec.Struct, frozen=True, kw_only=True):
    """Search and filter, most popular first."""

    category: Slug | None = None
    q: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """Words that must all occur in name, category or prompt."""
    premium: bool | None = None
    limit: Limit = 20
    cursor: Cursor | None = None


class TemplatePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of styles."""

    items: tuple[Template, ...]
    next_cursor: str | None = None


class GetTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """One style."""

    template_id: uuid.UUID


class ChooseTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """The style for a cover: the one asked for, or else the best match of `hint`, or else the most popular one.

    Raises NotFound, and Forbidden when a free tier asks for a premium style.
    """

    template_id: uuid.UUID | None = None
    """Of a style, or of one of the caller's own."""
    hint: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class ListCategories(msgspec.Struct, frozen=True, kw_only=True):
    """All categories."""


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """A category and how many styles it has."""

    slug: str
    name: str
    count: int


class Categories(msgspec.Struct, frozen=True, kw_only=True):
    """All categories, by name."""

    items: tuple[Category, ...]


class CreateTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A new style for everybody (admins only)."""

    name: Name
    category: Slug
    prompt_template: PromptTemplate
    style_params: StyleParams
    is_premium: bool = False
    popularity_score: Annotated[int, msgspec.Meta(ge=0)] = 0


class UpdateTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to a style (admins only); fields that are left out stay."""

    template_id: uuid.UUID
    name: Name | UnsetType = UNSET
    category: Slug | UnsetType = UNSET
    prompt_template: PromptTemplate | UnsetType = UNSET
    style_params: StyleParams | UnsetType = UNSET
    is_premium: bool | UnsetType = UNSET


class DeleteTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a style (admins only); covers made in it keep their recipe."""

    template_id: uuid.UUID


class SaveUserTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own variant of a style."""

    template_id: uuid.UUID
    name: Name
    customizations: StyleParams


class UpdateUserTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to one of the caller's own styles; fields that are left out stay, and so do the covers made in it.

    Raises NotFound for anything but an own style.
    """

    template_id: uuid.UUID
    """Of the own style."""
    name: Name | UnsetType = UNSET
    customizations: StyleParams | UnsetType = UNSET


class DeleteUserTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Remove one of the caller's own styles; covers made in it keep their recipe and can be made again.

    Raises NotFound for anything but an own style, and when it is gone already.
    """

    template_id: uuid.UUID
    """Of the own style."""


class UserTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A user's own variant of a style."""

    id: uuid.UUID
    template_id: uuid.UUID
    name: str
    customizations: StyleParams
    created_at: datetime


class ListUserTemplates(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own styles, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None


class UserTemplatePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of own styles."""

    items: tuple[UserTemplate, ...]
    next_cursor: str | None = None


class TemplateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A style was added, changed or removed: what is kept of styles elsewhere is old."""

    template_id: uuid.UUID
    revision: int
    """How often it has been changed; -1: it was removed."""


EDGE = frozenset({"edge"})

LIST = Endpoint("svc.templates.list", ListTemplates, TemplatePage, EDGE, "Search styles")
GET = Endpoint("svc.templates.get", GetTemplate, Template, EDGE, "Read a style")
CATEGORIES = Endpoint("svc.templates.categories", ListCategories, Categories, EDGE, "List categories")
CHOOSE = Endpoint("svc.templates.choose", ChooseTemplate, Template, frozenset({"covers"}), "Choose a cover's style")
CREATE = Endpoint("svc.templates.create", CreateTemplate, Template, EDGE, "Add a style (admin)")
UPDATE = Endpoint("svc.templates.update", UpdateTemplate, Template, EDGE, "Change a style (admin)")
DELETE = Endpoint("svc.templates.delete", DeleteTemplate, Done, EDGE, "Remove a style (admin)")
SAVE_MINE = Endpoint("svc.templates.save_mine", SaveUserTemplate, UserTemplate, EDGE, "Keep an own style")
LIST_MINE = Endpoint("svc.templates.list_mine", ListUserTemplates, UserTemplatePage, EDGE, "List own styles")
UPDATE_MINE = Endpoint("svc.templates.update_mine", UpdateUserTemplate, UserTemplate, EDGE, "Change an own style")
DELETE_MINE = Endpoint("svc.templates.delete_mine", DeleteUserTemplate, Done, EDGE, "Remove an own style")
CHANGED = Event("events.templates.changed", TemplateChanged, frozenset(), "A style was changed", watchers=EDGE)

CONTRACTS = (
    LIST,
    GET,
    CATEGORIES,
    CHOOSE,
    CREATE,
    UPDATE,
    DELETE,
    SAVE_MINE,
    LIST_MINE,
    UPDATE_MINE,
    DELETE_MINE,
    CHANGED,
)
