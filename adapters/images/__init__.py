"""Image models behind one protocol: an order goes in, an encoded picture comes out."""

from typing import Protocol

import msgspec


class PaintOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to paint: words, an art family, colours and a size in pixels; the seed makes it repeatable.

    An empty palette means the family's own colours; options are read by the family and unknown ones are ignored.
    """

    prompt: str
    family: str
    palette: tuple[str, ...] = ()
    options: dict[str, float | str | bool] = {}
    width: int
    height: int
    seed: int


class Picture(msgspec.Struct, frozen=True):
    """An encoded picture: its bytes, their media type, and its size in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can do, so that the caller may choose one and knows what to promise."""

    seed: bool
    reproducible: bool
    mask: bool
    negative_prompt: bool
    any_size: bool
    offline: bool
    max_pixels: int


class ImageModel(Protocol):
    """A source of pictures. `paint` raises ValueError for an order that this model can never fulfil."""

    name: str
    version: str
    capabilities: Capabilities

    async def paint(self, order: PaintOrder) -> Picture:
        """Paint one picture of exactly the ordered size."""
        ...
