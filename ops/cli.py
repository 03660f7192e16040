"""`covergen`: the operator's command. Each command is one row of `COMMANDS`; what it does is in `ops/commands/`.

A command's module is only imported when it is asked for: the supervisor must not carry the libraries of the nodes.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from contracts.errors import ServiceError
from ops.commands.base import JSON, Command, Run, option
from ops.failure import Failure
from ops.settings import load_settings
from ops.version import installed_version

NODE_OPTIONS = (
    option("names", nargs="+", metavar="NAME"),
    option("--version", dest="place", metavar="V", help="as this version of the node: v2 is a canary beside v1"),
)
COMMANDS = (
    Command(
        "up",
        "start everything",
        "stack:run_up",
        (
            option("--detach", action="store_true", help="leave it running in the background"),
            option("--first-cover", nargs="?", const="", metavar="TITLE", help="make a cover when all is up"),
        ),
    ),
    Command("down", "stop everything", "stack:run_down"),
    Command("reload", "read `.env` again and replace every process in turn", "stack:run_reload"),
    Command("status", "list servers and nodes", "stack:run_status", (JSON,)),
    Command("node", "host nodes in this process", "host:run_node", NODE_OPTIONS),
    Command("edge", "host an edge in this process", "host:run_edge"),
    Command(
        "cover",
        "make one cover",
        "cover:run_cover",
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
    Command(
        "gallery",
        "a contact sheet of every built-in style",
        "gallery:run_gallery",
        (
            option("--shelf", action="store_true", help="the covers of the README instead, in many scripts"),
            option("-o", "--output", type=Path, required=True, metavar="FILE", help="a .png, .jpg or .webp"),
        ),
    ),
    Command(
        "verify",
        "read and check the Content Credentials of a file: exit code 0 valid, 1 not, 2 none",
        "verify:run_verify",
        (option("file", type=Path, metavar="FILE", help="PNG, JPEG, WebP, TIFF or PDF"), JSON),
    ),
    Command("doctor", "check settings, servers and keys", "doctor:run_doctor", (JSON,)),
    Command("ping", "ask nodes whether they serve", "ping:run_ping", (option("names", nargs="+", metavar="NAME"),)),
    Command(
        "dead",
        "dead letters: `dead list`, `dead show SEQ`, `dead replay SEQ...`, `dead drop SEQ...`",
        "dead:run_dead",
        (
            option("verb", choices=("list", "show", "replay", "drop")),
            option("sequences", nargs="*", type=int, metavar="SEQ", help="the letters, by their numbers in the list"),
            option("--all", action="store_true", help="replay or drop every letter there is now"),
            option("--subject", default=">", metavar="PATTERN", help="only original subjects like jobs.covers.*"),
            option("--limit", type=int, default=50, help="list at most so many (50)"),
            JSON,
        ),
    ),
    Command(
        "fault",
        "break things on purpose: `fault list`, `fault set NAME`, `fault clear [NAME...]`",
        "fault:run_fault",
        (
            option("verb", choices=("list", "set", "clear")),
            option("names", nargs="*", metavar="NAME", help="from the list; `clear` without a name clears all"),
            option("--rate", metavar="R", help="the chance that a call is hit, 0 to 1"),
            option("--seconds", metavar="S", help="how slow, how late, how wrong"),
            option("--node", metavar="NODE", help="only there"),
            option("--target", metavar="T", help="only that queue, endpoint or breaker"),
            option("--for", dest="lasting", metavar="S", help="seconds until it is over by itself (600); 0: never"),
            JSON,
        ),
    ),
    Command(
        "canary",
        "traffic between versions: `canary list`, `canary set NODE PERCENT`",
        "canary:run_canary",
        (
            option("verb", choices=("list", "set")),
            option("node", nargs="?", metavar="NODE", help="one with versions, from the list"),
            option("percent", nargs="?", type=int, metavar="PERCENT", help="what its canary gets, 0 to 100"),
            JSON,
        ),
    ),
    Command(
        "nats",
        "generated configuration (`nats render`), keys and server configuration of this home (`nats keys`)",
        "config:run_nats",
        (
            option("verb", choices=("render", "keys")),
            option("--check", action="store_true", help="fail when a file is stale"),
        ),
    ),
    Command(
        "keys",
        "the keys that sign tokens: `keys list`, `keys rotate [--now]`",
        "keys:run_keys",
        (
            option("verb", choices=("list", "rotate")),
            option("--alg", choices=("EdDSA", "RS256"), default="EdDSA", help="of access tokens (EdDSA) or ID tokens"),
            option("--now", action="store_true", help="a key was stolen: drop all of them at once with their tokens"),
            JSON,
        ),
    ),
    Command("migrate", "bring databases and streams up to date", "config:run_migrate"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A known failure is one line on standard error and code 1."""
    arguments = parser().parse_args(argv)
    command: Command = arguments.command
    try:
        result = runner(command)(load_settings(), arguments)
        return result if isinstance(result, int) else asyncio.run(result)
    except (Failure, ServiceError, OSError) as error:
        sys.stderr.write(f"covergen: {str(error) or type(error).__name__}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def runner(command: Command) -> Run:
    """The function that a row names."""
    module, _, name = command.run.partition(":")
    run: Run = getattr(import_module(f"ops.commands.{module}"), name)
    return run


def parser() -> argparse.ArgumentParser:
    """The command line, from the table."""
    top = argparse.ArgumentParser(prog="covergen", description="Covers from a title: servers, nodes, edge and tools.")
    top.add_argument("--version", action="version", version=f"covergen {installed_version()}")
    verbs = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = verbs.add_parser(command.name, help=command.help, description=command.help)
        sub.set_defaults(command=command)
        for each in command.options:
            sub.add_argument(*each.flags, **each.keywords)
    return top
