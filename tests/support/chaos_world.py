"""A whole stack whose processes are killed at named moments while users order covers from it.

The servers and the edge are the product's own, started by `ops.launch.Stack`; the nodes are `chaos_host`, kept alive by
the product's own supervision. What came of it is read by `chaos_books.py`.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec

from adapters.mongo import open_mongo
from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import connected
from contracts import tasks
from contracts.tasks import Progress
from contracts.wire import Context
from ops.child import ChildProgram, ProcessSpec
from ops.credentials import write_nats_config
from ops.launch import Stack
from ops.nats_config import SECONDS, consumers
from ops.provision import node_database, profile, provision
from ops.stack_parts import Urls
from ops.supervision import Supervised
from tests.support.chaos_orders import Customer, Shop
from tests.support.stack import stack_settings

BACK_LIMIT = 40.0
STEP_LIMIT = 6.0
"""Seconds to wait for the moment that a kill is aimed at."""
MOVE_LIMIT = 12.0
"""Seconds to wait for a task to move after a kill."""
UNSENT, UNACKNOWLEDGED, RANDOM = "unsent", "unacknowledged", "at random"
FUSES = {UNSENT: signal.SIGUSR1, UNACKNOWLEDGED: signal.SIGUSR2}
"""Between a stored change and its messages; between an effect and its acknowledgement."""
EDGE = ProcessSpec("edge", (sys.executable, "-m", "ops", "edge"), kind="edge", stop_limit=15.0)
PLENTY = 100_000
"""Covers a month."""
STREAMS = ("JOBS", "EVENTS", "DEAD", "ADVISORIES")
KEPT = {"covergen_tasks": "generation_tasks", "covergen_covers": "covers", "covergen_notifications": "inbox"}
"""The collections that a scenario fills, by database."""


@dataclass(frozen=True, slots=True)
class Kill:
    """What to kill, and when: as a task enters that step, at a fuse, or at random."""

    target: str
    moment: str = RANDOM


@dataclass(frozen=True, slots=True)
class Killed:
    """A kill that was made; all times in seconds."""

    kill: Kill
    aimed: bool
    """It came at the moment that it was meant for."""
    at: float
    back: float
    """Until the process served again."""
    moving: float
    """Until a task moved again."""


class World:
    """The stack, the nodes' process, and two links: `edge` orders and watches, `ops` may do everything."""

    def __init__(self, stack: Stack, edge: Bus, ops: Bus, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.edge = edge
        self.ops = ops
        self.customers: list[Customer] = []
        self.shop = Shop()
        self.killed: list[Killed] = []
        self.moved_at = 0.0
        """When a task was last heard to move."""
        self._session = session
        self._nodes: Supervised | None = None
        self._moved = asyncio.Event()
        self._aim = ("", asyncio.Event())

    @property
    def objects(self) -> Path:
        """The folder of the object store."""
        return self.stack.home.root / "objects"

    async def start_nodes(self, mutant: str = "none") -> None:
        """Start the process of all nodes, with a planted defect if one is named."""
        spec = ProcessSpec("nodes", (sys.executable, "-m", "tests.support.chaos_host", mutant), stop_limit=1.0)
        info = self.stack.info
        urls = Urls(info.nats, info.postgres, info.mongo, info.redis, info.objects, info.monitor)
        environ = {**self.stack.settings.environ(), **urls.environ()}
        self._nodes = Supervised(ChildProgram(spec, self.stack.home, environ, None), lambda: None)
        await self._nodes.start()

    async def stop_nodes(self) -> None:
        """Stop them. Idempotent."""
        if self._nodes is not None:
            await self._nodes.stop()
            self._nodes = None

    async def sign_up(self, count: int) -> None:
        """That many new users, each with quota for all of a test."""
        self.customers = [Customer(self.edge, self._session, self.stack.info.edge) for _ in range(count)]
        await asyncio.gather(*(customer.sign_up() for customer in self.customers))
        async with self.postgres() as connection:
            await connection.execute("UPDATE users SET quota_limit = $1, subscription_tier = 'pro_plus'", PLENTY)

    @contextlib.asynccontextmanager
    async def postgres(self) -> AsyncIterator[Any]:
        """A connection to the users node's database."""
        connection = await asyncpg.connect(node_database(self.stack.info.postgres, "users"))
        try:
            yield connection
        finally:
            await connection.close()

    async def impatient(self, seconds: float) -> None:
        """What a killed process had in hand comes again after that time instead of the contract's."""
        for request in consumers():
            stream, config = request["stream_name"], request["config"]
            config["ack_wait"] = int(seconds * SECONDS)
            tail = [config[name] for name in ("durable_name", "filter_subject") if name in config]
            await self.call(f"CONSUMER.CREATE.{stream}.{'.'.join(tail)}", request)

    async def call(self, api: str, body: Any = None) -> dict[str, Any]:
        """Ask JetStream."""
        payload = b"" if body is None else msgspec.json.encode(body)
        answer = msgspec.json.decode(await self.ops.request_raw(f"$JS.API.{api}", payload, Context.new(), 5))
        assert "error" not in answer, (api, answer)
        return dict(answer)

    async def emptied(self) -> None:
        """Forget all tasks, covers, notices and messages. Only while the nodes are stopped."""
        for stream in STREAMS:
            await self.call(f"STREAM.PURGE.{stream}")
        client = open_mongo(self.stack.info.mongo)
        for database, collection in KEPT.items():
            await client[database][collection].delete_many({})
        client.close()
        async with self.postgres() as connection:
            await connection.execute("DELETE FROM quota_reservations")
            await connection.execute("UPDATE users SET quota_used = 0, quota_reserved = 0")
        shutil.rmtree(self.objects, ignore_errors=True)
        self.objects.mkdir()
        self.shop, self.killed = Shop(), []

    def hear(self, progress: Progress) -> None:
        """A task moved."""
        self._moved.set()
        self.moved_at = time.monotonic()
        step, reached = self._aim
        if progress.step == step:
            reached.set()
        self.shop.hear(progress)
        for customer in self.customers:
            if customer.user_id == progress.user_id:
                customer.maybe_cancel(self.shop, progress.task_id)

    @contextlib.asynccontextmanager
    async def trading(self) -> AsyncIterator[None]:
        """The users order what is in the shop; at the end of the block all of it has been accepted."""
        serving = [asyncio.create_task(customer.serve(self.shop)) for customer in self.customers for _ in range(2)]
        try:
            yield
            while not self.shop.is_served:
                await asyncio.wait(serving, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                for task in serving:
                    if task.done():
                        task.result()
            await asyncio.gather(*self.shop.cancelling.values())
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

    async def strike(self, kill: Kill) -> None:
        """Kill at the named moment, or a little later when it does not come; wait until all is back and moves."""
        pid = self._row(kill.target)[0]
        aimed = await self._reached(kill, pid)
        at = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(BACK_LIMIT):
            while self._row(kill.target)[0] in (pid, 0) or self._row(kill.target)[1] != "ready":
                await asyncio.sleep(0.02)
        back = time.monotonic() - at
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOVE_LIMIT):
                await self._moved.wait()
        self.killed.append(Killed(kill, aimed, at, back, time.monotonic() - at))

    def _row(self, target: str) -> tuple[int, str]:
        """The pid of a process (0: none now) and its state."""
        if target == "nodes":
            assert self._nodes is not None
            row = self._nodes.row
        else:
            row = next(row for row in self.stack.info.processes if row.name == target)
        return row.pid or 0, row.state

    async def _reached(self, kill: Kill, pid: int) -> bool:
        """Wait for the moment of a kill; False when it did not come in time."""
        if kill.moment == RANDOM:
            await asyncio.sleep(random.uniform(0.05, 0.8))
            return True
        if kill.moment in FUSES:
            return await self._burnt(pid, FUSES[kill.moment])
        reached = asyncio.Event()
        self._aim = (kill.moment, reached)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STEP_LIMIT):
                await reached.wait()
        self._aim = ("", reached)
        return reached.is_set()

    async def _burnt(self, pid: int, fuse: signal.Signals) -> bool:
        """Let the process kill itself; False when it did not get to that place."""
        os.kill(pid, fuse)
        limit = time.monotonic() + STEP_LIMIT
        while self._row("nodes")[0] == pid and time.monotonic() < limit:
            await asyncio.sleep(0.005)
        return self._row("nodes")[0] != pid


@contextlib.asynccontextmanager
async def a_world(home: Path, users: int, ack_wait: float | None = None) -> AsyncIterator[World]:
    """A stack with signed-up users and running nodes; `ack_wait` (s) shortens how long a dead worker is waited for."""
    settings = stack_settings(home, COVERGEN_LOG_LEVEL="warning", COVERGEN_PAINT_PROCESSES="1", COVERGEN_FAULTS="never")
    async with contextlib.AsyncExitStack() as block:
        stack = Stack(settings, provision=provision, configure_nats=write_nats_config, processes=(EDGE,))
        await block.enter_async_context(stack)
        links = []
        for user in ("edge", "ops"):
            connection = await block.enter_async_context(connected(profile(settings, user, stack.info.nats)))
            links.append(await block.enter_async_context(opened_bus(connection)))
        session = await block.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)))
        world = World(stack, links[0], links[1], session)
        await world.edge.watch(tasks.PROGRESSED, world.hear)
        if ack_wait is not None:
            await world.impatient(ack_wait)
        block.push_async_callback(world.stop_nodes)
        await world.start_nodes()
        await world.sign_up(users)
        yield world


async def rampage(world: World, kills: Sequence[Kill], orders: int, pause: float) -> None:
    """All orders, spread over all kills, one kill after the other with `pause` seconds between."""
    async with world.trading():
        for number, kill in enumerate(kills):
            world.shop.order(orders * (number + 1) // len(kills) - world.shop.count)
            await world.strike(kill)
            await asyncio.sleep(pause)
