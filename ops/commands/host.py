"""`node`, `edge`: host a part of the system in this process."""

import argparse
import os

from adapters.telemetry import configure_logging
from contracts.registry import NODES
from ops.commands.base import CommandFailed
from ops.hosting import host_edge, host_nodes
from ops.settings import Settings


async def run_node(settings: Settings, arguments: argparse.Namespace) -> int:
    """Host the named nodes (`all`: every one)."""
    names = NODES if "all" in arguments.names else tuple(arguments.names)
    unknown = sorted(set(names) - set(NODES))
    if unknown:
        raise CommandFailed(f"no such node: {', '.join(unknown)} (there are: {', '.join(NODES)})")
    _need_bus(settings)
    configure_logging(settings.log_level, settings.log_format)
    await host_nodes(settings, dict.fromkeys(names))
    return 0


async def run_edge(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Host one edge process."""
    _need_bus(settings)
    configure_logging(settings.log_level, settings.log_format)
    await host_edge(settings)
    return 0


def _need_bus(settings: Settings) -> None:
    if settings.nats_url is None:
        raise CommandFailed("COVERGEN_NATS_URL is not set: `covergen up` starts a whole stack with embedded servers")
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
