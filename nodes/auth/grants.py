"""The token endpoint: tokens for a code, for a refresh token, and for a client by itself.

A client acts in a session of its own, which its user sees in the list of sessions and can end. A client by itself acts
for the account of its owner, within its own scopes; all such tokens are of one session.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.crypto import new_opaque_token, token_hash
from adapters.oauth import proves
from adapters.postgres import Pool, Queries
from contracts.auth import BEARER
from contracts.errors import Unauthenticated
from contracts.oauth import TokenReply, TokenRequest, Tokens
from contracts.users import User
from contracts.wire import Context
from nodes.auth.api_keys import Holder
from nodes.auth.audit import AuditLog
from nodes.auth.clients import Clients
from nodes.auth.keyring import Keyring
from nodes.auth.model import ACCESS_LIFE, REFRESH_LIFE, USER, Credentials, RefreshToken, claims_for
from nodes.auth.oauth import (
    CODE,
    ID_TOKEN_LIFE,
    MACHINE,
    OFFLINE,
    OPENID,
    REFRESH,
    Code,
    Refused,
    Registered,
    at_hash,
    chosen_scopes,
    machine_scopes,
)
from nodes.auth.sessions import Sessions
from nodes.auth.telling import told

_SPENT = "The code is not good: it was used, has expired, or was given for something else."
_WORN = "The refresh token is not good."


class Grants:
    """Handler of `TOKEN`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        clients: Clients,
        sessions: Sessions,
        holder: Holder,
        keyring: Keyring,
        audit: AuditLog,
        issuer: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._clients = clients
        self._sessions = sessions
        self._holder = holder
        self._keyring = keyring
        self._audit = audit
        self._issuer = issuer
        self._clock = clock
        self._by = {CODE: self._by_code, REFRESH: self._by_refresh, MACHINE: self._by_itself}

    async def token(self, message: TokenRequest, context: Context) -> TokenReply:
        """Tokens, or the protocol's refusal. A code and a refresh token are good for one use."""
        try:
            client = await self._clients.proven(message.client_id, message.client_secret)
            if not message.grant_type:
                raise Refused("invalid_request", "grant_type is missing.")
            if message.grant_type not in self._by:
                raise Refused("unsupported_grant_type", "This grant type is not known here.")
            if message.grant_type not in client.grant_types:
                raise Refused("unauthorized_client", "This client may not use this grant type.")
            return TokenReply(granted=await self._by[message.grant_type](message, client, context))
        except Refused as refused:
            return TokenReply(refused=refused.refusal)

    async def _by_code(self, message: TokenRequest, client: Registered, context: Context) -> Tokens:
        code = await self._known(_given("code", message.code), client, context)
        verifier = _given("code_verifier", message.code_verifier)
        timely = self._clock() < code.expires_at
        if not timely or message.redirect_uri != code.redirect_uri or not proves(verifier, code.code_challenge):
            raise Refused("invalid_grant", _SPENT)
        account, user = await self._of(code.user_id, context)
        refresh = new_opaque_token() if OFFLINE in code.scopes and REFRESH in client.grant_types else None
        family = await self._redeem(code, client, refresh, context)
        tokens = await self._tokens(client, account, user, family, code.scopes, refresh)
        if OPENID not in code.scopes:
            return tokens
        return msgspec.structs.replace(tokens, id_token=await self._id_token(tokens, code, account, user))

    async def _by_refresh(self, message: TokenRequest, client: Registered, context: Context) -> Tokens:
        token = _given("refresh_token", message.refresh_token)
        row = await self._pool.one(self._sql["client_token"], token_hash(token))
        if row is None or row["client_id"] != client.id:
            raise Refused("invalid_grant", _WORN)
        scopes = tuple(row["scopes"]) if message.scope is None else chosen_scopes(message.scope, row["scopes"])
        account, user = await self._of(row["user_id"], context)
        try:
            following = await self._sessions.successor(token, msgspec.convert(row, RefreshToken), context)
        except Unauthenticated:
            raise Refused("invalid_grant", _WORN) from None
        return await self._tokens(client, account, user, row["family_id"], scopes, following)

    async def _by_itself(self, message: TokenRequest, client: Registered, context: Context) -> Tokens:
        scopes = machine_scopes(message.scope, client)
        account, user = await self._of(client.owner_id, context)
        now, made = self._clock(), uuid.uuid4()
        async with self._pool.transaction() as transaction:
            if await transaction.value(self._sql["hold_client"], client.id) is None:
                raise Refused("invalid_client", "The client was removed.")
            session = await transaction.value(self._sql["use_machine_session"], client.id, client.owner_id, now)
            if session is None:
                where = (now, context.user_agent, context.address)
                which = (client.id, MACHINE, list(scopes))
                await transaction.run(self._sql["insert_client_session"], made, client.owner_id, *where, *which)
        return await self._tokens(client, account, user, session or made, scopes, None)

    async def _known(self, code: str, client: Registered, context: Context) -> Code:
        """The code of this client; one that was used before ends what was made from it."""
        row = await self._pool.one(self._sql["code"], token_hash(code))
        found = None if row is None else msgspec.convert(row, Code)
        if found is None or found.client_id != client.id:
            raise Refused("invalid_grant", _SPENT)
        if found.used_at is not None:
            await self._reused(found, context)
        return found

    async def _reused(self, code: Code, context: Context) -> None:
        await self._audit.note("code_reused", code.user_id, context, detail=str(code.client_id))
        if code.family_id is not None:
            await self._sessions.end(code.family_id, code.user_id, context)
        raise Refused("invalid_grant", _SPENT)

    async def _redeem(self, code: Code, client: Registered, refresh: str | None, context: Context) -> uuid.UUID:
        """Use the code up and begin the client's session with it. Of several at once one gets through; the others have
        used the code a second time."""
        now, family = self._clock(), uuid.uuid4()
        async with self._pool.transaction() as transaction:
            # Behind a change of the password, which ends all sessions: then this one is over, or ends with the others.
            await transaction.value(self._sql["lock_owner"], code.user_id)
            taken = await transaction.value(self._sql["use_code"], code.code_hash, now, family)
            if taken is not None:
                where = (now, context.user_agent, context.address)
                which = (client.id, CODE, list(code.scopes))
                await transaction.run(self._sql["insert_client_session"], family, code.user_id, *where, *which)
            if taken is not None and refresh is not None:
                token = (uuid.uuid4(), code.user_id, token_hash(refresh), family, now, now + REFRESH_LIFE)
                await transaction.run(self._sql["insert_refresh_token"], *token)
        if taken is None:
            row = await self._pool.one(self._sql["code"], code.code_hash)
            if row is not None and row["used_at"] is not None:
                await self._reused(msgspec.convert(row, Code), context)
            raise Refused("invalid_grant", _SPENT)
        return family

    async def _of(self, user_id: uuid.UUID, context: Context) -> tuple[Credentials, User]:
        try:
            return await self._holder(user_id, context)
        except Unauthenticated:
            raise Refused("invalid_grant", "The account is gone.") from None

    async def _tokens(
        self,
        client: Registered,
        account: Credentials,
        user: User,
        session: uuid.UUID,
        scopes: tuple[str, ...],
        refresh: str | None,
    ) -> Tokens:
        """A client never has the role of a partner or of an administrator."""
        own = claims_for(account, user, session, self._clock())
        scope = " ".join(scopes)
        claims = msgspec.structs.replace(own, roles=(USER,), scope=scope, client_id=str(client.id))
        return Tokens(
            access_token=await self._keyring.sign(claims),
            token_type=BEARER,
            expires_in=int(ACCESS_LIFE.total_seconds()),
            scope=scope,
            refresh_token=refresh,
        )

    async def _id_token(self, tokens: Tokens, code: Code, account: Credentials, user: User) -> str:
        now = int(self._clock().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": str(code.client_id),
            "iat": now,
            "exp": now + int(ID_TOKEN_LIFE.total_seconds()),
            "auth_time": int(code.auth_time.timestamp()),
            "at_hash": at_hash(tokens.access_token),
            **({} if code.nonce is None else {"nonce": code.nonce}),
            **msgspec.to_builtins(told(account, user, code.scopes)),
        }
        return await self._keyring.sign(claims, "RS256")


def _given(name: str, value: str | None) -> str:
    if not value:
        raise Refused("invalid_request", f"{name} is missing.")
    return value
