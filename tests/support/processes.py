"""Python modules as processes of their own, for tests that kill them."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_LIMIT = 20.0


@contextlib.asynccontextmanager
async def a_process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module arguments`, once it has said `ready`; killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert await line_of(process, START_LIMIT) == "ready"
        yield process
    finally:
        await killed(process)


async def killed(process: asyncio.subprocess.Process) -> None:
    """kill -9; fine when it has ended."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def line_of(process: asyncio.subprocess.Process, limit: float) -> str:
    """The next line that it says."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), limit)).decode().rstrip("\n")


def slowness() -> float:
    """How many times longer things may take while other work keeps the processors busy."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
