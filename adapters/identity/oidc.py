"""OpenID Connect issuers: discovery, the authorization code flow, and the ID token."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.identity import Flow, Identity
from adapters.identity.client import ProviderClient
from adapters.identity.registered import Registered, checked_url
from adapters.identity.tokens import Keys, check_claims, read_claims
from adapters.resilience import Breaker
from adapters.signed_tokens import UnknownKey
from contracts.errors import Unauthenticated, Unavailable
from contracts.wire import Context

SCOPE = "openid email profile"
WELL_KNOWN = "/.well-known/openid-configuration"
FRESH = 3600.0
"""Seconds after which an issuer's description and keys are read again; the old ones serve on while that fails."""
REREAD = 60.0
"""Least seconds between two readings because of unknown keys, and between two tries to read what is old."""
LONGEST_EMAIL, LONGEST_NAME = 254, 120


@dataclass(frozen=True, slots=True)
class Description:
    """What an issuer says of itself (OpenID Connect Discovery 1.0), as far as it matters here."""

    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    method: str
    """How we prove at its token endpoint who we are."""
    names_itself: bool
    """Does every answer say who it is from (RFC 9207)?"""


class OidcProvider:
    """The issuer that `registered` names. `clock` gives Unix time, `monotonic` measures how old things are."""

    def __init__(
        self,
        registered: Registered,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = registered.name
        self.title = registered.title
        self.issuer = registered.issuer
        self._client = ProviderClient(registered.name, registered.title, registered.client)
        self._clock = clock
        self._monotonic = monotonic
        self._description: Description | None = None
        self._described_until = float("-inf")
        self._keys: Keys | None = None
        self._keys_until = float("-inf")
        self._reread_at = float("-inf")
        self._reading = asyncio.Lock()

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""
        return self._client.breaker

    async def authorization_url(self, flow: Flow, context: Context | None = None) -> str:
        """Where the browser goes. Raises Unavailable."""
        endpoint = (await self._described(context)).authorization
        values = {"state": flow.state, "nonce": flow.nonce, "redirect_uri": flow.redirect_uri}
        return self._client.authorization_url(endpoint, SCOPE, flow.verifier, values)

    async def identify(
        self, code: str, flow: Flow, *, iss: str | None = None, context: Context | None = None
    ) -> Identity:
        """Who came back with `code`. Raises Unauthenticated, Unavailable."""
        described = await self._described(context)
        if iss != self.issuer and (iss is not None or described.names_itself):
            raise self._client.refused()  # another issuer's answer, mixed up with ours
        tokens = await self._client.exchange(
            described.token, code, flow.verifier, flow.redirect_uri, method=described.method, context=context
        )
        try:
            claims = await self._claims(tokens.get("id_token"), context)
            check_claims(
                claims, issuer=self.issuer, client_id=self._client.client.id, nonce=flow.nonce, clock=self._clock
            )
        except Unauthenticated as error:
            raise self._client.refused() from error
        return _identity(self.issuer, await self._complete(claims, tokens, described, context))

    async def close(self) -> None:
        """Give back its connections."""
        await self._client.close()

    async def _claims(self, token: object, context: Context | None) -> Mapping[str, Any]:
        keys = await self._current_keys(context)
        try:
            return read_claims(token, keys)
        except UnknownKey:
            return read_claims(token, await self._keys_after(keys, context))

    async def _complete(
        self, claims: Mapping[str, Any], tokens: Mapping[str, Any], described: Description, context: Context | None
    ) -> Mapping[str, Any]:
        """The claims, with those of the userinfo endpoint where the ID token has no address."""
        bearer = tokens.get("access_token")
        if claims.get("email") is not None or described.userinfo is None or not isinstance(bearer, str):
            return claims
        more = await self._client.read(described.userinfo, bearer=bearer, context=context)
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise self._client.refused()
        return {**more, **claims}

    async def _described(self, context: Context | None) -> Description:
        async with self._reading:
            if self._description is not None and self._monotonic() < self._described_until:
                return self._description
            try:
                found = await self._client.read(self.issuer.rstrip("/") + WELL_KNOWN, context=context)
                self._description, life = self._understood(found), FRESH
            except (Unauthenticated, Unavailable) as error:
                if self._description is None:
                    raise self._client.away() from error
                life = REREAD
            self._described_until = self._monotonic() + life
            return self._description

    def _understood(self, found: object) -> Description:
        """Raises Unavailable when it is another issuer's description, or names addresses that we may not call."""
        if not isinstance(found, dict) or found.get("issuer") != self.issuer:
            raise self._client.away()
        try:
            userinfo = found.get("userinfo_endpoint")
            return Description(
                authorization=checked_url(found.get("authorization_endpoint"), self.issuer),
                token=checked_url(found.get("token_endpoint"), self.issuer),
                jwks=checked_url(found.get("jwks_uri"), self.issuer),
                userinfo=None if userinfo is None else checked_url(userinfo, self.issuer),
                method=_method(found.get("token_endpoint_auth_methods_supported")),
                names_itself=found.get("authorization_response_iss_parameter_supported") is True,
            )
        except ValueError as error:
            raise self._client.away() from error

    async def _current_keys(self, context: Context | None) -> Keys:
        described = await self._described(context)
        async with self._reading:
            if self._keys is not None and self._monotonic() < self._keys_until:
                return self._keys
            try:
                return await self._read_keys(described, context)
            except (Unauthenticated, Unavailable) as error:
                if self._keys is None:
                    raise self._client.away() from error
                self._keys_until = self._monotonic() + REREAD
                return self._keys

    async def _keys_after(self, seen: Keys, context: Context | None) -> Keys:
        """Keys newer than `seen`, if it is time to look for some."""
        described = await self._described(context)
        async with self._reading:
            if self._keys is not None and (self._keys is not seen or self._monotonic() < self._reread_at + REREAD):
                return self._keys
            self._reread_at = self._monotonic()
            return await self._read_keys(described, context)

    async def _read_keys(self, described: Description, context: Context | None) -> Keys:
        try:
            keys = Keys(await self._client.read(described.jwks, context=context))
        except ValueError as error:
            raise self._client.away() from error
        self._keys, self._keys_until = keys, self._monotonic() + FRESH
        return keys


def _method(supported: object) -> str:
    """Basic is what an issuer has to know when it does not say (RFC 8414)."""
    named = supported if isinstance(supported, list) else ["client_secret_basic"]
    by_post = "client_secret_basic" not in named and "client_secret_post" in named
    return "client_secret_post" if by_post else "client_secret_basic"


def _identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    return Identity(
        issuer=issuer,
        subject=claims["sub"],
        email=text(claims.get("email"), LONGEST_EMAIL),
        email_verified=claims.get("email_verified") is True
        or claims.get("email_verified") == "true",  # some write it so
        name=text(claims.get("name"), LONGEST_NAME),
    )


def text(value: object, longest: int) -> str | None:
    """It, when it is text that may be kept."""
    good = isinstance(value, str) and 0 < len(value.strip()) <= longest and value.isprintable()
    return value.strip() if good and isinstance(value, str) else None
