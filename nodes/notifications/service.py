"""The notifications node: its contracts and their handlers."""

from collections.abc import Callable
from datetime import datetime

from adapters.crypto import Box
from adapters.mail import Mailer
from adapters.mongo import Database, now
from contracts import auth, notifications, users
from contracts.auth import AccountDeleted
from contracts.errors import NotFound
from contracts.notifications import (
    MAILS,
    ListNotifications,
    MarkRead,
    Notification,
    NotificationPage,
    SendNotification,
)
from contracts.users import UserCreated
from contracts.wire import Context
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.departed import Departed
from nodes.notifications.mails import Mails
from nodes.notifications.model import caller, entry, welcome
from nodes.notifications.store import InboxStore, MailStore


class Notifications:
    """The inbox of every user, and mail. A notice is told once, however often it is sent."""

    name = "notifications"

    def __init__(self, database: Database, mailer: Mailer, root: bytes, *, clock: Callable[[], datetime] = now) -> None:
        """`root` is the root secret; `clock` gives times as the database keeps them, in whole milliseconds."""
        self._store = InboxStore(database)
        self._mail_store = MailStore(database)
        mails = Mails(self._mail_store, mailer, Box(root, MAILS), clock)
        self._departed = Departed(database)
        self._clock = clock
        self.bindings: tuple[Binding, ...] = (
            serve(notifications.LIST, self.list),
            serve(notifications.MARK_READ, self.mark_read),
            work(notifications.SEND, self.send),
            work(notifications.MAIL, mails.send),
            listen(users.CREATED, self.user_created),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
        )
        self.chores: tuple[Chore, ...] = (Chore("mails", 3600.0, mails.sweep),)

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await self._store.prepare()
        await self._mail_store.prepare()
        await self._departed.prepare()

    async def list(self, ask: ListNotifications, context: Context) -> NotificationPage:
        """The caller's inbox, newest first. Raises Unauthenticated, Invalid for a bad cursor."""
        return await self._store.page(caller(context), ask)

    async def mark_read(self, ask: MarkRead, context: Context) -> Notification:
        """Mark one of the caller's notices as read; again changes nothing. Raises Unauthenticated, NotFound."""
        notice = await self._store.mark_read(caller(context), ask.notification_id, self._clock())
        if notice is None:
            raise NotFound("There is no such notification in your inbox.")
        return notice

    async def send(self, message: SendNotification, context: Context) -> None:
        """Tell a user something; idempotent by `(user_id, effect_key)`. A deleted user is told nothing."""
        await self._store.keep(message.user_id, message.effect_key, entry(message, self._clock()))
        if await self._departed.has(message.user_id):
            await self._store.clear(message.user_id)

    async def user_created(self, event: UserCreated, context: Context) -> None:
        """Welcome a new user; idempotent by the user."""
        await self.send(welcome(event), context)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Empty a user's inbox for good; idempotent."""
        await self._departed.mark(event.user_id)
        await self._store.clear(event.user_id)
