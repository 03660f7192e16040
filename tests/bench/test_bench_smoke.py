"""The benchmark's own parts work: a benchmark that is broken is noticed by the tests, not months later."""

import math
from pathlib import Path

from adapters.redis import opened_redis
from adapters.signed_tokens import SigningKey
from ops.commands import gallery
from ops.processes import reserve_port
from tests.bench import http_rows, report
from tests.bench.contenders.plans import HttpPlan
from tests.bench.cover_costs import measure_covers
from tests.bench.http_rows import LIMIT, SHAPES, Rounds, contenders, token
from tests.bench.job_rows import measure_jobs
from tests.bench.load import Measured, Plan, measure
from tests.bench.saga_costs import measure_saga
from tests.bench.stage_costs import NAMES, measure_stages
from tests.support.buses import a_bus


async def test_stage_costs_name_every_stage(redis_url: str) -> None:
    """Each stage has a line, and the whole pipeline takes time."""
    async with opened_redis(redis_url) as redis:
        lines = await measure_stages(SigningKey.new(), redis, repeats=1, loops=3)
    by_name = {line.what: line for line in lines}
    assert set(NAMES) <= set(by_name)
    whole = by_name["all of these"]
    assert whole.get is not None
    assert 1 < whole.get < 1e6


async def test_the_load_generator_counts_answers_of_a_contender(nats_url: str, tmp_path: Path) -> None:
    """Answers are counted, and another status than the expected one is bad."""
    key = SigningKey.new()
    plan = HttpPlan(nats=nats_url, port=reserve_port(), kid=key.kid, seed=key.private)
    bearer = token(key)
    async with contenders((LIMIT,), plan, tmp_path, bearer) as ready:
        for shape, status, bad in ((SHAPES[1], 202, False), (SHAPES[0], 204, True)):
            load = Plan(
                host="127.0.0.1",
                port=ready[LIMIT].port,
                request=shape.wire(bearer),
                status=status,
                connections=2,
                seconds=0.2,
                warmup=0.05,
            )
            found = await measure(load)
            assert found.count > 0
            assert 0 < found.p50 <= found.p99
            assert bool(found.bad) is bad


async def test_both_sides_work_the_same_jobs(nats_url: str) -> None:
    """A round of each gives a rate."""
    async with a_bus(nats_url, streams=True):
        found = await measure_jobs(nats_url, rounds=1, jobs=4, in_flight=2)
    assert all(math.isfinite(rate) and rate > 0 for rates in found.values() for rate in rates)


def test_ratios_compare_rounds_that_ran_next_to_each_other() -> None:
    """Median, least and most of the pairs, not a ratio of medians."""
    ours, theirs = (
        Rounds([Measured(count=count, seconds=1, p50=1, p99=2, bad=0) for count in counts])
        for counts in ((10, 90, 30), (10, 30, 10))
    )
    assert http_rows.ratio(ours, theirs) == (3, 1, 3)
    assert "| a | 1 |" in report.table(("x", "y"), [("a", "1")])


async def test_the_cost_of_a_saga_is_counted(nats_url: str, mongo_url: str) -> None:
    """Each of six steps is at least read, written and sent once, and nothing is counted twice."""
    async with a_bus(nats_url, streams=True):
        cost = await measure_saga(nats_url, mongo_url, rounds=3)
    assert 12 <= cost.round_trips < 60
    assert 14 <= cost.stored < 40
    assert cost.sent > 14
    assert 0 < cost.milliseconds < 10_000


def test_a_family_costs_what_its_dearest_style_does() -> None:
    """One line for two styles of a family, with all its parts, and its verdict in the table."""
    two = [cover for cover in gallery.samples() if cover[0]["family"] == "mesh"][:2]
    (cost,) = measure_covers(1, two)

    assert cost.style in {style["name"] for style, _ in two}
    assert min(cost.art, cost.words, cost.writing) > 0
    assert report.covers([cost]).count("met") == 1
