"""The tasks node on a real bus and a real database, with small workers: what its tests have in common."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from adapters.mongo import Database, now, open_mongo
from adapters.mongo_outbox import Outbox
from adapters.nats.bus import Bus
from contracts import tasks
from contracts.tasks import CreateTask, GetTask
from contracts.wire import Context
from nodes.tasks.queues import Queues
from nodes.tasks.service import Tasks
from nodes.tasks.state import LogEntry
from nodes.tasks.store import TaskStore
from tests.support.buses import a_bus, a_node
from tests.support.sagas import Crew, until
from tests.support.servers import MongoDatabase


class Clock:
    """The time, which a test may move forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """The time now."""
        return now() + self.ahead


class Scene:
    """A bus with streams, a database, workers and a user."""

    def __init__(self, bus: Bus, url: str, database: Database) -> None:
        self.bus = bus
        self.url = url
        self.database = database
        self.crew = Crew(bus)
        self.clock = Clock()
        self.store = TaskStore(database)
        self.user = Context.new(user_id=uuid.uuid4(), tier="pro")

    def service(self, bus: Bus | None = None) -> Tasks:
        """An instance of the node."""
        outbox = Outbox(self.store.collection, (bus or self.bus).send, clock=self.clock)
        return Tasks(self.store, outbox, Queues(bus or self.bus), clock=self.clock)

    @contextlib.asynccontextmanager
    async def running(self, instances: int = 1, *, workers: bool = True) -> AsyncIterator[None]:
        """The node (several times) and the workers."""
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(instances):
                await stack.enter_async_context(a_node(self.url, self.service()))
            for service in self.crew.services() if workers else []:
                await stack.enter_async_context(a_node(self.url, service))
            yield

    async def create(
        self, title: str = "The Sea", user: Context | None = None, start_at: datetime | None = None
    ) -> tasks.Task:
        """A new task by its endpoint."""
        return await self.bus.request(tasks.CREATE, order(title, start_at), user or self.user)

    async def get(self, task_id: uuid.UUID, user: Context | None = None) -> tasks.Task:
        """The task by its endpoint."""
        return await self.bus.request(tasks.GET, GetTask(task_id=task_id), user or self.user)

    async def ended(self, task_id: uuid.UUID, user: Context | None = None, limit: float = 10) -> tasks.Task:
        """The task at its end, when the note has come, too."""

        async def over() -> bool:
            told = any(str(task_id) in note.effect_key for note in self.crew.notes)
            return told and any(event.task_id == task_id for event in self.crew.finished)

        await until(over, limit)
        return await self.get(task_id, user)

    async def log(self, task_id: uuid.UUID) -> tuple[LogEntry, ...]:
        """The log of a task."""
        stored = await self.store.find(task_id, with_log=True)
        assert stored is not None
        return stored.log

    async def place(self, task_id: uuid.UUID) -> str | None:
        """Where the task is: held, sent or nowhere."""
        stored = await self.store.find(task_id)
        assert stored is not None
        return stored.task.place

    async def events(self, task_id: uuid.UUID) -> list[str]:
        """What the log says happened."""
        return [entry.event for entry in await self.log(task_id)]


def order(title: str = "The Sea", start_at: datetime | None = None) -> CreateTask:
    """A request of the covers node."""
    return CreateTask(
        task_id=uuid.uuid4(),
        type="generate",
        cover_id=uuid.uuid4(),
        input_params={"title": title, "seed": 2**52},
        start_at=start_at,
    )


@contextlib.asynccontextmanager
async def a_scene(nats_url: str, mongo: MongoDatabase) -> AsyncIterator[Scene]:
    """Everything but the node itself."""
    client = open_mongo(mongo.url)
    async with a_bus(nats_url, streams=True) as bus:
        scene = Scene(bus, nats_url, client[mongo.name])
        await scene.store.prepare()
        yield scene
    client.close()
