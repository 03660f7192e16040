"""What is measured of a finished cover: from its pixels and the art's.

The typesetter only tells where it set which words in which colour, and that is checked; its own measures are not used.
"""

import time
import unicodedata
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from adapters.images.painter import paint
from adapters.typesetter import compose, pixels
from contracts.recipes import Layout, Placed
from tests.typography.combinations import Combination

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
MARGIN = 0.04
"""Share of the short side in which no letter may be."""
STROKES = 3.0
"""The ratio that nine strokes in ten of the title reach in the thumbnail."""
ARTICLES = frozenset(
    {
        "the",
        "a",
        "an",
        "of",
        "and",
        "de",
        "la",
        "le",
        "du",
        "der",
        "die",
        "das",
        "und",
        "el",
        "los",
        "и",
        "в",
        "ο",
        "η",
        "του",
    }
)
"""Words that no line ends on."""


class Measured(msgspec.Struct, frozen=True):
    """One cover's marks; `faults` is empty when all is well."""

    index: int
    contrast: float
    """The lowest of its blocks."""
    thumbnail: float
    height_px: float
    seconds: float
    """Of processor time, for setting the type."""
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
    began = time.process_time()
    cover = compose(art, made.type)
    spent = time.process_time() - began
    layout = cover.layout
    ground, page = _pixels(art), _pixels(cover.picture.data)
    contrast = min(ring_contrast(page, item) for item in layout.placed)
    strokes, tall = small_title(page, layout.placed[0])
    faults = [*_outside(layout), *_overlaps(layout), *_unlike(ground, page, layout), *_breaks(layout, made)]
    faults += ["contrast"] * (contrast < 4.5) + ["thumbnail"] * (strokes < STROKES or tall < least_height(layout))
    title = layout.placed[0]
    treatments = "/".join(item.treatment for item in layout.placed)
    note = f"{made.style} {made.shape} {layout.grid} {title.font} {title.size}px x{len(title.lines)} {treatments}"
    return Measured(
        index=made.index,
        contrast=contrast,
        thumbnail=strokes,
        height_px=tall,
        seconds=spent,
        faults=tuple(faults),
        note=note,
        picture=cover.thumbnail.data,
    )


def small_title(page: Array, item: Placed) -> tuple[float, float]:
    """How the title reads within 100 x 150: the ratio of its strokes, and the height of its letters in pixels.

    Taken from the page alone: its ink is what has its colour inside its box. The page is scaled down by a box filter;
    strokes are the pixels that hold most ink of their surroundings, and nine in ten must stand out from the pixels
    with least ink within two pixels of them. Heights are those of ink between empty rows and columns: the median.
    """
    x, y, w, h = item.box
    crop = page[y : y + h, x : x + w]
    ink = np.abs(crop - _colour(item)).max(axis=2) < 40
    scale = min(100 / page.shape[1], 150 / page.shape[0])
    size = max(round(w * scale), 1), max(round(h * scale), 1)
    small = luminance(np.asarray(Image.fromarray(crop.astype(np.uint8)).resize(size, Image.Resampling.BOX), np.float64))
    cover = np.asarray(Image.fromarray(ink.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX), np.float64) / 255
    around = [
        np.stack([np.roll(field, (down, across), (0, 1)) for down in range(-2, 3) for across in range(-2, 3)])
        for field in (cover, small)
    ]
    barest = around[0].argmin(axis=0)
    beside = np.take_along_axis(around[1], barest[None], axis=0)[0]
    edge = around[0].min(axis=0) < 0.35  # the inside of fat letters has nothing to stand out from
    strokes = (cover >= 0.8 * around[0].max(axis=0)) & (cover > 0.25) & edge
    ratios = (np.maximum(small, beside) + 0.05) / (np.minimum(small, beside) + 0.05)
    return float(np.percentile(ratios[strokes], 10)) if strokes.any() else 1.0, _letter_height(ink) * scale


def _letter_height(ink: NDArray[np.bool_]) -> float:
    """The median height of what stands between empty columns, in each of the lines that empty rows part.

    What is not a fifth as tall as the tallest is no letter, but a sign, or art of the ink's colour, like a star.
    """
    heights: list[int] = []
    for top, bottom in _spans(ink.any(axis=1)):
        line = ink[top:bottom]
        for left, right in _spans(line.any(axis=0)):
            rows = np.flatnonzero(line[:, left:right].any(axis=1))
            heights += [int(rows[-1] - rows[0] + 1)] * (right - left >= 3)
    letters = [height for height in heights if 5 * height >= max(heights)]
    return float(np.median(letters)) if letters else 0.0


def _spans(filled: NDArray[np.bool_] | np.bool_) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.atleast_1d(filled).astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def least_height(layout: Layout) -> float:
    """Pixels of the thumbnail that letters need: 3 for alphabets, 7 for square characters."""
    square = any("\u2e80" <= character <= "\ud7ff" for character in "".join(layout.placed[0].lines))
    return 7.0 if square else 3.0


def _breaks(layout: Layout, made: Combination) -> list[str]:
    """Words lost, a hyphen added, a title's line that ends on an article, a lone short word in the last line."""
    lines, title = layout.placed[0].lines, made.type.title
    joined = "".join("".join(lines).split()).casefold()
    faults = ["words lost"] * (_bare(joined) != _bare("".join(title.split()).casefold()))
    if len(lines) > 1:
        ends = [line.split()[-1].casefold() for line in lines[:-1]]
        faults += [f"line ends on {end}" for end in ends if end in ARTICLES]
        last = lines[-1].split()
        faults += ["widow"] * (len(last) == 1 and len(last[0]) < 3 and len(lines) > 2)
    return faults


def _bare(text: str) -> str:
    """Without accents, which printers' capitals lose in Greek, and without the dot of a Turkish i."""
    parts = unicodedata.normalize("NFD", text.replace("ı", "i"))
    return "".join(part for part in parts if not unicodedata.combining(part))


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
    """Is there ink to all four edges of each box, and none of its colour that was not there outside the boxes?"""
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
