"""Keys for programs: `cg_`, eight letters by which a key is recognised, and a secret of 256 random bits.

Only SHA-256 of a key is kept. A slow hash, as passwords need it, would protect nothing more: nobody can try 2**256
secrets, and each request would cost a fifth of a second.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.crypto import new_opaque_token, token_hash
from adapters.postgres import Pool, Queries, Row
from contracts.auth import AUDIENCE, ISSUER, Claims
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from contracts.paging import cut, moment_of
from contracts.security import KEY_MARK, ApiKey, ApiKeyList, CreateApiKey, ListApiKeys, NewApiKey, RevokeApiKey
from contracts.users import User
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, Credentials
from nodes.auth.revocation import asking

MOST = 20
LONGEST_LIFE = timedelta(days=366)
NOTED_EVERY = timedelta(minutes=1)
Holder = Callable[[uuid.UUID, Context], Awaitable[tuple[Credentials, User]]]
"""Gives an account with its profile. Raises Unauthenticated when it is gone."""


class ApiKeys:
    """Handlers of `CREATE_KEY`, `LIST_KEYS` and `REVOKE_KEY`; `verify` for `VERIFY`; chore `sweep`."""

    def __init__(
        self, pool: Pool, sql: Queries, audit: AuditLog, holder: Holder, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._audit = audit
        self._holder = holder
        self._clock = clock

    async def create(self, message: CreateApiKey, context: Context) -> NewApiKey:
        """Make a key. Raises Invalid for a time that has passed or is more than a year off, Conflict beyond 20."""
        now, user_id = self._clock(), asking(context)
        prefix = f"{KEY_MARK}{secrets.token_hex(4)}"
        made = NewApiKey(
            id=uuid.uuid4(),
            name=message.name,
            prefix=prefix,
            scopes=tuple(sorted(set(message.scopes))),
            created_at=now,
            expires_at=checked_expiry(message.expires_at, now),
            last_used_at=None,
            key=f"{prefix}_{new_opaque_token()}",
        )
        await self._keep(made, user_id, context)
        return made

    async def list(self, message: ListApiKeys, context: Context) -> ApiKeyList:
        """The caller's keys, without their secrets. Raises Invalid for a bad cursor."""
        at, last = moment_of(message.cursor) or (None, None)
        rows = await self._pool.all(self._sql["keys_of"], asking(context), at, last, message.limit + 1)
        shown, following = cut(rows, message.limit, lambda row: (row["created_at"], row["id"]))
        return ApiKeyList(items=tuple(msgspec.convert(row, ApiKey) for row in shown), next_cursor=following)

    async def revoke(self, message: RevokeApiKey, context: Context) -> Done:
        """End a key of the caller. Raises NotFound, also for a repetition."""
        user_id = asking(context)
        async with self._pool.transaction() as transaction:
            prefix = await transaction.value(self._sql["delete_key"], message.id, user_id)
            if prefix is None:
                raise NotFound("You have no such key.")
            await self._audit.note("key_revoked", user_id, context, detail=prefix, within=transaction)
        return Done()

    async def verify(self, key: str, context: Context) -> Claims:
        """What the bearer of a key may do, and as whom. Raises Unauthenticated. Notes the use, once a minute."""
        now = self._clock()
        row = await self._pool.one(self._sql["key_by_hash"], token_hash(key), now)
        if row is None:
            raise Unauthenticated("The API key is not good.")
        account, user = await self._holder(row["user_id"], context)
        if row["last_used_at"] is None or row["last_used_at"] <= now - NOTED_EVERY:
            await self._pool.run(self._sql["use_key"], row["id"], now, now - NOTED_EVERY)
        return claims_of_key(row, account, user)

    async def sweep(self) -> None:
        """Delete keys that have expired."""
        await self._pool.run(self._sql["sweep_keys"], self._clock())

    async def _keep(self, made: NewApiKey, user_id: uuid.UUID, context: Context) -> None:
        async with self._pool.transaction() as transaction:
            if await transaction.value(self._sql["lock_account"], user_id) is None:
                raise Unauthenticated("The account is gone.")
            if await transaction.value(self._sql["count_keys"], user_id, made.created_at) >= MOST:
                raise Conflict(f"There are {MOST} keys already. Remove one that is not used.")
            names = (made.id, user_id, made.name, made.prefix, token_hash(made.key))
            await transaction.run(self._sql["insert_key"], *names, list(made.scopes), made.created_at, made.expires_at)
            detail = f"{made.prefix} {' '.join(made.scopes)}"
            await self._audit.note("key_made", user_id, context, detail=detail, within=transaction)


def checked_expiry(expires_at: datetime | None, now: datetime) -> datetime:
    """When a key ends: a year from now when it is left out. Raises Invalid."""
    if expires_at is None:
        return now + timedelta(days=365)
    if not now < expires_at <= now + LONGEST_LIFE:
        wrong = FieldError(field="expires_at", detail="must be in the future, and at most a year from now")
        raise Invalid("A key cannot expire then.", errors=(wrong,))
    return expires_at


def claims_of_key(row: Row, account: Credentials, user: User) -> Claims:
    """What the holder of a key may do. A key never carries the role of an administrator."""
    times: dict[str, Any] = {"iat": int(row["created_at"].timestamp()), "exp": int(row["expires_at"].timestamp())}
    return Claims(
        iss=ISSUER,
        aud=AUDIENCE,
        sub=account.id,
        sid=row["id"],
        jti=row["id"].hex,
        tier=user.subscription_tier,
        roles=tuple(role for role in account.roles if role != ADMIN),
        scope=" ".join(row["scopes"]),
        **times,
    )
