"""Work for a time to come, on a real server: once, at its time, taken back, and kept over a kill."""

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.nats.bus import Bus
from contracts import notifications, tasks
from contracts.wire import Context
from nodes.bindings import work
from tests.runtime.test_connection import kill, server
from tests.runtime.test_jobs import info, notice
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.servers import running

LATE = 0.5
"""Seconds that the server may take to notice that it is time."""


class Starts:
    """A node that notes when it is told to start which task."""

    def __init__(self) -> None:
        self.times: dict[uuid.UUID, list[float]] = {}
        self.contexts: list[Context] = []
        self.service = SmallService("tasks", work(tasks.START, self._start))

    async def _start(self, message: tasks.StartTask, context: Context) -> None:
        self.times.setdefault(message.task_id, []).append(time.time())
        self.contexts.append(context)

    async def until(self, count: int, limit: float = 10) -> None:
        """Wait until so many tasks were started."""
        async with asyncio.timeout(limit):
            while len(self.times) < count:
                await asyncio.sleep(0.01)


async def order(bus: Bus, task_id: uuid.UUID, seconds: float, message_id: str | None = None) -> float:
    """Order the start of a task in that many seconds; returns when that is."""
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    await bus.schedule(
        tasks.START,
        tasks.StartTask(task_id=task_id),
        due,
        schedule_id=str(task_id),
        message_id=message_id or f"{task_id}:start",
        context=Context.new(timeout=1, user_id=task_id, tier="pro"),
    )
    return due.timestamp()


async def waiting(bus: Bus) -> int:
    """Messages in the stream of delayed work."""
    count: int = (await info(bus, "STREAM.INFO.DELAYED"))["state"]["messages"]
    return count


async def test_work_comes_once_at_its_time(nats_url: str) -> None:
    """Not before, half a second late at most, with its context; the same order twice is one; nothing is left."""
    starts, ids = Starts(), [uuid.uuid4() for _ in range(5)]
    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, starts.service):
        due = [await order(bus, each, 1 + n / 5) for n, each in enumerate(ids)]
        await order(bus, ids[0], 1)
        await starts.until(5)
        await asyncio.sleep(0.5)
        left = await waiting(bus)

    late = [starts.times[each][0] - then for each, then in zip(ids, due, strict=True)]
    assert [len(times) for times in starts.times.values()] == [1] * 5
    assert all(-0.01 <= each <= LATE for each in late), late
    assert left == 0
    assert {(c.user_id, c.tier, c.deadline) for c in starts.contexts} == {(each, "pro", None) for each in ids}


async def test_an_order_replaces_the_one_before(nats_url: str) -> None:
    """There is one per schedule: the later order's time counts; a time that is past means now."""
    starts, moved, past = Starts(), uuid.uuid4(), uuid.uuid4()
    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, starts.service):
        await order(bus, moved, 0.5, "first")
        due = await order(bus, moved, 1.5, "second")
        now = time.time()
        await order(bus, past, -60)
        await starts.until(2)
        await asyncio.sleep(0.3)

    assert [len(times) for times in starts.times.values()] == [1, 1]
    assert due <= starts.times[moved][0] + 0.01 <= due + LATE
    assert starts.times[past][0] - now <= LATE


async def test_what_is_taken_back_does_not_come(nats_url: str) -> None:
    """Only the named order is taken back, and it is told whether it was still there."""
    starts, kept, cancelled = Starts(), uuid.uuid4(), uuid.uuid4()
    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, starts.service):
        await order(bus, kept, 1)
        await order(bus, cancelled, 1)
        assert await bus.unschedule(tasks.START, str(cancelled))
        assert not await bus.unschedule(tasks.START, str(cancelled))
        await starts.until(1)
        await asyncio.sleep(0.6)
        assert not await bus.unschedule(tasks.START, str(kept))

    assert list(starts.times) == [kept]


async def test_orders_survive_a_killed_server(tmp_path: Path) -> None:
    """After kill -9 the orders stand: on time if it is back by then, at its return if not, and taken back ones not."""
    starts, soon, later, cancelled = Starts(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    program = server(tmp_path)
    async with running(program) as supervised, a_bus(program.url, streams=True) as bus:
        soon_due, later_due = await order(bus, soon, 0.2), await order(bus, later, 3)
        await order(bus, cancelled, 2)
        await bus.unschedule(tasks.START, str(cancelled))
        await kill(supervised)
        back = time.time()
        async with a_node(program.url, starts.service):
            await starts.until(2)

    assert set(starts.times) == {soon, later}
    assert starts.times[soon][0] <= max(soon_due, back) + 3
    assert later_due <= starts.times[later][0] + 0.01 <= later_due + LATE


@pytest.mark.parametrize("schedule_id", ["*", ">", "a.b", "", "a b", "a\n"])
async def test_an_order_is_one_token(nats_url: str, schedule_id: str) -> None:
    """A wildcard, which would take back the orders of others, is refused, and so is a queue without a clock."""
    async with a_bus(nats_url) as bus:
        with pytest.raises(ValueError, match="no schedule"):
            await bus.unschedule(tasks.START, schedule_id)
        with pytest.raises(ValueError, match="no schedule"):
            await bus.schedule(
                notifications.SEND, notice(), datetime.now(UTC), schedule_id="a", message_id="m", context=None
            )
