"""`node`, `edge`: host a part of the system in this process."""

import argparse
import os

import msgspec

from adapters.telemetry import configure_logging
from contracts.registry import NODES
from contracts.traffic import places
from ops.commands.base import CommandFailed
from ops.hosting import host_edge, host_nodes
from ops.running import read_run
from ops.settings import Settings


async def run_node(settings: Settings, arguments: argparse.Namespace) -> int:
    """Host the named nodes (`all`: every one)."""
    names = NODES if "all" in arguments.names else tuple(arguments.names)
    unknown = sorted(set(names) - set(NODES))
    if unknown:
        raise CommandFailed(f"no such node: {', '.join(unknown)} (there are: {', '.join(NODES)})")
    place = arguments.place
    strange = [name for name in names if place is not None and place not in places(name)]
    if strange:
        raise CommandFailed(f"there is no version {place} of {', '.join(strange)}")
    settings = _beside(settings)
    _need_bus(settings)
    configure_logging(settings.log_level, settings.log_format)
    await host_nodes(settings, dict.fromkeys(names), place)
    return 0


async def run_edge(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Host one edge process."""
    _need_bus(settings)
    configure_logging(settings.log_level, settings.log_format)
    await host_edge(settings)
    return 0


def _beside(settings: Settings) -> Settings:
    """With the servers of the stack that runs in this home, where no others are named."""
    run = read_run(settings.home)
    if settings.nats_url is not None or run is None:
        return settings
    urls = {f"{kind}_url": getattr(run, kind) for kind in ("nats", "postgres", "mongo", "redis", "objects")}
    return msgspec.structs.replace(settings, **urls)


def _need_bus(settings: Settings) -> None:
    if settings.nats_url is None:
        raise CommandFailed("COVERGEN_NATS_URL is not set: `covergen up` starts a whole stack with embedded servers")
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
