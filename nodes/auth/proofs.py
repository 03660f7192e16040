"""Proofs by mail: that an address is somebody's, and that somebody who forgot a password is who he says.

A token is 256 random bits, of which only SHA-256 is stored; it works once and for a short time, and a newer one takes
its place. The plain token is in the mail, and nowhere else: in the message that orders the mail it is sealed.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from adapters.crypto import Box, new_opaque_token, token_hash
from adapters.passwords import Passwords
from adapters.postgres import Pool, Queries, Row, Transaction
from adapters.postgres_outbox import Outbox
from contracts.errors import FieldError, Invalid, Unauthenticated
from contracts.notifications import MAIL
from contracts.security import (
    Accepted,
    AskVerification,
    EmailVerified,
    ForgotPassword,
    ResetPassword,
    VerifyEmail,
)
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.letters import KINDS, changed, letter
from nodes.auth.model import Credentials, normalised_email
from nodes.auth.revocation import Revocation, asking
from nodes.auth.store import AuthStore

AGAIN = timedelta(minutes=1)
"""Between two mails of a kind to one account."""
AT_ONCE = 50
"""Requests for a new password that one round looks at."""
LONGEST_EMAIL = 254


class Proofs:
    """Handlers of `VERIFY_EMAIL`, `ASK_VERIFICATION`, `FORGOT_PASSWORD`, `RESET_PASSWORD`; chores `answer`, `sweep`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        accounts: AuthStore,
        outbox: Outbox,
        audit: AuditLog,
        revocation: Revocation,
        passwords: Passwords,
        public_url: str,
        box: Box,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._accounts = accounts
        self._outbox = outbox
        self._audit = audit
        self._revocation = revocation
        self._passwords = passwords
        self._public_url = public_url
        self._box = box
        self._clock = clock

    async def verify_email(self, message: VerifyEmail, context: Context) -> EmailVerified:
        """The address of the token's account is proven. Raises Invalid naming the field token."""
        now = self._clock()
        async with self._pool.transaction() as transaction:
            taken = (token_hash(message.token), "verify_email", now)
            user_id = await transaction.value(self._sql["take_token"], *taken)
            email = None if user_id is None else await transaction.value(self._sql["set_email_verified"], user_id, now)
            if user_id is None or email is None:
                raise _not_good()
            await self._audit.note("email_verified", user_id, context, within=transaction)
        return EmailVerified(email=email)

    async def ask_verification(self, message: AskVerification, context: Context) -> Accepted:
        """Mail the caller a token once more, unless that is needless or was done within a minute."""
        account = await self._accounts.by_id(asking(context))
        if account is None:
            raise Unauthenticated("The account is gone.")
        if account.email_verified_at is None:
            async with self._pool.transaction() as transaction:
                await self.mail_token("verify_email", account, context, transaction)
            self._outbox.kick()
        return Accepted()

    async def forgot_password(self, message: ForgotPassword, context: Context) -> Accepted:
        """Note that somebody asked, and nothing else: whether there is such an account is looked up later."""
        email = normalised_email(message.email)
        if email.isprintable() and len(email) <= LONGEST_EMAIL:
            headers = msgspec.json.encode(context.headers()).decode()
            await self._pool.run(self._sql["ask_reset"], email, headers, self._clock())
        return Accepted()

    async def reset_password(self, message: ResetPassword, context: Context) -> Done:
        """Set the password and end every session. Raises Invalid naming the field token; then nothing has changed."""
        digest = token_hash(message.token)
        if await self._pool.value(self._sql["token_owner"], digest, "reset_password", self._clock()) is None:
            raise _not_good()  # before the work of hashing
        password_hash = await self._passwords.hash(message.password)
        async with self._pool.transaction() as transaction:
            await self._set_password(digest, password_hash, context, transaction)
        self._outbox.kick()
        return Done()

    async def mail_token(self, kind: str, account: Credentials, context: Context, transaction: Transaction) -> bool:
        """Make a token of a purpose and order its mail; False when the last was made less than a minute ago."""
        now, token = self._clock(), new_opaque_token()
        digest, expires_at = token_hash(token), now + KINDS[kind].life
        values = (account.id, kind, digest, now, expires_at, now - AGAIN)
        if not await transaction.run(self._sql["put_token"], *values):
            return False
        mail = letter(kind, account, token, digest, expires_at, self._public_url, self._box)
        await self._outbox.add(transaction, MAIL, mail, message_id=mail.effect_key, context=_plain(context))
        return True

    async def answer(self) -> None:
        """Look at who forgot a password; accounts that are there get a mail. What fails is looked at again."""
        async with self._pool.transaction() as transaction:
            rows = await transaction.all(self._sql["next_resets"], AT_ONCE)
            mailed = [row for row in rows if await self._answer(row, transaction)]
        if mailed:
            self._outbox.kick()

    async def sweep(self) -> None:
        """Delete tokens that have expired."""
        await self._pool.run(self._sql["sweep_tokens"], self._clock())

    async def _answer(self, row: Row, transaction: Transaction) -> bool:
        account = await self._accounts.by_email(row["email"])
        if account is None or account.status != "active":
            return False
        context = Context.from_headers(msgspec.json.decode(row["headers"], type=dict[str, str]))
        await self._audit.note("password_reset_asked", account.id, context, within=transaction)
        return await self.mail_token("reset_password", account, context, transaction)

    async def _set_password(
        self, digest: bytes, password_hash: str, context: Context, transaction: Transaction
    ) -> None:
        now = self._clock()
        user_id: uuid.UUID | None = await transaction.value(self._sql["take_token"], digest, "reset_password", now)
        if user_id is None:
            raise _not_good()
        await self._revocation.end_all(user_id, context, transaction)
        email = await transaction.value(self._sql["set_password"], user_id, password_hash, now)
        if email is None:
            raise _not_good()
        # Once more: a session may have begun before the password was set, none begins with the old one after it.
        await self._revocation.end_all(user_id, context, transaction)
        await transaction.run(self._sql["drop_tokens"], user_id)
        await self._audit.note("password_reset", user_id, context, within=transaction)
        mail = changed(email, user_id, digest, now)
        await self._outbox.add(transaction, MAIL, mail, message_id=mail.effect_key, context=_plain(context))


def _plain(context: Context) -> Context:
    return Context(request_id=context.request_id, traceparent=context.traceparent, region=context.region)


def _not_good() -> Invalid:
    wrong = FieldError(field="token", detail="is not good any more; ask for another mail")
    return Invalid("The token is not good.", errors=(wrong,))
