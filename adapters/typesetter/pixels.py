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
Behind = list[Field]
"""Luminances behind each letter of a block."""

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


def average(image: Image.Image, box: tuple[int, int, int, int]) -> Colour:
    """The mean colour of left, top, width, height."""
    left, top, width, height = box
    pixel = image.crop((left, top, left + width, top + height)).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    red, green, blue = cast("tuple[int, int, int]", pixel)
    return red, green, blue


def between(one: Colour, other: Colour) -> float:
    """The WCAG ratio of two colours."""
    return contrast(one, [np.array([colour_luminance(other)], np.float32)])


def contrast(colour: Colour, behind: Behind) -> float:
    """The WCAG ratio of a colour against what is behind it: the worst letter counts, at its worst tenth."""
    mine = colour_luminance(colour) + 0.05
    ratios = [_worst(np.maximum(mine / (part + 0.05), (part + 0.05) / mine)) for part in behind]
    return min(ratios, default=21.0)


def _worst(ratios: Field) -> float:
    place = int(ratios.size * WORST_SHARE)
    return float(np.partition(ratios, place)[place])


def behind(image: Image.Image, mask: Image.Image, left: int, top: int, reach: int, cell: int) -> Behind:
    """Luminances of the picture's pixels under the mask, widened by `reach` round each glyph, letter by letter.

    A letter is taken to be a cell of `cell` pixels a side; cells with next to nothing in them count with no other.
    """
    spread = np.asarray(_widened(mask, reach)) > 127
    used = spread & _inside(image, mask, left, top)
    crop = np.asarray(image.crop((left, top, left + mask.width, top + mask.height)))
    parts = []
    for y in range(0, mask.height, cell):
        for x in range(0, mask.width, cell):
            place = (slice(y, y + cell), slice(x, x + cell))
            part = luminance(crop[place][used[place]])
            if part.size > cell * cell * 0.02:
                parts.append(part)
    return parts or [luminance(crop[used])]


def _inside(image: Image.Image, mask: Image.Image, left: int, top: int) -> NDArray[np.bool_]:
    xs, ys = np.arange(left, left + mask.width), np.arange(top, top + mask.height)
    down, across = (ys >= 0) & (ys < image.height), (xs >= 0) & (xs < image.width)
    return down[:, None] & across[None, :]


def _widened(mask: Image.Image, reach: int) -> Image.Image:
    """All within `reach` pixels of ink, on a smaller copy when the reach is large; means are far faster than maxima."""
    if reach < 1:
        return mask
    shrink = max(reach // 2, 1)
    small = _grown(mask.reduce(shrink), max(reach // shrink, 1))
    return small.resize(mask.size, Image.Resampling.BILINEAR)


def _grown(mask: Image.Image, reach: int) -> Image.Image:
    """Full wherever a square of `reach` pixels round it holds the ink of half a pixel."""
    least = 128 / (2 * reach + 1) ** 2
    return mask.filter(ImageFilter.BoxBlur(reach)).point([255 if value >= max(least, 1) else 0 for value in range(256)])


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
        thirds = [self.energy((left, top + height * k / 3, width, height / 3)) for k in range(3)]
        ends = [self.energy((left + width * share, top, width / 8, height)) for share in (0.0, 0.875)]
        return sum(thirds) / 6 + max(*thirds, *ends) / 2

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


def scrim_reach(image: Image.Image, size: int) -> int:
    """How far, in pixels, a scrim behind type of this size reaches beyond it."""
    return int(max(size * 0.5, min(image.size) * 0.055) * 4.5)


def scrim(
    image: Image.Image, mask: Image.Image, left: int, top: int, size: int, colour: Colour, strength: float
) -> None:
    """Darken (or lighten) softly behind the words: a blurred cloud of the words' own shape, dithered."""
    pad = scrim_reach(image, size)
    soft = pad / 4.5
    shrink = max(int(soft / 6), 1)
    wide = Image.new("L", (mask.width + 2 * pad, mask.height + 2 * pad))
    wide.paste(mask, (pad, pad))
    grown = _grown(wide.reduce(shrink), max(int(soft * 0.7 / shrink), 1))
    small = grown.filter(ImageFilter.GaussianBlur(soft / shrink))
    cloud = np.clip(np.asarray(small, np.float32) * np.float32(1.9 / 255), 0, 1)
    cloud = cloud * cloud * (3 - 2 * cloud) * np.float32(strength)
    box = (left - pad, top - pad, left - pad + wide.width, top - pad + wide.height)
    _blend(image, Image.fromarray(cloud), box, colour)


def panel(image: Image.Image, box: tuple[int, int, int, int], colour: Colour) -> None:
    """A flat sheet laid on the art: left, top, right, bottom."""
    image.paste(colour, box)


def _blend(image: Image.Image, cloud: Image.Image, box: tuple[int, int, int, int], colour: Colour) -> None:
    """Lay a colour on the box as far as the cloud, enlarged to it strip by strip, covers; with dither."""
    left, top, right, bottom = max(box[0], 0), max(box[1], 0), min(box[2], image.width), min(box[3], image.height)
    across, down = cloud.width / (box[2] - box[0]), cloud.height / (box[3] - box[1])
    rng = np.random.default_rng(7)
    for start in range(top, bottom, 128):
        stop = min(start + 128, bottom)
        part = ((left - box[0]) * across, (start - box[1]) * down, (right - box[0]) * across, (stop - box[1]) * down)
        cover = cloud.resize((right - left, stop - start), Image.Resampling.BICUBIC, box=part)
        share = np.asarray(cover, np.float32)[..., None]
        ground = np.asarray(image.crop((left, start, right, stop)), np.float32)
        mixed = ground + (np.array(colour, np.float32) - ground) * share
        mixed += rng.random(share.shape, np.float32)
        image.paste(Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8)), (left, start))


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
