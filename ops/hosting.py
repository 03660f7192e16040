"""Hosts nodes or an edge in this process, until told to stop or the bus is lost."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
from collections.abc import Iterable

from adapters.crypto import WrongKey
from adapters.nats.connection import Connection
from nodes.runtime import Fenced, Node
from ops.failure import Failure
from ops.host import Host
from ops.pulse import Pulse
from ops.settings import Settings
from ops.values import waits

log = logging.getLogger(__name__)

YOUNG_OBJECTS = 10_000
"""New containers before the garbage collector looks for cycles (Python's own choice is 700, a few requests)."""

MANY_FILES = 65_536
PATIENCE = 5.0
"""Seconds to wait for what comes first, e.g. the administrator's account, before nodes serve without."""


class BusLost(Failure):
    """A connection to NATS closed for good; the process ends so that its supervisor starts a new one."""


class CannotServe(Failure):
    """A node may not start: a newer version serves, NATS refuses one of its subjects, or the root secret is another."""


async def host_nodes(settings: Settings, names: Iterable[str], place: str | None = None) -> None:
    """Run these nodes, side by side, all as version `place`. Raises BusLost, CannotServe, Unavailable."""
    try:
        await _host_nodes(settings, names, place)
    except (Fenced, PermissionError, WrongKey) as error:
        raise CannotServe(str(error)) from error


async def _host_nodes(settings: Settings, names: Iterable[str], place: str | None) -> None:
    from ops import wiring  # noqa: PLC0415 -- an edge need not load the nodes, which takes half a second

    async with Pulse() as pulse, contextlib.AsyncExitStack() as stack:
        host = Host(settings, stack)
        nodes: list[Node] = []
        connections = []
        for name in names:
            bus = await host.bus(name)
            connections.append(bus.connection)
            around = host.around(name)
            service = await wiring.NODES[name](host, bus)
            node = Node(
                bus,
                service,
                host.version,
                around=around,
                delays=waits(settings.retry_seconds),
                place=place,
                processes=settings.paint_processes,
            )
            nodes.append(node)
        stack.push_async_callback(_stop_all, nodes)
        await asyncio.gather(*(node.start() for node in nodes))
        await _ready(nodes)
        spare_collector()
        pulse.ready("nodes")
        log.info("nodes serve", extra={"action": "nodes_ready"})
        await until_told(connections)
        log.info("nodes drain", extra={"action": "nodes_draining"})


async def host_edge(settings: Settings) -> None:
    """Run an edge. Raises BusLost."""
    from ops import front  # noqa: PLC0415 -- as above, the other way round

    open_many_files()
    async with Pulse() as pulse, contextlib.AsyncExitStack() as stack:
        host = Host(settings, stack)
        bus = await host.bus("edge")
        url = await front.edge(host, bus)
        spare_collector()
        pulse.ready("edge", url=url)
        log.info("edge serves %s", url, extra={"action": "edge_ready"})
        await until_told([bus.connection])


def open_many_files() -> None:
    """Allow this process as many open files as the system gives it: every connection is one, and 1024 are few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_collector() -> None:
    """Keep what was made until now out of every later garbage collection, and collect less often.

    Requests leave hardly any cycles, so that looking through all modules and tables again and again finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


async def until_told(connections: Iterable[Connection]) -> None:
    """Return at SIGTERM or SIGINT. Raises BusLost when one of the connections is gone for good."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    stopping = asyncio.create_task(told.wait())
    lost = [asyncio.create_task(connection.lost.wait()) for connection in connections]
    _, waiting = await asyncio.wait([stopping, *lost], return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if not told.is_set():
        raise BusLost(f"process {os.getpid()} lost its connection to NATS")


async def _ready(nodes: Iterable[Node]) -> None:
    """Wait until the nodes say so, within limits: one that is here alone may need others that have not come yet."""
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(node.ready() for node in nodes))
    except TimeoutError:
        log.warning("nodes serve before all is done that comes first", extra={"action": "nodes_unready"})


async def _stop_all(nodes: Iterable[Node]) -> None:
    await asyncio.gather(*(node.stop() for node in nodes))
