"""Sign-in at other providers: OpenID Connect and OAuth 2.0 with PKCE. The auth node is the client of the providers.

An account is found by the provider's own name for its user (issuer and subject); the first time by an e-mail address
that the provider has verified. What that means for an account that is here already: `nodes/auth/identities.py`.
"""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec

from contracts.auth import OpaqueToken, Password, Session
from contracts.text import ONE_LINE, SLUG
from contracts.wire import Done, Endpoint

ProviderName = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=SLUG)]
Place = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=ONE_LINE)]
Parameter = Annotated[str, msgspec.Meta(max_length=2048)]


class ListProviders(msgspec.Struct, frozen=True, kw_only=True):
    """Where one can sign in besides the password."""


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One provider."""

    name: str
    """Its word in paths."""
    title: str
    """Its name for people."""


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """All providers, in the operator's order."""

    items: tuple[ProviderInfo, ...]


class StartLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Begin at a provider; by a signed-in user: to sign in there too from now on. Raises NotFound, Unavailable."""

    provider: ProviderName
    browser: OpaqueToken
    """A secret of the browser that begins; only it can finish."""
    next: Place | None = None
    """A path of ours to go to afterwards."""


class StartedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes, for ten minutes."""

    url: str


class FinishLogin(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider gave the browser for us. Works once.

    Raises Unauthenticated when it was not begun by this browser in the last ten minutes, is used already, was refused
    by the user or the provider, or when what the provider says does not hold; Forbidden when it has not verified the
    address; Conflict when the account or the identity is not free for that; Unavailable when the provider is away.
    """

    provider: ProviderName
    state: Parameter = ""
    browser: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    code: Parameter | None = None
    error: Parameter | None = None
    iss: Parameter | None = None
    """Who answers, as the answer says (RFC 9207)."""


class FinishedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Done."""

    session: Session | None
    """None: a user who was signed in already has one more way to do it."""
    next: str


class ListIdentities(msgspec.Struct, frozen=True, kw_only=True):
    """Where the caller can sign in besides the password."""


class LinkedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The caller at a provider."""

    id: uuid.UUID
    provider: str
    title: str
    email: str | None
    """As the provider said it last."""
    created_at: datetime
    last_used_at: datetime


class IdentityList(msgspec.Struct, frozen=True, kw_only=True):
    """All of the caller's, the oldest first."""

    items: tuple[LinkedIdentity, ...]
    has_password: bool


class UnlinkIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Do not sign in there any more. Raises NotFound, Conflict for the last way to sign in."""

    id: uuid.UUID


class ChangePassword(msgspec.Struct, frozen=True, kw_only=True):
    """Another password for the caller, proven by the present one; ends the other sessions.

    Raises Invalid naming the field current_password, Conflict for an account that has none.
    """

    current_password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    new_password: Password
    session_id: uuid.UUID | None = None
    """The caller's own, which goes on."""


EDGE = frozenset({"edge"})

LIST_PROVIDERS = Endpoint("svc.auth.list_providers", ListProviders, ProviderList, EDGE, "List where one can sign in")
START_LOGIN = Endpoint(
    "svc.auth.start_login", StartLogin, StartedLogin, EDGE, "Begin a sign-in at another provider", timeout=10
)
FINISH_LOGIN = Endpoint(
    "svc.auth.finish_login", FinishLogin, FinishedLogin, EDGE, "Finish a sign-in at another provider", timeout=20
)
LIST_IDENTITIES = Endpoint(
    "svc.auth.list_identities", ListIdentities, IdentityList, EDGE, "List where the caller can sign in"
)
UNLINK_IDENTITY = Endpoint("svc.auth.unlink_identity", UnlinkIdentity, Done, EDGE, "End one way to sign in")
CHANGE_PASSWORD = Endpoint(
    "svc.auth.change_password", ChangePassword, Done, EDGE, "Change the caller's password", timeout=10
)

CONTRACTS = (LIST_PROVIDERS, START_LOGIN, FINISH_LOGIN, LIST_IDENTITIES, UNLINK_IDENTITY, CHANGE_PASSWORD)
