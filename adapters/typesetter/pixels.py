"""Pixels behind type: reading art under limits, WCAG contrast, calm, and the treatments that make room for words."""

import io
import warnings
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]
Colour = tuple[int, int, int]

MAX_PIXELS = 25_000_000
FORMATS_READ = ("PNG", "JPEG", "WEBP")
NEEDED = 4.5
"""The WCAG ratio that all type reaches."""
WORST_SHARE = 5.0
"""Percentile of the pixels behind the glyphs that the ratio is taken at: nineteen in twenty are better."""


class UnreadablePicture(ValueError):
    """The art is no picture in a format we read, is cut short, or has more pixels than we decode."""


def decode(data: bytes, width: int | None = None, height: int | None = None) -> Image.Image:
    """The art as RGB, cropped about its middle and resized when another size is asked for; raises UnreadablePicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            source = Image.open(io.BytesIO(data), formats=FORMATS_READ)
        _check_size(source)
        image = source.convert("RGB")
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


def encode(image: Image.Image) -> bytes:
    """The picture as PNG, with fast compression."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


_STEPS = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luminance(rgb: Pixels) -> Field:
    """WCAG relative luminance of 8-bit sRGB pixels (last axis 3)."""
    red, green, blue = _LINEAR[rgb[..., 0]], _LINEAR[rgb[..., 1]], _LINEAR[rgb[..., 2]]
    return cast("Field", red * np.float32(0.2126) + green * np.float32(0.7152) + blue * np.float32(0.0722))


def colour_luminance(colour: Colour) -> float:
    """WCAG relative luminance of one colour."""
    return float(luminance(np.array([[colour]], np.uint8))[0, 0])


def between(one: Colour, other: Colour) -> float:
    """The WCAG ratio of two colours."""
    return contrast(one, np.array([colour_luminance(other)], np.float32))


def contrast(colour: Colour, behind: Field) -> float:
    """The WCAG ratio of a colour against luminances, at the worst twentieth of them."""
    if behind.size == 0:
        return 21.0
    mine = colour_luminance(colour) + 0.05
    theirs = behind + 0.05
    ratio = np.maximum(mine / theirs, theirs / mine)
    return float(np.percentile(ratio, WORST_SHARE))


def behind(image: Image.Image, mask: Image.Image, left: int, top: int, reach: int) -> Field:
    """Luminances of the picture's pixels under the mask, widened by `reach` pixels round each glyph."""
    spread = _widened(mask, reach)
    crop = np.asarray(image.crop((left, top, left + mask.width, top + mask.height)))
    inside = _inside(image, mask, left, top)
    return luminance(crop[(np.asarray(spread) > 100) & inside])


def _inside(image: Image.Image, mask: Image.Image, left: int, top: int) -> NDArray[np.bool_]:
    xs, ys = np.arange(left, left + mask.width), np.arange(top, top + mask.height)
    down, across = (ys >= 0) & (ys < image.height), (xs >= 0) & (xs < image.width)
    return down[:, None] & across[None, :]


def _widened(mask: Image.Image, reach: int) -> Image.Image:
    """A maximum filter, done on a smaller copy when the reach is large."""
    if reach < 1:
        return mask
    shrink = max(reach // 2, 1)
    small = mask.reduce(shrink).filter(ImageFilter.MaxFilter(2 * max(reach // shrink, 1) + 1))
    return small.resize(mask.size, Image.Resampling.BILINEAR)


class Calm:
    """How busy each part of the art is: local differences of lightness on a small copy, summed for fast boxes."""

    def __init__(self, image: Image.Image) -> None:
        self._shrink = max(min(image.size) // 160, 1)
        grey = np.asarray(image.reduce(self._shrink).convert("L"), np.float32) / 255
        down, across = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
        energy = down[:, :-1] + across[:-1, :]
        self._sums = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def disturbance(self, box: tuple[float, float, float, float]) -> float:
        """Energy of a box, raised when one of its thirds is much busier than the rest."""
        left, top, width, height = box
        thirds = [self.energy((left, top + height * k / 3, width, height / 3)) for k in range(3)]
        return sum(thirds) / 6 + max(thirds) / 2

    def energy(self, box: tuple[float, float, float, float]) -> float:
        """Mean difference between neighbours inside left, top, width, height: 0 flat; above 0.06 busy."""
        rows, columns = self._sums.shape
        left, top = (int(max(v, 0) / self._shrink) for v in box[:2])
        right = min(int((box[0] + box[2]) / self._shrink) + 1, columns - 1)
        bottom = min(int((box[1] + box[3]) / self._shrink) + 1, rows - 1)
        if right <= left or bottom <= top:
            return 0.0
        total = self._sums[bottom, right] - self._sums[top, right] - self._sums[bottom, left] + self._sums[top, left]
        return float(total / ((right - left) * (bottom - top)))


def scrim(
    image: Image.Image, mask: Image.Image, left: int, top: int, size: int, colour: Colour, strength: float
) -> None:
    """Darken (or lighten) softly behind the words: a blurred cloud of the words' own shape, dithered."""
    soft = max(size * 0.5, min(image.size) * 0.02)
    shrink = max(int(soft / 6), 1)
    pad = int(soft * 4.5)
    wide = Image.new("L", (mask.width + 2 * pad, mask.height + 2 * pad))
    wide.paste(mask, (pad, pad))
    grown = wide.reduce(shrink).filter(ImageFilter.MaxFilter(2 * max(int(soft * 0.7 / shrink), 1) + 1))
    small = grown.filter(ImageFilter.GaussianBlur(soft / shrink))
    cloud = np.clip(np.asarray(small, np.float32) * np.float32(1.9 / 255), 0, 1)
    cloud = cloud * cloud * (3 - 2 * cloud) * np.float32(strength)
    cover = Image.fromarray(cloud).resize(wide.size, Image.Resampling.BICUBIC)
    _blend(image, cover, left - pad, top - pad, colour)


def panel(image: Image.Image, box: tuple[int, int, int, int], colour: Colour, strength: float) -> None:
    """A flat sheet laid on the art: left, top, right, bottom."""
    cover = Image.new("F", (box[2] - box[0], box[3] - box[1]), strength)
    _blend(image, cover, box[0], box[1], colour)


def _blend(image: Image.Image, cover: Image.Image, left: int, top: int, colour: Colour) -> None:
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + cover.width, image.width), min(top + cover.height, image.height)
    rng = np.random.default_rng(7)
    for start in range(y0, y1, 256):
        stop = min(start + 256, y1)
        share = np.asarray(cover.crop((x0 - left, start - top, x1 - left, stop - top)), np.float32)[..., None]
        ground = np.asarray(image.crop((x0, start, x1, stop)), np.float32)
        mixed = ground + (np.array(colour, np.float32) - ground) * share
        mixed += rng.random(share.shape, np.float32)
        image.paste(Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8)), (x0, start))


def stroke(image: Image.Image, mask: Image.Image, left: int, top: int, reach: int, colour: Colour) -> None:
    """An outline of `reach` pixels round the glyphs, drawn under them."""
    pad = reach + 2
    wide = Image.new("L", (mask.width + 2 * pad, mask.height + 2 * pad))
    wide.paste(mask, (pad, pad))
    blurred = wide.filter(ImageFilter.GaussianBlur(reach * 0.62))
    outline = blurred.point([min(max(int((v - 7) * 18), 0), 255) for v in range(256)])
    image.paste(colour, (left - pad, top - pad), outline)


def tones(image: Image.Image) -> list[Colour]:
    """Up to ten colours that the art is made of, the commonest first."""
    small = image.resize((64, 64), Image.Resampling.BOX).quantize(10, Image.Quantize.MEDIANCUT)
    palette = small.getpalette() or []
    counts = sorted(cast("list[tuple[int, int]]", small.getcolors() or []), reverse=True)
    return [(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for _, i in counts]
