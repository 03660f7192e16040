"""Pure rules of the authorization server: no database, no clock."""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from adapters.oauth import S256, is_challenge
from contracts.errors import FieldError, Invalid
from contracts.oauth import IDENTITY_SCOPES, Authorize, CreateClient, Refusal

CODE_LIFE = timedelta(seconds=60)
ID_TOKEN_LIFE = timedelta(minutes=15)
PARTNER = "partner"
CODE, REFRESH, MACHINE = "authorization_code", "refresh_token", "client_credentials"
OFFLINE, OPENID = "offline_access", "openid"
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A client as the auth node keeps it."""

    id: uuid.UUID
    owner_id: uuid.UUID
    name: str
    secret_hash: bytes | None
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code; the code itself is not known here, only its hash."""

    code_hash: bytes
    client_id: uuid.UUID
    user_id: uuid.UUID
    session_id: uuid.UUID
    redirect_uri: str
    scopes: tuple[str, ...]
    nonce: str | None
    code_challenge: str
    auth_time: datetime
    expires_at: datetime
    used_at: datetime | None
    family_id: uuid.UUID | None


class Refused(Exception):
    """The protocol's own refusal; it becomes a reply and crosses no wire."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description

    @property
    def refusal(self) -> Refusal:
        """As the token endpoint tells it."""
        return msgspec.convert({"error": self.error, "error_description": self.description}, Refusal)


def check_client(wish: CreateClient) -> None:
    """Raises Invalid, naming the field, for what does not go together."""
    grants, scopes = set(wish.grant_types), set(wish.scopes)
    if CODE in grants and not wish.redirect_uris:
        raise _invalid("redirect_uris", "are needed for authorization_code")
    if REFRESH in grants and CODE not in grants:
        raise _invalid("grant_types", "refresh_token goes with authorization_code only")
    if MACHINE in grants and not wish.confidential:
        raise _invalid("grant_types", "client_credentials is for confidential clients only")
    if OFFLINE in scopes and REFRESH not in grants:
        raise _invalid("scopes", "offline_access needs the grant type refresh_token")


def _invalid(field: str, detail: str) -> Invalid:
    return Invalid(f"{field}: {detail}.", errors=(FieldError(field=field, detail=detail),))


def chosen_scopes(asked: str | None, allowed: Iterable[str]) -> tuple[str, ...]:
    """The scopes that `asked` names, each once and in order. Raises Refused for none, and for any that is not
    allowed."""
    words = tuple(sorted(set((asked or "").split(" ")) - {""}))
    if not words:
        raise Refused("invalid_scope", "Name at least one scope.")
    if not set(words) <= set(allowed):
        raise Refused("invalid_scope", "A scope is unknown, or this client may not ask for it.")
    return words


def machine_scopes(asked: str | None, client: Registered) -> tuple[str, ...]:
    """Of client credentials: those of the client that are about no user. Raises Refused."""
    own = tuple(sorted(set(client.scopes) - set(IDENTITY_SCOPES)))
    return chosen_scopes(" ".join(own) if asked is None else asked, own)


def check_authorize(message: Authorize, client: Registered) -> tuple[str, ...]:
    """The scopes of a request whose client and redirect URI are known. Raises Refused."""
    if message.repeated:
        raise Refused("invalid_request", "A parameter came more than once.")
    if message.request is not None:
        raise Refused("request_not_supported", "Request objects are not taken.")
    if message.request_uri is not None:
        raise Refused("request_uri_not_supported", "Request objects are not taken.")
    if message.response_type != "code":
        error = "invalid_request" if not message.response_type else "unsupported_response_type"
        raise Refused(error, "response_type must be code.")
    if message.response_mode not in (None, "query"):
        raise Refused("invalid_request", "response_mode must be query.")
    if CODE not in client.grant_types:
        raise Refused("unauthorized_client", "This client may not use authorization codes.")
    if message.code_challenge_method != S256 or not is_challenge(message.code_challenge or ""):
        raise Refused("invalid_request", "PKCE is needed: code_challenge with code_challenge_method S256.")
    _check_prompt(message)
    return chosen_scopes(message.scope, client.scopes)


def _check_prompt(message: Authorize) -> None:
    prompts = set((message.prompt or "").split(" ")) - {""}
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise Refused("invalid_request", "prompt must be none, or of login, consent and select_account.")
    age = message.max_age
    if age is not None and not (age.isascii() and age.isdigit() and len(age) < 10):
        raise Refused("invalid_request", "max_age must be a number of seconds.")


def redirect_to(uri: str, parameters: Mapping[str, str | None]) -> str:
    """The URI with parameters behind those that it has; None is left out."""
    more = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{more}"


def at_hash(access_token: str) -> str:
    """What an ID token says of the access token beside it (OpenID Connect 3.1.3.6, for RS256)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()
