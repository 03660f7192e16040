"""Composing a cover: art and words in, the finished picture, its thumbnail and the layout out."""

from collections.abc import Iterator, Mapping

import msgspec
from PIL import Image

from adapters.images import Picture
from adapters.typesetter import fonts, inking, legibility, lodging, pixels, printing, runs
from adapters.typesetter.drafts import LOSS, Draft, Sketch, drafts
from adapters.typesetter.formats import THUMBNAIL_WIDTH
from adapters.typesetter.inking import Inked
from adapters.typesetter.pairings import PAIRINGS, Pairing
from adapters.typesetter.plan import Plan, plan
from adapters.typesetter.printing import Printed
from adapters.typesetter.words import GRADED, TypeOrder, UnprintableText, words_of
from contracts.recipes import Layout, Placed, Thumbnail

__all__ = ["Composition", "Layout", "Placed", "TypeOrder", "UnprintableText", "compose", "resize_thumbnail"]

VERSION = "4"
MIN_SIDE, MAX_SIDE = 64, 6000
TRIES = 3
"""Drafts that are printed in turn until one can be read as a thumbnail."""


class Composition(msgspec.Struct, frozen=True):
    """A finished cover."""

    picture: Picture
    thumbnail: Picture
    layout: Layout


def compose(art: bytes, order: TypeOrder) -> Composition:
    """Set the words on the art; the same order on the same art gives the same bytes.

    Raises UnprintableText for characters no face has, UnreadablePicture for art that cannot be decoded within the
    limits, and ValueError for an unknown pairing, an empty title, or a size outside the limits.
    """
    if not (min(order.width, order.height) >= MIN_SIDE and max(order.width, order.height) <= MAX_SIDE):
        raise ValueError(f"{order.width} x {order.height} is outside {MIN_SIDE}..{MAX_SIDE} a side")
    words_of(order)
    image = pixels.decode(art, order.width, order.height)
    image, layout = typeset(image, order)
    picture = Picture(pixels.encode(image), "image/png", order.width, order.height)
    return Composition(picture, _thumbnail(image), layout)


def typeset(image: Image.Image, order: TypeOrder) -> tuple[Image.Image, Layout]:
    """The page with the words on it, and where they are."""
    pairing, inks = PAIRINGS[order.typography], lodging.accents(inking.inks_of(image), order.accents)
    at = lodging.seat(order.logo, *image.size)
    sketch, calm = Sketch.of(image, inks, at), pixels.Calm(image)
    found: list[tuple[Plan, Printed]] = []
    for draft in _tries(sketch, order, pairing):
        chosen = lodging.cleared(plan(draft.grid, draft.words, pairing, *image.size), at, *image.size)
        found.append((chosen, printing.printed(image, chosen, inks, pairing, calm, draft.force)))
        if found[-1][1].thumbnail.legible:
            break
    chosen, made = max(found, key=lambda each: _readable(*each))
    layout = _layout(chosen, made.inked, made.thumbnail, order)
    return made.page, msgspec.structs.replace(layout, logo=lodging.printed(made.page, chosen, at, inks))


def _tries(sketch: Sketch, order: TypeOrder, pairing: Pairing) -> Iterator[Draft]:
    """Drafts to print until one can be read as a thumbnail; in the pairing's own manner first, closer when in need."""
    found: list[Draft] = []
    for closeness in LOSS:
        if closeness == GRADED and not any(draft.thin for draft in found):
            continue  # bolder strokes help nothing else
        found = sorted([*found, *drafts(sketch, order, pairing, closeness)], key=lambda draft: -draft.worth)
        if found and found[0].sound:
            yield found.pop(0)
    yield from found[:TRIES]


def _readable(chosen: Plan, made: Printed) -> float:
    room = made.thumbnail.height_px / legibility.floor_of(chosen.blocks["title"])
    return min(room, 1.0) + min(made.thumbnail.contrast / legibility.STROKES, 1.0)


def _layout(chosen: Plan, inked: Mapping[str, Inked], thumbnail: Thumbnail, order: TypeOrder) -> Layout:
    placed = tuple(_record(role, chosen, inked[role]) for role, _ in chosen.parts())
    return Layout(
        width=order.width,
        height=order.height,
        grid=chosen.grid.name,
        placed=placed,
        min_contrast=min(item.contrast for item in placed),
        thumbnail=thumbnail,
        version=VERSION,
    )


def resize_thumbnail(data: bytes, width: int = THUMBNAIL_WIDTH) -> Picture:
    """A small PNG of any picture we read, `width` pixels across; raises UnreadablePicture."""
    return _thumbnail(pixels.decode(data), width)


def _thumbnail(image: Image.Image, width: int = THUMBNAIL_WIDTH) -> Picture:
    height = max(round(image.height * width / image.width), 1)
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Picture(pixels.encode(small), "image/png", width, height)


def _record(role: str, chosen: Plan, inked: Inked) -> Placed:
    block = chosen.blocks[role]
    used = {face for line in block.lines for face, _ in runs.split(line, block.style)}
    return Placed(
        role=role,
        lines=block.lines,
        box=chosen.stamps[role].box,
        font=block.style.face,
        font_sha256=fonts.sha256(block.style.face),
        faces={face: fonts.sha256(face) for face in sorted(used)},
        size=block.size,
        colour="#{:02x}{:02x}{:02x}".format(*inked.colour),
        contrast=round(inked.contrast, 2),
        treatment=inked.treatment,
    )
