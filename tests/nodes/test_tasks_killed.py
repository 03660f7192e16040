"""Two tasks nodes as processes, killed with SIGKILL again and again while sagas run."""

import asyncio
import collections
import random
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from adapters.mongo import open_mongo
from adapters.nats.bus import Bus
from contracts import tasks
from contracts.errors import Refused, Unavailable
from contracts.tasks import CreateTask
from contracts.wire import Context
from nodes.tasks.store import TaskStore
from ops.nats_config import consumer
from tests.support.buses import a_bus, a_node
from tests.support.sagas import Crew
from tests.support.servers import MongoDatabase

SAGAS = 60
FORWARD = ["paint", "check_image", "compose", "store", "commit", "complete"]
BACK = ["paint", "check_image", "compose/undo", "paint/undo", "reserve/undo"]


class Hydra:
    """Processes of the node; one that is killed grows again."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._heads: list[asyncio.subprocess.Process] = []
        self.kills = 0
        self.calm = asyncio.Event()

    async def grow(self) -> None:
        """One more process, once it serves."""
        head = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.tasks_node", *self._arguments, stdout=asyncio.subprocess.PIPE
        )
        self._heads.append(head)
        assert head.stdout is not None
        assert await head.stdout.readline() == b"ready\n"

    async def cut(self) -> None:
        """SIGKILL to the oldest."""
        head = self._heads.pop(0)
        head.kill()
        await head.communicate()
        self.kills += 1

    async def rampage(self) -> None:
        """Kill and replace, until calm."""
        while not self.calm.is_set():
            await asyncio.sleep(random.uniform(0.2, 0.6))
            await self.cut()
            await self.grow()

    async def end(self) -> None:
        """Stop all."""
        while self._heads:
            await self.cut()


@asynccontextmanager
async def hydra(*arguments: str) -> AsyncIterator[Hydra]:
    """Two processes of the node."""
    heads = Hydra(*arguments)
    try:
        await asyncio.gather(heads.grow(), heads.grow())
        yield heads
    finally:
        await heads.end()


async def with_ack_wait(bus: Bus, seconds: float) -> None:
    """What a killed instance had in hand comes again soon."""
    queue = tasks.REPORT
    body = msgspec.json.encode(consumer(queue.stream, queue.durable, queue.subject, seconds, 256, max_deliver=-1))
    api = f"$JS.API.CONSUMER.CREATE.{queue.stream}.{queue.durable}.{queue.subject}"
    await bus.request_raw(api, body, Context.new(), 5)


async def created(bus: Bus, user: Context) -> uuid.UUID:
    """Create a task as covers does: the same request again when nobody answers."""
    order = CreateTask(
        task_id=uuid.uuid4(), type="generate", cover_id=uuid.uuid4(), input_params={"title": "The Sea", "seed": 2**52}
    )
    for _ in range(20):
        try:
            return (await bus.request(tasks.CREATE, order, user)).task_id
        except Unavailable:
            await asyncio.sleep(0.1)
    raise AssertionError("the task could not be created")


class Moody(Crew):
    """Refuses to compose every third cover."""

    async def do(self, message: Any, context: Context) -> None:
        """One step."""
        task_id: uuid.UUID = message.task_id
        step: str = message.step
        if step == "compose" and task_id.int % 3 == 0:
            report = tasks.StepReport(task_id=task_id, step=step, problem=Refused().problem())
            await self._bus.enqueue(tasks.REPORT, report, message_id=f"{task_id}:{step}:failed")
            return
        await super().do(message, context)


@pytest.mark.timeout(60)
async def test_sagas_survive_kills_of_the_node(nats_url: str, mongo_database: MongoDatabase) -> None:
    """Every task ends, all of its steps or all of their undos happen, and each user is told once."""
    client = open_mongo(mongo_database.url)
    store = TaskStore(client[mongo_database.name])
    user = Context.new(user_id=uuid.uuid4(), tier="pro_plus")
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        heads = await stack.enter_async_context(hydra(nats_url, mongo_database.url, mongo_database.name))
        crew = Moody(bus)
        for service in crew.services():
            await stack.enter_async_context(a_node(nats_url, service))
        await with_ack_wait(bus, 2)
        rampage = asyncio.create_task(heads.rampage())
        made = []
        for _ in range(SAGAS):
            made.append(asyncio.create_task(created(bus, user)))
            await asyncio.sleep(0.05)
        ids = await asyncio.gather(*made)
        async with asyncio.timeout(45):
            while len(crew.notes) < SAGAS or len(crew.finished) < SAGAS:
                await asyncio.sleep(0.1)
        heads.calm.set()
        await rampage
        found = {task_id: await store.find(task_id) for task_id in ids}
    client.close()

    assert heads.kills >= 3
    told = collections.Counter(note.effect_key for note in crew.notes)
    assert set(told.values()) == {1}
    for task_id, stored in found.items():
        assert stored is not None
        refused = task_id.int % 3 == 0
        assert stored.task.status == ("failed" if refused else "succeeded")
        assert crew.effects[task_id] == (BACK if refused else FORWARD)
