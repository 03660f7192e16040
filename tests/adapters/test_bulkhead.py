"""A bulkhead on a virtual clock: what runs at a time, what waits, what is told that there is no room."""

import asyncio

import pytest

from adapters.resilience import Bulkhead, BulkheadFull
from contracts.errors import DeadlineExceeded
from tests.support.virtual_time import virtually


def test_a_bulkhead_bounds_what_runs_and_what_waits() -> None:
    """Of 50 callers 3 run at a time, 7 wait in order, 40 are told at once that there is no room."""

    async def main() -> None:
        bulkhead, order, most = Bulkhead(3, 7), list[int](), 0

        async def caller(number: int) -> float | None:
            nonlocal most
            began = asyncio.get_running_loop().time()
            try:
                async with bulkhead.slot():
                    order.append(number)
                    most = max(most, bulkhead.running)
                    await asyncio.sleep(1)
            except BulkheadFull:
                return asyncio.get_running_loop().time() - began
            return None

        refused = [wait for wait in await asyncio.gather(*map(caller, range(50))) if wait is not None]

        assert (most, order, len(refused), max(refused)) == (3, list(range(10)), 40, 0.0)
        assert (bulkhead.running, bulkhead.queued) == (0, 0)

    virtually(main())


def test_a_bulkhead_forgets_who_gave_up() -> None:
    """A waiter whose patience is over, or that is cancelled, leaves its place in the queue to others."""

    async def main() -> None:
        bulkhead = Bulkhead(1, 1)
        async with bulkhead.slot():
            with pytest.raises(DeadlineExceeded):
                await bulkhead.slot(0.5).__aenter__()
            waiter = asyncio.create_task(bulkhead.slot().__aenter__())
            await asyncio.sleep(0)
            assert bulkhead.queued == 1
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
            assert bulkhead.queued == 0
        async with bulkhead.slot():
            assert bulkhead.running == 1

    virtually(main())
