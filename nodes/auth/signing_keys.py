"""Partners' keys for signed requests: public keys as they are, secrets of HMAC sealed, because checking needs them."""

import base64
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.crypto import Box
from adapters.http_signatures import NotAKey, public_pem
from adapters.postgres import Pool, Queries, Row
from contracts.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from contracts.signatures import (
    CreateSigningKey,
    FindSigningKey,
    ListSigningKeys,
    NewSigningKey,
    RemoveSigningKey,
    SigningKeyInfo,
    SigningKeyList,
    VerificationKey,
)
from contracts.wire import Context, Done
from nodes.auth.api_keys import MOST, NOTED_EVERY, Holder, checked_expiry, claims_of_key
from nodes.auth.audit import AuditLog
from nodes.auth.revocation import asking

KEY_MARK = "cgs_"
"""How the id of every such key begins."""
HMAC = "hmac-sha256"
SECRET_BYTES = 32


class SigningKeys:
    """Handlers of `CREATE`, `LIST`, `REMOVE` and `FIND`; chore `sweep`."""

    def __init__(
        self, pool: Pool, sql: Queries, box: Box, audit: AuditLog, holder: Holder, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._box = box
        self._audit = audit
        self._holder = holder
        self._clock = clock

    async def create(self, message: CreateSigningKey, context: Context) -> NewSigningKey:
        """Keep a key. Raises Invalid for one that does not fit or a time that cannot be, Conflict beyond 20."""
        now, user_id, public = self._clock(), asking(context), _checked_key(message)
        secret = secrets.token_bytes(SECRET_BYTES) if public is None else None
        made = NewSigningKey(
            id=uuid.uuid4(),
            keyid=f"{KEY_MARK}{secrets.token_hex(12)}",
            name=message.name,
            algorithm=message.algorithm,
            scopes=tuple(sorted(set(message.scopes))),
            created_at=now,
            expires_at=checked_expiry(message.expires_at, now),
            last_used_at=None,
            secret=None if secret is None else _text(secret),
        )
        await self._keep(made, public, secret, user_id, context)
        return made

    async def listing(self, message: ListSigningKeys, context: Context) -> SigningKeyList:
        """The caller's keys, without their secrets."""
        rows = await self._pool.all(self._sql["keys_of"], asking(context))
        return SigningKeyList(items=tuple(msgspec.convert(row, SigningKeyInfo) for row in rows))

    async def remove(self, message: RemoveSigningKey, context: Context) -> Done:
        """End a key of the caller. Raises NotFound, also for a repetition."""
        user_id = asking(context)
        async with self._pool.transaction() as transaction:
            keyid = await transaction.value(self._sql["delete_key"], message.id, user_id)
            if keyid is None:
                raise NotFound("You have no such key.")
            await self._audit.note("key_revoked", user_id, context, detail=keyid, within=transaction)
        return Done()

    async def find(self, message: FindSigningKey, context: Context) -> VerificationKey:
        """The key of that id, and what its signer may do. Raises Unauthenticated. Notes the use, once a minute."""
        now = self._clock()
        row = await self._pool.one(self._sql["key_by_keyid"], message.keyid, now)
        if row is None:
            raise Unauthenticated("There is no such key.")
        account, user = await self._holder(row["user_id"], context)
        if row["last_used_at"] is None or row["last_used_at"] <= now - NOTED_EVERY:
            await self._pool.run(self._sql["use_key"], row["id"], now, now - NOTED_EVERY)
        claims = claims_of_key(row, account, user)
        return VerificationKey(algorithm=row["algorithm"], key=self._material(row), claims=claims)

    async def sweep(self) -> None:
        """Delete keys that have expired."""
        await self._pool.run(self._sql["sweep_keys"], self._clock())

    def _material(self, row: Row) -> str:
        if row["sealed_secret"] is None:
            return str(row["public_key"])
        return _text(self._box.open(row["sealed_secret"], _about(row["keyid"])))

    async def _keep(
        self, made: NewSigningKey, public: str | None, secret: bytes | None, user_id: uuid.UUID, context: Context
    ) -> None:
        sealed = None if secret is None else self._box.seal(secret, _about(made.keyid))
        async with self._pool.transaction() as transaction:
            if await transaction.value(self._sql["lock_account"], user_id) is None:
                raise Unauthenticated("The account is gone.")
            if await transaction.value(self._sql["count_keys"], user_id, made.created_at) >= MOST:
                raise Conflict(f"There are {MOST} keys already. Remove one that is not used.")
            values = (made.id, user_id, made.keyid, made.name, made.algorithm, public, sealed, list(made.scopes))
            await transaction.run(self._sql["insert_key"], *values, made.created_at, made.expires_at)
            detail = f"{made.keyid} {made.algorithm} {' '.join(made.scopes)}"
            await self._audit.note("key_made", user_id, context, detail=detail, within=transaction)


def _checked_key(message: CreateSigningKey) -> str | None:
    """The public key as PEM; None for a secret that we make. Raises Invalid."""
    given = [name for name in ("public_key", "jwk") if getattr(message, name) is not None]
    if message.algorithm == HMAC:
        if given:
            raise _wrong(given[0], "is not given for hmac-sha256: its secret is made here")
        return None
    if len(given) != 1:
        raise _wrong("public_key", "give the public key once, as PEM here or as jwk")
    key = message.public_key if message.public_key is not None else msgspec.to_builtins(message.jwk)
    try:
        return public_pem(message.algorithm, key)
    except NotAKey as error:
        raise _wrong(given[0], str(error)) from error


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(f"{field}: {detail}.", errors=(FieldError(field=field, detail=detail),))


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _about(keyid: str) -> str:
    """What a sealed secret says that it is."""
    return f"partner_keys:{keyid}"
