"""The rules of further pictures of a cover: what one task is to make, from which recipes, and what becomes of it."""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import UNSET

from adapters.typesetter import FORMATS, PAIRINGS, Composition
from contracts.covers import MOST_VERSIONS, FormatCover, Kind, RetypeCover, VaryCover, Version
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Problem
from contracts.recipes import Layout, Recipe
from contracts.wire import ObjectRef
from nodes.covers.branding import Kit, rebranded

SEED_BITS = 53


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to be made, and how far it is."""

    recipe: Recipe
    parent: int | None = None
    expected: str | None = None
    """SHA-256 that the picture should have."""
    art: ObjectRef | None = None
    picture: ObjectRef | None = None
    thumbnail: ObjectRef | None = None
    layout: Layout | None = None
    composed: str | None = None
    """SHA-256 of the picture before its credentials."""
    problem: Problem | None = None
    """Why it will not be made; the others may be."""

    @property
    def finished(self) -> bool:
        """Is there a picture to show?"""
        return self.picture is not None and self.thumbnail is not None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What one task makes of a cover. A cover has one at a time."""

    task_id: uuid.UUID
    kind: Kind
    fingerprint: str
    """Of the request, to tell another one with the same key."""
    takes: dict[str, Take]
    """By the number of the variation, from 1."""
    show: bool = False
    """Is the first new version shown when it is ready?"""
    created_at: datetime

    @property
    def label(self) -> str:
        """Where the keys of its objects are noted."""
        return self.task_id.hex

    def in_order(self) -> tuple[tuple[int, Take], ...]:
        """The takes by number."""
        return tuple(sorted((int(number), take) for number, take in self.takes.items()))


def choose_seed(task_id: uuid.UUID) -> int:
    """The seed of a request without one: from the task's id, so that trying again gives the same art."""
    return _number(task_id.bytes)


def seeds(first: int, count: int) -> tuple[int, ...]:
    """The seeds of variations: the first as given, the others made from it."""
    return (first, *(_number(f"{first}:{number}".encode()) for number in range(2, count + 1)))


def _number(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8]) >> (64 - SEED_BITS)


def fingerprint_of(order: msgspec.Struct) -> str:
    """Tells whether two orders are the same."""
    return hashlib.sha256(msgspec.json.encode(order)).hexdigest()


def numbered(takes: Iterable[Take]) -> dict[str, Take]:
    """Takes by number."""
    return {str(number): take for number, take in enumerate(takes, 1)}


def version_of(versions: tuple[Version, ...], number: int) -> Version:
    """One version. Raises NotFound."""
    found = next((each for each in versions if each.version == number), None)
    if found is None:
        raise NotFound("This cover has no such version.")
    return found


def recipe_of(version: Version) -> Recipe:
    """How a version was made. Raises Conflict for an edited picture."""
    if version.recipe is None:
        raise Conflict(f"Version {version.version} was edited by hand and has no recipe: begin with another version.")
    return version.recipe


def check_room(versions: tuple[Version, ...], more: int) -> None:
    """Raises Conflict when that many more do not fit."""
    if len(versions) + more > MOST_VERSIONS:
        raise Conflict(f"A cover has at most {MOST_VERSIONS} versions.")


def retyped(order: RetypeCover, source: Version, kit: Kit | None = None) -> Take:
    """Other words on the same art, or on the same art at another size; with the brand kit when it is ordered.

    Raises Conflict, Invalid.
    """
    recipe = rebranded(recipe_of(source), order, kit)
    wanted = {name: getattr(order, name) for name in ("title", "subtitle", "author")}
    words = {name: value for name, value in wanted.items() if value is not UNSET}
    changed = _unset(msgspec.structs.replace(recipe, **words))
    if order.typography is not UNSET:
        changed = paired(changed, order.typography)
    if order.format is not UNSET and order.format != recipe.format:
        return Take(recipe=shaped(changed, order.format), parent=source.version)
    if source.art is None:
        raise Conflict(f"The art of version {source.version} was not kept.")
    return Take(recipe=changed, parent=source.version, art=source.art)


def paired(recipe: Recipe, typography: str) -> Recipe:
    """With another pairing of fonts. Raises Invalid."""
    if typography not in PAIRINGS:
        known = ", ".join(sorted(PAIRINGS))
        raise Invalid(errors=(FieldError(field="typography", detail=f"must be one of {known}"),))
    return msgspec.structs.replace(
        recipe, style_params=msgspec.structs.replace(recipe.style_params, typography=typography)
    )


def shaped(recipe: Recipe, name: str) -> Recipe:
    """In another format: painted and set anew at its size."""
    page = FORMATS[name]
    return _unset(msgspec.structs.replace(recipe, format=name, width=page.width, height=page.height))


def varied(order: VaryCover, source: Version, task_id: uuid.UUID) -> tuple[Take, ...]:
    """The same recipe with other seeds. Raises Conflict."""
    recipe = _unset(recipe_of(source))
    first = choose_seed(task_id) if order.seed is None else order.seed
    return tuple(
        Take(recipe=msgspec.structs.replace(recipe, seed=seed), parent=source.version)
        for seed in seeds(first, order.count)
    )


def regenerated(source: Version) -> Take:
    """The same again, to be held against what it was. Raises Conflict."""
    return Take(
        recipe=_unset(recipe_of(source)), parent=source.version, expected=source.composed_sha256 or source.image.sha256
    )


def reshaped(order: FormatCover, source: Version) -> tuple[Take, ...]:
    """One for each format that is another one. Raises Conflict, Invalid when there is none."""
    recipe = recipe_of(source)
    others = [name for name in dict.fromkeys(order.formats) if name != recipe.format]
    if not others:
        raise Invalid(errors=(FieldError(field="formats", detail=f"the version is {recipe.format} already"),))
    return tuple(Take(recipe=shaped(recipe, name), parent=source.version) for name in others)


def _unset(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, typesetter="", fonts={})


def typeset(recipe: Recipe, composition: Composition) -> Recipe:
    """The recipe with what the type was set with."""
    layout = composition.layout
    fonts = {placed.font: placed.font_sha256 for placed in layout.placed}
    return msgspec.structs.replace(recipe, typesetter=layout.version, fonts=fonts)


def versions_of(work: Work, after: int, at: datetime) -> tuple[Version, ...]:
    """The finished takes as versions that follow version `after`."""
    done = [(number, take) for number, take in work.in_order() if take.finished]
    return tuple(
        _version(work, take, variation, number, at) for number, (variation, take) in enumerate(done, after + 1)
    )


def _version(work: Work, take: Take, variation: int, number: int, at: datetime) -> Version:
    if take.picture is None or take.thumbnail is None:
        raise ValueError("the take is not finished")
    same = None if take.expected is None else take.expected == (take.composed or take.picture.sha256)
    return Version(
        version=number,
        image=take.picture,
        thumbnail=take.thumbnail,
        created_at=at,
        kind=work.kind,
        parent=take.parent,
        task_id=work.task_id,
        variation=variation,
        recipe=take.recipe,
        layout=take.layout,
        art=take.art,
        composed_sha256=take.composed,
        reproduced=same,
    )
