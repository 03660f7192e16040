"""Edges: where the art draws the outline of a shape, and what it costs that words cross one or nearly touch it.

A pattern is busy everywhere, and Calm tells that. An outline is one strong line on calm art: it hardly disturbs on
average, but it runs through the letters of a small line like a stroke of their own.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from adapters.typesetter.pixels import Field

SIDE = 320
"""Short side, in pixels, at which outlines are looked for."""
FAINT, PLAIN = 0.03, 0.10
"""Steps of a channel, of 1, from which there is an outline at all and from which it is a strong one."""
REACH = 6
"""Pixels round a place in which it is seen whether an outline goes on."""
SPOT, LINE = 0.17, 0.25
"""Shares of them that a spot and a line fill."""
THICK = 3.0
"""Pixels across a strong outline, as the measure sees it."""
AIR = {"title": ((0.12, 0.10, 0.45), (0.7, 0.04, 0.16)), "subtitle": ((0.5, 0.55, 1.1),), "author": ((0.5, 0.5, 1.0),)}
"""Room round a block that should be free of outlines, in ems, what one outline from its top to its bottom costs, and
the most that all of them do: small words suffer more, and titles stand in the middle of what is open."""

Box = tuple[float, float, float, float]
Tops = NDArray[np.float64]


class Edges:
    """Outlines of the art, summed for fast boxes (left, top, width, height in pixels of the image)."""

    def __init__(self, image: Image.Image) -> None:
        self._shrink = max(min(image.size) // SIDE, 1)
        small = image.reduce(self._shrink).filter(ImageFilter.GaussianBlur(0.8))
        rgb = np.asarray(small, np.float32) / 255
        across = np.abs(rgb[1:-1, 2:] - rgb[1:-1, :-2]).max(axis=2)
        down = np.abs(rgb[2:, 1:-1] - rgb[:-2, 1:-1]).max(axis=2)
        strong = np.clip((np.maximum(across, down) - FAINT) / (PLAIN - FAINT), 0, 1)
        field = np.pad(strong * _long(strong), 1, mode="edge").astype(np.float64)
        self._sums = np.pad(field.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def crossings(self, box: Box, tops: Tops) -> Tops:
        """How often an outline runs through the box from its head to its foot, with its top at each of those."""
        left, _, width, height = box
        rows, columns = self._sums.shape[0] - 1, self._sums.shape[1] - 1
        start, end = (min(max(round(x / self._shrink), 0), columns) for x in (left, left + width))
        upper = np.clip(np.rint(tops / self._shrink), 0, rows).astype(np.int64)
        lower = np.clip(np.rint((tops + height) / self._shrink), 0, rows).astype(np.int64)
        found = self._sums[lower, end] - self._sums[upper, end] - self._sums[lower, start] + self._sums[upper, start]
        return cast("Tops", found / (THICK * max(height / self._shrink, 1.0)))

    def prices(self, role: str, box: Box, size: float, tops: Tops) -> Tops:
        """What a block of this role and size pays, with its top at each of those."""
        paid = np.zeros(len(tops))
        for share, each, most in AIR[role]:
            pad = share * size
            around = box[0] - pad, 0.0, box[2] + 2 * pad, box[3] + 2 * pad
            paid += np.minimum(each * self.crossings(around, tops - pad), most)
        return paid


def _long(strong: Field) -> Field:
    """1 where an outline goes on, 0 for stars, snow, grain and windows."""
    near = Image.fromarray((strong * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(REACH))
    share = np.asarray(near, np.float32) / 255
    return np.clip((share - SPOT) / (LINE - SPOT), 0, 1)
