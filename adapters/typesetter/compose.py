"""Composing a cover: art and words in, the finished picture, its thumbnail and the layout out."""

from dataclasses import replace

import msgspec
from PIL import Image

from adapters.images import Picture
from adapters.typesetter import fonts, inking, pixels
from adapters.typesetter.formats import THUMBNAIL_WIDTH
from adapters.typesetter.grids import Grid, grids_for
from adapters.typesetter.inking import Inked, Inks, Manner
from adapters.typesetter.pairings import PAIRINGS, Pairing
from adapters.typesetter.plan import Plan, plan
from adapters.typesetter.words import TypeOrder, UnprintableText, Words, words_of

__all__ = ["Composition", "Layout", "Placed", "TypeOrder", "UnprintableText", "compose", "resize_thumbnail"]

VERSION = "1"
MIN_SIDE, MAX_SIDE = 64, 6000
SKETCH_SIDE = 480
"""Short side, in pixels, of the copy that layouts are tried on."""
BUSY = 0.05
"""Energy from which small words are set on a panel."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """One block of words on the page.

    `box` is the ink's left, top, width and height in pixels; `contrast` is the WCAG ratio of `colour` against the
    pixels behind and next to the glyphs, at the worst tenth of the worst letter; `treatment` is none, scrim, panel or
    stroke.
    """

    role: str
    lines: tuple[str, ...]
    box: tuple[int, int, int, int]
    font: str
    font_sha256: str
    size: int
    colour: str
    contrast: float
    treatment: str


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything was set, for the record and for setting it again."""

    width: int
    height: int
    grid: str
    placed: tuple[Placed, ...]
    min_contrast: float
    version: str


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
    words, pairing = words_of(order), PAIRINGS[order.typography]
    image = pixels.decode(art, order.width, order.height)
    inks = inking.inks_of(image)
    grid = _choose(image, words, inks, pairing)
    chosen = plan(grid, words, pairing, order.width, order.height)
    placed = _print(image, chosen, inks, pairing)
    layout = Layout(
        width=order.width,
        height=order.height,
        grid=chosen.grid.name,
        placed=placed,
        min_contrast=min(item.contrast for item in placed),
        version=VERSION,
    )
    picture = Picture(pixels.encode(image), "image/png", order.width, order.height)
    return Composition(picture, _thumbnail(image), layout)


def resize_thumbnail(data: bytes, width: int = THUMBNAIL_WIDTH) -> Picture:
    """A small PNG of any picture we read, `width` pixels across; raises UnreadablePicture."""
    return _thumbnail(pixels.decode(data), width)


def _thumbnail(image: Image.Image, width: int = THUMBNAIL_WIDTH) -> Picture:
    height = max(round(image.height * width / image.width), 1)
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Picture(pixels.encode(small), "image/png", width, height)


def _choose(image: Image.Image, words: dict[str, Words], inks: Inks, pairing: Pairing) -> Grid:
    """The grid whose plan is worth most, tried on a small copy of the art."""
    small = image.reduce(max(min(image.size) // SKETCH_SIDE, 1))
    calm = pixels.Calm(small)
    plans = [plan(grid, words, pairing, *small.size) for grid in grids_for(*image.size)]
    return max(plans, key=lambda each: _worth(small, each, calm, inks, pairing)).grid


def _worth(image: Image.Image, each: Plan, calm: pixels.Calm, inks: Inks, pairing: Pairing) -> float:
    """How good a plan is: large type, on calm art, read without help; plus what the grid is worth by itself."""
    title = each.blocks["title"]
    worth = each.grid.prior + 0.9 * min(title.size / (pairing.largest * min(image.size)), 1.0)
    for role, weight in (("title", 1.0), ("subtitle", 0.45), ("author", 0.35)):
        if role in each.stamps:
            item, block = each.stamps[role], each.blocks[role]
            worth -= weight * min(calm.disturbance(_around(each, role)) * 16, 1.2)
            ratio = inking.best_plain(image, block, item, inks, accent=False)[1]
            worth -= weight * 0.55 * max(0.0, 1 - ratio / 5.0)
    return worth


def _print(image: Image.Image, chosen: Plan, inks: Inks, pairing: Pairing) -> tuple[Placed, ...]:
    """Treat the art for every block, then draw them all, so that no treatment falls on letters."""
    inked = _prepared(image, chosen, inks, pairing)
    if any(item.treatment != "none" for item in inked.values()):
        inked = _settled(image, chosen, inks, inked)
    for role, (_, item) in chosen.parts():
        inking.draw(image, item, inked[role].colour)
    return tuple(_record(role, chosen, inked[role]) for role, _ in chosen.parts())


def _settled(image: Image.Image, chosen: Plan, inks: Inks, inked: dict[str, Inked]) -> dict[str, Inked]:
    """Measured again after all treatments, as one may reach behind another block; a panel where that took too much."""
    for role, (block, item) in chosen.parts():
        if inking.measured(image, block, item, inked[role].colour) < pixels.NEEDED:
            inked[role] = inking.on_panel(image, block, item, inks)
    return {
        role: replace(inked[role], contrast=inking.measured(image, block, item, inked[role].colour))
        for role, (block, item) in chosen.parts()
    }


def _prepared(image: Image.Image, chosen: Plan, inks: Inks, pairing: Pairing) -> dict[str, Inked]:
    """Title first; the subtitle follows its choice of light or dark where the art has to be treated."""
    calm, light = pixels.Calm(image), True
    inked: dict[str, Inked] = {}
    for role, (block, item) in chosen.parts():
        accent = pairing.accent if role == "title" else not pairing.accent and role == "author"
        busy = role != "title" and calm.disturbance(_around(chosen, role)) > BUSY
        manner = Manner(accent, pairing.outline and role == "title", busy, light if role == "subtitle" else None)
        inked[role] = inking.prepare(image, block, item, inks, manner)
        if role == "title":
            light = pixels.colour_luminance(inked[role].colour) > 0.3
    return inked


def _around(chosen: Plan, role: str) -> tuple[float, float, float, float]:
    x, y, w, h = chosen.stamps[role].box
    pad = chosen.blocks[role].size * 0.2
    return x - pad, y - pad, w + 2 * pad, h + 2 * pad


def _record(role: str, chosen: Plan, inked: Inked) -> Placed:
    block = chosen.blocks[role]
    return Placed(
        role=role,
        lines=block.lines,
        box=chosen.stamps[role].box,
        font=block.style.face,
        font_sha256=fonts.sha256(block.style.face),
        size=block.size,
        colour="#{:02x}{:02x}{:02x}".format(*inked.colour),
        contrast=round(inked.contrast, 2),
        treatment=inked.treatment,
    )
