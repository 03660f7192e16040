"""Streams and consumers on a server that has those of former versions."""

import asyncio
import uuid
from typing import Any

import msgspec
import pytest

from adapters.nats.bus import Bus
from contracts.wire import DELAYED, JOBS, Context
from ops.nats_config import MOST_WAITING, consumer, consumers, streams
from ops.provision_nats import provision_streams
from tests.runtime.test_jobs import info, settle
from tests.support.buses import a_bus, a_node
from tests.support.lanes import QUEUE, Painter, job, put

LATELY = {"subjects": ["jobs.>"], "max_msgs": 200_000, "max_msgs_per_subject": -1, "discard_new_per_subject": False}
"""Stream JOBS before there were lanes and delayed work."""


async def call(bus: Bus, api: str, body: dict[str, Any]) -> None:
    """Ask JetStream for something that must succeed."""
    reply = await bus.request_raw(f"$JS.API.{api}", msgspec.json.encode(body), Context.new(), 5)
    assert "error" not in msgspec.json.decode(reply), reply


async def as_it_was(bus: Bus) -> None:
    """The stream and the consumer of painting as they were."""
    before = next(each for each in streams() if each["name"] == JOBS) | LATELY
    await call(bus, "STREAM.CREATE.JOBS", before)
    old = consumer(JOBS, QUEUE.durable, QUEUE.subject, 10, 256)
    await call(bus, f"CONSUMER.CREATE.JOBS.{QUEUE.durable}.{QUEUE.subject}", old)


async def test_an_older_installation_is_brought_up_to_date(nats_url: str) -> None:
    """Jobs that wait in a queue that has lanes now, one of them in a worker's hand, are done; nothing is refused."""
    painter = Painter()
    async with a_bus(nats_url) as bus:
        await as_it_was(bus)
        for number in range(3):
            await bus.send(QUEUE.subject, msgspec.json.encode(job()), message_id=str(number))
        held = await bus.gather("$JS.API.CONSUMER.MSG.NEXT.JOBS.covers-paint", b'{"batch": 1}', quiet=0.3, most=1)
        await provision_streams(bus)
        await provision_streams(bus)
        found = await info(bus, "STREAM.INFO.JOBS")
        names = msgspec.json.decode(await bus.request_raw("$JS.API.CONSUMER.NAMES.JOBS", b"", Context.new(), 5))
        async with a_node(nats_url, painter.service()):
            await settle(bus, "JOBS", 0)
            await put(bus, "pro_plus", "new")
            await settle(bus, "JOBS", 0)

    config = found["config"]
    assert len(held) == 1
    assert (config["max_msgs_per_subject"], config["discard_new_per_subject"]) == (MOST_WAITING, True)
    assert config["max_msgs"] >= MOST_WAITING * len(config["subjects"])
    assert "covers-paint" not in names["consumers"]
    assert {"covers-paint-pro_plus", "covers-paint-pro", "covers-paint-free"} <= set(names["consumers"])
    assert len(painter.ids) == 4


async def test_provisioning_again_changes_nothing(nats_url: str) -> None:
    """The second time no stream is updated and the consumers are as they were."""
    async with a_bus(nats_url, streams=True) as bus:
        before = [await info(bus, f"CONSUMER.INFO.{c['stream_name']}.{c['config']['name']}") for c in consumers()]
        await provision_streams(bus)
        after = [await info(bus, f"CONSUMER.INFO.{c['stream_name']}.{c['config']['name']}") for c in consumers()]
        delayed = (await info(bus, f"STREAM.INFO.{DELAYED}"))["config"]

    assert [(each["created"], each["config"]) for each in before] == [(e["created"], e["config"]) for e in after]
    assert delayed["allow_msg_schedules"] is True


async def test_a_job_says_who_sent_it(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver sees user and instance of the sender, and what it sends itself bears its own name."""
    senders: list[str | None] = []
    painter = Painter()
    seen = painter.paint

    async def paint(message: Any, context: Context) -> None:
        senders.append(context.sender)
        await seen(message, context)

    monkeypatch.setattr(painter, "paint", paint)  # to look at the context too
    async with a_bus(nats_url, "tester", streams=True) as bus, a_node(nats_url, painter.service()):
        await bus.enqueue(QUEUE, job(), message_id=uuid.uuid4().hex, context=Context.new())
        async with asyncio.timeout(5):
            while not senders:
                await asyncio.sleep(0.01)

    assert senders == [f"tester/{bus.connection.profile.instance[:6]}"]
    assert "sender" not in Context.new().headers()
