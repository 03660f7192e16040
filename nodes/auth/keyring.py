"""The signing keys of this node: sealed in the database, which every instance reads when it signs.

No instance keeps for itself which key signs, so that a dropped key signs nothing from the commit on, whichever instance
dropped it. What is kept in memory is only the opened private part of a key whose row was just read.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.crypto import Box
from adapters.postgres import Pool, Queries, Row, Transaction
from adapters.postgres_outbox import Outbox
from adapters.signed_tokens import SigningKey, sign
from contracts.auth import Algorithm, Jwk, Jwks
from contracts.errors import Forbidden, Unavailable
from contracts.token_keys import KEYS_CHANGED, KeysChanged, ListTokenKeys, RotateKeys, TokenKey, TokenKeyList
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, TIMES_OF_KEYS, KeyTimes, TimesOfKeys, key_state, published, signer

OF_REFRESH = "refresh"


class Keyring:
    """Handlers of `LIST_TOKEN_KEYS` and `ROTATE_KEYS`; `sign`, `jwks` and `refresh_secret` for others; chore `upkeep`.

    All raise Unavailable when the database is away, and WrongKey when the root secret is not the one of the database.
    """

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        box: Box,
        outbox: Outbox,
        audit: AuditLog,
        clock: Callable[[], datetime],
        times: TimesOfKeys = TIMES_OF_KEYS,
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._box = box
        self._outbox = outbox
        self._audit = audit
        self._clock = clock
        self._times = times
        self._opened: dict[str, SigningKey] = {}
        self._refresh_secret: bytes | None = None

    async def prepare(self) -> None:
        """Before the node serves: there is a key for access tokens that opens, and everything is sealed. Idempotent."""
        async with self._pool.transaction() as transaction:
            await transaction.run(self._sql["lock_keys"])
            await self._seal_plain(transaction)
            await self._make_server_key(transaction)
        await self.ensure("EdDSA")
        await self._signing_key("EdDSA")
        self._refresh_secret = await self.refresh_secret()

    async def jwks(self) -> Jwks:
        """Every key whose tokens may be good now or soon, of both algorithms."""
        rows = await self._rows(self._pool)
        listed = published(map(_times, rows), self._clock())
        public = (row["public_jwk"] for row in rows if row["kid"] in listed)
        return Jwks(keys=tuple(msgspec.json.decode(jwk, type=Jwk) for jwk in public))

    async def sign(self, claims: object, alg: Algorithm = "EdDSA", *, typ: str = "JWT") -> str:
        """A token that says `claims` (a struct, or a mapping of JSON values): `await keyring.sign(claims, "RS256")`.

        The first key of RS256 is made by its first use, which takes tenths of a second. A token may be good for as long
        as `TIMES_OF_KEYS` has it for its algorithm and no longer: then its key is not published any more. Raises
        Unavailable when no key is ready to sign.
        """
        return sign(claims, await self._signing_key(alg), typ=typ)

    async def refresh_secret(self) -> bytes:
        """The key of derived refresh tokens."""
        if self._refresh_secret is None:
            row = await self._pool.one(self._sql["server_key"], OF_REFRESH)
            if row is None:
                raise Unavailable("The node's keys are not made yet.", retry_after=1)
            self._refresh_secret = self._box.open(row["secret"], _server_key(OF_REFRESH))
        return self._refresh_secret

    async def ensure(self, alg: Algorithm) -> None:
        """Make the first key of an algorithm. Idempotent: of several that ask at once, one makes it."""
        if any(row["alg"] == alg for row in await self._rows(self._pool)):
            return
        key = await asyncio.to_thread(SigningKey.new, alg)
        async with self._pool.transaction() as transaction:
            await transaction.run(self._sql["lock_keys"])
            if not any(row["alg"] == alg for row in await self._rows(transaction)):
                await self._insert(transaction, key, self._clock())

    async def listing(self, message: ListTokenKeys, context: Context) -> TokenKeyList:
        """The keys that are published. Raises Forbidden for anybody but administrators."""
        _check_admin(context)
        return await self._listed()

    async def rotate(self, message: RotateKeys, context: Context) -> TokenKeyList:
        """Make the next key, or replace all keys at once. Raises Forbidden for anybody but administrators.

        Idempotent: nothing is made while a next key waits, nor when another one rotated while this call waited for it.
        """
        _check_admin(context)
        await self._rotate(message.alg, context, at_once=message.at_once)
        return await self._listed()

    async def upkeep(self) -> None:
        """Delete keys whose time is over, and make the next one for a key that has signed for long enough."""
        now = self._clock()
        await self._pool.run(self._sql["delete_retired_keys"], now)
        rows = [row for row in await self._rows(self._pool) if row["retires_at"] is None]
        for row in rows:
            if row["signs_from"] + self._times.signs <= now:
                await self._rotate(row["alg"], Context.new())

    async def _rotate(self, alg: Algorithm, context: Context, *, at_once: bool = False) -> None:
        asked = self._clock()
        key = await asyncio.to_thread(SigningKey.new, alg)
        async with self._pool.transaction() as transaction:
            await transaction.run(self._sql["lock_keys"])
            now = self._clock()
            rows = await self._rows(transaction)
            if self._settled(rows, alg, asked, at_once=at_once):
                return
            first = signer(map(_times, rows), now, alg) is None
            begins = now if at_once or first else now + self._times.ahead
            dropped = await self._make_way(transaction, alg, begins, at_once=at_once)
            await self._insert(transaction, key, now, begins)
            event = KeysChanged(dropped=dropped, at=now)
            await self._outbox.add(transaction, KEYS_CHANGED, event, message_id=f"{key.kid}:made", context=context)
            detail = f"{alg} {key.kid}" + (f", at once; dropped {' '.join(dropped)}" if at_once else "")
            await self._audit.note("key_rotated", context.user_id, context, detail=detail, within=transaction)
        self._outbox.kick()

    def _settled(self, rows: list[Row], alg: Algorithm, asked: datetime, *, at_once: bool) -> bool:
        """Is there nothing to do: a next key waits, or all were replaced since we asked?"""
        newest = next((row for row in rows if row["alg"] == alg and row["retires_at"] is None), None)
        if newest is None:
            return False
        return bool(newest["created_at"] > asked if at_once else newest["signs_from"] > asked)

    async def _make_way(
        self, transaction: Transaction, alg: Algorithm, begins: datetime, *, at_once: bool
    ) -> tuple[str, ...]:
        """End the keys of now; the kids of those that were dropped."""
        if at_once:
            return tuple(row["kid"] for row in await transaction.all(self._sql["drop_keys"], alg))
        await transaction.run(self._sql["retire_keys"], alg, begins + self._times.kept(alg))
        return ()

    async def _insert(
        self, transaction: Transaction, key: SigningKey, now: datetime, signs_from: datetime | None = None
    ) -> None:
        sealed = self._box.seal(key.private, _signing_key(key.kid))
        public = msgspec.json.encode(key.public).decode()
        values = (key.kid, key.alg, sealed, public, now, signs_from or now)
        await transaction.run(self._sql["insert_signing_key"], *values)

    async def _signing_key(self, alg: Algorithm) -> SigningKey:
        rows = await self._rows(self._pool)
        kid = signer(map(_times, rows), self._clock(), alg)
        if kid is None and not any(row["alg"] == alg for row in rows):
            await self.ensure(alg)
            rows = await self._rows(self._pool)
            kid = signer(map(_times, rows), self._clock(), alg)
        if kid is None:
            raise Unavailable("No key is ready to sign.", retry_after=30)
        return self._open(next(row for row in rows if row["kid"] == kid), {row["kid"] for row in rows})

    def _open(self, row: Row, known: set[str]) -> SigningKey:
        self._opened = {kid: key for kid, key in self._opened.items() if kid in known}
        kid = row["kid"]
        if kid not in self._opened:
            private = self._box.open(row["private_key"], _signing_key(kid)) if row["sealed"] else row["private_key"]
            self._opened[kid] = SigningKey(kid=kid, private=private, alg=row["alg"])
        return self._opened[kid]

    async def _rows(self, source: Pool | Transaction) -> list[Row]:
        return await source.all(self._sql["signing_keys"])

    async def _listed(self) -> TokenKeyList:
        rows, now = await self._rows(self._pool), self._clock()
        times = [_times(row) for row in rows]
        states = {each.kid: key_state(each, times, now) for each in times}
        return TokenKeyList(
            items=tuple(
                msgspec.convert({**row, "state": states[row["kid"]]}, TokenKey) for row in rows if states[row["kid"]]
            )
        )

    async def _seal_plain(self, transaction: Transaction) -> None:
        """What was stored before there was a root secret."""
        for row in await self._rows(transaction):
            if not row["sealed"]:
                sealed = self._box.seal(row["private_key"], _signing_key(row["kid"]))
                await transaction.run(self._sql["seal_signing_key"], row["kid"], sealed)
        kept = await transaction.one(self._sql["server_key"], OF_REFRESH)
        if kept is not None and not kept["sealed"]:
            sealed = self._box.seal(kept["secret"], _server_key(OF_REFRESH))
            await transaction.run(self._sql["seal_server_key"], OF_REFRESH, sealed)

    async def _make_server_key(self, transaction: Transaction) -> None:
        if await transaction.one(self._sql["server_key"], OF_REFRESH) is None:
            sealed = self._box.seal(secrets.token_bytes(32), _server_key(OF_REFRESH))
            await transaction.run(self._sql["insert_server_key"], OF_REFRESH, sealed, self._clock())


def _times(row: Row) -> KeyTimes:
    return msgspec.convert(row, KeyTimes)


def _signing_key(kid: str) -> str:
    """What a sealed signing key says that it is."""
    return f"signing_keys:{kid}"


def _server_key(name: str) -> str:
    return f"server_keys:{name}"


def _check_admin(context: Context) -> None:
    if ADMIN not in context.roles:
        raise Forbidden("Only administrators may do this.")
