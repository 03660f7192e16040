"""Access tokens, password hashes and opaque tokens."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from adapters import signed_tokens
from adapters.crypto import derived_token, new_opaque_token, same, token_hash
from adapters.passwords import Passwords
from adapters.signed_tokens import MAX_TOKEN, SigningKey, UnknownKey, Verifier, sign
from contracts.auth import Claims, Jwks
from contracts.errors import Unauthenticated, Unavailable

NOW = 1_800_000_000


def claims(**changes: object) -> Claims:
    """The claims of a good token at NOW."""
    good = Claims(
        iss="covergen",
        aud="covergen-api",
        sub=uuid.UUID(int=1),
        sid=uuid.UUID(int=2),
        jti="one",
        iat=NOW,
        exp=NOW + 900,
        tier="pro",
        roles=("user", "admin"),
    )
    return msgspec.structs.replace(good, **changes)


def verifier(at: float = NOW, remember: int = 16) -> Verifier:
    """A verifier whose clock stands at `at`."""
    return Verifier(clock=lambda: at, remember=remember)


def forged(header: dict[str, str], payload: bytes, signature: bytes = b"") -> str:
    """A compact JWS of any parts."""
    parts = (json.dumps(header).encode(), payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_token_round_trip() -> None:
    """What was signed is what the verifier reads."""
    key = SigningKey.new()
    jwks = Jwks(keys=(SigningKey.new().public, key.public))
    check = verifier()
    token = sign(claims(), key)
    assert check.verify(token, jwks) == claims()
    assert check.verify(token, jwks) == claims()  # the remembered one


def test_header_is_what_clients_expect() -> None:
    """The header names EdDSA, the key and the type; nothing else."""
    key = SigningKey.new()
    head = sign(claims(), key).split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "EdDSA", "kid": key.kid, "typ": "JWT"}


def test_known_vector() -> None:
    """The signature of RFC 8037 appendix A.4 is accepted by the library and registry in use here."""
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    token = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert jws.deserialize_compact(token, key, registry=signed_tokens._JWS).payload == b"Example of Ed25519 signing"


def test_public_key_has_no_private_part() -> None:
    """Neither the published key nor the repr shows the seed."""
    key = SigningKey.new()
    assert set(msgspec.to_builtins(key.public)) == {"kid", "x", "kty", "crv", "alg", "use"}
    assert repr(key.private) not in repr(key)
    assert SigningKey(kid=key.kid, private=key.private).public == key.public


@pytest.mark.parametrize(
    "changes",
    [{"iss": "someone"}, {"aud": "another-api"}, {"exp": NOW - 6}, {"iat": NOW + 6}],
    ids=["issuer", "audience", "expired", "not yet"],
)
def test_bad_claims_are_refused(changes: dict[str, object]) -> None:
    """A good signature does not help claims that are not good."""
    key = SigningKey.new()
    with pytest.raises(Unauthenticated):
        verifier().verify(sign(claims(**changes), key), Jwks(keys=(key.public,)))


def test_nbf_is_checked() -> None:
    """A token that is not good yet is refused, although its iat is past."""
    key = SigningKey.new()
    payload = msgspec.json.encode({**msgspec.to_builtins(claims()), "nbf": NOW + 60})
    header = {"alg": "EdDSA", "kid": key.kid}
    token = jws.serialize_compact(
        header, payload, signed_tokens._imported("EdDSA", key.private), registry=signed_tokens._JWS
    )
    with pytest.raises(Unauthenticated):
        verifier().verify(token, Jwks(keys=(key.public,)))
    assert verifier(NOW + 61).verify(token, Jwks(keys=(key.public,))) == claims()


def test_remembered_token_still_expires() -> None:
    """The memory of good tokens does not outlive their time."""
    now = [float(NOW)]
    key = SigningKey.new()
    check = Verifier(clock=lambda: now[0])
    token = sign(claims(), key)
    check.verify(token, Jwks(keys=(key.public,)))
    now[0] = NOW + 906
    with pytest.raises(Unauthenticated, match="expired"):
        check.verify(token, Jwks(keys=(key.public,)))


def test_remembered_token_needs_its_key() -> None:
    """A key that left the set ends its tokens at once, remembered or not."""
    key = SigningKey.new()
    check = verifier()
    token = sign(claims(), key)
    check.verify(token, Jwks(keys=(key.public,)))
    with pytest.raises(UnknownKey):
        check.verify(token, Jwks(keys=(SigningKey.new().public,)))


def test_memory_is_bounded() -> None:
    """The verifier keeps no more tokens than it was told to."""
    key = SigningKey.new()
    check = verifier(remember=3)
    for number in range(10):
        check.verify(sign(claims(jti=str(number)), key), Jwks(keys=(key.public,)))
    assert len(check._good) == 3


def test_changed_token_is_refused() -> None:
    """One changed character of payload or signature spoils the token."""
    key = SigningKey.new()
    head, body, signature = sign(claims(), key).split(".")
    other = sign(claims(roles=("user",)), key).split(".")[1]
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}.{'A' * len(signature)}", f"{head}.{body}."):
        with pytest.raises(Unauthenticated):
            verifier().verify(token, Jwks(keys=(key.public,)))


def test_algorithm_is_pinned() -> None:
    """Neither `none` nor an HMAC with the public key as its secret is taken."""
    key = SigningKey.new()
    payload = msgspec.json.encode(claims())
    secret = base64.urlsafe_b64decode(f"{key.public.x}=")
    hs = {"alg": "HS256", "kid": key.kid}
    unsigned = forged(hs, payload).rpartition(".")[0]
    hmac_signed = forged(hs, payload, hmac.digest(secret, unsigned.encode(), hashlib.sha256))
    for token in (forged({"alg": "none", "kid": key.kid}, payload), hmac_signed):
        with pytest.raises(Unauthenticated):
            verifier().verify(token, Jwks(keys=(key.public,)))


def test_another_key_with_the_same_kid_is_refused() -> None:
    """The name of a key is no proof."""
    key, thief = SigningKey.new(), SigningKey.new()
    token = sign(claims(), SigningKey(kid=key.kid, private=thief.private))
    with pytest.raises(Unauthenticated):
        verifier().verify(token, Jwks(keys=(key.public,)))


@pytest.mark.parametrize(
    "token", ["", "a", "..", "a.b.c", "é.ü.\ud800", "e30.e30.e30", "x" * (MAX_TOKEN + 1), "[].[].[]"]
)
def test_garbage_is_unauthenticated(token: str) -> None:
    """Whatever the bytes are, the answer is Unauthenticated."""
    with pytest.raises(Unauthenticated):
        verifier().verify(token, Jwks(keys=(SigningKey.new().public,)))


async def test_password_round_trip() -> None:
    """The right password verifies, another does not, and the encoded hash names its parameters."""
    passwords = Passwords()
    encoded = await passwords.hash("correct horse")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("correct horse", encoded)
    assert not await passwords.verify("Correct horse", encoded)
    assert not passwords.outdated(encoded)
    assert passwords.outdated(encoded.replace("t=2", "t=1"))
    passwords.close()


async def test_password_forms_of_one_character() -> None:
    """A composed and a decomposed accent are the same password."""
    passwords = Passwords()
    assert await passwords.verify("cafe\u0301 au lait", await passwords.hash("caf\u00e9 au lait"))
    passwords.close()


async def test_nobodys_password_costs_the_same() -> None:
    """Without an account the answer is False after the same work."""
    passwords = Passwords(threads=1)
    encoded = await passwords.hash("correct horse")

    async def seconds(against: str | None) -> float:
        begun = time.perf_counter()
        assert not await passwords.verify("wrong", against)
        return time.perf_counter() - begun

    known = min([await seconds(encoded) for _ in range(7)])
    unknown = min([await seconds(None) for _ in range(7)])
    assert 0.5 < unknown / known < 2
    passwords.close()


async def test_broken_hash_is_no_match() -> None:
    """A stored value that is no hash lets nobody in."""
    passwords = Passwords()
    assert not await passwords.verify("anything", "!")
    passwords.close()


async def test_hashing_leaves_the_loop_free() -> None:
    """While a password is hashed the loop goes on."""
    passwords = Passwords(threads=1)
    work = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    passwords.close()


async def test_line_is_bounded() -> None:
    """More than the threads and the line can take is Unavailable at once, and later there is room again."""
    passwords = Passwords(threads=1, waiting=2)
    results = await asyncio.gather(*(passwords.hash("password") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, Unavailable) for result in results) == 3
    assert sum(isinstance(result, str) for result in results) == 3
    await asyncio.sleep(0)
    assert await passwords.hash("password")
    passwords.close()


async def test_callers_that_leave_keep_their_place() -> None:
    """Cancelled callers do not free a thread that is still at work."""
    passwords = Passwords(threads=1, waiting=0)
    work = asyncio.create_task(passwords.hash("password"))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    with pytest.raises(Unavailable):
        await passwords.hash("password")
    passwords.close()


def test_opaque_tokens() -> None:
    """Random ones differ, derived ones are the same for the same parts and differ otherwise; all are 43 characters."""
    assert new_opaque_token() != new_opaque_token()
    one = derived_token(b"k" * 32, "a", "b")
    assert one == derived_token(b"k" * 32, "a", "b")
    assert one not in (derived_token(b"K" * 32, "a", "b"), derived_token(b"k" * 32, "ab", ""))
    assert len(one) == len(new_opaque_token()) == 43


def test_token_hash_and_comparison() -> None:
    """A token is kept as SHA-256 and compared as a whole."""
    assert token_hash("abc") == hashlib.sha256(b"abc").digest()
    assert same(token_hash("abc"), token_hash("abc"))
    assert not same(token_hash("abc"), token_hash("abd"))
