"""What every list has in common: `limit` and `cursor` in, `items` and `next_cursor` out.

A cursor is the sort key of the last item of a page, as base64 of a JSON array: opaque to clients, stable while items
come and go. It is no secret and proves nothing, so a handler checks ownership again on every page.
"""

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from types import GenericAlias
from typing import Annotated, Any, TypeVar

import msgspec

from contracts.errors import FieldError, Invalid

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Cursor = Annotated[str, msgspec.Meta(max_length=200)]
Key = int | float | str | bool | uuid.UUID | datetime | None
"""One value of a sort key."""
Item = TypeVar("Item")
MOMENT = (Annotated[datetime, msgspec.Meta(tz=True)], uuid.UUID)
"""The types in the cursor of a list that goes by time and id."""


def encode_cursor(*values: Key) -> str:
    """The cursor that stands behind an item with this sort key, e.g. `encode_cursor(item.created_at, item.id)`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str, types: Sequence[Any]) -> tuple[Any, ...]:
    """The sort key in `cursor`, one value of each of `types`, e.g. `decode_cursor(cursor, (datetime, UUID))`.

    Raises Invalid naming the field `cursor` for anything that `encode_cursor` did not make of such values.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values: tuple[Any, ...] = msgspec.json.decode(raw, type=GenericAlias(tuple, tuple(types)))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        problem = FieldError(field="cursor", detail="is not a cursor of this list; take it from next_cursor")
        raise Invalid("The cursor is not valid.", errors=(problem,)) from error
    return values


def moment_of(cursor: str | None) -> tuple[datetime, uuid.UUID] | None:
    """The sort key of lists that go by time and id; None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    at, last = decode_cursor(cursor, MOMENT)
    return at, last


def cut(found: Sequence[Item], limit: int, key: Callable[[Item], Sequence[Key]]) -> tuple[tuple[Item, ...], str | None]:
    """The items of a page, of one more than fit if there are more, and then the cursor that stands behind the last."""
    items = tuple(found[:limit])
    return items, encode_cursor(*key(items[-1])) if len(found) > limit else None
