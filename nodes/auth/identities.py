"""Users as other providers name them, and the accounts that they are linked to.

Who comes for the first time is linked by the e-mail address, if the provider has verified it:

- no account has it: one is made, without a password (the address can get one by mail);
- an account whose address is proven here has it: linked, because both proofs are of one mailbox;
- an account has it that never proved it: whoever made that may be somebody else who waits for the owner. The provider's
  user gets the account; its password and sessions, its keys, mailed tokens, clients, consents and other identities
  are gone;
- the administrator's account: refused. An administrator signs in by password and links an identity then.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from adapters.identity import Identity, IdentityProvider
from adapters.postgres import Pool, Queries, Transaction
from adapters.postgres_outbox import Outbox
from contracts.auth import Email
from contracts.errors import Conflict, Forbidden, NotFound, Unauthenticated
from contracts.logins import IdentityList, LinkedIdentity, ListIdentities, UnlinkIdentity
from contracts.users import User
from contracts.wire import Context, Done
from nodes.auth.accounts import Accounts
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, Credentials, normalised_email
from nodes.auth.revocation import Revocation, asking
from nodes.auth.store import AuthStore

MOST = 20
"""Identities of one account."""
TRIES = 3
"""When the account changes while it is looked at."""
CLEARED = ("clear_api_keys", "clear_one_time_tokens", "clear_identities", "clear_attempts")
"""What somebody who never proved an address may have left in its account to come back by."""
Event = Literal["registered", "login"]


class Identities:
    """Handlers of `LIST_IDENTITIES` and `UNLINK_IDENTITY`; `account_of` and `link` for sign-ins."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        store: AuthStore,
        accounts: Accounts,
        outbox: Outbox,
        audit: AuditLog,
        revocation: Revocation,
        titles: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        """`titles`: names of providers for people."""
        self._pool = pool
        self._sql = sql
        self._store = store
        self._accounts = accounts
        self._outbox = outbox
        self._audit = audit
        self._revocation = revocation
        self._titles = titles
        self._clock = clock

    async def account_of(
        self, identity: Identity, provider: IdentityProvider, context: Context
    ) -> tuple[Credentials, User, Event]:
        """The account of who signs in, with its profile. Raises Forbidden, Conflict, Unauthenticated."""
        event: Event = "login"
        owner = await self._owner(identity)
        if owner is None:
            event = await self._found_by_address(identity, provider, context)
            owner = await self._owner(identity)
        if owner is None:
            raise _changed()
        await self._pool.run(self._sql["use_identity"], *_key(identity), self._clock(), identity.email)
        account, user = await self._accounts.holder(owner, context)
        return account, user, event

    async def link(self, user_id: uuid.UUID, identity: Identity, provider: IdentityProvider, context: Context) -> None:
        """One more way to sign in for a user who is signed in; whatever address it has. Idempotent. Raises Conflict."""
        async with self._pool.transaction() as transaction:
            if await transaction.one(self._sql["lock_own_account"], user_id) is None:
                raise Unauthenticated("The account is gone.")
            if len(await transaction.all(self._sql["identities_of"], user_id)) >= MOST:
                raise Conflict(f"An account can have {MOST} ways to sign in at most.")
            await self._insert(user_id, identity, provider, context, transaction)
            if await transaction.value(self._sql["identity_owner"], *_key(identity)) != user_id:
                raise Conflict(f"This account at {provider.title} belongs to another account here.")

    async def list(self, message: ListIdentities, context: Context) -> IdentityList:
        """The caller's. Raises Unauthenticated when the account is gone."""
        user_id = asking(context)
        account = await self._store.by_id(user_id)
        if account is None:
            raise Unauthenticated("The account is gone.")
        rows = await self._pool.all(self._sql["identities_of"], user_id)
        items = tuple(LinkedIdentity(title=self._titles.get(row["provider"], row["provider"]), **row) for row in rows)
        return IdentityList(items=items, has_password=account.has_password)

    async def unlink(self, message: UnlinkIdentity, context: Context) -> Done:
        """End one way to sign in. Raises NotFound, Conflict for the last one."""
        user_id = asking(context)
        async with self._pool.transaction() as transaction:
            row = await transaction.one(self._sql["lock_own_account"], user_id)
            rows = await transaction.all(self._sql["identities_of"], user_id)
            if row is None or message.id not in {each["id"] for each in rows}:
                raise NotFound("You have no such way to sign in.")
            if not row["has_password"] and len(rows) == 1:
                raise Conflict("This is the only way to sign in here. Set a password first.")
            provider = await transaction.value(self._sql["delete_identity"], message.id, user_id)
            await self._audit.note("identity_unlinked", user_id, context, detail=provider, within=transaction)
        return Done()

    async def _owner(self, identity: Identity) -> uuid.UUID | None:
        owner: uuid.UUID | None = await self._pool.value(self._sql["identity_owner"], *_key(identity))
        return owner

    async def _found_by_address(self, identity: Identity, provider: IdentityProvider, context: Context) -> Event:
        """Link the identity to the account of its address."""
        email = proven_address(identity, provider.title)
        event: Event = "login"
        for _ in range(TRIES):
            account = await self._store.by_email(email)
            if account is None or account.status == "pending":
                account, event = await self._accounts.welcome(email, identity.name, context), "registered"
            if ADMIN in account.roles:
                raise Conflict("Sign in as administrator by password; then an identity can be linked.")
            link = self._claim if account.email_verified_at is None else self._join
            if await link(account, identity, provider, context):
                return event
        raise _changed()

    async def _join(
        self, account: Credentials, identity: Identity, provider: IdentityProvider, context: Context
    ) -> bool:
        """Link to an account whose address is proven; False when it has changed meanwhile."""
        async with self._pool.transaction() as transaction:
            if await transaction.one(self._sql["lock_verified"], account.id, account.email) is None:
                return False
            await self._insert(account.id, identity, provider, context, transaction)
        return True

    async def _claim(
        self, account: Credentials, identity: Identity, provider: IdentityProvider, context: Context
    ) -> bool:
        """Give the account of an unproven address to who has proven it; False when it has changed meanwhile."""
        async with self._pool.transaction() as transaction:
            await self._revocation.end_all(account.id, context, transaction)
            if not await transaction.run(self._sql["claim_account"], account.id, account.email, self._clock()):
                return False
            # Once more: a session may have begun before the password was unset, none begins with it after that.
            await self._revocation.end_all(account.id, context, transaction)
            await self._store.clear(account.id, transaction)
            await transaction.run(self._sql["clear_attempts"], account.id)
            if account.has_password:
                await self._audit.note("account_claimed", account.id, context, detail=provider.name, within=transaction)
            await self._insert(account.id, identity, provider, context, transaction)
        self._outbox.kick()
        return True

    async def _insert(
        self,
        user_id: uuid.UUID,
        identity: Identity,
        provider: IdentityProvider,
        context: Context,
        transaction: Transaction,
    ) -> None:
        row = (uuid.uuid4(), user_id, provider.name, *_key(identity), identity.email, self._clock())
        if await transaction.run(self._sql["insert_identity"], *row):
            await self._audit.note("identity_linked", user_id, context, detail=provider.name, within=transaction)


def proven_address(identity: Identity, title: str) -> str:
    """The normalised address that the provider has verified. Raises Forbidden when there is none."""
    email = "" if identity.email is None else normalised_email(identity.email)
    try:
        msgspec.convert(email, Email)
        good = identity.email_verified and email.isprintable()
    except msgspec.ValidationError:
        good = False
    if not good:
        raise Forbidden(f"{title} has not verified your e-mail address. Verify it there, or sign in by password.")
    return email


def _key(identity: Identity) -> tuple[str, str]:
    return identity.issuer, identity.subject


def _changed() -> Conflict:
    return Conflict("The account has just been changed. Sign in again.")
