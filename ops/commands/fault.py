"""`fault`: break the running system on purpose, and mend it."""

import argparse
import time
from collections.abc import Awaitable, Callable

import msgspec

from adapters.faults import described
from adapters.nats.bus import Bus
from contracts.faults import FAULTS, Activation, Fault
from ops.commands.base import CommandFailed, say, show_table
from ops.faults import Wish, active, clear, set_fault
from ops.operating import operator_bus
from ops.settings import Settings

COLUMNS = ("fault", "active", "takes", "does", "promise")
Act = Callable[[Settings, Bus, argparse.Namespace], Awaitable[None]]


async def run_fault(settings: Settings, arguments: argparse.Namespace) -> int:
    """`list`, `set NAME`, `clear [NAME...]`."""
    if arguments.verb == "set" and len(arguments.names) != 1:
        raise CommandFailed("fault set takes one name")
    if arguments.verb == "list" and arguments.names:
        raise CommandFailed("fault list takes no names")
    async with operator_bus(settings) as bus:
        await ACTS[arguments.verb](settings, bus, arguments)
    return 0


async def _list(_settings: Settings, bus: Bus, arguments: argparse.Namespace) -> None:
    now = {fault.name: fault for fault in await active(bus)}
    if arguments.json:
        found = [{**msgspec.to_builtins(row), "active": msgspec.to_builtins(now.get(row.name))} for row in FAULTS]
        say(msgspec.json.encode(found).decode())
        return
    rows = [(row.name, _state(now.get(row.name)), _takes(row), row.about, row.promise) for row in FAULTS]
    show_table(COLUMNS, rows, as_json=False)


async def _set(settings: Settings, bus: Bus, arguments: argparse.Namespace) -> None:
    words = {name: getattr(arguments, name) for name in ("rate", "seconds", "node", "target", "lasting")}
    fault = await set_fault(settings, bus, Wish(name=arguments.names[0], **words))
    say(f"{described(fault)} is active {_ending(fault)}")


async def _clear(_settings: Settings, bus: Bus, arguments: argparse.Namespace) -> None:
    cleared = await clear(bus, arguments.names)
    say(f"cleared: {', '.join(cleared)}" if cleared else "nothing to clear")


def _state(fault: Activation | None) -> str:
    return "" if fault is None else f"{described(fault).removeprefix(fault.name).strip()} {_ending(fault)}".strip()


def _ending(fault: Activation) -> str:
    return "until it is cleared" if fault.until is None else f"for {max(0, fault.until - time.time()):.0f} s"


def _takes(row: Fault) -> str:
    """The options that a fault knows, with their defaults."""
    options = (
        f"--rate {row.rate.default:g}" if row.rate else "",
        f"--seconds {row.seconds.default:g}" if row.seconds else "",
        "--node" if row.node else "",
        f"--target {row.target.upper()}" if row.target else "",
    )
    return " ".join(filter(None, options))


ACTS: dict[str, Act] = {"list": _list, "set": _set, "clear": _clear}
