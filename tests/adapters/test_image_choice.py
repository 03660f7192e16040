"""Several image models as one: who is asked in which order, what follows each error, what is told and counted."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from adapters.images import Capabilities, Cost, ImageModel, PaintOrder, Picture
from adapters.images.choice import Choice
from adapters.images.errors import (
    ERRORS,
    FOLLOWS,
    AuthFailed,
    Broken,
    Busy,
    ImageError,
    InvalidOrder,
    QuotaUsedUp,
    RateLimitedByModel,
    RefusedInput,
    RefusedOutput,
)
from adapters.images.guarded import GuardedModel, image_target
from adapters.images.opening import Accounts, NotConfigured, Opened, open_models
from adapters.images.registered import base_url, read_preferences, read_price, read_prices
from contracts.errors import Refused, Unavailable
from tests.support.fake_images import Threads

ORDER = PaintOrder(prompt="a heron", family="ink", width=64, height=64, seed=1, tier="pro", region="eu-west")
PLAIN = Capabilities(
    seed=True, reproducible=False, mask=False, negative_prompt=False, any_size=True, offline=False, max_pixels=9
)


class Hand:
    """A model that raises what it is given, in turn, and paints otherwise."""

    version = "1"
    capabilities = PLAIN

    def __init__(self, name: str, *errors: Exception, cost: Cost | None = None) -> None:
        self.name = name
        self.errors = list(errors)
        self.cost = cost
        self.calls = 0

    async def paint(self, order: PaintOrder) -> Picture:
        """One picture, or one error."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return Picture(b"art", "image/png", order.width, order.height, cost=self.cost)


def chosen(*models: ImageModel, text: str = "", **more: Any) -> Choice:
    """They, in this order or as the text says; names are those of real ones."""
    names = ",".join(model.name for model in models)
    return Choice({model.name: model for model in models}, read_preferences(text or names), **more)


def measured(choice: Choice) -> dict[tuple[str, ...], float]:
    """The gauges, by name and labels but for the instance."""
    found = {}
    for gauge in choice.gauges():
        labels = {name: value for name, value in gauge.labels.items() if name != "instance"}
        found[(gauge.name, *labels.values())] = gauge.value
    return found


async def test_the_first_model_makes_the_picture() -> None:
    """Nobody else is asked; the picture says who made it, and what it cost is counted."""
    first, second = Hand("openai", cost=Cost(120_330)), Hand("painter")
    choice = chosen(first, second)
    picture = await choice.paint(ORDER)
    await choice.paint(ORDER)

    assert (picture.model, picture.version, picture.passed_over) == ("openai", "1", ())
    assert second.calls == 0
    assert measured(choice) == {("image_pictures", "openai"): 2, ("image_cost_micros", "openai", "USD"): 240_660}


@pytest.mark.parametrize("error", [kind for kind in ERRORS if FOLLOWS[kind.kind].falls_back])
async def test_the_next_model_is_asked_after(error: type[ImageError]) -> None:
    """What is not a refusal is no end while there is another model; the picture names the code of the reason."""
    choice = chosen(Hand("openai", error("why")), Hand("stability"), Hand("painter"))
    picture = await choice.paint(ORDER)

    assert (picture.model, picture.passed_over) == ("stability", (f"openai: {error.kind}",))
    assert measured(choice)["image_errors", "openai", error.kind] == 1


@pytest.mark.parametrize("error", [RefusedInput("moderated"), RefusedOutput("filtered", cost=Cost(30_000)), Refused()])
async def test_a_refusal_is_not_carried_to_another_model(error: Exception) -> None:
    """What one provider's rules forbid is not asked of the next; what it charged is counted all the same."""
    second = Hand("painter")
    choice = chosen(Hand("stability", error), second)
    with pytest.raises(Refused) as caught:
        await choice.paint(ORDER)

    assert (caught.value, second.calls) == (error, 0)
    assert measured(choice).get(("image_cost_micros", "stability", "USD"), 0) == (
        30_000 if isinstance(error, RefusedOutput) else 0
    )


@pytest.mark.parametrize(
    ("errors", "decides", "after"),
    [
        ((AuthFailed(), QuotaUsedUp()), AuthFailed, None),
        ((AuthFailed(), Busy()), Busy, None),
        ((RateLimitedByModel(retry_after=20), Busy(retry_after=5)), RateLimitedByModel, 5),
        ((RateLimitedByModel(retry_after=20), Broken()), RateLimitedByModel, None),
        ((InvalidOrder(), ValueError("no such family")), InvalidOrder, None),
        ((ValueError("no such family"), QuotaUsedUp()), ValueError, None),
    ],
)
async def test_when_none_makes_it_hope_decides(
    errors: Sequence[Exception], decides: type[Exception], after: float | None
) -> None:
    """Unavailable when another try may help one of them, after the shortest wait; else the first model's reason."""
    choice = chosen(*(Hand(name, error) for name, error in zip(("openai", "painter"), errors, strict=True)))
    with pytest.raises(decides) as caught:
        await choice.paint(ORDER)

    assert getattr(caught.value, "retry_after", None) == after


async def test_an_open_breaker_is_passed_over_at_once() -> None:
    """After three failures in a row the model is not called; the picture says so; the other breaker stays closed."""
    first = Hand("openai", *(Broken("http") for _ in range(9)))
    guarded = [
        GuardedModel(model, image_target(model.name, timeout=5, failures=3, open_for=30, concurrency=2))
        for model in (first, Hand("painter"))
    ]
    choice = chosen(*guarded)
    pictures = [await choice.paint(ORDER) for _ in range(5)]

    assert [picture.passed_over for picture in pictures] == [("openai: broken",)] * 3 + [("openai: breaker_open",)] * 2
    assert first.calls == 3
    assert [model.breaker.state for model in guarded] == ["open", "closed"]


@pytest.mark.parametrize("error", [AuthFailed, QuotaUsedUp, RefusedInput, RefusedOutput, InvalidOrder])
async def test_what_is_no_outage_opens_no_breaker(error: type[ImageError]) -> None:
    """A refusal, a bad order, a key or an empty account say nothing about whether the model is up."""
    model = GuardedModel(
        Hand("openai", *(error() for _ in range(9))),
        image_target("openai", timeout=5, failures=2, open_for=30, concurrency=2),
    )
    for _ in range(5):
        with pytest.raises(error):
            await model.paint(ORDER)

    assert model.breaker.state == "closed"


async def test_no_further_model_is_begun_when_the_time_is_over() -> None:
    """A step that goes on much longer would be sent again, and a picture paid twice."""
    now = [0.0]

    class Slow(Hand):
        async def paint(self, order: PaintOrder) -> Picture:
            now[0] += 60
            return await super().paint(order)

    models = [Slow(name, Busy()) for name in ("openai", "stability", "painter")]
    with pytest.raises(Busy):
        await chosen(*models, clock=lambda: now[0], budget=100.0).paint(ORDER)

    assert [model.calls for model in models] == [1, 1, 0]


async def test_who_made_it_before_is_asked_first_where_that_is_allowed() -> None:
    """A recipe is replayed by its model, but not by one that is not for the plan or the region."""
    models = [Hand(name) for name in ("openai", "stability", "painter")]
    choice = chosen(*models, text="openai,stability;free=painter")
    made = []
    for tier, before in (("pro", "stability"), ("pro", ""), ("pro", "gone"), ("free", "openai")):
        made.append((await choice.paint(msgspec.structs.replace(ORDER, tier=tier, model=before))).model)

    assert made == ["stability", "openai", "openai", "painter"]


async def test_the_log_names_model_and_code_and_nothing_of_the_order(caplog: pytest.LogCaptureFixture) -> None:
    """One warning for each model that did not make it, with the provider's request."""
    caplog.set_level(logging.DEBUG)
    await chosen(Hand("openai", Broken("server_error", request_id="req_1")), Hand("painter")).paint(ORDER)
    [record] = caplog.records

    assert record.message == "image model openai: broken"
    assert (vars(record)["reason"], vars(record)["provider_request"]) == ("server_error", "req_1")
    assert "heron" not in repr(vars(record))


@pytest.mark.parametrize(
    ("tier", "region", "names"),
    [
        ("free", "local", ("painter",)),
        ("pro", "local", ("openai", "painter")),
        ("pro_plus", "eu-west", ("openai", "painter")),
        ("free", "cn", ("stability",)),
        ("pro", "CN-Beijing", ("automatic1111", "stability")),
        ("pro_plus", "cn-north", ("replicate",)),
        ("pro", "cnx", ("openai", "painter")),
    ],
)
def test_plan_and_region_choose_the_list(tier: str, region: str, names: tuple[str, ...]) -> None:
    """The most special entry counts: region and plan, region, plan, all; of regions the longest that fits."""
    text = "openai,painter; free=painter; cn=stability; cn/pro=automatic1111,stability; cn-north=replicate"

    assert tuple(read_preferences(text)(tier, region)) == names


def test_without_an_entry_for_all_that_is_the_painter() -> None:
    """Nobody is left without a model."""
    assert tuple(read_preferences("pro=openai")("free", "")) == ("painter",)


@pytest.mark.parametrize(
    "text",
    ["dalle", "openai,,painter", "painter,painter", "painter;painter", "free=", "a b=painter", "free/pro=painter"],
)
def test_a_list_that_cannot_be_meant_is_refused(text: str) -> None:
    """An unknown or empty name, one twice, one entry twice, a key that is none."""
    with pytest.raises(ValueError, match="must "):
        read_preferences(text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (base_url, "http://provider.example.org"),
        (base_url, "http://10.0.0.8:7860"),
        (base_url, "ftp://127.0.0.1"),
        (base_url, "https://"),
        (base_url, "https://h/?key=secret"),
        (base_url, "https://secret@h:port"),
        (read_prices, "5,8"),
        (read_prices, "5,8,nan"),
        (read_price, "-1"),
        (read_price, "inf"),
    ],
)
def test_an_address_or_a_price_that_cannot_be_meant_is_refused(read: Callable[[str], object], text: str) -> None:
    """Only https, or this machine itself; no query; and the text is not repeated, since it may hold a password."""
    with pytest.raises(ValueError, match="must ") as caught:
        read(text)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("openai", "COVERGEN_OPENAI_KEY"),
        ("stability", "COVERGEN_STABILITY_KEY"),
        ("automatic1111", "COVERGEN_A1111_URL"),
        ("replicate", "COVERGEN_REPLICATE_TOKEN"),
    ],
)
async def test_a_model_without_its_key_is_an_error_at_the_start(name: str, setting: str) -> None:
    """It names the setting; a model that is nowhere named needs none."""
    accounts = Accounts(
        openai_key=None,
        openai_url="https://api.openai.com/v1",
        openai_model="gpt-image-2.5-flare",
        openai_prices=None,
        stability_key=None,
        stability_url="https://api.stability.ai",
        stability_model="core",
        a1111_url=None,
        replicate_token=None,
        replicate_url="https://api.replicate.com",
        replicate_model="black-forest-labs/flux-schnell",
        replicate_price=None,
        seconds=5,
        pseudonyms=b"k" * 32,
    )

    def guard(model: ImageModel) -> GuardedModel:
        return GuardedModel(model, image_target(model.name, timeout=5, failures=3, open_for=1, concurrency=1))

    def opening(text: str) -> Opened:
        return open_models(read_preferences(text), accounts, Threads(), guard=guard, around=lambda model: model)

    with pytest.raises(NotConfigured, match=setting):
        opening(f"painter;pro={name}")
    opened = opening("painter")
    await opened.close()

    assert [breaker.name for breaker in opened.breakers] == ["images/painter"]
    assert isinstance(Broken(), Unavailable)
