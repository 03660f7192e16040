"""Answers that an edge keeps: a bounded memory of its own, and what the edges know of it together.

A group of answers is emptied when the node tells of a change (`hear`), when a change went through this edge (`renew`),
and by a generation number in Redis, which `renew` counts up and every edge reads at most once a second. What is emptied
is never served again, neither as stale. When Redis is down each edge does by itself what they otherwise do together.

An answer past its age is renewed by one of all edges: who has the key's lock in Redis. It leaves the new one there for
the others. Only renewed answers are left there, so that what is asked for once takes no place.
"""

import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from adapters.redis import Redis
from contracts.errors import Unavailable
from edge.exchange import Answer
from edge.route import Cache

MAX_BYTES = 16 * 1024 * 1024
LOOK_EVERY = 1.0
"""Seconds between two looks at a generation, and between two tries to renew one answer."""
LOCK = 10
"""Seconds after which another edge may renew an answer, should the one that began have died."""


SKEW = 2.0
"""Seconds that the clocks of two edges may differ."""


@dataclass(slots=True)
class Kept:
    """One answer."""

    body: bytes
    media: str
    etag: str
    generation: int
    made_at: float
    """When the node was asked for it, Unix time."""
    renew_at: float = 0.0
    """No try to renew it before that."""


@dataclass(slots=True)
class _Generation:
    number: int = 0
    look_at: float = 0.0
    changed_at: float = float("-inf")

    def reach(self, number: int, now: float) -> None:
        """It is at least that; what was made before is old."""
        if number > self.number:
            self.number, self.changed_at = number, now


class _Shared(msgspec.Struct, frozen=True):
    """An answer in Redis; `made_at` is Unix time."""

    body: bytes
    media: str
    made_at: float


class ResponseCache:
    """A bounded memory of answers, oldest use out first."""

    def __init__(self, redis: Redis, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time):
        """`clock`: Unix time."""
        self._redis = redis
        self._max_bytes = max_bytes
        self.clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._generations: dict[str, _Generation] = {}
        self._decoder = msgspec.msgpack.Decoder(_Shared)

    async def generation(self, group: str) -> int:
        """The group's generation, at most a second old."""
        known = self._generations.setdefault(group, _Generation())
        now = self.clock()
        if not known.look_at - LOOK_EVERY <= now < known.look_at:
            known.look_at = now + LOOK_EVERY
            with contextlib.suppress(Unavailable):  # what we know must do then
                known.reach(int(await self._redis.get(_counter(group)) or 0), now)
        return known.number

    def hear(self, group: str) -> None:
        """Somebody changed what the group is about: empty it here. The other edges hear it too."""
        known = self._generations.setdefault(group, _Generation())
        known.reach(known.number + 1, self.clock())

    async def renew(self, group: str) -> None:
        """Make everything in the group old, in all processes."""
        self.hear(group)
        with contextlib.suppress(Unavailable):  # the others hear it from the node
            self._generations[group].reach(await self._redis.increment(_counter(group)), self.clock())

    def get(self, key: str, generation: int, rule: Cache) -> Kept | None:
        """What is kept under `key`, if it may still be used in any way."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.generation != generation or self.age(found) >= rule.max_age + max(rule.stale, rule.stale_if_error):
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found

    def age(self, kept: Kept) -> float:
        """Seconds since the node was asked for it."""
        return max(0.0, self.clock() - kept.made_at)

    def put(self, key: str, answer: Answer, generation: int, made_at: float) -> Kept:
        """Keep an answer that was asked for at `made_at`."""
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        kept = Kept(answer.body, answer.media, etag, generation, made_at)
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body) + len(key)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))
        return kept

    async def fetch(self, key: str, kept: Kept, group: str) -> Kept | None:
        """The answer that another edge renewed, when it is newer than `kept`; keeps it. None: there is none."""
        with contextlib.suppress(Unavailable, msgspec.MsgspecError):
            raw = await self._redis.get(_place(group, key))
            shared = None if raw is None else self._decoder.decode(raw)
            if shared is not None and shared.made_at > max(kept.made_at, self._generations[group].changed_at + SKEW):
                return self.put(key, Answer(200, shared.body, shared.media), kept.generation, shared.made_at)
        return None

    async def begin(self, key: str, group: str) -> bool:
        """May this edge renew an answer now? False: another one does."""
        try:
            return await self._redis.run("SET", _place(group, key) + ":lock", b"1", "NX", "EX", LOCK) is not None
        except Unavailable:
            return True

    async def share(self, key: str, kept: Kept, rule: Cache) -> None:
        """Leave a renewed answer to the others, and let go of its lock."""
        place = _place(rule.group, key)
        raw = msgspec.msgpack.encode(_Shared(kept.body, kept.media, kept.made_at))
        with contextlib.suppress(Unavailable):
            await self._redis.set(place, raw, seconds=rule.max_age)
            await self._redis.delete(place + ":lock")

    def _drop(self, key: str) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body) + len(key)


def _counter(group: str) -> str:
    return f"cache:{group}:generation"


def _place(group: str, key: str) -> str:
    return f"cache:{group}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
