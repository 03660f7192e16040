"""What runs in a home, seen from outside: `run.json`, the lock, status, memory, and how to make it stop."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ops.failure import Failure
from ops.paths import Home
from ops.processes import children_by_parent, family, is_alive, last_lines, proportional_size
from ops.servers.base import NotReady
from ops.supervision import ProcessRow, State

LOCK_TRIES = 10


class AlreadyRunning(Failure):
    """Another supervisor holds this home."""


class NotReloaded(Failure):
    """What runs goes on with its old settings."""


class ReloadRow(msgspec.Struct, frozen=True):
    """What became of reloads: is one under way, how many have ended, why the last one was refused."""

    running: bool = False
    count: int = 0
    error: str | None = None


class RunInfo(msgspec.Struct, frozen=True):
    """The content of `run.json`. The URLs hold passwords: the file is mode 600."""

    edge: str
    nats: str
    postgres: str
    mongo: str
    redis: str
    objects: str
    monitor: str | None
    pids: dict[str, int]
    processes: list[ProcessRow]
    started_at: str
    version: str
    reload: ReloadRow = ReloadRow()


class StatusRow(msgspec.Struct, frozen=True):
    """One line of `covergen status`. `health` is the supervisor's word, or `gone`; `pss` counts descendants too."""

    name: str
    kind: str
    pid: int | None
    port: int | None
    health: State | str
    restarts: int
    pss: int


def take(home: Home) -> int:
    """Take the home for this process: the descriptor of its lock, which the kernel releases however we end.

    Raises AlreadyRunning. Tries for a moment, because looking whether somebody holds the lock takes it for an instant.
    """
    home.create()
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(LOCK_TRIES):
        if _try_lock(descriptor):
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            return descriptor
        time.sleep(0.01)
    pid = os.read(descriptor, 32).decode().strip()
    os.close(descriptor)
    raise AlreadyRunning(f"Covergen already runs in {home.root} (pid {pid}): covergen down, or another COVERGEN_HOME")


def holder(home: Path) -> int | None:
    """The pid of the supervisor that holds this home, or None."""
    try:
        descriptor = os.open(Home(home).lock_file, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor) else int(os.read(descriptor, 32) or b"0") or None
    finally:
        os.close(descriptor)


def read_run(home: Path) -> RunInfo | None:
    """What runs in this home, or None. A `run.json` that a killed supervisor left behind counts as None."""
    if holder(home) is None:
        return None
    with contextlib.suppress(FileNotFoundError):
        return msgspec.json.decode(Home(home).run_file.read_bytes(), type=RunInfo)
    return None


async def down(home: Path, limit: float = 60.0) -> bool:
    """Tell the supervisor of `home` to stop and wait until it has; False when none runs.

    Raises TimeoutError after `limit` seconds.
    """
    pid = holder(home)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(limit):
        while True:
            if holder(home) != pid and not is_alive(pid):
                return True
            await asyncio.sleep(0.05)


async def reload(home: Path, limit: float = 300.0) -> RunInfo:
    """Tell the supervisor of `home` to read its settings again; what runs when all processes are new ones.

    Raises NotReloaded when it refuses, or none runs; TimeoutError after `limit` seconds.
    """
    async with asyncio.timeout(limit):
        before = await _quiet(home, -1)
        with contextlib.suppress(ProcessLookupError):
            os.kill(before.pids["supervisor"], signal.SIGHUP)
        after = await _quiet(home, before.reload.count)
    if after.reload.error is not None:
        raise NotReloaded(after.reload.error)
    return after


async def _quiet(home: Path, count: int) -> RunInfo:
    """What runs, when no reload is under way and more than `count` have ended."""
    while True:
        run = read_run(home)
        if run is None:
            raise NotReloaded(f"nothing runs in {home}, or it is still starting")
        if not run.reload.running and run.reload.count > count:
            return run
        await asyncio.sleep(0.05)


def start_detached(home: Path, argv: Sequence[str], limit: float = 60.0) -> RunInfo:
    """Start a supervisor of `home` that outlives us, with its output in `logs/supervisor.log`; return when all is up.

    Raises NotReady with its last lines when it ends, or is not up after `limit` seconds (it is then told to stop).
    """
    layout = Home(home)
    layout.create()
    path = layout.log("supervisor")
    log_start = path.stat().st_size if path.exists() else 0
    pid = _spawn_detached(argv, path)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and os.waitpid(pid, os.WNOHANG) == (0, 0):
        run = read_run(home)
        if run and run.pids["supervisor"] == pid:
            return run
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    raise NotReady(f"Covergen did not start:\n{last_lines(path, since=log_start)}")


def status(home: Path) -> list[StatusRow]:
    """The supervisor and each of its processes; empty when nothing runs."""
    run = read_run(home)
    if run is None:
        return []
    sizes = memory(home)
    supervisor = ProcessRow("supervisor", "supervisor", run.pids["supervisor"], None, "ready", 0)
    return [_status_row(row, sizes.get(row.name, 0)) for row in (supervisor, *run.processes)]


def memory(home: Path) -> dict[str, int]:
    """Proportional set size in bytes by name, descendants included; the supervisor's is its own alone."""
    run = read_run(home)
    if run is None:
        return {}
    tree = children_by_parent()
    named = set(run.pids.values())
    return {
        name: sum(proportional_size(each) for each in family(pid, tree) if each == pid or each not in named)
        if name != "supervisor"
        else proportional_size(pid)
        for name, pid in run.pids.items()
    }


def _status_row(row: ProcessRow, pss: int) -> StatusRow:
    gone = row.pid is None or not is_alive(row.pid)
    health = "gone" if gone and row.state in ("ready", "silent") else row.state
    return StatusRow(row.name, row.kind, row.pid, row.port, health, row.restarts, pss)


def _spawn_detached(argv: Sequence[str], log: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    files = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    )
    return os.posix_spawn(argv[0], tuple(argv), os.environ, file_actions=files, setsid=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
