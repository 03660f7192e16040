"""Real typography on art: fonts by genre, lines broken by meaning, placed where the art is calm, measured contrast."""

from adapters.typesetter.compose import (
    Composition,
    Layout,
    Placed,
    TypeOrder,
    UnprintableText,
    compose,
    resize_thumbnail,
)
from adapters.typesetter.formats import FORMATS, THUMBNAIL_WIDTH
from adapters.typesetter.pairings import PAIRINGS
from adapters.typesetter.pixels import UnreadablePicture

__all__ = [
    "FORMATS",
    "PAIRINGS",
    "THUMBNAIL_WIDTH",
    "Composition",
    "Layout",
    "Placed",
    "TypeOrder",
    "UnprintableText",
    "UnreadablePicture",
    "compose",
    "resize_thumbnail",
]
