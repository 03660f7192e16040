"""Processes of one benchmark run: started as modules of this repository, ended with the run."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A process of the run ended badly; the message has the end of what it wrote."""


def argv(module: str, plan: msgspec.Struct) -> list[str]:
    """The command of a module under `tests.bench` that takes its plan as JSON."""
    return [sys.executable, "-m", f"tests.bench.{module}", msgspec.json.encode(plan).decode()]


@contextlib.asynccontextmanager
async def running(module: str, plan: msgspec.Struct, log: Path) -> AsyncIterator[int]:
    """The module's process for the length of the block; gives its pid. What it writes goes to `log`."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(*argv(module, plan), cwd=ROOT, stdout=out, stderr=out)
    try:
        yield process.pid
        if process.returncode is not None:
            raise Failed(f"{module} ended by itself:\n{written(log)}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


def written(log: Path) -> str:
    """The end of a log."""
    return log.read_text()[-2000:]


async def finished(module: str, plan: msgspec.Struct) -> bytes:
    """Run the module to its end and return what it printed. Raises Failed."""
    process = await asyncio.create_subprocess_exec(
        *argv(module, plan), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # when the run is broken off; one that has ended is not there any more
    if process.returncode != 0:
        raise Failed(f"{module} ended with {process.returncode}:\n{err.decode()[-2000:]}")
    return out


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, in steps of 10 ms (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
