"""Sessions: families of refresh tokens that replace each other, and the access tokens signed on the way."""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime

from adapters.crypto import derived_token, new_opaque_token, token_hash
from adapters.postgres_outbox import Outbox
from adapters.signed_tokens import Verifier
from contracts.auth import Claims, Session
from contracts.errors import Unauthenticated
from contracts.security import SecurityEvent
from contracts.users import User
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.keyring import Keyring
from nodes.auth.model import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    Credentials,
    NewSession,
    Presented,
    RefreshToken,
    account_of,
    claims_for,
    presented,
)
from nodes.auth.revocation import Revocation
from nodes.auth.store import AuthStore, LockedSession

log = logging.getLogger(__name__)


class Sessions:
    """Begins, continues, checks and ends sessions. A plain token is given to its owner and kept nowhere."""

    def __init__(
        self,
        store: AuthStore,
        keyring: Keyring,
        audit: AuditLog,
        revocation: Revocation,
        outbox: Outbox,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._audit = audit
        self._revocation = revocation
        self._outbox = outbox
        self._clock = clock
        self._verifier = Verifier(clock=lambda: clock().timestamp())

    async def begin(self, account: Credentials, user: User, event: SecurityEvent, context: Context) -> Session:
        """A new session of its own.

        Raises Unauthenticated when the account was deleted or got another password meanwhile.
        """
        now, token = self._clock(), new_opaque_token()
        new = NewSession(
            id=uuid.uuid4(),
            user_id=account.id,
            password_hash=account.password_hash,
            token_hash=token_hash(token),
            now=now,
            expires_at=now + REFRESH_LIFE,
            user_agent=context.user_agent,
            address=context.address,
        )
        async with self._store.beginning(new) as transaction:
            if transaction is None:
                raise Unauthenticated("The account has just been changed. Sign in again.")
            await self._audit.note(event, account.id, context, detail=str(new.id), within=transaction)
        return await self.answer(account, user, new.id, token)

    async def find(self, token: str) -> RefreshToken:
        """What is known of a refresh token. Raises Unauthenticated."""
        found = await self._store.find_token(token_hash(token))
        if found is None:
            raise _not_good()
        return found

    async def successor(self, token: str, known: RefreshToken, context: Context) -> str:
        """The refresh token that replaces `token`.

        Raises Unauthenticated when it is expired or revoked, and when it was used before: then the whole session ends,
        because one of its two holders has stolen it.
        """
        secret, now, outcome = await self._keyring.refresh_secret(), self._clock(), Presented.DEAD
        async with self._store.session(known.family_id) as session:
            current = None if session is None else await session.token(known.id)
            if session is not None and current is not None:
                next_one = await session.token(current.successor)
                outcome = presented(current, session.row, next_one, now)
                next_id = next_one.id if outcome is Presented.REPEAT and next_one is not None else uuid.uuid4()
                # Derived, so that it can be given again without being kept; only a holder of `token` can derive it.
                following = derived_token(secret, "refresh", token, str(next_id))
                await self._write(session, current, outcome, (next_id, following), context)
        # Raised after the block: what was written of a theft must stay.
        if outcome is Presented.REUSED:
            log.warning("session %s ended: a used refresh token was presented again", known.family_id)
            self._outbox.kick()
        if outcome in (Presented.REUSED, Presented.DEAD):
            raise _not_good()
        return following

    async def answer(self, account: Credentials, user: User, session_id: uuid.UUID, refresh_token: str) -> Session:
        """A fresh access token beside the refresh token."""
        return Session(
            user=account_of(account, user),
            access_token=await self._keyring.sign(claims_for(account, user, session_id, self._clock())),
            refresh_token=refresh_token,
            expires_in=int(ACCESS_LIFE.total_seconds()),
        )

    async def verify(self, token: str) -> Claims:
        """The claims of an access token whose session goes on. Raises Unauthenticated."""
        claims = self._verifier.verify(token, await self._keyring.jwks())
        session = await self._store.find_session(claims.sid)
        if session is None or session.revoked_at is not None or session.user_id != claims.sub:
            raise Unauthenticated("The session has ended.")
        return claims

    async def end(self, session_id: uuid.UUID, owner: uuid.UUID, context: Context) -> None:
        """End a session of `owner`. Idempotent; somebody else's session goes on."""
        async with self._store.session(session_id) as session:
            if session is not None and session.row.user_id == owner:
                await self._revoke(session, context)
        self._outbox.kick()

    async def end_by_token(self, token: str, context: Context) -> None:
        """End the session of a refresh token, if there is one."""
        known = await self._store.find_token(token_hash(token))
        if known is not None:
            await self.end(known.family_id, known.user_id, context)

    async def _write(
        self,
        session: LockedSession,
        token: RefreshToken,
        outcome: Presented,
        following: tuple[uuid.UUID, str],
        context: Context,
    ) -> None:
        now, user_id = self._clock(), session.row.user_id
        match outcome:
            case Presented.ROTATE:
                await session.rotate(token, following[0], token_hash(following[1]), now, now + REFRESH_LIFE)
                await session.touch(now, context.user_agent, context.address)
            case Presented.REPEAT:
                await session.repeat(token, now)
            case Presented.REUSED:
                detail = str(session.row.id)
                await self._audit.note("refresh_reused", user_id, context, detail=detail, within=session.transaction)
                await self._revoke(session, context)
            case Presented.DEAD:
                pass

    async def _revoke(self, session: LockedSession, context: Context) -> None:
        if session.row.revoked_at is None:
            await session.revoke(self._clock())
            await self._revocation.tell([session.row.id], session.row.user_id, context, session.transaction)


def _not_good() -> Unauthenticated:
    return Unauthenticated("The refresh token is not good.")
