"""Lanes of a queue on a real server: shares by weight, idle and busy workers, bounds, and what dies."""

import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.nats import dead_letters as grave
from adapters.nats.bus import Bus
from adapters.nats.discovery import Meter
from adapters.nats.lanes import LanePuller
from contracts import notifications, tasks
from contracts.errors import NotFound, Unavailable
from contracts.tasks import PLANS
from contracts.wire import Context
from nodes.bindings import work
from nodes.handling import Working
from ops.nats_config import queue_consumers
from tests.runtime.test_connection import kill, server
from tests.runtime.test_jobs import info, notice, settle
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.lanes import NAMES, QUEUE, Painter, fill, put
from tests.support.servers import running

SHARES = {lane.name: lane.weight / sum(each.weight for each in PLANS) for lane in PLANS}


def puller(bus: Bus, painter: Painter, *, slots: int = 2, ack_wait: float = 10) -> LanePuller:
    """A worker with that many slots."""
    weights = {durable: lane.weight for durable, lane in zip(QUEUE.durables, QUEUE.lanes, strict=True)}
    working = Working(bus, QUEUE.message, painter.paint, Meter("paint", QUEUE.subject, "covers", "jobs"))
    return LanePuller(bus, QUEUE.stream, weights, working, concurrency=slots, ack_wait=ack_wait)


async def until(painter: Painter, count: int, limit: float = 20) -> None:
    """Wait until that many jobs have begun."""
    async with asyncio.timeout(limit):
        while len(painter.began) < count:
            await asyncio.sleep(0.005)


async def with_ack_wait(bus: Bus, seconds: float) -> None:
    """Give the consumers of the lanes a shorter patience."""
    for request in queue_consumers(QUEUE):
        config = request["config"] | {"ack_wait": int(seconds * 1e9)}
        subject = f"$JS.API.CONSUMER.CREATE.JOBS.{config['durable_name']}"
        if "filter_subject" in config:
            subject += f".{config['filter_subject']}"
        reply = await bus.request_raw(subject, msgspec.json.encode(request | {"config": config}), Context.new(), 5)
        assert "error" not in msgspec.json.decode(reply)


async def test_slots_go_to_the_lanes_by_weight(nats_url: str) -> None:
    """With 300 jobs in each lane any prefix is served 6:3:1; free gets all when the others are empty."""
    painter = Painter(0.001)
    async with a_bus(nats_url, streams=True) as bus:
        await fill(bus, 300)
        worker = puller(bus, painter)
        await worker.start()
        await settle(bus, "JOBS", 0, limit=30)
        await worker.stop(1)

    assert (Counter(painter.order), painter.most) == (dict.fromkeys(NAMES, 300), 2)
    assert set(painter.ids.values()) == {1}
    everybody = painter.order[: 300 * 10 // 6 - 5]  # until pro_plus has no more
    for length in range(1, len(everybody)):
        counts = Counter(everybody[:length])
        assert all(abs(counts[tier] - length * share) <= 3 for tier, share in SHARES.items()), (length, counts)
    assert painter.order[-100:] == ["free"] * 100


async def test_a_lane_that_was_empty_has_saved_nothing_up(nats_url: str) -> None:
    """After 50 free jobs alone, pro work gets the next slot and free keeps its share."""
    painter = Painter(0.002)
    async with a_bus(nats_url, streams=True) as bus:
        await fill(bus, 200, ("free",))
        worker = puller(bus, painter, slots=1)
        await worker.start()
        await until(painter, 50)
        worker_busy = len(painter.began)
        await fill(bus, 60, ("pro_plus",))
        await settle(bus, "JOBS", 0, limit=30)
        await worker.stop(1)

    first = painter.order.index("pro_plus")
    mixed = painter.order[first : first + 60]
    assert first >= worker_busy
    assert painter.order[first : first + 7].count("pro_plus") >= 5
    assert 6 <= mixed.count("free") <= 20  # its share is one of seven; while the jobs came they were fewer


async def test_an_idle_worker_starts_within_50_ms(nats_url: str) -> None:
    """Whatever lane the job is in, and however long nothing came: requests for work are renewed."""
    painter, sent = Painter(), []
    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, painter.service()):
        await asyncio.sleep(0.3)
        for number in range(12):
            if number == 6:
                await asyncio.sleep(5.5)  # the first requests are over by now
            await asyncio.sleep(0.05)
            sent.append(time.monotonic())
            await put(bus, NAMES[number % 3], number)
            await until(painter, number + 1)

    waits = [began - then for (_, began), then in zip(painter.began, sent, strict=True)]
    assert sorted(waits)[-2] < 0.05, waits


async def test_an_idle_worker_does_not_poll(nats_url: str) -> None:
    """Between messages there are only the requests that are renewed every five seconds."""
    async with a_bus(nats_url, streams=True), a_node(nats_url, Painter().service()) as bus:
        await asyncio.sleep(0.5)
        before = bus.connection.client.stats["out_msgs"]
        await asyncio.sleep(3)
        sent = bus.connection.client.stats["out_msgs"] - before

    assert sent <= 3


async def test_a_burst_fills_all_slots(nats_url: str) -> None:
    """Eight jobs for eight slots run side by side at once."""
    painter = Painter(0.5)
    async with a_bus(nats_url, streams=True) as bus:
        worker = puller(bus, painter, slots=8)
        await worker.start()
        await asyncio.sleep(0.2)
        await asyncio.gather(*(put(bus, NAMES[n % 3], n) for n in range(8)))
        await until(painter, 8)
        spread = painter.began[-1][1] - painter.began[0][1]
        await settle(bus, "JOBS", 0)
        await worker.stop(1)

    assert painter.most == 8
    assert spread < 0.25


async def test_no_job_stays_behind(nats_url: str) -> None:
    """What comes to a waiting request while others are answered has its turn too: all of many small bursts begin."""
    painter, choice = Painter(0.01), random.Random(7)
    async with a_bus(nats_url, streams=True) as bus:
        worker = puller(bus, painter, slots=3)
        await worker.start()
        sent = 0
        for number in range(120):
            size = choice.choice((1, 1, 1, 2, 3, 5))
            sent += size
            await asyncio.gather(*(put(bus, choice.choice(NAMES), f"{number}-{n}") for n in range(size)))
            await until(painter, sent, limit=5)
            await asyncio.sleep(choice.choice((0, 0.001, 0.003, 0.02)))
        await settle(bus, "JOBS", 0)
        await worker.stop(1)

    assert set(painter.ids.values()) == {1}


async def test_a_busy_worker_leaves_work_to_others(nats_url: str) -> None:
    """With its slot taken a worker holds nothing else; an idle worker takes the rest."""
    busy, idle = Painter(3), Painter()
    async with a_bus(nats_url, streams=True) as bus:
        first = puller(bus, busy, slots=1)
        await first.start()
        await asyncio.sleep(0.2)
        await put(bus, "pro", "long")
        await until(busy, 1)
        await fill(bus, 20)
        assert first.holding == 1
        second = puller(bus, idle, slots=1)
        await second.start()
        await until(idle, 60)
        await asyncio.sleep(0.1)
        holding = first.holding
        busy.seconds = 0
        await settle(bus, "JOBS", 0)
        await asyncio.gather(first.stop(1), second.stop(1))

    assert holding == 1
    assert set((busy.ids + idle.ids).values()) == {1}


async def test_what_comes_to_a_busy_worker_goes_to_others(nats_url: str) -> None:
    """Of a burst to all lanes an idle worker with one slot keeps one job; another worker does the others at once."""
    busy, other = Painter(2.5), Painter()
    async with a_bus(nats_url, streams=True) as bus:
        first, second = puller(bus, busy, slots=1), puller(bus, other, slots=1)
        await first.start()
        await asyncio.sleep(0.2)
        await asyncio.gather(*(put(bus, tier, "burst") for tier in NAMES))
        await until(busy, 1)
        await asyncio.sleep(0.2)
        held = first.holding - 1
        await second.start()
        await until(other, 2, limit=1)
        assert (held, len(busy.began)) == (0, 1)
        await first.stop(5)
        await settle(bus, "JOBS", 0)
        await second.stop(1)

    assert set((busy.ids + other.ids).values()) == {1}


async def test_two_workers_share(nats_url: str) -> None:
    """Each does a good part, each job is done once, and the shares of the lanes hold for both together."""
    painters = Painter(0.004), Painter(0.004)
    async with a_bus(nats_url, streams=True) as bus, a_bus(nats_url) as another:
        await fill(bus, 100)
        workers = [puller(each, painter) for each, painter in zip((bus, another), painters, strict=True)]
        await asyncio.gather(*(each.start() for each in workers))
        await settle(bus, "JOBS", 0, limit=30)
        await asyncio.gather(*(each.stop(1) for each in workers))

    began = sorted(painters[0].began + painters[1].began, key=lambda each: each[1])
    counts = Counter(tier for tier, _ in began[:150])
    assert min(len(each.began) for each in painters) > 90
    assert set((painters[0].ids + painters[1].ids).values()) == {1}
    assert all(abs(counts[tier] - 150 * share) <= 6 for tier, share in SHARES.items()), counts


async def test_the_job_of_a_killed_worker_comes_again(nats_url: str) -> None:
    """After kill -9 the job is delivered to another worker when ack_wait is over, and not before."""
    painter = Painter()
    async with a_bus(nats_url, streams=True) as bus:
        await with_ack_wait(bus, 1)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.lanes", nats_url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        await put(bus, "pro", "x")
        assert await process.stdout.readline() == b"began\n"
        process.kill()
        killed = time.monotonic()
        await process.wait()
        worker = puller(bus, painter, ack_wait=1)
        await worker.start()
        await settle(bus, "JOBS", 0)
        await worker.stop(1)

    assert 0.5 < painter.began[0][1] - killed < 2.5
    assert len(painter.began) == 1


async def test_nothing_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """kill -9 of the server in the middle of the work: all jobs are done, and new ones start at once again."""
    painter = Painter(0.005)
    program = server(tmp_path)
    async with running(program) as supervised, a_bus(program.url, streams=True) as bus:
        await with_ack_wait(bus, 1)
        await fill(bus, 60)
        worker = puller(bus, painter, ack_wait=1)
        await worker.start()
        await until(painter, 50)
        await kill(supervised)
        await settle(bus, "JOBS", 0, limit=20)
        done = len(painter.ids)
        await asyncio.sleep(0.5)
        sent, before = time.monotonic(), len(painter.began)
        await put(bus, "free", "later")
        await until(painter, before + 1)
        await worker.stop(1)

    assert done == 180
    assert painter.began[-1][1] - sent < 0.1


async def test_a_full_lane_refuses_and_the_others_go_on(nats_url: str) -> None:
    """What is beyond a lane's bound is Unavailable; other lanes, other queues and reports are not stopped by it."""
    painter = Painter()
    async with a_bus(nats_url, streams=True) as bus:
        config = (await info(bus, "STREAM.INFO.JOBS"))["config"] | {"max_msgs_per_subject": 5}
        await bus.request_raw("$JS.API.STREAM.UPDATE.JOBS", msgspec.json.encode(config), Context.new(), 5)
        await fill(bus, 5, ("free",))
        with pytest.raises(Unavailable):
            await put(bus, "free", "too many")
        await put(bus, "pro", 0)
        await bus.enqueue(tasks.REPORT, tasks.StepReport(task_id=notice().user_id, step="paint"), message_id="r")
        await bus.enqueue(notifications.SEND, notice(), message_id="n")
        async with a_node(nats_url, painter.service()):
            await until(painter, 6)
            await settle(bus, "JOBS", 2)
            await put(bus, "free", "room again")
            await until(painter, 7)


async def test_dead_letters_name_their_lane(nats_url: str) -> None:
    """A job that is dead is buried under its lane, told to the reader of dead letters, and replayed into its lane."""
    letters: list[str] = []
    broken = True
    painter = Painter()

    async def paint(message: Any, context: Context) -> None:
        if broken:
            raise NotFound("no such cover")
        await painter.paint(message, context)

    async with (
        a_bus(nats_url, streams=True) as bus,
        a_node(nats_url, SmallService("covers", work(QUEUE, paint))),
    ):
        await put(bus, "pro", 1)
        async with asyncio.timeout(5):
            while not (found := [each async for each in grave.letters(bus)]):
                await asyncio.sleep(0.02)
        letters += [each.subject for each in found]
        broken = False
        await grave.replay(bus, found[0])
        await until(painter, 1)

    assert letters == ["jobs.covers.paint.pro"]
    assert painter.order == ["pro"]
