"""Our own processes as the supervisor sees them, through a pipe that they inherit.

On it a process says by one JSON line that it serves, and from then on by a byte a second that it lives (`pulse.py`).
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from ops.paths import Home
from ops.processes import LISTEN_FD, READY_FD, SUPERVISED_HOME, Launch
from ops.servers.base import NotReady

PIPE = 4096
"""Bytes that are read at a time."""


class ProcessSpec(msgspec.Struct, frozen=True):
    """One row of the table of processes. `kind` is `node` or `edge`; an edge serves the HTTP port.

    `silence_limit` is in seconds and begins when the process is ready; None: it gives no signs of life.
    """

    name: str
    argv: Sequence[str]
    kind: str = "node"
    ready_limit: float = 30.0
    stop_limit: float = 10.0
    silence_limit: int | None = None


class ChildProgram:
    """A process of ours; `environ` holds its settings, over the supervisor's own environment.

    An edge inherits `listening`, the socket of its port.
    """

    stop_signal = signal.SIGTERM

    def __init__(
        self,
        spec: ProcessSpec,
        home: Home,
        environ: Mapping[str, str],
        port: int | None,
        listening: socket.socket | None = None,
    ) -> None:
        self.name = spec.name
        self.kind = spec.kind
        self.port = port
        self.log = home.log(spec.name)
        self.ready_limit = spec.ready_limit
        self.stop_limit = spec.stop_limit
        self._silence_limit = spec.silence_limit
        self._argv = spec.argv
        self._listening = listening
        # Fewer malloc arenas: threads of the standard library would otherwise cost tens of megabytes.
        tuned = {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1", SUPERVISED_HOME: str(home.root)}
        self._environ = {**os.environ, **environ, **tuned}
        self._pipe: tuple[int, int] | None = None

    async def prepare(self) -> None:
        """Open the pipe on which it will say that it is ready."""
        self._close()
        self._pipe = os.pipe()

    def launch(self) -> Launch:
        """The process, in our own working folder."""
        if self._pipe is None:
            raise RuntimeError("prepare comes before launch")
        given = {READY_FD: self._pipe[1]}
        if self._listening is not None:
            given[LISTEN_FD] = self._listening.fileno()
        return Launch(
            argv=self._argv,
            environ={**self._environ, **{name: str(descriptor) for name, descriptor in given.items()}},
            folder=Path.cwd(),
            log=self.log,
            pass_fds=tuple(given.values()),
        )

    async def ready(self, pid: int, log_start: int) -> None:
        """It wrote its line. Raises NotReady when it closed the pipe without one."""
        if self._pipe is None:
            raise RuntimeError("prepare comes before ready")
        reader, writer = self._pipe
        os.close(writer)
        self._pipe = (reader, -1)
        os.set_blocking(reader, False)
        line = b""
        try:
            line = await _first_line(reader)
        finally:
            if not line or self._silence_limit is None:
                self._close()
        if not line:
            await asyncio.sleep(1)  # it is ending: its exit code says more than our sentence
            raise NotReady(f"{self.name} closed its ready pipe without a word")

    async def silent(self, suspect: Callable[[bool], None]) -> None:
        """Return when it has given no sign of life for its limit, though it runs; it is not suspected before."""
        if self._pipe is None or self._silence_limit is None:
            await asyncio.get_running_loop().create_future()
            return
        missed = 0
        try:
            while missed < self._silence_limit:
                # Turns of our own loop are counted, not time: when the whole machine stood still, so did they.
                await asyncio.sleep(1)
                missed = 0 if _read(self._pipe[0]) else missed + 1
        finally:
            self._close()

    def _close(self) -> None:
        for descriptor in self._pipe or ():
            if descriptor >= 0:
                os.close(descriptor)
        self._pipe = None


async def _first_line(descriptor: int) -> bytes:
    """What the pipe holds up to the first line end or its closing."""
    loop = asyncio.get_running_loop()
    text = b""
    while b"\n" not in text:
        readable = loop.create_future()
        loop.add_reader(descriptor, readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        part = os.read(descriptor, PIPE)
        if not part:
            break
        text += part
    return text


def _read(descriptor: int) -> bytes:
    """What the pipe holds now; nothing also when its other end is closed."""
    try:
        return os.read(descriptor, PIPE)
    except BlockingIOError:
        return b""
