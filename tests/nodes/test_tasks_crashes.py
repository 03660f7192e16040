"""The tasks node killed at every point: before and after each write to the database and each message to the bus.

The database is real. The bus is a list that keeps one message of an id and gives back what was not acknowledged, so
that every run is the same and each point can be named.
"""

import asyncio
import collections
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from adapters.mongo import Database, now, open_mongo
from adapters.mongo_outbox import Outbox
from contracts import notifications, tasks
from contracts.errors import Refused
from contracts.wire import Context
from nodes.tasks.queues import Queues
from nodes.tasks.service import Stuck, Tasks
from nodes.tasks.state import Change, TaskState
from nodes.tasks.store import Stored, TaskStore
from tests.support.servers import MongoDatabase

FORWARD = ["paint", "check_image", "compose", "store", "commit", "complete"]
ENDINGS = {
    "made": ("succeeded", FORWARD),
    "refused": ("failed", ["paint", "check_image", "compose", "compose/undo", "paint/undo", "reserve/undo"]),
    "cancelled": ("cancelled", ["paint", "check_image", "check_image!", "paint/undo", "reserve/undo"]),
}


class Killed(BaseException):
    """kill -9."""


class Fuse:
    """Kills at its n-th point, once."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.points = 0

    def point(self) -> None:
        """Something could be killed here."""
        self.points += 1
        self.left -= 1
        if self.left == 0:
            raise Killed


class FusedStore(TaskStore):
    """The store, with a point before and after every write."""

    def __init__(self, database: Database, name: str, fuse: Fuse) -> None:
        super().__init__(database)
        self.collection = database[name]
        self._fuse = fuse

    async def insert(self, change: Change) -> Stored | None:
        """As it is."""
        self._fuse.point()
        stored = await super().insert(change)
        self._fuse.point()
        return stored

    async def save(self, before: Stored, change: Change) -> Stored | None:
        """As it is."""
        self._fuse.point()
        stored = await super().save(before, change)
        self._fuse.point()
        return stored


class Kept(Queues):
    """A JetStream that loses nothing that it ever had."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        self._kept = kept

    async def ids(self, subject: str) -> frozenset[str]:
        """All of them."""
        return frozenset(self._kept)


async def chore(node: Tasks, name: str) -> None:
    """Let it do something by itself, once."""
    await next(each for each in node.chores if each.name == name).run()


class Run:
    """One task from its creation to its end, with one kill on the way."""

    def __init__(self, database: Database, ending: str, at: int) -> None:
        self.fuse = Fuse(at)
        self.ending = ending
        self.store = FusedStore(database, f"{ending}_{at}", self.fuse)
        self.time = now()
        self.queue: list[tuple[str, bytes]] = []
        self.kept: dict[str, str] = {}
        self.effects: dict[str, int] = collections.Counter()
        self.order: list[str] = []
        self.user = Context.new(user_id=uuid.uuid4())
        self.request = tasks.CreateTask(
            task_id=uuid.uuid4(), type="generate", cover_id=uuid.uuid4(), input_params={"title": "The Sea"}
        )
        self.node = self.start()

    def clock(self) -> datetime:
        """The time of this run."""
        return self.time

    def start(self) -> Tasks:
        """A new process: it remembers nothing."""
        outbox = Outbox(self.store.collection, self.send, clock=self.clock)
        return Tasks(self.store, outbox, Kept(self.kept), clock=self.clock)

    async def send(self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]) -> None:
        """JetStream: one of an id."""
        self.fuse.point()
        if message_id not in self.kept:
            self.kept[message_id] = subject
            if subject.startswith("jobs."):
                self.queue.append((subject, payload))
        self.fuse.point()

    async def survive(self, act: Any) -> None:
        """Do something with the node; killed, it starts again and does it again, as a redelivery would."""
        try:
            await act(self.node)
        except Killed:
            self.node = self.start()
            self.time += timedelta(seconds=3)
            await act(self.node)

    async def live(self) -> TaskState:
        """To the end."""
        await self.survive(lambda node: node.create(self.request, self.user))
        step = None
        for _ in range(100):
            while self.queue:
                await self.work(*self.queue.pop(0))
            found = await self.store.find(self.request.task_id)
            assert found is not None
            if found.task.ended and not found.document["outbox"]:
                return found.task
            step = found.task.step
            self.time += timedelta(seconds=3)
            await self.survive(lambda node: chore(node, "sweep"))
        raise AssertionError(f"stuck at {step}")

    async def work(self, subject: str, payload: bytes) -> None:
        """A worker: the effect once by its step, then the report."""
        if subject == notifications.SEND.subject:
            return
        step = msgspec.json.decode(payload, type=Stuck).step
        if self.ending == "cancelled" and step == "check_image":
            await self.survive(lambda node: self.cancel(node))
            self.order.append("check_image!")
        self.effects[step] += 1
        self.order.append(step)
        problem = Refused().problem() if self.ending == "refused" and step == "compose" else None
        report = tasks.StepReport(task_id=self.request.task_id, step=step, problem=problem)
        await self.survive(lambda node: node.report(report, self.user))

    async def cancel(self, node: Tasks) -> None:
        """The user's wish, which may be repeated."""
        await node.cancel(tasks.CancelTask(task_id=self.request.task_id), self.user)


@pytest_asyncio.fixture
async def database(mongo_database: MongoDatabase) -> AsyncIterator[Database]:
    """An empty database."""
    client = open_mongo(mongo_database.url)
    yield client[mongo_database.name]
    client.close()


def check(run: Run, task: TaskState) -> None:
    """What must hold wherever it was killed."""
    status, steps = ENDINGS[run.ending]
    assert task.status == status
    assert sorted(set(run.order)) == sorted(set(steps))
    assert set(run.effects.values()) == {1}, "a step was sent twice under two ids"
    assert [step for step in run.order if step.endswith("/undo")] == [s for s in steps if s.endswith("/undo")]
    told = collections.Counter(run.kept.values())
    assert told[notifications.SEND.subject] == told[tasks.FINISHED.subject] == 1
    assert told[tasks.PROGRESSED.subject] == task.seq
    assert not {"commit", "reserve/undo"} <= set(run.effects), "quota both counted and given back"


@pytest.mark.parametrize("ending", list(ENDINGS))
async def test_a_kill_at_any_point_changes_nothing(database: Database, ending: str) -> None:
    """The same end, the same effects and the same messages as without the kill, for every point there is."""
    whole = Run(database, ending, 0)
    check(whole, await whole.live())
    points = whole.fuse.points
    assert points > 30
    gate = asyncio.Semaphore(12)

    async def killed(at: int) -> None:
        async with gate:
            run = Run(database, ending, at)
            check(run, await run.live())
            assert run.fuse.left <= 0, "the kill never came"

    await asyncio.gather(*(killed(at) for at in range(1, points + 1)))
