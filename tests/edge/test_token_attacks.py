"""Attacks on access tokens as a table: each is refused with 401, and none makes the edge ask for the keys again."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from adapters.signed_tokens import SigningKey, sign
from contracts import auth, users
from contracts.auth import AUDIENCE, ISSUER
from tests.edge.conftest import Edge, an_edge
from tests.edge.small_nodes import World
from tests.support.auth_house import House, an_auth_house

Parts = dict[str, Any]
Attack = Callable[[World, Parts], str]


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def payload(**changes: Any) -> Parts:
    """The claims of a good token, with changes; None takes a claim away."""
    now = int(time.time())
    who = str(uuid.uuid4())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": who, "sid": who, "jti": "j", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def by_hand(world: World, claims: Parts, **header: Any) -> str:
    """A token of the good key with any header; its signature is right."""
    head = {"alg": "EdDSA", "kid": world.key.kid, "typ": "JWT", **header}
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{body}.{b64(signature(world.key, body))}"


def signature(key: SigningKey, body: str) -> bytes:
    """By the private key itself."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(key.private).sign(body.encode())


def unsigned(world: World, claims: Parts, alg: str) -> str:
    """`alg` none, without a signature."""
    head = {"alg": alg, "kid": world.key.kid}
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}."


def by_hmac(world: World, claims: Parts, secret: bytes, alg: str = "HS256") -> str:
    """An HMAC whose secret is what everybody can read."""
    head = {"alg": alg, "kid": world.key.kid}
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{body}.{b64(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def raw_public(world: World) -> bytes:
    """The 32 bytes of the public key."""
    return base64.urlsafe_b64decode(f"{world.key.public.x}=")


def jwk_text(world: World) -> bytes:
    """The public key as it is published."""
    public = world.key.public
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": public.x, "kid": public.kid}).encode()


def tampered(world: World, claims: Parts) -> str:
    """A good signature over other claims."""
    head, _, seal = by_hand(world, claims).split(".")
    return f"{head}.{b64(json.dumps({**claims, 'roles': ['user', 'admin']}).encode())}.{seal}"


def own_key_inside(world: World, claims: Parts) -> str:
    """Signed by the attacker, whose key is in the header."""
    thief = SigningKey.new()
    inside = {"kty": "OKP", "crv": "Ed25519", "x": thief.public.x}
    head = {"alg": "EdDSA", "kid": world.key.kid, "jwk": inside, "jku": "https://evil.example/jwks.json"}
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{body}.{b64(signature(thief, body))}"


def by_rsa(world: World, claims: Parts) -> str:
    """RS256 by a key of the attacker, under the name of the good one."""
    key = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    header = {"alg": "RS256", "kid": world.key.kid}
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=["RS256"])


ATTACKS: dict[str, Attack] = {
    "alg none": lambda w, c: unsigned(w, c, "none"),
    "alg NONE": lambda w, c: unsigned(w, c, "NONE"),
    "alg empty": lambda w, c: unsigned(w, c, ""),
    "no signature": lambda w, c: by_hand(w, c).rpartition(".")[0] + ".",
    "HS256 with the public key": lambda w, c: by_hmac(w, c, raw_public(w)),
    "HS256 with the JWK": lambda w, c: by_hmac(w, c, jwk_text(w)),
    "HMAC that says EdDSA": lambda w, c: by_hmac(w, c, raw_public(w), "EdDSA"),
    "RS256": by_rsa,
    "tampered payload": tampered,
    "token of another key": lambda w, c: by_hand(World(w.objects, key=SigningKey.new()), c, kid=w.key.kid),
    "own key in the header": own_key_inside,
    "wrong aud": lambda w, c: by_hand(w, {**c, "aud": "somebody"}),
    "several aud": lambda w, c: by_hand(w, {**c, "aud": [AUDIENCE, "somebody"]}),
    "no aud": lambda w, c: by_hand(w, payload(aud=None)),
    "wrong iss": lambda w, c: by_hand(w, {**c, "iss": "https://evil.example"}),
    "no iss": lambda w, c: by_hand(w, payload(iss=None)),
    "expired": lambda w, c: by_hand(w, {**c, "exp": int(time.time()) - 6}),
    "no exp": lambda w, c: by_hand(w, payload(exp=None)),
    "exp as text": lambda w, c: by_hand(w, {**c, "exp": "9999999999"}),
    "nbf in the future": lambda w, c: by_hand(w, {**c, "nbf": int(time.time()) + 60}),
    "iat in the future": lambda w, c: by_hand(w, {**c, "iat": int(time.time()) + 60}),
    "crit header": lambda w, c: by_hand(w, c, crit=["exp"], exp=1),
    "unknown crit": lambda w, c: by_hand(w, c, crit=["x-evil"], **{"x-evil": 1}),
    "crit b64": lambda w, c: by_hand(w, c, crit=["b64"], b64=False),
    "no kid": lambda w, c: by_hand(w, c, kid=None),
    "kid a number": lambda w, c: by_hand(w, c, kid=1),
    "kid a list": lambda w, c: by_hand(w, c, kid=[w.key.kid]),
    "sub no id": lambda w, c: by_hand(w, {**c, "sub": "admin"}),
    "two payloads": lambda w, c: by_hand(w, c) + "." + b64(b"{}"),
    "too long": lambda w, c: by_hand(w, {**c, "jti": "j" * 5000}),
    "JSON serialisation": lambda w, c: json.dumps({"payload": b64(json.dumps(c).encode()), "signatures": []}),
}
OWN = "/v1/me/sessions"
"""What the auth node itself answers."""
KIDS = (
    "unknown",
    "../../../../etc/passwd",
    "/dev/null",
    "x' OR '1'='1",
    "http://evil.example/k",
    "\x00",
    "a" * 900,
    "",
)


async def status(edge: Edge, token: str, path: str = "/v1/me") -> int:
    """What the edge says to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return (await edge.ask("GET", path, signed=False, headers=headers)).status


@pytest.mark.parametrize("name", list(ATTACKS))
async def test_an_attack_is_refused(edge: Edge, name: str) -> None:
    """The forged token is 401 though the good one beside it is taken, and the keys are not read again."""
    claims = payload()
    assert await status(edge, by_hand(edge.world, claims)) == 200
    before = (edge.world.count(auth.JWKS), edge.world.count(users.GET))
    assert await status(edge, ATTACKS[name](edge.world, claims)) == 401
    assert (edge.world.count(auth.JWKS), edge.world.count(users.GET)) == before


async def test_unknown_kids_are_no_storm(edge: Edge) -> None:
    """Whatever a kid looks like it is only compared; all of them together make the edge read the keys once."""
    assert await status(edge, by_hand(edge.world, payload())) == 200
    before = edge.world.count(auth.JWKS)
    for kid in KIDS * 5:
        assert await status(edge, by_hand(edge.world, payload(), kid=kid)) == 401
    assert edge.world.count(auth.JWKS) - before == 1


async def test_an_identity_token_is_no_access_token(edge: Edge) -> None:
    """A token of our own RS256 key is refused, although that key is published."""
    key = SigningKey.new("RS256")
    edge.world.keys.append(key)
    assert await status(edge, by_hand(edge.world, payload())) == 200
    before = edge.world.count(auth.JWKS)
    assert await status(edge, sign(payload(), key)) == 401
    assert edge.world.count(auth.JWKS) == before


async def test_a_stolen_refresh_token_ends_the_session(
    nats_url: str, postgres_database: str, redis: Any, world: World
) -> None:
    """It is no access token; used twice it ends its family, and within a second the edge refuses its access tokens."""
    async with an_auth_house(nats_url, postgres_database) as house, an_edge(nats_url, redis, world) as edge:
        house.time[0] = house.time[0].fromtimestamp(time.time(), tz=house.time[0].tzinfo)
        first = await house.register()
        assert await status(edge, first.refresh_token, OWN) == 401
        assert await status(edge, first.access_token, OWN) == 200
        second = await house.refresh(first.refresh_token)
        third = await house.refresh(second.refresh_token)
        assert await status(edge, third.access_token, OWN) == 200
        await reused(house, edge, first.refresh_token)
        began = time.monotonic()
        while await status(edge, third.access_token, OWN) == 200:
            assert time.monotonic() - began < 1
        took = time.monotonic() - began
        assert took < 1, took
        assert await status(edge, first.access_token, OWN) == 401
        reply = await edge.ask("POST", "/v1/auth/refresh", signed=False, json={"refresh_token": third.refresh_token})
        assert reply.status == 401


async def reused(house: House, edge: Edge, token: str) -> None:
    """Somebody presents a token that was used before, later than a lost answer would explain."""
    house.later(seconds=11)
    reply = await edge.ask("POST", "/v1/auth/refresh", signed=False, json={"refresh_token": token})
    assert reply.status == 401
