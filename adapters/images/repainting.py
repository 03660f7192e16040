"""Parts of a picture made anew: masks with soft edges, canvases that grow, and what both mean for an image model.

Plain functions for worker processes. A mask is white where the picture changes; its edge is softened outwards alone, by
at most `reach` pixels, and beyond that every pixel stays as it was. The pictures are PNG.
"""

import io

import msgspec
import numpy as np
from PIL import Image, ImageFilter

from adapters.images import Picture
from adapters.images.adjustments import Adjusted
from adapters.images.fitting import FORMATS, Unreadable, opened
from adapters.typesetter import resize_thumbnail

MOST_PIXELS = 25_000_000
"""Of a picture that parts are made anew in."""
LONGEST = 6000
SAME_SHAPE = 0.01
"""Proportions of a mask may differ so much from the picture's."""
SOFT = 160
"""The shorter side, divided by this, is the sigma of the soft edge."""
LEAST_SOFT, MOST_SOFT = 2.0, 12.0
OVERLAP = 6
"""A grown canvas is blended over so many sigmas."""


class Unfit(ValueError):
    """The mask or the size cannot be used; `field` names which, the text may be shown."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field, why)
        self.field, self.why = field, why


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What an image model is asked: the picture, and what of it is painted anew. Both PNG of that size."""

    picture: bytes
    mask: bytes
    width: int
    height: int


class Margins(msgspec.Struct, frozen=True, kw_only=True):
    """By how many pixels a canvas grows."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


def sigma(width: int, height: int) -> float:
    """How soft an edge is, in pixels."""
    return min(max(min(width, height) / SOFT, LEAST_SOFT), MOST_SOFT)


def reach(width: int, height: int) -> int:
    """How many pixels beyond the white of a mask a change may go: the blur is three boxes, so it has an end."""
    return round(3 * sigma(width, height)) + 3


def marked(picture: bytes, mask: bytes) -> Part:
    """The picture with a mask of its own size and soft edges. Raises Unfit, Unreadable."""
    image = opened(picture, FORMATS).convert("RGB")
    grey = opened(mask, ("PNG",)).convert("L")
    width, height = image.size
    if not shaped_alike(grey.size, image.size):
        shapes = f"the mask, {grey.width}x{grey.height}, has not the shape of the picture, {width}x{height}"
        raise Unfit("mask_upload_id", shapes)
    if grey.size != image.size:
        grey = grey.resize(image.size, Image.Resampling.BILINEAR)
    if grey.getextrema()[1] == 0:
        raise Unfit("mask_upload_id", "the mask marks nothing")
    return Part(picture=png(image), mask=png(softened(grey)), width=width, height=height)


def softened(mask: Image.Image) -> Image.Image:
    """All that was white stays white, and fades out beyond its edge."""
    blurred = np.asarray(mask.filter(ImageFilter.GaussianBlur(sigma(*mask.size))), np.int32)
    return Image.fromarray(np.maximum(np.asarray(mask), np.minimum(blurred * 2, 255)).astype(np.uint8))


def grown(picture: bytes, margins: Margins) -> Part:
    """The picture on a larger canvas, with the new part marked. The old part is not touched: the blend is in the new
    one, over a mirror of what is beside it. Raises Unfit, Unreadable."""
    image = opened(picture, FORMATS).convert("RGB")
    width, height = image.width + margins.left + margins.right, image.height + margins.top + margins.bottom
    if width * height > MOST_PIXELS or max(width, height) > LONGEST:
        raise Unfit("op", f"the canvas would be {width}x{height}: at most {LONGEST} a side, {MOST_PIXELS} pixels")
    around = ((margins.top, margins.bottom), (margins.left, margins.right))
    canvas = Image.fromarray(np.pad(np.asarray(image), (*around, (0, 0)), "symmetric"))
    soft = sigma(image.width, image.height) * OVERLAP
    new = np.pad(np.zeros((image.height, image.width), np.float32), around, constant_values=1.0)
    away = np.clip(_distance(margins, image.size) / soft, 0, 1)
    ramp = np.where(new > 0, away * away * (3 - 2 * away), 0.0)
    return Part(
        picture=png(canvas), mask=png(Image.fromarray((ramp * 255).astype(np.uint8))), width=width, height=height
    )


def _distance(margins: Margins, size: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Of each pixel of the canvas from the old picture, in pixels."""
    across = _beyond(margins.left, size[0], margins.right)
    down = _beyond(margins.top, size[1], margins.bottom)
    return np.hypot(down[:, None], across[None, :])


def _beyond(before: int, length: int, after: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    places = np.arange(before + length + after, dtype=np.float32) - before
    return np.maximum(np.maximum(-places, places - (length - 1)), 0)


def png(image: Image.Image) -> bytes:
    """With fast compression, and nothing but pixels."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def finished(picture: bytes) -> Adjusted:
    """The picture as PNG with its small one. Raises Unreadable."""
    image = opened(picture, FORMATS).convert("RGB")
    data = png(image)
    return Adjusted(Picture(data, "image/png", image.width, image.height), resize_thumbnail(data))


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height, by the picture's head alone. Raises Unreadable."""
    try:
        with Image.open(io.BytesIO(picture), formats=FORMATS) as image:
            return image.size
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable("not a picture that can be read") from error


def shaped_alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Are two sizes of the same proportions, but for rounding?"""
    return abs((one[0] / one[1]) / (other[0] / other[1]) - 1) <= SAME_SHAPE
