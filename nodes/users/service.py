"""The users node: its contracts and their handlers."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET

from adapters.nats.bus import Bus
from adapters.postgres import Duplicate, Pool
from adapters.postgres_outbox import Outbox
from contracts import auth, users
from contracts.auth import AccountDeleted
from contracts.errors import (
    Conflict,
    FieldError,
    Forbidden,
)
from contracts.users import (
    CreateUser,
    GetPreferences,
    GetUser,
    Preferences,
    UpdateUser,
    User,
    UserCreated,
)
from contracts.wire import Context
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.users.model import (
    LIMITS,
    Allowance,
    caller,
    checked_name,
    checked_url,
    checked_username,
    found,
    month_after,
    username_candidates,
)
from nodes.users.quota import Quotas
from nodes.users.store import UserStore

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=1)
"""How long a deleted user is remembered; far above the life of an access token."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Users:
    """Profiles, preferences, and the quota of covers.

    Counters change in one transaction under the lock of the user's row, each change once per task id. Facts go out
    through the outbox; `close` waits for what is on its way.
    """

    name = "users"

    def __init__(self, pool: Pool, bus: Bus, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = UserStore(pool)
        self._outbox = Outbox(pool, bus.send)
        self._clock = clock
        quotas = Quotas(self._store, bus, clock)
        self.bindings: tuple[Binding, ...] = (
            serve(users.CREATE, self.create),
            serve(users.GET, self.get),
            serve(users.UPDATE, self.update),
            serve(users.PREFERENCES, self.preferences),
            serve(users.SET_PREFERENCES, self.set_preferences),
            serve(users.QUOTA, quotas.quota),
            serve(users.RESERVE_QUOTA, quotas.reserve),
            work(users.COMMIT_QUOTA, quotas.commit),
            work(users.RELEASE_QUOTA, quotas.release),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
        )
        self.chores: tuple[Chore, ...] = (
            Chore("users-outbox", 1.0, self._outbox.relay),
            Chore("users-orphans", 10.0, quotas.release_orphans),
            Chore("users-reconcile", 600.0, quotas.reconcile),
            Chore("users-forget", 3600.0, self.forget_deleted),
        )

    async def close(self) -> None:
        """Wait for messages that are being sent."""
        await self._outbox.close()

    async def create(self, message: CreateUser, context: Context) -> User:
        """Idempotent by user id. Raises Conflict when the username is taken, Unauthenticated for a deleted user."""
        wanted = msgspec.structs.replace(message, full_name=checked_name(message.full_name))
        names = username_candidates(wanted.email, wanted.user_id)
        if wanted.username is not None:
            names = (checked_username(wanted.username),)
        for name in names:
            user = await self._insert(wanted, name, context) or await self._store.user(wanted.user_id)
            if user is not None:
                return user
        raise _username_taken()

    async def get(self, message: GetUser, context: Context) -> User:
        """The caller's profile, or for other nodes and admins anybody's. Raises NotFound, Forbidden."""
        user_id = message.user_id or caller(context)
        if context.user_id not in (None, user_id) and "admin" not in context.roles:
            raise Forbidden("This is not your profile.")
        return found(await self._store.user(user_id))

    async def update(self, message: UpdateUser, context: Context) -> User:
        """Change the caller's profile. Raises Conflict when the username is taken."""
        username, full_name, avatar_url = message.username, message.full_name, message.avatar_url
        changes = (
            (False, None) if username is UNSET else (True, checked_username(username)),
            (False, None) if full_name is UNSET else (True, checked_name(full_name)),
            (False, None) if avatar_url is UNSET else (True, checked_url(avatar_url)),
        )
        try:
            return found(await self._store.update(caller(context), changes, self._clock()))
        except Duplicate as error:
            raise _username_taken() from error

    async def preferences(self, message: GetPreferences, context: Context) -> Preferences:
        """The caller's preferences."""
        return found(await self._store.preferences(caller(context)))

    async def set_preferences(self, message: Preferences, context: Context) -> Preferences:
        """Replace the caller's preferences."""
        return found(await self._store.set_preferences(caller(context), message))

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Delete the profile, preferences and reservations of a user; idempotent."""
        if await self._store.delete(event.user_id, self._clock()):
            log.info("user %s was deleted", event.user_id, extra={"action": "user_deleted"})

    async def forget_deleted(self) -> None:
        """Forget who was deleted more than a day ago: nothing of theirs is under way any more."""
        await self._store.forget_deleted(self._clock() - REMEMBERED)

    async def _insert(self, wanted: CreateUser, username: str, context: Context) -> User | None:
        now = self._clock()
        allowance = Allowance(
            tier=wanted.tier, used=0, reserved=0, limit=LIMITS[wanted.tier], resets_at=month_after(now)
        )
        async with self._store.transaction() as transaction:
            user = await self._store.insert(transaction, wanted, username, allowance, now)
            if user is None:
                return None
            created = UserCreated(user_id=user.id, username=user.username, created_at=user.created_at)
            message_id = f"{user.id}:created"
            await self._outbox.add(transaction, users.CREATED, created, message_id=message_id, context=context)
        self._outbox.kick()
        return user


def _username_taken() -> Conflict:
    taken = FieldError(field="username", detail="is taken")
    return Conflict("This username is taken.", errors=(taken,))
