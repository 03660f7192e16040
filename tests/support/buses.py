"""A bus of a test's own, with the streams that the contracts ask for, and nodes running on it."""

import contextlib
from collections.abc import AsyncIterator

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Profile, connected
from nodes.bindings import Binding, Chore, Service
from nodes.runtime import Node
from ops.provision_nats import provision_streams


@contextlib.asynccontextmanager
async def a_bus(url: str, name: str = "tester", *, streams: bool = False) -> AsyncIterator[Bus]:
    """A bus connected as `name`; with `streams` it makes streams and consumers first."""
    async with connected(Profile(servers=(url,), name=name)) as connection, opened_bus(connection) as bus:
        if streams:
            await provision_streams(bus)
        yield bus


class SmallService:
    """A service that is only its bindings."""

    def __init__(self, name: str, *bindings: Binding, chores: tuple[Chore, ...] = ()):
        self.name = name
        self.bindings = bindings
        self.chores = chores


@contextlib.asynccontextmanager
async def a_node(
    url: str,
    service: Service,
    version: str = "1.0.0",
    *,
    drain: float = 5,
    place: str | None = None,
    processes: int | None = None,
) -> AsyncIterator[Bus]:
    """A node with a connection of its own."""
    async with (
        a_bus(url, service.name) as bus,
        Node(bus, service, version, drain=drain, place=place, processes=processes),
    ):
        yield bus
