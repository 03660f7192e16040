"""Providers that say who somebody is: OpenID Connect issuers, and GitHub. Authlib, httpx and joserfc behind it.

Every flow is the authorization code with PKCE S256 (RFC 7636). What a provider answers is either an `Identity`, or
Unauthenticated (it says no, or says something that does not hold), or Unavailable (it is away, slow, or answers
nonsense); no error has a code, a token or the provider's own words in it.
"""

from typing import Protocol

import msgspec

from adapters.resilience import Breaker
from contracts.wire import Context


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is, as a provider says it."""

    issuer: str
    subject: str
    """The provider's own name for its user; it never goes to another one, which an e-mail address may."""
    email: str | None
    email_verified: bool
    name: str | None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in: the same values for its beginning and its end."""

    state: str
    nonce: str
    verifier: str
    """PKCE: 43 characters that the provider learns only together with the code."""
    redirect_uri: str


class IdentityProvider(Protocol):
    """One provider; `name` is its word in paths, `title` its name for people."""

    @property
    def name(self) -> str:
        """Its word in paths."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def issuer(self) -> str:
        """Whose subjects it names."""

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""

    async def authorization_url(self, flow: Flow, context: Context | None = None) -> str:
        """Where the browser goes. Raises Unavailable."""

    async def identify(
        self, code: str, flow: Flow, *, iss: str | None = None, context: Context | None = None
    ) -> Identity:
        """Who came back with `code`, which works once. `iss` is who the answer says it is from (RFC 9207).

        Raises Unauthenticated, Unavailable.
        """

    async def close(self) -> None:
        """Give back its connections."""
