"""What the nodes of one process share, or the edge has to itself: connections, databases, worker processes."""

import contextlib
import functools
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.faults import Faults, watched
from adapters.mongo import Database, open_mongo
from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Connection, connected
from adapters.nats.objects import NatsObjects
from adapters.nats.traced import traced_handler
from adapters.objects import Objects, open_objects
from adapters.postgres import Pool, open_pool
from adapters.redis import Redis
from adapters.tracing import Traces
from adapters.workers import Workers
from nodes.bindings import Binding
from ops.parts import FaultyParts, Parts
from ops.provision import node_database, profile
from ops.settings import Settings, SettingsInvalid
from ops.version import installed_version

if TYPE_CHECKING:
    from adapters.otlp import Collector


class Host:
    """What the nodes of one process share: settings, worker processes, and when things are closed."""

    def __init__(self, settings: Settings, stack: contextlib.AsyncExitStack):
        self.settings = settings
        self.stack = stack
        self.version = installed_version()
        self.instance = uuid.uuid4().hex[:12]
        self._faults = Faults() if settings.faults_allowed else None
        self.parts = Parts() if self._faults is None else FaultyParts(self._faults)
        self._watching = False

    @functools.cached_property
    def workers(self) -> Workers:
        """The processes for painting and checking pictures, started when first needed."""
        preload = (
            "adapters.images.painter",
            "adapters.images.adjustments",
            "adapters.typesetter",
            "adapters.moderation.pictures",
            "adapters.provenance.signatory",
        )
        workers = self.parts.workers(self.settings.paint_processes, self.settings.image_seconds, preload)
        self.stack.push_async_exit(workers)
        return workers

    async def bus(self, user: str) -> Bus:
        """A connection of that user's own."""
        who = profile(self.settings, user, version=self.version)
        connection = await self.stack.enter_async_context(connected(who))
        await self._watch_faults(connection)
        bus = self.parts.bus(connection, self.traces(user))
        await bus.open()
        return bus

    def traces(self, user: str) -> Traces | None:
        """Where a node, or the edge, begins its spans; None without a collector."""
        return None if self._collector is None else self._collector.traces(user, self.instance)

    @functools.cached_property
    def _collector(self) -> "Collector | None":
        """The trace collector, if one is set: only then its libraries are loaded."""
        settings = self.settings
        if settings.otlp_url is None:
            return None
        from adapters.otlp import Collector  # noqa: PLC0415 -- heavy, and seldom set

        environment, ratio = settings.environment, float(settings.trace_ratio)
        collector = Collector(settings.otlp_url, ratio=ratio, version=self.version, environment=environment)
        self.stack.push_async_callback(collector.close)
        return collector

    def around(self, node: str) -> Callable[[Binding], Binding]:
        """What is put around the handlers of a node: faults, and spans around those."""
        faulty = functools.partial(self.parts.binding, node=node)
        traces = self.traces(node)
        if traces is None:
            return faulty

        def traced(binding: Binding) -> Binding:
            inner = faulty(binding)
            return replace(inner, handler=traced_handler(binding.contract, inner.handler, traces, node))

        return traced

    async def _watch_faults(self, connection: Connection) -> None:
        """Once for the process, where faults are allowed: by a bus of its own, which has none."""
        if self._faults is not None and not self._watching:
            self._watching = True
            bus = await self.stack.enter_async_context(opened_bus(connection))
            await self.stack.enter_async_context(watched(bus, self._faults))

    async def postgres(self, node: str) -> Pool:
        """The node's own PostgreSQL database."""
        dsn = node_database(_given(self.settings.postgres_url, "COVERGEN_POSTGRES_URL"), node)
        pool = await open_pool(dsn, kind=lambda raw: self.parts.pool(raw, node))
        self.stack.push_async_callback(pool.close)
        return pool

    def mongo(self, node: str) -> Database:
        """The node's own MongoDB database."""
        client = open_mongo(_given(self.settings.mongo_url, "COVERGEN_MONGO_URL"))
        self.stack.callback(client.close)
        return self.parts.database(client[f"covergen_{node}"], node)

    def objects(self, bus: Bus) -> Objects:
        """The object store."""
        store = open_objects(self.settings.objects_url, lambda bucket: NatsObjects(bus.connection, bucket))
        return self.parts.objects(store)

    def redis(self) -> Redis:
        """The Redis of the edge."""
        redis = self.parts.redis(_given(self.settings.redis_url, "COVERGEN_REDIS_URL"))
        self.stack.push_async_callback(redis.close)
        return redis


def _given(url: str | None, name: str) -> str:
    if url is None:
        raise SettingsInvalid(f"{name} is not set: a node or edge by itself needs the address of its servers")
    return url
