"""Tokens that are signed: keys, signatures, and the check of access tokens.

Access tokens are JWS with EdDSA on Ed25519 (RFC 8037) and nothing else: `Verifier` knows no other algorithm, so that a
token cannot choose one. ID tokens of OpenID are signed with RS256, which every client of it must know, and are never
accepted here.
"""

import base64
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.crypto import token_hash
from contracts.auth import AUDIENCE, ISSUER, Algorithm, Claims, Jwk, Jwks
from contracts.errors import Unauthenticated

ALGORITHM: Literal["EdDSA"] = "EdDSA"
"""The one of access tokens."""
RSA_BITS = 2048
MAX_TOKEN = 4096
"""Characters of an access token."""

_NOT_GOOD = "The access token is not good."


class UnknownKey(Unauthenticated):
    """The token names a key that is not in the set: perhaps a newer one. Reading the set again makes sense, once."""


class EdDSA(EdDSAAlgorithm):
    """The library's, without its warning at every use that RFC 9864 prefers the name Ed25519: clients and issuers still
    write this one."""

    security_warning = None  # type: ignore[assignment]  # the base class infers str, the class above it allows None


class _OnlyEdDSA(JWSRegistry):
    max_payload_length = MAX_TOKEN

    def __init__(self) -> None:
        super().__init__(algorithms=[ALGORITHM])
        self.algorithms = {ALGORITHM: EdDSA()}


_JWS = _OnlyEdDSA()
_SIGNING: dict[str, JWSRegistry] = {"EdDSA": _JWS, "RS256": JWSRegistry(algorithms=["RS256"])}


class _Header(msgspec.Struct):
    kid: str


class _Times(msgspec.Struct):
    nbf: float | None = None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; `private`, which no `repr` shows, is the 32 byte seed of Ed25519, or the PKCS #8 (DER) of RSA."""

    kid: str
    private: bytes = field(repr=False)
    alg: Algorithm = ALGORITHM

    @classmethod
    def new(cls, alg: Algorithm = ALGORITHM) -> "SigningKey":
        """A fresh pair; `kid` is the thumbprint of the public key (RFC 7638). RSA takes tenths of seconds."""
        private = secrets.token_bytes(32) if alg == ALGORITHM else _new_rsa()
        return cls(kid=_imported(alg, private).thumbprint(), private=private, alg=alg)

    @property
    def public(self) -> Jwk:
        """What may be published."""
        fields: dict[str, Any] = dict(_imported(self.alg, self.private).as_dict(private=False))
        return msgspec.convert({**fields, "kid": self.kid, "alg": self.alg, "use": "sig"}, Jwk)


def _new_rsa() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _imported(alg: Algorithm, private: bytes) -> OKPKey | RSAKey:
    if alg == ALGORITHM:
        return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(private))
    key = serialization.load_der_private_key(private, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return RSAKey.import_key(key)


def sign(claims: object, key: SigningKey, *, typ: str = "JWT") -> str:
    """The token that says `claims`: a struct or a mapping of JSON values; `typ` is the header's."""
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    private = _imported(key.alg, key.private)
    return jws.serialize_compact(header, msgspec.json.encode(claims), private, registry=_SIGNING[key.alg])


class Verifier:
    """Checks access tokens without asking anybody.

    The last `remember` good tokens are kept (by hash), because a client sends the same one again and again and a
    signature costs a quarter of a millisecond. Their times are checked every time, and that their key is still listed.
    """

    def __init__(
        self,
        *,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        leeway: float = 5.0,
        remember: int = 2048,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway  # seconds that clocks may differ
        self._remember = remember
        self._clock = clock
        self._good: OrderedDict[bytes, tuple[Jwk, Claims, float]] = OrderedDict()

    def verify(self, token: str, jwks: Jwks) -> Claims:
        """The claims of a token that one of `jwks` signed.

        Raises Unauthenticated when the signature, issuer, audience or times are not good, and its subclass UnknownKey
        when no key of the set has the token's `kid`.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthenticated(_NOT_GOOD)
        digest = token_hash(token)
        known = self._good.get(digest)
        if known is not None and known[0] in jwks.keys:
            self._good.move_to_end(digest)
            return self._timely(known[1], known[2])
        key, claims, not_before = self._read(token, jwks)
        self._timely(claims, not_before)
        self._good[digest] = (key, claims, not_before)
        if len(self._good) > self._remember:
            self._good.popitem(last=False)
        return claims

    def _read(self, token: str, jwks: Jwks) -> tuple[Jwk, Claims, float]:
        key = _key_of(token, jwks)
        try:
            public = OKPKey.import_key({"kty": key.kty, "crv": str(key.crv), "x": str(key.x)})
            payload = jws.deserialize_compact(token, public, registry=_JWS).payload
            claims = msgspec.json.decode(payload, type=Claims)
            not_before = msgspec.json.decode(payload, type=_Times).nbf
        except (JoseError, msgspec.MsgspecError, ValueError) as error:
            raise Unauthenticated(_NOT_GOOD) from error
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise Unauthenticated(_NOT_GOOD)
        return key, claims, float(claims.iat if not_before is None else not_before)

    def _timely(self, claims: Claims, not_before: float) -> Claims:
        now = self._clock()
        if claims.exp <= now - self._leeway:
            raise Unauthenticated("The access token has expired.")
        if not_before > now + self._leeway:
            raise Unauthenticated(_NOT_GOOD)
        return claims


def _key_of(token: str, jwks: Jwks) -> Jwk:
    """The listed key that the token's header names."""
    head = token.partition(".")[0]
    try:
        raw = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
        kid = msgspec.json.decode(raw, type=_Header).kid
    except (ValueError, msgspec.MsgspecError) as error:
        raise Unauthenticated(_NOT_GOOD) from error
    for key in jwks.keys:
        if key.kid == kid:
            if key.alg != ALGORITHM:  # a key of ID tokens: reading the set again would not change that
                raise Unauthenticated(_NOT_GOOD)
            return key
    raise UnknownKey(_NOT_GOOD)
