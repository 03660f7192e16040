"""Every image model with the server that stands for its provider, for tests that hold all of them to the same."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.images import ImageModel, InpaintOrder, PaintOrder
from adapters.images.automatic1111 import Automatic1111
from adapters.images.openai import OpenAI
from adapters.images.opening import pseudonym
from adapters.images.painter import Painter
from adapters.images.registered import Prices
from adapters.images.replicate import Replicate
from adapters.images.stability import Stability
from tests.support import fake_a1111, fake_openai, fake_replicate, fake_stability
from tests.support.fake_images import KEY, Fake, Threads, Wrong, served

WORDS = "a heron over the reeds of Avalon"
ORDER = PaintOrder(
    prompt=WORDS,
    family="ink",
    palette=("#102030", "#405060", "#a0b0c0", "#f0e0d0"),
    width=320,
    height=512,
    seed=2**40 + 5,
    key="order-1",
    user="user-1",
)
HIDDEN = pseudonym(b"k" * 32)


@dataclass(frozen=True)
class Case:
    """A model: how it is opened, what stands for its provider, and what that answers for each kind of error."""

    name: str
    fake: Callable[[], Fake]
    opened: Callable[[str, float], Any]
    """From the address of the server, and the seconds of an answer."""
    wrong: Mapping[str, list[Wrong]]


CASES = (
    Case(
        "openai",
        fake_openai.FakeOpenAI,
        lambda url, seconds: OpenAI(
            KEY, Threads(), pseudonym=HIDDEN, url=f"{url}/v1", seconds=seconds, prices=Prices(5, 8, 30)
        ),
        fake_openai.WRONG,
    ),
    Case(
        "stability",
        fake_stability.FakeStability,
        lambda url, seconds: Stability(KEY, Threads(), pseudonym=HIDDEN, url=url, seconds=seconds),
        fake_stability.WRONG,
    ),
    Case(
        "automatic1111",
        fake_a1111.FakeA1111,
        lambda url, seconds: Automatic1111(
            url.replace("//", f"//{fake_a1111.USER}:{KEY}@"), Threads(), seconds=seconds
        ),
        fake_a1111.WRONG,
    ),
    Case(
        "replicate",
        fake_replicate.FakeReplicate,
        lambda url, seconds: Replicate(KEY, Threads(), url=url, seconds=seconds, first_wait=0.01),
        fake_replicate.WRONG,
    ),
)
BY_NAME = {case.name: case for case in CASES}


@contextlib.asynccontextmanager
async def provided(name: str, seconds: float = 20.0) -> AsyncIterator[tuple[Any, Fake]]:
    """A model that speaks to its server; the painter has none."""
    if name == "painter":
        painter: ImageModel = Painter(Threads())
        yield painter, Fake()
        return
    case = BY_NAME[name]
    fake = case.fake()
    async with served(fake):
        model = case.opened(fake.url, seconds)
        try:
            yield model, fake
        finally:
            await model.close()


def inpainting(picture: bytes, mask: bytes) -> InpaintOrder:
    """The order, on this picture."""
    return InpaintOrder(
        prompt=WORDS,
        family="ink",
        width=320,
        height=512,
        seed=5,
        user="user-1",
        picture=picture,
        mask=mask,
    )
