"""SIGTERM to every process in turn under 50 requests a second: no error, nothing lost, nothing done twice.

The load is in `tests/support/steady_load.py`.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.conftest import Figures
from tests.support.api import ROOT, Running, whole_stack
from tests.support.steady_load import promises_kept, under_load, users_of

DRAIN_LIMIT, BACK_LIMIT = 10.0, 30.0
SETTINGS = {
    "COVERGEN_HTTP_WORKERS": "2",
    "COVERGEN_NODE_PROCESSES": "2",
    "COVERGEN_PAINT_PROCESSES": "1",
    "COVERGEN_RATE_LIMITS": "off",
}
OURS = ("edge", "nodes", "edge-2", "nodes-2")
pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


async def replaced(stack: Running, name: str) -> tuple[float, float]:
    """SIGTERM to a process; seconds until it has ended, and until the next one serves."""
    pid = stack.run["pids"][name]
    began, ended = time.monotonic(), 0.0
    os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(BACK_LIMIT):
        while True:
            row = next(each for each in stack.run["processes"] if each["name"] == name)
            if not ended and row["pid"] != pid:
                ended = time.monotonic() - began
            if row["pid"] not in (None, pid) and row["state"] == "ready":
                return ended, time.monotonic() - began
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Two edges and two processes with all nodes."""
    async with whole_stack(tmp_path_factory.mktemp("rolling"), folder=ROOT, **SETTINGS) as running:
        yield running


async def test_every_process_is_replaced_under_load(stack: Running, figures: Figures) -> None:
    """One process after the other: clients that keep their connections notice nothing."""
    async with users_of(stack) as users:
        async with under_load(stack, users) as load:
            drains = {name: (await replaced(stack, name))[0] for name in OURS}
        await promises_kept(load)
    figures("rolling restart: requests, orders, errors, broken connections", load.summary)
    figures("rolling restart: longest wait in s; drains in s (<= 10)", f"{max(load.seconds):.2f}; {shown(drains)}")

    assert not load.bad, load.bad[:5]
    assert len(load.orders) >= 5
    assert max(drains.values()) <= DRAIN_LIMIT


async def test_all_edges_are_replaced_at_once(stack: Running, figures: Figures) -> None:
    """Even while there is no edge at all nobody is refused: new connections wait in the port's queue for the next."""
    async with users_of(stack, keep=False) as users:
        async with under_load(stack, users) as load:
            await asyncio.gather(*(replaced(stack, name) for name in OURS if name.startswith("edge")))
        await promises_kept(load)
    figures("all edges at once: requests, orders, errors, broken connections", load.summary)
    figures("all edges at once: longest wait in s", f"{max(load.seconds):.2f}")

    assert not load.bad, load.bad[:5]


def shown(drains: dict[str, float]) -> str:
    """By process."""
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in drains.items())
