"""What lies behind letters: the page's pixels round every glyph, letter by letter, and the ratio of inks on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from adapters.typesetter.pixels import WORST_SHARE, Colour, Pixels, colour_luminance, luminance
from adapters.typesetter.setting import Block, Stamp
from adapters.typesetter.shades import Shade

FINE = 36
"""Samples across a letter; more tell nothing new."""
LEAST = 0.02
"""A cell with less of its area near ink counts with no other."""


_APART = 32.0
"""More than any ratio."""


@dataclass(frozen=True)
class Ground:
    """Samples of the page behind a block, sorted by letter: colours, places, and which letter each is of (0, 1, ...).

    `counts` are the samples of each letter.
    """

    pixels: Pixels
    xs: NDArray[np.int64]
    ys: NDArray[np.int64]
    letters: NDArray[np.int64]
    counts: NDArray[np.int64]

    def ratio(self, colour: Colour, shade: Shade | None = None, strength: float = 0.0) -> float:
        """The WCAG ratio of a colour, as if the shade were laid on: the worst letter counts, at its worst tenth."""
        if not self.counts.size:
            return 21.0
        under = luminance(self.pixels if shade is None else shade.over(self.pixels, self.xs, self.ys, strength)) + 0.05
        mine = colour_luminance(colour) + 0.05
        ratios = np.maximum(mine / under, under / mine)
        ranked = np.sort(ratios + self.letters * _APART)  # by letter, and by ratio within a letter
        ends = self.counts.cumsum()
        worst = ends - self.counts + (self.counts * WORST_SHARE).astype(np.int64)
        return float((ranked[worst] - np.arange(len(ends)) * _APART).min())

    @property
    def unevenness(self) -> float:
        """How far light and dark places behind the words lie apart: 0 on one tone, towards 1 across black and white."""
        if not len(self.pixels):
            return 0.0
        low, high = np.quantile(np.sqrt(luminance(self.pixels)), (0.06, 0.94))
        return float(high - low)


def behind(image: Image.Image, block: Block, item: Stamp) -> Ground:
    """The page under the block's ink and close round it; a letter is taken to be a square of the type's size."""
    stride, size = max(block.size // FINE, 1), max(block.size, 8)
    near = grown(item.mask.reduce(stride), max(reach_of(block) // stride, 1))
    rows, columns = (at * stride for at in np.nonzero(np.asarray(near) > 127))
    inside = (rows < item.mask.height) & (columns < item.mask.width)
    inside &= (rows + item.top >= 0) & (rows + item.top < image.height)
    inside &= (columns + item.left >= 0) & (columns + item.left < image.width)
    rows, columns = rows[inside], columns[inside]
    cells = (rows // size) * 4096 + columns // size
    kept = _counted(cells, LEAST * size**2 / stride**2)
    rows, columns, cells = rows[kept], columns[kept], cells[kept]
    crop = image.crop((item.left, item.top, item.left + item.mask.width, item.top + item.mask.height))
    _, letters, counts = np.unique(cells, return_inverse=True, return_counts=True)
    return Ground(np.asarray(crop)[rows, columns], columns + item.left, rows + item.top, letters, counts)


def _counted(cells: NDArray[np.int64], least: float) -> NDArray[np.intp]:
    """Places sorted by cell, without the cells that have next to nothing in them unless all are such."""
    order = np.argsort(cells, kind="stable")
    _, counts = np.unique(cells, return_counts=True)
    full = counts > least
    return order[np.repeat(full, counts)] if full.any() else order


def reach_of(block: Block) -> int:
    """How far round a glyph the background counts, in pixels."""
    return max(round(block.size * 0.03), 1)


def grown(mask: Image.Image, reach: int) -> Image.Image:
    """Full wherever a square of `reach` pixels round it holds the ink of half a pixel."""
    least = 128 / (2 * reach + 1) ** 2
    return mask.filter(ImageFilter.BoxBlur(reach)).point([255 if value >= max(least, 1) else 0 for value in range(256)])
