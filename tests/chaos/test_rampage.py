"""The kill harness in its long form: a thousand tasks, three dozen kills over every step, every promise looked up."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.conftest import Figures
from tests.support.chaos_books import settled, summary
from tests.support.chaos_world import UNACKNOWLEDGED, UNSENT, Kill, a_world, rampage

ORDERS = 1000
STEPS = ("paint", "check_image", "compose", "store", "commit", "complete")
UNDOS = ("store/undo", "compose/undo", "paint/undo", "reserve/undo")
SERVERS = ("nats", "postgres", "mongo")
SERVER_KILLS = 6
NODE_KILLS = tuple(Kill("nodes", moment) for moment in (*STEPS, *UNDOS, UNSENT, UNACKNOWLEDGED, UNSENT, UNACKNOWLEDGED))
KILLS_LEAST = 30
AIMED_LEAST = 0.8
"""Share of aimed kills that came at their moment; undo steps are rare and may not be met in time."""
PAUSE = 1.0
STILL = 40.0
"""Seconds without any movement after which what is left is stuck; four times what a dead worker is waited for."""


def in_turn() -> list[Kill]:
    """Servers and nodes mixed, so that each lives for a while between two kills."""
    servers = [Kill(SERVERS[number % len(SERVERS)]) for number in range(SERVER_KILLS * len(SERVERS))]
    nodes = list(NODE_KILLS)
    kills: list[Kill] = []
    while servers or nodes:
        kills += [servers.pop(0)] if servers else []
        kills += [nodes.pop(0)] if nodes else []
    return kills


@pytest.mark.timeout(1200)
async def test_promises_hold_over_many_kills(tmp_path: Path, figures: Figures) -> None:
    """A thousand tasks, at least thirty kills in every step: everything accepted ends once, nothing is left over."""
    began, kills = time.monotonic(), in_turn()
    async with a_world(tmp_path, users=20) as world:
        await rampage(world, kills, ORDERS, PAUSE)
        last = time.monotonic()
        books = await settled(world, STILL)
        tail = time.monotonic() - last
    figures("rampage: tasks by ending", ", ".join(f"{status} {n}" for status, n in books.statuses.items()))
    for target, made in summary(world.killed).items():
        figures(f"rampage: kill -9 of {target}", made)
    for promise, count in books.broken.items():
        figures(f"rampage: {promise}", str(count))
    dead = Counter(f"{letter.subject} {letter.reason}" for letter in books.letters)
    figures("rampage: dead letters", ", ".join(f"{what} {n}" for what, n in dead.items()) or "0")
    figures("rampage: refusals that users tried again", ", ".join(f"{k} {n}" for k, n in world.shop.told.items()))
    figures("rampage: s from the last kill until all is settled; in all", f"{tail:.0f}; {time.monotonic() - began:.0f}")

    assert not any(books.broken.values()), books.report()
    assert len(books.accepted) == ORDERS
    assert books.statuses["succeeded"] > ORDERS / 2, books.statuses  # else nothing was tried
    assert len(world.killed) == len(kills) >= KILLS_LEAST
    assert sum(kill.aimed for kill in world.killed) >= AIMED_LEAST * len(kills)
