"""Answers requests on one subject: one bounded task per request, and none lost when it stops.

The server half of `nats.micro` is not used: it handles one request at a time per endpoint, sends exception texts to the
caller and drops what it has taken when it stops.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import MaxPayloadError

from adapters.nats.connection import Connection
from adapters.nats.wire import error_headers
from contracts.errors import ServiceError, TooLarge, Unavailable

log = logging.getLogger(__name__)

MOST_WAITING, MOST_WAITING_BYTES = 8192, 128 * 1024 * 1024
"""Requests, and bytes of their bodies, that may wait in line while others run."""
_OVERSIZE = {"action": "answer_oversize"}
Answer = tuple[bytes, dict[str, str] | None]
"""Body and headers of a reply."""
Handle = Callable[[bytes, Mapping[str, str] | None], Awaitable[Answer | None]]
"""Gives the reply, or None when there is nobody left to answer. Must not raise."""
_Request = tuple[str, bytes, Mapping[str, str] | None]
"""Where to reply, body, headers."""


class Responder:
    """One endpoint of one instance, in the queue group of its node."""

    def __init__(self, connection: Connection, subject: str, group: str, handle: Handle, *, concurrency: int = 64):
        self._connection = connection
        self._client = connection.client
        self._subject = subject
        self._group = group
        self._handle = handle
        self._concurrency = concurrency
        self._running: set[asyncio.Task[None]] = set()
        self._refusals: set[asyncio.Task[None]] = set()
        self._line: deque[_Request] = deque()
        self._line_bytes = 0
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to take requests."""
        self._subscription = await self._client.listen(self._subject, self._take, queue=self._group)

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
            self._line.clear()
            for task in self._running:
                task.cancel()

    def _take(self, _subject: str, reply: str, body: bytes, headers: Mapping[str, str] | None) -> None:
        """Begin with a request, or put it in line while too many run."""
        if len(self._running) < self._concurrency:
            self._begin(reply, body, headers)
        elif len(self._line) < MOST_WAITING and self._line_bytes + len(body) < MOST_WAITING_BYTES:
            self._line.append((reply, body, headers))
            self._line_bytes += len(body)
        else:
            log.warning("%s: a request is refused, too many wait", self._subject, extra={"action": "request_refused"})
            busy = Unavailable("Too many requests wait already.", retry_after=1)
            self._refusals.add(task := asyncio.get_running_loop().create_task(self._tell(reply, busy)))
            task.add_done_callback(self._refusals.discard)

    def _begin(self, reply: str, body: bytes, headers: Mapping[str, str] | None) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(reply, body, headers))
        self._running.add(task)
        task.add_done_callback(self._release)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._line:
            reply, body, headers = self._line.popleft()
            self._line_bytes -= len(body)
            self._begin(reply, body, headers)

    async def _answer(self, reply: str, body: bytes, headers: Mapping[str, str] | None) -> None:
        answer = await self._handle(body, headers)
        if answer is None or not reply:
            return
        try:
            await self._client.publish(reply, answer[0], headers=answer[1])
        except MaxPayloadError:
            log.warning("%s: an answer of %d bytes is too large", self._subject, len(answer[0]), extra=_OVERSIZE)
            await self._tell(reply, TooLarge("The answer is larger than a message may be: ask for fewer items."))

    async def _tell(self, reply: str, error: ServiceError) -> None:
        await self._client.publish(reply, msgspec.json.encode(error.problem()), headers=error_headers(error))
