"""All image models held to one protocol, each against a server that checks like its provider's."""

import asyncio
import io
import logging
import re
import traceback
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageDraw

from adapters.images import Cost, PaintOrder, Picture, ask
from adapters.images.errors import ERRORS, FOLLOWS, ImageError, InvalidOrder, RefusedOutput, TookTooLong
from contracts.errors import DeadlineExceeded, Invalid, NoImageModel, Refused, ServiceError, Unavailable
from tests.support.fake_a1111 import FakeA1111
from tests.support.fake_images import KEY, PAINTED, TEXT, Wrong, opened, png
from tests.support.fake_replicate import FakeReplicate
from tests.support.image_models import BY_NAME, CASES, HIDDEN, ORDER, WORDS, inpainting, provided

HOW = r"|\d+x\d+ scaled to \d+x\d+(, (cropped|extended) to \d+x\d+)?"
ALL = ("painter", *BY_NAME)
REMOTE = tuple(BY_NAME)
SITUATIONS = [
    pytest.param(case.name, kind, wrong, id=f"{case.name}-{kind}-{number}")
    for case in CASES
    for kind, wrongs in case.wrong.items()
    for number, wrong in enumerate(wrongs)
]
MEANING: dict[str, type[ServiceError]] = {
    "refused_input": Refused,
    "refused_output": Refused,
    "invalid": Invalid,
    "auth": NoImageModel,
    "quota": NoImageModel,
    "rate_limited": Unavailable,
    "busy": Unavailable,
    "timeout": DeadlineExceeded,
    "broken": Unavailable,
}
CHARGED = {
    "painter": Cost(0),
    "openai": Cost(50 * 5 + 10 * 8 + 4000 * 30),
    "stability": Cost(30_000),
    "automatic1111": Cost(0),
    "replicate": None,
}


def half_mask(width: int = 320, height: int = 512) -> bytes:
    """White on its right half."""
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rectangle((width // 2, 0, width, height), fill=255)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ALL)
async def test_a_picture_has_the_ordered_size_and_says_who_made_it(name: str) -> None:
    """A PNG without transparency, of exactly the size; model, version, and the seed where the model has one."""
    async with provided(name) as (model, _):
        picture = await model.paint(ORDER)
    image = opened(picture.data)

    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (ORDER.width, ORDER.height))
    assert (picture.media_type, picture.width, picture.height) == ("image/png", ORDER.width, ORDER.height)
    assert (picture.model, bool(picture.version)) == (name, True)
    assert (picture.seed is not None) is model.capabilities.seed
    assert picture.reproducible is model.capabilities.reproducible
    assert picture.cost == CHARGED[name]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [(64, 64), (1600, 2560), (1280, 720), (1000, 300)])
async def test_every_size_is_made(name: str, size: tuple[int, int]) -> None:
    """Whatever the sizes of the provider are; what was done to get there is told, in words, unless it was nothing."""
    order = sized(size)
    async with provided(name) as (model, fake):
        picture = await model.paint(order)

    assert opened(picture.data).size == size
    assert re.fullmatch(HOW, picture.fitting)
    assert picture.fitting == "" or not picture.fitting.startswith(f"{size[0]}x{size[1]} ")
    assert len(fake.orders) == (name != "painter")


def sized(size: tuple[int, int]) -> PaintOrder:
    """The order in another size."""
    return msgspec.structs.replace(ORDER, width=size[0], height=size[1])


@pytest.mark.parametrize("name", ALL)
async def test_only_the_marked_part_is_painted_anew(name: str) -> None:
    """Black under the mask stays to the pixel, white is painted; models that cannot say so, with a ValueError."""
    order = inpainting(png(320, 512, (1, 2, 3)), half_mask())
    async with provided(name) as (model, fake):
        if not model.capabilities.mask:
            with pytest.raises(ValueError, match="cannot change a part"):
                await ask(model, order)
            return
        picture = await ask(model, order)
    image = opened(picture.data)

    assert image.size == (320, 512)
    assert {image.getpixel((x, y)) for x in (0, 80, 159) for y in (0, 511)} == {(1, 2, 3)}
    painted = {image.getpixel((x, y)) for x in (160, 319) for y in (0, 511)}
    if name == "painter":  # which paints by itself, and is asked by nobody else
        assert (1, 2, 3) not in painted
        return
    assert painted == {PAINTED}
    assert len(fake.masks) == 1


@pytest.mark.parametrize("name", [name for name in REMOTE if name != "replicate"])
@pytest.mark.parametrize("mask", [png(320, 512), half_mask(64, 64), b"no picture"])
async def test_a_mask_that_is_none_is_refused_before_anybody_is_asked(name: str, mask: bytes) -> None:
    """In colour, of another size, or no picture: nothing is sent, nothing is paid."""
    async with provided(name) as (model, fake):
        with pytest.raises(InvalidOrder):
            await ask(model, inpainting(png(320, 512), mask))

        assert fake.asked == []


@pytest.mark.parametrize(("name", "kind", "wrong"), SITUATIONS)
async def test_each_error_means_what_the_table_says(
    name: str, kind: str, wrong: Wrong, caplog: pytest.LogCaptureFixture
) -> None:
    """Its kind, what jobs do with it, our sentence; and neither key, nor prompt, nor the provider's text anywhere."""
    caplog.set_level(logging.DEBUG)
    async with provided(name) as (model, fake):
        fake.wrong = [wrong]
        with pytest.raises(ImageError) as caught:
            await model.paint(ORDER)
    error = caught.value

    assert error.kind == kind
    assert isinstance(error, MEANING[kind])
    assert isinstance(error, Unavailable) is FOLLOWS[error.kind].retried
    assert (error.detail, error.problem().detail) == (FOLLOWS[error.kind].sentence,) * 2
    assert error.retry_after == (7.0 if kind == "rate_limited" else None)
    told = "".join((*traceback.format_exception(error), caplog.text, repr(error), repr(vars(error)), repr(model)))
    assert not [secret for secret in (KEY, WORDS, TEXT, HIDDEN("user-1")) if secret in told]


@pytest.mark.parametrize("name", REMOTE)
async def test_a_wrong_key_is_seen_by_the_server_and_is_auth(name: str) -> None:
    """The servers check keys: with another one every model says so in the same way."""
    async with provided(name) as (model, fake):
        model._api._headers["Authorization"] = "Bearer another"
        with pytest.raises(NoImageModel):
            await model.paint(ORDER)

        assert fake.orders == []


@pytest.mark.parametrize("name", [name for name in REMOTE if name != "replicate"])
async def test_no_answer_in_time_is_a_timeout(name: str) -> None:
    """A server that hangs is left after the seconds that an answer may take."""
    async with provided(name, seconds=0.3) as (model, fake):
        fake.stuck.set()
        with pytest.raises(TookTooLong):
            await model.paint(ORDER)


@pytest.mark.parametrize("name", REMOTE)
async def test_nobody_there_is_broken(name: str) -> None:
    """A refused connection is an error like others, without the address in it."""
    async with provided(name) as (model, _):
        model._api.base = "http://127.0.0.1:1"
        with pytest.raises(ImageError) as caught:
            await model.paint(ORDER)

    assert (caught.value.kind, caught.value.reason) == ("broken", "no_connection")


@pytest.mark.parametrize("name", REMOTE)
async def test_an_answer_without_end_is_broken(name: str) -> None:
    """More bytes than a picture has are not read."""
    async with provided(name) as (model, _):
        model._api._limit = 20
        with pytest.raises(ImageError) as caught:
            await model.paint(ORDER)

    assert (caught.value.kind, caught.value.reason) == ("broken", "too_long_answer")


@pytest.mark.parametrize("name", REMOTE)
async def test_the_provider_gets_the_words_and_never_who_asks(name: str) -> None:
    """The style and `no text` are in the prompt; the user is a keyed hash, the seed one that the model takes."""
    async with provided(name) as (model, fake):
        picture = await model.paint(ORDER)
    fields = fake.orders[0]

    assert fields["prompt"].startswith(WORDS)
    assert "ink wash" in fields["prompt"]
    assert "No text" in fields["prompt"]
    assert "user-1" not in repr(fields)
    if model.capabilities.seed:
        assert int(fields["seed"]) == picture.seed
    else:
        assert "seed" not in fields
        assert fields["safety_identifier"] == HIDDEN("user-1")


async def test_a_filtered_picture_is_refused_and_its_cost_is_known() -> None:
    """Stability charges for a picture that its filter has blurred: it is not shown, and the cost is in the error."""
    async with provided("stability") as (model, fake):
        fake.wrong = [BY_NAME["stability"].wrong["refused_output"][0]]
        with pytest.raises(RefusedOutput) as caught:
            await model.paint(ORDER)

    assert caught.value.cost == Cost(30_000)


async def test_a_cancelled_picture_is_interrupted_only_while_it_is_ours() -> None:
    """AUTOMATIC1111's interrupt names nobody: it is not used while the server paints something else."""
    for active, interrupted in (("", 1), ("somebody else's", 0)):
        async with provided("automatic1111") as (model, fake):
            assert isinstance(fake, FakeA1111)
            fake.stuck.set()
            fake.active = active
            await cancelled(model, fake)

            assert fake.interrupted == interrupted


async def test_a_cancelled_prediction_is_cancelled_there() -> None:
    """Replicate is told to stop: it is paid by time."""
    async with provided("replicate") as (model, fake):
        assert isinstance(fake, FakeReplicate)
        fake.stuck.set()
        await cancelled(model, fake)

        assert fake.cancelled == 1


async def cancelled(model: Any, fake: Any) -> None:
    """Order a picture and cancel that when the server is at it."""
    work: asyncio.Task[Picture] = asyncio.ensure_future(model.paint(ORDER))
    async with asyncio.timeout(5):
        while not fake.asked:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_prediction_outlasts_questions_that_go_wrong() -> None:
    """Four bad answers in a row to `how is it?` cost nothing; the fifth is given up, and the prediction cancelled."""
    async with provided("replicate") as (model, fake):
        assert isinstance(fake, FakeReplicate)
        model._first_wait = 0.001
        bad = [Wrong(500, {}), Wrong(503, {}), Wrong(429, {}), Wrong(200, b"?"), Wrong(502, {})]
        fake.wrong = []
        work = asyncio.ensure_future(model.paint(ORDER))
        async with asyncio.timeout(5):
            while not fake.orders:
                await asyncio.sleep(0)
        fake.wrong = bad[:4]
        assert (await work).request_id == "abc123"

        work = asyncio.ensure_future(model.paint(ORDER))
        async with asyncio.timeout(5):
            while len(fake.orders) < 2:
                await asyncio.sleep(0)
        fake.wrong = bad[:]
        with pytest.raises(Unavailable):
            await work
        assert fake.cancelled == 1


def test_the_table_has_every_kind_and_every_class() -> None:
    """Nine kinds, nine classes; who is retried is Unavailable to jobs, and nobody else; all give the quota back."""
    assert {error.kind for error in ERRORS} == set(FOLLOWS) == set(MEANING)
    for error in ERRORS:
        row = FOLLOWS[error.kind]
        assert issubclass(error, Unavailable) is row.retried is row.trips
        assert row.refunds
        assert row.falls_back is not error.kind.startswith("refused")


async def test_without_words_what_is_marked_is_erased() -> None:
    """Stability has a way of its own for that, which takes neither words nor unwanted ones."""
    order = msgspec.structs.replace(inpainting(png(320, 512, (1, 2, 3)), half_mask()), prompt="")
    async with provided("stability") as (model, fake):
        picture = await ask(model, order)

    assert fake.asked == ["POST /v2beta/stable-image/edit/erase"]
    assert (picture.cost, opened(picture.data).getpixel((0, 0))) == (Cost(30_000), (1, 2, 3))
