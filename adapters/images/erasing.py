"""Filling a hole in a picture from what is around it: exemplar patches found by PatchMatch, levelled by a membrane.

From coarse to fine (Wexler et al. 2007; Barnes et al. 2009): each place in the hole looks for the patch outside it that
fits best, takes its middle, and what neighbours agree on becomes the guess of the next finer level. As such patches
never have quite the light of their new place, the difference at the hole's edge is spread smoothly over it (the
membrane of Poisson blending). Deterministic. For worker processes: a few seconds for a large hole.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.images.fitting import FORMATS, opened
from adapters.images.membrane import Field, Flags, enlarged, levelled, shrunk, smooth
from adapters.images.repainting import Part, png

Places = NDArray[np.int32]
HALF = 3
"""A patch is this many pixels to each side of its middle."""
MOST_PLACES = 3500
"""Places of a hole that are looked for; a larger hole is looked at in a smaller copy."""
AROUND = 1.2
"""How much around a hole is looked at, as a share of its size."""
TURNS = (5, 3, 1)
"""How often places are looked for and agreed on: at the coarsest level, the next ones, and the finest."""
ROUNDS = 2
"""Of search in each."""
COARSE, MOST_PARTS = 200, 8
"""Pixels of the side of a copy in which a hole is taken apart, and into how many parts."""
DOUBT = 1.35
"""By this a guess counts less with every pixel from what is known,"""
LEAST = 0.08
"""and never less than this."""
PULL = (30000.0, 800.0)
"""What it costs to look as far up or down, or aside, as the hole is thick: near places are alike."""
DEEPEST = 8
"""Steps from the edge of a hole to its middle at the coarsest level: below, narrow surroundings have no whole patch."""
NEAR, LOOKS = 4, 40
"""How far around a place its first guess is looked for, in depths of the hole, and how often."""
TEXTURE = 5.0
"""How much roughness counts beside colour: without it smooth places fit everywhere (Newson et al. 2014)."""
LEVELLED = 10.0
"""Of 255: how much light a patch is given or taken at most, so that no texture is mistaken for light."""
FAINT = 1e-3
"""A weight that is none."""
SEED = 7


class Unfillable(ValueError):
    """The hole leaves too little of the picture to fill it from."""


def erased(part: Part) -> bytes:
    """The picture without what the mask marks, as PNG. Raises Unfillable."""
    picture = np.asarray(opened(part.picture, FORMATS).convert("RGB"))
    soft = np.asarray(opened(part.mask, ("PNG",)).convert("L"))
    out = picture.copy()
    for one in _separate(soft > 0):
        top, bottom, left, right = _window(one)
        window = (slice(top, bottom), slice(left, right))
        hole = one[window]
        filled = fill(picture[window].astype(np.float32), hole, (soft[window] > 0) & ~hole)
        share = (soft[window].astype(np.float32) / 255)[..., None]
        mixed = np.clip(np.rint(picture[window] * (1 - share) + filled * share), 0, 255).astype(np.uint8)
        out[window] = np.where(hole[..., None], mixed, out[window])
    return png(Image.fromarray(out))


def _textured(picture: Field, hole: Flags, times: int) -> tuple[Field, Flags]:
    """A smaller copy with colours, and how rough the picture is across and down; next to the hole as it is a step
    further on."""
    small, gap = shrunk(picture, hole, times)
    grey, known, bands = picture.mean(axis=-1), ~hole, [small]
    for axis in (0, 1):
        step = np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis)))
        rough, unknown = shrunk(step[..., None].astype(np.float32), ~(known & np.roll(known, -1, axis)), times)
        bands.append(smooth(rough, unknown) * TEXTURE)
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


def fill(picture: Field, hole: Flags, others: Flags | None = None) -> Field:
    """The picture (floats, 0 to 255) with the hole filled. `others` go too, and are no source. Raises Unfillable."""
    others = np.zeros_like(hole) if others is None else others
    if others.any():
        picture = np.where(others[..., None], smooth(picture, hole | others), picture).astype(np.float32)
    if hole.mean() > 0.9 or min(hole.shape) < 4 * HALF:
        raise Unfillable("the mask leaves too little of the picture to fill it from")
    shrink = max(int(np.ceil(np.sqrt(hole.sum() / MOST_PLACES))), 1)
    small, small_hole = _textured(picture, hole, shrink)
    levels = [(small, small_hole, shrunk(picture, others, shrink)[1])]
    while min(levels[-1][1].shape) > 48 and _depth(levels[-1][1]).max() > DEEPEST:
        art, gap, ban = levels[-1]
        levels.append((*shrunk(art, gap, 2), shrunk(art, ban, 2)[1]))
    rng = np.random.default_rng(SEED)
    guess, match = _onion(*levels[-1], rng), None
    for number, (art, gap, ban) in enumerate(reversed(levels)):
        if number:
            guess = np.where(gap[..., None], enlarged(guess, art.shape[:2]), art)
        turns = TURNS[0] if not number else TURNS[2 if number == len(levels) - 1 else 1]
        depth = _depth(gap)
        for turn in range(turns):
            match, cost = _matched(guess, depth, _sources(gap | ban), match, rng, finer=turn == 0)
            guess = _voted(guess, depth, match, cost)
    assert match is not None  # noqa: S101 -- there is at least one level
    taken = _taken(picture, hole, match, small_hole)
    light = levelled(picture, taken, hole, LEVELLED)
    return np.where(hole[..., None], light, picture).astype(np.float32)


def _window(hole: Flags) -> tuple[int, int, int, int]:
    """The hole with what is around it: top, bottom, left, right."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    size = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    pad = int(size * AROUND) + 32
    height, width = hole.shape
    return (
        max(int(rows[0]) - pad, 0),
        min(int(rows[-1]) + pad + 1, height),
        max(int(columns[0]) - pad, 0),
        min(int(columns[-1]) + pad + 1, width),
    )


def _onion(picture: Field, hole: Flags, others: Flags, rng: np.random.Generator) -> Field:
    """The first guess, of the coarsest level: from the edge inwards, each place by what is known round it."""
    depth, guess, good = _depth(hole), smooth(picture, hole), _sources(hole | others)
    rows, columns = np.nonzero(good)
    near = int(depth.max()) * NEAR + 2 * HALF
    for ring in range(1, int(depth.max()) + 1):
        where = np.nonzero(depth == ring)
        places = np.stack(where, axis=1).astype(np.int32)
        start = rng.integers(0, len(rows), len(places))
        chosen = np.stack([rows[start], columns[start]], axis=1).astype(np.int32)
        seek = _Seek(guess, np.where(depth == ring, depth.max(), 0.0), (depth < ring).astype(np.float32))
        cost = seek.cost(slice(None), chosen)
        for _ in range(LOOKS):
            offer = places + rng.integers(-near, near + 1, chosen.shape).astype(np.int32)
            cost, chosen = _better(seek, good, cost, chosen, offer)
        guess[where] = guess[chosen[:, 0], chosen[:, 1]]
    return guess


def _depth(hole: Flags) -> Field:
    """How many steps each pixel of the hole is from what is known; 0 outside."""
    depth, left = np.zeros(hole.shape, np.float32), hole.copy()
    while left.any():
        depth += left
        wide = np.pad(left, 1, "edge")
        left = left & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return depth


def _matched(
    guess: Field, depth: Field, good: Flags, before: Places | None, rng: np.random.Generator, *, finer: bool
) -> tuple[Places, Field]:
    """For each pixel the place of the patch outside the hole that fits it best, and how well; meaningful in the hole
    alone."""
    hole = depth > 0
    height, width = hole.shape
    rows, columns = np.nonzero(good)
    where = np.nonzero(hole)
    match = np.zeros((height, width, 2), np.int32)
    match[..., 0], match[..., 1] = np.indices((height, width))
    start = rng.integers(0, len(rows), len(where[0]))
    chosen = np.stack([rows[start], columns[start]], axis=1).astype(np.int32)
    if before is not None:
        wished = _refined(before, where) if finer else before[where]
        wished = np.clip(wished, 0, (height - 1, width - 1)).astype(np.int32)
        fits = good[wished[:, 0], wished[:, 1]]
        chosen[fits] = wished[fits]
    seek = _Seek(guess, depth)
    cost = seek.cost(slice(None), chosen)
    match[where] = chosen
    reach = max(height, width)
    for turn in range(ROUNDS):
        for step in (1, -1) if turn % 2 else (-1, 1):
            for axis in (0, 1):
                offer = match[
                    np.clip(where[0] + step * (axis == 0), 0, height - 1),
                    np.clip(where[1] + step * (axis == 1), 0, width - 1),
                ].copy()
                offer[:, axis] -= step
                cost, chosen = _better(seek, good, cost, chosen, offer)
                match[where] = chosen
        radius = reach
        while radius >= 1:
            offer = chosen + rng.integers(-radius, radius + 1, chosen.shape).astype(np.int32)
            cost, chosen = _better(seek, good, cost, chosen, offer)
            radius //= 2
        match[where] = chosen
    whole = np.zeros((height, width), np.float32)
    whole[where] = cost
    return match, whole


class _Seek:
    """How well a patch elsewhere fits a place in the hole: by what is known more than by what was guessed."""

    def __init__(self, guess: Field, depth: Field, known: Field | None = None) -> None:
        """`known`: how sure each pixel is, where that is not told by its depth."""
        self._patches = _patches(guess)
        where = np.nonzero(depth)
        sure = np.maximum(DOUBT**-depth if known is None else known, LEAST if known is None else 1e-6)
        sure = sure.astype(np.float32)[..., None]
        self._mine = self._patches[where]
        self._weight = _patches(sure)[where][:, 0]
        self._weight = self._weight / self._weight.mean(axis=(1, 2), keepdims=True)
        self._places = np.stack(where, axis=1).astype(np.int32)
        self._pull = (np.array(PULL) / max(float(depth.max()) * 2, 4.0) ** 2).astype(np.float32)

    def cost(self, asked: NDArray[np.intp] | slice, chosen: Places) -> Field:
        """Of patches at the places `chosen` for those that are asked for."""
        difference = self._patches[chosen[:, 0], chosen[:, 1]] - self._mine[asked]
        away = (chosen - self._places[asked]).astype(np.float32)
        unlike = np.einsum("ncij,ncij,nij->n", difference, difference, self._weight[asked])
        return np.asarray(unlike + (away * away) @ self._pull, np.float32)


def _refined(before: Places, where: tuple[NDArray[np.intp], ...]) -> Places:
    """What was found in a copy of half the size."""
    rows, columns = (np.minimum(each // 2, limit - 1) for each, limit in zip(where, before.shape, strict=False))
    return np.asarray(before[rows, columns] * 2 + np.stack([where[0] % 2, where[1] % 2], axis=1), np.int32)


def _sources(hole: Flags) -> Flags:
    """Where a whole patch lies outside the hole and inside the picture. Raises Unfillable when that is nowhere."""
    good = ~hole
    for axis in (0, 1):
        wide = np.pad(good, [(HALF, HALF) if each == axis else (0, 0) for each in (0, 1)])
        length = good.shape[axis]
        good = np.all([np.take(wide, range(shift, shift + length), axis) for shift in range(2 * HALF + 1)], axis=0)
    if not good.any():
        raise Unfillable("the mask leaves too little of the picture to fill it from")
    return good


def _patches(guess: Field) -> NDArray[np.float32]:
    """The patch round each pixel as one row of numbers."""
    wide = np.pad(guess, ((HALF, HALF), (HALF, HALF), (0, 0)), "edge")
    return np.lib.stride_tricks.sliding_window_view(wide, (2 * HALF + 1, 2 * HALF + 1), axis=(0, 1))


def _better(seek: "_Seek", good: Flags, cost: Field, chosen: Places, offer: Places) -> tuple[Field, Places]:
    """What is offered, wherever it is a source and fits better."""
    height, width = good.shape
    inside = (offer[:, 0] >= 0) & (offer[:, 0] < height) & (offer[:, 1] >= 0) & (offer[:, 1] < width)
    inside[inside] = good[offer[inside, 0], offer[inside, 1]]
    inside &= (offer != chosen).any(axis=1)
    asked = np.flatnonzero(inside)
    new = seek.cost(asked, offer[asked])
    wins = new < cost[asked]
    cost, chosen = cost.copy(), chosen.copy()
    cost[asked[wins]], chosen[asked[wins]] = new[wins], offer[asked[wins]]
    return cost, chosen


def _voted(guess: Field, depth: Field, match: Places, cost: Field) -> Field:
    """Each pixel of the hole as the mean of what the patches over it say, the sure and fitting ones the most."""
    hole = depth > 0
    height, width = hole.shape
    doubt = 2 * max(float(np.percentile(cost[hole], 75)), 1.0)
    trust = (np.maximum(DOUBT**-depth, LEAST) * np.exp(-cost / doubt))[hole].astype(np.float32)
    total, count = np.zeros_like(guess), np.zeros((height, width, 1), np.float32)
    rows, columns = np.nonzero(hole)
    for down in range(-HALF, HALF + 1):
        for across in range(-HALF, HALF + 1):
            row, column = rows + down, columns + across
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            source = match[rows[inside], columns[inside]]
            weight = trust[inside][:, None]
            np.add.at(
                total,
                (row[inside], column[inside]),
                weight
                * guess[np.clip(source[:, 0] + down, 0, height - 1), np.clip(source[:, 1] + across, 0, width - 1)],
            )
            np.add.at(count, (row[inside], column[inside]), weight)
    voted = total / np.maximum(count, 1e-6)
    return np.where(hole[..., None], voted, guess).astype(np.float32)


def _taken(picture: Field, hole: Flags, match: Places, small: Flags) -> Field:
    """The hole at full size: every pixel from where its place in the small copy came from, grain and all.

    Between the middles of four places it is what they say, by nearness: where they agree nothing is blurred.
    """
    height, width = hole.shape
    times = -(-height // small.shape[0])
    rows, columns = np.nonzero(hole)
    at = ((rows + 0.5) / times - 0.5, (columns + 0.5) / times - 0.5)
    total, count = np.zeros((len(rows), picture.shape[-1]), np.float32), np.zeros((len(rows), 1), np.float32)
    for down in (0, 1):
        for across in (0, 1):
            place = [np.floor(each).astype(int) + shift for each, shift in zip(at, (down, across), strict=True)]
            weight = (1 - np.abs(at[0] - place[0])) * (1 - np.abs(at[1] - place[1]))
            row, column = (np.clip(each, 0, limit - 1) for each, limit in zip(place, small.shape, strict=True))
            offset = (match[row, column] - np.stack([row, column], axis=1)) * times
            source = np.clip(rows + offset[:, 0], 0, height - 1), np.clip(columns + offset[:, 1], 0, width - 1)
            good = (weight * (small[row, column] & ~hole[source]))[:, None].astype(np.float32)
            total, count = total + picture[source] * good, count + good
    out, missing = picture.copy(), count[:, 0] < FAINT
    out[rows, columns] = total / np.maximum(count, FAINT)
    if missing.any():  # the rim of a coarse place may reach into the hole
        out[rows[missing], columns[missing]] = smooth(picture, hole)[rows[missing], columns[missing]]
    return out
