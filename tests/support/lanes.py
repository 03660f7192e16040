"""A queue with lanes for tests, and a worker that notes what it does.

`python -m tests.support.lanes NATS_URL` is one that says `ready`, and `began` when it has begun a job without an end.
"""

import asyncio
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable

from adapters.nats.bus import Bus
from contracts import covers
from contracts.tasks import PLANS
from contracts.wire import Context
from nodes.bindings import work
from tests.support.buses import SmallService, a_node

QUEUE = covers.PAINT
NAMES = tuple(lane.name for lane in PLANS)


def job() -> covers.CoverStep:
    """Any job of the queue."""
    return covers.CoverStep(task_id=uuid.uuid4(), user_id=uuid.uuid4(), cover_id=uuid.uuid4(), step="paint")


async def put(bus: Bus, tier: str, number: int | str) -> None:
    """One job of a plan."""
    context = Context.new(user_id=uuid.uuid4(), tier=tier)
    await bus.enqueue(QUEUE, job(), message_id=f"{tier}-{number}", context=context)


async def fill(bus: Bus, count: int, tiers: Iterable[str] = NAMES) -> None:
    """So many jobs in each lane."""
    for tier in tiers:
        await asyncio.gather(*(put(bus, tier, number) for number in range(count)))


class Painter:
    """Paints for `seconds` each time, and notes of which lane the job was and when it began."""

    def __init__(self, seconds: float = 0.0):
        self.seconds = seconds
        self.began: list[tuple[str, float]] = []
        self.ids: Counter[uuid.UUID] = Counter()
        self.together = self.most = 0

    @property
    def order(self) -> list[str]:
        """The lanes in the order of service."""
        return [tier for tier, _ in self.began]

    def service(self) -> SmallService:
        """A node with this painter."""
        return SmallService("covers", work(QUEUE, self.paint))

    async def paint(self, message: covers.CoverStep, context: Context) -> None:
        """One job."""
        self.began.append((context.tier, time.monotonic()))
        self.ids[message.task_id] += 1
        self.together += 1
        self.most = max(self.most, self.together)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.together -= 1


async def run(nats_url: str) -> None:
    """Work until killed."""

    async def paint(_message: covers.CoverStep, _context: Context) -> None:
        sys.stdout.write("began\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    async with a_node(nats_url, SmallService("covers", work(QUEUE, paint))):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
