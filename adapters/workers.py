"""Processes for work that would hold up the event loop: painting and typesetting.

The processes are forked by a fork server that has already imported what they need, so that they share its memory and
start in milliseconds. Each process is an executor of its own: a process that dies or is stopped at the time limit takes
no other work with it. Processes are started when they are first needed, and the busiest is always used first.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib.machinery
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from types import TracebackType
from typing import TypeVar, TypeVarTuple

from contracts.errors import DeadlineExceeded, Unavailable

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""Environment of the fork server: the processes are the parallelism, so threads would only cost memory."""
PR_SET_PDEATHSIG = 1
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
MMAP_FROM = 256 * 1024
"""Bytes from which glibc gives memory back as soon as it is freed; set so that it does not grow by itself."""


class Workers:
    """At most `processes` processes that run plain functions. An async context manager.

    `time_limit` is in seconds and counts from when the work begins, not from when it is asked for. `preload` names
    modules that the processes share.
    """

    def __init__(self, processes: int, time_limit: float, preload: tuple[str, ...] = ()) -> None:
        self._time_limit = time_limit
        self._slots = tuple(_Slot(preload) for _ in range(processes))
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def __aenter__(self) -> "Workers":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(asyncio.to_thread(slot.stop) for slot in self._slots))

    async def run(self, fn: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `fn(*args)` in another process; `fn`, arguments and result must be picklable.

        Raises what `fn` raised, Unavailable when the process died, DeadlineExceeded at the time limit. When the caller
        is cancelled the process is ended too, as nobody waits for its work.
        """
        slot = await self._free.get()
        try:
            return await slot.run(fn, args, self._time_limit)
        finally:
            self._free.put_nowait(slot)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are alive now."""
        return tuple(slot.pid for slot in self._slots if slot.pid is not None)


class _Slot:
    """The place of one process; the process in it may be replaced."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self.pid: int | None = None
        self._preload = preload
        self._executor: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    async def run(self, fn: Callable[[*Ts], T], args: tuple[*Ts], time_limit: float) -> T:
        future = asyncio.wrap_future(await self._submit(fn, args))
        try:
            done, _ = await asyncio.wait({future}, timeout=time_limit)
        except asyncio.CancelledError:
            self._kill()
            raise
        if not done:
            self._kill()
            raise DeadlineExceeded(f"the work took longer than {time_limit:g} s")
        try:
            return future.result()
        except BrokenProcessPool as error:
            self._kill()
            raise Unavailable("a worker process died") from error

    async def _submit(self, fn: Callable[[*Ts], T], args: tuple[*Ts]) -> Future[T]:
        """Hand the work to the process; one that died while it was idle is replaced first."""
        for _ in range(2):
            try:
                executor = await asyncio.to_thread(self._start)
                return executor.submit(_work, fn, args)
            except (BrokenProcessPool, OSError, EOFError):
                self._kill()
        raise Unavailable("no worker process could be started")

    def _start(self) -> ProcessPoolExecutor:
        """The executor with its process running. Blocks, so not for the event loop; safe from several threads."""
        with self._lock:
            if self._executor is None:
                context = multiprocessing.get_context("forkserver")
                executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
                with _STARTING, _nameless_main():
                    _start_fork_server(self._preload)
                    self.pid = executor.submit(os.getpid).result()
                self._executor = executor
            return self._executor

    def _kill(self) -> None:
        """End the process at once; the next work gets a new one."""
        executor, pid, self._executor, self.pid = self._executor, self.pid, None, None
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Let the process end, or end it when it is still at work. Blocks."""
        with self._lock:
            executor, pid = self._executor, self.pid
            self._executor = self.pid = None
        if executor is None:
            return
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        executor.shutdown(wait=True, cancel_futures=True)


_STARTING = threading.Lock()
"""One for the program, as multiprocessing has one fork server and one main module for the program."""


def _start_fork_server(preload: tuple[str, ...]) -> None:
    """Start the fork server that this program shares, unless it runs.

    It gets a signal mask that keeps a Ctrl-C or SIGTERM to the whole group from ending it under work that drains.
    """
    multiprocessing.set_forkserver_preload(list(preload) or ["adapters.workers"])
    resource_tracker.ensure_running()  # first, because it sets the signal mask itself
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    os.environ.update(ONE_THREAD)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _restore_environment(before)


def _restore_environment(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def _nameless_main() -> Iterator[None]:
    """Keep new processes from importing this program's main module, which would load every driver into them.

    multiprocessing imports the main module in each child, unless it is called `<package>.__main__`.
    """
    main = sys.modules["__main__"]
    spec = main.__spec__
    main.__spec__ = importlib.machinery.ModuleSpec("covergen.__main__", None)
    try:
        yield
    finally:
        main.__spec__ = spec


def _begin() -> None:
    """In a new process: an own session (no signals to the parent's group), die with the parent, thrifty memory."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # from here only the parent sends it, to this process alone
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    with contextlib.suppress(OSError, AttributeError):  # not Linux or not glibc: works, only less thrifty
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # dies with the fork server
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_FROM)
    gc.freeze()  # what the fork server imported is never garbage: collecting after each work takes 1 ms, not 25
    threading.Thread(target=_die_with_parent, name="parent", daemon=True).start()


def _die_with_parent() -> None:
    """The fork server lives as long as its children do, so each child watches the program itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _work(fn: Callable[[*Ts], T], args: tuple[*Ts]) -> T:
    """Run the work; an exception that cannot travel is replaced by one that can. Memory goes back afterwards."""
    try:
        return fn(*args)
    except Exception as error:  # noqa: BLE001 -- it is raised again, in a form that can be pickled
        raise _portable(error) from None
    finally:
        _give_back_memory()


def _portable(error: Exception) -> Exception:
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):  # noqa: S301 -- pickled on this very line
            return error
    except Exception:  # noqa: BLE001, S110 -- whatever hinders pickling, the replacement below travels
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


def _give_back_memory() -> None:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # musl and macOS have no malloc_trim
        ctypes.CDLL(None).malloc_trim(0)
