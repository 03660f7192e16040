"""`up`, `down`, `status`: the whole stack."""

import argparse
import sys
import time

from adapters.telemetry import configure_logging
from ops.commands.base import say, show_table
from ops.commands.cover import DEFAULT_AUTHOR, DEFAULT_TITLE, first_cover
from ops.credentials import ensure_admin_password, write_nats_config
from ops.launch import Stack, our_processes
from ops.paths import Home
from ops.provision import provision
from ops.running import RunInfo, down, memory, start_detached, status
from ops.settings import Settings

MEBIBYTE = 1024 * 1024
COLUMNS = ("name", "kind", "pid", "port", "health", "restarts", "memory")


async def run_up(settings: Settings, arguments: argparse.Namespace) -> int:
    """Start everything; stay until told to stop, or leave it running with `--detach`."""
    if arguments.detach:
        return _up_detached(settings)
    configure_logging("warning" if settings.log_level == "info" else settings.log_level, "text")
    began = time.monotonic()
    ensure_admin_password(settings)

    async def when_ready(run: RunInfo) -> None:
        say(f"Covergen is ready at {run.edge}")
        if arguments.first_cover is not None:
            title = arguments.first_cover or DEFAULT_TITLE
            path = await first_cover(settings, run.edge, title, DEFAULT_AUTHOR)
            say(f"First cover: {path} ({time.monotonic() - began:.1f} s after the start)")
            total = sum(memory(settings.home).values())
            say(f"Memory of all processes: {total / MEBIBYTE:.0f} MB (proportional set size)")
        say(f"Sign in as {settings.admin_email}; the password is in {Home(settings.home).admin_password}")
        say("Stop with Ctrl-C")

    stack = Stack(settings, provision=provision, configure_nats=write_nats_config, processes=our_processes(settings))
    await stack.run(when_ready)
    say("Covergen has stopped")
    return 0


def _up_detached(settings: Settings) -> int:
    run = start_detached(settings.home, (sys.executable, "-m", "ops", "up"))
    say(f"Covergen is ready at {run.edge}")
    say("Stop with: covergen down")
    return 0


async def run_down(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Stop the stack of this home."""
    say("Covergen has stopped" if await down(settings.home) else f"Nothing runs in {settings.home}")
    return 0


def run_status(settings: Settings, arguments: argparse.Namespace) -> int:
    """List every server and process; code 1 when nothing runs or something is not ready."""
    rows = status(settings.home)
    if not rows and not arguments.json:
        say(f"Nothing runs in {settings.home}")
        return 1
    shown = [(r.name, r.kind, r.pid, r.port, r.health, r.restarts, f"{r.pss / MEBIBYTE:.0f} MB") for r in rows]
    show_table(COLUMNS, shown, as_json=arguments.json)
    return 0 if rows and all(row.health == "ready" for row in rows) else 1
