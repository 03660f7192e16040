"""Drafts: every layout grid tried on a small copy of the art, the best printed there, and the best of those chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from adapters.typesetter import inking, legibility, lodging, pixels, placing, printing
from adapters.typesetter.edges import Edges
from adapters.typesetter.grids import Grid, grids_for
from adapters.typesetter.ground import Ground, behind
from adapters.typesetter.inking import Inks
from adapters.typesetter.lodging import Seat
from adapters.typesetter.pairings import Pairing
from adapters.typesetter.plan import Plan, largest_room, plan
from adapters.typesetter.scripts import SQUARE, scripts_in
from adapters.typesetter.words import GRADED, NARROW, PLAIN, TypeOrder, Words, words_of

SKETCH_SIDE = 320
"""Short side, in pixels, of the copy that layouts are tried on."""
LOSS = {0: 0.0, GRADED: 0.06, PLAIN: 0.5, NARROW: 0.8}
"""What a title loses of its pairing's character when it is set more closely."""
KEPT_FIRST, KEPT = 6, 4
"""Grids that are drawn, in the pairing's own manner and in each that is closer."""
PRINTED_FIRST, PRINTED = 3, 2
"""Those that are printed on the small copy."""
BEHIND = 0.8
"""Those worth so much less than the best are not."""
STRAIN = 0.34
"""Unevenness behind the title from which one that is set more closely may stand better."""
IN_PIECES = 1.2
"""What is lost when a word of the title is set in pieces."""


@dataclass(frozen=True)
class Draft:
    """A grid and words for it, what the draft is worth, whether it is `sound` (nothing closer need be tried) or its
    strokes are too `thin`, and the ratio that was asked of the title."""

    grid: Grid
    words: Mapping[str, Words]
    worth: float
    sound: bool
    thin: bool
    force: float


@dataclass(frozen=True)
class Sketch:
    """What drafts are made on: a small copy of the art, where it is calm, and the logo's place in its scale."""

    image: Image.Image
    site: placing.Site
    inks: Inks
    at: Seat | None

    @classmethod
    def of(cls, image: Image.Image, inks: Inks, at: Seat | None) -> "Sketch":
        """A sketch of the page."""
        small = image.reduce(max(min(image.size) // SKETCH_SIDE, 1))
        site = placing.Site(small.size, pixels.Calm(small), Edges(small))
        return cls(small, site, inks, None if at is None else at.scaled(image.size, small.size))


def drafts(sketch: Sketch, order: TypeOrder, pairing: Pairing, closeness: int) -> list[Draft]:
    """Drafts with the title set so closely, the best first; none when its letters would be too small."""
    words, size = words_of(order, closeness), sketch.image.size
    found = lodging.grids(grids_for(*size), sketch.at, *size)
    if closeness < NARROW and largest_room(found, words["title"], pairing, *size) < legibility.SURE:
        return []
    grids = placing.placed(found, words, pairing, sketch.site, KEPT if closeness else KEPT_FIRST)
    plans = [lodging.cleared(plan(grid, words, pairing, *size), sketch.at, *size) for grid in grids]
    tried = [_Tried(each, behind(sketch.image, each.blocks["title"], each.stamps["title"])) for each in plans]
    rough = sorted(((_rough(sketch, each, words, pairing), -number) for number, each in enumerate(tried)), reverse=True)
    most = PRINTED if closeness else PRINTED_FIRST
    room = any(not _strained(sketch, each) for each in tried)
    near = [(worth, -number) for worth, number in rough[:most] if worth > rough[0][0] - BEHIND]
    made = [_printed(sketch, tried[number], words, pairing, worth - LOSS[closeness], room) for worth, number in near]
    return sorted(made, key=lambda draft: -draft.worth)


@dataclass(frozen=True)
class _Tried:
    """A plan on the sketch and what lies behind its title."""

    plan: Plan
    ground: Ground


def _strained(sketch: Sketch, each: _Tried) -> bool:
    """Does the title lie on a pattern, or across light and dark?"""
    busy = sketch.site.calm.disturbance(printing.around(each.plan, "title")) > printing.BUSY
    return busy or each.ground.unevenness > STRAIN


def _printed(
    sketch: Sketch, tried: _Tried, words: Mapping[str, Words], pairing: Pairing, worth: float, room: bool
) -> Draft:
    """The draft printed on the sketch; `room` says whether some grid has a calm place, so that it is worth looking."""
    chosen = tried.plan
    made = printing.printed(sketch.image, chosen, sketch.inks, pairing, sketch.site.calm)
    small = min(legibility.room(chosen.blocks["title"], *sketch.image.size) / legibility.SURE, 1.0)
    thin = min(made.thumbnail.contrast / printing.CLEAR, 1.0)
    strained = (room and _strained(sketch, tried)) or _in_pieces(chosen, words)
    sound = small == thin == 1.0 and not strained
    worth -= made.effort + 6 * (1 - thin)
    return Draft(chosen.grid, words, worth, sound, thin < 1, made.force)


def _in_pieces(each: Plan, words: Mapping[str, Words]) -> bool:
    """Is a word of the title set in pieces?"""
    text = words["title"].text
    return not SQUARE & set(scripts_in(text)) and " ".join(each.blocks["title"].lines) != text


def _rough(sketch: Sketch, tried: _Tried, words: Mapping[str, Words], pairing: Pairing) -> float:
    """How good a plan is before it is printed: large type, on calm and even art, that an ink reads on as it is."""
    image, each, site = sketch.image, tried.plan, sketch.site
    worth = placing.worth_of(each.grid, each.blocks, words, pairing, image.size)
    worth -= lodging.cost(image, each, sketch.at, site.calm) + IN_PIECES * _in_pieces(each, words)
    for role, (block, item) in each.parts():
        ground = tried.ground if role == "title" else behind(image, block, item)
        weight = placing.WEIGHTS[role]
        worth -= float(
            placing.priced(site, each.grid, role, item.box, block.size, np.array([item.box[1]], np.float64))[0]
        )
        worth -= (0.3 + 0.4 * weight) * max(ground.unevenness - 0.15, 0.0)
        ratio = max(inking.best_ink(ground, sketch.inks, light)[1] for light in (True, False))
        worth -= weight * 0.55 * max(0.0, 1 - ratio / 5.0)
    return worth
