"""What a stack is made of before it starts: its servers' addresses, its hooks, and the table of processes."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from ops.child import ProcessSpec
from ops.paths import Home
from ops.servers.nats import write_plain_config
from ops.settings import Settings

SILENCE_LIMIT = 10
"""Seconds without a sign of life after which a process is killed: far more than a busy event loop is late."""


class Urls(msgspec.Struct, frozen=True):
    """Where the servers of this stack are. `postgres` names a database that is nobody's; a node's has another path."""

    nats: str
    postgres: str
    mongo: str
    redis: str
    objects: str
    monitor: str | None

    def environ(self) -> dict[str, str]:
        """These addresses as settings, for the processes that we start."""
        names = ("nats", "postgres", "mongo", "redis", "objects")
        return {f"COVERGEN_{name.upper()}_URL": getattr(self, name) for name in names}


Provision = Callable[[Settings, Urls], Awaitable[None]]
Reread = Callable[[], tuple[Settings, Sequence[ProcessSpec]]]
"""Gives the settings as they are now, and the table of processes for them. Raises Failure."""
NatsConfig = Callable[[Settings], Path]


async def provision_nothing(settings: Settings, urls: Urls) -> None:
    """The provision hook for stacks that need no databases or streams."""


def plain_nats_config(settings: Settings) -> Path:
    """The configuration hook for a server without accounts."""
    return write_plain_config(Home(settings.home).nats_config)


def our_processes(settings: Settings) -> tuple[ProcessSpec, ...]:
    """The processes of the product: each of the first kind hosts all nodes, the edges share one port."""
    covergen = (sys.executable, "-m", "ops")
    nodes = (
        ProcessSpec(name, (*covergen, "node", "all"), kind="node", stop_limit=20.0, silence_limit=SILENCE_LIMIT)
        for name in _numbered("nodes", settings.node_processes)
    )
    edges = (
        ProcessSpec(name, (*covergen, "edge"), kind="edge", stop_limit=15.0, silence_limit=SILENCE_LIMIT)
        for name in _numbered("edge", settings.http_workers)
    )
    return *nodes, *edges


def _numbered(name: str, count: int) -> list[str]:
    return [name, *(f"{name}-{number}" for number in range(2, count + 1))]
