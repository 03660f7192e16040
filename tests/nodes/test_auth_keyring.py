"""The life of signing keys: sealed, rotated under traffic, dropped at once, made by one of several instances."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio
from joserfc import jws
from joserfc.jwk import RSAKey

from adapters.crypto import Box, WrongKey
from adapters.passwords import Passwords
from adapters.postgres import open_pool
from adapters.signed_tokens import SigningKey, Verifier
from contracts import auth, security, token_keys
from contracts.auth import AUDIENCE, ISSUER, Algorithm, Claims, GetJwks, Jwks
from contracts.errors import Forbidden, Unauthenticated
from contracts.security import ListAudit
from contracts.token_keys import ListTokenKeys, RotateKeys, TokenKeyList
from contracts.wire import Context
from edge.middleware.authentication import Authenticator
from edge.revocations import Revocations
from nodes.auth.keyring import Keyring
from nodes.auth.model import ACCESS_LIFE
from nodes.auth.service import Auth
from tests.support.auth_house import ADMIN, ROOT, House, an_auth_house

OPERATOR = Context(request_id="r", user_id=uuid.uuid4(), roles=("user", "admin"))


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


def keyring(house: House) -> Keyring:
    """The node's own."""
    return house.service._keyring


def claims(house: House) -> Claims:
    """What a token made now says."""
    now = int(house.time[0].timestamp())
    life = int(ACCESS_LIFE.total_seconds())
    who = uuid.uuid4()
    return Claims(iss=ISSUER, aud=AUDIENCE, sub=who, sid=who, jti=who.hex, iat=now, exp=now + life)


async def rotate(house: House, alg: Algorithm = "EdDSA", *, at_once: bool = False) -> TokenKeyList:
    """Through the bus, as an administrator."""
    return await house.bus.request(token_keys.ROTATE_KEYS, RotateKeys(alg=alg, at_once=at_once), OPERATOR)


async def jwks(house: House) -> Jwks:
    """Through the bus."""
    return await house.bus.request(auth.JWKS, GetJwks(), Context.new())


def an_authenticator(house: House, revocations: Revocations) -> Authenticator:
    """What an edge checks tokens with, on the clock of the test."""

    def clock() -> float:
        return house.time[0].timestamp()

    return Authenticator(house.bus, Verifier(clock=clock), revocations, clock=clock)


class Traffic:
    """Tokens that are made all the time, and shown again and again to two edges for as long as they are good."""

    def __init__(self, house: House, edges: list[Authenticator]) -> None:
        self.house, self.edges = house, edges
        self.checked, self.refused = 0, 0
        self._tokens: list[tuple[str, float]] = []

    async def flow(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.step()

    async def step(self) -> None:
        """One more token; it and twenty older ones are shown to both edges."""
        made = claims(self.house)
        self._tokens.append((await keyring(self.house).sign(made), made.exp))
        now = self.house.time[0].timestamp()
        self._tokens = [row for row in self._tokens if row[1] > now]
        for token, expires in (*self._tokens[:10], *self._tokens[-10:]):
            for edge in self.edges:
                await self._show(edge, token, expires)

    async def _show(self, edge: Authenticator, token: str, expires: float) -> None:
        good = await taken(edge, token)
        if self.house.time[0].timestamp() < expires:  # else it has expired meanwhile
            self.checked += 1
            self.refused += not good


async def test_five_rotations_refuse_no_good_token(house: House) -> None:
    """Under traffic over two edges, of which one hears of no rotation, no good token is ever refused."""
    hearing, deaf = Revocations(house.bus), Revocations(house.bus)
    kids: set[str] = set()
    async with hearing.watching():
        traffic = Traffic(house, [an_authenticator(house, hearing), an_authenticator(house, deaf)])
        flow = asyncio.create_task(traffic.flow())
        for _ in range(5):
            kids |= {key.kid for key in (await rotate(house)).items}
            for _ in range(9):  # 45 minutes: the next key begins to sign, the last token of the old one expires
                house.later(minutes=5)
                await house.chore("auth-keys")
                await traffic.step()
        flow.cancel()
    assert traffic.refused == 0
    assert traffic.checked > 1000
    assert len(kids) == 6
    left = await house.bus.request(token_keys.LIST_TOKEN_KEYS, ListTokenKeys(), OPERATOR)
    assert [key.state for key in left.items] == ["active"]
    assert await house.pool.value("SELECT count(*) FROM signing_keys") == 1


async def test_life_of_a_key(house: House) -> None:
    """A next key is published and does not sign; then it is active and the old one retired, and later deleted."""
    old = (await jwks(house)).keys[0].kid
    states = {key.kid: key.state for key in (await rotate(house)).items}
    (new,) = set(states) - {old}
    assert states == {old: "active", new: "next"}
    assert await rotate(house) == await rotate(house)  # one waits already
    assert {key.kid for key in (await jwks(house)).keys} == {old, new}
    house.later(minutes=25)
    listed = (await rotate_list(house)).items
    assert {key.kid: key.state for key in listed} == {old: "retired", new: "active"}
    house.later(minutes=15, seconds=59)
    assert len((await jwks(house)).keys) == 2
    house.later(seconds=1)
    assert [key.kid for key in (await jwks(house)).keys] == [new]


async def rotate_list(house: House) -> TokenKeyList:
    """The keys of now."""
    return await house.bus.request(token_keys.LIST_TOKEN_KEYS, ListTokenKeys(), OPERATOR)


async def test_keys_rotate_by_age(house: House) -> None:
    """A key that has signed for thirty days gets a successor by itself, once."""
    await house.chore("auth-keys")
    assert len((await jwks(house)).keys) == 1
    house.later(days=30)
    await house.chore("auth-keys")
    await house.chore("auth-keys")
    assert [key.state for key in (await rotate_list(house)).items] == ["active", "next"]


async def test_dropped_key_is_refused_within_a_second(house: House) -> None:
    """Tokens of a key that was dropped are refused by an edge that hears of it, and new ones are taken."""
    revocations = Revocations(house.bus)
    async with revocations.watching():
        edge = an_authenticator(house, revocations)
        token = await keyring(house).sign(claims(house))
        await edge.bearer(token)
        began = time.monotonic()
        await rotate(house, at_once=True)
        async with asyncio.timeout(5):
            while await taken(edge, token):
                await asyncio.sleep(0.005)
        assert time.monotonic() - began < 1
        await edge.bearer(await keyring(house).sign(claims(house)))


async def test_dropped_key_is_refused_while_the_node_is_away(house: House) -> None:
    """What an edge has heard holds though it cannot read the keys again."""
    revocations = Revocations(house.bus)
    edge = an_authenticator(house, revocations)
    token = await keyring(house).sign(claims(house))
    await edge.bearer(token)
    kid = (await jwks(house)).keys[0].kid
    revocations.hear_keys(token_keys.KeysChanged(dropped=(kid,), at=house.time[0]))
    assert not await taken(edge, token)


async def taken(edge: Authenticator, token: str) -> bool:
    """Is the token good there?"""
    try:
        await edge.bearer(token)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("at_once", [False, True])
async def test_instances_that_rotate_at_once_make_one_key(house: House, at_once: bool) -> None:
    """Of four instances that rotate at the same time, one makes the key and all of them sign with it."""
    passwords = Passwords(threads=1)
    pools = [await open_pool(house.dsn, max_size=2) for _ in range(4)]
    services = [Auth(pool, house.bus, passwords, root=ROOT, admin=ADMIN) for pool in pools]
    before = {key.kid for key in (await jwks(house)).keys}
    lists = await asyncio.gather(
        *(each._keyring.rotate(RotateKeys(at_once=at_once), OPERATOR) for each in services), return_exceptions=True
    )
    assert not [each for each in lists if isinstance(each, BaseException)]
    assert len({key.kid for key in (await jwks(house)).keys} - before) == 1
    for service in services:
        await service.close()
    for pool in pools:
        await pool.close()
    passwords.close()


async def test_identity_tokens_have_a_key_of_their_own(house: House) -> None:
    """RS256 is made by its first use, published as an RSA key, and no access token."""
    assert [key.alg for key in (await jwks(house)).keys] == ["EdDSA"]
    tokens = await asyncio.gather(*(keyring(house).sign({"sub": "ada", "n": n}, "RS256") for n in range(3)))
    (key,) = [key for key in (await jwks(house)).keys if key.alg == "RS256"]
    shown = msgspec.to_builtins(key)
    assert set(shown) == {"kid", "kty", "alg", "use", "n", "e"}
    for number, token in enumerate(tokens):
        payload = jws.deserialize_compact(token, RSAKey.import_key(shown), algorithms=["RS256"]).payload
        assert msgspec.json.decode(payload) == {"sub": "ada", "n": number}
    forged = await keyring(house).sign(claims(house), "RS256")
    with pytest.raises(Unauthenticated):
        await an_authenticator(house, Revocations(house.bus)).bearer(forged)


async def test_the_first_key_of_an_algorithm_signs_at_once(house: House) -> None:
    """Rotating what has no key yet makes one that need not wait: no other could sign meanwhile."""
    states = [key.state for key in (await rotate(house, "RS256")).items if key.alg == "RS256"]
    assert states == ["active"]
    await keyring(house).sign({"sub": "ada"}, "RS256")


async def test_keys_are_sealed(house: House) -> None:
    """No private part is in the database; what an older version stored plainly is sealed at the next start."""
    plain = SigningKey.new()
    await house.pool.run("DELETE FROM signing_keys")
    public = msgspec.json.encode(plain.public).decode()
    insert = (
        "INSERT INTO signing_keys (kid, private_key, public_jwk, created_at, signs_from) VALUES ($1, $2, $3, $4, $4)"
    )
    await house.pool.run(insert, plain.kid, plain.private, public, house.time[0])
    await house.pool.run("UPDATE server_keys SET secret = $1, sealed = false", b"s" * 32)
    session = await house.register()
    await house.service.prepare()
    row = await house.pool.one("SELECT private_key, sealed FROM signing_keys")
    assert row is not None
    assert row["sealed"]
    assert plain.private not in row["private_key"]
    assert b"s" * 32 not in await house.pool.value("SELECT secret FROM server_keys")
    await house.verify(session.access_token)
    assert (await jwks(house)).keys == (plain.public,)


async def test_another_root_secret_is_noticed(house: House) -> None:
    """A node that is started with another root secret says so and does not serve; so does one with mixed-up rows."""
    passwords = Passwords(threads=1)
    with pytest.raises(WrongKey, match="COVERGEN_SECRET_KEY"):
        await Auth(house.pool, house.bus, passwords, root=bytes(32)).prepare()
    await house.pool.run("UPDATE signing_keys SET private_key = $1", Box(ROOT, "auth keyring").seal(b"x", "other"))
    with pytest.raises(WrongKey, match="not what was sealed"):
        await Auth(house.pool, house.bus, passwords, root=ROOT).prepare()
    passwords.close()


async def test_rotation_is_for_administrators_and_audited(house: House) -> None:
    """Others get Forbidden; the log has who rotated what."""
    nobody = Context(request_id="r", user_id=uuid.uuid4(), roles=("user",))
    with pytest.raises(Forbidden):
        await house.bus.request(token_keys.ROTATE_KEYS, RotateKeys(), nobody)
    with pytest.raises(Forbidden):
        await house.bus.request(token_keys.LIST_TOKEN_KEYS, ListTokenKeys(), nobody)
    old = (await jwks(house)).keys[0].kid
    house.later(seconds=1)
    await rotate(house, at_once=True)
    page = await house.bus.request(security.AUDIT, ListAudit(event="key_rotated"), OPERATOR)
    (line,) = page.items
    assert line.by == OPERATOR.user_id
    assert old in line.detail
    assert timedelta(0) <= house.time[0] - line.at < timedelta(seconds=1)
