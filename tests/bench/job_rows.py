"""Durable jobs per second: the runtime against a bare nats-py pull loop on the same stream, in alternating rounds."""

from tests.bench.contenders.plans import JobsPlan
from tests.bench.processes import finished

BARE, OURS = "bare_jobs", "covergen_jobs"


async def measure_jobs(nats: str, *, rounds: int, jobs: int, in_flight: int) -> dict[str, list[float]]:
    """Jobs per second of both, round by round. The streams must be there; one process at a time uses them."""
    plan = JobsPlan(nats=nats, jobs=jobs, in_flight=in_flight, warmup=min(50, jobs))
    found: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in range(rounds):
        for name, rates in found.items():
            rates.append(float(await finished(f"contenders.{name}", plan)))
    return found
