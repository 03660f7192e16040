"""An edge as a process of its own: `python -m tests.support.edge_process NATS REDIS OBJECTS RATES [SECONDS]`.

It says `ready`, then its address. With SECONDS, so long a connection may be silent and a request may take.
"""

import asyncio
import sys
from pathlib import Path

from adapters.objects import FolderObjects
from adapters.redis import opened_redis
from adapters.signed_tokens import Verifier
from edge.app import build_app
from edge.middleware.limits import MAX_SECONDS
from edge.rates import read_rates
from edge.serving import serve_app
from edge.stages import Rules
from ops.hosting import open_many_files, until_told
from tests.support.buses import a_bus


async def main(nats: str, redis_url: str, objects: str, rates: str, seconds: str = "") -> None:
    """Serve until SIGTERM."""
    open_many_files()
    async with a_bus(nats, "edge") as bus, opened_redis(redis_url) as redis:
        store = FolderObjects(Path(objects))
        limit = float(seconds or 60)
        rules = Rules(rates=read_rates(rates), max_seconds=min(limit, MAX_SECONDS))
        app = build_app(bus=bus, objects=store, redis=redis, verifier=Verifier(), rules=rules)
        async with serve_app(app, "127.0.0.1", 0, drain=1, quiet=limit) as url:
            sys.stdout.write(f"ready\n{url}\n")
            sys.stdout.flush()
            await until_told([bus.connection])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
