"""Takes durable work from several consumers, the lanes of one queue, which share the slots of an instance by weight.

A lane is asked in a way that is answered at once; only when all lanes are empty one request is left waiting in each, so
that an idle instance neither polls nor waits. When the last slot is taken those requests are withdrawn, so that a busy
instance takes nothing that an idle one could do; what was on its way is given back. The rest is as in `puller`.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from adapters.nats.bus import Bus
from adapters.nats.puller import HEARTBEAT, MISSED, WAITING, Hands, Work
from adapters.nats.shares import Shares
from adapters.nats.wire import STATUS

log = logging.getLogger(__name__)

AT_ONCE = msgspec.json.encode({"batch": 1, "no_wait": True})
LATER = msgspec.json.encode({"batch": 1, **WAITING})
PAUSE = HEARTBEAT / 2
"""Seconds until a consumer that is not there, as while JetStream starts, is asked again."""


class _Turn:
    """The slot of one message: entered when it is its turn."""

    def __init__(self, freed: Callable[[], None]):
        self._freed = freed
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """It is its turn."""
        self._begun.set_result(None)

    def refuse(self) -> None:
        """Its turn will not come: the work is given back. (To cancel its task could be before that has begun.)"""
        self._begun.cancel()

    async def __aenter__(self) -> None:
        await self._begun

    async def __aexit__(self, *exc: object) -> None:
        self._freed()


_Kept = tuple[_Turn, asyncio.Task[None]]


@dataclass(eq=False, slots=True)
class _Lane:
    next: str
    """The subject by which its consumer is asked."""
    inbox: str
    held: deque[_Kept] = field(default_factory=deque)
    """What has come and waits for its turn."""
    asked: deque[asyncio.Future[_Kept | None]] = field(default_factory=deque)
    """Who waits for an answer that comes at once; an answer does not say to whom, but there is one for each."""
    waiting: bool = False
    """A request for work waits at the server."""
    line: Subscription | None = None
    """Where that request is answered; the server forgets it with this subscription."""
    lines: int = 0
    """How many such there were."""
    heard: float = 0.0
    """When that request was sent, or the server last said that it has it."""


class LanePuller:
    """The consumers of one queue, for one instance; `lanes` are their names and weights, the most urgent first."""

    def __init__(
        self,
        bus: Bus,
        stream: str,
        lanes: Mapping[str, int],
        work: Work,
        *,
        concurrency: int = 16,
        ack_wait: float = 30.0,
    ):
        self._bus = bus
        self._client = bus.connection.client
        api = f"$JS.API.CONSUMER.MSG.NEXT.{stream}"
        self._lanes = tuple(_Lane(f"{api}.{name}", self._client.new_inbox()) for name in lanes)
        self._shares = Shares(tuple(lanes.values()))
        self._wake = asyncio.Event()
        self._hands = Hands(bus, work, ack_wait, self._wake.set)
        self._free = concurrency
        self._asking: set[asyncio.Task[None]] = set()
        self._most_asking = 1
        self._empty = False
        """No lane had work when they were last asked, and nothing has come nor ended since."""
        self._stopping = False
        self._link = bus.connection.reconnects
        self._subscriptions: list[Subscription] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to take work."""
        for lane in self._lanes:
            taken = functools.partial(self._on_answer, lane)
            self._subscriptions.append(await self._client.subscribe(f"{lane.inbox}.ask", cb=taken))
        self._loop = asyncio.create_task(self._pull(), name=f"pull {self._lanes[0].next}")

    async def stop(self, limit: float) -> None:
        """Take no more, finish what runs within `limit` seconds, give the rest back."""
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for lane in self._lanes:
            while lane.asked:
                _answer(lane, None)
        await asyncio.gather(*self._asking, return_exceptions=True)
        try:
            async with asyncio.timeout(limit):
                self._withdraw()
                if self._client.is_connected:
                    await asyncio.gather(*(self._bus.connection.drain(each) for each in self._subscriptions))
                    await asyncio.gather(*self._leaving)
                await self._hands.end()
        except TimeoutError:
            await self._hands.drop()

    @property
    def holding(self) -> int:
        """Messages that it has: those being worked on, and those that wait for a slot."""
        return len(self._hands.running)

    async def _pull(self) -> None:
        while True:
            if not self._empty:
                self._fill()
            elif self._free:
                await self._wait_for_work()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):  # wait_for of Python 3.11 can swallow a cancellation
                    await self._wake.wait()
            link, self._link = self._link, self._bus.connection.reconnects
            for lane in self._lanes:
                if link != self._link or time.monotonic() - lane.heard > HEARTBEAT * MISSED:
                    lane.waiting = False  # the server knows of our request no more

    def _fill(self) -> None:
        """Find work for the free slots: for one at first, and for one more with each that found some."""
        for _ in range(min(self._free, self._most_asking) - len(self._asking)):
            task = asyncio.create_task(self._fill_one())
            self._asking.add(task)
            task.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("cannot ask for work", exc_info=task.exception(), extra={"action": "pull_failed"})

    async def _fill_one(self) -> None:
        """Give a slot to the work whose turn it is by weight; when no lane has any, say so."""
        left = set(range(len(self._lanes)))
        while left and not self._stopping:
            number, turn = self._shares.reserve(left)
            lane = self._lanes[number]
            found = lane.held.popleft() if lane.held else await self._ask(lane)
            if found is not None:
                self._shares.use(turn)
                self._begin(found)
                return
            self._shares.refund(number)
            left.remove(number)
        self._empty = not any(lane.held for lane in self._lanes)  # what came after its lane was asked must not wait
        self._most_asking = 1

    def _begin(self, kept: _Kept) -> None:
        self._free -= 1
        self._most_asking += 1
        kept[0].begin()
        if not self._free:
            self._withdraw()

    def _withdraw(self) -> None:
        """Leave what is to come, and what is held without a slot, to others."""
        for lane in self._lanes:
            while lane.held:
                lane.held.popleft()[0].refuse()
            if lane.waiting and lane.line is not None:
                self._leaving.add(task := asyncio.create_task(self._leave(lane.line)))
                task.add_done_callback(self._leaving.discard)
                lane.line, lane.waiting = None, False

    async def _leave(self, line: Subscription) -> None:
        """End a subscription; what the server sent before it knew still comes, and is given back."""
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await self._bus.connection.drain(line)

    async def _ask(self, lane: _Lane) -> _Kept | None:
        """Work of this lane if it has any now."""
        answer: asyncio.Future[_Kept | None] = asyncio.get_running_loop().create_future()
        lane.asked.append(answer)
        try:
            await self._client.publish(lane.next, AT_ONCE, reply=f"{lane.inbox}.ask")
        except NatsError:
            lane.asked.remove(answer)
            return None
        await asyncio.wait((answer,), timeout=HEARTBEAT * MISSED)
        if answer.done():
            return answer.result()
        lane.asked.remove(answer)  # what comes later is held
        return None

    async def _wait_for_work(self) -> None:
        """Leave a request in every lane that has none."""
        for lane in self._lanes:
            if not lane.waiting:
                lane.waiting, lane.heard = True, time.monotonic()
                try:
                    await self._client.publish(lane.next, LATER, reply=(await self._line(lane)).subject)
                except NatsError as error:
                    log.warning("cannot ask for work: %s", type(error).__name__, extra={"action": "pull_failed"})
        if not self._free:  # what was asked for at once came meanwhile
            self._withdraw()

    async def _line(self, lane: _Lane) -> Subscription:
        """Where a request that waits is answered: a new place after each that was left, which the server may know."""
        if lane.line is None:
            lane.lines += 1
            taken = functools.partial(self._on_waited, lane, lane.lines)
            lane.line = await self._client.subscribe(f"{lane.inbox}.{lane.lines}", cb=taken)
        return lane.line

    async def _on_answer(self, lane: _Lane, message: Msg) -> None:
        if _status(message) is None:
            await self._keep(lane, message)
        elif lane.asked:
            _answer(lane, None)

    async def _on_waited(self, lane: _Lane, line: int, message: Msg) -> None:
        status = _status(message)
        if status is not None and (line != lane.lines or lane.line is None):
            return  # of a request that was withdrawn
        match status:
            case None:
                lane.waiting = lane.waiting and line != lane.lines
                await self._keep(lane, message)
            case "100":  # idle heartbeat
                lane.heard = time.monotonic()
            case "503":  # no such consumer at the moment: JetStream is starting, or it is being made
                asyncio.get_running_loop().call_later(PAUSE, self._waited, lane)
            case _:  # 404, 408, 409: the request is over
                self._waited(lane)

    def _waited(self, lane: _Lane) -> None:
        lane.waiting = False
        self._wake.set()

    async def _keep(self, lane: _Lane, message: Msg) -> None:
        """Give a message to who asked for it, or hold it until it is its turn."""
        if self._stopping or not (lane.asked or self._free):
            await self._hands.give_back(message)
            return
        turn = _Turn(self._freed)
        kept = turn, self._hands.take(message, turn)
        if lane.asked:
            _answer(lane, kept)
        else:
            lane.held.append(kept)
            self._again()

    def _freed(self) -> None:
        self._free += 1
        self._again()

    def _again(self) -> None:
        """There may be work, or room for it."""
        self._empty = False
        self._wake.set()


def _answer(lane: _Lane, answer: _Kept | None) -> None:
    lane.asked.popleft().set_result(answer)


def _status(message: Msg) -> str | None:
    return None if message.data else (message.headers or {}).get(STATUS)
