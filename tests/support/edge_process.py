"""An edge as a process of its own: `python -m tests.support.edge_process NATS REDIS OBJECTS RATES`.

It says `ready`, then its address.
"""

import asyncio
import sys
from pathlib import Path

from adapters.crypto import Verifier
from adapters.objects import FolderObjects
from adapters.redis import opened_redis
from edge.app import Rules, build_app, serve_app
from edge.rates import read_rates
from ops.hosting import until_told
from tests.support.buses import a_bus


async def main(nats: str, redis_url: str, objects: str, rates: str) -> None:
    """Serve until SIGTERM."""
    async with a_bus(nats, "edge") as bus, opened_redis(redis_url) as redis:
        store = FolderObjects(Path(objects))
        rules = Rules(rates=read_rates(rates))
        app = build_app(bus=bus, objects=store, redis=redis, verifier=Verifier(), rules=rules)
        async with serve_app(app, "127.0.0.1", 0, drain=1) as url:
            sys.stdout.write(f"ready\n{url}\n")
            sys.stdout.flush()
            await until_told([bus.connection])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
