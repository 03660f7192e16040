"""The auth node's tables. Whatever changes a session or its tokens holds the lock of the session's row."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.postgres import Pool, Queries, Row, Transaction, load_queries
from contracts.auth import AccountDeleted, AccountFacts
from nodes.auth.model import Credentials, NewSession, RefreshToken, SessionRow

HERE = Path(__file__).parent
MIGRATIONS = HERE / "migrations"
SECURITY_SQL = HERE / "security.sql"
LOGINS_SQL = HERE / "logins.sql"
OAUTH_SQL = HERE / "oauth.sql"
KEYS_SQL = HERE / "keys.sql"
SIGNING_KEYS_SQL = HERE / "signing_keys.sql"
OWNED = (
    "delete_sessions",
    "delete_one_time_tokens",
    "delete_api_keys",
    "delete_partner_keys",
    "delete_identities",
    "delete_clients",
    "delete_consents",
    "delete_codes",
)
"""Statements that take what is an account's away with it."""


class AuthStore:
    """Reads and single writes; `session` begins a change of a session. Raises Unavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sql = load_queries(HERE / "queries.sql")

    async def by_email(self, email: str) -> Credentials | None:
        """The account of a normalised address."""
        return _credentials(await self._pool.one(self._sql["account_by_email"], email))

    async def by_id(self, user_id: uuid.UUID) -> Credentials | None:
        """An account."""
        return _credentials(await self._pool.one(self._sql["account"], user_id))

    async def insert_pending(self, account: Credentials) -> bool:
        """False when the address has an account."""
        values = (account.id, account.email, account.password_hash, list(account.roles))
        wanted = (account.pending_username, account.pending_full_name, account.created_at)
        return await self._pool.run(self._sql["insert_pending"], *values, *wanted) == 1

    @asynccontextmanager
    async def activating(self, account: Credentials) -> AsyncIterator[Transaction | None]:
        """The account is good; None when it got another password meanwhile. The block may add to the same transaction.

        Idempotent. Raises Duplicate when another account has the address.
        """
        values = (account.id, account.email, account.password_hash, list(account.roles), account.created_at)
        async with self._pool.transaction() as transaction:
            active = await transaction.run(self._sql["activate"], *values) == 1
            yield transaction if active else None

    async def delete_pending(self, user_id: uuid.UUID) -> None:
        """Forget a registration that failed."""
        await self._pool.run(self._sql["delete_pending"], user_id)

    async def take_over(self, account: Credentials, password_hash: str, now: datetime) -> bool:
        """Give a pending account another password; False when it has changed meanwhile."""
        old = (account.id, account.password_hash)
        return await self._pool.run(self._sql["take_over_pending"], *old, password_hash, now) == 1

    async def rehash(self, account: Credentials, password_hash: str) -> bool:
        """Keep another hash of the same password; False when that has changed meanwhile."""
        values = (account.id, account.password_hash, password_hash)
        return await self._pool.run(self._sql["set_password_hash"], *values) == 1

    async def add_role(self, user_id: uuid.UUID, role: str) -> bool:
        """False when the account has it already."""
        return await self._pool.run(self._sql["add_role"], user_id, role) == 1

    @asynccontextmanager
    async def beginning(self, new: NewSession) -> AsyncIterator[Transaction | None]:
        """A new family with its first token; this is also the account's last login.

        The block may add to the same transaction. None when the account is deleted or has another password by now.
        """
        async with self._pool.transaction() as transaction:
            if await transaction.run(self._sql["set_last_login"], new.user_id, new.now, new.password_hash) == 0:
                yield None
                return
            where = (new.user_agent, new.address)
            await transaction.run(self._sql["insert_session"], new.id, new.user_id, new.now, *where)
            token = (uuid.uuid4(), new.user_id, new.token_hash, new.id, None, new.now, new.expires_at)
            await transaction.run(self._sql["insert_token"], *token)
            yield transaction

    async def began(self, session_id: uuid.UUID, user_id: uuid.UUID, since: datetime) -> bool:
        """Is it a session of that user that goes on and began after a time?"""
        return await self._pool.one(self._sql["session_began"], session_id, user_id, since) is not None

    async def clear(self, user_id: uuid.UUID, transaction: Transaction) -> None:
        """Take away everything by which somebody could come back to an account; its sessions are ended elsewhere."""
        for name in OWNED:
            if name != "delete_sessions":
                await transaction.run(self._sql[name], user_id)

    async def facts(self, user_id: uuid.UUID) -> AccountFacts | None:
        """What is known of an account, without anything that proves it."""
        row = await self._pool.one(self._sql["account_facts"], user_id)
        return None if row is None else msgspec.convert(row, AccountFacts)

    @asynccontextmanager
    async def deleting(self, account: Credentials, now: datetime) -> AsyncIterator[Transaction | None]:
        """Delete an account with its sessions; the block may add to the same transaction.

        None when the account has changed meanwhile: another password, an administrator by now, or deleted.
        """
        async with self._pool.transaction() as transaction:
            await transaction.all(self._sql["lock_sessions"], account.id)
            marked = await transaction.run(self._sql["mark_deleted"], account.id, account.password_hash, now)
            if marked:
                await transaction.run(self._sql["end_sessions_of_clients"], account.id, now)
                for name in OWNED:
                    await transaction.run(self._sql[name], account.id)
            yield transaction if marked else None

    @asynccontextmanager
    async def announcing(
        self, before: datetime, now: datetime, limit: int
    ) -> AsyncIterator[tuple[Transaction, list[AccountDeleted]]]:
        """Deleted accounts that were last told of before a time, to be told of again in this transaction."""
        async with self._pool.transaction() as transaction:
            rows = await transaction.all(self._sql["unannounced"], before, limit)
            await transaction.run(self._sql["set_announced"], [row["id"] for row in rows], now)
            yield transaction, [AccountDeleted(user_id=row["id"], deleted_at=row["deleted_at"]) for row in rows]

    async def find_token(self, token_hash: bytes) -> RefreshToken | None:
        """The refresh token with this hash."""
        row = await self._pool.one(self._sql["token_by_hash"], token_hash)
        return None if row is None else msgspec.convert(row, RefreshToken)

    async def find_session(self, session_id: uuid.UUID) -> SessionRow | None:
        """A session as it is now."""
        row = await self._pool.one(self._sql["session"], session_id)
        return None if row is None else msgspec.convert(row, SessionRow)

    @asynccontextmanager
    async def session(self, session_id: uuid.UUID) -> AsyncIterator["LockedSession | None"]:
        """The session, ours alone until the block ends; None when it is gone."""
        async with self._pool.transaction() as transaction:
            row = await transaction.one(self._sql["lock_session"], session_id)
            if row is None:
                yield None
            else:
                yield LockedSession(transaction, self._sql, msgspec.convert(row, SessionRow))

    async def sweep(self, before: datetime) -> None:
        """Delete tokens that expired before a time, old sessions that have none left, accounts deleted before it."""
        await self._pool.run(self._sql["delete_expired_tokens"], before)
        await self._pool.run(self._sql["delete_empty_sessions"], before)
        await self._pool.run(self._sql["forget_deleted"], before)


class LockedSession:
    """A session inside a transaction; `row` is what it was when it was locked."""

    def __init__(self, transaction: Transaction, sql: Queries, row: SessionRow) -> None:
        self.transaction = self._transaction = transaction
        self._sql = sql
        self.row = row

    async def token(self, token_id: uuid.UUID | None) -> RefreshToken | None:
        """One of the session's tokens."""
        row = None if token_id is None else await self._transaction.one(self._sql["token"], token_id)
        return None if row is None else msgspec.convert(row, RefreshToken)

    async def rotate(
        self, used: RefreshToken, successor: uuid.UUID, token_hash: bytes, now: datetime, expires_at: datetime
    ) -> None:
        """Mark a token as used and keep its successor."""
        token = (successor, used.user_id, token_hash, used.family_id, used.id, now, expires_at)
        await self._transaction.run(self._sql["insert_token"], *token)
        await self._transaction.run(self._sql["use_token"], used.id, now, successor)

    async def touch(self, now: datetime, user_agent: str | None, address: str | None) -> None:
        """It was used, by this program from there."""
        await self._transaction.run(self._sql["touch_session"], self.row.id, now, user_agent, address)

    async def repeat(self, token: RefreshToken, now: datetime) -> None:
        """Mark that a used token was presented once more."""
        await self._transaction.run(self._sql["repeat_token"], token.id, now)

    async def revoke(self, now: datetime) -> None:
        """End the session. Idempotent."""
        await self._transaction.run(self._sql["revoke_session"], self.row.id, now)
        await self._transaction.run(self._sql["revoke_tokens"], self.row.id, now)


def _credentials(row: Row | None) -> Credentials | None:
    return None if row is None else msgspec.convert(row, Credentials)
