"""The painter as an image model: a pure function for a worker process, and the class that sends orders to it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from adapters.images import Capabilities, Cost, InpaintOrder, PaintOrder, Picture
from adapters.images.painter import prompt, tuning
from adapters.images.painter.colour import Palette
from adapters.images.painter.families import FAMILIES
from adapters.images.painter.inpainting import inpaint
from adapters.images.painter.scene import Family, Scene, develop

Result = TypeVar("Result")

VERSION = "2"
MIN_SIDE, MAX_SIDE, MAX_PIXELS = 64, 6000, 25_000_000


class Workers(Protocol):
    """Where work that fills a core is run, away from the event loop."""

    async def run(self, fn: Callable[..., Result], /, *args: object) -> Result:
        """Run fn(*args) in a worker process and return its result."""
        ...


def paint(order: PaintOrder) -> Picture:
    """Paint the order: a PNG of exactly the ordered size, the same bytes for the same order.

    Raises ValueError for an unknown family, a colour that is not `#rrggbb`, or a size outside the limits.
    """
    family = FAMILIES.get(order.family)
    if family is None:
        raise ValueError(f"there is no family of art called {order.family!r}")
    _check_size(order.width, order.height)
    scene = _scene(order, family)
    data = develop(scene, family.compose(scene), family.finish)
    return Picture(
        data,
        "image/png",
        order.width,
        order.height,
        model=Painter.name,
        version=VERSION,
        seed=order.seed,
        reproducible=True,
        cost=Cost(0),
    )


def _check_size(width: int, height: int) -> None:
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise ValueError(f"{width} x {height} is outside {MIN_SIDE}..{MAX_SIDE} a side and {MAX_PIXELS} pixels")


def _scene(order: PaintOrder, family: Family) -> Scene:
    reading = prompt.read(order.prompt)
    colours = order.palette or family.palettes[order.seed % len(family.palettes)]
    colours = tuning.tuned(colours, reading, with_time="time" not in family.options)
    return Scene(order.width, order.height, order.seed, Palette(colours), reading, order.options)


class Painter:
    """The built-in image model. It needs no key and no network; painting happens in a worker process."""

    name = "painter"
    version = VERSION
    capabilities = Capabilities(
        seed=True,
        reproducible=True,
        mask=True,
        negative_prompt=False,
        any_size=True,
        offline=True,
        max_pixels=MAX_PIXELS,
    )

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def paint(self, order: PaintOrder) -> Picture:
        """Paint in a worker; raises ValueError as `paint` does. Safe to repeat: the same order gives the same bytes."""
        return await self._workers.run(paint, order)

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """Paint what the mask marks, in a worker; raises and repeats as `paint`."""
        return await self._workers.run(inpaint, order, paint)
