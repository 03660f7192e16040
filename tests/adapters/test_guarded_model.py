"""An image model behind its breaker, in virtual time: what opens it, who is refused, who waits for a trial."""

import asyncio

import pytest

from adapters.images import Capabilities, PaintOrder, Picture
from adapters.images.guarded import GuardedModel, image_target
from adapters.resilience import BreakerOpen
from contracts.errors import DeadlineExceeded, Refused, Unavailable
from nodes.handling import LONGEST_DELAY, retry_delay
from tests.support.virtual_time import virtually

ORDER = PaintOrder(prompt="a lighthouse", family="ink", width=64, height=64, seed=1)


class Studio:
    """A model that takes its time and raises what it is given, in turn, then `always`."""

    name, version = "studio", "3"
    capabilities = Capabilities(
        seed=True,
        reproducible=True,
        mask=False,
        negative_prompt=False,
        any_size=True,
        offline=True,
        max_pixels=1,
    )

    def __init__(self, *errors: Exception, takes: float = 0.0, always: Exception | None = None) -> None:
        self.errors = list(errors)
        self.takes = takes
        self.always = always
        self.calls = self.running = self.most = 0

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture, or one error."""
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.running -= 1
        if error := self.errors.pop(0) if self.errors else self.always:
            raise error
        return Picture(b"art", "image/png", order.width, order.height)


def behind_a_breaker(studio: Studio, concurrency: int = 4) -> GuardedModel:
    """The model as the covers node gets it, with one minute for a picture."""
    target = image_target(studio.name, timeout=60, failures=5, open_for=30, concurrency=concurrency)
    return GuardedModel(studio, target, clock=asyncio.get_running_loop().time)


async def orders(model: GuardedModel, count: int) -> list[Picture | BaseException]:
    """What so many orders at once end with."""
    return await asyncio.gather(*(model.paint(ORDER) for _ in range(count)), return_exceptions=True)


def test_it_is_the_model() -> None:
    """Name, version and capabilities are the model's, the target's name says which one it is."""

    async def main() -> None:
        studio = Studio()
        model = behind_a_breaker(studio)
        assert (model.name, model.version, model.capabilities) == ("studio", "3", studio.capabilities)
        assert model.breaker.name == "images/studio"
        assert (await model.paint(ORDER)).data == b"art"

    virtually(main())


def test_five_outages_open_it_and_a_job_waits_as_long_as_it_is_told() -> None:
    """The sixth order does not reach the model; its error asks for the rest of the pause, which a job honours."""

    async def main() -> None:
        studio = Studio(always=Unavailable("down"))
        model = behind_a_breaker(studio)
        for _ in range(5):
            with pytest.raises(Unavailable, match="down"):
                await model.paint(ORDER)
        await asyncio.sleep(4)
        with pytest.raises(BreakerOpen) as caught:
            await model.paint(ORDER)
        assert studio.calls == 5
        assert caught.value.retry_after == 26
        assert retry_delay(1, caught.value) == 26 <= LONGEST_DELAY

    virtually(main())


@pytest.mark.parametrize("error", [ValueError("no such family"), Refused("not that")])
def test_what_the_user_asked_for_is_no_failure_of_the_model(error: Exception) -> None:
    """Orders that cannot be fulfilled pass as they are, end a streak of failures and never open the breaker."""

    async def main() -> None:
        model = behind_a_breaker(Studio(*[Unavailable()] * 4, error, *[Unavailable()] * 4, *[error] * 20))
        for _ in range(4 + 1 + 4 + 20):
            with pytest.raises((Unavailable, type(error))):
                await model.paint(ORDER)
        assert model.breaker.state == "closed"

    virtually(main())


def test_who_comes_during_the_trial_waits_for_it() -> None:
    """After the pause one order is the trial of 20 s; ten others wait for it and are then painted, none is refused."""

    async def main() -> None:
        studio = Studio(takes=20)
        model = behind_a_breaker(studio)
        model.breaker.force_open(0)
        results = await orders(model, 11)
        assert [getattr(each, "data", each) for each in results] == [b"art"] * 11
        assert studio.calls == 11

    virtually(main())


def test_a_trial_that_fails_sends_the_waiting_away() -> None:
    """The trial fails: its order has the model's error, the ten others are told to come after the longer pause."""

    async def main() -> None:
        studio = Studio(always=Unavailable("still down"), takes=20)
        model = behind_a_breaker(studio)
        model.breaker.force_open(0)
        results = await orders(model, 11)
        refused = [each for each in results if isinstance(each, BreakerOpen)]
        assert (studio.calls, len(refused)) == (1, 10)
        assert {each.retry_after for each in refused} == {60}

    virtually(main())


def test_pictures_that_take_too_long_are_failures_and_waiting_is_not() -> None:
    """Two at a time of 40 s each: ten orders are all painted in 200 s; five that hang for a minute open the breaker."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        studio = Studio(takes=40)
        model = behind_a_breaker(studio, concurrency=2)
        began = loop.time()
        assert all(isinstance(each, Picture) for each in await orders(model, 10))
        assert (loop.time() - began, studio.most) == (200, 2)
        studio.takes = 1000
        results = await orders(model, 7)
        assert [type(each) for each in results].count(DeadlineExceeded) >= 5
        assert model.breaker.state == "open"

    virtually(main())
