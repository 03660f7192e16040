"""Accounts with their profiles: made, completed after a crash, and the administrator's own."""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.nats.bus import Bus
from adapters.passwords import Passwords
from adapters.postgres import Duplicate
from adapters.postgres_outbox import Outbox
from contracts import users
from contracts.auth import Register
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from contracts.users import CreateUser, GetUser, User
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, NO_PASSWORD, USER, Credentials, checked_email, normalised_email
from nodes.auth.proofs import Proofs
from nodes.auth.store import AuthStore

log = logging.getLogger(__name__)


class Accounts:
    """A registration is: pending account, profile in the users node, active account. A crash in between leaves a
    pending account, which the next login or registration with the same password completes.

    `admin` is the address and password of the administrator whose account is made by `ensure_admin`.
    """

    def __init__(
        self,
        store: AuthStore,
        bus: Bus,
        passwords: Passwords,
        proofs: Proofs,
        outbox: Outbox,
        audit: AuditLog,
        admin: tuple[str, str] | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._bus = bus
        self._passwords = passwords
        self._proofs = proofs
        self._outbox = outbox
        self._audit = audit
        self._admin = None if admin is None else (normalised_email(admin[0]), admin[1])
        self._admin_settled = admin is None
        self._clock = clock

    async def make(self, message: Register, context: Context) -> tuple[Credentials, User]:
        """A new account with its profile. Raises Conflict with the field email or username."""
        email = checked_email(message.email)
        if self._admin is not None and email == self._admin[0]:
            raise _email_taken()  # reserved, also while it is not there yet
        account = self.pending(email, message, await self._passwords.hash(message.password))
        ours = await self._store.insert_pending(account)
        if not ours:
            account = await self._left_behind(email, message)
        try:
            return account, await self._complete(account, context)
        except (Conflict, Invalid):
            if ours:
                await self._store.delete_pending(account.id)
            raise

    async def welcome(self, email: str, full_name: str | None, context: Context) -> Credentials:
        """An account without a password for the normalised address of somebody who has proven it.

        A registration of it that is not complete is taken over: nobody signs in by its password any more. Raises
        Conflict for the administrator's address, or when the address got an account at this very moment.
        """
        if self._admin is not None and email == self._admin[0]:
            raise _email_taken()
        wanted = Register(email=email, password=NO_PASSWORD, full_name=full_name)
        account = self.pending(email, wanted, NO_PASSWORD)
        if not await self._store.insert_pending(account):
            account = await self._without_password(email)
        proven = msgspec.structs.replace(account, pending_full_name=full_name, email_verified_at=self._clock())
        await self.profile(proven, context)
        return account

    async def profile(self, account: Credentials, context: Context) -> User:
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

    async def holder(self, user_id: uuid.UUID, context: Context) -> tuple[Credentials, User]:
        """An account and its profile. Raises Unauthenticated when it is gone."""
        account = await self._store.by_id(user_id)
        if account is None:
            raise Unauthenticated("The account is gone.")
        return account, await self.profile(account, context)

    async def ensure_admin(self) -> None:
        """Make the administrator's account once; idempotent, also with several instances.

        An account that somebody else made under that address becomes no administrator: the password must be the same.
        Raises Unavailable while the users node is away.
        """
        if self._admin is None or self._admin_settled:
            return
        email, password = self._admin
        context = Context.new()
        account = await self._store.by_email(email)
        if account is None:
            wanted = Register(email=email, password=password)
            new = self.pending(email, wanted, await self._passwords.hash(password), roles=(USER, ADMIN))
            if await self._store.insert_pending(new):
                await self._audit.note("role_given", new.id, context, detail=ADMIN)
            account = await self._store.by_email(email) or new
        elif ADMIN not in account.roles:
            await self._promote(account, password, context)
        await self.profile(account, context)
        self._admin_settled = True

    def pending(
        self, email: str, message: Register, password_hash: str, roles: tuple[str, ...] = (USER,)
    ) -> Credentials:
        """An account that is not kept yet."""
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

    async def _without_password(self, email: str) -> Credentials:
        """The account of that address; when it is pending, its password is gone."""
        account = await self._store.by_email(email)
        if account is None:
            raise _email_taken()
        if account.status == "pending" and account.has_password:
            if not await self._store.take_over(account, NO_PASSWORD, self._clock()):
                raise _email_taken()
            account = msgspec.structs.replace(account, password_hash=NO_PASSWORD)
        return account

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
        """Profile, then active, with a mail that asks to prove the address. Idempotent.

        Raises Conflict when the username is taken, or the address by now.
        """
        wanted = CreateUser(
            user_id=account.id,
            email=account.email,
            username=account.pending_username,
            full_name=account.pending_full_name,
            tier="pro_plus" if ADMIN in account.roles else "free",
        )
        user = await self._bus.request(users.CREATE, wanted, _on_behalf(context, account))
        try:
            async with self._store.activating(account) as transaction:
                if transaction is None:
                    raise _email_taken()
                known = account.email_verified_at is not None or ADMIN in account.roles  # the operator has named that
                if account.status == "pending" and not known:
                    await self._proofs.mail_token("verify_email", account, context, transaction)
        except Duplicate as error:
            raise _email_taken() from error
        self._outbox.kick()
        return user

    async def _promote(self, account: Credentials, password: str, context: Context) -> None:
        if not await self._passwords.verify(password, account.password_hash):
            log.error("the administrator's address belongs to an account with another password; it stays a user")
        elif await self._store.add_role(account.id, ADMIN):
            await self._audit.note("role_given", account.id, context, detail=ADMIN)


def _on_behalf(context: Context, account: Credentials) -> Context:
    return msgspec.structs.replace(context, user_id=account.id, roles=())


def _email_taken() -> Conflict:
    taken = FieldError(field="email", detail="has an account already")
    return Conflict("This e-mail address has an account already.", errors=(taken,))
