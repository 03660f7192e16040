"""What the tasks node measures for operators: dead letters, the depth of every queue, and its own outbox.

A chore measures; who asks is told what was measured last, or nothing once that is too old to be true.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from adapters.mongo import Collection, mongo_errors, now, up_to
from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from adapters.nats.dead_letters import Depth
from adapters.nats.depths import QueueDepth, queue_depths
from contracts.registry import EVENTS, QUEUES
from contracts.wire import ADVISORIES, DEAD

EVERY = 5.0
"""Seconds between two measurements."""
STALE = 30.0
"""Seconds after which what was measured is not told any more: absent numbers raise alarms, old ones hide trouble."""
MOST_SUBJECTS = 200
MOST_WAITING = 10_000
"""Documents of the outbox that are counted."""
STREAMS = tuple(sorted({q.stream for q in QUEUES} | {e.stream for e in EVENTS} | {DEAD, ADVISORIES}))
SUBJECTS = tuple(s for q in QUEUES for s in q.subjects) + tuple(e.subject for e in EVENTS if e.listeners)
"""What can die: these are told also while none of them is dead."""

LETTERS = "Dead letters by original subject"
LETTER_AGE = "Age of the oldest dead letter of a subject in seconds, 0 when there is none"
PENDING = "Messages of a durable consumer that nobody has taken yet"
ACK_PENDING = "Messages of a durable consumer that a worker has taken and not finished"
REDELIVERED = "Messages that a worker has taken and not finished, and that were taken before"
OUTBOX = f"Documents with messages that wait to be sent or cleared, counted up to {MOST_WAITING}"
OUTBOX_AGE = "Age of the oldest message that waits in the outbox in seconds, 0 when there is none"


class Gauges:
    """Measures and remembers. `outbox` is the collection whose documents have one."""

    def __init__(self, bus: Bus, outbox: Collection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._outbox = outbox
        self._clock = clock
        self._measured_at = float("-inf")
        self._letters: dict[str, int] = {}
        self._oldest: dict[str, datetime] = {}
        self._queues: tuple[QueueDepth, ...] = ()
        self._waiting = 0
        self._waits_since: datetime | None = None

    async def measure(self) -> None:
        """Look at JetStream and the database. Raises Unavailable; then the last measurement stays until it is stale."""
        depth = await dead_letters.depth(self._bus)
        letters = _most(depth)
        oldest = {subject: await dead_letters.oldest(self._bus, subject) for subject in letters}
        queues = [each for stream in STREAMS async for each in queue_depths(self._bus, stream)]
        waiting, since = await self._outbox_depth()
        self._letters = letters
        self._oldest = {subject: at for subject, at in oldest.items() if at is not None}
        self._queues, self._waiting, self._waits_since = tuple(queues), waiting, since
        self._measured_at = self._clock()

    def current(self) -> Sequence[Gauge]:
        """What was measured last, ages as of now; nothing when that is too long ago."""
        if self._clock() - self._measured_at > STALE:
            return ()
        return (*self._dead(), *self._depths(), *self._unsent())

    async def _outbox_depth(self) -> tuple[int, datetime | None]:
        waits = {"outbox.at": up_to(now() + timedelta(days=1))}  # a range, so that the index of the sweep serves
        with mongo_errors():
            first = await self._outbox.find(waits, {"outbox.at": 1}).sort("outbox.at", 1).limit(1).to_list(1)
            if not first:
                return 0, None  # as nearly always: one question less
            count = await self._outbox.count_documents(waits, limit=MOST_WAITING)
        return count, min(entry["at"] for entry in first[0]["outbox"])

    def _dead(self) -> Iterator[Gauge]:
        for subject in dict.fromkeys((*SUBJECTS, *self._letters)):
            labels = {"subject": subject}
            yield Gauge(name="dead_letters", value=self._letters.get(subject, 0), about=LETTERS, labels=labels)
            age = _age(self._oldest.get(subject))
            yield Gauge(name="dead_letter_oldest_seconds", value=age, about=LETTER_AGE, labels=labels)

    def _depths(self) -> Iterator[Gauge]:
        for each in self._queues:
            labels = {"queue": each.durable, "stream": each.stream}
            yield Gauge(name="queue_pending", value=each.pending, about=PENDING, labels=labels)
            yield Gauge(name="queue_ack_pending", value=each.ack_pending, about=ACK_PENDING, labels=labels)
            yield Gauge(name="queue_redelivered", value=each.redelivered, about=REDELIVERED, labels=labels)

    def _unsent(self) -> Iterator[Gauge]:
        labels = {"node": "tasks"}
        yield Gauge(name="outbox_waiting", value=self._waiting, about=OUTBOX, labels=labels)
        age = _age(self._waits_since)
        yield Gauge(name="outbox_oldest_seconds", value=age, about=OUTBOX_AGE, labels=labels)


def _age(since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())


def _most(depth: Depth) -> dict[str, int]:
    """The subjects with the most letters: a metric must not have any number of labels."""
    rows = sorted(depth.subjects.items(), key=lambda row: -row[1])
    return dict(rows[:MOST_SUBJECTS])
