"""A worker that takes work and keeps it until it is killed, as a process of its own.

`python -m tests.support.captive_worker NATS_URL` says `ready`, then `taken KEY` for each job.
"""

import asyncio
import sys

from contracts import notifications
from contracts.wire import Context
from nodes.bindings import work
from tests.support.buses import SmallService, a_node


async def run(nats_url: str) -> None:
    """Serve until killed."""

    async def handle(message: notifications.SendNotification, _context: Context) -> None:
        _say(f"taken {message.effect_key}")
        await asyncio.Event().wait()

    async with a_node(nats_url, SmallService("notifications", work(notifications.SEND, handle))):
        _say("ready")
        await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
