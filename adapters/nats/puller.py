"""Takes durable work from one JetStream consumer.

Not built on nats-py's `fetch`: with a batch above one it stalls on an orphaned pull request, and a pull that a server
restart lost is only noticed after its whole timeout. Here a slot is free before a message is asked for, missed
heartbeats of the server lead to a new pull, work that takes long is kept by `in_progress`, and what arrives while
stopping is given back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from adapters.nats.bus import Bus
from adapters.nats.wire import PENDING_MESSAGES, STATUS, Delivered
from contracts.errors import ServiceError

log = logging.getLogger(__name__)

EXPIRES = 5.0
HEARTBEAT = 1.0
MISSED = 2.5
ACK_TIMEOUT = 5.0
GIVE_BACK = 0.05
"""Seconds after which what came too late is given to others; at once it could come to us again, as the server may not
know yet that we take no more, and each time counts as a delivery."""
NANOSECONDS = 1_000_000_000
WAITING = {"expires": int(EXPIRES * NANOSECONDS), "idle_heartbeat": int(HEARTBEAT * NANOSECONDS)}
"""How long a request waits for work, and how often the server says that it still has it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    stream: str
    consumer: str
    deliveries: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Ack:
    """The effect is committed: remove the message."""


@dataclass(frozen=True, slots=True)
class Nak:
    """Deliver it again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Term:
    """Never deliver it again."""


Outcome = Ack | Nak | Term
Work = Callable[[Delivery], Awaitable[Outcome]]
"""Does the work; must not raise."""


class Hands:
    """Work on what was delivered: kept by heartbeats while it waits or is worked on, and settled at its end."""

    def __init__(self, bus: Bus, work: Work, ack_wait: float, ended: Callable[[], None]):
        self._bus = bus
        self._client = bus.connection.client
        self._work = work
        self._touch = ack_wait / 3
        self._ended = ended
        self.running: set[asyncio.Task[None]] = set()

    def take(self, message: Msg, slot: contextlib.AbstractAsyncContextManager[None]) -> asyncio.Task[None]:
        """Begin to keep a message; work on it as soon, and as long, as it has the slot. Cancelled: given back."""
        task = asyncio.get_running_loop().create_task(self._run(message, slot))
        self.running.add(task)
        task.add_done_callback(self._done)
        return task

    async def give_back(self, message: Msg) -> None:
        """Let others have it."""
        await self._client.publish(message.reply, _given_back(GIVE_BACK))

    async def end(self) -> None:
        """Return when nothing is in hand."""
        while self.running:
            await asyncio.wait(self.running)

    async def drop(self) -> None:
        """Give back all that is in hand."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        self._ended()
        if not task.cancelled() and task.exception() is not None:
            log.error("worker failed", exc_info=task.exception(), extra={"action": "worker_failed"})

    async def _run(self, message: Msg, slot: contextlib.AbstractAsyncContextManager[None]) -> None:
        keeper = asyncio.create_task(self._keep(message))
        try:
            async with slot:
                outcome = await self._work(_delivery(message))
        except asyncio.CancelledError:
            await self._settle(message, Nak(GIVE_BACK))
            raise
        finally:
            keeper.cancel()
        await self._settle(message, outcome)

    async def _keep(self, message: Msg) -> None:
        while True:
            await asyncio.sleep(self._touch)
            with contextlib.suppress(NatsError):
                await self._client.publish(message.reply, b"+WPI")

    async def _settle(self, message: Msg, outcome: Outcome) -> None:
        """Tell the server, and wait until it knows; if it cannot be told, the message comes again."""
        match outcome:
            case Ack():
                word = b"+ACK"
            case Nak(delay):
                word = _given_back(delay)
            case Term():
                word = b"+TERM"
        try:
            await self._bus.exchange(message.reply, word, {}, ACK_TIMEOUT)
        except ServiceError as error:
            log.warning("outcome was not confirmed: %s", error.code, extra={"action": "ack_unconfirmed"})


class Puller:
    """One consumer of one instance."""

    def __init__(
        self, bus: Bus, stream: str, consumer: str, work: Work, *, concurrency: int = 16, ack_wait: float = 30.0
    ):
        self._bus = bus
        self._client = bus.connection.client
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._wake = asyncio.Event()
        self._hands = Hands(bus, work, ack_wait, self._wake.set)
        self._asked = 0
        self._heard = 0.0
        self._link = bus.connection.reconnects
        self._stopping = False
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to take work."""
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._on_message)
        self._loop = asyncio.create_task(self._pull(), name=f"pull {self._next}")

    async def stop(self, limit: float) -> None:
        """Take no more, finish what runs within `limit` seconds, give the rest back."""
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        try:
            async with asyncio.timeout(limit):
                if self._subscription is not None and self._client.is_connected:
                    await self._bus.connection.drain(self._subscription)
                await self._hands.end()
        except TimeoutError:
            await self._hands.drop()

    @property
    def holding(self) -> int:
        """Messages that it has: those being worked on, and those that wait for a slot."""
        return len(self._hands.running)

    async def _pull(self) -> None:
        self._heard = time.monotonic()
        while not self._stopping:
            free = self._concurrency - len(self._hands.running) - self._asked
            if free >= max(1, self._concurrency // 2) or (free > 0 and self._asked == 0):
                await self._ask(free)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._wake.wait()
            if self._forgotten():
                self._asked, self._heard = 0, time.monotonic()

    def _forgotten(self) -> bool:
        """Does the server know of our pulls no more: is the link a new one, or did heartbeats stay away?"""
        link, self._link = self._link, self._bus.connection.reconnects
        return link != self._link or (self._asked > 0 and time.monotonic() - self._heard > HEARTBEAT * MISSED)

    async def _ask(self, batch: int) -> None:
        body = msgspec.json.encode({"batch": batch, **WAITING})
        try:
            await self._client.publish(self._next, body, reply=self._inbox)
        except NatsError as error:
            log.warning("cannot ask for work: %s", type(error).__name__, extra={"action": "pull_failed"})
            await asyncio.sleep(HEARTBEAT)
        else:
            self._asked += batch

    async def _on_message(self, message: Msg) -> None:
        self._heard = time.monotonic()
        status = None if message.data else (message.headers or {}).get(STATUS)
        if status is not None:
            await self._on_status(status, message.headers or {})
        elif self._stopping:
            await self._hands.give_back(message)
        else:
            self._asked = max(0, self._asked - 1)
            self._hands.take(message, self._slots)

    async def _on_status(self, status: str, headers: Mapping[str, str]) -> None:
        if status == "100":  # idle heartbeat
            return
        if status == "503":  # no such consumer at the moment: JetStream is starting, or it is being made
            await asyncio.sleep(HEARTBEAT / 2)
            self._asked = 0
        else:  # 404, 408, 409: the pull request is over
            self._asked = max(0, self._asked - int(headers.get(PENDING_MESSAGES, self._asked)))
        self._wake.set()


def _given_back(delay: float) -> bytes:
    return b"-NAK " + msgspec.json.encode({"delay": int(delay * NANOSECONDS)})


def _delivery(message: Msg) -> Delivery:
    facts = Delivered.from_reply(message.reply)
    return Delivery(
        message.subject,
        message.data,
        message.headers or {},
        facts.stream,
        facts.consumer,
        facts.deliveries,
        facts.sequence,
    )
