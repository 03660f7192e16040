"""The formats that a cover comes in."""

import msgspec


class Format(msgspec.Struct, frozen=True):
    """A size in pixels and what it is for."""

    width: int
    height: int
    purpose: str


FORMATS: dict[str, Format] = {
    "ebook": Format(1600, 2560, "e-book cover"),
    "square": Format(3000, 3000, "album, podcast or audiobook cover"),
    "thumbnail": Format(1280, 720, "video thumbnail"),
    "paperback": Format(1800, 2700, "front of a 6 x 9 inch paperback at 300 dpi"),
    "portrait": Format(1080, 1350, "portrait post, 4:5"),
    "story": Format(1080, 1920, "story or reel, 9:16"),
    "wide": Format(1920, 1080, "wide banner or slide, 16:9"),
}
THUMBNAIL_WIDTH = 320
"""Pixels across the small picture of every cover."""
