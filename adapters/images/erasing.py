"""Filling a hole in a picture from what is around it: a shift map, in the light of its new place.

In a small copy it is chosen by which shifts the hole is filled (`offsets`) and where their seams run (`labelling`),
then both are refined up to the pixel; the light is levelled at the seams as in Poisson blending. So what is copied is
whole: grain, strokes and windows are as sharp as elsewhere. A long or thin hole is filled in pieces. Deterministic.
For worker processes: a few seconds for a large hole.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.images.fitting import FORMATS, opened
from adapters.images.labelling import Graph, Labels, Level, believed, lit, looked, moved, registered
from adapters.images.membrane import Field, Flags, depths, enlarged, shrunk, smooth
from adapters.images.offsets import candidates
from adapters.images.repainting import Part, png

Shifts = NDArray[np.int32]
Box = tuple[slice, slice]
FINEST = 24_000
"""Cells of a hole in which seams are laid; a larger hole is looked at in a smaller copy."""
COARSEST, THINNEST = 900, 3
"""Cells of a hole in which it is chosen what comes from where, and how many it is at least half as thick there."""
FROM = 64
"""Grey of a mask from which on a place is filled; twice as much is filled wholly."""
AROUND, NEAR = 1.2, 0.5
"""How much around a hole is looked at, as a share of its size; and around one of its pieces."""
COARSE, MOST_PARTS = 200, 8
"""Pixels of the side of a copy in which a hole is taken apart, and into how many parts."""
TEXTURE = 5.0
"""How much roughness counts beside colour: without it smooth places fit everywhere (Newson et al. 2014)."""
SLICE, LEAST_SLICE, MOST_SLICES = 3, 200, 10
"""How many times as long as thick a piece of a hole is, at least so many pixels, and how many pieces there are."""
LEAST_SIDE = 12
"""Pixels of a picture that something is erased from."""
FAINT = 1e-3
"""A weight that is none."""
AT_ONCE = 300_000
"""Pixels that are taken at once: memory is bounded."""


class Unfillable(ValueError):
    """The hole leaves too little of the picture to fill it from."""


def erased(part: Part) -> bytes:
    """The picture without what the mask marks, as PNG. Raises Unfillable."""
    picture = np.asarray(opened(part.picture, FORMATS).convert("RGB"))
    soft = np.asarray(opened(part.mask, ("PNG",)).convert("L"))
    least = min(FROM, int(soft.max()) // 2)
    out, left = picture.copy(), soft > least
    pieces = [piece for each in _separate(left) for piece in _cut(each)]
    for box, piece in pieces:
        window, inner = _window(box, left.shape, alone=len(pieces) == 1)
        hole = np.zeros(out[window].shape[:2], bool)
        hole[inner] = piece
        filled = fill(out[window].astype(np.float32), hole, left[window] & ~hole, share=len(pieces))
        out[window][hole] = np.clip(np.rint(filled[hole]), 0, 255).astype(np.uint8)
        left[box] &= ~piece
    changed = soft > least
    share = np.clip((soft[changed].astype(np.float32) - least) / FROM, 0, 1)[:, None]
    out[changed] = np.rint(picture[changed] * (1 - share) + out[changed] * share).astype(np.uint8)
    return png(Image.fromarray(out))


def _cut(hole: Flags) -> list[tuple[Box, Flags]]:
    """A hole that is long and thin in pieces, one after the other: each is filled from what is near it."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    inner = hole[top : rows[-1] + 1, left : columns[-1] + 1]
    times = max(max(inner.shape) // COARSE, 1)
    tile = max(SLICE * 2 * times * int(depths(np.pad(inner[::times, ::times], 1), COARSE).max()), LEAST_SLICE)
    found = _tiles(inner, tile)
    while len(found) > MOST_SLICES:
        tile = tile * 5 // 4
        found = _tiles(inner, tile)
    shifted = [
        [slice(side.start + by, side.stop + by) for side, by in zip(box, (top, left), strict=True)] for box in found
    ]
    return [((wide[0], wide[1]), inner[box].copy()) for wide, box in zip(shifted, found, strict=True)]


def _tiles(hole: Flags, side: int) -> list[Box]:
    """Those tiles of about that side that have something of the hole."""
    ends = [np.linspace(0, length, max(round(length / side), 1) + 1).astype(int).tolist() for length in hole.shape]
    rows, columns = ([slice(*each) for each in itertools.pairwise(end)] for end in ends)
    return [box for box in itertools.product(rows, columns) if hole[box].any()]


def _textured(picture: Field, hole: Flags, times: int) -> tuple[Field, Flags]:
    """A smaller copy with colours, and how rough the picture is across and down; next to the hole as it is a step
    further on."""
    small, gap = shrunk(picture, hole, times)
    grey, known, bands = picture.mean(axis=-1, dtype=np.float32), ~hole, [small]
    for axis in (0, 1):
        step = np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis)))
        whole = known & np.roll(known, -1, axis)
        step = np.where(whole, step, np.roll(step, 1, axis))
        bands.append(shrunk(step[..., None], ~(whole | (known & np.roll(known, 1, axis))), times)[0] * TEXTURE)
    return np.concatenate(bands, axis=-1).astype(np.float32), gap


def _separate(hole: Flags) -> list[Flags]:
    """The parts of a hole that do not touch, the first few by themselves; found in a small copy."""
    times = max(max(hole.shape) // COARSE, 1)
    rows, columns = (-(-length // times) for length in hole.shape)
    wide = np.pad(hole, ((0, rows * times - hole.shape[0]), (0, columns * times - hole.shape[1])))
    left = {(int(r), int(c)) for r, c in np.argwhere(wide.reshape(rows, times, columns, times).any(axis=(1, 3)))}
    found: list[Flags] = []
    while left:
        part = set(left) if len(found) == MOST_PARTS - 1 else _touching(left)
        left -= part
        label = np.zeros((rows, columns), bool)
        label[tuple(np.array(sorted(part)).T)] = True
        large = label.repeat(times, axis=0).repeat(times, axis=1)[: hole.shape[0], : hole.shape[1]]
        found.append(large & hole)
    return found


def _touching(left: set[tuple[int, int]]) -> set[tuple[int, int]]:
    part, front = set[tuple[int, int]](), [min(left)]
    while front:
        row, column = front.pop()
        part.add((row, column))
        around = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)}
        front += [each for each in around & left if each not in part]
        part |= around & left
    return part


def fill(picture: Field, hole: Flags, others: Flags | None = None, share: int = 1) -> Field:
    """The picture (floats, 0 to 255) with the hole filled. `others` go too, and are no source; of so many holes this is
    one, and takes its share of the time. Raises Unfillable."""
    known = ~hole if others is None else ~(hole | others)
    if hole.mean() > 0.9 or min(hole.shape) < LEAST_SIDE or not known.any():
        raise Unfillable("the mask leaves too little of the picture to fill it from")
    times = max(int(np.ceil(np.sqrt(hole.sum() * np.sqrt(share) / FINEST))), 1)
    levels = _levels(picture, hole, known, times)
    graph = Graph(levels[-1])
    shifts = candidates(levels[-1].art, levels[-1].hole, levels[-1].known, few=share > 1)
    labels = believed(graph, shifts)
    for level in reversed(levels[:-1]):
        shifts = registered(graph, shifts, labels, level, 2)
        coarse, graph = graph, Graph(level)
        labels = moved(graph, shifts, _refined(coarse, labels, graph))
    light = lit(graph, shifts, labels)
    full = Level(picture, hole, known)
    if times > 1:
        shifts = registered(graph, shifts, labels, full, times)
    return _taken(full, graph, labels, shifts, light, times)


def _levels(picture: Field, hole: Flags, known: Flags, times: int) -> list[Level]:
    """Ever smaller copies, until the hole is small enough to be thought over."""
    small, gap = _textured(picture, hole, times)
    levels = [Level(small, gap, ~gap & ~shrunk(picture[..., :1], ~known, times)[1])]
    while (
        levels[-1].hole.sum() > COARSEST and min(gap.shape) > LEAST_SIDE and depths(gap, THINNEST + 1).max() > THINNEST
    ):
        last = levels[-1]
        small, gap = shrunk(last.art, last.hole, 2)
        levels.append(Level(small, gap, ~gap & ~shrunk(last.art[..., :1], ~last.known, 2)[1]))
    return levels


def _refined(coarse: Graph, labels: Labels, fine: Graph) -> Labels:
    """What was chosen in a copy of half the size."""
    chosen = np.zeros(coarse.inside.shape, np.int32)
    chosen[tuple(coarse.places.T)] = labels
    return np.asarray(chosen[tuple((fine.places // 2).T)], np.int32)


def _window(box: Box, shape: tuple[int, ...], *, alone: bool) -> tuple[Box, Box]:
    """A box with what is around it, and where in that it is."""
    pad = int(max(side.stop - side.start for side in box) * (AROUND if alone else NEAR)) + 32
    wide = [
        slice(max(side.start - pad, 0), min(side.stop + pad, length)) for side, length in zip(box, shape, strict=True)
    ]
    inner = [slice(each.start - of.start, each.stop - of.start) for each, of in zip(box, wide, strict=True)]
    return (wide[0], wide[1]), (inner[0], inner[1])


def _taken(full: Level, graph: Graph, labels: Labels, shifts: Shifts, light: Field, times: int) -> Field:
    """The hole at full size: every pixel from where its cell says, in the light that was found for it, grain and all.

    Between the middles of four cells it is what they say, by nearness: where they agree nothing is blurred.
    """
    cells = np.full(graph.inside.shape, -1, np.int64)
    cells[tuple(graph.places.T)] = np.where(graph.border, -1, np.arange(len(labels)))
    out, places = full.art.copy(), np.stack(np.nonzero(full.hole), axis=1)
    missing = np.zeros(full.hole.shape, bool)
    for first in range(0, len(places), AT_ONCE):
        some = places[first : first + AT_ONCE]
        total, count = _mixed(full, some, cells, shifts[labels], light, times)
        out[tuple(some.T)] = total / np.maximum(count, FAINT)
        missing[tuple(some.T)] = count[:, 0] < FAINT
    if missing.any():
        coarse = shrunk(out, missing, max(times, 2))
        out[missing] = enlarged(smooth(*coarse), missing.shape)[missing]
    return out


def _mixed(
    full: Level, places: NDArray[np.int64], cells: NDArray[np.int64], shifts: Shifts, light: Field, times: int
) -> tuple[Field, Field]:
    at = (places + 0.5) / times - 0.5
    total, count = np.zeros((len(places), full.art.shape[-1]), np.float32), np.zeros((len(places), 1), np.float32)
    for corner in np.ndindex(2, 2) if times > 1 else ((0, 0),):
        cell = np.floor(at).astype(np.int64) + corner
        weight = (1 - np.abs(at - cell)).prod(axis=1)
        node = cells[tuple(np.clip(cell, 0, np.subtract(cells.shape, 1)).T)]
        art, good = looked(full, places, shifts[node])
        share = (weight * ((node >= 0) & good))[:, None].astype(np.float32)
        total, count = total + (art + light[node]) * share, count + share
    return total, count
