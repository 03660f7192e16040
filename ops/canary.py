"""The weights of canaries of one home: kept in a file, rendered for NATS, and taken by a running server at a reload."""

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.traffic import VERSIONED
from ops.failure import Failure
from ops.nats_mappings import Weights, default_weights, render_mappings
from ops.paths import Home
from ops.processes import last_lines
from ops.servers.base import write_private

RELOAD_LIMIT, LOOK_AGAIN = 5.0, 0.02
PAGE_LIMIT = 2.0
"""Seconds."""
WHOLE = 100


class CanaryRefused(Failure):
    """There is no such node or weight, or the server did not take the new mappings; the message is one line."""


def weights_file(home: Home) -> Path:
    """Where the weights are kept that an operator set."""
    return home.nats_config.parent / "weights.json"


def mappings_file(home: Home) -> Path:
    """What the server of this home includes."""
    return home.nats_config.parent / "mappings.conf"


def read_weights(home: Home) -> Weights:
    """The weights of this home. Raises CanaryRefused for a file that says something else."""
    weights = dict(default_weights())
    try:
        kept = msgspec.json.decode(weights_file(home).read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return weights
    except msgspec.MsgspecError as error:
        raise CanaryRefused(f"{weights_file(home)}: {error}") from error
    for node, weight in kept.items():
        if node in VERSIONED:  # one that has no canary any more does not count
            weights[node] = checked(node, weight)
    return weights


def checked(node: str, weight: int) -> int:
    """The weight, if it may be. Raises CanaryRefused."""
    if node not in VERSIONED:
        raise CanaryRefused(f"{node} has no canary (there are: {', '.join(sorted(VERSIONED))})")
    if not 0 <= weight <= WHOLE:
        raise CanaryRefused(f"the weight must be a whole number of percent from 0 to {WHOLE}, not {weight}")
    return weight


def write_mappings(home: Home, weights: Weights) -> Path:
    """Write the mappings in one step; returns the file."""
    home.create()
    path = mappings_file(home)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(render_mappings(weights))
    fresh.replace(path)
    return path


def keep_weights(home: Home, changed: Weights) -> Path:
    """Change weights of this home for good and render them; returns what the server includes. Raises CanaryRefused."""
    weights = {**read_weights(home), **{node: checked(node, weight) for node, weight in changed.items()}}
    path = write_mappings(home, weights)
    write_private(weights_file(home), msgspec.json.encode(weights).decode() + "\n")
    return path


async def reload_server(log: Path, pid: int, monitor: str) -> None:
    """Let a server of ours read its configuration again. Raises CanaryRefused with its words when it did not."""
    before, log_start = await _loaded(monitor), _size(log)
    os.kill(pid, signal.SIGHUP)
    try:
        async with asyncio.timeout(RELOAD_LIMIT):
            while await _loaded(monitor) == before:  # noqa: ASYNC110 -- another process tells us, by a page
                await asyncio.sleep(LOOK_AGAIN)
    except TimeoutError:
        raise CanaryRefused(f"NATS did not take the weights: {last_lines(log, since=log_start)}") from None


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


async def _loaded(monitor: str) -> str:
    """When the server last read its configuration, as it says."""
    page = await asyncio.to_thread(_page, f"{monitor}/varz")
    return str(page["config_load_time"])


def _page(url: str) -> Mapping[str, object]:
    with urllib.request.urlopen(url, timeout=PAGE_LIMIT) as answer:  # noqa: S310 -- our own server, by http
        page: Mapping[str, object] = json.load(answer)
    return page
