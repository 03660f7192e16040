"""Worker processes: results, errors, time limit, sudden death, and who they die with."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.workers import Workers
from contracts.errors import DeadlineExceeded, Unavailable

ROOT = Path(__file__).parents[2]


class Unpicklable(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def raise_unpicklable() -> None:
    raise Unpicklable("this", "that")


def refuse(text: str) -> None:
    raise UnicodeDecodeError("ascii", text.encode(), 0, 1, "no such letter")


def allocate(megabytes: int) -> int:
    return sum(len(bytes(100_000)) for _ in range(megabytes * 10))


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise AssertionError("no Rss")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; fails after 5 s."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(2, 5) as workers:
        yield workers


async def test_work_runs_in_another_process(workers: Workers) -> None:
    """The result is that of the function, made by a process that is not ours."""
    pid = await workers.run(os.getpid)
    assert pid != os.getpid()
    assert workers.pids == (pid,)


async def test_a_second_process_starts_only_under_load(workers: Workers) -> None:
    """Work one after another shares one process; work at the same time gets two."""
    one, again = await workers.run(os.getpid), await workers.run(os.getpid)
    assert one == again
    began = time.monotonic()
    await asyncio.gather(*(workers.run(time.sleep, 0.4) for _ in range(2)))
    assert time.monotonic() - began < 0.75
    assert len(workers.pids) == 2


async def test_the_functions_own_error_passes_through(workers: Workers) -> None:
    """An exception that can travel arrives as it was raised, a ValueError with all its parts."""
    with pytest.raises(UnicodeDecodeError, match="no such letter"):
        await workers.run(refuse, "ä")


async def test_an_error_that_cannot_travel_is_told_in_words(workers: Workers) -> None:
    """An exception that cannot be pickled neither hangs nor kills the process."""
    pid = await workers.run(os.getpid)
    with pytest.raises(RuntimeError, match="Unpicklable: this and that"):
        await workers.run(raise_unpicklable)
    assert await workers.run(os.getpid) == pid


async def test_a_process_killed_at_work_is_unavailable_and_replaced() -> None:
    """The caller is told to try again, other work goes on, and the next work has a fresh process."""
    async with Workers(2, 5) as workers:
        other = asyncio.create_task(workers.run(time.sleep, 0.6))
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await workers.run(os.kill, 0, signal.SIGKILL)
        await other
        assert alive(await workers.run(os.getpid))


async def test_a_process_killed_while_idle_is_replaced_unseen(workers: Workers) -> None:
    """Nobody is told of a process that died without work."""
    pid = await workers.run(os.getpid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    await asyncio.sleep(0.1)
    assert await workers.run(os.getpid) != pid


async def test_the_time_limit_ends_the_process() -> None:
    """Work over the limit is stopped for good, and the place is free again."""
    async with Workers(1, 0.5) as workers:
        pid = await workers.run(os.getpid)
        with pytest.raises(DeadlineExceeded):
            await workers.run(time.sleep, 20)
        assert await workers.run(os.getpid) != pid
        assert not alive(pid)


async def test_cancelling_the_caller_frees_the_process() -> None:
    """Work nobody waits for does not hold the place."""
    async with Workers(1, 20) as workers:
        await workers.run(os.getpid)
        task = asyncio.create_task(workers.run(time.sleep, 15))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        began = time.monotonic()
        await workers.run(os.getpid)
        assert time.monotonic() - began < 5


async def test_processes_end_with_the_context() -> None:
    """After the context no process is left."""
    async with Workers(2, 5) as workers:
        await asyncio.gather(*(workers.run(time.sleep, 0.2) for _ in range(2)))
        pids = workers.pids
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


async def test_memory_goes_back_after_the_work(workers: Workers) -> None:
    """A big piece of work leaves the process no more than a little bigger."""
    pid = await workers.run(os.getpid)
    await workers.run(allocate, 1)  # loads this module and pytest
    before = resident_kib(pid)
    assert await workers.run(allocate, 300) == 300_000_000
    assert await workers.run(len, bytes(20_000_000)) == 20_000_000
    await until(lambda: resident_kib(pid) - before < 8_000)


PROGRAM = """
import asyncio, os, sys, time
from adapters.workers import Workers
import multiprocessing.forkserver as server

async def main():
    async with Workers(2, 60) as workers:
        pid = await workers.run(os.getpid)
        print(pid, server._forkserver._forkserver_pid, flush=True)
        print(await workers.run(time.sleep, float(sys.argv[1])), flush=True)

asyncio.run(main())
"""


def start_program(tmp_path: Path, seconds: float) -> tuple[subprocess.Popen[str], list[int]]:
    path = tmp_path / "program"
    path.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(
        [sys.executable, str(path), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert program.stdout is not None
    return program, [int(pid) for pid in program.stdout.readline().split()]


async def test_processes_die_with_a_killed_program(tmp_path: Path) -> None:
    """A program killed by SIGKILL leaves neither workers nor the fork server behind, even in the middle of work."""
    program, pids = start_program(tmp_path, 30)
    with program:
        assert len(pids) == 2
        program.kill()
        program.wait()
        await until(lambda: not any(alive(pid) for pid in pids))


async def test_signals_to_the_group_do_not_reach_the_processes(tmp_path: Path) -> None:
    """SIGTERM to the whole group leaves workers at work, so that the program can drain; here nobody handles it."""
    program, (worker, server) = start_program(tmp_path, 1)
    with program:
        assert os.getpgid(worker) != os.getpgid(program.pid)
        os.kill(server, signal.SIGTERM)
        os.kill(server, signal.SIGINT)
        assert program.stdout is not None
        assert program.stdout.read() == "None\n"
        assert program.wait() == 0


async def test_the_main_module_is_not_loaded_again(tmp_path: Path) -> None:
    """Workers of a script without a main guard do not run the script; it would start itself over and over."""
    program, _ = start_program(tmp_path, 0)
    with program:
        assert program.stdout is not None
        assert program.stdout.read() == "None\n"
        assert program.wait() == 0
