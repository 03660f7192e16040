"""What a command is, and how commands print."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ops.failure import Failure
from ops.settings import Settings

Run = Callable[[Settings, argparse.Namespace], int | Coroutine[Any, Any, int]]


class CommandFailed(Failure):
    """A command could not do its work; the message is one line."""


@dataclass(frozen=True, slots=True)
class Option:
    """One argument, as argparse takes it."""

    flags: tuple[str, ...]
    keywords: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One row: the word, what it does, its arguments."""

    name: str
    help: str
    run: str
    """`module:function` in ops/commands."""
    options: tuple[Option, ...] = ()


def option(*flags: str, **keywords: Any) -> Option:
    """An argument."""
    return Option(flags, keywords)


MEBIBYTE = 1024 * 1024
JSON = option("--json", action="store_true", help="print JSON")


def say(text: str) -> None:
    """One line for the user, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """A table: drawn on a terminal, tab-separated on a pipe, or JSON."""
    if as_json:
        say(msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode())
    elif not sys.stdout.isatty():
        for row in (columns, *rows):
            say("\t".join(map(str, row)))
    else:
        from rich.console import Console  # noqa: PLC0415 -- the supervisor never draws a table
        from rich.table import Table  # noqa: PLC0415 -- the same

        table = Table(*columns, box=None, header_style="bold")
        for row in rows:
            table.add_row(*map(str, row))
        Console().print(table)
