"""Drafts: every layout grid tried on a small copy of the art, the best printed there, and the best of those chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from adapters.typesetter import inking, legibility, lodging, pixels, printing
from adapters.typesetter.grids import Grid, grids_for
from adapters.typesetter.ground import behind
from adapters.typesetter.inking import Inks
from adapters.typesetter.lodging import Seat
from adapters.typesetter.pairings import Pairing
from adapters.typesetter.plan import Plan, plan
from adapters.typesetter.scripts import SQUARE, scripts_in
from adapters.typesetter.words import GRADED, NARROW, PLAIN, TypeOrder, Words, words_of

SKETCH_SIDE = 320
"""Short side, in pixels, of the copy that layouts are tried on."""
LOSS = {0: 0.0, GRADED: 0.06, PLAIN: 0.5, NARROW: 0.8}
"""What a title loses of its pairing's character when it is set more closely."""
PRINTED = 3
"""Drafts that are printed on the small copy, of each closeness."""
BEHIND = 0.8
"""Those worth so much less than the best are not."""
STRAIN = 0.34
"""Unevenness behind the title from which one that is set more closely may stand better."""
IN_PIECES = 1.2
"""What is lost when a word of the title is set in pieces."""
SURE = 1.06
"""Over what is needed on the small copy, so that it holds on the page."""


@dataclass(frozen=True)
class Draft:
    """A grid and words for it, what the draft is worth, whether it is `sound` (nothing closer need be tried), and the
    ratio that was asked of the title."""

    grid: Grid
    words: Mapping[str, Words]
    worth: float
    sound: bool
    force: float


@dataclass(frozen=True)
class Sketch:
    """What drafts are made on: a small copy of the art, how calm it is, and the logo's place in its scale."""

    image: Image.Image
    calm: pixels.Calm
    inks: Inks
    at: Seat | None

    @classmethod
    def of(cls, image: Image.Image, inks: Inks, at: Seat | None) -> "Sketch":
        """A sketch of the page."""
        small = image.reduce(max(min(image.size) // SKETCH_SIDE, 1))
        return cls(small, pixels.Calm(small), inks, None if at is None else at.scaled(image.size, small.size))


def drafts(sketch: Sketch, order: TypeOrder, pairing: Pairing, closeness: int) -> list[Draft]:
    """Drafts with the title set so closely, the best first."""
    words, size = words_of(order, closeness), sketch.image.size
    plans = [
        lodging.cleared(plan(grid, words, pairing, *size), sketch.at, *size)
        for grid in lodging.grids(grids_for(*size), sketch.at, *size)
    ]
    rough = sorted(((_rough(sketch, each, words, pairing), number) for number, each in enumerate(plans)), reverse=True)
    room = any(not _strained(sketch, each) for each in plans)
    near = [(worth, number) for worth, number in rough[:PRINTED] if worth > rough[0][0] - BEHIND]
    best = ((plans[number], worth - LOSS[closeness]) for worth, number in near)
    found = [_printed(sketch, each, words, pairing, worth, room) for each, worth in best]
    return sorted(found, key=lambda draft: -draft.worth)


def _strained(sketch: Sketch, each: Plan) -> bool:
    """Does the title lie on a pattern, or across light and dark?"""
    ground = behind(sketch.image, each.blocks["title"], each.stamps["title"])
    return sketch.calm.disturbance(printing.around(each, "title")) > printing.BUSY or ground.unevenness > STRAIN


def _printed(
    sketch: Sketch, chosen: Plan, words: Mapping[str, Words], pairing: Pairing, worth: float, room: bool
) -> Draft:
    """The draft printed on the sketch; `room` says whether some grid has a calm place, so that it is worth looking."""
    made = printing.printed(sketch.image, chosen, sketch.inks, pairing, sketch.calm)
    small = min(legibility.room(chosen.blocks["title"], *sketch.image.size) / SURE, 1.0)
    thin = min(made.thumbnail.contrast / printing.CLEAR, 1.0)
    strained = (room and _strained(sketch, chosen)) or _in_pieces(chosen, words)
    sound = small == thin == 1.0 and not strained
    return Draft(chosen.grid, words, worth - made.effort - 12 * (1 - small) - 6 * (1 - thin), sound, made.force)


def _in_pieces(each: Plan, words: Mapping[str, Words]) -> bool:
    """Is a word of the title set in pieces?"""
    text = words["title"].text
    return not SQUARE & set(scripts_in(text)) and " ".join(each.blocks["title"].lines) != text


def _rough(sketch: Sketch, each: Plan, words: Mapping[str, Words], pairing: Pairing) -> float:
    """How good a plan is before it is printed: large type, on calm and even art, that an ink reads on as it is."""
    image, title = sketch.image, each.blocks["title"]
    room = legibility.room(title, *image.size)
    worth = each.grid.prior + 0.9 * min(title.size / (pairing.largest * min(image.size)), 1.0)
    worth += 1.5 * min(room / 1.8, 1.0) - 2.0 * (room < SURE) - lodging.cost(image, each, sketch.at, sketch.calm)
    worth -= IN_PIECES * _in_pieces(each, words)
    for role, weight in (("title", 1.0), ("subtitle", 0.45), ("author", 0.25)):
        if role in each.stamps:
            ground = behind(image, each.blocks[role], each.stamps[role])
            worth -= weight * min(sketch.calm.disturbance(printing.around(each, role)) * 16, 1.2)
            worth -= (0.3 + 0.4 * weight) * max(ground.unevenness - 0.15, 0.0)
            ratio = max(inking.best_ink(ground, sketch.inks, light)[1] for light in (True, False))
            worth -= weight * 0.55 * max(0.0, 1 - ratio / 5.0)
    return worth
