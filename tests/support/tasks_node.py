"""The tasks node as a process of its own, for tests that kill it.

`python -m tests.support.tasks_node NATS_URL MONGO_URL DATABASE` says `ready` and serves.
"""

import asyncio
import sys

from adapters.mongo import open_mongo
from nodes.tasks.service import build
from tests.support.buses import a_bus, a_node


async def run(nats_url: str, mongo_url: str, name: str) -> None:
    """Serve until killed."""
    async with a_bus(nats_url, "tasks") as bus:
        service = await build(open_mongo(mongo_url)[name], bus)
        async with a_node(nats_url, service):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:4]))
