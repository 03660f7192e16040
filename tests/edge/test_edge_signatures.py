"""Signed requests (RFC 9421), signed by a library of its own and sent to real edges on one Redis."""

import asyncio
import base64
import datetime
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms
from yarl import URL

from adapters.redis import opened_redis
from contracts import covers, signatures
from contracts.errors import Unauthenticated
from contracts.signatures import SignatureAlgorithm, VerificationKey
from edge.signatures import PartnerKeys
from tests.edge.conftest import Edge, Reply, an_edge
from tests.edge.security_nodes import a_holder
from tests.edge.small_nodes import World

ALGORITHMS: dict[SignatureAlgorithm, Any] = {
    "ed25519": algorithms.ED25519,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
    "hmac-sha256": algorithms.HMAC_SHA256,
}
WHOLE = ("@method", "@target-uri")
PARTS = ("@method", "@authority", "@path", "@query")
ORDER = b'{"title":"The Tide"}'
NOW = datetime.datetime.now
SECOND = datetime.timedelta(seconds=1)


@dataclass
class Message:
    """A request, as the library signs it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Partner:
    """Who signs."""

    keyid: str
    algorithm: SignatureAlgorithm
    private: Any

    def signed(self, message: Message, *, covers: tuple[str, ...] = WHOLE, **options: Any) -> Message:
        """The message with a signature; `options` are those of the library's signer."""
        chosen: dict[str, Any] = {"nonce": secrets.token_urlsafe(16), "created": NOW(datetime.UTC), **options}
        keys = MappingKeyResolver(public_keys={}, private_keys={self.keyid: self.private})
        signer = HTTPMessageSigner(signature_algorithm=ALGORITHMS[self.algorithm], key_resolver=keys)
        if message.body:
            chosen.setdefault("body", message.body)
        signer.sign(message, key_id=self.keyid, covered_component_ids=covers, **chosen)
        return message


def a_partner(world: World, algorithm: SignatureAlgorithm, *scopes: str) -> Partner:
    """A partner whose key the auth node knows."""
    keyid, private, shown = f"cgs_{uuid.uuid4().hex}", *_pair(algorithm)
    holder = a_holder(uuid.uuid4(), *(scopes or ("covers:read", "covers:write")))
    world.signers[keyid] = VerificationKey(algorithm=algorithm, key=shown, claims=holder)
    return Partner(keyid, algorithm, private)


def _pair(algorithm: SignatureAlgorithm) -> tuple[Any, str]:
    if algorithm == "hmac-sha256":
        secret = secrets.token_bytes(32)
        return secret, base64.urlsafe_b64encode(secret).decode().rstrip("=")
    private = (
        ed25519.Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    )
    return private, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def send(edge: Edge, message: Message) -> Reply:
    """The message as it is."""
    url = URL(message.url, encoded=True)
    headers = {"Content-Type": "application/json", **message.headers} if message.body else message.headers
    async with edge.client.request(message.method, url, headers=headers, data=message.body or None) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


def listing(edge: Edge, query: str = "?limit=5") -> Message:
    """A read."""
    return Message("GET", f"{edge.url}/v1/covers{query}")


def order(edge: Edge, body: bytes = ORDER) -> Message:
    """A change."""
    return Message("POST", f"{edge.url}/v1/covers", body=body)


@pytest.fixture
def partner(world: World) -> Partner:
    """One with Ed25519."""
    return a_partner(world, "ed25519")


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("covers_", [WHOLE, PARTS], ids=["target-uri", "parts"])
async def test_a_good_signature(edge: Edge, algorithm: SignatureAlgorithm, covers_: tuple[str, ...]) -> None:
    """Reads and orders are done as the key's owner, for each algorithm and both ways to cover the address."""
    partner = a_partner(edge.world, algorithm)
    assert (await send(edge, partner.signed(listing(edge), covers=covers_))).status == 200
    assert (await send(edge, partner.signed(listing(edge, ""), covers=covers_))).status == 200
    reply = await send(edge, partner.signed(order(edge), covers=covers_))
    assert reply.status == 202, reply.body
    context = edge.world.last(covers.GENERATE)[1]
    assert context.user_id == edge.world.signers[partner.keyid].claims.sub


CHANGES: dict[str, Callable[[Message], None]] = {
    "body": lambda m: setattr(m, "body", m.body.replace(b"Tide", b"Toad")),
    "path": lambda m: setattr(m, "url", m.url.replace("/v1/covers", "/v1/exports")),
    "spelling": lambda m: setattr(m, "url", m.url.replace("/v1/covers", "/v1/%63overs")),
    "query": lambda m: setattr(m, "url", m.url + "?a=b"),
    "host": lambda m: m.headers.update(Host="elsewhere.example"),
    "digest": lambda m: m.headers.update({"Content-Digest": "sha-256=:" + base64.b64encode(bytes(32)).decode() + ":"}),
    "signature": lambda m: m.headers.update(Signature="pyhms=:" + base64.b64encode(bytes(64)).decode() + ":"),
    "keyid": lambda m: m.headers.update(
        {"Signature-Input": m.headers["Signature-Input"].replace('keyid="cgs_', 'keyid="cgt_')}
    ),
}


@pytest.mark.parametrize("what", list(CHANGES))
@pytest.mark.parametrize("covers_", [WHOLE, PARTS], ids=["target-uri", "parts"])
async def test_a_changed_request_is_refused(edge: Edge, partner: Partner, what: str, covers_: tuple[str, ...]) -> None:
    """Whatever is changed after the signature: 401, and no node is asked to do anything."""
    message = partner.signed(order(edge), covers=covers_)
    CHANGES[what](message)
    assert (await send(edge, message)).status == 401
    assert edge.world.count(covers.GENERATE) == 0


async def test_another_method_is_refused(edge: Edge, partner: Partner) -> None:
    """A signed read is no signed removal."""
    message = partner.signed(Message("GET", f"{edge.url}/v1/covers/{uuid.uuid4()}"))
    message.method = "DELETE"
    assert (await send(edge, message)).status == 401


@pytest.mark.parametrize("left_out", WHOLE + PARTS[1:])
async def test_what_must_be_covered(edge: Edge, partner: Partner, left_out: str) -> None:
    """A signature that leaves out a part of the address or the method is refused."""
    chosen = WHOLE if left_out in WHOLE else PARTS
    covered = tuple(part for part in chosen if part != left_out)
    reply = await send(edge, partner.signed(listing(edge), covers=covered))
    assert (reply.status, "must cover" in reply.json["detail"]) == (401, True)


async def test_a_body_needs_its_digest(edge: Edge, partner: Partner) -> None:
    """A body without a covered Content-Digest is refused, and so is one beside an uncovered digest."""
    bare = order(edge, b"")
    partner.signed(bare)
    bare.body = ORDER
    reply = await send(edge, bare)
    assert (reply.status, "Content-Digest" in reply.json["detail"]) == (401, True)
    digested = partner.signed(order(edge))
    undigested = order(edge, b"")
    partner.signed(undigested)
    undigested.body = ORDER
    undigested.headers["Content-Digest"] = digested.headers["Content-Digest"]
    assert (await send(edge, undigested)).status == 401


TIMES: dict[str, tuple[dict[str, Any], int, str]] = {
    "old": ({"created": -301}, 401, "older"),
    "still good": ({"created": -280}, 200, ""),
    "future": ({"created": 45}, 401, "future"),
    "fast clock": ({"created": 20}, 200, ""),
    "expired": ({"created": -10, "expires": -1}, 401, "expired"),
    "expires later": ({"created": -10, "expires": 20}, 200, ""),
    "no nonce": ({"nonce": None}, 401, "nonce"),
    "short nonce": ({"nonce": "abc"}, 401, "nonce"),
}


@pytest.mark.parametrize("case", list(TIMES))
async def test_times_and_nonces(edge: Edge, partner: Partner, case: str) -> None:
    """Stale, future and expired signatures are refused with a sentence that says so, and those without a nonce."""
    options, status, word = TIMES[case]
    when: dict[str, Any] = {k: NOW(datetime.UTC) + v * SECOND if isinstance(v, int) else v for k, v in options.items()}
    reply = await send(edge, partner.signed(listing(edge), **when))
    assert reply.status == status, reply.body
    assert status == 200 or word in reply.json["detail"]


async def test_created_is_required(edge: Edge, partner: Partner) -> None:
    """A signature that does not say when it was made is refused."""
    message = partner.signed(listing(edge))
    before, _, after = message.headers["Signature-Input"].partition(";created=")
    message.headers["Signature-Input"] = before + after[after.index(";") :]
    reply = await send(edge, message)
    assert (reply.status, "created" in reply.json["detail"]) == (401, True)


async def test_the_key_says_the_algorithm(edge: Edge, partner: Partner) -> None:
    """An HMAC with the public key as its secret is refused, with and without saying so, and so is another alg."""
    public = edge.world.signers[partner.keyid].key
    for secret in (public.encode(), base64.b64decode("".join(public.splitlines()[1:-1]))[-32:]):
        for include_alg in (True, False):
            forger = Partner(partner.keyid, "hmac-sha256", secret)
            assert (await send(edge, forger.signed(listing(edge), include_alg=include_alg))).status == 401
    other = Partner(partner.keyid, "ecdsa-p256-sha256", ec.generate_private_key(ec.SECP256R1()))
    assert (await send(edge, other.signed(listing(edge)))).status == 401
    assert (await send(edge, partner.signed(listing(edge), include_alg=False))).status == 200


async def test_two_proofs_are_refused(edge: Edge, partner: Partner) -> None:
    """A signature beside a token or a key is refused; so are two signatures."""
    for proof in (edge.world.bearer(edge.user), {"X-API-Key": "cg_0a1b2c3d_x"}):
        edge.world.holders["cg_0a1b2c3d_x"] = a_holder(edge.user, "covers:read")
        message = partner.signed(listing(edge))
        message.headers.update(proof)
        assert (await send(edge, message)).status == 401
    twice = partner.signed(listing(edge), label="one")
    partner.signed(twice, label="two", append_if_signature_exists=True)
    assert (await send(edge, twice)).status == 401


async def test_scopes_hold(edge: Edge) -> None:
    """A key does what its scopes allow, and never what only a session may do."""
    reader = a_partner(edge.world, "ed25519", "covers:read")
    assert (await send(edge, reader.signed(listing(edge)))).status == 200
    assert (await send(edge, reader.signed(order(edge)))).status == 403
    assert (await send(edge, reader.signed(Message("GET", f"{edge.url}/v1/signing-keys")))).status == 403


@pytest_asyncio.fixture
async def second(edge: Edge, nats_url: str, redis_database: str, world: World) -> AsyncIterator[Edge]:
    """Another edge on the same bus and Redis, with connections of its own."""
    async with opened_redis(redis_database) as redis, an_edge(nats_url, redis, world) as second:
        yield second


async def test_one_of_fifty_equal_nonces_wins(edge: Edge, second: Edge, partner: Partner) -> None:
    """Fifty requests with one nonce, over two edges at the same time: one is done, the others are refused."""
    nonce = secrets.token_urlsafe(16)
    messages = [(each, partner.signed(listing(each), nonce=nonce)) for each in (edge, second) * 25]
    replies = await asyncio.gather(*(send(*row) for row in messages))
    assert sorted(reply.status for reply in replies) == [200] + [401] * 49
    assert edge.world.count(covers.LIST) == 1


async def test_a_forgery_does_not_use_up_the_nonce(edge: Edge, partner: Partner) -> None:
    """A request that does not fit leaves the nonce for its owner."""
    good = partner.signed(listing(edge))
    forged = Message("GET", good.url + "&x=y", dict(good.headers))
    assert (await send(edge, forged)).status == 401
    assert (await send(edge, good)).status == 200
    assert (await send(edge, good)).status == 401


async def test_without_redis_nothing_signed_is_taken(edge: Edge, nats_url: str, partner: Partner) -> None:
    """When nonces cannot be remembered the answer is 503, while tokens still work."""
    lost = opened_redis("redis://127.0.0.1:1/0")
    async with lost as redis, an_edge(nats_url, redis, edge.world) as alone:
        assert (await send(alone, partner.signed(listing(alone)))).status == 503
        assert (await alone.ask("GET", "/v1/covers")).status == 200


async def test_a_removed_key_is_believed_for_ten_seconds(edge: Edge, partner: Partner) -> None:
    """The edge asks again after ten seconds; a key that is gone by then is refused."""
    now = [0.0]
    keys = PartnerKeys(edge.bus, clock=lambda: now[0])
    await keys.key(partner.keyid)
    del edge.world.signers[partner.keyid]
    now[0] = 9.9
    await keys.key(partner.keyid)
    now[0] = 10.0
    with pytest.raises(Unauthenticated):
        await keys.key(partner.keyid)
    assert edge.world.count(signatures.FIND) == 2


JUNK = ("", "x", "sig1", "sig1=()", 'sig1=("@method");keyid=1', "a=1, b=2", "sig1=:AA==:", "(((é", "a" * 5000)


async def test_junk_is_refused(edge: Edge) -> None:
    """Headers that are no signature are 401, whatever is in them."""
    for value in JUNK:
        headers = {"Signature-Input": value, "Signature": "sig1=:AA==:"}
        async with edge.client.get(f"{edge.url}/v1/covers", headers=headers) as answer:
            assert answer.status in (400, 401), value
