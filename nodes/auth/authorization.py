"""The authorization endpoint: who asks, for what, whether the user has allowed it, and the code that says so.

What is wrong with the client or its redirect URI is told on a page; everything else goes to the redirect URI, with
`state` and `iss` (RFC 6749 4.1.2.1, RFC 9207).
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from adapters.crypto import new_opaque_token, token_hash
from adapters.postgres import Pool, Queries, Transaction
from contracts.errors import Unauthenticated
from contracts.oauth import Authorization, Authorize
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.clients import Clients
from nodes.auth.oauth import CODE_LIFE, Refused, Registered, check_authorize, redirect_to
from nodes.auth.store import AuthStore

STRANGER = "The link names no program that is known here."
ASTRAY = "The program that sent you here gave an address to return to that is not one of its own."


class Authorizations:
    """Handler of `AUTHORIZE`; chore `sweep`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        store: AuthStore,
        clients: Clients,
        audit: AuditLog,
        issuer: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._store = store
        self._clients = clients
        self._audit = audit
        self._issuer = issuer
        self._clock = clock

    async def authorize(self, message: Authorize, context: Context) -> Authorization:
        """What the browser is to do next. A code is made for each request that is allowed."""
        client = await self._clients.find(message.client_id)
        if client is None or "client_id" in message.repeated:
            return Authorization(outcome="refuse", reason=STRANGER)
        uri = message.redirect_uri
        if uri is None or uri not in client.redirect_uris or "redirect_uri" in message.repeated:
            return Authorization(outcome="refuse", reason=ASTRAY)
        try:
            return await self._answer(message, client, uri, context)
        except Refused as refused:
            return self._redirect(message, uri, error=refused.error, error_description=refused.description)

    async def sweep(self) -> None:
        """Delete codes that have expired."""
        await self._pool.run(self._sql["sweep_codes"], self._clock() - CODE_LIFE)

    async def _answer(self, message: Authorize, client: Registered, uri: str, context: Context) -> Authorization:
        scopes = check_authorize(message, client)
        prompts = set((message.prompt or "").split(" "))
        signed_in = await self._signed_in(message, context)
        if signed_in is None or (message.decision is None and self._once_more(message, prompts, signed_in)):
            if "none" in prompts:
                raise Refused("login_required", "Nobody is signed in.")
            return Authorization(outcome="sign_in")
        if message.decision == "deny":
            raise Refused("access_denied", "The user has said no.")
        known = "consent" not in prompts and await self._allowed_before(client, uri, scopes, context)
        if message.decision == "allow" or known:
            code = await self._code(message, client, scopes, signed_in, context)
            return self._redirect(message, uri, code=code)
        if "none" in prompts:
            raise Refused("consent_required", "The user has not allowed this yet.")
        return await self._question(client, uri, scopes, context)

    async def _signed_in(self, message: Authorize, context: Context) -> datetime | None:
        """Since when the caller is."""
        if context.user_id is None or message.session_id is None:
            return None
        found = await self._pool.value(self._sql["own_session"], message.session_id, context.user_id)
        return found if isinstance(found, datetime) else None

    def _once_more(self, message: Authorize, prompts: set[str], signed_in: datetime) -> bool:
        """Does the client want the user to sign in anew?"""
        age = (self._clock() - signed_in).total_seconds()
        too_long = message.max_age is not None and age > int(message.max_age)
        return too_long or bool(prompts & {"login", "select_account"})

    async def _allowed_before(self, client: Registered, uri: str, scopes: tuple[str, ...], context: Context) -> bool:
        """Also: whoever listens on a port of this machine may pretend to be a client without a secret, so that one is
        asked for every time (RFC 8252 8.6)."""
        if client.secret_hash is None and not uri.startswith("https://"):
            return False
        row = await self._pool.one(self._sql["consent"], context.user_id, client.id)
        return row is not None and set(scopes) <= set(row["scopes"])

    async def _code(
        self, message: Authorize, client: Registered, scopes: tuple[str, ...], signed_in: datetime, context: Context
    ) -> str:
        code, now = new_opaque_token(), self._clock()
        whom = (token_hash(code), client.id, context.user_id, message.session_id)
        what = (message.redirect_uri, list(scopes), message.nonce, message.code_challenge)
        async with self._pool.transaction() as transaction:
            if await transaction.value(self._sql["hold_client"], client.id) is None:
                raise Refused("unauthorized_client", "The client was removed.")
            if message.decision == "allow":
                await self._remember(client, scopes, now, context, transaction)
            await transaction.run(self._sql["insert_code"], *whom, *what, signed_in, now + CODE_LIFE)
        return code

    async def _remember(
        self, client: Registered, scopes: tuple[str, ...], now: datetime, context: Context, transaction: Transaction
    ) -> None:
        await transaction.run(self._sql["give_consent"], context.user_id, client.id, list(scopes), now)
        detail = f"{client.id} {' '.join(scopes)}"
        await self._audit.note("consent_given", context.user_id, context, detail=detail, within=transaction)

    async def _question(self, client: Registered, uri: str, scopes: tuple[str, ...], context: Context) -> Authorization:
        account = await self._store.by_id(context.user_id or uuid.UUID(int=0))
        if account is None:
            raise Unauthenticated("The account is gone.")
        return Authorization(outcome="ask", client=client.name, scopes=scopes, account=account.email, redirect_uri=uri)

    def _redirect(self, message: Authorize, uri: str, **answer: str) -> Authorization:
        location = redirect_to(uri, {**answer, "state": message.state, "iss": self._issuer})
        return Authorization(outcome="redirect", location=location)
