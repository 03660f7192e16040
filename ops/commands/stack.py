"""`up`, `down`, `status`: the whole stack.

The supervisor stays small: provisioning and the first cover, which need drivers, run as commands of their own.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.telemetry import configure_logging
from ops.child import ProcessSpec
from ops.commands.base import MEBIBYTE, CommandFailed, say, show_table
from ops.credentials import ensure_admin_password, write_nats_config
from ops.launch import Stack
from ops.paths import Home
from ops.running import RunInfo, down, memory, reload, start_detached, status
from ops.settings import Settings, load_settings
from ops.stack_parts import Urls, our_processes

COLUMNS = ("name", "kind", "pid", "port", "health", "restarts", "memory")
DEFAULT_TITLE, DEFAULT_AUTHOR = "The Salt Road", "Ines Marlow"


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
            path = await _first_cover(settings, arguments.first_cover or DEFAULT_TITLE)
            say(f"First cover: {path} ({time.monotonic() - began:.1f} s after the start)")
        _say_memory(settings)
        say(f"Sign in as {settings.admin_email}; the password is in {Home(settings.home).admin_password}")
        say("Stop with Ctrl-C")

    processes = our_processes(settings)
    stack = Stack(settings, provision=_provision, configure_nats=write_nats_config, processes=processes)
    await stack.run(when_ready, _reread)
    say("Covergen has stopped")
    return 0


def _reread() -> tuple[Settings, Sequence[ProcessSpec]]:
    settings = load_settings()
    return settings, our_processes(settings)


async def _provision(settings: Settings, urls: Urls) -> None:
    await _covergen(settings, "migrate", environ=urls.environ())


async def _first_cover(settings: Settings, title: str) -> Path:
    path = Home(settings.home).root / "first-cover.png"
    await _covergen(settings, "cover", title, "--author", DEFAULT_AUTHOR, "-o", str(path))
    return path


async def _covergen(settings: Settings, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
    """Run another command of ours to its end. Raises CommandFailed with what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops", *arguments),
        env={**os.environ, **settings.environ(), **(environ or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if process.returncode:
        raise CommandFailed(output.decode(errors="replace").strip().removeprefix("covergen: "))


def _say_memory(settings: Settings) -> None:
    sizes = memory(settings.home)
    parts = ", ".join(f"{name} {size / MEBIBYTE:.0f}" for name, size in sizes.items())
    total = sum(sizes.values()) / MEBIBYTE
    say(f"Memory of all processes: {total:.0f} MB (proportional set size: {parts})")


def _up_detached(settings: Settings) -> int:
    run = start_detached(settings.home, (sys.executable, "-m", "ops", "up"))
    say(f"Covergen is ready at {run.edge}")
    say("Stop with: covergen down")
    return 0


async def run_down(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Stop the stack of this home."""
    say("Covergen has stopped" if await down(settings.home) else f"Nothing runs in {settings.home}")
    return 0


async def run_reload(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Have the stack of this home read its settings again."""
    began = time.monotonic()
    await reload(settings.home)
    say(f"Covergen has read its settings again ({time.monotonic() - began:.1f} s)")
    return 0


async def run_status(settings: Settings, arguments: argparse.Namespace) -> int:
    """List every server and process, canaries and active faults; code 1 when nothing runs or something is not ready."""
    rows = status(settings.home)
    if not rows and not arguments.json:
        say(f"Nothing runs in {settings.home}")
        return 1
    shown = [(r.name, r.kind, r.pid, r.port, r.health, r.restarts, f"{r.pss / MEBIBYTE:.0f} MB") for r in rows]
    if rows:
        from ops.commands.canary import canary_words  # noqa: PLC0415 -- drivers that the supervisor must not load

        shown += [(words, "canary", None, None, "active", 0, "") for words in await canary_words(settings)]
    if rows and settings.faults_allowed:
        from ops.faults import active_words  # noqa: PLC0415 -- drivers that the supervisor must not load

        shown += [(words, "fault", None, None, "active", 0, "") for words in await active_words(settings)]
    show_table(COLUMNS, shown, as_json=arguments.json)
    return 0 if rows and all(row.health == "ready" for row in rows) else 1
