"""Processes that hang: the supervisor notices that they give no sign of life, kills them and starts others."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from ops.launch import Stack
from ops.stack_parts import SILENCE_LIMIT
from tests.support.api import Running, signed_up, whole_stack
from tests.support.processes import slowness
from tests.support.stack import PULSES, child, small_stack

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(120)
LAG = 3
"""Seconds that a loop may stand still, for which a process of these tests is not killed."""
# Its loop stands still for longer than a beat, and then turns on.
LAGS = """
import asyncio, pathlib, time
from ops.pulse import Pulse
async def live():
    async with Pulse() as pulse:
        pulse.ready("it")
        await asyncio.sleep(1)
        time.sleep({lag})
        await asyncio.sleep(1.5)
        pathlib.Path({mark!r}).touch()
        await asyncio.sleep(600)
asyncio.run(live())
"""


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the repository, from where a child finds `ops`."""
    monkeypatch.chdir(ROOT)


async def until(condition: Callable[[], bool], limit: float) -> float:
    """Wait until it holds; seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def started_again(stack: Stack, restarts: int) -> Callable[[], bool]:
    """Whether the child is there again."""
    return lambda: (stack.info.processes[-1].restarts, stack.info.processes[-1].state) == (restarts, "ready")


async def test_a_child_that_stands_still_is_killed_and_replaced(tmp_path: Path) -> None:
    """SIGSTOP: after the limit of 3 s without a sign there is a new process, which is watched in the same way."""
    async with small_stack(tmp_path / "home", (child("nodes", PULSES, silence_limit=3),)) as stack:
        pids = []
        for restarts in (1, 2):
            pids.append(stack.info.pids["nodes"])
            os.kill(pids[-1], signal.SIGSTOP)
            assert await until(started_again(stack, restarts), 12) > 1.9
        assert len({*pids, stack.info.pids["nodes"]}) == 3


async def test_a_child_that_only_lags_is_left_alone(tmp_path: Path) -> None:
    """A loop that turns again before the limit is not killed."""
    mark = tmp_path / "turned"
    code = LAGS.format(lag=LAG, mark=str(mark))
    async with small_stack(tmp_path / "home", (child("nodes", code, silence_limit=2 * LAG),)) as stack:
        await until(mark.exists, 15)
        assert stack.info.processes[-1].restarts == 0


@pytest_asyncio.fixture
async def product(tmp_path: Path) -> AsyncIterator[Running]:
    """All of it."""
    async with whole_stack(tmp_path / "home", COVERGEN_PAINT_PROCESSES="1") as running:
        yield running


async def test_nodes_and_edge_that_hang_are_replaced_and_the_cover_ends(product: Running) -> None:
    """SIGSTOP of both with a cover accepted: new processes within 15 s, and the cover is made."""
    async with signed_up(product.base) as api:
        accepted = await api.order("Storm Glass", format="thumbnail")
        assert accepted.status == 202
        before = product.run["pids"]
        for name in ("nodes", "edge"):
            os.kill(before[name], signal.SIGSTOP)

        def replaced() -> bool:
            rows = {row["name"]: row for row in product.run["processes"]}
            return all(
                rows[name]["state"] == "ready" and rows[name]["pid"] != before[name] for name in ("nodes", "edge")
            )

        taken = await until(replaced, SILENCE_LIMIT + 40)
        assert taken <= (SILENCE_LIMIT + 5) * slowness()
        task = await api.ended(accepted.body["task_id"])

    assert task["status"] == "succeeded"
