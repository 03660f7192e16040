"""Whether bytes are a picture at all: decodable, of the type they claim, of a sane size, and not blank.

This finds what a broken image model makes and what would harm whoever decodes it. It does not look at what the picture
shows: no classifier of content is built in yet, so nudity or gore in a picture is not found here. Until there is one,
what keeps pictures clean is the check of the texts that they are made from.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image, ImageStat

FORMATS: Mapping[str, str] = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_FLAT_RANGE = 3
"""Levels of 255 that one colour may vary by and still be one colour."""
_FLAT_DEVIATION = 0.75
_LOOK = (128, 128)


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What a picture may be, in pixels and bytes."""

    min_side: int = 64
    max_side: int = 12_000
    max_pixels: int = 50_000_000
    max_bytes: int = 32 * 1024 * 1024
    memory: int = 1024 * 1024 * 1024
    """Bytes of address space that decoding may take."""


def inspect_picture(data: bytes, media_type: str, limits: PictureLimits) -> str | None:
    """What is wrong with the picture, in a few words; None when nothing is.

    A plain function of picklable values that does all decoding, for a worker process: it may take a second, a few
    hundred MiB, and the process with it when a decoder has a defect.
    """
    expected = FORMATS.get(media_type)
    if expected is None:
        return "has a media type that no cover has"
    if not 0 < len(data) <= limits.max_bytes:
        return "is empty or too large"
    try:
        with _memory_limit(limits.memory), warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                return _problem(picture, expected, limits)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
        return "is too large to decode"
    except (OSError, SyntaxError, ValueError, EOFError):  # what Pillow's decoders raise for damaged files
        return "cannot be decoded"


def _problem(picture: Image.Image, expected: str, limits: PictureLimits) -> str | None:
    width, height = picture.size
    if picture.format != expected:
        return f"is {picture.format} and not {expected}"
    if min(width, height) < limits.min_side or max(width, height) > limits.max_side:
        return "has sides out of bounds"
    if width * height > limits.max_pixels:
        return "has too many pixels"
    picture.load()
    return "is blank" if _is_blank(picture) else None


def _is_blank(picture: Image.Image) -> bool:
    """One colour all over, nearly one colour, or nothing visible."""
    if "A" in picture.getbands() and picture.getchannel("A").getextrema()[1] == 0:
        return True
    colours = picture.convert("RGB")
    if all(high - low <= _FLAT_RANGE for low, high in ImageStat.Stat(colours).extrema):
        return True
    small = colours.resize(_LOOK, Image.Resampling.BOX, reducing_gap=2.0)
    return max(ImageStat.Stat(small).stddev) < _FLAT_DEVIATION


@contextlib.contextmanager
def _memory_limit(extra: int) -> Iterator[None]:
    """At most `extra` more bytes of address space; MemoryError beyond. Without effect where the system has none."""
    try:
        import resource  # noqa: PLC0415 -- not on every system

        with open("/proc/self/statm", encoding="ascii") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = used + extra if before[1] == resource.RLIM_INFINITY else min(used + extra, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
