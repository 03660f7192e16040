"""Starting, ending and measuring operating-system processes.

Every process started here is in a session of its own (a terminal's Ctrl-C reaches only us, and its whole group can be
killed) and is killed by the kernel when we die, however we die.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

READY_FD = "COVERGEN_READY_FD"
LISTEN_FD = "COVERGEN_LISTEN_FD"
SUPERVISED_HOME = "COVERGEN_SUPERVISED_HOME"
NOBODY = 65534  # the uid and gid of "nobody"; has a passwd entry everywhere, which initdb asks for
LOG_LIMIT = 8 * 1024 * 1024  # bytes; a log that is larger at a start is kept as NAME.log.1

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000

Identity = Literal["same", "namespace", "nobody"]


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """How to start one process. `environ` is the whole environment; output goes to the end of `log`.

    `identity` is for programs that refuse to run as root: `namespace` shows us to ourselves as `nobody` inside a user
    namespace (files keep their owner), `nobody` really becomes that account.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    folder: Path
    log: Path
    identity: Identity = "same"
    pass_fds: Sequence[int] = ()


async def spawn(launch: Launch) -> asyncio.subprocess.Process:
    """Start it. Raises OSError when the program is missing, SubprocessError when the identity cannot be taken."""
    _rotate(launch.log)
    with launch.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *launch.argv,
            env=dict(launch.environ),
            cwd=launch.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=launch.pass_fds,
            start_new_session=True,
            preexec_fn=_child_setup(os.getpid(), launch.identity),
        )


async def end(process: asyncio.subprocess.Process, gently: signal.Signals, limit: float) -> None:
    """Ask it to stop, kill it after `limit` seconds, and kill what is left of its group. Fine when it has ended."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(gently)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), limit)
    kill_group(process.pid)
    await process.wait()


def kill_group(leader: int) -> None:
    """Kill every process of the group that `leader` began; nothing happens when there is none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


async def namespaces_work() -> bool:
    """Whether root may enter a user namespace here (containers often forbid it)."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            "-c",
            "",
            stdin=asyncio.subprocess.DEVNULL,
            preexec_fn=_child_setup(os.getpid(), "namespace"),
        )
    except OSError:
        return False
    except Exception as error:
        # The standard library raises SubprocessError for whatever failed between fork and exec.
        if type(error).__name__ != "SubprocessError":
            raise
        return False
    return await process.wait() == 0


def reserve_port(host: str = "127.0.0.1") -> int:
    """A free port that the kernel gives to nobody else for a minute, though a server may bind it.

    A connection is made on it and closed from the server's side: the port is then in TIME_WAIT, which keeps it out of
    the ephemeral choice while SO_REUSEADDR (which every server sets) still allows to bind.
    """
    with socket.socket() as listener, socket.socket() as caller:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(1)
        caller.connect(listener.getsockname())
        accepted, _ = listener.accept()
        port: int = listener.getsockname()[1]
        accepted.close()
    return port


def inherited_socket() -> socket.socket | None:
    """The bound socket that the supervisor gave us; None for a process that was started by itself."""
    descriptor = os.environ.pop(LISTEN_FD, None)
    if descriptor is None:
        return None
    os.set_inheritable(int(descriptor), False)
    return socket.socket(fileno=int(descriptor))


def is_alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return not Path("/proc/self").exists() and _signalled(pid)
    return state not in "ZX"


def children_by_parent() -> dict[int, list[int]]:
    """The process tree as it is now; empty where there is no /proc."""
    tree: dict[int, list[int]] = {}
    for pid in _all_pids():
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            tree.setdefault(parent, []).append(pid)
    return tree


def family(pid: int, tree: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """`pid` and all its descendants in `tree`."""
    yield pid
    for child in tree.get(pid, ()):
        yield from family(child, tree)


def proportional_size(pid: int) -> int:
    """The process's proportional set size in bytes; 0 when it is gone or the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def supervised(home: Path) -> list[int]:
    """Processes that a supervisor of `home` started, by their environment; also those it has left behind."""
    mark = f"{SUPERVISED_HOME}={home}".encode()
    found = []
    for pid in _all_pids():
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def last_lines(path: Path, count: int = 12, since: int = 0) -> str:
    """The end of a log file, from byte `since` at the earliest; empty when there is none."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(min(since, size), size - 16384))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""


def _child_setup(parent: int, identity: Identity) -> Callable[[], None]:
    """What runs in the child between fork and exec. All is looked up before the fork: it may not import or lock."""
    if sys.platform != "linux":
        return _nothing
    libc = ctypes.CDLL(None, use_errno=True)
    prctl, unshare = libc.prctl, libc.unshare

    def setup() -> None:
        if identity == "namespace":
            _enter_namespace(unshare)
        elif identity == "nobody":
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        # After the change of identity, which clears it.
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return setup


def _enter_namespace(unshare: Callable[[int], int]) -> None:
    user, group = os.geteuid(), os.getegid()
    if unshare(_CLONE_NEWUSER) != 0:
        raise PermissionError("no user namespace")
    _write("/proc/self/setgroups", b"deny")
    _write("/proc/self/uid_map", b"%d %d 1" % (NOBODY, user))
    _write("/proc/self/gid_map", b"%d %d 1" % (NOBODY, group))


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def _nothing() -> None:
    """Outside Linux a child cannot be tied to our life."""


def _rotate(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_name(log.name + ".1"))


def _all_pids() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())


def _signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
