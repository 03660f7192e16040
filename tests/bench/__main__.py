"""`make bench`: Covergen beside others on this machine, as Markdown. How and why so: README.md in this folder."""

import argparse
import asyncio
import functools
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import msgspec

from adapters.redis import opened_redis
from adapters.signed_tokens import SigningKey
from ops.commands import gallery
from ops.paths import Home
from ops.servers.mongo import MongoServer
from ops.servers.valkey import ValkeyServer
from tests.bench import machine, report
from tests.bench.contenders.plans import HttpPlan
from tests.bench.cover_costs import measure_covers
from tests.bench.http_rows import COVERGEN, LIMIT, TWICE, USUAL, measure_http
from tests.bench.job_rows import measure_jobs
from tests.bench.saga_costs import measure_saga
from tests.bench.stage_costs import measure_stages
from tests.support.buses import a_bus
from tests.support.servers import running, running_nats

JOBS = {1: 200, 16: 600}
"""Jobs in flight to jobs in a round."""
SAGAS = 30
STAGE_REPEATS, STAGE_LOOPS = 12, 64
NEEDED = ("fastapi", "faststream", "jwt", "limits", "uvicorn")


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description="Ratios measured side by side.")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of each HTTP round (3)")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load generator (32)")
    return parser.parse_args()


def say(text: str) -> None:
    """One paragraph."""
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()


async def measure(chosen: argparse.Namespace, folder: Path) -> None:
    """Measure all rows on one NATS and one Valkey; print each table when it is there."""
    valkey, key = ValkeyServer(Home(folder / "valkey")), SigningKey.new()
    async with running_nats(folder / "nats") as nats, running(valkey), opened_redis(valkey.url) as redis:
        plan = HttpPlan(nats=nats.url, redis=valkey.url, objects=str(folder / "objects"), kid=key.kid, seed=key.private)
        say(report.costs(await measure_stages(key, redis, repeats=STAGE_REPEATS, loops=STAGE_LOOPS)))
        http = functools.partial(
            measure_http,
            key=key,
            folder=folder,
            rounds=chosen.rounds,
            seconds=chosen.seconds,
            connections=chosen.connections,
        )
        limited = msgspec.structs.replace(plan, guarded=True)
        plain = await http((COVERGEN, LIMIT, USUAL), plan)
        say(report.requests(plain))
        say("The same with a rate limit, and for all of them a check of the token:")
        guarded = await http((COVERGEN, LIMIT, USUAL), limited)
        say(report.requests(guarded))
        two = await http((COVERGEN, TWICE), limited)
        say(report.requests(two))
        say(report.edges(two))
        async with a_bus(nats.url, streams=True):
            pass
        jobs = {
            in_flight: await measure_jobs(nats.url, rounds=chosen.rounds, jobs=count, in_flight=in_flight)
            for in_flight, count in JOBS.items()
        }
        mongo = MongoServer(Home(folder / "mongo"))
        async with running(mongo):
            say(report.saga(await measure_saga(nats.url, mongo.url, rounds=SAGAS)))
    say(report.jobs_per_second(jobs))
    say(report.ratios(plain, guarded, jobs))
    say(report.covers(measure_covers(chosen.rounds, gallery.samples())))


async def main(chosen: argparse.Namespace) -> None:
    """Say where and how, then measure."""
    say(f"Machine: {machine.description()}. Load average before the run: {machine.load():.1f}.")
    say(f"Versions: {machine.packages()}.")
    say(
        f"{chosen.rounds} alternating rounds of {chosen.seconds:g} s, {chosen.connections} keep-alive connections, one "
        f"request in flight on each; load generator: tests/bench/load.py (asyncio, its own process, the same cores)."
    )
    with tempfile.TemporaryDirectory() as folder:
        await measure(chosen, Path(folder))
    say(f"Load average at the end: {machine.load():.1f}.")


if __name__ == "__main__":
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        sys.exit(f"{', '.join(absent)} not installed: `make bench` installs requirements-bench.lock first")
    asyncio.run(main(arguments()))
