"""Bells of pictures that a provider tells of: sooner with them, the same without."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from adapters.images.bells import EARLY, Bells
from adapters.images.replicate import FIRST_WAIT, FIRST_WAIT_TOLD, Replicate
from tests.support.fake_images import KEY, Threads, served
from tests.support.fake_replicate import FakeReplicate
from tests.support.image_models import ORDER

NOBODY = "http://127.0.0.1:1/webhooks"


@contextlib.asynccontextmanager
async def told(
    seconds: float, first_wait: float | None = None
) -> AsyncIterator[tuple[Replicate, FakeReplicate, Bells]]:
    """A model whose predictions take so long, and whose webhooks reach nobody but by `bells`."""
    fake, bells = FakeReplicate(), Bells()
    fake.seconds, fake.told = seconds, 0
    async with served(fake):
        model = Replicate(KEY, Threads(), url=fake.url, webhook=NOBODY, bells=bells, first_wait=first_wait)
        yield model, fake, bells
        await model.close()


def looks(fake: FakeReplicate) -> int:
    """How often the prediction was asked for."""
    return sum(each.startswith("GET /v1/predictions/") for each in fake.asked)


async def test_a_bell_is_heard_at_once() -> None:
    """The order names the webhook; one look after the ring, long before the first question would be asked."""
    async with told(0.3) as (model, fake, bells):
        began = time.monotonic()
        work = asyncio.create_task(model.paint(ORDER))
        await asyncio.sleep(0.4)
        assert not work.done()
        bells.ring("abc123")
        picture = await work

    assert (picture.request_id, looks(fake), fake.webhook) == ("abc123", 1, NOBODY)
    assert time.monotonic() - began < FIRST_WAIT_TOLD / 2


async def test_without_a_bell_it_is_asked_for() -> None:
    """A webhook that is lost costs time and nothing else."""
    async with told(0.2, first_wait=0.3) as (model, fake, _):
        assert (await model.paint(ORDER)).request_id == "abc123"

    assert looks(fake) == 1


async def test_a_bell_that_lies_is_one_look_more() -> None:
    """Rung before the prediction has ended: it is looked at, and soon again; bells of others wake nobody."""
    async with told(FIRST_WAIT + 0.2) as (model, fake, bells):
        work = asyncio.create_task(model.paint(ORDER))
        await asyncio.sleep(0.1)
        bells.ring("another")
        await asyncio.sleep(0.1)
        assert looks(fake) == 0
        bells.ring("abc123")
        await asyncio.sleep(0.1)
        assert looks(fake) == 1
        bells.ring("abc123")
        bells.ring("abc123")
        await work

    assert looks(fake) <= 4


async def test_a_bell_before_anybody_waits_is_kept() -> None:
    """A fast picture may be told of before its order is answered; of such bells only the last few are kept."""
    bells = Bells()
    bells.ring("early")
    with bells.waiting("early") as bell:
        assert await bell.heard(0)
        assert not await bell.heard(0)
    for number in range(EARLY):
        bells.ring(f"other-{number}")
    with bells.waiting("early") as bell:
        assert not await bell.heard(0)


async def test_nobody_is_kept_who_waits_no_more() -> None:
    """Also when the waiting was cancelled; two who wait for the same are both woken."""
    bells = Bells()
    with bells.waiting("one") as first, bells.waiting("one") as second:
        bells.ring("one")
        assert [await first.heard(0), await second.heard(0)] == [True, True]
    with contextlib.suppress(RuntimeError), bells.waiting("one"):
        raise RuntimeError

    assert bells._waiting == {}
