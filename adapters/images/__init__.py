"""Image models behind one protocol: an order goes in, an encoded picture of exactly the ordered size comes out."""

from typing import Protocol, runtime_checkable

import msgspec


class Cost(msgspec.Struct, frozen=True):
    """What a provider charges: millionths of a unit of the currency."""

    micros: int
    currency: str = "USD"


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
    negative_prompt: str = ""
    """What must not be seen; a model without it says so in its capabilities and does not hear of it."""
    key: str = ""
    """Names the order; the same when it is tried again. For providers that want to know an order by a name."""
    user: str = ""
    """Whose order it is: an id of ours. A provider is told only a keyed hash of it."""
    tier: str = "free"
    region: str = ""
    model: str = ""
    """Of several models the one to be asked first, because it has made the same before."""


class InpaintOrder(PaintOrder, frozen=True, kw_only=True):
    """What to paint into a picture, which has the ordered size.

    `mask` is a PNG of one grey channel (mode L) and of the same size: white is painted anew, black stays.
    """

    picture: bytes
    mask: bytes
    focus: bool = False
    """Are the words about what is marked alone? Else they are about the whole picture, in which it goes on."""


class Picture(msgspec.Struct, frozen=True):
    """An encoded picture: its bytes, their media type, its size in pixels, and what is known of its making."""

    data: bytes
    media_type: str
    width: int
    height: int
    model: str = ""
    version: str = ""
    seed: int | None = None
    """As the model used it; None when it has none, and then the picture cannot be made again."""
    reproducible: bool = False
    cost: Cost | None = None
    request_id: str = ""
    """What the provider calls the request, for questions to its support."""
    fitting: str = ""
    """How the ordered size came of the size that the model made; empty: it made the ordered one."""
    passed_over: tuple[str, ...] = ()
    """Models that were to make it and did not, each as `name: code of the reason`."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can do, so that the caller may choose one and knows what to promise."""

    seed: bool
    reproducible: bool
    mask: bool
    negative_prompt: bool
    any_size: bool
    offline: bool
    max_pixels: int
    sizes: tuple[tuple[int, int], ...] = ()
    """The sizes that it makes, where it does not make any."""
    price: Cost | None = None
    """Of one picture as we order it, where that is known beforehand."""


class ImageModel(Protocol):
    """A source of pictures. `paint` raises ValueError for an order that this model can never fulfil."""

    name: str
    version: str
    capabilities: Capabilities

    async def paint(self, order: PaintOrder) -> Picture:
        """Paint one picture of exactly the ordered size."""
        ...


@runtime_checkable
class Inpainter(ImageModel, Protocol):
    """A model that can also change a part of a picture; its capabilities say `mask`."""

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """Paint what the mask marks; the result has exactly the ordered size. Raises as `paint` does."""
        ...


async def ask(model: ImageModel, order: PaintOrder) -> Picture:
    """A picture, or a part of one anew, as the order says. Raises ValueError also for a model that cannot do that."""
    if not isinstance(order, InpaintOrder):
        return await model.paint(order)
    if not isinstance(model, Inpainter) or not model.capabilities.mask:
        raise ValueError("this model cannot change a part of a picture")
    return await model.inpaint(order)
