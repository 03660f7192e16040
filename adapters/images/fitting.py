"""Pictures of providers made to the ordered size, and masks made to each provider's meaning. For worker processes.

A picture is scaled with Lanczos. Where its proportions are not the ordered ones, up to `MOST_CROPPED` of a side is cut
away evenly; beyond that nothing is, and the rest is filled with its own edges, mirrored and blurred. What was done is
told in words, for the recipe.
"""

import io
import math
import warnings
from fractions import Fraction

from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from adapters.images import InpaintOrder

MAX_PIXELS = 25_000_000
"""Of a picture that we decode."""
FORMATS = ("PNG", "JPEG", "WEBP")
MOST_CROPPED = 0.08
SAME = 0.004
"""Proportions that differ by less are the same: it is less than a line of type is exact to."""
COARSEST = 0.6
"""A size with exactly the ordered proportions is preferred while it has this share of the pixels that are allowed."""
REPAINT = 128
"""From this grey on a mask means `paint anew`, where a provider knows only yes and no."""
BLUR = 24
PNG_LEVEL = 3
JPEG_QUALITY = 95

Size = tuple[int, int]


class Unreadable(ValueError):
    """Not a picture, or one that is too large."""


def opened(data: bytes, kinds: tuple[str, ...] = FORMATS) -> Image.Image:
    """The picture, decoded. Raises Unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=kinds)
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable("too many pixels")
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable("not a picture that can be read") from error
    except Image.DecompressionBombWarning as error:
        raise Unreadable("too many pixels") from error
    return image


def nearest(width: int, height: int, sizes: tuple[Size, ...]) -> Size:
    """Of these sizes the one with the nearest proportions, and of those the largest."""
    wanted = math.log(width / height)
    return min(sizes, key=lambda size: (round(abs(math.log(size[0] / size[1]) - wanted), 6), -size[0] * size[1]))


def gridded(width: int, height: int, *, step: int, most_pixels: int, longest: int, steepest: float = math.inf) -> Size:
    """The largest size up to the ordered one, within the limits, whose sides are multiples of `step`.

    One side is at most `steepest` times the other. With exactly the ordered proportions where one is not much smaller.
    """
    if steepest < math.inf:
        width, height = min(width, int(height * steepest)), min(height, int(width * steepest))
    scale = min(1.0, math.sqrt(most_pixels / (width * height)), longest / max(width, height))
    free = (_floored(width * scale, step), _floored(height * scale, step))
    ratio = Fraction(width, height)
    unit = (ratio.numerator * step, ratio.denominator * step)
    times = int(min(width * scale / unit[0], height * scale / unit[1]) + 1e-9)
    exact = (unit[0] * times, unit[1] * times)
    return exact if exact[0] * exact[1] >= COARSEST * free[0] * free[1] else free


def _floored(length: float, step: int) -> int:
    return max(step, int(length + 1e-9) // step * step)


def fitted(data: bytes, width: int, height: int) -> tuple[bytes, str]:
    """A provider's picture as a PNG of that size, and how it came to be; empty when nothing was to do.

    Raises Unreadable.
    """
    image = _plain(opened(data))
    image, how = _sized(image, width, height)
    return _png(image), how


def merged(data: bytes, order: InpaintOrder) -> tuple[bytes, str]:
    """A provider's picture with everything that the mask does not mark taken from the order's own, pixel by pixel.

    Raises Unreadable.
    """
    original, mask = _given(order)
    image = _plain(opened(data))
    size = (order.width, order.height)
    how = "" if image.size == size else f"{image.width}x{image.height} scaled to {size[0]}x{size[1]}"
    return _png(Image.composite(image.resize(size, Image.Resampling.LANCZOS), original, mask)), how


def upload(order: InpaintOrder, size: Size, alpha: bool) -> tuple[bytes, bytes]:
    """The picture (JPEG) and the mask (PNG) of an order in a provider's size, for `alpha` see `mask_as_alpha`.

    Raises Unreadable, and ValueError for a mask or a picture that is not of the ordered size.
    """
    picture, mask = _given(order)
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=JPEG_QUALITY)
    small = mask.resize(size, Image.Resampling.NEAREST)
    return buffer.getvalue(), _png(mask_as_alpha(small) if alpha else small)


def mask_as_alpha(mask: Image.Image) -> Image.Image:
    """Our mask (white = repaint) as OpenAI wants it: alpha 0 = repaint, all or nothing."""
    alpha = mask.point(lambda grey: 0 if grey >= REPAINT else 255)
    image = Image.new("RGBA", mask.size, (0, 0, 0, 255))
    image.putalpha(alpha)
    return image


def _given(order: InpaintOrder) -> tuple[Image.Image, Image.Image]:
    mask = opened(order.mask, ("PNG",))
    picture = _plain(opened(order.picture))
    if mask.mode != "L":
        raise ValueError("the mask is not a grey picture")
    if mask.size != (order.width, order.height) or picture.size != mask.size:
        raise ValueError("picture and mask are not of the ordered size")
    return picture, mask


def _sized(image: Image.Image, width: int, height: int) -> tuple[Image.Image, str]:
    if image.size == (width, height):
        return image, ""
    told = f"{image.width}x{image.height}"
    cover = max(width / image.width, height / image.height)
    large = (max(width, round(image.width * cover)), max(height, round(image.height * cover)))
    excess = max(1 - width / large[0], 1 - height / large[1])
    if excess <= SAME:
        return image.resize((width, height), Image.Resampling.LANCZOS), f"{told} scaled to {width}x{height}"
    if excess <= MOST_CROPPED:
        left, top = (large[0] - width) // 2, (large[1] - height) // 2
        scaled = image.resize(large, Image.Resampling.LANCZOS)
        how = f"{told} scaled to {large[0]}x{large[1]}, cropped to {width}x{height}"
        return scaled.crop((left, top, left + width, top + height)), how
    return _extended(image, width, height, told)


def _extended(image: Image.Image, width: int, height: int, told: str) -> tuple[Image.Image, str]:
    """The whole picture in the middle of the page, the rest its mirrored and blurred edges."""
    contain = min(width / image.width, height / image.height)
    small = (min(width, round(image.width * contain)), min(height, round(image.height * contain)))
    scaled = image.resize(small, Image.Resampling.LANCZOS)
    left, top = (width - small[0]) // 2, (height - small[1]) // 2
    page = _mirrored(scaled, width, height, left, top).filter(ImageFilter.GaussianBlur(BLUR))
    page.paste(scaled, (left, top))
    return page, f"{told} scaled to {small[0]}x{small[1]}, extended to {width}x{height}"


def _mirrored(image: Image.Image, width: int, height: int, left: int, top: int) -> Image.Image:
    page = Image.new("RGB", (width, height))
    across, down = ImageOps.mirror(image), ImageOps.flip(image)
    both = ImageOps.flip(across)
    for row in range(-(top // image.height) - 1, (height - top) // image.height + 1):
        for column in range(-(left // image.width) - 1, (width - left) // image.width + 1):
            tile = ((image, across), (down, both))[row % 2][column % 2]
            page.paste(tile, (left + column * image.width, top + row * image.height))
    return page


def _plain(image: Image.Image) -> Image.Image:
    """Without transparency, which would be black later, and without anything but pixels."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        page = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(page, layered).convert("RGB")
    return image.convert("RGB")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.info.clear()
    image.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()
