"""`covergen`: the operator's command. Each command is one row of `COMMANDS`; what it does is in `ops/commands/`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import ServiceError
from nodes.runtime import Fenced
from ops.client import RequestRefused, TaskEnded
from ops.commands.base import JSON, Command, CommandFailed, option
from ops.commands.config import run_migrate, run_nats
from ops.commands.cover import run_cover
from ops.commands.doctor import run_doctor
from ops.commands.host import run_edge, run_node
from ops.commands.stack import run_down, run_status, run_up
from ops.hosting import BusLost
from ops.launch import PortTaken
from ops.provision_nats import ProvisioningFailed
from ops.running import AlreadyRunning
from ops.servers.base import NotReady, ServerMissing
from ops.settings import SettingsInvalid, load_settings

KNOWN_FAILURES = (
    AlreadyRunning,
    BusLost,
    CommandFailed,
    Fenced,
    NotReady,
    OSError,
    PortTaken,
    ProvisioningFailed,
    RequestRefused,
    ServerMissing,
    ServiceError,
    SettingsInvalid,
    TaskEnded,
)

COMMANDS = (
    Command(
        "up",
        "start everything",
        run_up,
        (
            option("--detach", action="store_true", help="leave it running in the background"),
            option("--first-cover", nargs="?", const="", metavar="TITLE", help="make a cover when all is up"),
        ),
    ),
    Command("down", "stop everything", run_down),
    Command("status", "list servers and nodes", run_status, (JSON,)),
    Command("node", "host nodes in this process", run_node, (option("names", nargs="+", metavar="NAME"),)),
    Command("edge", "host an edge in this process", run_edge),
    Command(
        "cover",
        "make one cover",
        run_cover,
        (
            option("title", metavar="TITLE"),
            option("--author"),
            option("--subtitle"),
            option("--prompt", help="what the art should show"),
            option("--template", metavar="ID", help="the style, from /v1/templates"),
            option("--format", choices=("ebook", "square", "thumbnail")),
            option("--seed", type=int, help="the same seed gives the same art"),
            option("-o", "--output", type=Path, required=True, metavar="FILE", help="where the PNG goes"),
        ),
    ),
    Command("doctor", "check settings, servers and keys", run_doctor, (JSON,)),
    Command(
        "nats",
        "generated configuration: `nats render`",
        run_nats,
        (
            option("verb", choices=("render",)),
            option("--check", action="store_true", help="fail when a file is stale"),
        ),
    ),
    Command("migrate", "bring databases and streams up to date", run_migrate),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A known failure is one line on standard error and code 1."""
    arguments = parser().parse_args(argv)
    command: Command = arguments.command
    try:
        result = command.run(load_settings(), arguments)
        return result if isinstance(result, int) else asyncio.run(result)
    except KNOWN_FAILURES as error:
        sys.stderr.write(f"covergen: {str(error) or type(error).__name__}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line, from the table."""
    top = argparse.ArgumentParser(prog="covergen", description="Covers from a title: servers, nodes, edge and tools.")
    verbs = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = verbs.add_parser(command.name, help=command.help, description=command.help)
        sub.set_defaults(command=command)
        for each in command.options:
            sub.add_argument(*each.flags, **each.keywords)
    return top
