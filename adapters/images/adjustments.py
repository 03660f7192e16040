"""Adjusting a finished picture: tone, colour and focus, by tables and filters; the same values give the same bytes.

The strongest values are chosen so that a picture stays a picture: nothing here makes it all white, black or flat.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from adapters.images import Picture
from adapters.typesetter import resize_thumbnail
from adapters.typesetter.pixels import decode, encode

LIGHT = 0.6
"""Share of the way to white (or black) that full brightness goes."""
FLATTEST, STEEPEST = 0.25, 2.0
"""Slope about the middle grey at full contrast."""
TINT = 0.2
"""Share by which red grows and blue shrinks at full warmth."""
SHARPEST = 220
"""Per cent of the unsharp mask at full strength."""
RADIUS, THRESHOLD = 2.0, 2


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """How to change a picture. The first four are -1 to 1 with 0 for no change; `blur` is a radius in pixels up to 20,
    `sharpen` 0 to 1. They are done in this order, so blur comes before sharpen."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    warmth: float = 0.0
    blur: float = 0.0
    sharpen: float = 0.0


class Adjusted(msgspec.Struct, frozen=True):
    """The picture, in the size it had, and a small one."""

    picture: Picture
    thumbnail: Picture


def adjust(data: bytes, adjustment: Adjustment) -> Adjusted:
    """The adjusted picture as PNG; pure, for a worker process. Raises UnreadablePicture, which is a ValueError."""
    image = decode(data)
    image = _toned(image, adjustment)
    image = _coloured(image, adjustment)
    image = _focused(image, adjustment)
    picture = Picture(encode(image), "image/png", image.width, image.height)
    return Adjusted(picture, resize_thumbnail(picture.data))


def _toned(image: Image.Image, adjustment: Adjustment) -> Image.Image:
    """Brightness and contrast: one table for all channels."""
    levels = np.arange(256, dtype=np.float64) / 255
    share = LIGHT * abs(adjustment.brightness)
    levels += (float(adjustment.brightness > 0) - levels) * share
    slope = 1 + adjustment.contrast * ((STEEPEST - 1) if adjustment.contrast > 0 else (1 - FLATTEST))
    return _through(image, [(levels - 0.5) * slope + 0.5] * 3)


def _coloured(image: Image.Image, adjustment: Adjustment) -> Image.Image:
    if adjustment.saturation:
        image = ImageEnhance.Color(image).enhance(1 + adjustment.saturation)
    levels, tint = np.arange(256, dtype=np.float64) / 255, TINT * adjustment.warmth
    return _through(image, [levels * (1 + tint), levels, levels * (1 - tint)])


def _through(image: Image.Image, curves: list[NDArray[np.float64]]) -> Image.Image:
    """Each channel by its own curve of 256 levels, 0 to 1."""
    tables = [np.clip(np.rint(curve * 255), 0, 255).astype(int).tolist() for curve in curves]
    same = all(table == list(range(256)) for table in tables)
    return image if same else image.point([level for table in tables for level in table])


def _focused(image: Image.Image, adjustment: Adjustment) -> Image.Image:
    if adjustment.blur:
        image = image.filter(ImageFilter.GaussianBlur(adjustment.blur))
    if adjustment.sharpen:
        percent = round(SHARPEST * adjustment.sharpen)
        image = image.filter(ImageFilter.UnsharpMask(RADIUS, percent, THRESHOLD))
    return image
