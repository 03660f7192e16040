"""Stand-ins for the nodes whose work a saga is: they do nothing but note what they did, and report."""

import asyncio
import collections
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.nats.bus import Bus
from contracts import covers, notifications, safety, tasks, users
from contracts.errors import ServiceError
from contracts.tasks import StepReport
from contracts.wire import Context, ObjectRef, WorkQueue
from nodes.bindings import listen, work
from tests.support.buses import SmallService

ART = ObjectRef(key="art/1", sha256="1" * 64, size=10, media_type="image/png")
QUEUES: dict[str, tuple[WorkQueue[Any], ...]] = {
    "covers": (covers.PAINT, covers.COMPOSE, covers.STORE, covers.COMPLETE, covers.DISCARD),
    "safety": (safety.CHECK_IMAGE_STEP,),
    "users": (users.COMMIT_QUOTA, users.RELEASE_QUOTA),
}


class Crew:
    """The workers of all steps. Each effect is counted once by `(task, step)`; what `fate` says may go wrong does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.deliveries: dict[tuple[uuid.UUID, str], int] = collections.Counter()
        self.effects: dict[uuid.UUID, list[str]] = collections.defaultdict(list)
        self.pictures: list[tuple[ObjectRef, ...]] = []
        self.notes: list[notifications.SendNotification] = []
        self.finished: list[tasks.TaskFinished] = []
        self.contexts: list[Context] = []
        self.errors: dict[str, ServiceError] = {}
        """Steps that refuse, by report."""
        self.deaths: dict[str, ServiceError] = {}
        """Steps whose handler raises: a permanent error is a dead letter at once."""
        self.silent: set[str] = set()
        """Steps that are done once without a report, as if the worker crashed just after."""
        self.gates: dict[str, asyncio.Event] = {}
        """Steps that wait."""
        self.reports = 1
        """How often each report is sent, under different ids."""

    def services(self) -> list[SmallService]:
        """The nodes."""
        nodes = {name: [work(queue, self.do) for queue in queues] for name, queues in QUEUES.items()}
        nodes["covers"].append(listen(tasks.FINISHED, self.hear))
        nodes["notifications"] = [work(notifications.SEND, self.note)]
        return [SmallService(name, *bindings) for name, bindings in nodes.items()]

    async def do(self, message: Any, context: Context) -> None:
        """One step."""
        task_id, step = message.task_id, message.step
        self.deliveries[task_id, step] += 1
        self.contexts.append(context)
        if step in self.gates:
            await self.gates[step].wait()
        if step in self.deaths:
            raise self.deaths[step]
        if step not in self.errors and step not in self.effects[task_id]:
            self.effects[task_id].append(step)
        if step == "check_image":
            self.pictures.append(message.images)
        if step in self.silent:
            self.silent.discard(step)
            return
        await self.report(task_id, step, context)

    async def report(self, task_id: uuid.UUID, step: str, context: Context) -> None:
        """Tell the tasks node."""
        error = self.errors.get(step)
        report = StepReport(
            task_id=task_id,
            step=step,
            images=(ART,) if step == "paint" else (),
            problem=error.problem() if error else None,
            deliveries=context.delivery,
        )
        for copy in range(self.reports):
            again = f":{copy}" if copy else ""
            await self._bus.enqueue(tasks.REPORT, report, message_id=tasks.report_id(report, context) + again)

    async def note(self, message: notifications.SendNotification, context: Context) -> None:
        """The inbox."""
        self.notes.append(message)

    async def hear(self, event: tasks.TaskFinished, context: Context) -> None:
        """A listener of the end."""
        self.finished.append(event)


async def until(true: Callable[[], Awaitable[bool]], limit: float = 10.0) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(limit):
        while not await true():
            await asyncio.sleep(0.02)
