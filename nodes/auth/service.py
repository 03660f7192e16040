"""The auth node: its contracts and their handlers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from adapters.crypto import Box, derive
from adapters.identity import IdentityProvider
from adapters.nats.bus import Bus
from adapters.passwords import Passwords
from adapters.postgres import Pool, Queries, load_queries
from adapters.postgres_outbox import Outbox
from contracts import auth, logins, oauth, reviews, security, signatures, token_keys
from contracts.auth import Claims, GetJwks, Jwks, Login, Logout, Refresh, Register, Session, VerifyToken
from contracts.errors import Unauthenticated
from contracts.notifications import MAILS
from contracts.security import KEY_MARK
from contracts.wire import Context, Done
from nodes.auth.accounts import Accounts
from nodes.auth.api_keys import ApiKeys
from nodes.auth.audit import AuditLog
from nodes.auth.authorization import Authorizations
from nodes.auth.clients import Clients
from nodes.auth.ending import Ending
from nodes.auth.grants import Grants
from nodes.auth.identities import Identities
from nodes.auth.keyring import Keyring
from nodes.auth.logins import Logins
from nodes.auth.model import Credentials, normalised_email
from nodes.auth.passwords import OwnPassword
from nodes.auth.proofs import Proofs
from nodes.auth.revocation import Revocation
from nodes.auth.roles import RoleBook
from nodes.auth.sessions import Sessions
from nodes.auth.signing_keys import SigningKeys
from nodes.auth.store import KEYS_SQL, LOGINS_SQL, OAUTH_SQL, SECURITY_SQL, SIGNING_KEYS_SQL, AuthStore
from nodes.auth.telling import Telling
from nodes.bindings import Binding, Chore, listen, serve

KEPT_AFTER_EXPIRY = timedelta(days=1)
ELSEWHERE = "http://127.0.0.1:8080"


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Auth:
    """Accounts, sessions and what proves them.

    `root` is the root secret (32 bytes), with which keys are sealed in the database; `admin` is the address and
    password of the administrator whose account is made by `ensure_admin`; `public_url`: how links in mails begin;
    `providers`: where else one can sign in.
    """

    name = "auth"

    def __init__(
        self,
        pool: Pool,
        bus: Bus,
        passwords: Passwords,
        *,
        root: bytes,
        admin: tuple[str, str] | None = None,
        public_url: str = ELSEWHERE,
        providers: Sequence[IdentityProvider] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        sql = load_queries(SECURITY_SQL)
        self._store = AuthStore(pool)
        self._passwords = passwords
        self._clock = clock
        self._outbox = Outbox(pool, bus.send)
        self._audit = AuditLog(pool, sql, clock)
        self._keyring = Keyring(
            pool, load_queries(KEYS_SQL), Box(root, "auth keyring"), self._outbox, self._audit, clock
        )
        self._begin_sessions(pool, sql, Box(root, MAILS), public_url)
        self._accounts = Accounts(self._store, bus, passwords, self._proofs, self._outbox, self._audit, admin, clock)
        self._ending = Ending(self._store, self._outbox, self._audit, passwords, clock)
        self._begin_keys(pool, sql, root)
        self._begin_logins(pool, providers, derive(root, "logins"), public_url)
        self._begin_oauth(pool, public_url)
        self.bindings: tuple[Binding, ...] = (
            *self._for_accounts(),
            *self._for_security(),
            *self._for_keys(),
            *self._for_logins(),
            *self._for_oauth(),
        )
        self.chores = self._chores()

    def _begin_sessions(self, pool: Pool, sql: Queries, mails: Box, public_url: str) -> None:
        """Sessions, how they end, and what proves an address."""
        shared, clock = (self._outbox, self._audit), self._clock
        self._revocation = Revocation(pool, sql, *shared, clock)
        self._sessions = Sessions(self._store, self._keyring, self._audit, self._revocation, self._outbox, clock)
        self._proofs = Proofs(
            pool, sql, self._store, *shared, self._revocation, self._passwords, public_url, mails, clock
        )

    def _begin_keys(self, pool: Pool, sql: Queries, root: bytes) -> None:
        """Keys of users: those that are sent, and those that sign."""
        held = (self._audit, self._accounts.holder, self._clock)
        self._keys = ApiKeys(pool, sql, *held)
        box = Box(root, "auth partner keys")
        self._signing_keys = SigningKeys(pool, load_queries(SIGNING_KEYS_SQL), box, *held)

    def _chores(self) -> tuple[Chore, ...]:
        return (
            Chore("auth-admin", 0.5, self.ensure_admin, first=True),
            Chore("auth-keys", 30.0, self._keyring.upkeep),
            Chore("auth-outbox", 1.0, self._outbox.relay),
            Chore("auth-resets", 0.5, self._proofs.answer),
            Chore("auth-deleted", 60.0, self._ending.announce),
            Chore("auth-sweep", 3600.0, self.sweep),
        )

    def _for_accounts(self) -> tuple[Binding, ...]:
        return (
            serve(auth.REGISTER, self.register),
            serve(auth.LOGIN, self.login),
            serve(auth.REFRESH, self.refresh),
            serve(auth.LOGOUT, self.logout),
            serve(auth.JWKS, self.jwks),
            serve(auth.VERIFY, self.verify),
            serve(auth.ACCOUNT, self._ending.facts),
            serve(auth.DELETE_ACCOUNT, self._ending.delete),
        )

    def _for_security(self) -> tuple[Binding, ...]:
        return (
            serve(security.VERIFY_EMAIL, self._proofs.verify_email),
            serve(security.ASK_VERIFICATION, self._proofs.ask_verification),
            serve(security.FORGOT_PASSWORD, self._proofs.forgot_password),
            serve(security.RESET_PASSWORD, self._proofs.reset_password),
            serve(security.LIST_SESSIONS, self._revocation.list),
            serve(security.REVOKE_SESSION, self._revocation.revoke),
            serve(security.REVOKE_OTHERS, self._revocation.revoke_others),
            serve(security.REVOKED, self._revocation.revoked),
            serve(security.CREATE_KEY, self._keys.create),
            serve(security.LIST_KEYS, self._keys.list),
            serve(security.REVOKE_KEY, self._keys.revoke),
            serve(security.AUDIT, self._audit.page),
            listen(reviews.DECIDED, self._audit.review_decided),
        )

    def _for_logins(self) -> tuple[Binding, ...]:
        return (
            serve(logins.LIST_PROVIDERS, self._logins.providers),
            serve(logins.START_LOGIN, self._logins.start),
            serve(logins.FINISH_LOGIN, self._logins.finish),
            serve(logins.LIST_IDENTITIES, self._identities.list),
            serve(logins.UNLINK_IDENTITY, self._identities.unlink),
            serve(logins.CHANGE_PASSWORD, self._own_password.change),
        )

    def _begin_logins(self, pool: Pool, providers: Sequence[IdentityProvider], key: bytes, public_url: str) -> None:
        sql, clock, titles = load_queries(LOGINS_SQL), self._clock, {each.name: each.title for each in providers}
        shared = (self._outbox, self._audit, self._revocation)
        self._own_password = OwnPassword(pool, sql, self._store, *shared, self._passwords, clock)
        self._identities = Identities(pool, sql, self._store, self._accounts, *shared, titles, clock)
        self._logins = Logins(
            pool, sql, providers, self._identities, self._sessions, self._audit, key, public_url, clock
        )

    def _for_oauth(self) -> tuple[Binding, ...]:
        return (
            serve(oauth.LIST_CLIENTS, self._clients.list),
            serve(oauth.CREATE_CLIENT, self._clients.create),
            serve(oauth.DELETE_CLIENT, self._clients.delete),
            serve(oauth.SET_ROLES, self._roles.set),
            serve(oauth.AUTHORIZE, self._authorizations.authorize),
            serve(oauth.TOKEN, self._grants.token),
            serve(oauth.INTROSPECT, self._telling.introspect),
            serve(oauth.REVOKE_TOKEN, self._telling.revoke),
            serve(oauth.USERINFO, self._telling.userinfo),
            serve(oauth.CONFIGURATION, self._telling.metadata),
            serve(oauth.METADATA, self._telling.metadata),
        )

    def _begin_oauth(self, pool: Pool, public_url: str) -> None:
        sql, clock, issuer, holder = load_queries(OAUTH_SQL), self._clock, public_url.rstrip("/"), self._accounts.holder
        self._roles = RoleBook(pool, sql, self._audit, self._revocation)
        self._clients = Clients(pool, sql, self._audit, self._revocation, self._keyring, clock)
        self._authorizations = Authorizations(pool, sql, self._store, self._clients, self._audit, issuer, clock)
        self._grants = Grants(
            pool, sql, self._clients, self._sessions, holder, self._keyring, self._audit, issuer, clock
        )
        self._telling = Telling(pool, sql, self._clients, self._sessions, holder, issuer, clock)

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """Those of the identity providers, for `$SRV.STATS`."""
        return self._logins.breakers()

    def _for_keys(self) -> tuple[Binding, ...]:
        return (
            serve(signatures.CREATE, self._signing_keys.create),
            serve(signatures.LIST, self._signing_keys.listing),
            serve(signatures.REMOVE, self._signing_keys.remove),
            serve(signatures.FIND, self._signing_keys.find),
            serve(token_keys.LIST_TOKEN_KEYS, self._keyring.listing),
            serve(token_keys.ROTATE_KEYS, self._keyring.rotate),
        )

    async def prepare(self) -> None:
        """Before it serves: the signing keys are there and sealed. Idempotent. Raises WrongKey."""
        await self._keyring.prepare()

    async def close(self) -> None:
        """Wait for messages that are being sent, and end the connections to providers."""
        await self._logins.close()
        await self._outbox.close()

    async def register(self, message: Register, context: Context) -> Session:
        """Create an account and sign in. Raises Conflict with the field email or username."""
        account, user = await self._accounts.make(message, context)
        return await self._sessions.begin(account, user, "registered", context)

    async def login(self, message: Login, context: Context) -> Session:
        """Sign in. A wrong password and an unknown address are the same Unauthenticated after the same work."""
        email = normalised_email(message.email)
        account = await self._store.by_email(email) if email.isprintable() else None
        good = await self._passwords.verify(message.password, None if account is None else account.password_hash)
        if account is None or not good:
            await self._audit.note("login_failed", None if account is None else account.id, context)
            raise _wrong()
        if self._passwords.outdated(account.password_hash):
            account = await self._rehashed(account, message.password)
        return await self._sessions.begin(account, await self._accounts.profile(account, context), "login", context)

    async def refresh(self, message: Refresh, context: Context) -> Session:
        """New tokens for a refresh token. Raises Unauthenticated.

        The profile is read before the token is used up, so that a failure there costs nothing.
        """
        known = await self._sessions.find(message.refresh_token)
        account, user = await self._accounts.holder(known.user_id, context)
        token = await self._sessions.successor(message.refresh_token, known, context)
        return await self._sessions.answer(account, user, known.family_id, token)

    async def logout(self, message: Logout, context: Context) -> Done:
        """End a session: that of the refresh token, or else the named one of the caller. Idempotent."""
        if message.refresh_token is not None:
            await self._sessions.end_by_token(message.refresh_token, context)
        elif message.session_id is None or context.user_id is None:
            raise Unauthenticated("Sign in first, or send the refresh token.")
        else:
            await self._sessions.end(message.session_id, context.user_id, context)
        return Done()

    async def jwks(self, message: GetJwks, context: Context) -> Jwks:
        """The public keys, the next one included."""
        return await self._keyring.jwks()

    async def verify(self, message: VerifyToken, context: Context) -> Claims:
        """The claims of a token that is good and whose session goes on, or of an API key. Raises Unauthenticated."""
        if message.token.startswith(KEY_MARK):
            return await self._keys.verify(message.token, context)
        return await self._sessions.verify(message.token)

    async def ensure_admin(self) -> None:
        """Make the administrator's account once; idempotent. Raises Unavailable while the users node is away."""
        await self._accounts.ensure_admin()

    async def sweep(self) -> None:
        """Delete what expired: sessions and tokens long ago, keys, accounts deleted a day ago, lines of a year ago."""
        await self._store.sweep(self._clock() - KEPT_AFTER_EXPIRY)
        await self._proofs.sweep()
        await self._logins.sweep()
        await self._authorizations.sweep()
        await self._keys.sweep()
        await self._signing_keys.sweep()
        await self._audit.sweep()

    async def _rehashed(self, account: Credentials, password: str) -> Credentials:
        """The account with a hash of today. Raises Unauthenticated when it got another password meanwhile."""
        made = await self._passwords.hash(password)
        if await self._store.rehash(account, made):
            return msgspec.structs.replace(account, password_hash=made)
        fresh = await self._store.by_id(account.id)  # another sign-in may have done it
        if fresh is None or not await self._passwords.verify(password, fresh.password_hash):
            raise _wrong()
        return fresh


def _wrong() -> Unauthenticated:
    return Unauthenticated("The e-mail address or the password is not right.")
