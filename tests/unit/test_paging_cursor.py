"""The opaque cursors that all lists share."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Invalid
from contracts.paging import decode_cursor, encode_cursor

TYPES = (datetime, uuid.UUID)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_gives_back_the_sort_key(at: datetime, key: uuid.UUID) -> None:
    """What was encoded comes back, within the length that the contract allows."""
    cursor = encode_cursor(at, key)
    assert len(cursor) <= 200
    assert decode_cursor(cursor, TYPES) == (at, key)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "!!!!", "\ud800", "bnVsbA", encode_cursor(1), encode_cursor(1, 2, 3), encode_cursor("a", "b")],
)
def test_another_text_is_invalid_and_names_the_field(cursor: str) -> None:
    """A cursor that no list gave is the caller's mistake, in the field `cursor`."""
    with pytest.raises(Invalid) as caught:
        decode_cursor(cursor, TYPES)
    assert [error.field for error in caught.value.errors] == ["cursor"]


@given(st.text(max_size=200))
def test_no_text_does_worse_than_invalid(cursor: str) -> None:
    """Whatever a client sends, the only error is Invalid."""
    try:
        values = decode_cursor(cursor, (int,))
    except Invalid:
        return
    assert isinstance(values[0], int)


def test_limits_on_the_values_are_checked() -> None:
    """A number that no item can have is refused before it reaches a database."""
    small = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    assert decode_cursor(encode_cursor(7), (small,)) == (7,)
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(2**70), (small,))
