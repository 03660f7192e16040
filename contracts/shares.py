"""Links by which an owner shows a cover to anybody, for a time: part of the covers node."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.covers import EDGE, VersionNumber
from contracts.exports import StoredFile
from contracts.paging import Cursor, Limit
from contracts.recipes import Format
from contracts.wire import Done, Endpoint, ObjectRef

MOST_SHARES = 50
"""Of one cover that are good at a time."""
TOKEN_LENGTH = 48
Days = Annotated[int, msgspec.Meta(ge=1, le=365)]
Token = Annotated[str, msgspec.Meta(min_length=TOKEN_LENGTH, max_length=TOKEN_LENGTH)]
"""What is behind `/s/` in the address. It is a secret: whoever has it sees the cover."""


class CreateShare(msgspec.Struct, frozen=True, kw_only=True):
    """Make a link that shows the cover to everybody who has it, until it expires or is taken back.

    Raises NotFound, Invalid for a version together with `follow`, and Conflict for a cover that has no picture yet or
    has 50 links already. Idempotent by the Idempotency-Key.
    """

    cover_id: uuid.UUID
    expires_in_days: Days = 30
    version: VersionNumber | None = None
    """The version to show; None: the one that the cover shows now."""
    follow: bool = False
    """Show whichever version the cover shows when somebody looks."""
    allow_download: bool = False
    """May who has the link save the picture? Whoever sees a picture can keep it; this only offers it."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A link to a cover, as its owner sees it."""

    share_id: uuid.UUID
    cover_id: uuid.UUID
    version: VersionNumber | None
    """None: whichever the cover shows."""
    url: str
    created_at: datetime
    expires_at: datetime
    allow_download: bool


class ListShares(msgspec.Struct, frozen=True, kw_only=True):
    """The links of a cover that are good, newest first. Raises NotFound."""

    cover_id: uuid.UUID
    limit: Limit = 20
    cursor: Cursor | None = None


class ListAllShares(msgspec.Struct, frozen=True, kw_only=True):
    """All links of the caller that are still kept, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None


class SharePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of links."""

    items: tuple[Share, ...]
    next_cursor: str | None = None


class RevokeShare(msgspec.Struct, frozen=True, kw_only=True):
    """Take a link back: from now on it shows nothing. Raises NotFound."""

    cover_id: uuid.UUID
    share_id: uuid.UUID


class ShowShared(msgspec.Struct, frozen=True, kw_only=True):
    """What a link shows to anybody.

    Raises Gone for one that has expired, and NotFound, always in the same words, for everything else.
    """

    token: Token


class ShowSharedImage(ShowShared, frozen=True, kw_only=True):
    """The picture behind a link. Raises as ShowShared does, and Forbidden to save what is only to be looked at."""

    size: Literal["full", "thumb"] = "full"
    download: bool = False


class SharedCover(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a cover to whoever has a link to it: nothing of its owner, nor of how it was ordered."""

    url: str
    """Of the link's page."""
    title: str
    subtitle: str | None
    author: str | None
    style: str | None
    """The name of the style; None for one that the owner made and named."""
    format: Format
    width: int
    height: int
    """Pixels."""
    image: ObjectRef
    allow_download: bool
    expires_at: datetime


CREATE = Endpoint("svc.covers.share", CreateShare, Share, EDGE, "Make a link that shows a cover to anybody")
LIST = Endpoint("svc.covers.list_shares", ListShares, SharePage, EDGE, "List the links of a cover")
LIST_ALL = Endpoint("svc.covers.list_all_shares", ListAllShares, SharePage, EDGE, "List all links of the caller")
REVOKE = Endpoint("svc.covers.revoke_share", RevokeShare, Done, EDGE, "Take a link back")
SHARED = Endpoint("svc.covers.shared", ShowShared, SharedCover, EDGE, "What a link shows")
SHARED_IMAGE = Endpoint(
    "svc.covers.shared_image", ShowSharedImage, StoredFile, EDGE, "Where the picture behind a link is"
)

CONTRACTS = (CREATE, LIST, LIST_ALL, REVOKE, SHARED, SHARED_IMAGE)
