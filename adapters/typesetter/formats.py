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
}
THUMBNAIL_WIDTH = 320
"""Pixels across the small picture of every cover."""
