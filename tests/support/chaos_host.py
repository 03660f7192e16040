"""The product's nodes in one process for the kill harness, with cheap pictures, second deliveries and precise deaths.

`python -m tests.support.chaos_host MUTANT` (or `none`) hosts all nodes as `covergen node all` does, by `ops.hosting`
and `ops.wiring`. What is not the product's own:

- Painting and typesetting. A thousand real covers would keep two cores busy for twelve minutes (0.4 s of painting and
  0.3 s of typesetting each for the smallest format). `Brush` makes a picture of 64 pixels, `QuickWorkers` sets no type.
  The picture is checked by the real safety node in a real worker process; everything that stores, sends, counts, takes
  back and tells is the product's.
- Second deliveries: the first acknowledgement of one message in five is lost on purpose, as at-least-once allows, and
  the message comes again a moment later, so that every effect is asked for twice somewhere.
- Precise deaths: after SIGUSR1 the process kills itself with SIGKILL at the next change that is stored and whose
  messages are not sent yet, after SIGUSR2 at the next effect that is done and not acknowledged yet.
- What an order's words ask for (`FATES`): pictures that fail for good, for a while, for ever, or are broken.
- The mutant, if one is named (`mutants.py`).
"""

import asyncio
import hashlib
import io
import logging
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple

from PIL import Image, PngImagePlugin

from adapters.images import Capabilities, ImageModel, PaintOrder, Picture
from adapters.mongo_outbox import Outbox
from adapters.nats.puller import Ack, Delivery, Nak, Outcome
from adapters.typesetter import Composition, Layout, TypeOrder, compose
from adapters.workers import Workers
from contracts.errors import Unavailable
from nodes import handling
from ops import host, hosting, wiring
from ops.parts import Parts
from ops.settings import load_settings
from tests.support.mutants import chance, plant, replace

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

UNPAINTABLE, SPOILT, UNSETTABLE, FLEETING, HOPELESS = "unpaintable", "spoilt", "unsettable", "fleeting", "hopeless"
"""Words of an order that make its painting fail for good, its picture broken, its type impossible, its typesetting fail
for now (one time in two), and fail for now each time. (Not the painting: that is behind a breaker.)"""
TWICE, AGAIN_AFTER = 0.2, 0.3
"""Share of messages that come a second time, and after how many seconds."""
STROKES = (0.01, 0.06)
"""Seconds that painting or setting type takes."""


class Brush:
    """An image model that is quick, and as unwilling as the prompt asks for."""

    name, version = "quick", "1"
    capabilities = Capabilities(
        seed=True, reproducible=True, mask=False, negative_prompt=False, any_size=True, offline=True, max_pixels=9
    )

    async def paint(self, order: PaintOrder) -> Picture:
        """A small picture with the seed in it. Raises ValueError."""
        await asyncio.sleep(random.uniform(*STROKES))
        if UNPAINTABLE in order.prompt:
            raise ValueError("nobody can paint this")
        data = f"no picture {order.seed}".encode() if SPOILT in order.prompt else a_picture(str(order.seed))
        return Picture(data, "image/png", order.width, order.height)


def a_picture(of: str) -> bytes:
    """A small PNG that says what it is of."""
    buffer, words = io.BytesIO(), PngImagePlugin.PngInfo()
    words.add_text("of", of)
    Image.linear_gradient("L").resize((64, 64)).save(buffer, "PNG", pnginfo=words)
    return buffer.getvalue()


class QuickWorkers(Workers):
    """Worker processes that are spared the typesetting."""

    async def run(self, fn: Callable[[*Ts], T], *args: *Ts) -> T:
        """As it is, but for composing."""
        work: Any = fn
        quick: Any = composed
        if work is not compose:
            return await super().run(fn, *args)
        await asyncio.sleep(random.uniform(*STROKES))
        result: T = quick(*args)
        return result


class QuickParts(Parts):
    """The product's parts with these two in the place of theirs."""

    def workers(self, processes: int, time_limit: float, preload: tuple[str, ...]) -> Workers:
        """Worker processes, which import only what checks pictures."""
        return QuickWorkers(processes, time_limit, ("adapters.moderation.pictures",))

    def model(self, model: ImageModel) -> ImageModel:
        """The quick one."""
        return Brush()


def composed(art: bytes, order: TypeOrder) -> Composition:
    """Two pictures that tell which art and title they are of. Raises ValueError, Unavailable."""
    if order.author == UNSETTABLE:
        raise ValueError("no font has this")
    if order.author == HOPELESS or (order.author == FLEETING and chance(0.5)):
        raise Unavailable("a worker process died")
    mark = hashlib.sha256(art + order.title.encode()).hexdigest()
    picture, thumbnail = (Picture(a_picture(f"{kind} {mark}"), "image/png", 64, 64) for kind in ("full", "small"))
    layout = Layout(width=order.width, height=order.height, grid="none", placed=(), min_contrast=4.5, version="1")
    return Composition(picture, thumbnail, layout)


class Fuse:
    """Where the process kills itself next."""

    def __init__(self) -> None:
        self._at: str | None = None

    def arm(self, number: int, _frame: object) -> None:
        """A signal says where."""
        self._at = "unsent" if number == signal.SIGUSR1 else "unacknowledged"

    def reached(self, place: str) -> None:
        """Die here, if this is the place."""
        if place == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def die_before_sending(fuse: Fuse) -> None:
    """Make the fuse look at every change whose work is about to be sent."""
    relay = Outbox.relay

    async def fused(self: Outbox, document: Mapping[str, Any]) -> None:
        if any(entry["subject"].startswith("jobs.") for entry in document.get("outbox", ())):
            fuse.reached("unsent")
        await relay(self, document)

    replace(Outbox, "relay", fused)


def deliver_twice(fuse: Fuse) -> None:
    """Make the fuse look at every finished work, and lose some of the acknowledgements."""
    work: Callable[[Any, Delivery], Awaitable[Outcome]] = handling.Working.__call__

    async def fused(self: handling.Working, delivery: Delivery) -> Outcome:
        outcome = await work(self, delivery)
        if isinstance(outcome, Ack):
            fuse.reached("unacknowledged")
            if delivery.deliveries == 1 and chance(TWICE):
                return Nak(AGAIN_AFTER)
        return outcome

    replace(handling.Working, "__call__", fused)


def main(mutant: str) -> None:
    """Host all nodes until told to stop."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(name)s %(message)s")
    fuse = Fuse()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, fuse.arm)
    replace(host, "Parts", QuickParts)
    deliver_twice(fuse)
    die_before_sending(fuse)
    if mutant != "none":
        plant(mutant)
    asyncio.run(hosting.host_nodes(load_settings(), wiring.NODES))


if __name__ == "__main__":
    main(sys.argv[1])
