"""`dead`: the letters that nobody could work on. They may hold a user's text: shown to the operator, never logged."""

import argparse
import contextlib
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from adapters.nats.dead_letters import Letter, NoSuchLetter, depth
from contracts.text import SUBJECT
from ops.commands.base import CommandFailed, say, show_table
from ops.operating import operator_bus
from ops.settings import Settings

COLUMNS = ("sequence", "subject", "reason", "deliveries", "age", "task_id")
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Act = Callable[[Bus, argparse.Namespace], Awaitable[None]]


async def run_dead(settings: Settings, arguments: argparse.Namespace) -> int:
    """`list`, `show SEQ`, `replay SEQ...|--all`, `drop SEQ...|--all`."""
    _check(arguments)
    async with operator_bus(settings) as bus:
        await ACTS[arguments.verb](bus, arguments)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what makes no sense before anything is done."""
    verb, given = arguments.verb, len(arguments.sequences)
    if not re.search(SUBJECT, arguments.subject):
        raise CommandFailed(f"{arguments.subject!r} is no subject: words, * or a last > with dots between")
    if verb == "list" and (given or arguments.all or arguments.limit < 1):
        raise CommandFailed("dead list takes --subject, a --limit of at least 1, and --json")
    if verb == "show" and given != 1:
        raise CommandFailed("dead show takes the sequence of one letter")
    if verb in ("replay", "drop") and bool(given) == arguments.all:
        raise CommandFailed(f"dead {verb} takes sequences, or --all")
    if not arguments.all and verb != "list" and arguments.subject != dead_letters.EVERYTHING:
        raise CommandFailed("--subject goes with list, or with --all")


async def _list(bus: Bus, arguments: argparse.Namespace) -> None:
    found: list[Letter] = []
    async with contextlib.aclosing(dead_letters.letters(bus, arguments.subject)) as walk:
        async for letter in walk:
            found.append(letter)
            if len(found) == arguments.limit:
                break
    show_table(COLUMNS, [_row(each, as_json=arguments.json) for each in found], as_json=arguments.json)
    if not arguments.json:
        _say_depth(await depth(bus, arguments.subject), len(found))


def _row(letter: Letter, *, as_json: bool) -> tuple[object, ...]:
    age, task = (round(letter.age, 3), letter.task_id) if as_json else (ago(letter.age), letter.task_id or "-")
    return letter.sequence, letter.subject, letter.reason, letter.deliveries, age, task


def _say_depth(all_of_them: dead_letters.Depth, shown: int) -> None:
    """Beside the table, not in it: a pipe gets the rows only."""
    count = all_of_them.letters
    text = f"{count} dead letter{'' if count == 1 else 's'}"
    if shown < count:
        text += f", the oldest {shown} shown"
    if all_of_them.oldest is not None:
        text += f"; the oldest of all subjects is {ago(all_of_them.oldest)} old"
    sys.stderr.write(text + "\n")


async def _show(bus: Bus, arguments: argparse.Namespace) -> None:
    letter = await dead_letters.letter(bus, arguments.sequences[0])
    if arguments.json:
        say(msgspec.json.encode({**msgspec.to_builtins(letter), "age": letter.age, **_body(letter)}).decode())
        return
    facts: dict[str, object] = {
        "sequence": letter.sequence,
        "subject": letter.subject,
        "reason": letter.reason,
        "detail": letter.detail,
        "deliveries": letter.deliveries,
        "buried": f"{letter.buried_at.isoformat(timespec='seconds')}, {ago(letter.age)} ago",
        "task": letter.task_id or "-",
        **letter.context,
    }
    for name, value in facts.items():
        say(f"{printable(name):<16} {printable(str(value))}")
    say("")
    for line in _pretty(letter.payload):
        say(printable(line))


def _body(letter: Letter) -> dict[str, Any]:
    """The payload as what it is where that is JSON; the bytes as base64 are there in any case."""
    try:
        return {"body": msgspec.json.decode(letter.payload)}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _pretty(payload: bytes) -> Iterable[str]:
    try:
        msgspec.json.decode(payload)
        text = msgspec.json.format(payload, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return (f"not JSON, {len(payload)} bytes: {payload!r}",)
    return text.split("\n")


def printable(text: str) -> str:
    """The text without what could drive a terminal: control characters and the like are spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def ago(seconds: float) -> str:
    """An age for people, in its largest unit."""
    size, unit = next((row for row in UNITS if seconds >= row[0]), UNITS[-1])
    return f"{max(0, int(seconds // size))} {unit}"


async def _replay(bus: Bus, arguments: argparse.Namespace) -> None:
    async def one(letter: Letter) -> bool:
        await dead_letters.replay(bus, letter)
        return True

    say(f"{await _each(bus, arguments, one)} replayed")


async def _drop(bus: Bus, arguments: argparse.Namespace) -> None:
    say(f"{await _each(bus, arguments, lambda letter: dead_letters.drop(bus, letter.sequence))} dropped")


async def _each(bus: Bus, arguments: argparse.Namespace, act: Callable[[Letter], Awaitable[bool]]) -> int:
    """Act on the letters that were asked for; how many it was done to. Raises NoSuchLetter when some are not there."""
    done = 0
    if arguments.all:
        last = (await depth(bus)).last  # what dies again meanwhile is not taken again
        async with contextlib.aclosing(dead_letters.letters(bus, arguments.subject, last=last)) as walk:
            async for letter in walk:
                done += await act(letter)
        return done
    missing = []
    for sequence in dict.fromkeys(arguments.sequences):
        try:
            done += await act(await dead_letters.letter(bus, sequence))
        except NoSuchLetter:
            missing.append(sequence)
    if missing:
        if done:
            say(f"{done} done")
        raise NoSuchLetter(*missing)
    return done


ACTS: dict[str, Act] = {"list": _list, "show": _show, "replay": _replay, "drop": _drop}
