"""Partners' keys for signed requests: made, listed, found by the edge, removed, and gone with the account."""

import base64
import uuid
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts import auth, signatures
from contracts.auth import DeleteAccount, Session
from contracts.errors import Conflict, Invalid, NotFound, ServiceError, Unauthenticated
from contracts.signatures import (
    CreateSigningKey,
    FindSigningKey,
    ListSigningKeys,
    NewSigningKey,
    PublicKeyJwk,
    RemoveSigningKey,
    VerificationKey,
)
from contracts.wire import Context
from tests.support.auth_house import ADA, House, an_auth_house


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


def by(session: Session) -> Context:
    """A request of that user."""
    return Context(request_id="r", user_id=session.user.id)


def pem(key: Any) -> str:
    """The public key as text."""
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def b64(number: int) -> str:
    """A coordinate of P-256."""
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


async def create(house: House, session: Session, **wish: Any) -> NewSigningKey:
    """Through the bus."""
    order = CreateSigningKey(**{"name": "build", "algorithm": "hmac-sha256", "scopes": ("covers:read",), **wish})
    return await house.bus.request(signatures.CREATE, order, by(session))


async def find(house: House, keyid: str) -> VerificationKey:
    """As the edge does."""
    return await house.bus.request(signatures.FIND, FindSigningKey(keyid=keyid), Context.new())


async def raised(work: Awaitable[Any]) -> type[ServiceError]:
    """The class of the error."""
    with pytest.raises(ServiceError) as caught:
        await work
    return type(caught.value)


async def test_public_keys_as_pem_and_jwk(house: House) -> None:
    """Either way of writing a key gives the same; its finder gets the owner's claims with the key's scopes."""
    session, curve, edwards = await house.register(), ec.generate_private_key(ec.SECP256R1()), _edwards()
    numbers = curve.public_key().public_numbers()
    raw = edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    given: tuple[tuple[dict[str, Any], str], ...] = (
        ({"algorithm": "ed25519", "public_key": pem(edwards)}, pem(edwards)),
        ({"algorithm": "ed25519", "jwk": PublicKeyJwk(kty="OKP", crv="Ed25519", x=x)}, pem(edwards)),
        ({"algorithm": "ecdsa-p256-sha256", "public_key": pem(curve)}, pem(curve)),
        (
            {
                "algorithm": "ecdsa-p256-sha256",
                "jwk": PublicKeyJwk(kty="EC", crv="P-256", x=b64(numbers.x), y=b64(numbers.y)),
            },
            pem(curve),
        ),
    )
    for wish, expected in given:
        made = await create(house, session, **wish)
        found = await find(house, made.keyid)
        assert (made.secret, found.key, found.algorithm) == (None, expected, made.algorithm)
        assert (found.claims.sub, found.claims.scope, found.claims.roles) == (session.user.id, "covers:read", ("user",))


async def test_a_secret_is_shown_once_and_sealed(house: House) -> None:
    """The finder gets the secret that the maker was shown; neither the list nor the database has it."""
    session = await house.register()
    made = await create(house, session)
    assert made.secret is not None
    secret = base64.urlsafe_b64decode(made.secret + "=")
    assert len(secret) == 32
    assert (await find(house, made.keyid)).key == made.secret
    listed = await house.bus.request(signatures.LIST, ListSigningKeys(), by(session))
    assert [(key.id, key.last_used_at is None) for key in listed.items] == [(made.id, False)]
    assert not hasattr(listed.items[0], "secret")
    stored = await house.pool.value("SELECT sealed_secret FROM partner_keys")
    assert secret not in stored
    assert made.secret not in repr(await find(house, made.keyid))


async def test_keys_that_do_not_fit_are_refused(house: House) -> None:
    """Another kind of key, another curve, none, two, one for HMAC, a wrong end: Invalid."""
    session, edwards, word = await house.register(), _edwards(), b64(7)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wishes: tuple[dict[str, Any], ...] = (
        {"algorithm": "ed25519", "public_key": pem(other)},
        {"algorithm": "ed25519", "public_key": "junk"},
        {"algorithm": "ed25519"},
        {"algorithm": "ed25519", "jwk": PublicKeyJwk(kty="OKP", crv="Ed25519", x="AA")},
        {"algorithm": "ed25519", "jwk": PublicKeyJwk(kty="EC", crv="P-256", x="AA")},
        {"algorithm": "ed25519", "jwk": PublicKeyJwk(kty="OKP", crv="P-256", x=word)},
        {"algorithm": "ecdsa-p256-sha256", "jwk": PublicKeyJwk(kty="EC", crv="Ed25519", x=word, y=word)},
        {"algorithm": "ecdsa-p256-sha256", "jwk": PublicKeyJwk(kty="EC", crv="P-256", x=word)},
        {"algorithm": "ecdsa-p256-sha256", "jwk": PublicKeyJwk(kty="EC", crv="P-256", x=word, y=word)},
        {"algorithm": "ed25519", "public_key": pem(edwards), "jwk": PublicKeyJwk(kty="OKP", crv="Ed25519", x="AA")},
        {"algorithm": "ecdsa-p256-sha256", "public_key": pem(edwards)},
        {"algorithm": "ecdsa-p256-sha256", "public_key": pem(ec.generate_private_key(ec.SECP384R1()))},
        {"algorithm": "hmac-sha256", "public_key": pem(edwards)},
        {"expires_at": house.time[0]},
        {"expires_at": house.time[0] + timedelta(days=400)},
    )
    for wish in wishes:
        assert await raised(create(house, session, **wish)) is Invalid, wish


async def test_keys_end(house: House) -> None:
    """By removal, by their time, and with the account; nobody else can remove one."""
    session = await house.register()
    removed, timed, last = [await create(house, session) for _ in range(3)]
    stranger = Context(request_id="r", user_id=uuid.uuid4())
    order = RemoveSigningKey(id=removed.id)
    assert await raised(house.bus.request(signatures.REMOVE, order, stranger)) is NotFound
    await house.bus.request(signatures.REMOVE, order, by(session))
    assert await raised(house.bus.request(signatures.REMOVE, order, by(session))) is NotFound
    assert await raised(find(house, removed.keyid)) is Unauthenticated
    await house.pool.run("UPDATE partner_keys SET expires_at = $2 WHERE id = $1", timed.id, house.time[0])
    assert await raised(find(house, timed.keyid)) is Unauthenticated
    await find(house, last.keyid)
    await house.bus.request(auth.DELETE_ACCOUNT, DeleteAccount(password=ADA.password), by(session))
    assert await raised(find(house, last.keyid)) is Unauthenticated
    assert await house.pool.value("SELECT count(*) FROM partner_keys") == 0


async def test_twenty_keys_are_enough(house: House) -> None:
    """The twenty-first is a Conflict."""
    session = await house.register()
    for _ in range(20):
        await create(house, session)
    assert await raised(create(house, session)) is Conflict


def _edwards() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()
