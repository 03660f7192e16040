"""The progress of a task, complete and in order, whatever restarts in between: as server-sent events, and for others.

The truth is `svc.tasks.history`. The bus only rings: one subscription per process to `events.tasks.progressed` wakes
the streams of that task, and each reads what came after its last entry. A ring that is lost costs at most one
heartbeat. The id of an event is the `seq` of its entry, so that a client that comes back with Last-Event-ID misses and
repeats nothing.
"""

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

import msgspec
from aiohttp import web

from adapters.nats.bus import Bus
from contracts import tasks
from contracts.errors import FieldError, Invalid, NotFound, RateLimited, ServiceError, Unauthenticated, Unavailable
from contracts.tasks import GetHistory, History, Progress
from edge.exchange import Exchange

HEARTBEAT = 10.0
LOOK = 1.0
"""Seconds between two looks whether the client is still there."""
WRITE_LIMIT = 30.0
"""Seconds that a client may take to read what it was sent."""
STREAMS_PER_USER = 20
RETRY_FIRST, RETRY_MOST = 0.25, 5.0
"""Seconds between tries while the tasks node does not answer."""
RECONNECT = b"retry: 1000\n\n"
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_encode = msgspec.json.Encoder().encode


class TaskStreams:
    """All event streams of this process. `open` it before the first one, `close` it to send the clients elsewhere."""

    def __init__(
        self,
        bus: Bus,
        *,
        heartbeat: float = HEARTBEAT,
        per_user: int = STREAMS_PER_USER,
        gauge: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.bus = bus
        self.heartbeat = heartbeat
        self._per_user = per_user
        self._gauge = gauge
        self._bells: dict[uuid.UUID, set[asyncio.Event]] = {}
        self._open: Counter[uuid.UUID] = Counter()
        self.closing = False
        self._unwatch: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        """Listen for rings."""
        self._unwatch = await self.bus.watch(tasks.PROGRESSED, self._ring)

    async def close(self) -> None:
        """End every stream; the clients come back, to another process."""
        self.closing = True
        for bells in self._bells.values():
            for bell in bells:
                bell.set()
        if self._unwatch is not None:
            with contextlib.suppress(Exception):  # the link may be gone already
                await self._unwatch()

    @property
    def count(self) -> int:
        """Streams that are open."""
        return self._open.total()

    async def handle(self, exchange: Exchange) -> web.StreamResponse:
        """Serve one stream. Raises NotFound for a task that is not the caller's, RateLimited above the limit."""
        with self._watching(exchange, _task_id(exchange), _last_event_id(exchange)) as watch:
            return await _Stream(exchange, watch).run()

    async def follow(self, exchange: Exchange, task_id: uuid.UUID, after: int) -> AsyncGenerator[Progress, None]:
        """The same for who sends it in another form: what came after entry `after`, to the end of the task.

        Raises as `handle` does, Invalid for an entry that cannot be, and Unavailable when it stops before the end.
        """
        if after < 0:
            raise Invalid("lastEventId: at least 0", errors=(FieldError(field="lastEventId", detail="at least 0"),))
        with self._watching(exchange, task_id, after) as watch:
            async with contextlib.aclosing(watch.entries(await watch.history())) as entries:
                async for entry in entries:
                    if entry is not None:
                        yield entry
            if not watch.ended:
                raise _stopping()

    @contextlib.contextmanager
    def _watching(self, exchange: Exchange, task_id: uuid.UUID, after: int) -> "Iterator[_Watch]":
        if exchange.claims is None:
            raise Unauthenticated()
        if self.closing:
            raise _stopping()
        with self._slot(exchange.claims.sub), self._bell(task_id) as bell:
            yield _Watch(self, exchange, task_id, bell, after)

    @contextlib.contextmanager
    def _slot(self, user_id: uuid.UUID) -> Iterator[None]:
        if self._open[user_id] >= self._per_user:
            raise RateLimited(f"At most {self._per_user} streams at a time.", retry_after=self.heartbeat)
        self._open[user_id] += 1
        self._gauge(self.count)
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
            self._gauge(self.count)

    @contextlib.contextmanager
    def _bell(self, task_id: uuid.UUID) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells.setdefault(task_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[task_id].discard(bell)
            if not self._bells[task_id]:
                del self._bells[task_id]

    def _ring(self, progress: Progress) -> None:
        for bell in self._bells.get(progress.task_id, ()):
            bell.set()


class _Watch:
    """What happens to one task, read from its history whenever its bell rings."""

    def __init__(
        self, streams: TaskStreams, exchange: Exchange, task_id: uuid.UUID, bell: asyncio.Event, after: int
    ) -> None:
        self._streams = streams
        self._exchange = exchange
        self._task_id = task_id
        self._bell = bell
        self._after = after
        self.status = ""
        """Of the last entry."""
        self.ended = False
        """Has the task ended, and was everything of it told?"""

    async def history(self) -> History:
        """What came after the last entry that was told."""
        context = self._exchange.context(tasks.HISTORY.timeout)
        query = GetHistory(task_id=self._task_id, after=self._after)
        return await self._streams.bus.request(tasks.HISTORY, query, context)

    async def entries(self, history: History) -> AsyncGenerator[Progress | None, None]:
        """All entries from `history` on; None each heartbeat in which there is none. Ends with the task, with the
        client or with the process."""
        while not self._stop():
            for entry in history.entries:
                yield entry
                self._after, self.status = entry.seq, entry.status
            if history.ended:
                self.ended = True
                return
            if not await self._rung():
                yield None
            last_sign = time.monotonic()
            wait = RETRY_FIRST
            while (found := await self._again()) is None:  # the tasks node does not answer
                await asyncio.sleep(wait)
                wait = min(wait * 2, RETRY_MOST)
                if time.monotonic() - last_sign > self._streams.heartbeat:
                    yield None
                    last_sign = time.monotonic()
            history = found

    async def _again(self) -> History | None:
        """The history; nothing new when the stream has to stop; None while it cannot be had."""
        if self._stop():
            return History(entries=(), ended=False)
        try:
            return await self.history()
        except NotFound:
            return History(entries=(), ended=True)
        except ServiceError:
            return None

    async def _rung(self) -> bool:
        """Wait for a ring, a heartbeat long at most; also returns when the client has gone."""
        limit = time.monotonic() + self._streams.heartbeat
        while not self._bell.is_set() and not self._stop():
            left = limit - time.monotonic()
            if left <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), min(left, LOOK))
        self._bell.clear()
        return True

    def _stop(self) -> bool:
        transport = self._exchange.request.transport
        return self._streams.closing or transport is None or transport.is_closing()


class _Stream:
    """One client watching one task by server-sent events."""

    def __init__(self, exchange: Exchange, watch: _Watch) -> None:
        self._exchange = exchange
        self._watch = watch
        self._response = web.StreamResponse(headers={**exchange.headers, **HEADERS})

    async def run(self) -> web.StreamResponse:
        """Send until the task has ended, the client has gone or the process stops."""
        history = await self._watch.history()  # errors here are still answered as problems
        self._exchange.streaming = self._response
        await self._response.prepare(self._exchange.request)
        try:
            await self._write(RECONNECT)
            await self._follow(history)
            await self._response.write_eof()
        except (ConnectionError, TimeoutError):
            self._response.force_close()  # gone, or too slow to be worth waiting for
        return self._response

    async def _follow(self, history: History) -> None:
        async with contextlib.aclosing(self._watch.entries(history)) as entries:
            async for entry in entries:
                if entry is None:
                    await self._write(b": heartbeat\n\n")
                else:
                    await self._write(b"id: %d\nevent: progress\ndata: %b\n\n" % (entry.seq, _encode(entry)))
        if self._watch.ended:
            await self._write(b"event: end\ndata: %b\n\n" % _encode({"status": self._watch.status or None}))

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(WRITE_LIMIT):
            await self._response.write(data)


def _stopping() -> Unavailable:
    return Unavailable("This process is stopping.", retry_after=1)


def _task_id(exchange: Exchange) -> uuid.UUID:
    try:
        return uuid.UUID(exchange.request.match_info["task_id"])
    except ValueError:
        raise NotFound() from None


def _last_event_id(exchange: Exchange) -> int:
    """What the client has seen; a value that we never sent means nothing seen."""
    given = exchange.request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
