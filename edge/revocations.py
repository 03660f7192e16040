"""Sessions that ended while access tokens of theirs are still good by themselves: those tokens are refused here.

An edge hears of each end by an event, within moments, and keeps it until the last token of that session has expired.
What it did not hear (it began later, or was cut off) it reads from the auth node at the start and every half minute.
One that has only just begun and cannot read it serves all the same: those tokens end by themselves.

The same for signing keys: when they change an edge hears of it, and what a dropped one has signed is refused from then
on, whether or not the keys can be read again.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable

from adapters.nats.bus import Bus
from contracts import security, token_keys
from contracts.errors import ServiceError
from contracts.security import GetRevoked, SessionsRevoked
from contracts.token_keys import KeysChanged
from contracts.wire import Context

EVERY = 30.0
REMEMBERED = 15 * 60.0 + 60.0
"""Seconds: the life of an access token, and what clocks may differ."""
DROPPED_KEPT = 64
"""Dropped keys that are remembered: longer than any of their tokens would live."""
MOST = 100_000
"""Sessions that are remembered; a user's own few, unless somebody floods us: then the oldest are forgotten."""

log = logging.getLogger(__name__)


class Revocations:
    """Which sessions ended lately."""

    def __init__(self, bus: Bus, *, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._every = every
        self._clock = clock
        self._ended: dict[uuid.UUID, float] = {}
        self._dropped: deque[str] = deque(maxlen=DROPPED_KEPT)
        self.keys_changed = 0
        """How often the signing keys have changed since we look."""

    def ended(self, session_id: uuid.UUID) -> bool:
        """Has it ended?"""
        return session_id in self._ended

    def hear(self, event: SessionsRevoked) -> None:
        """These have ended."""
        for session_id in event.session_ids:
            self._ended.setdefault(session_id, self._clock())

    def dropped(self, kid: str) -> bool:
        """Was this signing key dropped?"""
        return kid in self._dropped

    def hear_keys(self, event: KeysChanged) -> None:
        """The signing keys have changed."""
        self._dropped.extend(event.dropped)
        self.keys_changed += 1

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Listen and read for the length of the block."""
        stop = await self._bus.watch(security.SESSION_REVOKED, self.hear)
        stop_keys = await self._bus.watch(token_keys.KEYS_CHANGED, self.hear_keys)
        reading = asyncio.create_task(self._read_again(), name="read ended sessions")
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await stop_keys()
            await stop()

    async def _read_again(self) -> None:
        while True:
            try:
                await self._read()
            except ServiceError as error:
                log.warning("ended sessions are not known: %s", error.code, extra={"action": "revocations_unknown"})
            self._forget()
            await asyncio.sleep(self._every)

    async def _read(self) -> None:
        context = Context.new(timeout=security.REVOKED.timeout)
        revoked = await self._bus.request(security.REVOKED, GetRevoked(), context)
        now = self._clock()
        for row in reversed(revoked.sessions):  # the oldest first
            self._ended.setdefault(row.id, now)

    def _forget(self) -> None:
        """They stand in the order in which they were heard of."""
        oldest = self._clock() - REMEMBERED
        for session_id, at in list(self._ended.items()):
            if at > oldest and len(self._ended) <= MOST:
                break
            del self._ended[session_id]
