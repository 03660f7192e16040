"""Time limits: the nearer of what the caller has left and what a call may take."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from contracts.errors import DeadlineExceeded
from contracts.wire import Context

FAIR_SHARE = 0.5
"""A call that was given less of its limit than this, and did not end in time, says nothing about its target."""


class CutShort(DeadlineExceeded):
    """The caller's time was over long before the target's was: nobody's failure."""


def deadline(context: Context | None, limit: float) -> float:
    """Seconds that a call may take: `limit`, or less when the context's deadline is nearer.

    Raises DeadlineExceeded when there is no time left.
    """
    remaining = None if context is None else context.remaining()
    if remaining is None:
        return limit
    if remaining <= 0:
        raise DeadlineExceeded("Nobody waits for this answer any more.")
    return min(limit, remaining)


@contextlib.asynccontextmanager
async def within(context: Context | None, limit: float) -> AsyncIterator[None]:
    """Run the block in that time. Raises DeadlineExceeded; CutShort when the caller left it less than half of `limit`.

    A TimeoutError of the block's own passes as it is.
    """
    seconds = deadline(context, limit)
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise
        kind = CutShort if seconds < limit * FAIR_SHARE else DeadlineExceeded
        raise kind("No answer in time.", retry_after=1) from error
