"""Where a user is signed in, and the end of sessions before their time.

A session that ends is told to the edges by an event of the same transaction, so that its access tokens, good for up to
15 minutes by themselves, are refused within moments; an edge that was not there reads the list of `REVOKED` again.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from adapters.postgres import Pool, Queries, Transaction
from adapters.postgres_outbox import Outbox
from contracts.errors import NotFound, Unauthenticated
from contracts.paging import cut, moment_of
from contracts.security import (
    SESSION_REVOKED,
    GetRevoked,
    ListSessions,
    Revoked,
    RevokedSession,
    RevokeOtherSessions,
    RevokeSession,
    SessionInfo,
    SessionList,
    SessionsRevoked,
)
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.model import ACCESS_LIFE, REFRESH_LIFE, REVOKED_KNOWN

TOLD_AT_ONCE = 1000
"""Sessions in one event."""


class Revocation:
    """Handlers of `LIST_SESSIONS`, `REVOKE_SESSION`, `REVOKE_OTHERS` and `REVOKED`; `end_all` and `tell` for others."""

    def __init__(
        self, pool: Pool, sql: Queries, outbox: Outbox, audit: AuditLog, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._outbox = outbox
        self._audit = audit
        self._clock = clock

    async def list(self, message: ListSessions, context: Context) -> SessionList:
        """The caller's sessions that go on. Raises Invalid for a bad cursor."""
        at, last = moment_of(message.cursor) or (None, None)
        alive = (asking(context), self._clock() - REFRESH_LIFE)
        rows = await self._pool.all(self._sql["sessions_of"], *alive, at, last, message.limit + 1)
        shown, following = cut(rows, message.limit, lambda row: (row["last_used_at"], row["id"]))
        # the columns are its fields
        items = tuple(SessionInfo(current=row["id"] == message.session_id, **row) for row in shown)
        return SessionList(items=items, next_cursor=following)

    async def revoke(self, message: RevokeSession, context: Context) -> Done:
        """End one session of the caller; a client's session with the consent to it. Idempotent. Raises NotFound."""
        user_id = asking(context)
        async with self._pool.transaction() as transaction:
            row = await transaction.one(self._sql["lock_own_session"], message.id, user_id)
            if row is None:
                raise NotFound("You have no such session.")
            await transaction.run(self._sql["withdraw_consent"], message.id, user_id)
            await self.end([] if row["revoked_at"] else [message.id], user_id, context, transaction)
        self._outbox.kick()
        return Done()

    async def revoke_others(self, message: RevokeOtherSessions, context: Context) -> Done:
        """End all sessions of the caller but the one that asks. Idempotent."""
        async with self._pool.transaction() as transaction:
            await self.end_all(asking(context), context, transaction, but=message.session_id)
        self._outbox.kick()
        return Done()

    async def revoked(self, message: GetRevoked, context: Context) -> Revoked:
        """Sessions whose access tokens may be about though they ended."""
        rows = await self._pool.all(self._sql["revoked_since"], self._clock() - ACCESS_LIFE, REVOKED_KNOWN)
        return Revoked(sessions=tuple(RevokedSession(id=row["id"], at=row["revoked_at"]) for row in rows))

    async def end_all(
        self, user_id: uuid.UUID, context: Context, transaction: Transaction, *, but: uuid.UUID | None = None
    ) -> None:
        """End all sessions of a user in a transaction; `kick` the outbox after it."""
        rows = await transaction.all(self._sql["open_sessions"], user_id, but)
        await self.end([row["id"] for row in rows], user_id, context, transaction)

    async def tell(
        self, session_ids: Sequence[uuid.UUID], user_id: uuid.UUID, context: Context, transaction: Transaction
    ) -> None:
        """Write down and tell that these sessions have just ended."""
        for session_id in session_ids:
            await self._audit.note("session_revoked", user_id, context, detail=str(session_id), within=transaction)
        for first in range(0, len(session_ids), TOLD_AT_ONCE):
            some = tuple(session_ids[first : first + TOLD_AT_ONCE])
            event = SessionsRevoked(session_ids=some, at=self._clock())
            message_id = f"{some[0]}:revoked"  # a session ends once
            await self._outbox.add(transaction, SESSION_REVOKED, event, message_id=message_id, context=context)

    def kick(self) -> None:
        """Send what `end` has stored; after its transaction."""
        self._outbox.kick()

    async def end(
        self, session_ids: "Sequence[uuid.UUID]", user_id: uuid.UUID, context: Context, transaction: Transaction
    ) -> None:
        """End sessions of a user, which the transaction has locked; `kick` after it."""
        if session_ids:
            now = self._clock()
            await transaction.run(self._sql["revoke_all"], session_ids, now)
            await transaction.run(self._sql["revoke_all_tokens"], session_ids, now)
            await self.tell(session_ids, user_id, context, transaction)


def asking(context: Context) -> uuid.UUID:
    """The caller. Raises Unauthenticated when nobody is signed in."""
    if context.user_id is None:
        raise Unauthenticated("Sign in first.")
    return context.user_id
