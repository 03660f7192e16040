"""A running system for each file, which runs beside the others: what a fault left behind must not spoil the next."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.api import Api, signed_up
from tests.support.faulty_world import FaultyWorld, a_faulty_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, mongo_url: str, redis_url: str
) -> AsyncIterator[FaultyWorld]:
    """One system for all faults of a file."""
    async with a_faulty_world(tmp_path_factory.mktemp("faulty"), postgres_url, mongo_url, redis_url) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def api(world: FaultyWorld) -> AsyncIterator[Api]:
    """A new user, so that quota and inbox can be counted."""
    async with signed_up(world.base) as signed:
        yield signed
