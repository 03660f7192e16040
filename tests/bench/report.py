"""The results as Markdown."""

import itertools
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence

from tests.bench.cover_costs import CoverCost
from tests.bench.http_rows import COVERGEN, LIMIT, SHAPES, TWICE, USUAL, Found, ratio
from tests.bench.job_rows import BARE, OURS
from tests.bench.saga_costs import SagaCost
from tests.bench.stage_costs import Cost

TARGETS = {LIMIT: 0.8, USUAL: 3.0}
JOBS_TARGET = 0.8
COVER_TARGET = 2.0
"""Seconds of processor time for art and type."""
CORES_OF_TWO = 5
"""Two edges, the nodes, NATS and the load generator."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left, the others right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratios(plain: Found, guarded: Found, jobs: Mapping[int, Mapping[str, Sequence[float]]]) -> str:
    """The table that matters: Covergen divided by the other, round by round."""
    rows = []
    for what, found in (("", plain), (", token and rate limit", guarded)):
        for shape, other in itertools.product(SHAPES, TARGETS):
            measured = ratio(found[shape.name, COVERGEN], found[shape.name, other])
            rows.append(_row(f"{shape.name}{what}, against {other}", measured, TARGETS[other]))
    for in_flight, rates in jobs.items():
        each = [a / b for a, b in zip(rates[OURS], rates[BARE], strict=True)]
        what = f"durable jobs, {in_flight} in flight, against a bare nats-py pull loop"
        rows.append(_row(what, (statistics.median(each), min(each), max(each)), JOBS_TARGET))
    return table(("ratio of throughput", "median", "least", "most", "goal", ""), rows)


def edges(found: Found) -> str:
    """Two edge processes against one; the goal is one of machines that have a core for each process."""
    cores = os.cpu_count() or 1
    rows = []
    for shape in SHAPES:
        what, *numbers, verdict = _row(
            f"{shape.name}, two edges against one", ratio(found[shape.name, TWICE], found[shape.name, COVERGEN]), 1.6
        )
        rows.append((what, *numbers, verdict if cores >= CORES_OF_TWO else f"{cores} cores, needs {CORES_OF_TWO}"))
    return table(("ratio of throughput", "median", "least", "most", "goal", ""), rows)


def _row(what: str, ratio: tuple[float, float, float], target: float) -> tuple[str, ...]:
    median, least, most = ratio
    verdict = "met" if median >= target else "not met"
    return what, f"**{median:.2f}**", f"{least:.2f}", f"{most:.2f}", f"≥ {target:g}", verdict


def requests(found: Found) -> str:
    """Medians of each contender, HTTP."""
    rows = [
        (f"{shape}, {name}", f"{r.rate:.0f}", f"{r.p50:.1f}", f"{r.p99:.1f}", f"{statistics.median(r.cpu):.0f}")
        for (shape, name), r in found.items()
    ]
    return table(("medians of the rounds", "requests/s", "p50 ms", "p99 ms", "CPU µs per request"), rows)


def jobs_per_second(jobs: Mapping[int, Mapping[str, Sequence[float]]]) -> str:
    """Medians of each contender, jobs."""
    rows = [
        (f"{in_flight} in flight", f"{statistics.median(rates[OURS]):.0f}", f"{statistics.median(rates[BARE]):.0f}")
        for in_flight, rates in jobs.items()
    ]
    return table(("jobs/s", "Covergen", "bare nats-py"), rows)


def saga(cost: SagaCost) -> str:
    """What the saga of one cover costs."""
    rows = [
        ("messages that the tasks node sends", f"{cost.sent:.0f}"),
        ("messages that it receives, acknowledgements included", f"{cost.received:.0f}"),
        ("messages that JetStream keeps for the task, everybody's", f"{cost.stored}"),
        ("round trips of the tasks node to its database", f"{cost.round_trips:.0f}"),
        ("milliseconds from creation to the last notice, with workers that do nothing", f"{cost.milliseconds:.0f}"),
    ]
    return table(("cost of the saga of one cover (six steps)", "median"), rows)


def costs(lines: Iterable[Cost]) -> str:
    """Microseconds per stage."""
    rows = [(line.what, *(_number(value) for value in (line.get, line.post, line.cached))) for line in lines]
    return table(("µs per request", "GET /v1/me", "POST /v1/covers", "GET /v1/templates, cached"), rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def covers(costs: Sequence[CoverCost]) -> str:
    """The dearest style of each family, and how many times Pillow could have written its page meanwhile."""
    head = ("processor seconds, the dearest style of a family", "art", "type and files", "whole", "÷ writing", "goal")
    rows = [
        (
            f"{cost.family}: {cost.style}",
            f"{cost.art:.2f}",
            f"{cost.words:.2f}",
            f"**{cost.whole:.2f}**",
            f"{cost.whole / cost.writing:.1f}",
            f"≤ {COVER_TARGET:g} s: {'met' if cost.whole <= COVER_TARGET else 'not met'}",
        )
        for cost in costs
    ]
    return table(head, rows)
