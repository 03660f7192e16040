"""The notifications node: what a user should know, in the inbox of the app."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec

from contracts.paging import Cursor, Limit
from contracts.wire import Endpoint, WorkQueue


class SendNotification(msgspec.Struct, frozen=True, kw_only=True):
    """Tell a user something once: idempotent by `(user_id, effect_key)`."""

    user_id: uuid.UUID
    effect_key: Annotated[str, msgspec.Meta(max_length=120)]
    kind: Annotated[str, msgspec.Meta(max_length=40)]
    """A stable word, e.g. `cover_ready`, `cover_failed`, `welcome`."""
    title: Annotated[str, msgspec.Meta(max_length=200)]
    body: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    link: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the inbox."""

    id: uuid.UUID
    kind: str
    title: str
    body: str
    link: str | None
    read_at: datetime | None
    created_at: datetime


class ListNotifications(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's inbox, newest first."""

    limit: Limit = 20
    cursor: Cursor | None = None
    unread: bool | None = None


class NotificationPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the inbox."""

    items: tuple[Notification, ...]
    next_cursor: str | None = None
    unread: int = 0
    """Unread entries in the whole inbox."""


class MarkRead(msgspec.Struct, frozen=True, kw_only=True):
    """Mark an entry as read; doing it again changes nothing."""

    notification_id: uuid.UUID


EDGE = frozenset({"edge"})

LIST = Endpoint("svc.notifications.list", ListNotifications, NotificationPage, EDGE, "Read the inbox")
MARK_READ = Endpoint("svc.notifications.mark_read", MarkRead, Notification, EDGE, "Mark an entry as read")
SEND = WorkQueue("jobs.notifications.send", SendNotification, frozenset({"tasks"}), "Tell a user something")

CONTRACTS = (LIST, MARK_READ, SEND)
