"""What every list has in common: `limit` and `cursor` in, `items` and `next_cursor` out."""

from typing import Annotated

import msgspec

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Cursor = Annotated[str, msgspec.Meta(max_length=200)]


class ListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list that belongs to the caller. The cursor is opaque: it comes from the page before."""

    limit: Limit = 20
    cursor: Cursor | None = None
