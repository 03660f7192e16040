"""What is told to whom, and under which key it is told only once. Pure."""

import uuid
from datetime import datetime

from contracts.errors import Unauthenticated
from contracts.notifications import Notification, SendNotification
from contracts.users import UserCreated
from contracts.wire import Context


def notice_id(user_id: uuid.UUID, effect_key: str) -> uuid.UUID:
    """The id of a notice: the same for the same effect on the same user."""
    return uuid.uuid5(user_id, effect_key)


def entry(message: SendNotification, at: datetime) -> Notification:
    """The unread entry of the inbox for a message."""
    return Notification(
        id=notice_id(message.user_id, message.effect_key),
        kind=message.kind,
        title=message.title,
        body=message.body,
        link=message.link,
        read_at=None,
        created_at=at,
    )


def welcome(event: UserCreated) -> SendNotification:
    """What a new user is told first."""
    return SendNotification(
        user_id=event.user_id,
        effect_key="welcome",
        kind="welcome",
        title=f"Welcome to Covergen, {event.username}",
        body="Give a title, choose a style, and your first cover is seconds away.",
        link="/",
    )


def caller(context: Context) -> uuid.UUID:
    """The user who asks. Raises Unauthenticated when there is none."""
    if context.user_id is None:
        raise Unauthenticated("An inbox belongs to a user: say who asks.")
    return context.user_id
