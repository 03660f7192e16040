"""Durable work on a real server: retries, dead letters, duplicates, long work, stopping, and workers that crash."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from adapters.nats.bus import Bus
from adapters.nats.graveyard import REASON
from contracts import notifications, users
from contracts.errors import Internal, NotFound, Unavailable
from contracts.wire import Context, DeadLetter
from nodes.bindings import Chore, dead_letters, listen, work
from nodes.runtime import Node
from ops.nats_config import consumer
from tests.support.buses import SmallService, a_bus, a_node

Handle = Callable[[notifications.SendNotification, Context], Awaitable[None]]


def notice(key: str = "k") -> notifications.SendNotification:
    """A small job."""
    return notifications.SendNotification(user_id=uuid.uuid4(), effect_key=key, kind="test", title="Hello")


def worker(handle: Handle) -> SmallService:
    """A node that does one queue's work."""
    return SmallService("notifications", work(notifications.SEND, handle))


async def info(bus: Bus, what: str) -> dict[str, Any]:
    """What JetStream says about a stream or consumer."""
    reply = await bus.request_raw(f"$JS.API.{what}", b"", Context.new(), 5)
    answer: dict[str, Any] = msgspec.json.decode(reply)
    return answer


async def settle(bus: Bus, stream: str, messages: int, limit: float = 5) -> None:
    """Wait until a stream holds that many messages."""
    async with asyncio.timeout(limit):
        while (await info(bus, f"STREAM.INFO.{stream}"))["state"]["messages"] != messages:
            await asyncio.sleep(0.02)


async def with_ack_wait(bus: Bus, seconds: float) -> None:
    """Give the queue's consumer a shorter patience."""
    queue = notifications.SEND
    body = msgspec.json.encode(consumer(queue.stream, queue.durable, queue.subject, seconds, 64))
    await bus.request_raw(
        f"$JS.API.CONSUMER.CREATE.{queue.stream}.{queue.durable}.{queue.subject}", body, Context.new(), 5
    )


async def test_work_is_done_once_and_removed(nats_url: str) -> None:
    """500 jobs are each done once and leave the queue empty."""
    done: list[str] = []

    async def handle(message: notifications.SendNotification, context: Context) -> None:
        assert context.delivery == 1
        done.append(message.effect_key)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        keys = [f"job-{n}" for n in range(500)]
        await asyncio.gather(*(bus.enqueue(notifications.SEND, notice(k), message_id=k) for k in keys))
        await settle(bus, "JOBS", 0)

    assert sorted(done) == sorted(keys)


async def test_the_same_message_id_is_stored_once(nats_url: str) -> None:
    """A job that is enqueued again with its id changes nothing."""
    done: list[str] = []

    async def handle(message: notifications.SendNotification, _context: Context) -> None:
        done.append(message.effect_key)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        for _ in range(5):
            await bus.enqueue(notifications.SEND, notice(), message_id="same")
        await settle(bus, "JOBS", 0)
        await asyncio.sleep(0.2)

    assert done == ["k"]


async def test_retries_come_after_1_2_and_4_seconds_then_a_dead_letter(nats_url: str) -> None:
    """A job that keeps failing is delivered at 0, 1, 3 and 7 s, then kept as a dead letter within a second."""
    times: list[float] = []

    async def handle(_message: notifications.SendNotification, _context: Context) -> None:
        times.append(time.monotonic())
        raise Unavailable("provider down")

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        await bus.enqueue(notifications.SEND, notice(), message_id="m")
        await settle(bus, "DEAD", 1, limit=10)
        buried = time.monotonic()
        await settle(bus, "JOBS", 0)

    assert [round(t - times[0], 1) for t in times] == pytest.approx([0, 1, 3, 7], abs=0.15)
    assert buried - times[-1] < 1


@pytest.mark.parametrize("error", [NotFound("no such user"), Internal()])
async def test_permanent_errors_die_at_once_and_unexpected_ones_do_not(nats_url: str, error: Exception) -> None:
    """A permanent error is a dead letter after one delivery; an unexpected one is tried again."""
    deliveries: list[int] = []

    async def handle(_message: notifications.SendNotification, context: Context) -> None:
        deliveries.append(context.delivery)
        raise error

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        await bus.enqueue(notifications.SEND, notice(), message_id="m")
        await asyncio.sleep(1.5)
        dead = (await info(bus, "STREAM.INFO.DEAD"))["state"]["messages"]

    assert (len(deliveries), dead) == ((1, 1) if isinstance(error, NotFound) else (2, 0))


async def test_poison_is_buried_and_the_rest_goes_on(nats_url: str) -> None:
    """Messages that cannot be read are kept as dead letters with their bytes; the others are done."""
    done: list[str] = []

    async def handle(message: notifications.SendNotification, _context: Context) -> None:
        done.append(message.effect_key)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(handle)):
        for n in range(50):
            payload = b"{poison" if n % 10 == 0 else msgspec.json.encode(notice(f"job-{n}"))
            await bus.send(notifications.SEND.subject, payload, message_id=f"p{n}")
        await settle(bus, "JOBS", 0)
        await settle(bus, "DEAD", 5)
        kept = await bus.request_raw("$JS.API.STREAM.MSG.GET.DEAD", b'{"seq": 1}', Context.new(), 2)

    assert len(done) == 45
    message = msgspec.json.decode(kept)["message"]
    assert message["subject"] == "dead.jobs.notifications.send"
    assert message["data"] == "e3BvaXNvbg=="


async def test_long_work_is_kept_and_not_delivered_twice(nats_url: str) -> None:
    """Work three times as long as the queue's patience is delivered once, thanks to heartbeats."""
    deliveries: list[int] = []

    async def handle(_message: notifications.SendNotification, context: Context) -> None:
        deliveries.append(context.delivery)
        await asyncio.sleep(3)

    async with a_bus(nats_url, streams=True) as bus:
        await with_ack_wait(bus, 1)
        service = SmallService("notifications", work(_quick(), handle))
        async with a_node(nats_url, service):
            await bus.enqueue(notifications.SEND, notice(), message_id="long")
            await settle(bus, "JOBS", 0, limit=6)

    assert deliveries == [1]


def _quick() -> Any:
    """The same queue, for a consumer whose patience is one second."""
    from dataclasses import replace

    return replace(notifications.SEND, ack_wait=1)


async def test_work_of_a_dead_worker_is_given_to_another(nats_url: str) -> None:
    """A worker that vanishes with the message in hand is replaced within ack_wait + 1 s."""
    taken = asyncio.Event()
    times: list[float] = []

    async def vanish(_message: notifications.SendNotification, _context: Context) -> None:
        taken.set()
        await asyncio.Event().wait()

    async def handle(_message: notifications.SendNotification, context: Context) -> None:
        times.append(time.monotonic())
        assert context.delivery == 2

    async with a_bus(nats_url, streams=True) as bus:
        await with_ack_wait(bus, 1)
        async with a_bus(nats_url, "doomed") as doomed:
            from adapters.nats.puller import Ack, Delivery, Outcome, Puller

            async def take(_delivery: Delivery) -> Outcome:
                await vanish(notice(), Context.new())
                return Ack()

            puller = Puller(doomed, "JOBS", notifications.SEND.durable, take, ack_wait=1000)
            await puller.start()
            await bus.enqueue(notifications.SEND, notice(), message_id="m")
            await asyncio.wait_for(taken.wait(), 2)
            began = time.monotonic()
            await doomed.connection.client._close(2)  # the process is gone: no drain, no nak
            async with a_node(nats_url, SmallService("notifications", work(_quick(), handle))):
                await settle(bus, "JOBS", 0)
            await puller.stop(0)

    assert times[0] - began < 2


async def test_stopping_finishes_what_runs_and_gives_back_the_rest(nats_url: str) -> None:
    """SIGTERM's path: running work is finished and acknowledged, the rest is with the next instance at once."""
    first: list[str] = []
    second: list[str] = []
    started = asyncio.Event()

    async def slow(message: notifications.SendNotification, _context: Context) -> None:
        started.set()
        await asyncio.sleep(0.3)
        first.append(message.effect_key)

    async def quick(message: notifications.SendNotification, context: Context) -> None:
        assert context.delivery <= 2
        second.append(message.effect_key)

    async with a_bus(nats_url, streams=True) as bus:
        async with a_node(nats_url, worker(slow)):
            for n in range(60):
                await bus.enqueue(notifications.SEND, notice(f"j{n}"), message_id=f"j{n}")
            await started.wait()
        began = time.monotonic()
        async with a_node(nats_url, worker(quick)):
            await settle(bus, "JOBS", 0)

        assert time.monotonic() - began < 3
    assert len(first) >= 16
    assert sorted(first + second) == sorted(f"j{n}" for n in range(60))


async def test_work_that_does_not_end_is_given_back(nats_url: str) -> None:
    """At the end of the drain limit a running job is cancelled and delivered to the next instance without waiting."""
    taken = asyncio.Event()
    done = asyncio.Event()

    async def endless(_message: notifications.SendNotification, _context: Context) -> None:
        taken.set()
        await asyncio.sleep(60)

    async def quick(_message: notifications.SendNotification, _context: Context) -> None:
        done.set()

    async with a_bus(nats_url, streams=True) as bus:
        async with a_node(nats_url, worker(endless), drain=0.2):
            await bus.enqueue(notifications.SEND, notice(), message_id="m")
            await taken.wait()
        async with a_node(nats_url, worker(quick)):
            await asyncio.wait_for(done.wait(), 2)


async def test_every_listener_hears_an_event_once(nats_url: str) -> None:
    """An event reaches its listener's consumer, though nobody was there when it was published."""
    heard: list[str] = []

    async def handle(message: users.UserCreated, _context: Context) -> None:
        heard.append(message.username)

    created = msgspec.convert(
        {"user_id": str(uuid.uuid4()), "username": "ada", "created_at": "2026-01-01T00:00:00Z"}, users.UserCreated
    )
    async with a_bus(nats_url, streams=True) as bus:
        await bus.publish(users.CREATED, created, message_id="u1")
        async with a_node(nats_url, SmallService("notifications", listen(users.CREATED, handle))):
            async with asyncio.timeout(3):
                while not heard:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)

    assert heard == ["ada"]


async def test_dead_letters_are_told_to_their_reader(nats_url: str) -> None:
    """The tasks node hears of a dead job: original subject, reason, payload; a failure to take it is tried again."""
    letters: list[DeadLetter] = []
    tries = 0

    async def refuse(_message: notifications.SendNotification, _context: Context) -> None:
        raise NotFound("no such user")

    async def mourn(letter: DeadLetter, _context: Context) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("not now")
        letters.append(letter)

    async with a_bus(nats_url, streams=True) as bus, a_node(nats_url, worker(refuse)):
        async with a_node(nats_url, SmallService("tasks", dead_letters(mourn))):
            await bus.enqueue(notifications.SEND, notice(), message_id="m")
            async with asyncio.timeout(5):
                while not letters:
                    await asyncio.sleep(0.05)

    assert (letters[0].subject, letters[0].reason) == ("jobs.notifications.send", "not_found")
    assert msgspec.json.decode(letters[0].payload)["effect_key"] == "k"


async def test_messages_whose_workers_all_crashed_are_buried(nats_url: str) -> None:
    """A message that was delivered four times without an answer becomes a dead letter and leaves the queue."""
    letters: list[DeadLetter] = []

    async def mourn(letter: DeadLetter, _context: Context) -> None:
        letters.append(letter)

    async with a_bus(nats_url, streams=True) as bus:
        await with_ack_wait(bus, 0.2)
        async with a_node(nats_url, SmallService("tasks", dead_letters(mourn))):
            await bus.enqueue(notifications.SEND, notice(), message_id="m")
            subject = f"$JS.API.CONSUMER.MSG.NEXT.JOBS.{notifications.SEND.durable}"
            async with asyncio.timeout(8):
                while not letters:  # a worker that takes and never answers
                    await bus.gather(subject, b'{"batch": 1, "expires": 300000000}', quiet=0.35, most=0.35)
            await settle(bus, "JOBS", 0)

    assert (letters[0].reason, letters[0].deliveries) == ("max_deliveries", 4)


async def test_a_full_queue_refuses_work(nats_url: str) -> None:
    """When the stream is full the producer is told, and nothing old is lost."""
    async with a_bus(nats_url, streams=True) as bus:
        config = (await info(bus, "STREAM.INFO.JOBS"))["config"] | {"max_msgs": 3}
        await bus.request_raw("$JS.API.STREAM.UPDATE.JOBS", msgspec.json.encode(config), Context.new(), 5)
        for n in range(3):
            await bus.enqueue(notifications.SEND, notice(), message_id=f"m{n}")
        with pytest.raises(Unavailable):
            await bus.enqueue(notifications.SEND, notice(), message_id="m3")
        assert (await info(bus, "STREAM.INFO.JOBS"))["state"]["messages"] == 3


async def test_chores_go_on_after_a_failure(nats_url: str) -> None:
    """A chore that fails is tried again at its next time."""
    runs = 0

    async def chore() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError("once")

    async with a_node(nats_url, SmallService("users", chores=(Chore("test", 0.05, chore),))):
        async with asyncio.timeout(2):
            while runs < 3:
                await asyncio.sleep(0.01)


async def test_a_node_is_ready_when_what_comes_first_was_done(nats_url: str) -> None:
    """`ready` waits through failures of a chore that comes first, and for no other chore."""
    runs = 0

    async def later() -> None:
        await asyncio.Event().wait()

    async def first() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise Unavailable()

    service = SmallService("users", chores=(Chore("first", 0.01, first, first=True), Chore("later", 0.01, later)))
    async with a_bus(nats_url, "users") as bus, Node(bus, service, "1.0.0") as node:
        await asyncio.wait_for(node.ready(), 2)
        assert runs == 3


def test_reason_headers_are_lower_case() -> None:
    """Header names of ours are lower-case, since nats-py compares them exactly."""
    assert REASON.lower() == REASON
