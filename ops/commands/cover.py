"""`cover`: one cover through the running stack, over HTTP like everybody."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from contracts.tasks import Progress as Step
from ops.client import opened_client
from ops.commands.base import CommandFailed, say
from ops.credentials import ensure_admin_password
from ops.running import read_run, start_detached
from ops.settings import Settings

WISHES = ("author", "subtitle", "prompt", "template", "format", "seed")


async def run_cover(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make a cover and save it, starting a stack when none runs."""
    if arguments.output.is_dir() or not arguments.output.resolve().parent.is_dir():
        raise CommandFailed(f"{arguments.output} is no file that can be written: name a .png in a folder that exists")
    run = read_run(settings.home) or start_detached(settings.home, (sys.executable, "-m", "ops", "up"))
    wish: dict[str, Any] = {name: getattr(arguments, name) for name in WISHES if getattr(arguments, name) is not None}
    if "template" in wish:
        wish["template_id"] = wish.pop("template")
    size = await make_cover(settings, run.edge, {"title": arguments.title, **wish}, arguments.output)
    say(f"{arguments.output} ({size / 1e6:.1f} MB)")
    return 0


async def make_cover(settings: Settings, edge: str, wish: dict[str, Any], path: Path) -> int:
    """Order, follow with a progress bar, save; returns the bytes. Raises RequestRefused, TaskEnded."""
    async with opened_client(edge) as client:
        await client.sign_in(settings.admin_email, ensure_admin_password(settings))
        with Progress(TextColumn("{task.description:<24}"), BarColumn(), disable=not sys.stdout.isatty()) as bar:
            row = bar.add_task("Waiting", total=1.0)

            def watch(step: Step) -> None:
                bar.update(row, completed=step.progress, description=step.detail or step.status)

            accepted = await client.make_cover(wish, watch)
        return await client.save_image(accepted["cover_id"], path)
