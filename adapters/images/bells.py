"""Bells of pictures that a provider is making: whoever waits for one looks at it sooner when it is rung.

A bell carries nothing, so that a lost one costs only time, and a false one only a look.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator

EARLY = 256
"""Rings that are remembered although nobody waits yet: a fast picture ends before its order is answered."""


class Bell:
    """Of one picture."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        self._rung.set()

    async def heard(self, seconds: float) -> bool:
        """Wait so long at most. Was it rung?"""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Bells:
    """Of all pictures that this process waits for, by the names that the provider gives them."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Bell]] = {}
        self._early: deque[str] = deque(maxlen=EARLY)

    def ring(self, name: str) -> None:
        """The provider says that this one has ended; nobody may wait for it here."""
        waiting = self._waiting.get(name, ())
        if not waiting:
            self._early.append(name)
        for bell in waiting:
            bell.ring()

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[Bell]:
        """The bell of a picture, for as long as it is waited for."""
        bell = Bell()
        if name in self._early:
            bell.ring()
        self._waiting.setdefault(name, []).append(bell)
        try:
            yield bell
        finally:
            self._waiting[name].remove(bell)
            if not self._waiting[name]:
                del self._waiting[name]
