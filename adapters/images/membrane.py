"""Light brought into a part of a picture from its edge: the membrane of Poisson blending, found in a small copy.

What lacks at the edge of a part, compared with what is beside it, is spread over the part as smoothly as it can be.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]
Flags = NDArray[np.bool_]
SMALL = 160
"""Pixels of the longer side of the copy: light has no details, and texture is averaged away."""
ANOTHER = 3
"""What lacks so many times the limit is no light but another thing, and is left out."""
TURNS = 12
"""Of smoothing at each size."""


def levelled(picture: Field, art: Field, hole: Flags, limit: float) -> Field:
    """`art` with the light of the picture round the hole, changed by at most `limit` of 255. Only what `art` has in the
    hole is looked at."""
    times = max(max(hole.shape) // SMALL, 1)
    around, outside = shrunk(picture, hole, times)
    inside, without = shrunk(art, ~hole, times)
    gap = outside & ~without if (outside & ~without).any() else outside
    wide = np.pad(outside, 1, "edge")
    near = wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    rim = near & ~outside
    if not rim.any():
        return art
    lack = np.where(rim[..., None], around - smooth(inside, ~gap), 0).astype(np.float32)
    alike = rim & (np.abs(lack).max(axis=-1) <= ANOTHER * limit)
    rim = alike if alike.any() else rim
    spread = np.clip(smooth(lack, ~rim), -limit, limit)
    return np.asarray(np.clip(art + enlarged(spread, hole.shape), 0, 255), np.float32)


def shrunk(picture: Field, hole: Flags, times: int) -> tuple[Field, Flags]:
    """A smaller copy in which a pixel is a hole where any of it was; the others are means of what is known."""
    if times == 1:
        return picture, hole
    art, gap = _tiled(picture, hole, times)
    shape = (art.shape[0] // times, times, art.shape[1] // times, times)
    return _means(art, gap, shape), np.any(gap.reshape(shape), axis=(1, 3))


def enlarged(picture: Field, shape: tuple[int, ...]) -> Field:
    """To that many rows and columns, smoothly."""
    size = (shape[1], shape[0])
    bands = [
        Image.fromarray(picture[..., band]).resize(size, Image.Resampling.BILINEAR) for band in range(picture.shape[-1])
    ]
    return np.stack([np.asarray(band) for band in bands], axis=-1).astype(np.float32)


def smooth(picture: Field, hole: Flags) -> Field:
    """The hole as a membrane over its edge: pulled down to a few pixels and pushed up again."""
    if not hole.any():
        return picture
    if hole.all() or min(hole.shape) <= 2:
        mean = picture[~hole].mean(axis=0) if (~hole).any() else picture.mean(axis=(0, 1))
        return np.where(hole[..., None], mean, picture).astype(np.float32)
    art, gap = _tiled(picture, hole, 2)
    shape = (art.shape[0] // 2, 2, art.shape[1] // 2, 2)
    unknown: Flags = np.asarray(gap.reshape(shape).all(axis=(1, 3)))
    found = np.where(hole[..., None], enlarged(smooth(_means(art, gap, shape), unknown), hole.shape), picture)
    for _ in range(TURNS):
        found[hole] = _neighbours(found)[hole]
    return found.astype(np.float32)


def wider(flags: Flags, steps: int) -> Flags:
    """Flags with what is up to so many steps from them, up, down or aside."""
    for _ in range(steps):
        wide = np.pad(flags, 1)
        flags = flags | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return flags


def depths(hole: Flags, most: int) -> Field:
    """How many steps, up to so many, each place of a hole is from what is known, 0 outside; the end of the picture is
    no edge."""
    depth, left = np.zeros(hole.shape, np.float32), hole
    while left.any() and depth.max() < most:
        depth += left
        wide = np.pad(left, 1, "edge")
        left = left & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return depth


def _tiled(picture: Field, hole: Flags, times: int) -> tuple[Field, Flags]:
    """Made larger at its end, so that it falls into tiles."""
    wide = [(0, -length % times) for length in hole.shape]
    return np.pad(picture, (*wide, (0, 0)), "edge"), np.pad(hole, wide, "edge")


def _means(art: Field, gap: Flags, shape: tuple[int, int, int, int]) -> Field:
    known = (~gap).reshape(shape).sum(axis=(1, 3))
    total = (art * ~gap[..., None]).reshape(*shape, art.shape[-1]).sum(axis=(1, 3))
    return np.asarray(total / np.maximum(known, 1)[..., None], np.float32)


def _neighbours(field: Field) -> Field:
    wide = np.pad(field, ((1, 1), (1, 1), (0, 0)), "edge")
    return ((wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4).astype(np.float32)
