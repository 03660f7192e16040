"""Answers requests on one subject: one bounded task per request, and none lost when it stops.

The server half of `nats.micro` is not used: it handles one request at a time per endpoint, sends exception texts to the
caller and drops what it has taken when it stops.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from adapters.nats.connection import Connection

Answer = tuple[bytes, dict[str, str] | None]
"""Body and headers of a reply."""
Handle = Callable[[bytes, Mapping[str, str] | None], Awaitable[Answer | None]]
"""Gives the reply, or None when there is nobody left to answer. Must not raise."""


class Responder:
    """One endpoint of one instance, in the queue group of its node."""

    def __init__(self, connection: Connection, subject: str, group: str, handle: Handle, *, concurrency: int = 64):
        self._connection = connection
        self._client = connection.client
        self._subject = subject
        self._group = group
        self._handle = handle
        self._slots = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to take requests."""
        self._subscription = await self._client.subscribe(
            self._subject, queue=self._group, cb=self._take, pending_msgs_limit=8192
        )

    async def stop(self, limit: float) -> None:
        """Take no more, answer what was taken, within `limit` seconds."""
        if self._subscription is None:
            return
        subscription, self._subscription = self._subscription, None
        try:
            async with asyncio.timeout(limit):
                if self._client.is_connected:
                    await self._connection.drain(subscription)
                while self._running:
                    await asyncio.wait(self._running)
        except TimeoutError:
            for task in self._running:
                task.cancel()

    async def _take(self, message: Msg) -> None:
        await self._slots.acquire()
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._release)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._slots.release()

    async def _answer(self, message: Msg) -> None:
        answer = await self._handle(message.data, message.headers)
        if answer is not None and message.reply:
            body, headers = answer
            await self._client.publish(message.reply, body, headers=headers)
