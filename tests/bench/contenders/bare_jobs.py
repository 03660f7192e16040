"""The same jobs by nats-py alone: loops that publish, fetch(1) and ack_sync, on the same stream and consumer."""

import asyncio
import sys
import time
import uuid

import msgspec
import nats
from nats.js import JetStreamContext

from contracts.notifications import SendNotification
from tests.bench.contenders.plans import USER_ID, JobsPlan


async def produce_and_work(stream: JetStreamContext, jobs: int) -> None:
    """One loop."""
    pull = await stream.pull_subscribe_bind(consumer="notifications-send", stream="JOBS")
    for _ in range(jobs):
        name = uuid.uuid4().hex
        message = SendNotification(user_id=USER_ID, kind="bench", title="Done", body="", effect_key=name)
        body = msgspec.json.encode(message)
        await stream.publish("jobs.notifications.send", body, headers={"Nats-Msg-Id": name})
        [taken] = await pull.fetch(1)
        msgspec.json.decode(taken.data, type=SendNotification)
        await taken.ack_sync()
    await pull.unsubscribe()


async def timed(stream: JetStreamContext, jobs: int, in_flight: int) -> float:
    """Seconds for that many jobs in that many loops."""
    began = time.perf_counter()
    share, more = divmod(jobs, in_flight)
    await asyncio.gather(*(produce_and_work(stream, share + (index < more)) for index in range(in_flight)))
    return time.perf_counter() - began


async def main(plan: JobsPlan) -> float:
    """Jobs per second."""
    client = await nats.connect(plan.nats)
    stream = client.jetstream()
    await timed(stream, plan.warmup, plan.in_flight)
    rate = plan.jobs / await timed(stream, plan.jobs, plan.in_flight)
    await client.close()
    return rate


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main(msgspec.json.decode(sys.argv[1], type=JobsPlan)))}\n")
