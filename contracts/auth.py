"""The auth node: accounts, passwords, sessions and the keys that sign access tokens.

Access tokens are JWTs signed with EdDSA (RFC 8037), verified by the edge against `JWKS`; their claims are `Claims`.
"""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.text import EMAIL, ONE_LINE, USERNAME
from contracts.wire import Done, Endpoint, Event

BEARER: Literal["Bearer"] = "Bearer"
"""The scheme's name (RFC 6750)."""
Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254, pattern=EMAIL)]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=256)]
Username = Annotated[str, msgspec.Meta(min_length=3, max_length=40, pattern=USERNAME)]
FullName = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=ONE_LINE)]
Tier = Literal["free", "pro", "pro_plus"]
Algorithm = Literal["EdDSA", "RS256"]
"""EdDSA signs access tokens, RS256 the ID tokens of OpenID."""
OpaqueToken = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]

ISSUER = "covergen"
AUDIENCE = "covergen-api"


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A new account."""

    email: Email
    password: Password
    username: Username | None = None
    full_name: FullName | None = None


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of an account by password."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token, good for one use (and one repeat of it within 10 s)."""

    refresh_token: OpaqueToken


class Logout(msgspec.Struct, frozen=True, kw_only=True):
    """Ends the session of that refresh token, or of the caller's access token when none is given."""

    refresh_token: OpaqueToken | None = None
    session_id: uuid.UUID | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in."""

    id: uuid.UUID
    email: str
    username: str
    full_name: str | None = None
    tier: str = "free"
    roles: tuple[str, ...] = ("user",)
    email_verified: bool = False
    """Nothing is refused to those whose address is not proven yet."""
    created_at: datetime


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to register, login and refresh."""

    user: Account
    access_token: str
    refresh_token: str
    token_type: str = BEARER
    expires_in: int
    """Seconds the access token is good for."""


class Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public key: Ed25519 (`crv`, `x`; RFC 8037) or RSA (`n`, `e`; RFC 7518)."""

    kid: str
    kty: str = "OKP"
    alg: Algorithm = "EdDSA"
    use: str = "sig"
    crv: str | msgspec.UnsetType = msgspec.UNSET
    x: str | msgspec.UnsetType = msgspec.UNSET
    n: str | msgspec.UnsetType = msgspec.UNSET
    e: str | msgspec.UnsetType = msgspec.UNSET


class GetJwks(msgspec.Struct, frozen=True, kw_only=True):
    """All keys whose tokens may still be good."""


class Jwks(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: tuple[Jwk, ...]


class VerifyToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token to check with the issuer, revocation included; or an API key, whose claims have a `scope`."""

    token: OpaqueToken


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an access token (RFC 7519)."""

    iss: str
    aud: str
    sub: uuid.UUID
    sid: uuid.UUID
    """The session: the family of refresh tokens."""
    jti: str
    iat: int
    exp: int
    tier: str = "free"
    roles: tuple[str, ...] = ("user",)
    scope: str | msgspec.UnsetType = msgspec.UNSET
    """What its bearer may do, words with spaces between (RFC 8693); not there: everything that the user may."""
    client_id: str | msgspec.UnsetType = msgspec.UNSET
    """The partner's client that it was given to (RFC 8693)."""


class GetAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the auth node holds about the caller."""


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an account, without anything that proves it: no hashes, no tokens."""

    id: uuid.UUID
    email: str
    email_verified: bool = False
    roles: tuple[str, ...]
    created_at: datetime
    last_login: datetime | None
    sessions: int
    """Sessions that go on."""


class DeleteAccount(msgspec.Struct, frozen=True, kw_only=True):
    """End the caller's account and delete everything of it, proven by the password once more.

    Nobody signs in to it or refreshes a session of it from now on, and its e-mail address is free at once; every other
    node deletes what it holds when it hears `ACCOUNT_DELETED`. Access tokens that were given out before end by
    themselves, 15 minutes after they were made; until then they find nothing, and nothing can be made with them.

    An account without a password proves itself by a session that began within the last ten minutes.

    Raises Invalid naming the field password, Conflict for an administrator, Unauthenticated when it is deleted already.
    """

    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    session_id: uuid.UUID | None = None
    """The caller's own."""


class AccountDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """An account has ended: delete everything of that user, and keep nothing that still comes. Told again every hour
    for a day, so that what died on the way or was made meanwhile goes too; idempotent by `user_id`."""

    user_id: uuid.UUID
    deleted_at: datetime


EDGE = frozenset({"edge"})
HOLDERS = frozenset({"users", "templates", "safety", "covers", "edits", "exports", "tasks", "notifications"})
"""Who holds something of a user."""

REGISTER = Endpoint("svc.auth.register", Register, Session, EDGE, "Create an account and sign in", timeout=10)
LOGIN = Endpoint("svc.auth.login", Login, Session, EDGE, "Sign in by password", timeout=10)
REFRESH = Endpoint("svc.auth.refresh", Refresh, Session, EDGE, "Change a refresh token for new tokens")
LOGOUT = Endpoint("svc.auth.logout", Logout, Done, EDGE, "End a session")
JWKS = Endpoint("svc.auth.jwks", GetJwks, Jwks, EDGE, "Public keys of access tokens")
VERIFY = Endpoint("svc.auth.verify", VerifyToken, Claims, EDGE, "Check a token with the issuer, revocation included")
ACCOUNT = Endpoint("svc.auth.account", GetAccount, AccountFacts, EDGE, "Read the facts of the caller's account")
DELETE_ACCOUNT = Endpoint(
    "svc.auth.delete_account", DeleteAccount, Done, EDGE, "End the caller's account and delete all of it", timeout=10
)
ACCOUNT_DELETED = Event(
    "events.auth.account_deleted", AccountDeleted, HOLDERS, "An account has ended: delete what is its user's"
)

CONTRACTS = (REGISTER, LOGIN, REFRESH, LOGOUT, JWKS, VERIFY, ACCOUNT, DELETE_ACCOUNT, ACCOUNT_DELETED)
