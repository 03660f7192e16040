"""A thousand delayed tasks over kill -9 of NATS: each begins once, at its time."""

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.mongo import now, open_mongo
from adapters.nats.bus import Bus
from contracts import covers, tasks
from contracts.errors import Unavailable
from contracts.wire import Context
from nodes.bindings import work
from nodes.tasks.turns import SHARES
from tests.runtime.test_connection import kill, server
from tests.support.buses import SmallService, a_bus, a_node
from tests.support.processes import slowness
from tests.support.sagas import until
from tests.support.servers import MongoDatabase, running
from tests.support.tasks_scene import Scene, order

TASKS = 1000
EACH = SHARES["pro"]
"""Tasks of a user, as many as may be in flight: what is measured is the schedule and not the turns."""
WINDOW = 50.0
"""Seconds over which they are to begin."""
AHEAD = timedelta(seconds=45)
"""From now to the first, enough to order all of them."""
SHAKEN = 2.0
"""Seconds after the restart of NATS in which what fell due meanwhile is caught up."""


KEPT = {"sweep", "give turns"}
"""Chores that run here. Nobody does the work that is begun, so that nothing but beginning is measured; the chores that
send work again when no report comes would rightly do so."""


class Punctual:
    """Notes when each task is begun, and does no more."""

    def __init__(self) -> None:
        self.begun: dict[uuid.UUID, list[float]] = {}
        self.service = SmallService("covers", work(covers.PAINT, self._paint))

    async def _paint(self, message: covers.CoverStep, context: Context) -> None:
        self.begun.setdefault(message.task_id, []).append(time.time())


@contextlib.asynccontextmanager
async def beginning(scene: Scene) -> AsyncIterator[Punctual]:
    """The tasks node, and a worker that notes what it should begin."""
    punctual, service = Punctual(), scene.service()
    service.chores = tuple(chore for chore in service.chores if chore.name in KEPT)
    async with a_node(scene.url, service), a_node(scene.url, punctual.service):
        yield punctual


@pytest.mark.timeout(240)
async def test_a_thousand_delayed_tasks_begin_once_at_their_time(
    tmp_path: Path, mongo_database: MongoDatabase, figures: Callable[[str, str], None]
) -> None:
    """p99 lateness 0.5 s; what falls due while NATS is away begins within 2 s of its return; none twice, none lost."""
    program, client = server(tmp_path), open_mongo(mongo_database.url)
    async with running(program) as nats, a_bus(program.url, streams=True) as bus:
        scene = Scene(bus, program.url, client[mongo_database.name])
        await scene.store.prepare()
        async with beginning(scene) as punctual:
            due = await _ordered(scene)
            first = min(due.values()).timestamp()
            await asyncio.sleep(max(0.0, first + WINDOW / 2 - time.time()))
            down = time.time()
            await kill(nats)
            up = time.time()

            async def all_begun() -> bool:
                return len(punctual.begun) >= TASKS

            await until(all_begun, limit=WINDOW + 60)
            await asyncio.sleep(3)  # for what might come twice
            held = await scene.store.users_held(now())
    client.close()

    late = {task_id: punctual.begun[task_id][0] - at.timestamp() for task_id, at in due.items()}
    calm = [late[each] for each, at in due.items() if not down - 1 <= at.timestamp() <= up + SHAKEN]
    shaken = [punctual.begun[each][0] - up for each, at in due.items() if down - 1 <= at.timestamp() <= up]
    p99 = statistics.quantiles(calm, n=100)[98]
    figures(
        f"{TASKS} delayed tasks over a kill of NATS: p99 lateness 0.5 s, after the restart 2 s",
        f"median {statistics.median(calm):.2f} s, p99 {p99:.2f} s; away {up - down:.1f} s, then at most "
        f"{max(shaken, default=0):.2f} s; begun {len(punctual.begun)}, twice "
        f"{sum(len(times) > 1 for times in punctual.begun.values())}",
    )
    assert punctual.begun.keys() == due.keys()
    assert {len(times) for times in punctual.begun.values()} == {1}
    assert min(late.values()) >= 0
    assert held == []
    assert p99 <= 0.5 * slowness()
    assert max(shaken, default=0) <= SHAKEN * slowness()


async def _ordered(scene: Scene) -> dict[uuid.UUID, datetime]:
    """The tasks, eight at a time, with the times at which they are to begin."""
    start, free = now() + AHEAD, asyncio.Semaphore(8)
    due: dict[uuid.UUID, datetime] = {}

    async def one(number: int, user: Context) -> None:
        at = start + timedelta(milliseconds=round(WINDOW * 1000 * number / TASKS))
        async with free:
            task = await _created(scene.bus, order(f"{number}", at), user)
        assert task.start_at == at
        due[task.task_id] = at

    users = [Context.new(user_id=uuid.uuid4(), tier="pro") for _ in range(TASKS // EACH)]
    await asyncio.gather(*(one(number, users[number % len(users)]) for number in range(TASKS)))
    assert now() < start, "ordering took too long"
    return due


async def _created(bus: Bus, request: tasks.CreateTask, user: Context) -> tasks.Task:
    """As covers does: the same request again when the answer does not come."""
    for _ in range(5):
        try:
            return await bus.request(tasks.CREATE, request, user)
        except Unavailable:
            await asyncio.sleep(0.1)
    raise AssertionError("the task could not be created")
