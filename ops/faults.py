"""Faults for the operator: which are active, setting one, clearing them. Nodes and edges hear of it at once."""

import contextlib
import difflib
import time
from collections.abc import Iterable

import msgspec

from adapters.faults import decoded, described
from adapters.nats.bus import Bus
from adapters.nats.kv import KeyValues
from contracts.errors import ServiceError
from contracts.faults import BUCKET, BY_NAME, Activation, Fault, Span
from contracts.registry import NODES
from ops.failure import Failure
from ops.operating import operator_bus
from ops.settings import Settings

LASTING = Span(600, 0, 86400)
"""Seconds until a fault is over by itself; 0: never."""
PLACES = (*NODES, "edge")


class FaultRefused(Failure):
    """It is not allowed here, or not a fault, or one of its values is no good; the message is one line."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, as it was typed; None where nothing was."""

    name: str
    rate: str | None = None
    seconds: str | None = None
    node: str | None = None
    target: str | None = None
    lasting: str | None = None


async def active(bus: Bus) -> list[Activation]:
    """The faults that are active now, by name. Raises Unavailable."""
    return decoded(await KeyValues(bus, BUCKET).all(), time.time())


async def active_words(settings: Settings) -> list[str]:
    """The active faults in words; none when NATS does not answer."""
    with contextlib.suppress(Failure, ServiceError):
        async with operator_bus(settings) as bus:
            return [described(fault) for fault in await active(bus)]
    return []


async def set_fault(settings: Settings, bus: Bus, wish: Wish) -> Activation:
    """Make a fault active in place of the same one. Raises FaultRefused, Unavailable."""
    if not settings.faults_allowed:
        raise FaultRefused(
            "faults are not allowed here: COVERGEN_ENVIRONMENT is "
            f"{settings.environment} and COVERGEN_FAULTS is {settings.faults}"
        )
    activation = activated(wish, time.time())
    await KeyValues(bus, BUCKET).put(activation.name, msgspec.json.encode(activation))
    return activation


async def clear(bus: Bus, names: Iterable[str]) -> list[str]:
    """Clear these faults, or all when none is named; returns those that were there. Raises FaultRefused, Unavailable.

    Allowed everywhere: it only mends.
    """
    wanted = [known(name).name for name in dict.fromkeys(names)]
    bucket = KeyValues(bus, BUCKET)
    there = await bucket.all()
    cleared = [name for name in (wanted or there) if name in there]
    for name in cleared:
        await bucket.delete(name)
    return cleared


def known(name: str) -> Fault:
    """The fault of that name. Raises FaultRefused with the names that are near."""
    fault = BY_NAME.get(name)
    if fault is not None:
        return fault
    near = difflib.get_close_matches(name, BY_NAME, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `covergen fault list`"
    raise FaultRefused(f"{name} is not a fault: {hint}")


def activated(wish: Wish, now: float) -> Activation:
    """The fault that was asked for, its numbers within their limits. Raises FaultRefused."""
    fault = known(wish.name)
    if wish.node is not None and not fault.node:
        raise FaultRefused(f"{fault.name} takes no --node")
    if wish.node is not None and wish.node not in PLACES:
        raise FaultRefused(f"--node must be one of {', '.join(PLACES)}, not {wish.node!r}")
    if wish.target is not None and not fault.target:
        raise FaultRefused(f"{fault.name} takes no --target")
    lasting = _number("--for", wish.lasting, LASTING, fault)
    return Activation(
        name=fault.name,
        rate=_number("--rate", wish.rate, fault.rate, fault, 1.0),
        seconds=_number("--seconds", wish.seconds, fault.seconds, fault),
        node=wish.node or "",
        target=wish.target or "",
        since=now,
        until=now + lasting if lasting else None,
    )


def _number(option: str, text: str | None, span: Span | None, fault: Fault, absent: float = 0.0) -> float:
    if span is None:
        if text is not None:
            raise FaultRefused(f"{fault.name} takes no {option}")
        return absent
    if text is None:
        return span.default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not span.least <= value <= span.most:  # false for what is no number, too
        raise FaultRefused(f"{option} must be a number from {span.least:g} to {span.most:g}, not {text!r}")
    return value
