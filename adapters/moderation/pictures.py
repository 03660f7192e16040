"""Whether bytes are a picture at all: decodable, of the type they claim, of a sane size, and not blank.

This finds what a broken image model makes and what would harm whoever decodes it. What a picture shows is judged by
`images.py`, for nudity alone: gore or hate in a picture is found by nobody but the check of the texts it is made from.
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
BLANK = "is blank"
SMALL = (256, 256)
"""What open_nsfw was trained on, before its edges are cut off."""


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
    problem = decoded(data, media_type, limits)
    return problem if isinstance(problem, str) else None


def decoded(data: bytes, media_type: str, limits: PictureLimits) -> Image.Image | str:
    """The picture as 256×256 pixels in RGB, as classifiers take it; or what is wrong, as `inspect_picture` says it."""
    expected = FORMATS.get(media_type)
    if expected is None:
        return "has a media type that no cover has"
    if not 0 < len(data) <= limits.max_bytes:
        return "is empty or too large"
    try:
        with _memory_limit(limits.memory), warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                problem = _problem(picture, expected, limits)
                return _small(picture) if problem is None else problem
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
        return "is too large to decode"
    except (OSError, SyntaxError, ValueError, EOFError):  # what Pillow's decoders raise for damaged files
        return "cannot be decoded"


def _small(picture: Image.Image) -> Image.Image | str:
    """The picture made small, unless it is blank: one colour all over, nearly one colour, or nothing visible."""
    if "A" in picture.getbands() and picture.getchannel("A").getextrema()[1] == 0:
        return BLANK
    colours = picture if picture.mode == "RGB" else picture.convert("RGB")
    small = colours.resize(SMALL, Image.Resampling.BILINEAR, reducing_gap=2.0)
    blank = max(ImageStat.Stat(small).stddev) < _FLAT_DEVIATION or (_is_flat(small) and _is_flat(colours))
    return BLANK if blank else small


def _is_flat(colours: Image.Image) -> bool:
    return all(high - low <= _FLAT_RANGE for low, high in ImageStat.Stat(colours).extrema)


def _problem(picture: Image.Image, expected: str, limits: PictureLimits) -> str | None:
    width, height = picture.size
    if picture.format != expected:
        return f"is {picture.format} and not {expected}"
    if min(width, height) < limits.min_side or max(width, height) > limits.max_side:
        return "has sides out of bounds"
    if width * height > limits.max_pixels:
        return "has too many pixels"
    picture.load()
    return None


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
