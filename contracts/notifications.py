"""The notifications node: what a user should know, in the inbox of the app."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

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


MailKind = Literal["verify_email", "reset_password", "password_changed"]


class SendMail(msgspec.Struct, frozen=True, kw_only=True):
    """Send somebody a mail: idempotent by `effect_key`, and so that a repetition has the same Message-ID.

    What is secret, such as a single-use token, is `sealed`: neither the queue nor a dead letter tells it.
    """

    to: Annotated[str, msgspec.Meta(max_length=254)]
    kind: MailKind
    effect_key: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    values: dict[str, Annotated[str, msgspec.Meta(max_length=2000)]] = {}
    """What the template of this kind says; `email` is `to`."""
    sealed: bytes = b""
    """More of `values`, as JSON, readable for the notifications node only; empty: there are none."""
    useless_after: datetime | None = None
    """When what it holds is not good any more; it is not sent then."""


EDGE = frozenset({"edge"})

LIST = Endpoint("svc.notifications.list", ListNotifications, NotificationPage, EDGE, "Read the inbox")
MARK_READ = Endpoint("svc.notifications.mark_read", MarkRead, Notification, EDGE, "Mark an entry as read")
SEND = WorkQueue("jobs.notifications.send", SendNotification, frozenset({"tasks"}), "Tell a user something")
MAILS = "mails"
"""The purpose of the key by which secrets in mails are sealed."""


def sealed_in(effect_key: str) -> str:
    """What is sealed, as the box is told: no sealed token can be put into another mail."""
    return f"mail:{effect_key}"


MAIL = WorkQueue("jobs.notifications.mail", SendMail, frozenset({"auth"}), "Send somebody a mail", concurrency=4)

CONTRACTS = (LIST, MARK_READ, SEND, MAIL)
