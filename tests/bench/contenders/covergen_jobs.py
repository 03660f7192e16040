"""Durable jobs through Covergen: `Bus.enqueue`, and a node of the runtime whose handler returns at once.

Each of the producers enqueues its next job when the handler has had the last. The clock stops when the server knows
that all are done.
"""

import asyncio
import dataclasses
import sys
import time
import uuid

import msgspec

from adapters.nats.bus import Bus
from contracts.notifications import SEND, SendNotification
from contracts.wire import Context
from nodes.bindings import work
from tests.bench.contenders.plans import USER_ID, JobsPlan
from tests.support.buses import SmallService, a_bus, a_node

QUEUE = "CONSUMER.INFO.JOBS.notifications-send"


class Counter(msgspec.Struct):
    """The part of a consumer's state that says what is left."""

    num_pending: int
    num_ack_pending: int


class Producers:
    """Keep so many jobs in flight."""

    def __init__(self, bus: Bus, in_flight: int) -> None:
        self._bus = bus
        self._in_flight = in_flight
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def handle(self, message: SendNotification, _context: Context) -> None:
        """The node's handler."""
        done = self._waiting.pop(message.effect_key, None)
        if done is not None:  # otherwise it was delivered again
            done.set_result(None)

    async def run(self, jobs: int) -> float:
        """Seconds for that many jobs."""
        began = time.perf_counter()
        share, more = divmod(jobs, self._in_flight)
        await asyncio.gather(*(self._produce(share + (index < more)) for index in range(self._in_flight)))
        while not await self._settled():
            await asyncio.sleep(0.001)
        return time.perf_counter() - began

    async def _produce(self, jobs: int) -> None:
        for _ in range(jobs):
            name = uuid.uuid4().hex
            done = self._waiting[name] = asyncio.get_running_loop().create_future()
            message = SendNotification(user_id=USER_ID, kind="bench", title="Done", body="", effect_key=name)
            await self._bus.enqueue(SEND, message, message_id=name)
            await done

    async def _settled(self) -> bool:
        reply = await self._bus.request_raw(f"$JS.API.{QUEUE}", b"", Context.new(), 5)
        left = msgspec.json.decode(reply, type=Counter)
        return left.num_pending == 0 and left.num_ack_pending == 0


async def main(plan: JobsPlan) -> float:
    """Jobs per second."""
    async with a_bus(plan.nats, "tester") as bus:
        producers = Producers(bus, plan.in_flight)
        queue = dataclasses.replace(SEND, concurrency=plan.in_flight)
        async with a_node(plan.nats, SmallService("notifications", work(queue, producers.handle))):
            await producers.run(plan.warmup)
            return plan.jobs / await producers.run(plan.jobs)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main(msgspec.json.decode(sys.argv[1], type=JobsPlan)))}\n")
