"""`canary`: how much of a node's traffic its canary gets."""

import argparse
import contextlib
from collections import Counter

from adapters.nats.bus import Bus
from adapters.nats.discovery import peers
from contracts.errors import ServiceError
from contracts.traffic import VERSIONED
from ops.canary import checked, keep_weights, read_weights, reload_server
from ops.commands.base import CommandFailed, say, show_table
from ops.failure import Failure
from ops.operating import operator_bus
from ops.paths import Home
from ops.running import read_run
from ops.settings import Settings

COLUMNS = ("node", "version", "percent", "instances", "releases")
RELOAD = "nats-server --signal reload, or docker compose kill -s HUP nats"


async def run_canary(settings: Settings, arguments: argparse.Namespace) -> int:
    """`list`, `set NODE PERCENT`."""
    if arguments.verb == "list":
        if arguments.node is not None:
            raise CommandFailed("canary list takes no names")
        await _list(settings, as_json=arguments.json)
    elif arguments.node is None or arguments.percent is None:
        raise CommandFailed("canary set takes a node and a percentage: canary set covers 10")
    else:
        await _set(settings, arguments.node, checked(arguments.node, arguments.percent))
    return 0


async def _list(settings: Settings, *, as_json: bool) -> None:
    weights = read_weights(Home(settings.home))
    found = await _found(settings)
    rows: list[tuple[object, ...]] = []
    for node, versions in VERSIONED.items():
        shares = {versions.stable: 100 - weights[node], versions.canary: weights[node]}
        for version, share in shares.items():
            releases = sorted({release for name, at, release in found if (name, at) == (node, version)})
            count = sum(found[each] for each in found if each[:2] == (node, version))
            rows.append((node, version, share, count, ", ".join(releases)))
    show_table(COLUMNS, rows, as_json=as_json)


async def _set(settings: Settings, node: str, percent: int) -> None:
    home, run = Home(settings.home), read_run(settings.home)
    before = read_weights(home)
    path = keep_weights(home, {node: percent})
    version = VERSIONED[node].canary
    if settings.nats_url is not None or run is None or run.monitor is None:
        then = f"reload the NATS servers that include it: {RELOAD}" if settings.nats_url else "the next start takes it"
        say(f"wrote {path}; {then}")
        return
    try:
        await reload_server(home.log("nats"), run.pids["nats"], run.monitor)
    except BaseException:
        keep_weights(home, before)
        raise
    say(f"{node}: {percent} % to {version}, {100 - percent} % to {VERSIONED[node].stable}")
    found = await _found(settings)
    if percent and not any(each[:2] == (node, version) for each in found):
        say(f"no instance of {node} {version} answers: until one does, {VERSIONED[node].stable} serves its share")


async def _found(settings: Settings) -> Counter[tuple[str, str, str]]:
    """How many instances answer, by node, version and release; none when nothing runs."""
    if settings.nats_url is None and read_run(settings.home) is None:
        return Counter()
    async with operator_bus(settings) as bus:
        return await instances(bus)


async def canary_words(settings: Settings) -> list[str]:
    """Each canary that has traffic or an instance, in words; by the weights alone when NATS does not answer."""
    weights, found = read_weights(Home(settings.home)), Counter[tuple[str, str, str]]()
    with contextlib.suppress(Failure, ServiceError):
        found = await _found(settings)
    words = []
    for node, versions in VERSIONED.items():
        count = sum(found[each] for each in found if each[:2] == (node, versions.canary))
        if weights[node] or count:
            words.append(f"{node} {versions.canary}: {weights[node]} %, instances: {count}")
    return words


async def instances(bus: Bus) -> Counter[tuple[str, str, str]]:
    """How many instances of nodes with versions answer, by node, version and release."""
    found: Counter[tuple[str, str, str]] = Counter()
    for node in VERSIONED:
        found.update((node, peer.place, peer.version) for peer in await peers(bus, node))
    return found
