"""What is measured of a finished cover, from its pixels and the art's, without the typesetter's own measures."""

from itertools import combinations

import msgspec
import numpy as np
from PIL import Image, ImageFilter

from adapters.images.painter import paint
from adapters.typesetter import compose, pixels
from contracts.covers import Layout, Placed
from tests.typography.combinations import Combination

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
MARGIN = 0.04
"""Share of the short side in which no letter may be."""


class Measured(msgspec.Struct, frozen=True):
    """One cover's marks; `faults` is empty when all is well."""

    index: int
    contrast: float
    """The lowest of its blocks."""
    thumbnail: float
    height_px: float
    faults: tuple[str, ...]
    note: str
    picture: bytes

    @property
    def worth(self) -> float:
        """For finding the worst: how far above what is needed, by the lesser of the two ratios."""
        return min(self.contrast / 4.5, self.thumbnail / 3)


def measured(made: Combination) -> Measured:
    """Paint, set and measure one cover."""
    art = paint(made.paint).data
    cover = compose(art, made.type)
    layout = cover.layout
    ground, page = _pixels(art), _pixels(cover.picture.data)
    contrast = min(ring_contrast(page, item) for item in layout.placed)
    assert layout.thumbnail is not None
    faults = [*_outside(layout), *_overlaps(layout), *_unlike(ground, page, layout)]
    faults += ["contrast"] * (min(contrast, layout.min_contrast) < 4.5) + ["thumbnail"] * (not layout.thumbnail.legible)
    title = layout.placed[0]
    treatments = "/".join(item.treatment for item in layout.placed)
    note = f"{made.style} {made.shape} {layout.grid} {title.font} {title.size}px x{len(title.lines)} {treatments}"
    return Measured(
        index=made.index,
        contrast=min(contrast, layout.min_contrast),
        thumbnail=layout.thumbnail.contrast,
        height_px=layout.thumbnail.height_px,
        faults=tuple(faults),
        note=note,
        picture=cover.thumbnail.data,
    )


def _pixels(data: bytes) -> Array:
    return np.asarray(pixels.decode(data), np.float64)


def _colour(item: Placed) -> Array:
    return np.array([int(item.colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


def luminance(rgb: Array) -> Array:
    """WCAG 2 relative luminance, written here again from the standard."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def ring_contrast(page: Array, item: Placed) -> float:
    """The words' colour against the ring of pixels 3 to 5 away from them, at its worst tenth."""
    x, y, w, h = item.box
    crop = page[max(y - 6, 0) : y + h + 6, max(x - 6, 0) : x + w + 6]
    letters = Image.fromarray((np.abs(crop - _colour(item)).max(axis=2) < 2).astype(np.uint8) * 255)
    near, far = (np.asarray(letters.filter(ImageFilter.MaxFilter(side))) > 0 for side in (5, 11))
    ring = crop[far & ~near]
    if len(ring) < 20:
        return 0.0
    words, ground = luminance(_colour(item)[None, :])[0], luminance(ring)
    return float(np.percentile((np.maximum(words, ground) + 0.05) / (np.minimum(words, ground) + 0.05), 10))


def _outside(layout: Layout) -> list[str]:
    edge = MARGIN * min(layout.width, layout.height)
    boxes = [(item.role, item.box) for item in layout.placed]
    inside = [
        role
        for role, (x, y, w, h) in boxes
        if x >= edge and y >= edge and x + w <= layout.width - edge and y + h <= layout.height - edge
    ]
    return [f"{role} outside" for role, _ in boxes if role not in inside]


def _overlaps(layout: Layout) -> list[str]:
    pairs = combinations([(item.role, item.box) for item in layout.placed], 2)
    return [f"{one} on {other}" for (one, a), (other, b) in pairs if not _apart(a, b)]


def _apart(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    beside = a[0] >= b[0] + b[2] or b[0] >= a[0] + a[2]
    return beside or a[1] >= b[1] + b[3] or b[1] >= a[1] + a[3]


def _unlike(ground: Array, page: Array, layout: Layout) -> list[str]:
    """Is there ink to all four edges of each box, and on untouched art none outside the boxes?"""
    changed = np.abs(page - ground).max(axis=2) > 6
    left = changed.copy()
    faults = []
    for item in layout.placed:
        x, y, w, h = item.box
        part = (slice(max(y - 2, 0), y + h + 2), slice(max(x - 2, 0), x + w + 2))
        ink = (np.abs(page[part] - _colour(item)).max(axis=2) < 60) & changed[part]
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        tall = rows.size and rows[-1] - rows[0] + 1 >= h - 6
        if not tall or columns[-1] - columns[0] + 1 < w - 6:
            faults.append(f"{item.role} clipped")
        left[part] = False
    untouched = all(item.treatment == "none" for item in layout.placed)
    return faults + ["ink elsewhere"] * bool(untouched and left.any())
