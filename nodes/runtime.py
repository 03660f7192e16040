"""Runs a node: what its service binds (`bindings.py`); what a handler's ending means is told in `handling.py`."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters.nats.bus import Bus
from adapters.nats.discovery import PLACE, Discovery, Meter, Peer, peers
from adapters.nats.graveyard import MaxDeliveries, Undertaker
from adapters.nats.lanes import LanePuller
from adapters.nats.puller import Puller
from adapters.nats.responder import Responder
from adapters.nats.wire import VERSION
from contracts.errors import Unavailable
from contracts.traffic import VERSIONED, heard, places
from contracts.wire import (
    ADVISORIES,
    DEAD,
    DEAD_LETTER_READER,
    Context,
    Endpoint,
    Event,
    WorkQueue,
)
from nodes.bindings import Binding, Chore, Gauging, Guarding, Service
from nodes.handling import RETRY_DELAYS, Answering, Handler, Mourning, Working

log = logging.getLogger(__name__)

DRAIN_SECONDS = 8.0
"""What runs at the end gets this long; with closing its connections a process has then ended after ten."""


class Fenced(Exception):
    """A newer version of this node is serving already."""


class Node:
    """One running instance of a service."""

    def __init__(
        self,
        bus: Bus,
        service: Service,
        version: str,
        *,
        drain: float = DRAIN_SECONDS,
        around: Callable[[Binding], Binding] = lambda binding: binding,
        delays: tuple[float, ...] = RETRY_DELAYS,
        place: str | None = None,
        processes: int | None = None,
    ):
        """`around` may wrap each binding before it is served; `delays`: seconds before a job is tried again.

        `place`: as which of the node's versions it serves (the stable one); `processes`: how many there are for heavy
        work. Raises ValueError for a version that the node does not have.
        """
        self._bus = bus
        self._around = around
        self._service = service
        self._version = version
        self._drain = drain
        self._delays = delays
        self._place = _place(service.name, place)
        self._processes = processes
        self._instance = bus.connection.profile.instance
        self._responders: list[Responder] = []
        self._pullers: list[Puller | LanePuller] = []
        self._meters: list[Meter] = []
        self._chores: list[asyncio.Task[None]] = []
        self._done_once: list[asyncio.Event] = []
        self._discovery: Discovery | None = None

    async def start(self) -> None:
        """Begin. Raises Fenced when a newer version serves, PermissionError when NATS refuses a subject of ours."""
        await self._fence()
        for binding in self._service.bindings:
            self._bind(self._around(binding))
        if self._service.name == DEAD_LETTER_READER:
            self._bury_the_crashed()
        for responder in self._responders:
            await responder.start()
        for puller in self._pullers:
            await puller.start()
        await self._announce()
        await self._refuse_denied()
        chores = [(chore, asyncio.Event()) for chore in self._service.chores]
        self._done_once = [done for chore, done in chores if chore.first]
        self._chores = [asyncio.create_task(_repeat(*each), name=each[0].name) for each in chores]

    async def ready(self) -> None:
        """Return when everything that comes first was done; that may need other nodes, so all are started before."""
        for done in self._done_once:
            await done.wait()

    async def stop(self) -> None:
        """Take no more, finish what runs, give back the rest."""
        for task in self._chores:
            task.cancel()
        if self._chores:
            await asyncio.wait(self._chores, timeout=self._drain)
        if self._discovery is not None and self._bus.connection.is_connected:
            await self._discovery.stop()
        stops = [r.stop(self._drain) for r in self._responders] + [p.stop(self._drain) for p in self._pullers]
        await asyncio.gather(*stops, return_exceptions=True)

    async def __aenter__(self) -> "Node":
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _fence(self) -> None:
        for peer in await peers(self._bus, self._service.name):
            if _numbers(peer.version) > _numbers(self._version) and not self._beside(peer):
                raise Fenced(f"{self._service.name} {self._version}: version {peer.version} is serving already")

    def _beside(self, peer: Peer) -> bool:
        """Is it the canary beside us, who are stable? It is newer and shares our queues, as it should."""
        versions = VERSIONED.get(self._service.name)
        return versions is not None and (self._place, peer.place) == (versions.stable, versions.canary)

    def _bind(self, binding: Binding) -> None:
        name = self._service.name
        match binding.contract:
            case Endpoint() as endpoint:
                self._serve(endpoint, binding.handler)
            case WorkQueue() as queue:
                meter = self._meter(queue.subject, queue.durable, "jobs")
                working = Working(self._bus, queue.message, binding.handler, meter, self._delays)
                if queue.lanes:
                    self._pull_lanes(queue, working)
                else:
                    self._pull(queue.stream, queue.durable, queue, working, self._slots(queue))
            case Event() as event:
                durable = event.durable(name)
                meter = self._meter(event.subject, durable, "events")
                working = Working(self._bus, event.message, binding.handler, meter, self._delays)
                self._pull(event.stream, durable, event, working, event.concurrency)
            case None:
                meter = self._meter("dead.jobs.>", f"{name}-dead", "dead")
                mourning = Mourning(binding.handler, meter)
                self._pullers.append(Puller(self._bus, DEAD, f"{name}-dead", mourning))

    def _serve(self, endpoint: Endpoint[Any, Any], handler: Handler) -> None:
        name, subjects = self._service.name, heard(endpoint, self._place)
        canary = name in VERSIONED and self._place == VERSIONED[name].canary
        answer = Answering(endpoint, handler, self._meter(subjects[0], name, "svc"))
        answer.marks = {VERSION: self._place} if canary else None  # a header costs, and most answers are of the stable
        self._responders += [Responder(self._bus.connection, subject, name, answer) for subject in subjects]

    def _slots(self, queue: WorkQueue[Any]) -> int:
        """Messages that we work on at a time: a busy instance takes none that an idle one could do."""
        return self._processes if queue.heavy and self._processes is not None else queue.concurrency

    def _pull(
        self, stream: str, durable: str, contract: WorkQueue[Any] | Event[Any], working: Working, slots: int
    ) -> None:
        puller = Puller(self._bus, stream, durable, working, concurrency=slots, ack_wait=contract.ack_wait)
        self._pullers.append(puller)

    def _pull_lanes(self, queue: WorkQueue[Any], working: Working) -> None:
        weights = {durable: lane.weight for durable, lane in zip(queue.durables, queue.lanes, strict=True)}
        slots = self._slots(queue)
        puller = LanePuller(self._bus, queue.stream, weights, working, concurrency=slots, ack_wait=queue.ack_wait)
        self._pullers.append(puller)

    def _bury_the_crashed(self) -> None:
        undertaker = Undertaker(self._bus)

        async def handle(advisory: MaxDeliveries, _context: Context) -> None:
            await undertaker.bury(advisory)

        meter = self._meter("advisories", "undertaker", "dead")
        working = Working(self._bus, MaxDeliveries, handle, meter)
        self._pullers.append(Puller(self._bus, ADVISORIES, "undertaker", working))

    def _meter(self, subject: str, group: str, kind: str) -> Meter:
        name = subject.replace(".", "-").replace(">", "all")
        meter = Meter(name, subject, group, kind)
        self._meters.append(meter)
        return meter

    async def _announce(self) -> None:
        self._discovery = Discovery(
            name=self._service.name,
            instance=self._instance,
            version=f"{self._version}+{self._place}" if self._place else self._version,
            description=f"Covergen {self._service.name} node",
            meters=tuple(self._meters),
            metadata={PLACE: self._place} if self._place else {},
            data=self._data,
        )
        await self._discovery.start(self._bus.connection)

    def _data(self) -> Mapping[str, Any]:
        """What is in STATS beside the counts."""
        found: dict[str, Any] = {}
        if isinstance(self._service, Guarding):
            found["breakers"] = self._service.breakers()
        if isinstance(self._service, Gauging):
            found["gauges"] = self._service.gauges()
        return found

    async def _refuse_denied(self) -> None:
        await self._bus.connection.settled()  # what the server refused has been told by now
        if self._bus.connection.denied:
            raise PermissionError(f"NATS refused {self._service.name}: {self._bus.connection.denied[0]}")


def _place(node: str, wanted: str | None) -> str:
    known = places(node)
    if wanted is not None and wanted not in known:
        raise ValueError(f"{node} has no version {wanted}")
    return wanted or known[0]


def _numbers(version: str) -> tuple[int, ...]:
    """`1.10.0` is newer than `1.9.3`."""
    return tuple(int(part) for part in re.split(r"[+-]", version, maxsplit=1)[0].split(".") if part.isdigit())


async def _repeat(chore: Chore, done: asyncio.Event) -> None:
    while True:
        try:
            await chore.run()
            done.set()
        except Unavailable as error:
            log.warning("%s: %s", chore.name, error.code, extra={"action": "chore_failed"})
        except Exception:
            log.exception("%s failed", chore.name, extra={"action": "chore_failed"})
        await asyncio.sleep(chore.every)
