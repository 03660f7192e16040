"""ID tokens: the signature by an allowed algorithm with the issuer's own key, and what the claims must say.

OpenID Connect Core 3.1.3.7. The registry below knows only signatures with key pairs, so that neither `none` nor an
HMAC with a public key as its secret can be chosen by a token; the key's own kind must be that of the algorithm.
"""

from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.crypto import same
from adapters.signed_tokens import EdDSA, UnknownKey
from contracts.errors import Unauthenticated

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
LEEWAY = 60
"""Seconds that clocks may differ."""
MAX_TOKEN = 16 * 1024
MOST_KEYS = 100
LEAST_RSA_BITS = 2048
_KINDS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA",)}
_CLASSES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
Key = RSAKey | ECKey | OKPKey


class _Registry(JWSRegistry):
    max_payload_length = MAX_TOKEN

    def __init__(self) -> None:
        super().__init__(algorithms=list(ALGORITHMS), strict_check_header=False)
        known = {name: JWSRegistry.algorithms[name] for name in ALGORITHMS if name != "EdDSA"}
        self.algorithms = {**known, "EdDSA": EdDSA()}


_JWS = _Registry()


class Keys:
    """The public keys of an issuer that can sign; others of its set are left out."""

    def __init__(self, jwks: object) -> None:
        """Raises ValueError when `jwks` is no key set (RFC 7517)."""
        listed = jwks.get("keys") if isinstance(jwks, dict) else None
        if not isinstance(listed, list):
            raise ValueError("no key set")  # noqa: TRY004 -- what was read is wrong, not the call
        self._keys = [found for each in listed[:MOST_KEYS] if (found := _key(each)) is not None]

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, algorithm: str, kid: str | None) -> Key | None:
        """The key that a token's header means; without a `kid`, the only one of that kind."""
        fitting = [(name, key) for name, key, algorithms in self._keys if algorithm in algorithms]
        named = [key for name, key in fitting if kid is None or name == kid]
        return named[0] if len(named) == 1 or (named and kid is not None) else None


def read_claims(token: object, keys: Keys) -> Mapping[str, Any]:
    """The claims of a token that one of `keys` signed. Raises Unauthenticated, its subclass UnknownKey."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not token.isascii():
        raise Unauthenticated("no ID token")
    try:
        header = jws.extract_compact(token.encode(), None, _JWS).headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not (kid is None or isinstance(kid, str)):
            raise Unauthenticated("an algorithm that is not allowed")
        key = keys.of(algorithm, kid)
        if key is None:
            raise UnknownKey("a key that is not known")
        return jwt.decode(token, key, registry=_JWS).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unauthenticated("the signature is not good") from error


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, clock: Callable[[], float]
) -> None:
    """Raises Unauthenticated unless the token is from `issuer`, for us, for this sign-in, and of now."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    now = clock()
    expires, issued, begins = (_seconds(claims.get(name)) for name in ("exp", "iat", "nbf"))
    rules = {
        "issuer": claims.get("iss") == issuer,
        "audience": client_id in audiences,
        "authorized party": party == client_id if party is not None or len(audiences) > 1 else True,
        "expiry": expires is not None and expires > now - LEEWAY,
        "time of issue": issued is not None and issued < now + LEEWAY,
        "beginning": "nbf" not in claims or (begins is not None and begins < now + LEEWAY),
        "nonce": _same(claims.get("nonce"), nonce),
        "subject": is_subject(claims.get("sub")),
    }
    wrong = [name for name, holds in rules.items() if not holds]
    if wrong:
        raise Unauthenticated(f"the token's {wrong[0]} is not right")


def is_subject(value: object) -> bool:
    """May it be the provider's name for a user (OpenID Connect Core 2)?"""
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _key(jwk: object) -> tuple[str | None, Key, tuple[str, ...]] | None:
    """A key with its name and what it may sign with; None for one of another kind or purpose."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    kind, kid, algorithm = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    if not isinstance(kind, str) or kind not in _KINDS or not (kid is None or isinstance(kid, str)):
        return None
    algorithms = tuple(each for each in _KINDS[kind] if algorithm in (None, each))
    try:
        key = _CLASSES[kind].import_key({name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk})
        weak = isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if weak or not algorithms else (kid, key, algorithms)


def _seconds(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and same(one.encode(errors="replace"), other.encode())
