"""Signatures of tokens, hashes of passwords, opaque tokens, and the sealing of secrets at rest.

Access tokens are JWS with EdDSA on Ed25519 (RFC 8037) and nothing else: `Verifier` knows no other algorithm, so that a
token cannot choose one. ID tokens of OpenID are signed with RS256, which every client of it must know, and are never
accepted here. Passwords are argon2id (RFC 9106) with the parameters that OWASP names. Every other secret is derived
from one root secret, or sealed with a key that is.
"""

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from contracts.auth import AUDIENCE, ISSUER, Algorithm, Claims, Jwk, Jwks
from contracts.errors import Unauthenticated, Unavailable

T = TypeVar("T")

ALGORITHM: Literal["EdDSA"] = "EdDSA"
"""The one of access tokens."""
RSA_BITS = 2048
MAX_TOKEN = 4096
"""Characters of an access token."""
DIGEST_BYTES = 32
SALT_BYTES = 16
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""argon2id as the OWASP password storage cheat sheet has it: 19 MiB, two passes, one lane."""

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


class Passwords:
    """argon2id off the loop, on `threads` threads, with at most `waiting` more in line.

    Each hash takes 19 MiB, so that the threads bound the memory and the line bounds the wait.
    """

    def __init__(self, *, threads: int = 2, waiting: int = 64) -> None:
        self._hasher = PasswordHasher(PASSES, MEMORY_KIB, LANES, DIGEST_BYTES, SALT_BYTES)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._limit = threads + waiting
        self._running = 0
        self._nobodys = _random_hash()

    async def hash(self, password: str) -> str:
        """The encoded hash to keep. Raises Unavailable when too many are waiting."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, password: str, encoded: str | None) -> bool:
        """Is it the password behind `encoded`? With None the same work is done for nothing and the answer is False.

        Raises Unavailable when too many are waiting.
        """
        return await self._run(lambda: self._check(password, encoded or self._nobodys)) and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Was it made with other parameters than those of today?"""
        try:
            return self._hasher.check_needs_rehash(encoded)
        except InvalidHashError:
            return False

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, encoded: str) -> bool:
        try:
            return self._hasher.verify(encoded, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._running >= self._limit:
            raise Unavailable("Too many people are signing in at once.", retry_after=1)
        self._running += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Counted until the thread is through with it, not until the caller goes away.
        future.add_done_callback(self._ended)
        return await asyncio.shield(future)

    def _ended(self, future: "asyncio.Future[T]") -> None:
        self._running -= 1
        if not future.cancelled():
            future.exception()  # seen here in case the caller has gone


def _bytes(password: str) -> bytes:
    """One form for the same characters typed on different keyboards (NIST SP 800-63B: NFKC)."""
    return unicodedata.normalize("NFKC", password).encode()


def _random_hash() -> str:
    """An encoded hash that no known password has, made without hashing anything."""
    salt, digest = (base64.b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (SALT_BYTES, DIGEST_BYTES))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"


def new_opaque_token() -> str:
    """256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def derived_token(key: bytes, *parts: str) -> str:
    """A token that looks like `new_opaque_token`, but is always the same for the same secret `key` and `parts`."""
    return base64.urlsafe_b64encode(hmac.digest(key, "\x00".join(parts).encode(), "sha256")).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """What may be stored of a token: SHA-256 (a random token needs no slow hash)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    """Equality in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


ROOT_BYTES = 32
_NONCE_BYTES, _KEY_ID_BYTES = 12, 8


def derive(root: bytes, purpose: str) -> bytes:
    """The 32 byte key of a purpose (HKDF-SHA256, RFC 5869): one says nothing of the root secret or of another."""
    return HKDF(algorithm=hashes.SHA256(), length=ROOT_BYTES, salt=b"covergen", info=purpose.encode()).derive(root)


class WrongKey(Exception):
    """It was sealed with another key, or is not what was sealed: the root secret was changed, or the bytes were."""


class Box:
    """Seals secrets for the database: AES-256-GCM with a key derived from the root secret.

    A sealed secret is the id of the key (8 bytes), a nonce (12) and the ciphertext with its tag. It opens only with the
    same `about`, which says what it is (`signing_keys:KID`), so that no row can be put in the place of another.
    """

    def __init__(self, root: bytes, purpose: str) -> None:
        self._key = AESGCM(derive(root, f"{purpose} seal"))
        self._id = derive(root, f"{purpose} key id")[:_KEY_ID_BYTES]

    def seal(self, secret: bytes, about: str) -> bytes:
        """`secret`, readable for this box only."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._id + nonce + self._key.encrypt(nonce, secret, self._id + about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed. Raises WrongKey."""
        head, rest = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:]
        if head != self._id:
            raise WrongKey(f"{about} was sealed with another COVERGEN_SECRET_KEY than the one of now")
        try:
            return self._key.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], self._id + about.encode())
        except (InvalidTag, ValueError):
            raise WrongKey(f"{about} is not what was sealed") from None
