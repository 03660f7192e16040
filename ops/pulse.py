"""What a process tells its supervisor through the pipe that it inherits: once that it serves, then that it lives.

The sign of life is a byte a second from the event loop, so that a process that is stopped, or whose loop never turns
again, falls silent. It goes on while the process drains. Without a supervisor nothing is told.
"""

import asyncio
import contextlib
import json
import os
from types import TracebackType

from ops.processes import READY_FD

BEAT = 1.0
"""Seconds between two signs of life."""


class Pulse:
    """The process's end of the pipe; an async context manager around all that the process does."""

    def __init__(self) -> None:
        descriptor = os.environ.pop(READY_FD, None)
        self._pipe = None if descriptor is None else int(descriptor)
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Pulse":
        if self._pipe is not None:
            os.set_inheritable(self._pipe, False)
            os.set_blocking(self._pipe, False)  # a supervisor that does not read must not stop us
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
        # The pipe closes as the process ends: its exit code and last lines say more than a closed pipe.

    def ready(self, name: str, **facts: object) -> None:
        """Say that this process serves: one JSON line, after which it is expected to give signs of life."""
        self._tell(json.dumps({"ready": name, **facts}).encode() + b"\n")
        self._beating = asyncio.create_task(self._beat(), name="pulse")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self._tell(b".")

    def _tell(self, text: bytes) -> None:
        if self._pipe is not None:
            with contextlib.suppress(BrokenPipeError, BlockingIOError):
                os.write(self._pipe, text)
