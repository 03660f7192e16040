"""Who holds an API key: asked of the auth node, and believed for ten seconds.

So a key that was revoked works for up to ten seconds more at an edge that has just seen it, and a busy program costs a
question every ten seconds, not one for each request.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from adapters.crypto import token_hash
from adapters.nats.bus import Bus
from contracts import auth
from contracts.auth import Claims, VerifyToken
from contracts.errors import Unauthenticated
from contracts.security import KEY_MARK
from contracts.wire import Context

HEADER = "X-API-Key"
BELIEVED = 10.0
"""Seconds."""
LONGEST = 100
REMEMBERED = 2048
"""Keys, good ones and others."""


class KeyHolders:
    """Turns `X-API-Key` into claims, which have a scope."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[asyncio.Task[Claims | None], float]] = OrderedDict()

    async def claims(self, key: str) -> Claims:
        """What the key's bearer may do. Raises Unauthenticated; Unavailable when that is not known."""
        if not key.startswith(KEY_MARK) or len(key) > LONGEST or not key.isascii():
            raise _not_good()
        claims = await asyncio.shield(self._answer(token_hash(key), key))  # others may wait for the same answer
        if claims is None or claims.exp <= time.time():
            raise _not_good()
        return claims

    def _answer(self, digest: bytes, key: str) -> "asyncio.Task[Claims | None]":
        known = self._known.get(digest)
        if known is not None and self._clock() < known[1] and not _failed(known[0]):
            return known[0]
        asking = asyncio.create_task(self._ask(key), name="whose key")
        asking.add_done_callback(_failed)  # looked at also when nobody waits for it any more
        self._known[digest] = (asking, self._clock() + BELIEVED)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return asking

    async def _ask(self, key: str) -> Claims | None:
        """None when the key is not good."""
        try:
            context = Context.new(timeout=auth.VERIFY.timeout)
            return await self._bus.request(auth.VERIFY, VerifyToken(token=key), context)
        except Unauthenticated:
            return None


def _failed(asking: "asyncio.Task[Claims | None]") -> bool:
    return asking.done() and (asking.cancelled() or asking.exception() is not None)


def _not_good() -> Unauthenticated:
    return Unauthenticated("The API key is not good.")
