"""Five times the capacity for forty seconds: what is taken begins in time, the rest is told when to come again.

Paying users and free ones order together, far more than can be painted. The queue has to stay as long as the limit
says, refusals have to be quick, everything else has to be answered, and when it is over orders are taken again.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from contracts.tasks import PLANS
from tests.chaos.conftest import Figures
from tests.support.api import Running, whole_stack
from tests.support.offers import WISH, Accepted, Customer, Offer, Watch, an_edges_bus, customers

LIMIT = 15
"""Seconds that a cover may wait to begin."""
TIMES, SECONDS = 5, 40
MEASURED = 8.0
"""Seconds in which the capacity is measured; longer on a machine where fewer than that many covers end."""
FEWEST = 8
TIERS = ("pro_plus", "pro", "free", "pro", "pro_plus", "free", "pro")
REFUSED_WITHIN = 0.5
"""Seconds; 50 ms are promised of a machine that has nothing else to do, the figures tell what it was."""
BACK_WITHIN, DRAINED_WITHIN = 10.0, 60.0
SHARES = sum(lane.weight for lane in PLANS)
"""While all plans wait, a free task begins once in so many: that long may one more of them take."""
PATHS = ("/healthz", "/v1/me")
pytestmark = [pytest.mark.timeout(200), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One edge and one process with all nodes."""
    settings = {"COVERGEN_MAX_WAIT": str(LIMIT), "COVERGEN_PAINT_PROCESSES": "1", "COVERGEN_RATE_LIMITS": "off"}
    async with whole_stack(tmp_path_factory.mktemp("overload"), **settings) as running:
        yield running


async def capacity(everybody: Sequence[Customer]) -> float:
    """Covers per second when each user has one going at any time."""
    ended: list[float] = []

    async def one_by_one(customer: Customer) -> None:
        while True:
            answer = await customer.api.call("POST", "/v1/covers", WISH)
            assert answer.status in (202, 503), answer.body
            if answer.status == 503:
                await asyncio.sleep(0.5)
                continue
            await customer.api.ended(answer.body["task_id"])
            ended.append(time.monotonic())

    working = [asyncio.create_task(one_by_one(customer)) for customer in everybody]
    async with asyncio.timeout(40):
        while len(ended) < FEWEST or ended[-1] - ended[0] < MEASURED:
            await asyncio.sleep(0.1)
    for task in working:
        task.cancel()
    assert not [e for e in await asyncio.gather(*working, return_exceptions=True) if isinstance(e, AssertionError)]
    return (len(ended) - 1) / (ended[-1] - ended[0])


async def drained(watch: Watch) -> float:
    """Seconds until nothing waits."""
    began = time.monotonic()
    async with asyncio.timeout(DRAINED_WITHIN):
        while not watch.loads or any(watch.loads[-1].waiting.values()):
            await asyncio.sleep(0.2)
    return time.monotonic() - began


async def waits(accepted: Sequence[Accepted]) -> list[tuple[Accepted, float]]:
    """What each accepted order really waited; every one of them has to have ended well."""
    found = []
    for order in accepted:
        task: dict[str, Any] = await order.customer.api.ended(order.task_id, DRAINED_WITHIN)
        assert task["status"] == "succeeded", task
        created, started = (datetime.fromisoformat(task[name]) for name in ("created_at", "started_at"))
        found.append((order, (started - created).total_seconds()))
    return found


def percentile(seconds: Sequence[float], part: float) -> float:
    """The value that so large a part does not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * part))]


@dataclass(frozen=True)
class Outcome:
    """What was measured; times in seconds."""

    offer: Offer
    watch: Watch
    rate: float
    """Covers per second that the stack can make."""
    took: float
    peak: int
    """Most tasks that waited."""
    longest: float
    """The longest estimate."""
    back: dict[str, tuple[float, float]]
    drain: float
    waited: list[tuple[Accepted, float]]

    @property
    def real(self) -> list[float]:
        """What orders waited."""
        return [seconds for _, seconds in self.waited]

    @property
    def honest(self) -> float:
        """Real wait by estimated wait, the median."""
        return statistics.median(seconds / order.estimate for order, seconds in self.waited if order.estimate > 2)

    @property
    def by_plan(self) -> Counter[str]:
        """Accepted orders."""
        return Counter(order.customer.tier for order in self.offer.accepted)


async def overload(stack: Running) -> Outcome:
    """Offer far more than can be painted, and wait until all that was taken has ended."""
    limit = aiohttp.ClientTimeout(total=30)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=limit, connector=connector) as session, an_edges_bus(stack) as bus:
        everybody = await customers(stack, session, TIERS)
        rate = await capacity(everybody)
        watch = Watch(bus, everybody[0].api)
        offer = Offer(everybody, watch)
        async with watch.on(*PATHS):
            await drained(watch)
            watch.loads.clear()
            watch.seconds.clear()
            began = time.monotonic()
            await offer.run(TIMES * rate, SECONDS)
            took = time.monotonic() - began
            peak = max(sum(load.waiting.values()) for load in watch.loads)
            longest = max(max(load.seconds.values()) for load in watch.loads)
            back = await _back(offer, watch, everybody)
            drain = await drained(watch)
        return Outcome(offer, watch, rate, took, peak, longest, back, drain, await waits(offer.accepted))


def tell(figures: Figures, outcome: Outcome) -> None:
    """Write the figures down, whatever becomes of the promises."""
    offer, watch, real = outcome.offer, outcome.watch, outcome.real
    offered = sum(offer.statuses.values()) / outcome.took
    told = f"{outcome.rate:.2f}; {offered:.1f}; {dict(offer.statuses)}; {dict(outcome.by_plan)}"
    figures("overload: capacity/s; offered/s; answers; accepted by plan", told)
    most = f"{outcome.peak} ({outcome.rate * LIMIT:.0f}); {outcome.longest:.1f}"
    figures("overload: most waiting (limit's worth); longest estimate in s", most)
    quick = (percentile(offer.refused, part) * 1000 for part in (0.5, 0.99, 1))
    figures("overload: refusals p50, p99, max in ms (<= 50)", ", ".join(f"{value:.0f}" for value in quick))
    for path in PATHS:
        figures(f"overload: GET {path} p99 in ms", f"{percentile(watch.seconds[path], 0.99) * 1000:.0f}")
    shown = f"{statistics.median(real):.1f}, {percentile(real, 0.99):.1f}, {max(real):.1f}; {outcome.honest:.2f}"
    figures(f"overload: real wait p50, p99, max in s (limit {LIMIT}); real/estimated, median", shown)
    again = ", ".join(f"{plan} {fell:.1f} + {then:.1f}" for plan, (fell, then) in outcome.back.items())
    figures("overload: seconds until the estimate is short again + until an order is taken (<= 10)", again)
    figures("overload: seconds until nothing waits", f"{outcome.drain:.1f}")


async def test_five_times_the_capacity_is_no_collapse(stack: Running, figures: Figures) -> None:
    """Bounded queue, quick and honest refusals, a share for every plan, and back within seconds."""
    outcome = await overload(stack)
    tell(figures, outcome)
    offer = outcome.offer
    assert not offer.broken
    assert set(offer.statuses) <= {202, 429, 503}
    assert offer.statuses[503] > offer.statuses[202] > 0
    for status, headers, body in offer.problems:
        assert headers["content-type"] == "application/problem+json"
        assert (status, body["code"]) in {(503, "overloaded"), (429, "rate_limited")}, body
        assert int(headers["retry-after"]) >= 1
    assert not outcome.watch.bad
    assert percentile(offer.refused, 0.99) <= REFUSED_WITHIN
    assert outcome.peak <= 1.5 * outcome.rate * LIMIT + 5
    assert max(outcome.real) <= 2 * LIMIT + SHARES / outcome.rate
    assert 0.3 <= outcome.honest <= 1.7
    assert outcome.by_plan["free"] >= 0.04 * sum(outcome.by_plan.values())
    assert all(then <= BACK_WITHIN for _, then in outcome.back.values()), outcome.back


async def _back(offer: Offer, watch: Watch, everybody: Sequence[Customer]) -> dict[str, tuple[float, float]]:
    """By plan: seconds until its estimate is below the limit, and from then until an order is taken."""
    one_of_each = {customer.tier: customer for customer in everybody}
    found = await asyncio.gather(*(_taken(offer, watch, customer) for customer in one_of_each.values()))
    return dict(zip(one_of_each, found, strict=True))


async def _taken(offer: Offer, watch: Watch, customer: Customer) -> tuple[float, float]:
    began, fell = time.monotonic(), None
    async with asyncio.timeout(DRAINED_WITHIN):
        while True:
            if fell is None and watch.estimate(customer.tier) < LIMIT:
                fell = time.monotonic()
            if await offer.order(customer) == 202:
                return (fell or time.monotonic()) - began, time.monotonic() - (fell or time.monotonic())
            await asyncio.sleep(0.5)
