"""The kill harness in its short form: a few dozen tasks, a few kills, every promise looked up where it is kept."""

from pathlib import Path

import pytest

from tests.chaos.conftest import Figures
from tests.support.chaos_books import settled, summary
from tests.support.chaos_world import UNACKNOWLEDGED, UNSENT, Kill, a_world, rampage

ORDERS = 60
KILLS = (
    Kill("nodes", "paint"),
    Kill("nats"),
    Kill("nodes", UNSENT),
    Kill("postgres"),
    Kill("nodes", UNACKNOWLEDGED),
    Kill("mongo"),
)
ACK_WAIT = 4.0
STILL = 20.0
"""Seconds without any movement after which what is left is stuck."""


@pytest.mark.timeout(120)
async def test_promises_hold_over_a_few_kills(tmp_path: Path, figures: Figures) -> None:
    """Sixty tasks, six kills: everything accepted ends once, and nothing is left over."""
    async with a_world(tmp_path, users=8, ack_wait=ACK_WAIT) as world:
        await rampage(world, KILLS, ORDERS, pause=0.5)
        books = await settled(world, STILL)
    figures("short rampage: tasks by ending", str(dict(books.statuses)))
    for target, made in summary(world.killed).items():
        figures(f"short rampage: kill -9 of {target}", made)
    for promise, count in books.broken.items():
        figures(f"short rampage: {promise}", str(count))

    assert not any(books.broken.values()), books.report()
    assert len(books.accepted) == ORDERS
    assert books.statuses["succeeded"] > ORDERS / 2, books.statuses  # else nothing was tried
    assert len(world.killed) == len(KILLS)
