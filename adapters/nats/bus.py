"""The caller's side of every contract: request, enqueue, publish, watch.

Replies come to one inbox subscription of our own, which is cheaper than nats-py's `request` and never leaves a waiting
future behind. The inbox names the node that is asked, and only that node may answer there (`ops/nats_accounts.py`): by
`allow_responses` alone a server that reads its configuration again would refuse every answer under way.
"""

import asyncio
import contextlib
import itertools
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, ConnectionDrainingError, MaxPayloadError, OutboundBufferLimitError

from adapters.nats.connection import Connection
from adapters.nats.wire import ERROR_CODE, MESSAGE_ID, SENDER, STATUS, reply_error, schedule_headers
from contracts.errors import DeadlineExceeded, TooLarge, Unavailable
from contracts.traffic import WAYS, Ways
from contracts.wire import Context, Endpoint, Event, WorkQueue

log = logging.getLogger(__name__)

Q = TypeVar("Q")
R = TypeVar("R")
M = TypeVar("M")

Reply = tuple[bytes, Mapping[str, str] | None]
"""Body and headers."""

STORE_TIMEOUT = 10.0
"""Seconds; servers that replicate need 4 to 9 to choose a new leader when theirs dies."""
STORE_FIRST, STORE_LONGEST = 0.25, 2.0
"""Seconds until a message is sent again, growing: the acknowledgement of a leader that leaves may never come."""
SERVER = "server"
"""Who answers what is asked of no node, in the inbox."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_encode = msgspec.json.Encoder().encode


class _Ack(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    error: dict[str, Any] | None = None


class _Purged(msgspec.Struct):
    purged: int = 0
    error: dict[str, Any] | None = None


class Bus:
    """Speaks on behalf of one node. Use `opened_bus`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self._client = connection.client
        self._sender = f"{connection.profile.name}/{connection.profile.instance[:6]}"
        self._inbox, _, self._inbox_id = self._client.new_inbox().rpartition(".")
        self._tokens = itertools.count()
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}
        self._ack = msgspec.json.Decoder(_Ack)

    async def open(self) -> None:
        """Listen on the inbox for replies."""
        await self._client.listen(f"{self._inbox}.*.{self._inbox_id}.*", self._on_reply)

    async def request(self, endpoint: Endpoint[Q, R], message: Q, context: Context) -> R:
        """Call `endpoint` and return its reply.

        Raises the ServiceError that the handler raised, Unavailable when nobody answers, DeadlineExceeded.
        """
        body = await self.request_raw(endpoint.subject, _encode(message), context, endpoint.timeout)
        decoder = self._decoders.get(endpoint.reply)
        if decoder is None:
            decoder = self._decoders[endpoint.reply] = msgspec.json.Decoder(endpoint.reply)
        reply: R = decoder.decode(body)
        return reply

    async def request_raw(self, subject: str, payload: bytes, context: Context, timeout: float) -> bytes:
        """The same with bytes in and bytes out; `timeout` seconds unless the context's deadline is nearer."""
        body, found = await self.ask(subject, payload, context, timeout)
        error = reply_error(found, body) if found else None
        if error is not None:
            raise error
        return body

    async def ask(self, subject: str, payload: bytes, context: Context, timeout: float) -> Reply:
        """The same, and the reply as it came, which may be an error (`wire.reply_error`).

        To a node with versions it goes by the context's user. Raises DeadlineExceeded, Unavailable, TooLarge.
        """
        context = context.within(timeout)
        remaining = context.remaining()
        if remaining is None or remaining <= 0:
            raise DeadlineExceeded()
        ways = WAYS.get(subject)
        if ways is None:
            return await self.exchange(subject, payload, context.headers(), remaining)
        return await self._ask_versions(ways, _chosen(ways, subject, context), payload, context)

    async def _ask_versions(self, ways: Ways, subject: str, payload: bytes, context: Context) -> Reply:
        """Ask the version that it is mapped to; the stable one when nobody was there, so that nothing runs twice."""
        headers = context.headers()
        reply = await self.exchange(subject, payload, headers, context.remaining() or 0)
        if not unheard(reply):
            return reply
        return await self.exchange(ways.stable, payload, headers, context.remaining() or 0)

    async def enqueue(
        self, queue: WorkQueue[M], message: M, *, message_id: str, context: Context | None = None
    ) -> None:
        """Put durable work on a queue; returns when it is on disk. The same `message_id` is stored once.

        It goes to the lane of the context's tier. Raises Unavailable when the queue or that lane is full or the server
        does not answer; then it may or may not be stored.
        """
        subject = queue.subject_of("" if context is None else context.tier)
        await self.send(subject, _encode(message), message_id=message_id, headers=_of(context))

    async def schedule(
        self,
        queue: WorkQueue[M],
        message: M,
        at: datetime,
        *,
        schedule_id: str,
        message_id: str,
        context: Context | None = None,
    ) -> None:
        """Put work on a `scheduled` queue at a time (at once when that is past); returns when the order is on disk.

        There is one order per `schedule_id` (a token of a subject): another one replaces it, and the same `message_id`
        is stored once. After a crash of the server the work may come twice. Raises ValueError, Unavailable.
        """
        subject, target = _waiting_room(queue, schedule_id), queue.subject_of("" if context is None else context.tier)
        headers = {**_of(context), **schedule_headers(at, target)}
        await self.send(subject, _encode(message), message_id=message_id, headers=headers)

    async def unschedule(self, queue: WorkQueue[Any], schedule_id: str) -> bool:
        """Take an order back; False when there is none: its time came, or it was taken back before.

        Raises ValueError, Unavailable, DeadlineExceeded.
        """
        body = msgspec.json.encode({"filter": _waiting_room(queue, schedule_id)})
        reply = await self.request_raw(f"$JS.API.STREAM.PURGE.{queue.stream}", body, Context.new(), STORE_TIMEOUT)
        done = msgspec.json.decode(reply, type=_Purged)
        if done.error is not None:
            raise Unavailable("The order could not be taken back.", retry_after=1)
        return done.purged > 0

    async def publish(self, event: Event[M], message: M, *, message_id: str, context: Context | None = None) -> None:
        """Tell a fact to all its listeners; durable and deduplicated like `enqueue`."""
        await self.send(event.subject, _encode(message), message_id=message_id, headers=_of(context))

    async def send(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Store a message in the stream of `subject`, trying again with the same id until it is known to be there.

        Whoever gets it sees which instance sent it, unless `headers` say otherwise.
        """
        sent = {SENDER: self._sender, **(headers or {}), MESSAGE_ID: message_id}
        sent.pop("deadline", None)  # durable work outlives the request that began it
        limit, patience = time.monotonic() + STORE_TIMEOUT, STORE_FIRST
        while True:
            left = limit - time.monotonic()
            if left <= 0:
                raise Unavailable("The message could not be stored.", retry_after=1)
            try:
                body, found = await self.exchange(subject, payload, sent, min(left, patience))
            except DeadlineExceeded:
                patience = min(2 * patience, STORE_LONGEST)
                continue
            if found and found.get(STATUS) == "503":
                await asyncio.sleep(min(left, 0.1))  # JetStream is starting, or has no stream with this subject
                continue
            return self._stored(self._ack.decode(body), subject)

    def _stored(self, ack: _Ack, subject: str) -> None:
        if ack.error is None:
            return
        log.error("%s was not stored: %s", subject, ack.error.get("description"), extra={"action": "not_stored"})
        raise Unavailable("The queue does not take more work now.", retry_after=1)

    async def watch(self, event: Event[M], callback: Callable[[M], None]) -> Callable[[], Awaitable[None]]:
        """Call `callback` for what is published from now on; nothing is kept for a watcher that is away."""
        decoder = msgspec.json.Decoder(event.message)

        async def on_message(message: Msg) -> None:
            callback(decoder.decode(message.data))

        subscription = await self._client.subscribe(event.subject, cb=on_message)
        return subscription.unsubscribe

    async def gather(self, subject: str, payload: bytes, *, quiet: float, most: float) -> list[bytes]:
        """All replies to a request that many may answer: until `quiet` seconds bring none, at most `most` seconds."""
        replies: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox, cb=replies.put)
        found: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most):
                await self._client.publish(subject, payload, reply=inbox)
                while True:
                    async with asyncio.timeout(quiet):
                        message = await replies.get()
                    if message.headers and message.headers.get(STATUS) == "503":
                        break
                    found.append(message.data)
        await subscription.unsubscribe()
        return found

    async def exchange(self, subject: str, payload: bytes, headers: dict[str, str], timeout: float) -> Reply:
        """One message out, the first reply back. Raises DeadlineExceeded, Unavailable, TooLarge."""
        token = str(next(self._tokens))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[token] = future
        timer = loop.call_later(timeout, _expire, future)
        asked = subject.split(".", 2)[1] if subject.startswith("svc.") else SERVER
        reply = f"{self._inbox}.{asked}.{self._inbox_id}.{token}"
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers or None)
            return await future
        except (OutboundBufferLimitError, ConnectionClosedError, ConnectionDrainingError) as error:
            raise Unavailable("The message bus is not reachable.", retry_after=1) from error
        except MaxPayloadError as error:
            raise TooLarge("The message is larger than the bus takes.") from error
        finally:
            timer.cancel()
            self._waiting.pop(token, None)

    def _on_reply(self, subject: str, _reply: str, body: bytes, headers: dict[str, str] | None) -> None:
        future = self._waiting.get(subject.rpartition(".")[2])
        if future is not None and not future.done():
            future.set_result((body, headers))


def _chosen(ways: Ways, subject: str, context: Context) -> str:
    if context.beta:
        return ways.canary
    return subject if context.user_id is None else ways.of(context.user_id)


def unheard(reply: Reply) -> bool:
    """Did the server say that nobody listens there? No handler can say this."""
    headers = reply[1]
    return headers is not None and headers.get(STATUS) == "503" and ERROR_CODE not in headers


def _of(context: Context | None) -> dict[str, str]:
    return {} if context is None else context.headers()


def _waiting_room(queue: WorkQueue[Any], schedule_id: str) -> str:
    """The subject of one order. Raises ValueError: a wildcard would take back the orders of others."""
    if not queue.scheduled or not _TOKEN.fullmatch(schedule_id):
        raise ValueError(f"{queue.subject} has no schedule {schedule_id!r}")
    return queue.schedule_of(schedule_id)


def _expire(future: asyncio.Future[Reply]) -> None:
    if not future.done():
        future.set_exception(DeadlineExceeded("No answer in time.", retry_after=1))


@contextlib.asynccontextmanager
async def opened_bus(connection: Connection) -> AsyncIterator[Bus]:
    """A bus on `connection` that hears its replies."""
    bus = Bus(connection)
    await bus.open()
    yield bus
