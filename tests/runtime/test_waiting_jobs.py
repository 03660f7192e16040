"""Jobs that wait: for a slot, for what they need to be back, for another instance while theirs stops."""

import asyncio
import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from adapters.nats.puller import Ack, Delivery, Outcome, Puller
from contracts import notifications
from contracts.errors import Internal, ServiceError, Unavailable
from contracts.wire import Context
from nodes.handling import LONGEST_DELAY, retry_delay
from nodes.runtime import Node
from tests.runtime.test_connection import server
from tests.runtime.test_jobs import notice, settle, with_ack_wait, worker
from tests.support.buses import a_bus, a_node
from tests.support.servers import running

PATIENCE = 1.0


@pytest.mark.parametrize(
    ("deliveries", "error", "seconds"),
    [
        (1, Unavailable(), 1),
        (3, Internal(), 4),
        (1, Unavailable(retry_after=30), 30),
        (3, Unavailable(retry_after=0.5), 4),
        (2, Unavailable(retry_after=3600), LONGEST_DELAY),
    ],
)
def test_an_error_that_says_when_moves_the_next_try(deliveries: int, error: ServiceError, seconds: float) -> None:
    """The usual delay, or what the error asks for when that is longer, up to a minute."""
    assert retry_delay(deliveries, error) == seconds


async def test_a_job_comes_back_when_the_error_says(nats_url: str) -> None:
    """A breaker that opens again in 2 s: the job is not tried after 1 s, but then."""
    times: list[float] = []

    async def handle(_message: notifications.SendNotification, _context: Context) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            raise Unavailable("open", retry_after=2)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        await bus.enqueue(notifications.SEND, notice(), message_id="m")
        await settle(bus, "JOBS", 0)

    assert times[1] - times[0] == pytest.approx(2, abs=0.15)


async def test_a_setting_changes_the_waits_between_tries(nats_url: str) -> None:
    """Other waits than 1, 2, 4 s: the tries come at those, and after the last of them the letter is dead."""
    times: list[float] = []

    async def handle(_message: notifications.SendNotification, _context: Context) -> None:
        times.append(time.monotonic())
        raise Unavailable("not now")

    async with a_bus(nats_url, streams=True) as bus, a_bus(nats_url, "notifications") as own:
        async with Node(own, worker(handle), "1.0.0", delays=(0.3, 0.2, 0.5)):
            await bus.enqueue(notifications.SEND, notice(), message_id="m")
            await settle(bus, "JOBS", 0)

    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == pytest.approx([0.3, 0.2, 0.5], abs=0.15)


async def test_messages_that_wait_for_a_slot_are_kept(tmp_path: Path) -> None:
    """A server that was silent finds two requests for work of a worker with one slot: what waits comes only once."""
    deliveries: list[tuple[int, int]] = []
    together = most = 0

    async def work(delivery: Delivery) -> Outcome:
        nonlocal together, most
        together += 1
        most = max(most, together)
        deliveries.append((delivery.sequence, delivery.deliveries))
        await asyncio.sleep(3 * PATIENCE)
        together -= 1
        return Ack()

    program = server(tmp_path)
    async with running(program) as supervised, a_bus(program.url, streams=True) as bus:
        await with_ack_wait(bus, PATIENCE)
        queue = notifications.SEND
        puller = Puller(bus, queue.stream, queue.durable, work, concurrency=1, ack_wait=PATIENCE)
        await puller.start()
        await asyncio.sleep(0.2)
        pid = supervised.row.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(3.7)  # longer than the worker waits for a heartbeat: it asks again
        os.kill(pid, signal.SIGCONT)
        for number in range(2):
            await bus.enqueue(queue, notice(f"k{number}"), message_id=f"m{number}")
        taken = time.monotonic()
        while puller.holding < 2:
            assert time.monotonic() - taken < 2, "the second message never came: nothing was tested"
            await asyncio.sleep(0.02)
        await settle(bus, "JOBS", 0, limit=15)
        await puller.stop(1)

    assert most == 1
    assert deliveries == [(1, 1), (2, 1)]
