"""Keys of orders for further versions that outlive what the edge keeps of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from contracts import covers
from contracts.covers import GenerateCover, RegenerateCover, VaryCover
from contracts.errors import KeyReused
from tests.support.covers_world import World, a_world, asks
from tests.support.servers import MongoDatabase


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_a_key_of_another_cover_does_not_hold_this_one(world: World) -> None:
    """Its task is about the other cover: this one is refused, and free at once for the next order."""
    first, second = [await world.generate(GenerateCover(title=title)) for title in ("Tides", "Ebb")]
    for each in (first, second):
        await world.make_ready(each)
    context = msgspec.structs.replace(asks(), idempotency_key="k")
    await world.bus.request(covers.VARY, VaryCover(cover_id=first.cover_id), context)
    with pytest.raises(KeyReused):
        await world.bus.request(covers.VARY, VaryCover(cover_id=second.cover_id), context)
    assert (await world.get(second)).running_task_id is None
    assert (await world.get(first)).running_task_id is not None
    assert world.neighbours.released.empty()
    await world.bus.request(covers.REGENERATE, RegenerateCover(cover_id=second.cover_id), asks())
