"""Planted defects, one at a time: the kill harness notices each of them, and finds nothing without them.

The product's last net, the reconciler, hides some of the defects in the end: it finds steps whose messages are gone.
So a step that only the reconciler brought back counts as lost, and what has not moved for three times as long as
redelivery needs counts as stuck.
"""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.conftest import Figures
from tests.support.chaos_books import Books, settled
from tests.support.chaos_world import UNSENT, Kill, World, a_world, rampage
from tests.support.mutants import MUTANTS

ORDERS = 40
KILLS = (Kill("nodes", UNSENT), Kill("nodes", "compose"))
ACK_WAIT = 4.0
STILL = 12.0
"""Seconds without any movement after which what is left is stuck; three times what a dead worker is waited for."""
MOST = 20.0
"""Seconds to settle at most: a mutant's tasks may move for ever."""
LOST = frozenset({"tasks stuck", "steps lost until the reconciler sent them again"})
EXPECTED = {
    "ack_before_effect": LOST,
    "no_message_id": {"duplicate events"},
    "no_effect_key": {"duplicate notifications"},
    "quota_not_keyed": {"quota drift, covers"},
    "no_idempotency_key": {"tasks that nobody ordered (one key, two tasks)"},
    "lost_release": {"quota drift, covers"},
    "lost_discard": {"orphan objects"},
    "outbox_skipped": LOST,
    "not_buried": LOST,
}
"""The promises of which each breaks one for certain; it may break more."""
pytestmark = [pytest.mark.timeout(150), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One stack for all: what a scenario left is cleared before the next."""
    async with a_world(tmp_path_factory.mktemp("mutants"), users=8, ack_wait=ACK_WAIT) as started:
        yield started


async def scenario(world: World, mutant: str) -> Books:
    """The same orders and kills each time."""
    await world.stop_nodes()
    await world.emptied()
    await world.start_nodes(mutant)
    await rampage(world, KILLS, ORDERS, pause=0.5)
    return await settled(world, STILL, MOST)


async def test_nothing_is_found_without_a_mutant(world: World) -> None:
    """The scenario that catches the mutants finds nothing wrong with the product as it is."""
    books = await scenario(world, "none")

    assert not any(books.broken.values()), books.report()
    assert len(books.accepted) == ORDERS
    assert {kill.aimed for kill in world.killed} == {True}


@pytest.mark.parametrize("mutant", list(MUTANTS))
async def test_a_mutant_is_caught(world: World, figures: Figures, mutant: str) -> None:
    """It breaks the promise that its net is there for."""
    began = time.monotonic()
    books = await scenario(world, mutant)
    broken = {promise: count for promise, count in books.broken.items() if count}
    shown = ", ".join(f"{promise} {count}" for promise, count in broken.items())
    figures(f"mutant {mutant} ({time.monotonic() - began:.0f} s)", shown or "NOT CAUGHT")

    assert EXPECTED[mutant] & broken.keys(), books.report()
