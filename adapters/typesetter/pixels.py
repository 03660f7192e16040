"""Pixels of pages: reading art under limits, WCAG luminance, how calm a place is, the colours of the art."""

import io
import warnings
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from adapters.png import encode

__all__ = ["Calm", "UnreadablePicture", "decode", "encode", "tones"]

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]
Row = NDArray[np.float64]
Colour = tuple[int, int, int]

MAX_PIXELS = 25_000_000
FORMATS_READ = ("PNG", "JPEG", "WEBP")
NEEDED = 4.5
"""The WCAG ratio that all type reaches."""
WORST_SHARE = 0.10
"""Share of the pixels behind a letter that may be worse than the ratio given for it: glints and stars."""


class UnreadablePicture(ValueError):
    """The art is no picture in a format we read, is cut short, or has more pixels than we decode."""


def decode(data: bytes, width: int | None = None, height: int | None = None) -> Image.Image:
    """The art as RGB, cropped about its middle and resized when another size is asked for; raises UnreadablePicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            source = Image.open(io.BytesIO(data), formats=FORMATS_READ)
        _check_size(source)
        source.load()
        image = source if source.mode == "RGB" else source.convert("RGB")
    except UnreadablePicture:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadablePicture("the art cannot be read as a PNG, JPEG or WebP picture") from error
    if width is None or height is None or image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(f"the art has more than {MAX_PIXELS} pixels")
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadablePicture("the art is an animation")


_STEPS = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luminance(rgb: Pixels) -> Field:
    """WCAG relative luminance of 8-bit sRGB pixels (last axis 3)."""
    red, green, blue = _LINEAR[rgb[..., 0]], _LINEAR[rgb[..., 1]], _LINEAR[rgb[..., 2]]
    return cast("Field", red * np.float32(0.2126) + green * np.float32(0.7152) + blue * np.float32(0.0722))


def colour_luminance(colour: Colour) -> float:
    """WCAG relative luminance of one colour."""
    red, green, blue = (float(_LINEAR[part]) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def between(one: Colour, other: Colour) -> float:
    """The WCAG ratio of two colours."""
    light, dark = sorted((colour_luminance(one), colour_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class Calm:
    """How busy each part of the art is: local differences of lightness on a small copy, summed for fast boxes."""

    def __init__(self, image: Image.Image) -> None:
        self._shrink = max(min(image.size) // 160, 1)
        grey = np.asarray(image.reduce(self._shrink).convert("L"), np.float32) / 255
        down, across = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
        energy = down[:, :-1] + across[:-1, :]
        self._sums = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def disturbance(self, box: tuple[float, float, float, float]) -> float:
        """Energy of a box, raised when one of its thirds, or an end of it, is much busier than the rest."""
        left, top, width, height = box
        return float(self.disturbances((left, np.array([top], np.float64), width, height))[0])

    def disturbances(self, box: tuple[float, Row, float, float]) -> Row:
        """The same for boxes with many tops."""
        left, tops, width, height = box
        thirds = [self._energies(left, tops + height * k / 3, width, height / 3) for k in range(3)]
        ends = [self._energies(left + width * share, tops, width / 8, height) for share in (0.0, 0.875)]
        worst: Row = np.maximum.reduce([*thirds, *ends])
        return (thirds[0] + thirds[1] + thirds[2]) / 6 + worst / 2

    def energy(self, box: tuple[float, float, float, float]) -> float:
        """Mean difference between neighbours inside left, top, width, height: 0 flat; above 0.06 busy."""
        return float(self._energies(box[0], np.array([box[1]], np.float64), box[2], box[3])[0])

    def _energies(self, left: float, tops: Row, width: float, height: float) -> Row:
        rows, columns = self._sums.shape
        first, last = int(max(left, 0) / self._shrink), min(int((left + width) / self._shrink) + 1, columns - 1)
        upper = (np.maximum(tops, 0) / self._shrink).astype(np.int64).clip(max=rows - 1)
        lower = np.minimum(((tops + height) / self._shrink).astype(np.int64) + 1, rows - 1)
        area = np.maximum(last - first, 0) * np.maximum(lower - upper, 0)
        if last <= first:
            return np.zeros(len(tops))
        sums = self._sums
        total = sums[lower, last] - sums[upper, last] - sums[lower, first] + sums[upper, first]
        return np.where(area > 0, total / np.maximum(area, 1), 0.0)


def tones(image: Image.Image) -> list[Colour]:
    """Up to ten colours that the art is made of, the commonest first."""
    small = image.resize((64, 64), Image.Resampling.BOX).quantize(10, Image.Quantize.MEDIANCUT)
    palette = small.getpalette() or []
    counts = sorted(cast("list[tuple[int, int]]", small.getcolors() or []), reverse=True)
    return [(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for _, i in counts]
