"""Least requests: work goes to the instance that is free, because a slot is free before a message is asked for."""

import asyncio
import time
import uuid
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from adapters.nats.bus import Bus
from contracts import covers
from contracts.covers import CoverStep
from contracts.wire import Context, WorkQueue
from nodes.bindings import work
from tests.support.buses import SmallService, a_bus, a_node

MESSAGES = 40


class Painters:
    """Two instances: one holds what it has until it is told, the other is quick."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.go = asyncio.Event()
        self.all_but_held = asyncio.Event()
        self.expected = 0

    def instance(self, name: str, queue: WorkQueue[CoverStep]) -> SmallService:
        """An instance of covers that does the work of a queue."""

        async def paint(_message: CoverStep, _context: Context) -> None:
            self.taken[name] += 1
            self.most[name] = max(self.most[name], self.taken[name] - self.done[name])
            await (self.go.wait() if name == "slow" else asyncio.sleep(0.005))
            self.done[name] += 1
            if self.done["quick"] == self.expected:
                self.all_but_held.set()

        return SmallService("covers", work(queue, paint))


@pytest.mark.parametrize("queue", [covers.PAINT, covers.COMPOSE], ids=["lanes", "one consumer"])
@pytest.mark.parametrize("processes", [1, 2])
async def test_a_busy_instance_takes_no_more(nats_url: str, queue: WorkQueue[CoverStep], processes: int) -> None:
    """While one instance has work for all its processes the other does the rest; nothing waits for the busy one."""
    painters = Painters()
    painters.expected = MESSAGES - processes
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        slow = painters.instance("slow", queue)
        await stack.enter_async_context(a_node(nats_url, slow, processes=processes))
        for number in range(processes):
            await _order(bus, queue, number)
        async with asyncio.timeout(5):
            while painters.taken["slow"] < processes:
                await asyncio.sleep(0.01)
        quick = painters.instance("quick", queue)
        await stack.enter_async_context(a_node(nats_url, quick, processes=processes))
        began = time.monotonic()
        for number in range(processes, MESSAGES):
            await _order(bus, queue, number)
        await asyncio.wait_for(painters.all_but_held.wait(), 5)
        took = time.monotonic() - began
        painters.go.set()

    assert painters.taken == {"slow": processes, "quick": MESSAGES - processes}
    assert painters.most["quick"] <= processes
    assert took < covers.PAINT.ack_wait / 2  # what had waited in the busy one would come to others after `ack_wait`


async def _order(bus: Bus, queue: WorkQueue[CoverStep], number: int) -> None:
    ids = uuid.UUID(int=number)
    step = CoverStep(task_id=ids, cover_id=ids, user_id=ids, step="paint")
    tier = ("free", "pro", "pro_plus")[number % 3]
    await bus.enqueue(queue, step, message_id=f"m{number}", context=Context.new(user_id=ids, tier=tier))
