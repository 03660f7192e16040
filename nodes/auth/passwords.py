"""A password that its owner changes while signed in."""

from collections.abc import Callable
from datetime import datetime

from adapters.crypto import new_opaque_token, token_hash
from adapters.passwords import Passwords
from adapters.postgres import Pool, Queries
from adapters.postgres_outbox import Outbox
from contracts.errors import Conflict, FieldError, Invalid, Unauthenticated
from contracts.logins import ChangePassword
from contracts.notifications import MAIL
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.letters import changed
from nodes.auth.model import Credentials
from nodes.auth.revocation import Revocation, asking
from nodes.auth.store import AuthStore


class OwnPassword:
    """The handler of `CHANGE_PASSWORD`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        store: AuthStore,
        outbox: Outbox,
        audit: AuditLog,
        revocation: Revocation,
        passwords: Passwords,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._store = store
        self._outbox = outbox
        self._audit = audit
        self._revocation = revocation
        self._passwords = passwords
        self._clock = clock

    async def change(self, message: ChangePassword, context: Context) -> Done:
        """Set it and end the other sessions; the owner is told by mail. Raises what `ChangePassword` says."""
        account = await self._store.by_id(asking(context))
        if account is None:
            raise Unauthenticated("The account is gone.")
        if not account.has_password:
            raise Conflict("This account has no password yet. Ask for a mail to set one.")
        if not await self._passwords.verify(message.current_password, account.password_hash):
            wrong = FieldError(field="current_password", detail="is not right")
            raise Invalid("The password is not right.", errors=(wrong,))
        await self._set(account, await self._passwords.hash(message.new_password), message, context)
        self._outbox.kick()
        return Done()

    async def _set(self, account: Credentials, made: str, message: ChangePassword, context: Context) -> None:
        async with self._pool.transaction() as transaction:
            await self._revocation.end_all(account.id, context, transaction, but=message.session_id)
            values = (account.id, account.password_hash, made)
            if await transaction.value(self._sql["change_password"], *values) is None:
                raise Conflict("The account has just been changed. Try again.")
            # Once more: a session may have begun before the password was set, none begins with the old one after it.
            await self._revocation.end_all(account.id, context, transaction, but=message.session_id)
            await transaction.run(self._sql["drop_reset_tokens"], account.id)
            await self._audit.note("password_changed", account.id, context, within=transaction)
            mail = changed(account.email, account.id, token_hash(new_opaque_token()), self._clock())
            plain = Context(request_id=context.request_id, traceparent=context.traceparent, region=context.region)
            await self._outbox.add(transaction, MAIL, mail, message_id=mail.effect_key, context=plain)
