"""What is laid between art and words when no ink reads well enough: a veil, a cloud, a stroke, a plate.

A veil comes in from the nearest edge of the page, over its whole breadth, as printers have always done it; a cloud lies
round words that stand far from every edge. Both are held on a coarse grid and dithered when they are printed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from adapters.typesetter.pixels import Colour, Field, Pixels

CELLS = 100
"""Cells of a shade's grid along the page's short side."""
FALL = 0.22
"""Share of the page over which a veil fades out beyond the words."""
BROADEST = 0.66
"""Share of the page above which a veil would be a repainting: a cloud is laid instead."""
STRIP = 256

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Shade:
    """How far a colour covers each cell of the page, 0 to 1; `cell` is a cell's side in pixels."""

    cover: Field
    cell: float
    colour: Colour

    def over(self, pixels: Pixels, xs: NDArray[np.int64], ys: NDArray[np.int64], strength: float) -> Pixels:
        """Pixels of these places as they will be under the shade."""
        share = self._at(xs, ys)[:, None] * np.float32(strength)
        mixed = pixels + (np.array(self.colour, np.float32) - pixels) * share
        return np.rint(mixed).astype(np.uint8)

    def _at(self, xs: NDArray[np.int64], ys: NDArray[np.int64]) -> Field:
        rows, columns = self.cover.shape
        down = (ys / self.cell).astype(np.int64).clip(0, rows - 1)
        across = (xs / self.cell).astype(np.int64).clip(0, columns - 1)
        share: Field = self.cover[down, across]
        return share

    def change_of(self, image: Image.Image) -> float:
        """How far its colour is from the art that it covers, 0 to 1: from all of it, not only that behind the words."""
        rows, columns = self.cover.shape
        art = np.asarray(image.resize((columns, rows), Image.Resampling.BOX, reducing_gap=2.0), np.float32)
        away = np.abs(art - np.array(self.colour, np.float32)).mean(axis=2) / 255
        return float((away * self.cover).sum() / max(float(self.cover.sum()), 1.0))

    def lay(self, image: Image.Image, strength: float) -> None:
        """Print it, strip by strip, with dither."""
        grid = Image.fromarray(self.cover * np.float32(strength * 255))
        noise = np.random.default_rng(7).random((STRIP, image.width), np.float32)
        rows = np.flatnonzero(self.cover.any(axis=1))
        top = max(int((rows[0] - 1) * self.cell), 0) if rows.size else image.height
        bottom = min(int((rows[-1] + 2) * self.cell), image.height) if rows.size else 0
        for start in range(top, bottom, STRIP):
            stop = min(start + STRIP, bottom)
            part = (0.0, start / self.cell, image.width / self.cell, min(stop / self.cell, float(grid.height)))
            cover = np.asarray(grid.resize((image.width, stop - start), Image.Resampling.BILINEAR, box=part))
            mask = np.clip(cover + noise[: stop - start], 0, 255).astype(np.uint8)
            image.paste(self.colour, (0, start, image.width, stop), Image.fromarray(mask))


def shade(size: tuple[int, int], words: Box, pad: float, colour: Colour) -> Shade:
    """The shade for words in the box (left, top, right, bottom): the veil that covers least, else a cloud."""
    width, height = size
    cell = min(size) / CELLS
    xs = (np.arange(-(-width // cell), dtype=np.float32) + 0.5) * np.float32(cell)
    ys = (np.arange(-(-height // cell), dtype=np.float32) + 0.5) * np.float32(cell)
    left, top, right, bottom = words[0] - pad, words[1] - pad, words[2] + pad, words[3] + pad
    shares = {"top": bottom / height, "bottom": 1 - top / height, "left": right / width, "right": 1 - left / width}
    edge = min(shares, key=lambda name: shares[name])
    past = {
        "top": ((ys - bottom) / (FALL * height))[:, None] + 0 * xs,
        "bottom": ((top - ys) / (FALL * height))[:, None] + 0 * xs,
        "left": (xs - right) / (FALL * width) + 0 * ys[:, None],
        "right": (left - xs) / (FALL * width) + 0 * ys[:, None],
    }[edge]
    if shares[edge] > BROADEST:
        beside, beyond = np.maximum(left - xs, xs - right), np.maximum(top - ys, ys - bottom)
        away = np.hypot(np.maximum(beside, 0), np.maximum(beyond, 0)[:, None])
        past = away / (0.16 * min(size))
    ebb = 1 - np.clip(past, 0, 1)
    return Shade((ebb * ebb * (3 - 2 * ebb)).astype(np.float32), cell, colour)


def plate(image: Image.Image, box: Box, colour: Colour, rule: Colour | None, weight: int) -> None:
    """A flat sheet laid on the art (left, top, right, bottom), with a rule inside its edge when one is given."""
    image.paste(colour, box)
    inset = 3 * weight
    if rule is not None and min(box[2] - box[0], box[3] - box[1]) > 6 * inset:
        inner = (box[0] + inset, box[1] + inset, box[2] - inset - 1, box[3] - inset - 1)
        ImageDraw.Draw(image).rectangle(inner, outline=rule, width=weight)


def stroke(image: Image.Image, mask: Image.Image, left: int, top: int, reach: int, colour: Colour) -> None:
    """An outline of `reach` pixels round the glyphs, drawn under them."""
    pad = reach + 2
    wide = Image.new("L", (mask.width + 2 * pad, mask.height + 2 * pad))
    wide.paste(mask, (pad, pad))
    blurred = wide.filter(ImageFilter.GaussianBlur(reach * 0.62))
    outline = blurred.point([min(max(int((v - 7) * 18), 0), 255) for v in range(256)])
    image.paste(colour, (left - pad, top - pad), outline)
