"""Placing: a layout grid made smaller, moved up or down, or given other places for the small words, until all of them
stand clear of what the art draws. Only boxes are looked at here; nothing is drawn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adapters.typesetter import legibility, lines, plan
from adapters.typesetter.edges import Edges
from adapters.typesetter.grids import SAFE, Grid
from adapters.typesetter.pairings import Pairing
from adapters.typesetter.pixels import Calm
from adapters.typesetter.setting import Block
from adapters.typesetter.words import Words

SCALES = (1.0, 0.88, 0.77)
"""Sizes of the title that are tried, of the largest that fits."""
OFFSETS = np.array([-0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06, 0.08], np.float64)
"""How far a grid is moved, as shares of the page's height."""
STILL = np.zeros(1, np.float64)
MOVED = 0.7
"""What it costs to move a grid by the height of the page."""
ELSEWHERE = 0.12
"""What it costs that a small line stands elsewhere than the grid has it."""
BRIM = 0.08
"""Share of a tall page's height that is left above and below words which are moved."""
HEAD, FOOT = 0.085, 0.918
SIZE, SMALL, UNREAD = 1.1, 1.5, 2.0
"""What large letters are worth, letters that are read small, and what is lost when they are not."""
TINY = 12.0
"""What is lost, times the share that letters lack to be read small."""
SHRUNK = 0.35
"""What is lost, times the share by which the title is smaller than it could be."""
ILL_BROKEN = 0.5
"""What is lost with each line that ends on an article."""
SPARE = 1.4
"""Height of letters in the thumbnail, over what they need, below which a title is not made smaller."""
OPEN = 2.5
"""How much more a grid for open places pays for what disturbs it."""
WEIGHTS = {"title": 1.0, "subtitle": 0.45, "author": 0.25}
"""How much a busy place counts for each role."""

Offsets = NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Site:
    """The page that grids are placed on."""

    size: tuple[int, int]
    calm: Calm
    edges: Edges


def placed(found: Sequence[Grid], words: Mapping[str, Words], pairing: Pairing, site: Site, most: int) -> list[Grid]:
    """Grids as they stand best on this art: the `most` best of them."""
    tried = [_best(grid, words, pairing, site) for grid in found]
    ranked = sorted(((worth, -number, grid) for number, (worth, grid) in enumerate(tried)), reverse=True)
    return [grid for _, _, grid in ranked[:most]]


def _best(grid: Grid, words: Mapping[str, Words], pairing: Pairing, site: Site) -> tuple[float, Grid]:
    """Places of the small words first, at a middling size; then the size."""

    def best(grids: Iterable[Grid]) -> tuple[float, Grid]:
        options = ((*_slid(each, words, pairing, site), each) for each in grids)
        worth, moved, whence = max(options, key=lambda option: option[0])
        found[whence] = moved
        return worth, whence

    found: dict[Grid, Grid] = {}
    author = best(replace(each, scale=SCALES[1]) for each in _authors(grid, words, site.size))
    away = replace(author[1], apart=True, prior=author[1].prior - ELSEWHERE)
    two = "subtitle" in words and "author" in words and away.author is not None
    chosen = max(author, best([away]), key=lambda option: option[0]) if two else author
    sized = best(replace(chosen[1], scale=scale) for scale in (SCALES[0], SCALES[2]))
    worth, whence = max(chosen, sized, key=lambda option: option[0])
    return worth, found[whence]


def _authors(grid: Grid, words: Mapping[str, Words], size: tuple[int, int]) -> Iterator[Grid]:
    """The grid with each place that the author may take."""
    yield grid
    if "author" in words and grid.logo is None:
        others = (HEAD, FOOT, None) if size[1] >= size[0] else (FOOT, None)
        for place in others:
            if place != grid.author:
                yield replace(grid, author=place, prior=grid.prior - ELSEWHERE)


def _slid(grid: Grid, words: Mapping[str, Words], pairing: Pairing, site: Site) -> tuple[float, Grid]:
    """The grid moved to where it is worth most."""
    width, height = site.size
    chosen = plan.boxes(grid, words, pairing, width, height)
    offsets = OFFSETS if grid.logo is None else STILL
    worth = worth_of(grid, chosen.blocks, words, pairing, site.size) - MOVED * np.abs(offsets)
    for role, (box, fixed) in chosen.boxes.items():
        tops = box[1] + (0.0 if fixed else 1.0) * offsets * height
        worth = worth - priced(site, grid, role, box, chosen.blocks[role].size, tops)
    worth = worth - 9.0 * ~_clear(chosen, offsets * height, site.size)
    best = int(np.lexsort((np.abs(offsets), -worth))[0])
    by = float(offsets[best])
    return float(worth[best]), replace(grid, top=grid.top + by, foot=grid.foot + by, prior=grid.prior - MOVED * abs(by))


def priced(site: Site, grid: Grid, role: str, box: Box, size: float, tops: Offsets) -> Offsets:
    """What a block loses by outlines and a busy place, with its top at each of those."""
    pad, worth = 0.2 * size, site.edges.prices(role, box, size, tops)
    around = box[0] - pad, tops - pad, box[2] + 2 * pad, box[3] + 2 * pad
    worth = worth + WEIGHTS[role] * np.minimum(site.calm.disturbances(around) * 16, 1.2)
    return worth * (OPEN if grid.open else 1.0)


def worth_of(
    grid: Grid, blocks: Mapping[str, Block], words: Mapping[str, Words], pairing: Pairing, size: tuple[int, int]
) -> float:
    """What a grid and its sizes are worth on any art."""
    title = blocks["title"]
    room = legibility.room(title, *size)
    worth = grid.prior - SHRUNK * (1 - grid.scale) + SIZE * min(title.size / (pairing.largest * min(size)), 1.0)
    worth -= TINY * max(1 - room / legibility.SURE, 0.0)
    worth -= ILL_BROKEN * lines.ill_broken(title.lines)
    return worth + SMALL * min(room / 1.8, 1.0) - UNREAD * (room < (legibility.SURE if grid.scale == 1 else SPARE))


def _clear(chosen: "plan.Boxes", by: Offsets, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Do moved words keep clear of those that stay, and of the page's margin?"""
    edge = max(SAFE * min(size), BRIM * size[1] * (size[1] > size[0]))
    moved = [box for box, fixed in chosen.boxes.values() if not fixed]
    top, foot = min(box[1] for box in moved) + by, max(box[1] + box[3] for box in moved) + by
    free = (top >= edge) & (foot <= size[1] - edge)
    gap = 0.03 * min(size) + 0.3 * chosen.blocks["title"].size
    for box, fixed in chosen.boxes.values():
        if fixed:
            free &= (top >= box[1] + box[3] + gap) | (foot <= box[1] - gap)
    return np.asarray(free)
