"""Answers of a small covers node about links to covers."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts import shares
from contracts.errors import Forbidden, NotFound
from contracts.exports import StoredFile
from contracts.shares import CreateShare, Share, SharedCover, SharePage, ShowShared, ShowSharedImage
from contracts.wire import Context, Done, Endpoint, ObjectRef

Answer = Callable[[Any, Context], Any]
PUBLIC = "https://covers.example"
GOOD = "A" * 47 + "b"
"""The token of what a test puts into `linked`."""
AT = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Linked:
    """What is behind a link."""

    image: ObjectRef
    thumbnail: ObjectRef
    title: str = "The Salt Road"
    subtitle: str | None = None
    author: str | None = "Ada Lovelace"
    style: str | None = "Dusk"
    allow_download: bool = False
    width: int = 1600
    height: int = 2560


def share_answers(linked: dict[str, Linked]) -> Mapping[Endpoint[Any, Any], Answer]:
    """Links are made and listed as asked for, and show what `linked` has for their tokens."""
    return {
        shares.CREATE: lambda m, _c: _made(m),
        shares.LIST: lambda _m, _c: SharePage(items=()),
        shares.LIST_ALL: lambda _m, _c: SharePage(items=()),
        shares.REVOKE: lambda _m, _c: Done(),
        shares.SHARED: lambda m, _c: _shown(m, _behind(linked, m)),
        shares.SHARED_IMAGE: lambda m, _c: _picture(m, _behind(linked, m)),
    }


def _made(order: CreateShare) -> Share:
    return Share(
        share_id=uuid.uuid4(),
        cover_id=order.cover_id,
        version=None if order.follow else order.version or 1,
        url=f"{PUBLIC}/s/{GOOD}",
        created_at=AT,
        expires_at=AT + timedelta(days=order.expires_in_days),
        allow_download=order.allow_download,
    )


def _behind(linked: dict[str, Linked], ask: ShowShared) -> Linked:
    if ask.token not in linked:
        raise NotFound("There is nothing behind this link.")
    return linked[ask.token]


def _shown(ask: ShowShared, found: Linked) -> SharedCover:
    return SharedCover(
        url=f"{PUBLIC}/s/{ask.token}",
        title=found.title,
        subtitle=found.subtitle,
        author=found.author,
        style=found.style,
        format="ebook",
        width=found.width,
        height=found.height,
        image=found.image,
        allow_download=found.allow_download,
        expires_at=AT,
    )


def _picture(ask: ShowSharedImage, found: Linked) -> StoredFile:
    if ask.download and not found.allow_download:
        raise Forbidden("It is to be looked at.")
    return StoredFile(object=found.thumbnail if ask.size == "thumb" else found.image, filename="the-salt-road.png")
