"""Signatures of access tokens, hashes of passwords, and opaque tokens.

Tokens are JWS with EdDSA on Ed25519 (RFC 8037) and nothing else: the registry below knows no other algorithm, so that a
token cannot choose one. Passwords are argon2id (RFC 9106) with the parameters that OWASP names.
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
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from contracts.auth import AUDIENCE, ISSUER, Claims, Jwk, Jwks
from contracts.errors import Unauthenticated, Unavailable

T = TypeVar("T")

ALGORITHM = "EdDSA"
MAX_TOKEN = 4096
"""Characters of an access token."""
DIGEST_BYTES = 32
SALT_BYTES = 16
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""argon2id as the OWASP password storage cheat sheet has it: 19 MiB, two passes, one lane."""

_NOT_GOOD = "The access token is not good."


class UnknownKey(Unauthenticated):
    """The token names a key that is not in the set: perhaps a newer one. Reading the set again makes sense, once."""


class _EdDSA(EdDSAAlgorithm):
    # The library warns at every use that RFC 9864 prefers the name Ed25519. Clients still expect this one.
    security_warning = None  # type: ignore[assignment]  # the base class infers str, the class above it allows None


class _OnlyEdDSA(JWSRegistry):
    max_payload_length = MAX_TOKEN

    def __init__(self) -> None:
        super().__init__(algorithms=[ALGORITHM])
        self.algorithms = {ALGORITHM: _EdDSA()}


_JWS = _OnlyEdDSA()


class _Header(msgspec.Struct):
    kid: str


class _Times(msgspec.Struct):
    nbf: float | None = None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair; `private` is its 32 byte seed, which no `repr` shows."""

    kid: str
    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "SigningKey":
        """A fresh pair; `kid` is the thumbprint of the public key (RFC 7638)."""
        seed = secrets.token_bytes(32)
        return cls(kid=_okp(seed).thumbprint(), private=seed)

    @property
    def public(self) -> Jwk:
        """What may be published."""
        return Jwk(kid=self.kid, x=str(_okp(self.private).as_dict(private=False)["x"]))


def _okp(seed: bytes) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))


def sign(claims: Claims, key: SigningKey) -> str:
    """The access token that says `claims`."""
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    return jws.serialize_compact(header, msgspec.json.encode(claims), _okp(key.private), registry=_JWS)


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
            public = OKPKey.import_key({"kty": key.kty, "crv": key.crv, "x": key.x})
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
        if key.kid == kid and key.alg == ALGORITHM:
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
