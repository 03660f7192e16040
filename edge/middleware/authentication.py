"""Who asks: the bearer token, checked here against the auth node's public keys; else an API key, else the cookie.

The keys are read from `svc.auth.jwks` and kept; they are read again when they are ten minutes old or have changed (the
old ones serve on if that fails, but for those that were dropped), and at most once a minute for a token that names a
key we do not have. The verifier remembers good tokens, because a signature costs a hundred times more than everything
else here.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from msgspec import UNSET

from adapters.nats.bus import Bus
from adapters.signed_tokens import UnknownKey, Verifier
from contracts import auth
from contracts.auth import Claims, GetJwks, Jwks
from contracts.errors import Forbidden, ServiceError, SessionExpired, Unauthenticated
from contracts.wire import Context
from edge.api_keys import HEADER as KEY_HEADER
from edge.api_keys import KeyHolders
from edge.cookies import SAFE, Cookies
from edge.exchange import Exchange, Handler, Middleware, Result
from edge.revocations import Revocations
from edge.routes import Access, Route
from edge.signatures import HEADER as SIGNATURE
from edge.signatures import Signatures

FRESH = 600.0
"""Seconds after which the keys are read again."""
REREAD = 60.0
"""Least seconds between two readings because of unknown keys."""
RETRY = 5.0
"""Seconds before trying again to read keys that are old."""
ADMIN = "admin"
ALLOWED: Mapping[Access, tuple[frozenset[str], str]] = {
    "admin": (frozenset({ADMIN}), "Only administrators may do this."),
    "partner": (frozenset({ADMIN, "partner"}), "Only partners may do this."),
}
"""Which roles may call routes that not every user may, and what the others are told."""
INSIDE = ("graphql", "graphql-socket")
"""Handlers that look at scopes themselves: each field has that of its own route."""


class Authenticator:
    """Turns `Authorization: Bearer` into claims."""

    def __init__(
        self,
        bus: Bus,
        verifier: Verifier,
        revocations: Revocations,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._verifier = verifier
        self._revocations = revocations
        self._clock = clock
        self._jwks: Jwks | None = None
        self._stale_at = 0.0
        self._reread_at = float("-inf")
        self._changes = 0
        self._reading = asyncio.Lock()

    async def claims(self, authorization: str) -> Claims:
        """The claims behind the header's value. Raises Unauthenticated; Unavailable when the keys cannot be read."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send Authorization: Bearer with an access token.")
        return await self.bearer(token.strip())

    async def bearer(self, token: str) -> Claims:
        """The claims of an access token. Raises as `claims` does."""
        claims = await self._verified(token)
        if self._revocations.ended(claims.sid):
            raise Unauthenticated("The session has ended.")
        return claims

    async def _verified(self, token: str) -> Claims:
        if self._changes != self._revocations.keys_changed:
            self._forget_dropped()
        jwks = self._jwks
        if jwks is None or self._clock() >= self._stale_at:
            jwks = await self._keys()
        try:
            return self._verifier.verify(token, jwks)
        except UnknownKey:
            return self._verifier.verify(token, await self._reread(jwks))

    async def _keys(self) -> Jwks:
        async with self._reading:
            if self._jwks is None:
                return await self._read()
            if self._clock() >= self._stale_at:
                self._stale_at = self._clock() + RETRY
                try:
                    return await self._read()
                except ServiceError:
                    pass  # the keys that we have are better than none
            return self._jwks

    async def _reread(self, seen: Jwks) -> Jwks:
        """The keys again, once a minute whatever is asked of us, so that forged tokens cannot load the auth node."""
        async with self._reading:
            if self._jwks is not None and (self._jwks is not seen or self._clock() < self._reread_at + REREAD):
                return self._jwks
            self._reread_at = self._clock()
            return await self._read()

    async def _read(self) -> Jwks:
        context = Context.new(timeout=auth.JWKS.timeout)
        jwks = await self._bus.request(auth.JWKS, GetJwks(), context)
        self._jwks, self._stale_at = self._still_good(jwks), self._clock() + FRESH
        return self._jwks

    def _forget_dropped(self) -> None:
        """The keys have changed: the dropped ones go at once, the new ones are read with this request."""
        self._changes = self._revocations.keys_changed
        self._stale_at = 0.0
        if self._jwks is not None:
            self._jwks = self._still_good(self._jwks)

    def _still_good(self, jwks: Jwks) -> Jwks:
        """Without dropped keys, which an answer that was on its way may still hold."""
        return Jwks(keys=tuple(key for key in jwks.keys if not self._revocations.dropped(key.kid)))


def authentication(
    authenticator: Authenticator, holders: KeyHolders, cookies: Cookies, signatures: Signatures
) -> Middleware:
    """Let a route be called by those who may: 401 without good credentials, 403 for an admin's route, for a key
    without the route's scope, and for a change by cookie without its CSRF token."""

    def stage(route: Route, inner: Handler) -> Handler:
        if route.access == "public":
            return inner
        needed, allowed = route.access != "optional", ALLOWED.get(route.access)

        async def handle(exchange: Exchange) -> Result:
            headers = exchange.request.headers
            header, key = headers.get("Authorization"), headers.get(KEY_HEADER)
            if header is not None:
                exchange.claims = await authenticator.claims(header)
            if key is not None:
                exchange.claims = await _holder(holders, key, exchange.claims)
            if SIGNATURE in headers:
                exchange.claims = await _signer(signatures, exchange)
            elif header is None and key is None:
                exchange.claims = await _visitor(authenticator, cookies, exchange, needed)
            if exchange.claims is not None and exchange.claims.scope is not UNSET and route.handler not in INSIDE:
                check_scope(route, exchange.claims.scope)
            if allowed and (exchange.claims is None or allowed[0].isdisjoint(exchange.claims.roles)):
                raise Forbidden(allowed[1])
            return await inner(exchange)

        return handle

    return stage


async def _visitor(authenticator: Authenticator, cookies: Cookies, exchange: Exchange, needed: bool) -> Claims | None:
    """Whose cookie it is; None when there is no good one and none is `needed`. Raises Unauthenticated, CrossSite."""
    request = exchange.request
    token, reads = cookies.access_token(request), request.method in SAFE
    claims, refusal = None, "Sign in, or send Authorization: Bearer with an access token, or X-API-Key."
    if token is not None and not (reads and not cookies.may_read(request)):
        try:
            claims = await authenticator.bearer(token)
        except Unauthenticated as error:
            refusal = error.detail
    if claims is not None and not reads:
        cookies.check_csrf(request, claims.sid, exchange.body)
    if claims is None and needed:
        raise SessionExpired() if cookies.refresh_token(request) else Unauthenticated(refusal)
    return claims


async def _signer(signatures: Signatures, exchange: Exchange) -> Claims:
    if exchange.claims is not None:
        raise Unauthenticated("Send a signature, an access token or an API key, and only one of them.")
    return await signatures.claims(exchange.request, exchange.body)


async def _holder(holders: KeyHolders, key: str, claims: Claims | None) -> Claims:
    if claims is not None:
        raise Unauthenticated("Send an access token or an API key, not both.")
    return await holders.claims(key)


def check_scope(route: Route, scope: str) -> None:
    """Raises Forbidden, naming the scope, when the route needs one that is not among these."""
    if route.scope is None:
        raise Forbidden("Only a user who is signed in may do this, not an API key.")
    if route.scope not in scope.split():
        raise Forbidden(f"This needs the scope {route.scope}.")
