"""Signed requests of partners (RFC 9421): who signed, that nothing was changed on the way, and that it comes once.

A signature covers the method, the whole address, and the body's digest where there is a body (RFC 9530); it is five
minutes old at most, and its nonce is good once for all edges: Redis remembers it for as long as the signature would be
good, and without Redis nothing signed is taken (503). The nonce is used up only by a signature that fits, so that
nobody else can use it up. A key is believed for ten seconds, like an API key.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from adapters.http_signatures import BadSignature, Fields, Signature, SignedRequest, read_signature, verify
from adapters.nats.bus import Bus
from adapters.redis import Redis
from contracts import signatures
from contracts.auth import Claims
from contracts.errors import Unauthenticated
from contracts.signatures import FindSigningKey, VerificationKey
from contracts.wire import Context

HEADER = "Signature-Input"
OLDEST = 300
"""Seconds since `created`."""
AHEAD = 30
"""Seconds that a client's clock may be fast."""
BELIEVED = 10.0
REMEMBERED = 2048
"""Keys, good ones and others."""
LONGEST_KEYID = 100
SHORTEST_NONCE, LONGEST_NONCE = 16, 128
WHOLE = (frozenset({"@target-uri"}), frozenset({"@authority", "@path", "@query"}))
"""What covers the whole address."""


class PartnerKeys:
    """Keys by their ids, asked of the auth node and believed for ten seconds."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._known: OrderedDict[str, tuple[asyncio.Task[VerificationKey | None], float]] = OrderedDict()

    async def key(self, keyid: str) -> VerificationKey:
        """The key of that id. Raises Unauthenticated; Unavailable when that is not known."""
        found = await asyncio.shield(self._answer(keyid)) if len(keyid) <= LONGEST_KEYID else None
        if found is None or found.claims.exp <= time.time():
            raise Unauthenticated("The key of this signature is not good.")
        return found

    def _answer(self, keyid: str) -> "asyncio.Task[VerificationKey | None]":
        known = self._known.get(keyid)
        if known is not None and self._clock() < known[1] and not _failed(known[0]):
            return known[0]
        asking = asyncio.create_task(self._ask(keyid), name="whose signature")
        asking.add_done_callback(_failed)  # looked at also when nobody waits for it any more
        self._known[keyid] = (asking, self._clock() + BELIEVED)
        self._known.move_to_end(keyid)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return asking

    async def _ask(self, keyid: str) -> VerificationKey | None:
        """None when there is no such key."""
        try:
            context = Context.new(timeout=signatures.FIND.timeout)
            return await self._bus.request(signatures.FIND, FindSigningKey(keyid=keyid), context)
        except Unauthenticated:
            return None


class Signatures:
    """Turns a signed request into claims, which have a scope. `public_url`: where users reach us, if that is set."""

    def __init__(
        self, bus: Bus, redis: Redis, public_url: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = PartnerKeys(bus)
        self._redis = redis
        self._public = None if public_url is None else urlsplit(public_url)
        self._clock = clock

    async def claims(self, request: web.Request, body: bytes) -> Claims:
        """What the signer may do. Raises Unauthenticated; Unavailable without Redis, or when the key is not known."""
        try:
            signature = read_signature(",".join(request.headers.getall(HEADER)))
            nonce, left = self._timely(signature)
            key = await self._keys.key(signature.keyid)
            covered = verify(self._message(request), signature, key.algorithm, key.key, body)
        except BadSignature as error:
            raise Unauthenticated(str(error)) from error
        if "@method" not in covered or not any(parts <= covered for parts in WHOLE):
            raise Unauthenticated("The signature must cover @method, and @target-uri or @authority, @path and @query.")
        await self._once(signature.keyid, nonce, left)
        return key.claims

    def _timely(self, signature: Signature) -> tuple[str, float]:
        """Its nonce, and for how many seconds it is still good."""
        now, nonce = self._clock(), signature.nonce
        if signature.created is None:
            raise BadSignature("The signature has no created.")
        if signature.created > now + AHEAD:
            raise BadSignature("The signature was created in the future.")
        if signature.created + OLDEST <= now:
            raise BadSignature(f"The signature is older than {OLDEST} seconds.")
        if signature.expires is not None and signature.expires <= now:
            raise BadSignature("The signature has expired.")
        if nonce is None or not SHORTEST_NONCE <= len(nonce) <= LONGEST_NONCE:
            raise BadSignature(f"The signature needs a nonce of {SHORTEST_NONCE} to {LONGEST_NONCE} characters.")
        return nonce, signature.created + OLDEST - now

    async def _once(self, keyid: str, nonce: str, left: float) -> None:
        """Take the nonce, which is remembered a little longer than the signature is good."""
        name = hashlib.sha256(f"{keyid}\x00{nonce}".encode()).hexdigest()
        if await self._redis.run("SET", f"nonce:{name}", b"1", "NX", "PX", int(left * 1000) + 1000) is None:
            raise Unauthenticated("This nonce was used before.")

    def _message(self, request: web.Request) -> SignedRequest:
        """The request as its client has sent it: the address as in the request line, not as it was read since."""
        hosts, path = request.headers.getall("Host", []), request.raw_path
        if len(hosts) != 1 or not path.startswith("/"):
            raise BadSignature("A signed request has one Host and an address that begins with a slash.")
        host = hosts[0]
        # Behind a proxy that ends TLS only the setting knows what the client has signed.
        public = self._public
        scheme = public.scheme if public is not None and host.lower() == public.netloc.lower() else request.scheme
        lines = tuple((name, value) for name, value in request.headers.items())
        return SignedRequest(method=request.method, url=f"{scheme}://{host}{path}", headers=Fields(lines))


def _failed(asking: "asyncio.Task[VerificationKey | None]") -> bool:
    return asking.done() and (asking.cancelled() or asking.exception() is not None)
