"""A worker that fails three times and dies of the fourth delivery, as a process of its own.

`python -m tests.support.deadly_worker NATS_URL` says `ready` and serves.
"""

import asyncio
import os
import signal
import sys

from contracts import notifications
from contracts.errors import Unavailable
from contracts.wire import Context
from nodes.bindings import work
from nodes.handling import MAX_DELIVER
from tests.support.buses import SmallService, a_node


async def run(nats_url: str) -> None:
    """Serve until killed."""

    async def handle(_message: notifications.SendNotification, context: Context) -> None:
        if context.delivery == MAX_DELIVER:
            os.kill(os.getpid(), signal.SIGKILL)
        raise Unavailable("not now")

    async with a_node(nats_url, SmallService("notifications", work(notifications.SEND, handle))):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
