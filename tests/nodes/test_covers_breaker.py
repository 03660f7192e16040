"""The covers node while its image model is down: jobs wait for the breaker instead of dying, and operators see it."""

import asyncio
import time
from pathlib import Path

import msgspec

from adapters.images.guarded import GuardedModel, image_target
from contracts import covers
from contracts.covers import GenerateCover
from contracts.errors import Unavailable
from tests.support.covers_world import Brush, World, a_world
from tests.support.servers import MongoDatabase

JOBS, FAILURES, PAUSE = 6, 3, 4


async def breaker_seen(world: World) -> dict[str, object]:
    """What `$SRV.STATS` of the node says of its model."""
    [reply] = await world.bus.gather("$SRV.STATS.covers", b"", quiet=0.2, most=1)
    found: dict[str, object] = msgspec.json.decode(reply)["data"]["breakers"]["images/brush"]
    return found


async def test_jobs_outlast_a_model_that_is_down(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> None:
    """Three failures and nobody calls it for 4 s, whatever is in the queue; then every cover is painted, once."""
    brush = Brush()
    model = GuardedModel(brush, image_target(brush.name, timeout=5, failures=FAILURES, open_for=PAUSE, concurrency=1))
    async with a_world(nats_url, mongo_database, tmp_path / "art", model) as world:
        brush.refusal = Unavailable("the provider is down")
        accepted = [await world.generate(GenerateCover(title=f"Tides {n}")) for n in range(JOBS)]
        for each in accepted:
            await world.send(covers.PAINT, each, "paint")
        began = time.monotonic()
        async with asyncio.timeout(5):
            while model.breaker.state != "open":
                await asyncio.sleep(0.01)
        assert len(brush.orders) == FAILURES
        seen = await breaker_seen(world)
        brush.refusal = None
        await world.idle()

        assert (seen["state"], seen["failed"], seen["openings"]) == ("open", FAILURES, 1)
        assert time.monotonic() - began >= PAUSE
        reports = [world.neighbours.reports.get_nowait() for _ in range(JOBS)]
        assert [report.problem for report in reports] == [None] * JOBS
        assert len(brush.orders) == FAILURES + JOBS
        assert (await breaker_seen(world))["state"] == "closed"
