"""Whatever a provider answers, it becomes one of the nine errors, and nothing of what it wrote can be read in it."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.images import automatic1111, openai, replicate, stability
from adapters.images.calls import LONGEST_PAUSE, Answer, pause
from adapters.images.errors import ERRORS, FOLLOWS, ImageError

FAILURES: tuple[Callable[[Answer], ImageError], ...] = (
    openai.failure,
    stability.failure,
    automatic1111.failure,
    replicate.failure,
)
SECRET = "sk-a-heron-over-the-reeds"
CODES = ("moderation_blocked", "insufficient_quota", "rate_limit_exceeded", "content_moderation", "OutOfMemoryError")
words = st.one_of(st.sampled_from((*CODES, SECRET)), st.none(), st.integers(), st.text(max_size=9))
values = st.recursive(
    words,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(("error", "code", "type", "message", "name", "id", "detail", "moderation_details", SECRET)),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=9,
)
bodies = st.one_of(values.map(msgspec.json.encode), st.binary(max_size=50), st.just(SECRET.encode()))


@pytest.mark.parametrize("failure", FAILURES)
@given(status=st.integers(201, 599), body=bodies, after=st.sampled_from((None, "3", "-1", "nan", "inf", "soon", "1e9")))
def test_any_answer_is_an_error_of_ours(
    failure: Callable[[Answer], ImageError], status: int, body: bytes, after: str | None
) -> None:
    """No status and no body surprises; the sentence is the table's; a pause is none, or at most an hour."""
    error = failure(Answer(status, {} if after is None else {"Retry-After": after}, body))

    assert type(error) in ERRORS
    assert error.detail == FOLLOWS[error.kind].sentence
    assert SECRET not in repr((error, error.args, error.reason, error.problem()))
    assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e9", LONGEST_PAUSE),
        ("Sun, 22 Nov 2026 22:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2020 22:00:30 GMT", 0.0),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Never negative, never above an hour, None for what means nothing."""
    assert pause(text, lambda: 1795384800.0) == seconds


@pytest.mark.parametrize("failure", FAILURES)
def test_who_wants_money_first_is_not_asked_again(failure: Callable[[Answer], ImageError]) -> None:
    """402 comes of every provider, and of servers that are like OpenAI's, when nothing is left to pay with."""
    assert failure(Answer(402, {}, b"")).kind == "quota"
