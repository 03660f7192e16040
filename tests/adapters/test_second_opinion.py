"""OpenAI's moderation as a second opinion: what is asked, what answers mean, and that silence is no verdict."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.moderation.openai import OpenAIModeration
from contracts.safety import TextPart
from tests.support.fake_images import KEY, TEXT, Threads, Wrong, art, served
from tests.support.fake_moderation import FakeModeration

PARTS = (TextPart(field="title", text="Anna"), TextPart(field="prompt", text="a house by the sea"))


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeModeration]:
    """The provider."""
    provider = FakeModeration()
    async with served(provider):
        yield provider


@contextlib.asynccontextmanager
async def opinion(fake: FakeModeration, seconds: float = 5.0) -> AsyncIterator[OpenAIModeration]:
    """Who asks it."""
    asking = OpenAIModeration(KEY, f"{fake.url}/v1", Threads(), failures=2, open_for=60, seconds=seconds)
    try:
        yield asking
    finally:
        await asking.close()


async def test_texts_go_in_one_request_and_nothing_else_does(fake: FakeModeration) -> None:
    """Each field is an input of its own; of the user it is told nothing."""
    async with opinion(fake) as asking:
        assert await asking.on_texts(PARTS) == ()
    assert fake.orders == [{"model": "omni-moderation-latest", "input": ["Anna", "a house by the sea"]}]


@pytest.mark.parametrize(
    ("scores", "category", "decision"),
    [
        ({"sexual": 0.6}, "sexual", "review"),
        ({"sexual": 0.97}, "sexual", "block"),
        ({"sexual/minors": 0.35}, "sexual_minors", "block"),
        ({"illicit/violent": 0.6}, "illegal_weapons_drugs", "review"),
        ({"self-harm/instructions": 0.9}, "self_harm", "block"),
    ],
)
async def test_scores_mean_what_the_table_says(
    fake: FakeModeration, scores: dict[str, float], category: str, decision: str
) -> None:
    """Category and decision by the data file; the span is the whole field, with the score."""
    fake.scores = {**scores, "something/new": 1.0}
    async with opinion(fake) as asking:
        found = await asking.on_texts(PARTS[1:])
    (finding,) = found
    assert (finding.category, finding.decision, finding.score) == (category, decision, next(iter(scores.values())))
    assert (finding.field, finding.start, finding.end) == ("prompt", 0, len(PARTS[1].text))


async def test_a_picture_is_shown_small(fake: FakeModeration) -> None:
    """A large picture goes as a JPEG of at most 512 pixels, which the provider checks."""
    fake.scores = {"violence/graphic": 0.8}
    async with opinion(fake) as asking:
        (finding,) = await asking.on_picture(art(1600, 2560), "image/png")
        assert await asking.on_picture(b"no picture", "image/png") == ()
    assert (finding.category, finding.field, finding.decision) == ("violence_graphic", "image", "review")
    assert len(fake.orders) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(500, {"error": "ECHO"}),
        Wrong(429, {"error": "ECHO"}),
        Wrong(401, {"error": "ECHO"}),
        Wrong(200, b"not JSON"),
        Wrong(200, {"results": []}),
        Wrong(302, b"", {"Location": "http://127.0.0.1:1/"}),
    ],
)
async def test_without_an_answer_it_has_found_nothing(
    fake: FakeModeration, wrong: Wrong, caplog: pytest.LogCaptureFixture
) -> None:
    """The rules decide then; the log says that it was silent, and nothing of what was written or answered."""
    fake.wrong, fake.scores = [wrong], {"sexual": 1.0}
    async with opinion(fake) as asking:
        assert await asking.on_texts(PARTS) == ()
        assert len(await asking.on_texts(PARTS)) == 2
    assert "no second opinion" in caplog.text
    assert not any(word in caplog.text for word in (KEY, TEXT, PARTS[1].text))


async def test_who_is_slow_or_down_is_left_alone(fake: FakeModeration) -> None:
    """After two failures in a row it is not asked for a while, so that nobody waits."""
    fake.stuck.set()
    async with opinion(fake, seconds=0.2) as asking:
        for _ in range(4):
            assert await asking.on_texts(PARTS) == ()
    assert len(fake.asked) == 2
