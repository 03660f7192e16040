"""Partners' keys for signed requests (RFC 9421): made and removed by a user, read by the edge when it checks one."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from contracts.auth import Claims
from contracts.security import SCOPES, ScopeName
from contracts.text import ONE_LINE
from contracts.wire import Done, Endpoint

SignatureAlgorithm = Literal["ed25519", "ecdsa-p256-sha256", "hmac-sha256"]
"""As RFC 9421 registers them."""
KeyId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Coordinate = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class PublicKeyJwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public key as RFC 7517 has it: OKP with Ed25519, or EC with P-256, which has a `y`."""

    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: Coordinate
    y: Coordinate | None = None


class CreateSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with which a program of the caller signs its requests.

    A public key as PEM or as JWK for ed25519 and ecdsa-p256-sha256; neither for hmac-sha256, whose secret is made here
    and shown once. Raises Invalid for a key that does not fit, Conflict when there are 20 already.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
    algorithm: SignatureAlgorithm
    scopes: Annotated[tuple[ScopeName, ...], msgspec.Meta(min_length=1, max_length=len(SCOPES))]
    public_key: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    """PEM."""
    jwk: PublicKeyJwk | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """At most a year from now; that, when it is left out."""


class SigningKeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret."""

    id: uuid.UUID
    keyid: str
    """What signatures name it by."""
    name: str
    algorithm: SignatureAlgorithm
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """To the minute."""


class NewSigningKey(SigningKeyInfo, frozen=True, kw_only=True):
    """A key that was just made."""

    secret: str | None = None
    """Of hmac-sha256, in base64url; its 32 bytes are the key. Shown this once."""


class ListSigningKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's keys, the newest first; there are at most 20."""


class SigningKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys of a user."""

    items: tuple[SigningKeyInfo, ...]


class RemoveSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key of the caller; an edge that has just seen it takes it for up to 10 s more. Raises NotFound."""

    id: uuid.UUID


class FindSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of that id, to check a signature with. Raises Unauthenticated when there is none, or it has expired."""

    keyid: KeyId


class VerificationKey(msgspec.Struct, frozen=True, kw_only=True):
    """What checks a signature, and what its signer may do. Only the edge may ask for it: the secret of an hmac-sha256
    key is in it."""

    algorithm: SignatureAlgorithm
    key: str
    """PEM of the public key; for hmac-sha256 the secret in base64url."""
    claims: Claims

    def __repr__(self) -> str:
        return f"VerificationKey(algorithm={self.algorithm!r}, claims={self.claims!r})"


EDGE = frozenset({"edge"})

CREATE = Endpoint(
    "svc.auth.create_signing_key", CreateSigningKey, NewSigningKey, EDGE, "Make a key for signed requests"
)
LIST = Endpoint("svc.auth.list_signing_keys", ListSigningKeys, SigningKeyList, EDGE, "List the caller's signing keys")
REMOVE = Endpoint("svc.auth.remove_signing_key", RemoveSigningKey, Done, EDGE, "End a signing key")
FIND = Endpoint("svc.auth.find_signing_key", FindSigningKey, VerificationKey, EDGE, "Read a key to check a signature")

CONTRACTS = (CREATE, LIST, REMOVE, FIND)
