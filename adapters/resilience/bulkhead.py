"""Bounded concurrency with a bounded queue: one slow target must not take everything that a process has."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from adapters.resilience.verdicts import NotTried
from contracts.errors import DeadlineExceeded


class BulkheadFull(NotTried):
    """As many calls as allowed are running, and as many as allowed are waiting."""


class Bulkhead:
    """At most `limit` calls at a time, at most `waiting` more in the queue, first come first served."""

    def __init__(self, limit: int, waiting: int):
        self._limit = limit
        self._waiting = waiting
        self._slots = asyncio.Semaphore(limit)
        self.running = 0
        self.queued = 0

    @contextlib.asynccontextmanager
    async def slot(self, patience: float | None = None) -> AsyncIterator[None]:
        """A place among the running for the length of the block.

        Raises BulkheadFull at once when the queue is full, DeadlineExceeded after `patience` seconds in the queue.
        """
        if self._slots.locked():
            await self._queue(patience)
        else:
            await self._slots.acquire()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()

    async def _queue(self, patience: float | None) -> None:
        if self.queued >= self._waiting:
            raise BulkheadFull("Too many calls at a time.", retry_after=1)
        self.queued += 1
        try:
            async with asyncio.timeout(patience):
                await self._slots.acquire()
        except TimeoutError as error:
            raise DeadlineExceeded("The time was over before a place was free.", retry_after=1) from error
        finally:
            self.queued -= 1
