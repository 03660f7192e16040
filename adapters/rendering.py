"""A picture written as a file for some purpose, and measured as whoever opens the file will find it.

Plain functions of picklable values for worker processes: a large PNG takes some seconds. The same picture and order
give the same bytes (with one version of the encoders), as nothing of the time or the machine is written.
"""

import io

import msgspec
from PIL import Image

from adapters.typesetter.pixels import UnreadablePicture, decode

MEDIA = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
STEP = 5
LOWEST = 50
"""Steps of quality, and below which it is not lowered to make a file small enough."""


class RenderOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to write. Sizes are pixels; the picture is neither cropped nor enlarged."""

    media_type: str
    width: int | None = None
    height: int | None = None
    """Both, in the picture's own shape; or none."""
    longest: int | None = None
    dpi: int | None = None
    """Written into PNG and JPEG files."""
    quality: int = 90
    max_bytes: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is, found by opening it."""

    media_type: str
    width: int
    height: int
    mode: str
    """Pillow's word: `RGB`, or `RGBA` for one with transparency."""
    dpi: int | None
    size: int
    """Bytes."""


class Rendered(msgspec.Struct, frozen=True):
    """A finished file."""

    data: bytes
    measured: Measured


def render(picture: bytes, order: RenderOrder) -> Rendered:
    """Write `picture` as ordered. Raises UnreadablePicture, and ValueError when it would be cropped, enlarged or too
    large even at the lowest quality."""
    image = decode(picture)
    image.info = {}  # what the picture's own file said beside its pixels goes into no other
    size = target(image.size, order)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    data = _encoded(image, order)
    if len(data) > order.max_bytes:
        raise ValueError(f"the file has {len(data)} bytes and may have {order.max_bytes}")
    return Rendered(data, measure(data))


def target(size: tuple[int, int], order: RenderOrder) -> tuple[int, int]:
    """The size in pixels that a picture of `size` gets. Raises ValueError."""
    width, height = size
    if order.width is not None and order.height is not None:
        if order.width > width or order.height > height:
            raise ValueError("the picture would have to be enlarged")
        if abs(round(width * order.height / height) - order.width) > 1:
            raise ValueError("the picture would have to be cropped")
        return order.width, order.height
    if order.longest is None or order.longest >= max(size):
        return size
    share = order.longest / max(size)
    return max(round(width * share), 1), max(round(height * share), 1)


def measure(data: bytes) -> Measured:
    """Open and decode a file. Raises UnreadablePicture."""
    decode(data)  # all of it, under limits
    with Image.open(io.BytesIO(data), formats=tuple(MEDIA.values())) as image:
        dpi = image.info.get("dpi")
        return Measured(
            media_type=next(media for media, name in MEDIA.items() if name == image.format),
            width=image.width,
            height=image.height,
            mode=image.mode,
            dpi=None if dpi is None else round(dpi[0]),
            size=len(data),
        )


def _encoded(image: Image.Image, order: RenderOrder) -> bytes:
    """The file; lossy ones at the best quality, from the order's own down, that has not too many bytes."""
    if order.media_type == "image/png":
        return _saved(image, order, compress_level=1)  # a seventh smaller at level 6, in twenty times the time
    for quality in range(order.quality, LOWEST, -STEP):
        data = _lossy(image, order, quality)
        if len(data) <= order.max_bytes:
            return data
    return _lossy(image, order, LOWEST)


def _lossy(image: Image.Image, order: RenderOrder, quality: int) -> bytes:
    if order.media_type == "image/webp":
        return _saved(image, order, quality=quality, method=4)
    # coloured type on coloured art frays when colour has half the resolution; `optimize` would save a few hundredths,
    # but Pillow guesses too small a buffer for it, so that noisy pictures cannot be written at all
    return _saved(image, order, quality=quality, subsampling=0)


def _saved(image: Image.Image, order: RenderOrder, **options: int) -> bytes:
    out = io.BytesIO()
    density = {} if order.dpi is None or order.media_type == "image/webp" else {"dpi": (order.dpi, order.dpi)}
    image.save(out, MEDIA[order.media_type], **options, **density)
    return out.getvalue()


__all__ = ["Measured", "RenderOrder", "Rendered", "UnreadablePicture", "measure", "render", "target"]
