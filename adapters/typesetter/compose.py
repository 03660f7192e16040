"""Composing a cover: art and words in, the finished picture, its thumbnail and the layout out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec
from PIL import Image

from adapters.images import Picture
from adapters.typesetter import fonts, inking, legibility, lodging, pixels, runs
from adapters.typesetter.formats import THUMBNAIL_WIDTH
from adapters.typesetter.grids import grids_for
from adapters.typesetter.inking import Inked, Inks, Manner
from adapters.typesetter.lodging import Seat
from adapters.typesetter.pairings import PAIRINGS, Pairing
from adapters.typesetter.plan import Plan, plan
from adapters.typesetter.words import NARROW, PLAIN, TypeOrder, UnprintableText, Words, words_of
from contracts.covers import Layout, Placed, Thumbnail

__all__ = ["Composition", "Layout", "Placed", "TypeOrder", "UnprintableText", "compose", "resize_thumbnail"]

VERSION = "2"
MIN_SIDE, MAX_SIDE = 64, 6000
SKETCH_SIDE = 320
"""Short side, in pixels, of the copy that layouts are tried on."""
BUSY = 0.05
"""Energy from which small words are set on a panel."""
FORCES = (pixels.NEEDED, 8.5, 21.0)
"""Ratios asked of the title in turn, until its strokes read in the thumbnail too; the last means a panel."""


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
    printed: list[tuple[float, Image.Image, Layout]] = []
    for chosen in _plans(image, order, inks, pairing, at):
        page, inked, thumbnail = _print(image, chosen, inks, pairing)
        worth = min(_room(chosen, image), 1.0) + min(thumbnail.contrast / legibility.STROKES, 1.0)
        layout = _layout(chosen, inked, thumbnail, order)
        layout = msgspec.structs.replace(layout, logo=lodging.printed(page, chosen, at, inks))
        printed.append((worth, page, layout))
        if thumbnail.legible:
            break
    return max(printed, key=lambda each: each[0])[1:]


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


def _plans(image: Image.Image, order: TypeOrder, inks: Inks, pairing: Pairing, at: Seat | None) -> Iterator[Plan]:
    """Plans to print until one can be read as a thumbnail: the pairing's, a plainer, a narrow one.

    Each is the one that is worth most, tried on a small copy of the art. Those with letters too small for a thumbnail
    come last.
    """
    small = image.reduce(max(min(image.size) // SKETCH_SIDE, 1))
    sketched = None if at is None else at.scaled(image.size, small.size)
    calm = pixels.Calm(small)
    tiny: list[Plan] = []
    for closeness in (0, PLAIN, NARROW):
        words = words_of(order, closeness)
        best = _best(small, words, calm, inks, pairing, sketched)
        chosen = lodging.cleared(plan(best.grid, words, pairing, *image.size), at, *image.size)
        if _room(chosen, image) >= 1:
            yield chosen
        else:
            tiny.append(chosen)
    if len(tiny) == NARROW + 1:
        yield max(tiny, key=lambda each: _room(each, image))


def _room(each: Plan, image: Image.Image) -> float:
    return legibility.room(each.blocks["title"], *image.size)


def _best(
    small: Image.Image, words: Mapping[str, Words], calm: pixels.Calm, inks: Inks, pairing: Pairing, at: Seat | None
) -> Plan:
    size = small.size
    plans = [
        lodging.cleared(plan(grid, words, pairing, *size), at, *size)
        for grid in lodging.grids(grids_for(*size), at, *size)
    ]
    return max(
        plans,
        key=lambda each: (
            _room(each, small) >= 1.03,
            _worth(small, each, calm, inks, pairing) - lodging.cost(small, each, at, calm),
        ),
    )


def _worth(image: Image.Image, each: Plan, calm: pixels.Calm, inks: Inks, pairing: Pairing) -> float:
    """How good a plan is: large type, on calm art, read without help, and small too; plus what the grid is worth."""
    title = each.blocks["title"]
    worth = each.grid.prior + 0.9 * min(title.size / (pairing.largest * min(image.size)), 1.0)
    worth += 1.5 * min(_room(each, image) / 1.8, 1.0)
    for role, weight in (("title", 1.0), ("subtitle", 0.45), ("author", 0.35)):
        if role in each.stamps:
            item, block = each.stamps[role], each.blocks[role]
            worth -= weight * min(calm.disturbance(_around(each, role)) * 16, 1.2)
            ratio = inking.best_plain(image, block, item, inks, accent=False)[1]
            worth -= weight * 0.55 * max(0.0, 1 - ratio / 5.0)
    return worth


def _print(
    image: Image.Image, chosen: Plan, inks: Inks, pairing: Pairing
) -> tuple[Image.Image, dict[str, Inked], Thumbnail]:
    """Treat the art for every block, then draw them all, so that no treatment falls on letters.

    Again with more help for the title while its strokes do not read in the thumbnail.
    """
    block, item = chosen.blocks["title"], chosen.stamps["title"]
    for force in FORCES:
        page = image.copy()
        inked = _prepared(page, chosen, inks, pairing, force)
        if any(each.treatment != "none" for each in inked.values()):
            inked = _settled(page, chosen, inks, inked)
        for role, (_, stamp) in chosen.parts():
            inking.draw(page, stamp, inked[role].colour)
        thumbnail = legibility.judged(page, block, item)
        if thumbnail.contrast >= legibility.STROKES:
            break
    return page, inked, thumbnail


def _settled(image: Image.Image, chosen: Plan, inks: Inks, inked: dict[str, Inked]) -> dict[str, Inked]:
    """Measured again after all treatments, as one may reach behind another block; a panel where that took too much."""
    for role, (block, item) in chosen.parts():
        if inking.measured(image, block, item, inked[role].colour) < pixels.NEEDED:
            inked[role] = inking.on_panel(image, block, item, inks)
    return {
        role: replace(inked[role], contrast=inking.measured(image, block, item, inked[role].colour))
        for role, (block, item) in chosen.parts()
    }


def _prepared(image: Image.Image, chosen: Plan, inks: Inks, pairing: Pairing, force: float) -> dict[str, Inked]:
    """Title first; the subtitle follows its choice of light or dark where the art has to be treated."""
    calm, light = pixels.Calm(image), True
    inked: dict[str, Inked] = {}
    for role, (block, item) in chosen.parts():
        title = role == "title"
        manner = Manner(
            accent=pairing.accent if title else not pairing.accent and role == "author",
            outline=pairing.outline and title and force == pixels.NEEDED,
            busy=force > FORCES[1] if title else calm.disturbance(_around(chosen, role)) > BUSY,
            light=light if role == "subtitle" else None,
            needed=force if title else pixels.NEEDED,
        )
        inked[role] = inking.prepare(image, block, item, inks, manner)
        if title:
            light = pixels.colour_luminance(inked[role].colour) > 0.3
    return inked


def _around(chosen: Plan, role: str) -> tuple[float, float, float, float]:
    x, y, w, h = chosen.stamps[role].box
    pad = chosen.blocks[role].size * 0.2
    return x - pad, y - pad, w + 2 * pad, h + 2 * pad


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
