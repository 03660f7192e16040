"""What a node's service gives to the runtime: contracts with their handlers, and what it does by itself."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from adapters.nats.census import Gauge
from contracts.wire import Context, DeadLetter, Endpoint, Event, WorkQueue
from nodes.handling import Handler

Q = TypeVar("Q")
R = TypeVar("R")
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Binding:
    """A contract and the coroutine that fulfils it."""

    contract: Endpoint[Any, Any] | WorkQueue[Any] | Event[Any] | None
    """None: the dead letters of all work queues."""
    handler: Handler


@dataclass(frozen=True, slots=True)
class Chore:
    """Something a node does every `every` seconds by itself. A failure is logged and it is tried again next time."""

    name: str
    every: float
    run: Callable[[], Coroutine[Any, Any, None]]
    first: bool = False
    """Is a node not ready before this was done once?"""


class Service(Protocol):
    """What a node's `service.py` gives to the runtime."""

    @property
    def name(self) -> str:
        """The node's name, as in its subjects."""

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The contracts it fulfils."""

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What it does by itself."""


@runtime_checkable
class Guarding(Protocol):
    """A service that may also have this: it calls targets through circuit breakers, which `$SRV.STATS` shows."""

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """The statistics of its breakers by target (`adapters.resilience.states`)."""


@runtime_checkable
class Gauging(Protocol):
    """A service that may also have this: it measures numbers, which `$SRV.STATS` and the edge's `/metrics` show."""

    def gauges(self) -> Sequence[Gauge]:
        """The numbers as they were last measured; quick, because it is called for each question."""


def serve(endpoint: Endpoint[Q, R], handler: Callable[[Q, Context], Awaitable[R]]) -> Binding:
    """Answer requests."""
    return Binding(endpoint, handler)


def work(queue: WorkQueue[M], handler: Callable[[M, Context], Awaitable[None]]) -> Binding:
    """Do the work of a queue."""
    return Binding(queue, handler)


def listen(event: Event[M], handler: Callable[[M, Context], Awaitable[None]]) -> Binding:
    """Hear every event of a kind."""
    return Binding(event, handler)


def dead_letters(handler: Callable[[DeadLetter, Context], Awaitable[None]]) -> Binding:
    """Hear of every job that died."""
    return Binding(None, handler)
