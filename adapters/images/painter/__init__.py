"""The built-in painter: art from numbers alone, the same bytes for the same seed, no network and no keys."""

from adapters.images.painter.families import FAMILIES
from adapters.images.painter.inpainting import palette_of
from adapters.images.painter.model import Painter, Workers, paint

__all__ = ["FAMILIES", "Painter", "Workers", "paint", "palette_of"]
