"""HTTP Message Signatures (RFC 9421) and digests of bodies (RFC 9530), as one library checks them.

The algorithm is the key's, never what the message says: a message that names another one is refused. Here is what a
signature says and whether it fits; what must be covered, how old it may be and that it comes once is decided by the
caller.
"""

import base64
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import http_sf
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    MappingKeyResolver,
    VerifyResult,
    algorithms,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

HMAC = "hmac-sha256"
ALGORITHMS: Mapping[str, type[HTTPSignatureAlgorithm]] = {
    "ed25519": algorithms.ED25519,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
    HMAC: algorithms.HMAC_SHA256,
}
LONGEST = 4000
"""Characters of either header."""


class NotAKey(ValueError):
    """It is no public key of that algorithm; the text says what it should be."""


class BadSignature(ValueError):
    """The signature cannot be read or does not fit; the text is a sentence for the client."""


class Fields:
    """All lines of a message's header, in their order."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        self._lines = lines

    def items(self) -> Iterator[tuple[str, str]]:
        """Name and value of each line."""
        return iter(self._lines)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it was sent: `url` is absolute, with the path and query as they came."""

    method: str
    url: str
    headers: Fields


@dataclass(frozen=True, slots=True)
class Signature:
    """What the one signature of a message says of itself, before anything is checked."""

    keyid: str
    created: int | None
    expires: int | None
    nonce: str | None


def read_signature(signature_input: str) -> Signature:
    """The parameters of the one signature in the field Signature-Input. Raises BadSignature."""
    if len(signature_input) > LONGEST:
        raise BadSignature("Signature-Input is too long.")
    try:
        labels: Any = http_sf.parse(signature_input.encode(), tltype="dictionary")
    except ValueError as error:
        raise BadSignature("Signature-Input is not a dictionary of RFC 9651.") from error
    if len(labels) != 1:
        raise BadSignature("Send one signature.")
    ((members, parameters),) = labels.values()
    if not isinstance(members, list):
        raise BadSignature("Signature-Input has no list of components.")
    return _read(parameters)


def _read(parameters: Mapping[str, object]) -> Signature:
    keyid, nonce = parameters.get("keyid"), parameters.get("nonce")
    created, expires = parameters.get("created"), parameters.get("expires")
    if not isinstance(keyid, str) or not keyid:
        raise BadSignature("The signature has no keyid.")
    times = (created, expires)
    if any(type(each) is not int for each in times if each is not None) or not isinstance(nonce, str | None):
        raise BadSignature("created and expires must be whole numbers, nonce a string.")
    return Signature(
        keyid=keyid,
        created=created if isinstance(created, int) else None,
        expires=expires if isinstance(expires, int) else None,
        nonce=nonce,
    )


class _Verifier(HTTPMessageVerifier):
    # Times are the caller's business, by its own clock; here only what no clock can explain is refused.
    max_clock_skew = datetime.timedelta(minutes=2)


def verify(message: SignedRequest, signature: Signature, algorithm: str, key: str, body: bytes) -> frozenset[str]:
    """The components that the signature covers (`@method`), after checking it and the digest of the body.

    `key` is a PEM, or for hmac-sha256 the secret in base64url. Raises BadSignature.
    """
    material = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)) if algorithm == HMAC else key.encode()
    keys = MappingKeyResolver(public_keys={signature.keyid: material}, private_keys={})
    verifier = _Verifier(signature_algorithm=ALGORITHMS[algorithm], key_resolver=keys)
    try:
        results = verifier.verify(message, max_age=datetime.timedelta(hours=1))
    except (HTTPMessageSignaturesException, ValueError, TypeError) as error:
        raise BadSignature(f"The signature does not fit the request, or is not one of {algorithm}.") from error
    _check_body(verifier, message, results, body)
    return frozenset(name.strip('"') for name in results[0].covered_components)


def _check_body(
    verifier: HTTPMessageVerifier, message: SignedRequest, results: Sequence[VerifyResult], body: bytes
) -> None:
    try:
        verifier.verify_body(message, results, body)
    except (HTTPMessageSignaturesException, ValueError) as error:
        said = "The signature must cover a Content-Digest (sha-256 or sha-512) that fits the body."
        raise BadSignature(said) from error


def public_pem(algorithm: str, given: str | Mapping[str, object]) -> str:
    """A public key of that algorithm, given as PEM or as the fields of a JWK, as PEM. Raises NotAKey."""
    wanted = "Ed25519" if algorithm == "ed25519" else "P-256"
    try:
        key = load_pem_public_key(given.encode()) if isinstance(given, str) else _imported(given)
    except (ValueError, TypeError, LookupError, JoseError, UnsupportedAlgorithm) as error:
        raise NotAKey(f"must be a public key of {wanted}") from error
    good = (
        isinstance(key, ed25519.Ed25519PublicKey)
        if algorithm == "ed25519"
        else isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    )
    if not good:
        raise NotAKey(f"must be a public key of {wanted}")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _imported(jwk: Mapping[str, object]) -> PublicKey:
    fields: dict[str, str | list[str]] = {name: str(value) for name, value in jwk.items() if value is not None}
    key = OKPKey.import_key(fields) if fields.get("kty") == "OKP" else ECKey.import_key(fields)
    found = key.public_key
    if not isinstance(found, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        raise NotAKey("must be a key that signs")
    return found
