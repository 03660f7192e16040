"""Logos: read under limits, trimmed, measured against the ground, and printed, on a plate where they would not be seen.

A logo is never recoloured or distorted; a dark one on dark art gets a light sheet under it instead.
"""

import io
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.typesetter import inking, pixels
from adapters.typesetter.inking import Inks
from adapters.typesetter.pixels import Colour, Field
from contracts.brands import LogoPosition

MOST_SIDE = 1200
"""Pixels of the longer side of a logo as it is kept; the largest page prints 840."""
LEAST_SIDE = 24
FLATTEST, TALLEST = 14.0, 1 / 5
"""Width over height of logos that can be seen at the size of a logo."""
SEEN = 16
"""Alpha from which a pixel counts when a logo is trimmed."""
NEEDED = 3.0
"""The ratio that WCAG 2.2 asks of shapes (1.4.11)."""


class Logo(msgspec.Struct, frozen=True):
    """A logo to print: PNG bytes as `prepared` made them, and where it is wanted."""

    data: bytes
    sha256: str
    position: LogoPosition = "auto"


class UnusableLogo(ValueError):
    """The picture cannot be a logo; the message says why, for people."""


def prepared(data: bytes) -> bytes:
    """A logo as it is kept: its clear margins cut off, at most 1200 pixels a side, PNG; the same bytes for the same.

    Raises UnusableLogo for what is no picture, is clear all over, too small, or far too flat or tall.
    """
    image = _decoded(data)
    box = image.getchannel("A").point([255 if alpha >= SEEN else 0 for alpha in range(256)]).getbbox()
    if box is None:
        raise UnusableLogo("there is nothing to see in this picture")
    image = image.crop(box)
    if max(image.size) < LEAST_SIDE:
        raise UnusableLogo(f"a logo needs at least {LEAST_SIDE} pixels a side")
    if not TALLEST <= image.width / image.height <= FLATTEST:
        raise UnusableLogo("a logo is at most 14 times as wide as tall, and at most 5 times as tall as wide")
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _decoded(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=pixels.FORMATS_READ) as source:
            if source.width * source.height > pixels.MAX_PIXELS:
                raise UnusableLogo(f"a logo has at most {pixels.MAX_PIXELS} pixels")
            return source.convert("RGBA")
    except UnusableLogo:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise UnusableLogo("this cannot be read as a PNG, JPEG or WebP picture") from error


def opened(data: bytes) -> Image.Image:
    """The logo as RGBA. Raises UnusableLogo."""
    return _decoded(data)


def opaque(mark: Image.Image) -> bool:
    """Has the logo a ground of its own?"""
    return bool(np.asarray(mark.getchannel("A")).min() > 250)


def contrast(page: Image.Image, mark: Image.Image, left: int, top: int) -> float:
    """The WCAG ratio that nine tenths of the logo's outline reach against the ground beside them.

    Of a logo with a ground of its own, what its lightest and darkest parts reach against each other.
    """
    ink = pixels.luminance(np.asarray(mark.convert("RGB")))
    if opaque(mark):
        return _ratio(np.quantile(ink, 0.95), np.quantile(ink, 0.05))
    shape = np.asarray(mark.getchannel("A")) > 127
    edge = shape & ~_eroded(shape)
    if not edge.any():
        return 1.0
    ratios = _ratios(ink[edge], _beside(page, mark.size, left, top)[edge])
    return float(np.quantile(ratios, pixels.WORST_SHARE))


def _beside(page: Image.Image, size: tuple[int, int], left: int, top: int) -> Field:
    """Mean luminance of the page round each pixel of the logo."""
    reach = max(round(min(size) * 0.06), 1)
    box = (left - reach, top - reach, left + size[0] + reach, top + size[1] + reach)
    ground = pixels.luminance(np.asarray(page.crop(box))).astype(np.float64)
    sums, side = np.pad(ground.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))), 2 * reach + 1
    around = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: Field = (around / side**2).astype(np.float32)
    return mean


def _eroded(shape: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels with ink on all four sides."""
    wide = np.pad(shape, 1)
    return shape & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]


def _ratios(one: Field, other: Field) -> Field:
    return cast("Field", (np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05))


def _ratio(one: np.floating, other: np.floating) -> float:
    return float((max(one, other) + 0.05) / (min(one, other) + 0.05))


def printed(page: Image.Image, mark: Image.Image, left: int, top: int, inks: Inks) -> tuple[float, Colour | None]:
    """Print the logo, on a plate when it would not be seen without; its ratio, and the colour of the plate."""
    ratio, plate = contrast(page, mark, left, top), None
    if ratio < NEEDED and not opaque(mark):
        plate = _plate(page, mark, left, top, inks)
        ratio = contrast(page, mark, left, top)
    page.paste(mark, (left, top), mark)
    return ratio, plate


def _plate(page: Image.Image, mark: Image.Image, left: int, top: int, inks: Inks) -> Colour:
    """Lay the sheet that the logo reads best on: the art's own light or dark, else the plain ones."""
    box = plate_box(page, mark, left, top)
    clean = page.crop(box)
    ratios: dict[Colour, float] = {}
    for ground in (inks.light, inks.dark, inking.PANEL_LIGHT, inking.PANEL_DARK):
        page.paste(ground, box)
        ratios[ground] = contrast(page, mark, left, top)
        page.paste(clean, box)
    good = max((inks.light, inks.dark), key=lambda ground: ratios[ground])
    chosen = good if ratios[good] >= NEEDED else max(ratios, key=lambda ground: ratios[ground])
    page.paste(chosen, box)
    return chosen


def plate_box(page: Image.Image, mark: Image.Image, left: int, top: int) -> tuple[int, int, int, int]:
    """The sheet round a logo: left, top, right, bottom, within the page."""
    pad = round(min(page.size) * 0.018)
    right, bottom = left + mark.width + pad, top + mark.height + pad
    return max(left - pad, 0), max(top - pad, 0), min(right, page.width), min(bottom, page.height)
