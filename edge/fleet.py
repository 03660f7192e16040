"""What the nodes tell about themselves, as Prometheus' metrics beside the edge's own.

Counters are those of one instance (`instance` is its label), so that they never go back but when it starts again,
whichever edge is asked. Gauges that several instances measure of the same thing (the depth of a queue) are told once,
the highest. A node that does not answer in time has no numbers, only `covergen_up 0`.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from adapters.nats.bus import Bus
from adapters.nats.census import Gauge, Served, Stats, census
from adapters.nats.discovery import SECONDS

KEEP = 2.0
"""Seconds for which one census serves all who ask."""
MOST = 0.5
"""Seconds that a census may take."""
PREFIX = "covergen_"
BOUNDS = (*(str(bound) for bound in SECONDS), "+Inf")
STATES = {"closed": 0, "half-open": 1, "open": 2}
Labels = tuple[tuple[str, str], ...]


class Fleet:
    """The nodes' numbers, looked at anew when somebody asks and they are older than `KEEP`."""

    def __init__(self, bus: Bus, nodes: Sequence[str], *, keep: float = KEEP) -> None:
        self._bus = bus
        self._nodes = tuple(nodes)
        self._keep = keep
        self._found: Sequence[Stats] = ()
        self._until = float("-inf")
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Ask the nodes, unless that was done just now. Takes at most `MOST` seconds, and raises nothing."""
        async with self._looking:
            if time.monotonic() >= self._until:
                self._found = await census(self._bus, self._nodes, most=MOST)
                self._until = time.monotonic() + self._keep

    def collect(self) -> Iterator[Metric]:
        """What was found, as Prometheus' client asks for it."""
        yield _up(self._nodes, self._found)
        yield from _served(self._found)
        yield from _breakers(self._found)
        yield from _gauges(gauge for stats in self._found for gauge in stats.data.gauges)


def _up(nodes: Iterable[str], found: Sequence[Stats]) -> Metric:
    up = GaugeMetricFamily("covergen_up", "1 when an instance of the node answers", labels=("node",))
    answering = {stats.name for stats in found}
    for node in nodes:
        up.add_metric((node,), float(node in answering))
    return up


def _served(found: Sequence[Stats]) -> Iterator[Metric]:
    """Requests of endpoints apart from durable work, which is counted by its queue or listener."""
    rows = [(stats, each) for stats in found for each in stats.endpoints]
    requests = [((s.name, s.id, each.subject), each) for s, each in rows if each.subject.startswith("svc.")]
    jobs = [
        ((s.name, s.id, each.subject, each.queue_group), each)
        for s, each in rows
        if not each.subject.startswith("svc.")
    ]
    yield from _counters("covergen_node_request", "Requests", ("node", "instance", "subject"), requests)
    labels = ("node", "instance", "subject", "queue")
    yield from _counters("covergen_node_job", "Deliveries of jobs, events and dead letters", labels, jobs)


def _counters(
    name: str, what: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Served]]
) -> Iterator[Metric]:
    handled = CounterMetricFamily(f"{name}s", f"{what} handled", labels=labels)
    errors = CounterMetricFamily(f"{name}_errors", f"{what} that ended in an error", labels=labels)
    seconds = CounterMetricFamily(f"{name}_seconds", f"{what}: time spent on them", labels=labels)
    times = HistogramMetricFamily(f"{name}_duration_seconds", f"{what}: how long each took", labels=labels)
    for values, each in rows:
        handled.add_metric(values, each.num_requests)
        errors.add_metric(values, each.num_errors)
        seconds.add_metric(values, each.processing_time / 1e9)
        if len(each.data.buckets) == len(BOUNDS) and each.num_requests:  # what was never asked has no row
            sums = zip(BOUNDS, itertools.accumulate(each.data.buckets), strict=True)
            times.add_metric(values, list(sums), each.processing_time / 1e9)
    yield from (handled, errors, seconds, times)


def _breakers(found: Sequence[Stats]) -> Iterator[Metric]:
    labels = ("node", "instance", "target")
    state = GaugeMetricFamily("covergen_breaker_state", "0 closed, 1 half-open, 2 open", labels=labels)
    openings = CounterMetricFamily("covergen_breaker_openings", "How often the breaker opened", labels=labels)
    for stats in found:
        for target, each in stats.data.breakers.items():
            state.add_metric((stats.name, stats.id, target), STATES.get(each.state, 2))
            openings.add_metric((stats.name, stats.id, target), each.openings)
    yield from (state, openings)


def _gauges(measured: Iterable[Gauge]) -> Iterator[Metric]:
    about: dict[str, str] = {}
    values: dict[str, dict[Labels, float]] = {}
    for gauge in measured:
        about.setdefault(gauge.name, gauge.about)
        same, labels = values.setdefault(gauge.name, {}), tuple(sorted(gauge.labels.items()))
        same[labels] = max(gauge.value, same.get(labels, gauge.value))
    for name, rows in values.items():
        yield _family(PREFIX + name, about[name], rows)


def _family(name: str, about: str, rows: Mapping[Labels, float]) -> Metric:
    family = Metric(name, about, "gauge")
    for labels, value in rows.items():
        family.add_sample(name, dict(labels), value)
    return family
