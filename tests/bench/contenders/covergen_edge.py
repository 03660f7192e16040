"""Covergen's edge as the product runs it: every stage, the access log, Valkey behind it; `guarded`: rate limits too."""

import asyncio
import sys
from pathlib import Path

import msgspec

from adapters.objects import FolderObjects
from adapters.redis import opened_redis
from adapters.signed_tokens import Verifier
from adapters.telemetry import configure_logging
from edge.app import build_app
from edge.rates import read_rates
from edge.serving import serve_app
from edge.stages import Rules
from ops.hosting import spare_collector, until_told
from tests.bench.contenders.plans import LIMIT_A_MINUTE, HttpPlan
from tests.support.buses import a_bus


async def main(plan: HttpPlan) -> None:
    """Serve until SIGTERM."""
    configure_logging("info", "text")  # the defaults of `COVERGEN_LOG_LEVEL` and `COVERGEN_LOG_FORMAT`
    async with a_bus(plan.nats, "edge") as bus, opened_redis(plan.redis) as redis:
        rules = Rules(rates=read_rates(f"free={LIMIT_A_MINUTE}")) if plan.guarded else Rules()
        store = FolderObjects(Path(plan.objects))
        app = build_app(bus=bus, objects=store, redis=redis, verifier=Verifier(), rules=rules)
        async with serve_app(app, "127.0.0.1", plan.port, drain=1):
            spare_collector()
            await until_told([bus.connection])


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=HttpPlan)))
