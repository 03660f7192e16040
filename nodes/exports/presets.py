"""What a cover can be exported as: a table of data, and which rows fit a cover.

A cover is a finished composition, so nothing is cropped, padded or enlarged: a row of a fixed size is offered only for
covers of its shape that have at least its pixels.
"""

from collections.abc import Mapping

from contracts.errors import FieldError, Invalid
from contracts.exports import Preset

MB = 1_000_000
OWN = "no outside rule"
"""The source of sizes that are ours to choose."""
LARGEST = 30 * MB
"""Bytes of a file without a limit of its own; the object store takes a little more."""
SHAPES_DIFFER = 0.005
"""Part by which two aspect ratios may differ and still be one shape: a pixel of a small picture."""

TABLE: tuple[Preset, ...] = (
    Preset(
        name="png",
        title="The picture as it is",
        media_type="image/png",
        dpi=300,
        max_bytes=LARGEST,
        source=OWN,
    ),
    Preset(
        name="jpeg",
        title="The picture in full size, small enough to send",
        media_type="image/jpeg",
        dpi=300,
        quality=92,
        max_bytes=10 * MB,
        source=OWN,
    ),
    Preset(
        name="jpeg-ebook",
        title="Cover of a Kindle e-book",
        media_type="image/jpeg",
        width=1600,
        height=2560,
        dpi=300,
        quality=95,
        max_bytes=5 * MB,
        source="Amazon KDP help G200645690 (1600 x 2560 ideal, RGB, at most 50 MB; its page on images says 5), 2026-11",
    ),
    Preset(
        name="jpeg-podcast",
        title="Artwork of a podcast",
        media_type="image/jpeg",
        width=3000,
        height=3000,
        dpi=72,
        quality=90,
        max_bytes=10 * MB,
        source="Apple Podcasts support 896 (3000 x 3000 preferred, JPEG or PNG without alpha), 2026-11; bytes are ours",
    ),
    Preset(
        name="jpeg-audiobook",
        title="Cover of an audiobook",
        media_type="image/jpeg",
        width=2400,
        height=2400,
        dpi=72,
        quality=95,
        max_bytes=5 * MB,
        source="ACX help (true square of at least 2400, RGB, 72 dpi or more, JPEG, at most 5 MB), 2014 by the archive",
    ),
    Preset(
        name="jpeg-video",
        title="Thumbnail of a video",
        media_type="image/jpeg",
        width=1280,
        height=720,
        dpi=72,
        quality=95,
        max_bytes=2 * MB,
        source="YouTube help (1280 x 720, 16:9, at most 2 MB), quoted 2026-11",
    ),
    Preset(
        name="jpeg-web",
        title="For web pages, readable everywhere",
        media_type="image/jpeg",
        longest=1600,
        dpi=72,
        quality=85,
        max_bytes=2 * MB,
        source=OWN,
    ),
    Preset(
        name="webp-web",
        title="For web pages, smallest",
        media_type="image/webp",
        longest=1200,
        quality=82,
        max_bytes=1 * MB,
        source=OWN,
    ),
    Preset(
        name="thumbnail",
        title="Small picture for lists",
        media_type="image/jpeg",
        longest=320,
        dpi=72,
        quality=85,
        max_bytes=100_000,
        source=OWN,
    ),
)
BY_NAME: Mapping[str, Preset] = {preset.name: preset for preset in TABLE}


def chosen(names: tuple[str, ...], width: int, height: int) -> tuple[Preset, ...]:
    """The presets of these names for a cover of that size, each once. Raises Invalid, naming each that cannot be."""
    wrong = tuple(
        FieldError(field=f"presets[{place}]", detail=f"{name} {reason}")
        for place, name in enumerate(names)
        if (reason := _unfit(name, width, height)) is not None
    )
    if wrong:
        raise Invalid("; ".join(error.detail for error in wrong) + ".", errors=wrong)
    return tuple(BY_NAME[name] for name in dict.fromkeys(names))


def _unfit(name: str, width: int, height: int) -> str | None:
    preset = BY_NAME.get(name)
    if preset is None:
        return f"is no preset; there are {', '.join(BY_NAME)}"
    if preset.width is None or preset.height is None:
        return None
    sizes = f"is {preset.width} x {preset.height} pixels and this cover {width} x {height}"
    if abs(width * preset.height / (height * preset.width) - 1) > SHAPES_DIFFER:
        return f"{sizes}, which would have to be cropped"
    if width < preset.width:
        return f"{sizes}, which would have to be enlarged"
    return None
