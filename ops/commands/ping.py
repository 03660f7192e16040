"""`ping`: do the nodes answer? For health checks of containers."""

import argparse

from adapters.nats.bus import opened_bus
from adapters.nats.connection import connected
from adapters.nats.discovery import peers
from contracts.registry import NODES
from ops.commands.base import CommandFailed, say
from ops.provision import profile
from ops.running import read_run
from ops.settings import Settings


async def run_ping(settings: Settings, arguments: argparse.Namespace) -> int:
    """Code 0 when every named node answers."""
    run = read_run(settings.home)
    url = settings.nats_url or (run.nats if run else None)
    if url is None:
        raise CommandFailed("nothing runs here, and COVERGEN_NATS_URL is not set")
    async with connected(profile(settings, "ops", url)) as connection, opened_bus(connection) as bus:
        for name in NODES if "all" in arguments.names else arguments.names:
            found = await peers(bus, name)
            if not found:
                raise CommandFailed(f"no instance of {name} answers")
            say(f"{name}: {len(found)}")
    return 0
