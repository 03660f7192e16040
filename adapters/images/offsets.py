"""From where a hole may be filled: the few shifts by which what is beside it comes back elsewhere in the picture.

For pieces of the hole's border, large and small, all shifts are weighed at once (sums of squared differences by Fourier
transform), and the best are kept; with them go the shifts by which the picture is most like itself (offset statistics,
He & Sun 2012), which hit the period of windows, bricks and waves. Pure and deterministic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.images.membrane import Field, Flags, wider

Offsets = NDArray[np.int32]
"""Rows (down, across, side): a place (row, column) is filled from (row + down, side * column + across). A side of -1 is
seen in a mirror, by which what is alike on both sides is completed: suns, towers, rings, leaves."""
Waves = NDArray[np.complex64]
Shift = tuple[int, int, int]
RING = 3
"""Cells of the border that must look alike."""
SPLITS, FEW = ((1, 5), (4, 2), (2, 3)), ((1, 4), (3, 3))
"""Into how many tiles a side of the hole is split, and how many shifts each piece of its border may name;
fewer for one of many holes."""
LIKE_ITSELF = 6
"""Shifts by which the picture as a whole is most like itself."""
MOST = 48
APART = 2
"""Cells that two shifts of the same piece differ by at least."""
COVERED = 0.9
"""Of a piece must come from known places."""
PULL = (0.6, 0.15)
"""What it costs to look as far away as the hole is large, down and across: near places are alike, above all in height.
In the unit of colours."""
MIRRORED = 2.0
"""What it costs to look into the mirror."""
ENOUGH = 0.2
"""Of the picture must overlap with itself."""
NEVER = np.float32(1e9)


@dataclass(frozen=True)
class Piece:
    """Of a border, as waves: where it is, where the hole is beside it, its colours; their squares and the sizes."""

    wave: Waves
    inside: Waves
    colours: list[Waves]
    square: float
    count: int
    inner: int


class Weighing:
    """All shifts of a small picture at once, of one side."""

    def __init__(self, art: Field, known: Flags, side: int) -> None:
        """`known`: what may be copied."""
        self._side, self._shape = side, known.shape
        self._size = (_even(2 * known.shape[0]), _even(2 * known.shape[1]))
        self._art = np.where(known[..., None], art, 0).astype(np.float32)
        source = self._art[:, ::side]
        self._known = self._wave(known[:, ::side].astype(np.float32))
        self._colours = [self._wave(source[..., band]) for band in range(art.shape[-1])]
        self._squares = self._wave((source * source).sum(axis=-1))

    def unlike(self, piece: "Piece") -> Field:
        """The mean difference (a distance of colours) of a known piece and what lies so far from it; NEVER where too
        little of that is known. Index: shift, negative ones from the end as in a Fourier transform."""
        total = piece.wave * self._squares
        for mine, other in zip(piece.colours, self._colours, strict=True):
            total -= 2 * mine * other
        square = np.maximum(self._back(total) + piece.square, 0) / piece.count
        known = self._back(piece.wave * self._known) > (1 - 1e-3) * piece.count
        known &= self._back(piece.inside * self._known) >= COVERED * piece.inner
        return np.where(known, np.sqrt(square), NEVER).astype(np.float32)

    def piece(self, border: Flags, inside: Flags) -> "Piece":
        """A piece of the border, ready to be weighed on both sides."""
        art = np.where(border[..., None], self._art, 0)
        return Piece(
            np.conj(self._wave(border.astype(np.float32))),
            np.conj(self._wave(inside.astype(np.float32))),
            [np.conj(self._wave(art[..., band])) for band in range(art.shape[-1])],
            float((art * art).sum()),
            int(border.sum()),
            int(inside.sum()),
        )

    def covered(self, part: Flags) -> Field:
        """The share of a part that is known at each shift."""
        wave = np.conj(self._wave(part.astype(np.float32))) * self._known
        return (self._back(wave) / max(int(part.sum()), 1)).astype(np.float32)

    def like_itself(self) -> Field:
        """How unlike the whole picture is to itself at each shift; for the plain side."""
        both = self._back(np.conj(self._known) * self._known)
        cross = sum(np.conj(each) * each for each in self._colours)
        waves = np.conj(self._squares) * self._known + np.conj(self._known) * self._squares - 2 * cross
        square = self._back(waves.astype(np.complex64))
        enough = both > ENOUGH * both.max()
        return np.where(enough, np.sqrt(np.maximum(square, 0) / np.maximum(both, 1)), NEVER).astype(np.float32)

    def away(self, piece: Flags) -> tuple[Field, Field]:
        """How far the middle of a piece is from where each shift takes it, down and across."""
        down, across = (np.arange(size) for size in self._size)
        down, across = (np.where(each > len(each) // 2, each - len(each), each) for each in (down, across))
        if self._side < 0:
            middle = float(np.nonzero(piece)[1].mean())
            across = across - (self._shape[1] - 1 - 2 * middle)
        wide = np.abs(down)[:, None] + 0 * across, np.abs(across)[None] + 0 * down[:, None]
        return wide[0].astype(np.float32), wide[1].astype(np.float32)

    def best(self, cost: Field, most: int) -> list[tuple[float, Shift]]:
        """The cheapest shifts that are not next to each other, with their costs."""
        cost, found = cost.copy(), list[tuple[float, Shift]]()
        rows, columns = self._size
        for _ in range(most):
            row, column = (int(each) for each in np.unravel_index(int(cost.argmin()), cost.shape))
            if cost[row, column] >= NEVER:
                break
            down, across = row - rows * (row > rows // 2), column - columns * (column > columns // 2)
            if self._side < 0:
                across = self._shape[1] - 1 - across
            found.append((float(cost[row, column]), (down, across, self._side)))
            near = np.arange(-APART, APART + 1)
            cost[np.ix_((row + near) % rows, (column + near) % columns)] = NEVER
        return found

    def _wave(self, field: Field) -> Waves:
        return np.asarray(np.fft.rfft2(field, self._size), np.complex64)

    def _back(self, wave: Waves) -> Field:
        return np.asarray(np.fft.irfft2(wave, self._size), np.float32)


def _even(length: int) -> int:
    """A length whose transform is quick: a small multiple of a power of two."""
    step = max(1 << max(length.bit_length() - 4, 0), 2)
    return -(-length // step) * step


def candidates(art: Field, hole: Flags, known: Flags, *, few: bool = False) -> Offsets:
    """Shifts that fit to the border of the hole somewhere, and some more until everywhere is one that can be taken."""
    plain, mirrored = (Weighing(art, known, side) for side in (1, -1))
    size = float(np.sqrt(hole.sum())) + 2 * RING
    found = dict[Shift, None]()
    for split, most in FEW if few else SPLITS:
        for border, inside in _pieces(hole, known, split):
            offers, piece = [], plain.piece(border, inside)
            for weighing, more in ((plain, 0.0), (mirrored, MIRRORED)):
                down, across = weighing.away(border)
                cost = weighing.unlike(piece) + (PULL[0] * down + PULL[1] * across) / size + more
                offers += weighing.best(cost.astype(np.float32), most)
            found |= dict.fromkeys(shift for _, shift in sorted(offers)[:most])
    down, across = plain.away(hole)
    itself = plain.like_itself() + (PULL[0] * down + PULL[1] * across) / size
    like = plain.best(np.where(np.hypot(down, across) >= size / 2, itself, NEVER).astype(np.float32), LIKE_ITSELF)
    chosen = list(found)[: MOST - len(like)]
    return _complete(plain, hole, known, list(dict.fromkeys((*chosen, *(shift for _, shift in like)))))


def _pieces(hole: Flags, known: Flags, split: int) -> list[tuple[Flags, Flags]]:
    """Parts of the border, known cells and the cells of the hole next to them."""
    ring, rim = wider(hole, RING) & known & ~hole, hole & wider(~hole, RING)
    rows, columns = np.nonzero(ring | hole)
    ends = [np.linspace(each.min(), each.max() + 1, split + 1).astype(int) for each in (rows, columns)]
    found = []
    for top, bottom in zip(ends[0], ends[0][1:], strict=False):
        for left, right in zip(ends[1], ends[1][1:], strict=False):
            tile = np.zeros_like(hole)
            tile[top:bottom, left:right] = True
            border = ring & tile
            if border.sum() > 2 * RING:
                found.append((border, rim & wider(border, RING)))
    return found


def _complete(plain: Weighing, hole: Flags, known: Flags, found: list[Shift]) -> Offsets:
    """With shifts for those cells that had none."""
    places = np.stack(np.nonzero(hole), axis=1)
    for shift in found:
        places = places[~_had(known, places, shift)]
    down, across = plain.away(hole)
    for _ in range(LIKE_ITSELF):
        if not len(places):
            break
        left = np.zeros_like(hole)
        left[tuple(places.T)] = True
        offers = plain.best(((down + across) / (sum(hole.shape) * 2) - plain.covered(left)).astype(np.float32), 1)
        found.append(offers[0][1])
        places = places[~_had(known, places, found[-1])]
    return np.array(found or [(0, 0, 1)], np.int32)


def _had(known: Flags, places: NDArray[np.int64], shift: Shift) -> Flags:
    """Can the places be filled so?"""
    row, column = sources(places, np.array(shift, np.int32))
    inside = (row >= 0) & (row < known.shape[0]) & (column >= 0) & (column < known.shape[1])
    inside[inside] = known[row[inside], column[inside]]
    return np.asarray(inside, np.bool_)


def sources(places: NDArray[np.int64], shifts: Offsets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns that the places are filled from; they may lie beyond the picture."""
    return places[..., 0] + shifts[..., 0], places[..., 1] * shifts[..., 2] + shifts[..., 1]


def magnified(shifts: Offsets, times: int) -> Offsets:
    """The same shifts in a picture so many times as large."""
    larger = shifts * np.array([times, times, 1], np.int32)
    larger[:, 1] += (times - 1) * (shifts[:, 2] < 0)
    return larger
