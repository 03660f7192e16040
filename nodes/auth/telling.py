"""What clients are told: of their tokens, of a user, and of this server. And how they end a token."""

from collections.abc import Callable, Collection
from datetime import datetime

from adapters.crypto import token_hash
from adapters.postgres import Pool, Queries, Row
from contracts.auth import BEARER, Claims
from contracts.errors import Unauthenticated
from contracts.oauth import (
    CLIENT_SCOPES,
    GetMetadata,
    GetUserInfo,
    Introspection,
    IntrospectReply,
    Metadata,
    RevokeReply,
    TokenQuery,
    UserInfo,
)
from contracts.users import User
from contracts.wire import Context
from nodes.auth.api_keys import Holder
from nodes.auth.clients import Clients
from nodes.auth.model import Credentials
from nodes.auth.oauth import Refused, Registered
from nodes.auth.revocation import asking
from nodes.auth.sessions import Sessions


class Telling:
    """Handlers of `INTROSPECT`, `REVOKE_TOKEN`, `USERINFO`, `METADATA` and `CONFIGURATION`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        clients: Clients,
        sessions: Sessions,
        holder: Holder,
        issuer: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._clients = clients
        self._sessions = sessions
        self._holder = holder
        self._issuer = issuer
        self._clock = clock

    async def introspect(self, message: TokenQuery, context: Context) -> IntrospectReply:
        """Of a token of another client only that it is not active. For clients with a secret."""
        try:
            client, token = await self._asked(message)
            if client.secret_hash is None:
                raise Refused("invalid_client", "Only a client with a secret may ask this.")
        except Refused as refused:
            return IntrospectReply(refused=refused.refusal)
        claims = await self._access(token, client)
        if claims is not None:
            return IntrospectReply(granted=_of_access(claims))
        row = await self._refresh(token, client)
        dead = row is None or row["used_at"] or row["revoked_at"] or row["session_revoked_at"]
        if row is None or dead or row["expires_at"] <= self._clock():
            return IntrospectReply(granted=Introspection(active=False))
        return IntrospectReply(granted=_of_refresh(row, client))

    async def revoke(self, message: TokenQuery, context: Context) -> RevokeReply:
        """End the session of a token of this client, so that all its tokens end. Idempotent; a token that is unknown or
        another client's is none of its business, and goes on."""
        try:
            client, token = await self._asked(message)
        except Refused as refused:
            return RevokeReply(refused=refused.refusal)
        claims = await self._access(token, client)
        row = None if claims is not None else await self._refresh(token, client)
        if claims is not None:
            await self._sessions.end(claims.sid, claims.sub, context)
        elif row is not None:
            await self._sessions.end(row["family_id"], row["user_id"], context)
        return RevokeReply()

    async def userinfo(self, message: GetUserInfo, context: Context) -> UserInfo:
        """What the scopes allow. Raises Unauthenticated when the account is gone."""
        scopes = tuple(CLIENT_SCOPES) if message.scope is None else tuple(message.scope.split())
        return told(*await self._holder(asking(context), context), scopes)

    async def metadata(self, message: GetMetadata, context: Context) -> Metadata:
        """Where everything is and what is possible."""
        at = self._issuer
        return Metadata(
            issuer=at,
            authorization_endpoint=f"{at}/oauth/authorize",
            token_endpoint=f"{at}/oauth/token",
            userinfo_endpoint=f"{at}/oauth/userinfo",
            jwks_uri=f"{at}/.well-known/jwks.json",
            introspection_endpoint=f"{at}/oauth/introspect",
            revocation_endpoint=f"{at}/oauth/revoke",
            service_documentation=f"{at}/docs",
        )

    async def _asked(self, message: TokenQuery) -> tuple[Registered, str]:
        client = await self._clients.proven(message.client_id, message.client_secret)
        if not message.token:
            raise Refused("invalid_request", "token is missing.")
        return client, message.token

    async def _access(self, token: str, client: Registered) -> Claims | None:
        """The claims of a good access token of this client."""
        try:
            claims = await self._sessions.verify(token)
        except Unauthenticated:
            return None
        return claims if claims.client_id == str(client.id) else None

    async def _refresh(self, token: str, client: Registered) -> Row | None:
        """What is known of a refresh token of this client."""
        row = await self._pool.one(self._sql["client_token"], token_hash(token))
        return row if row is not None and row["client_id"] == client.id else None


def told(account: Credentials, user: User, scopes: Collection[str]) -> UserInfo:
    """The claims about a user that these scopes allow."""
    profile, email = "profile" in scopes, "email" in scopes
    return UserInfo(
        sub=account.id,
        name=(user.full_name or user.username) if profile else None,
        preferred_username=user.username if profile else None,
        email=account.email if email else None,
        email_verified=(account.email_verified_at is not None) if email else None,
    )


def _of_access(claims: Claims) -> Introspection:
    return Introspection(
        active=True,
        scope=str(claims.scope),
        client_id=str(claims.client_id),
        sub=str(claims.sub),
        token_type=BEARER,
        iss=claims.iss,
        aud=claims.aud,
        iat=claims.iat,
        exp=claims.exp,
        jti=claims.jti,
    )


def _of_refresh(row: Row, client: Registered) -> Introspection:
    return Introspection(
        active=True,
        scope=" ".join(row["scopes"]),
        client_id=str(client.id),
        sub=str(row["user_id"]),
        token_type="refresh_token",  # noqa: S106 -- a kind of token, not one
        iat=int(row["created_at"].timestamp()),
        exp=int(row["expires_at"].timestamp()),
    )
