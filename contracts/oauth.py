"""The authorization server for partners: OAuth 2.0 (RFC 6749, 7636, 7009, 7662, 8414, 9207), OpenID Connect Core 1.0.

A refusal that belongs to the protocol is a reply, not an error: it goes to the client in the protocol's own words.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.security import SCOPES, ScopeName
from contracts.text import ONE_LINE, REDIRECT_URI
from contracts.wire import Done, Endpoint

IdentityScope = Literal["openid", "profile", "email", "offline_access"]
ClientScope = ScopeName | IdentityScope
IDENTITY_SCOPES: Mapping[str, str] = {
    "openid": "Know which account is yours",
    "profile": "See your name and username",
    "email": "See your e-mail address",
    "offline_access": "Do this also while you are away, until you end it",
}
"""What a client may be told of a user, and whether it gets refresh tokens; in no API key, in no client credentials."""
CLIENT_SCOPES: Mapping[str, str] = {**IDENTITY_SCOPES, **{str(name): about for name, about in SCOPES.items()}}
"""All scopes, in words for the page on which a user allows them."""

GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]
Role = Literal["user", "partner", "admin"]
RedirectUri = Annotated[str, msgspec.Meta(min_length=8, max_length=1000, pattern=REDIRECT_URI)]
Parameter = Annotated[str, msgspec.Meta(max_length=2048)]
"""Of a request of the protocol."""
SECRETS_BEGIN = "cgs_"
"""So that a client's secret that lies around is recognised."""


class CreateClient(msgspec.Struct, frozen=True, kw_only=True):
    """A program of the caller that users may let in. Raises Invalid naming the field; Conflict beyond 20."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
    confidential: bool = True
    """Can it keep a secret? Programs on users' devices and in browsers cannot."""
    redirect_uris: Annotated[tuple[RedirectUri, ...], msgspec.Meta(max_length=10)] = ()
    """Compared character by character: https, or http on localhost, 127.0.0.1 and [::1]."""
    scopes: Annotated[tuple[ClientScope, ...], msgspec.Meta(min_length=1, max_length=12)]
    """What it may ever ask for."""
    grant_types: Annotated[tuple[GrantType, ...], msgspec.Meta(min_length=1, max_length=3)] = (
        "authorization_code",
        "refresh_token",
    )
    """`client_credentials` is for confidential clients only; `refresh_token` goes with authorization_code."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client without its secret; `id` is the protocol's client_id."""

    id: uuid.UUID
    name: str
    confidential: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    created_at: datetime


class NewClient(Client, frozen=True, kw_only=True):
    """A client that was just made."""

    client_secret: str | None
    """Shown this once; only its hash is kept. None for a public client."""


class ListClients(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's clients, the newest first; 20 at most."""


class ClientList(msgspec.Struct, frozen=True, kw_only=True):
    """The clients of one partner."""

    items: tuple[Client, ...]


class DeleteClient(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a client of the caller; all its tokens end at once. Raises NotFound, also for a repetition."""

    id: uuid.UUID


class SetRoles(msgspec.Struct, frozen=True, kw_only=True):
    """The roles of an account from now on; `user` is always among them. For administrators. Idempotent.

    Who gets a role has it after the next refresh; who loses `admin` is signed out everywhere. Raises NotFound, and
    Conflict for taking the own role of an administrator.
    """

    id: uuid.UUID
    roles: Annotated[tuple[Role, ...], msgspec.Meta(max_length=3)]


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """The roles that an account has."""

    id: uuid.UUID
    roles: tuple[str, ...]


class Authorize(msgspec.Struct, frozen=True, kw_only=True):
    """A client asks, through the user's browser, to be let in (RFC 6749 4.1.1, RFC 7636, OpenID Connect 3.1.2.1).

    Everything is checked by the answer's own rules, because a redirect is answered even to what is not well-formed.
    """

    client_id: Parameter | None = None
    redirect_uri: Parameter | None = None
    response_type: Parameter | None = None
    response_mode: Parameter | None = None
    scope: Parameter | None = None
    state: Parameter | None = None
    nonce: Parameter | None = None
    code_challenge: Parameter | None = None
    code_challenge_method: Parameter | None = None
    prompt: Parameter | None = None
    max_age: Parameter | None = None
    request: Parameter | None = None
    request_uri: Parameter | None = None
    decision: Literal["allow", "deny"] | None = None
    """What the user has answered on the page."""
    repeated: tuple[str, ...] = ()
    """Names that came more than once."""
    session_id: uuid.UUID | None = None
    """The caller's own."""


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser is to do next."""

    outcome: Literal["refuse", "redirect", "sign_in", "ask"]
    """`refuse`: a page says `reason`, because nobody knows where a redirect would lead; `redirect`: to `location`;
    `sign_in`: come back afterwards; `ask`: whether `client` may have `scopes`."""
    reason: str = ""
    location: str = ""
    client: str = ""
    scopes: tuple[str, ...] = ()
    account: str = ""
    """The address of who is signed in."""
    redirect_uri: str = ""


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the token endpoint (RFC 6749 4.1.3, 4.4.2, 6). HTTP Basic may carry the first two instead."""

    client_id: Parameter | None = None
    client_secret: Parameter | None = None
    grant_type: Parameter | None = None
    code: Parameter | None = None
    redirect_uri: Parameter | None = None
    code_verifier: Parameter | None = None
    refresh_token: Parameter | None = None
    scope: Parameter | None = None


class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client gets (RFC 6749 5.1, OpenID Connect 3.1.3.3)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """Seconds."""
    scope: str
    refresh_token: str | None = None
    """With the scope offline_access only."""
    id_token: str | None = None
    """With the scope openid, for a code."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the protocol (RFC 6749 5.2). `invalid_client` is 401, any other 400."""

    error: Literal[
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
        "invalid_scope",
    ]
    error_description: str


class TokenReply(msgspec.Struct, frozen=True, kw_only=True):
    """One of both."""

    granted: Tokens | None = None
    refused: Refusal | None = None


class TokenQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The form of introspection and of revocation (RFC 7662 2.1, RFC 7009 2.1)."""

    client_id: Parameter | None = None
    client_secret: Parameter | None = None
    token: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    token_type_hint: Parameter | None = None
    """Not needed: what a token is can be seen."""


class Introspection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token of the client is good for; of any other token only that it is not active (RFC 7662 2.2)."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    sub: str | None = None
    token_type: Literal["Bearer", "refresh_token"] | None = None
    iss: str | None = None
    aud: str | None = None
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None


class IntrospectReply(msgspec.Struct, frozen=True, kw_only=True):
    """One of both."""

    granted: Introspection | None = None
    refused: Refusal | None = None


class RevokeReply(msgspec.Struct, frozen=True, kw_only=True):
    """Without `refused` the token is not good any more, or never was."""

    refused: Refusal | None = None


class GetUserInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller's token may tell of its user. Raises Unauthenticated when the account is gone."""

    scope: str | None = None
    """Of the token; None for the user's own session, which may know everything."""


class UserInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Claims by scope (OpenID Connect 5.1, 5.4)."""

    sub: uuid.UUID
    name: str | None = None
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class GetMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What clients need to know of this server."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Discovery (RFC 8414; OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    service_documentation: str
    scopes_supported: tuple[str, ...] = tuple(CLIENT_SCOPES)
    response_types_supported: tuple[str, ...] = ("code",)
    response_modes_supported: tuple[str, ...] = ("query",)
    grant_types_supported: tuple[str, ...] = ("authorization_code", "refresh_token", "client_credentials")
    subject_types_supported: tuple[str, ...] = ("public",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic", "client_secret_post", "none")
    introspection_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = (
        "client_secret_basic",
        "client_secret_post",
        "none",
    )
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    prompt_values_supported: tuple[str, ...] = ("none", "login", "consent")
    claims_supported: tuple[str, ...] = (
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
        "name",
        "preferred_username",
        "email",
        "email_verified",
    )
    authorization_response_iss_parameter_supported: bool = True
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    request_uri_parameter_supported: bool = False


EDGE = frozenset({"edge"})

LIST_CLIENTS = Endpoint("svc.auth.list_clients", ListClients, ClientList, EDGE, "List the caller's OAuth clients")
CREATE_CLIENT = Endpoint("svc.auth.create_client", CreateClient, NewClient, EDGE, "Make an OAuth client")
DELETE_CLIENT = Endpoint("svc.auth.delete_client", DeleteClient, Done, EDGE, "Remove an OAuth client with its tokens")
SET_ROLES = Endpoint("svc.auth.set_roles", SetRoles, Roles, EDGE, "Set the roles of an account")
AUTHORIZE = Endpoint("svc.auth.authorize", Authorize, Authorization, EDGE, "Ask a user to let a client in")
TOKEN = Endpoint("svc.auth.token", TokenRequest, TokenReply, EDGE, "Give a client tokens")
INTROSPECT = Endpoint("svc.auth.introspect", TokenQuery, IntrospectReply, EDGE, "Tell a client about its token")
REVOKE_TOKEN = Endpoint("svc.auth.revoke_token", TokenQuery, RevokeReply, EDGE, "End a client's token")
USERINFO = Endpoint("svc.auth.userinfo", GetUserInfo, UserInfo, EDGE, "Tell a client about its user")
CONFIGURATION = Endpoint("svc.auth.openid_configuration", GetMetadata, Metadata, EDGE, "Describe the OpenID provider")
METADATA = Endpoint("svc.auth.oauth_metadata", GetMetadata, Metadata, EDGE, "Describe the authorization server")

CONTRACTS = (
    LIST_CLIENTS,
    CREATE_CLIENT,
    DELETE_CLIENT,
    SET_ROLES,
    AUTHORIZE,
    TOKEN,
    INTROSPECT,
    REVOKE_TOKEN,
    USERINFO,
    CONFIGURATION,
    METADATA,
)
