"""What nodes and the edge are made of: the parts as they are, and the same with faults where those are allowed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.faults import Faults
from adapters.faulty.bus import FaultyBus
from adapters.faulty.handlers import faulty_handler
from adapters.faulty.mail import FaultyMailer
from adapters.faulty.models import BrokenOff, FaultyModel, FaultyWorkers, faulty_clock
from adapters.faulty.stores import FaultyConnections, FaultyObjects, FaultyRedis, faulty_database
from adapters.images import ImageModel
from adapters.images.guarded import GuardedModel
from adapters.mail import Mailer
from adapters.mongo import Database
from adapters.nats.bus import Bus
from adapters.nats.connection import Connection
from adapters.nats.traced import TracedBus, TracedFaultyBus
from adapters.objects import Objects
from adapters.postgres import Pool
from adapters.redis import Redis
from adapters.tracing import Traces
from adapters.workers import Workers
from nodes.bindings import Binding

Clock = Callable[[], datetime]


class Parts:
    """The parts as they are."""

    def bus(self, connection: Connection, traces: Traces | None) -> Bus:
        """A bus, not yet open."""
        return Bus(connection) if traces is None else TracedBus(connection, traces)

    def workers(self, processes: int, time_limit: float, preload: tuple[str, ...]) -> Workers:
        """Worker processes, not yet started."""
        return Workers(processes, time_limit, preload)

    def model(self, model: ImageModel) -> ImageModel:
        """An image model."""
        return model

    def guarded(self, model: GuardedModel) -> ImageModel:
        """An image model behind its breaker."""
        return model

    def objects(self, objects: Objects) -> Objects:
        """An object store."""
        return objects

    def pool(self, raw: Any, node: str) -> Pool:
        """The PostgreSQL database of a node, over the driver's own pool."""
        return Pool(raw)

    def database(self, database: Database, node: str) -> Database:
        """The MongoDB database of a node."""
        return database

    def redis(self, url: str) -> Redis:
        """A client of Redis."""
        return Redis(url)

    def mailer(self, mailer: Mailer) -> Mailer:
        """A way out for mail."""
        return mailer

    def clock(self, clock: Clock) -> Clock:
        """The clock of the tasks node."""
        return clock

    def binding(self, binding: Binding, node: str) -> Binding:
        """A contract with its handler."""
        return binding


class FaultyParts(Parts):
    """The same, each with the faults that are active."""

    def __init__(self, faults: Faults):
        self._faults = faults

    def bus(self, connection: Connection, traces: Traces | None) -> Bus:
        """Cut off, refused, or without acknowledgements."""
        if traces is None:
            return FaultyBus(connection, self._faults)
        return TracedFaultyBus(connection, traces, self._faults)

    def workers(self, processes: int, time_limit: float, preload: tuple[str, ...]) -> Workers:
        """Killed at their work."""
        return FaultyWorkers(processes, time_limit, preload, self._faults)

    def model(self, model: ImageModel) -> ImageModel:
        """Slow, refusing, failing."""
        return FaultyModel(model, self._faults)

    def guarded(self, model: GuardedModel) -> ImageModel:
        """With its breaker open."""
        return BrokenOff(model, self._faults)

    def objects(self, objects: Objects) -> Objects:
        """Full, slow, unreadable."""
        return FaultyObjects(objects, self._faults)

    def pool(self, raw: Any, node: str) -> Pool:
        """Down."""
        return Pool(FaultyConnections(raw, self._faults, node))

    def database(self, database: Database, node: str) -> Database:
        """Down."""
        return faulty_database(database, self._faults, node)

    def redis(self, url: str) -> Redis:
        """Down."""
        return FaultyRedis(url, self._faults)

    def mailer(self, mailer: Mailer) -> Mailer:
        """Refusing."""
        return FaultyMailer(mailer, self._faults)

    def clock(self, clock: Clock) -> Clock:
        """Wrong."""
        return faulty_clock(clock, self._faults)

    def binding(self, binding: Binding, node: str) -> Binding:
        """Late, twice, poisoned, slow."""
        return replace(binding, handler=faulty_handler(binding.contract, binding.handler, self._faults, node))
