"""The end of an account: what is known of it, its deletion, and telling the nodes that hold something of its user.

The account is marked and the event stored in one transaction; the outbox sends it. It is told again every hour while
the mark is kept, a day: so a listener that was broken, or that crashed at a bad moment, deletes what was left.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.passwords import Passwords
from adapters.postgres import Transaction
from adapters.postgres_outbox import Outbox
from contracts.auth import ACCOUNT_DELETED, AccountDeleted, AccountFacts, DeleteAccount, GetAccount
from contracts.errors import Conflict, FieldError, Invalid, Unauthenticated
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, Credentials
from nodes.auth.store import AuthStore

log = logging.getLogger(__name__)

TOLD_EVERY = timedelta(hours=1)
RECENT = timedelta(minutes=10)
"""How long a sign-in proves who somebody is, where there is no password to ask for."""
TOLD_AT_ONCE = 200
"""Deleted accounts that one round tells of."""


class Ending:
    """Handlers of `ACCOUNT` and `DELETE_ACCOUNT`, and the chore `announce`."""

    def __init__(
        self,
        store: AuthStore,
        outbox: Outbox,
        audit: AuditLog,
        passwords: Passwords,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._audit = audit
        self._outbox = outbox
        self._passwords = passwords
        self._clock = clock

    async def facts(self, message: GetAccount, context: Context) -> AccountFacts:
        """What this node holds about the caller. Raises Unauthenticated when the account is gone."""
        facts = None if context.user_id is None else await self._store.facts(context.user_id)
        if facts is None:
            raise _gone()
        return facts

    async def delete(self, message: DeleteAccount, context: Context) -> Done:
        """End the caller's account, its sessions with it, and store the event that tells the others.

        Sign-in and refresh are refused from now on and the address is free. Access tokens that are out end by
        themselves within their 15 minutes. Raises Invalid naming the field password, Conflict for an administrator,
        Unauthenticated when the account is gone: also the answer to a repetition.
        """
        account = None if context.user_id is None else await self._store.by_id(context.user_id)
        if account is None:
            raise _gone()
        if ADMIN in account.roles:
            raise Conflict("An administrator's account cannot be deleted.")
        await self._check(account, message)
        await self._end(account, context)
        log.info("account %s was deleted", account.id, extra={"action": "account_deleted"})
        return Done()

    async def _check(self, account: Credentials, message: DeleteAccount) -> None:
        """Is it the owner who asks: by the password, or without one by a sign-in of just now?"""
        if not account.has_password:
            since = self._clock() - RECENT
            if message.session_id is None or not await self._store.began(message.session_id, account.id, since):
                raise Invalid("Sign in once more and repeat this within ten minutes.")
        elif message.password is None or not await self._passwords.verify(message.password, account.password_hash):
            wrong = FieldError(field="password", detail="is not right")
            raise Invalid("The password is not right.", errors=(wrong,))

    async def announce(self) -> None:
        """Tell again of accounts that were deleted within the last day; each once an hour, whatever instances run."""
        now = self._clock()
        async with self._store.announcing(now - TOLD_EVERY, now, TOLD_AT_ONCE) as (transaction, ended):
            for event in ended:
                await self._tell(transaction, event, Context.new(), again=f":{now.timestamp():.0f}")
        if ended:
            self._outbox.kick()

    async def _end(self, account: Credentials, context: Context) -> None:
        now = self._clock()
        async with self._store.deleting(account, now) as transaction:
            if transaction is None:
                raise Conflict("The account has just been changed. Try again.")
            await self._audit.note("account_deleted", account.id, context, within=transaction)
            await self._audit.forget_origin(account.id, transaction)
            await self._tell(transaction, AccountDeleted(user_id=account.id, deleted_at=now), context)
        self._outbox.kick()

    async def _tell(self, transaction: Transaction, event: AccountDeleted, context: Context, again: str = "") -> None:
        message_id = f"{event.user_id}:deleted{again}"
        await self._outbox.add(transaction, ACCOUNT_DELETED, event, message_id=message_id, context=context)


def _gone() -> Unauthenticated:
    return Unauthenticated("The account is gone.")
