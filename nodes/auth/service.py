"""The auth node: its contracts and their handlers."""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.crypto import Passwords
from adapters.nats.bus import Bus
from adapters.postgres import Duplicate, Outbox, Pool
from contracts import auth, users
from contracts.auth import Claims, GetJwks, Jwks, Login, Logout, Refresh, Register, Session, VerifyToken
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from contracts.users import CreateUser, GetUser, User
from contracts.wire import Context, Done
from nodes.auth.ending import Ending
from nodes.auth.keyring import Keyring
from nodes.auth.model import ADMIN, USER, Credentials, checked_email, normalised_email
from nodes.auth.sessions import Sessions
from nodes.auth.store import AuthStore
from nodes.runtime import Binding, Chore, serve

log = logging.getLogger(__name__)

KEPT_AFTER_EXPIRY = timedelta(days=1)


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Auth:
    """Accounts and sessions.

    A registration is: pending account, profile in the users node, active account, session. A crash in between leaves a
    pending account, which the next login or registration with the same password completes. `admin` is the address and
    password of the administrator whose account is made by `ensure_admin`.
    """

    name = "auth"

    def __init__(
        self,
        pool: Pool,
        bus: Bus,
        passwords: Passwords,
        *,
        admin: tuple[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = AuthStore(pool)
        self._bus = bus
        self._admin = None if admin is None else (normalised_email(admin[0]), admin[1])
        self._admin_settled = admin is None
        self._passwords = passwords
        self._clock = clock
        self._keyring = Keyring(self._store, clock)
        self._sessions = Sessions(self._store, self._keyring, clock)
        self._outbox = Outbox(pool, bus.send)
        ending = Ending(self._store, self._outbox, passwords, clock)
        self.bindings: tuple[Binding, ...] = (
            serve(auth.REGISTER, self.register),
            serve(auth.LOGIN, self.login),
            serve(auth.REFRESH, self.refresh),
            serve(auth.LOGOUT, self.logout),
            serve(auth.JWKS, self.jwks),
            serve(auth.VERIFY, self.verify),
            serve(auth.ACCOUNT, ending.facts),
            serve(auth.DELETE_ACCOUNT, ending.delete),
        )
        self.chores: tuple[Chore, ...] = (
            Chore("auth-admin", 0.5, self.ensure_admin),
            Chore("auth-keys", 30.0, self._keyring.reload),
            Chore("auth-outbox", 1.0, self._outbox.relay),
            Chore("auth-deleted", 60.0, ending.announce),
            Chore("auth-sweep", 3600.0, self.sweep),
        )

    async def prepare(self) -> None:
        """Before it serves: the signing keys are there. Idempotent."""
        await self._keyring.reload()

    async def close(self) -> None:
        """Wait for messages that are being sent."""
        await self._outbox.close()

    async def register(self, message: Register, context: Context) -> Session:
        """Create an account and sign in. Raises Conflict with the field email or username."""
        email = checked_email(message.email)
        if self._admin is not None and email == self._admin[0]:
            raise _email_taken()  # reserved, also while it is not there yet
        account = self._pending(email, message, await self._passwords.hash(message.password))
        ours = await self._store.insert_pending(account)
        if not ours:
            account = await self._left_behind(email, message)
        try:
            user = await self._complete(account, context)
        except (Conflict, Invalid):
            if ours:
                await self._store.delete_pending(account.id)
            raise
        return await self._sessions.begin(account, user)

    async def login(self, message: Login, context: Context) -> Session:
        """Sign in. A wrong password and an unknown address are the same Unauthenticated after the same work."""
        email = normalised_email(message.email)
        account = await self._store.by_email(email) if email.isprintable() else None
        good = await self._passwords.verify(message.password, None if account is None else account.password_hash)
        if account is None or not good:
            raise Unauthenticated("The e-mail address or the password is not right.")
        if self._passwords.outdated(account.password_hash):
            account = await self._store.rehash(account, await self._passwords.hash(message.password))
        return await self._sessions.begin(account, await self._profile(account, context))

    async def refresh(self, message: Refresh, context: Context) -> Session:
        """New tokens for a refresh token. Raises Unauthenticated.

        The profile is read before the token is used up, so that a failure there costs nothing.
        """
        known = await self._sessions.find(message.refresh_token)
        account = await self._store.by_id(known.user_id)
        if account is None:
            raise Unauthenticated("The account is gone.")
        user = await self._profile(account, context)
        token = await self._sessions.successor(message.refresh_token, known)
        return await self._sessions.answer(account, user, known.family_id, token)

    async def logout(self, message: Logout, context: Context) -> Done:
        """End a session: that of the refresh token, or else the named one of the caller. Idempotent."""
        if message.refresh_token is not None:
            await self._sessions.end_by_token(message.refresh_token)
        elif message.session_id is None or context.user_id is None:
            raise Unauthenticated("Sign in first, or send the refresh token.")
        else:
            await self._sessions.end(message.session_id, context.user_id)
        return Done()

    async def jwks(self, message: GetJwks, context: Context) -> Jwks:
        """The public keys, the next one included."""
        return await self._keyring.jwks()

    async def verify(self, message: VerifyToken, context: Context) -> Claims:
        """The claims of a token that is good and whose session goes on. Raises Unauthenticated."""
        return await self._sessions.verify(message.token)

    async def ensure_admin(self) -> None:
        """Make the administrator's account once; idempotent, also with several instances.

        An account that somebody else made under that address becomes no administrator: the password must be the same.
        Raises Unavailable while the users node is away.
        """
        if self._admin is None or self._admin_settled:
            return
        email, password = self._admin
        account = await self._store.by_email(email)
        if account is None:
            wanted = Register(email=email, password=password)
            new = self._pending(email, wanted, await self._passwords.hash(password), roles=(USER, ADMIN))
            await self._store.insert_pending(new)
            account = await self._store.by_email(email) or new
        elif ADMIN not in account.roles:
            await self._promote(account, password)
        await self._profile(account, Context.new())
        self._admin_settled = True

    async def sweep(self) -> None:
        """Delete sessions and tokens that expired long ago, and what is left of accounts deleted a day ago."""
        await self._store.sweep(self._clock() - KEPT_AFTER_EXPIRY)

    def _pending(
        self, email: str, message: Register, password_hash: str, roles: tuple[str, ...] = (USER,)
    ) -> Credentials:
        return Credentials(
            id=uuid.uuid4(),
            email=email,
            password_hash=password_hash,
            roles=roles,
            status="pending",
            pending_username=message.username,
            pending_full_name=message.full_name,
            created_at=self._clock(),
        )

    async def _left_behind(self, email: str, message: Register) -> Credentials:
        """The pending account of that address, if it may be completed by who sends `message`. Raises Conflict."""
        account = await self._store.by_email(email)
        if account is None or account.status != "pending":
            raise _email_taken()
        if not await self._passwords.verify(message.password, account.password_hash):
            account = await self._taken_over(account, message.password)
        return msgspec.structs.replace(account, pending_username=message.username, pending_full_name=message.full_name)

    async def _taken_over(self, account: Credentials, password: str) -> Credentials:
        """Nobody ever signed in there and nobody is about to: without this the address would be lost for ever."""
        now = self._clock()
        if not account.left_behind(now):
            raise _email_taken()
        password_hash = await self._passwords.hash(password)
        if not await self._store.take_over(account, password_hash, now):
            raise _email_taken()
        return msgspec.structs.replace(account, password_hash=password_hash, created_at=now)

    async def _complete(self, account: Credentials, context: Context) -> User:
        """Profile, then active. Idempotent. Raises Conflict when the username is taken, or the address by now."""
        wanted = CreateUser(
            user_id=account.id,
            email=account.email,
            username=account.pending_username,
            full_name=account.pending_full_name,
            tier="pro_plus" if ADMIN in account.roles else "free",
        )
        user = await self._bus.request(users.CREATE, wanted, _on_behalf(context, account))
        try:
            active = await self._store.activate(account)
        except Duplicate as error:
            raise _email_taken() from error
        if not active:
            raise _email_taken()
        return user

    async def _profile(self, account: Credentials, context: Context) -> User:
        """The profile of an account; one that a crash has left without is completed."""
        if account.status == "active":
            try:
                return await self._bus.request(users.GET, GetUser(user_id=account.id), _on_behalf(context, account))
            except NotFound:
                log.warning("account %s has no profile; it is made again", account.id)
        try:
            return await self._complete(account, context)
        except Conflict:  # somebody else took the username meanwhile
            return await self._complete(msgspec.structs.replace(account, pending_username=None), context)

    async def _promote(self, account: Credentials, password: str) -> None:
        if await self._passwords.verify(password, account.password_hash):
            await self._store.add_role(account.id, ADMIN)
        else:
            log.error("the administrator's address belongs to an account with another password; it stays a user")


def _on_behalf(context: Context, account: Credentials) -> Context:
    return msgspec.structs.replace(context, user_id=account.id, roles=())


def _email_taken() -> Conflict:
    taken = FieldError(field="email", detail="has an account already")
    return Conflict("This e-mail address has an account already.", errors=(taken,))
