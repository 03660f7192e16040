"""Time limits of calls: the nearer of what the caller has left and what a call may take."""

import asyncio

import pytest

from adapters.resilience import CutShort, deadline, within
from contracts.errors import DeadlineExceeded, ServiceError, Unavailable
from contracts.wire import Context
from tests.support.virtual_time import virtually


def test_the_nearer_of_deadline_and_limit() -> None:
    """Seconds left are those of the caller or the limit; a caller whose time is over is told so at once."""
    assert deadline(None, 5) == 5
    assert deadline(Context.new(), 5) == 5
    assert deadline(Context.new(timeout=60), 5) == 5
    assert 1.9 < deadline(Context.new(timeout=2), 5) <= 2
    with pytest.raises(DeadlineExceeded):
        deadline(Context.new(timeout=-1), 5)


@pytest.mark.parametrize(("left", "error"), [(None, DeadlineExceeded), (0.04, CutShort), (8, DeadlineExceeded)])
def test_a_call_ends_at_its_limit(left: float | None, error: type[ServiceError]) -> None:
    """A hanging call ends in time; it is nobody's failure when the caller left it less than half of the limit."""

    async def main() -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable) as caught:
            async with within(Context.new(timeout=left), 10):
                await asyncio.sleep(100)
        assert type(caught.value) is error
        assert asyncio.get_running_loop().time() - began == pytest.approx(left or 10, abs=0.05)

    virtually(main())


async def test_a_timeout_of_the_calls_own_passes() -> None:
    """A TimeoutError raised inside, while there is time left, is not taken for the limit."""
    with pytest.raises(TimeoutError) as caught:
        async with within(None, 10):
            raise TimeoutError("mine")
    assert type(caught.value) is TimeoutError
