"""What operators do with durable work: look at dead letters, send them again, drop them, and read any user's task.

Every call needs the role `admin`, which is looked at here and not only at the edge: internal tools call these endpoints
directly. Replays and drops leave a line in the log that says who did it; what is in a letter is never logged.
"""

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from adapters.mongo import Collection
from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from adapters.nats.dead_letters import EVERYTHING, Letter, NoSuchLetter
from contracts import operations
from contracts.errors import Conflict, Forbidden, NotFound
from contracts.operations import DeadLetterOriginal, DeadLetterPage, DeadLetterRow, TaskInspection, TaskRows
from contracts.paging import cut, decode_cursor, encode_cursor, moment_of
from contracts.registry import EVENTS, QUEUES
from contracts.wire import Context, Done
from nodes.bindings import Binding, Chore, serve
from nodes.tasks.gauges import EVERY, Gauges
from nodes.tasks.overview import Overview

log = logging.getLogger(__name__)

Q = TypeVar("Q")
R = TypeVar("R")

ADMIN = "admin"
SCAN_MOST, SCAN_SECONDS = 1000, 2.0
"""Letters that one page looks at, and how long, when few of them are wanted."""
SHOWN_MOST = 256 * 1024
"""Bytes of an original in an answer; a message may have a mebibyte, and base64 adds a third."""
REPLAYABLE = frozenset(s for q in QUEUES for s in (q.subject, *q.subjects)) | frozenset(e.subject for e in EVENTS)


class Operations:
    """The operators' endpoints of the tasks node, and what it measures for them."""

    def __init__(self, bus: Bus, tasks: Collection, *, every: float = EVERY) -> None:
        self._bus = bus
        self._overview = Overview(tasks)
        self._gauges = Gauges(bus, tasks)
        self.bindings: tuple[Binding, ...] = (
            serve(operations.LIST_DEAD, _for_admins(self.list_dead)),
            serve(operations.SHOW_DEAD, _for_admins(self.show_dead)),
            serve(operations.REPLAY_DEAD, _for_admins(self.replay_dead)),
            serve(operations.DROP_DEAD, _for_admins(self.drop_dead)),
            serve(operations.INSPECT, _for_admins(self.inspect)),
            serve(operations.INSPECT_ALL, _for_admins(self.inspect_all)),
        )
        self.chores: tuple[Chore, ...] = (Chore("measure", every, self._gauges.measure),)

    def gauges(self) -> Sequence[Gauge]:
        """Dead letters, queues and outbox, as last measured."""
        return self._gauges.current()

    async def list_dead(self, message: operations.ListDead, context: Context) -> DeadLetterPage:
        """Letters, the oldest first. Raises Invalid for a bad cursor."""
        first = 1 if message.cursor is None else decode_cursor(message.cursor, (operations.Sequence,))[0]
        found: list[Letter] = []
        looked, until = 0, time.monotonic() + SCAN_SECONDS
        walk = dead_letters.letters(self._bus, message.subject or EVERYTHING, first=first)
        async with contextlib.aclosing(walk):
            async for letter in walk:
                if len(found) == message.limit or looked == SCAN_MOST or time.monotonic() > until:
                    return _page(found, encode_cursor(letter.sequence))
                looked += 1
                if message.reason in (None, letter.reason):
                    found.append(letter)
        return _page(found, None)

    async def show_dead(self, message: operations.ReadDead, context: Context) -> DeadLetterOriginal:
        """A letter with the original. Raises NotFound."""
        return _original(await dead_letters.letter(self._bus, message.sequence))

    async def replay_dead(self, message: operations.ReplayDead, context: Context) -> Done:
        """Send the original again, once however often it is asked for. Raises NotFound, Conflict, Unavailable."""
        letter = await dead_letters.letter(self._bus, message.sequence)
        if letter.subject not in REPLAYABLE:
            raise Conflict("Nobody takes messages of this subject any more; the letter can only be dropped.")
        await dead_letters.replay(self._bus, letter)
        _audit("replayed", message.sequence, letter.subject, context)
        return Done()

    async def drop_dead(self, message: operations.DropDead, context: Context) -> Done:
        """Throw a letter away for good. Raises NotFound."""
        letter = await dead_letters.letter(self._bus, message.sequence)
        if not await dead_letters.drop(self._bus, message.sequence):
            raise NoSuchLetter(message.sequence)
        _audit("dropped", message.sequence, letter.subject, context)
        return Done()

    async def inspect(self, message: operations.InspectTask, context: Context) -> TaskInspection:
        """Any user's task with its whole log. Raises NotFound."""
        found = await self._overview.find(message.task_id)
        if found is None:
            raise NotFound("There is no such task.")
        return found

    async def inspect_all(self, message: operations.InspectTasks, context: Context) -> TaskRows:
        """The tasks of all users, or of one, newest first. Raises Invalid for a bad cursor."""
        after = moment_of(message.cursor)
        found = await self._overview.page(message.limit + 1, after, status=message.status, user_id=message.user_id)
        page, following = cut(found, message.limit, lambda task: (task.created_at, task.task_id))
        return TaskRows(items=page, next_cursor=following)


def _for_admins(handler: Callable[[Q, Context], Awaitable[R]]) -> Callable[[Q, Context], Awaitable[R]]:
    async def handle(message: Q, context: Context) -> R:
        if ADMIN not in context.roles:
            raise Forbidden("Only administrators may do this.")
        return await handler(message, context)

    return handle


def _audit(done: str, sequence: int, subject: str, context: Context) -> None:
    who = str(context.user_id or context.sender or "a tool")
    extra = {"action": f"dead_letter_{done}", "sequence": sequence, "subject": subject, "by": who}
    log.info(
        "dead letter %d of %s %s by %s", sequence, subject, done, who, extra=extra | {"request_id": context.request_id}
    )


def _page(found: Sequence[Letter], cursor: str | None) -> DeadLetterPage:
    items = tuple(DeadLetterRow(**_facts(letter)) for letter in found)
    return DeadLetterPage(items=items, next_cursor=cursor)


def _facts(letter: Letter) -> dict[str, Any]:
    return {
        "sequence": letter.sequence,
        "subject": letter.subject,
        "reason": letter.reason,
        "detail": letter.detail,
        "deliveries": letter.deliveries,
        "buried_at": letter.buried_at,
        "age": round(letter.age, 3),
        "task_id": letter.task_id,
        "size": len(letter.payload),
    }


def _original(letter: Letter) -> DeadLetterOriginal:
    body = _json(letter.payload)
    complete = len(letter.payload) <= SHOWN_MOST
    return DeadLetterOriginal(
        **_facts(letter),
        context=letter.context,
        body=msgspec.Raw(b"null") if body is None else body,
        payload=letter.payload[:SHOWN_MOST] if body is None else None,
        complete=complete,
    )


def _json(payload: bytes) -> msgspec.Raw | None:
    """The payload as it is when it is JSON that fits into an answer."""
    if len(payload) > SHOWN_MOST:
        return None
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.Raw(payload)
