"""Keeping one program alive: start, watch, kill what hangs, restart with growing pauses, stop."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from ops.processes import end, kill_group, last_lines, spawn
from ops.servers.base import NotReady, Program

FIRST_PAUSE = 0.2  # seconds before the first restart; doubles up to
LONGEST_PAUSE = 5.0
HEALTHY_AFTER = 30.0  # seconds of life after which the pause begins small again

State = Literal["stopped", "starting", "ready", "silent", "restarting"]

logger = logging.getLogger(__name__)


class ProcessRow(msgspec.Struct, frozen=True):
    """One process as `run.json` tells it."""

    name: str
    kind: str
    pid: int | None
    port: int | None
    state: State
    restarts: int


class Supervised:
    """One program and its present process. `changed` is called after every start, silence and death."""

    def __init__(self, program: Program, changed: Callable[[], None]) -> None:
        self.program = program
        self.state: State = "stopped"
        self.restarts = 0
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def row(self) -> ProcessRow:
        """What is known now."""
        program = self.program
        pid = self._process.pid if self._process else None
        return ProcessRow(program.name, program.kind, pid, program.port, self.state, self.restarts)

    async def start(self) -> None:
        """Start it for the first time and return when it serves. Raises NotReady; then nothing runs."""
        try:
            await self._start_once("starting")
        except BaseException:
            await self._end_process()
            self.state = "stopped"
            raise
        self._watcher = asyncio.create_task(self._keep_alive(), name=f"keep {self.program.name}")

    async def stop(self) -> None:
        """Stop watching and end the process. Idempotent."""
        if self._watcher:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        await self._end_process()
        self.state = "stopped"

    async def _start_once(self, state: State) -> None:
        program = self.program
        began = time.monotonic()
        self.state = state
        await program.prepare()
        log_start = program.log.stat().st_size if program.log.exists() else 0
        launch = program.launch()
        self._process = process = await spawn(launch)
        await self._until_ready(process, log_start)
        self.state = "ready"
        logger.info("%s is ready: pid %d, %.2f s", program.name, process.pid, time.monotonic() - began)
        self._changed()

    async def _until_ready(self, process: asyncio.subprocess.Process, log_start: int) -> None:
        """Wait for its own sign, its death or the limit, whichever comes first."""
        ready = asyncio.create_task(self.program.ready(process.pid, log_start))
        death = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, death}, timeout=self.program.ready_limit, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                return ready.result()
            raise NotReady(self._failure(death, log_start))
        finally:
            for task in (ready, death):
                task.cancel()
            await asyncio.gather(ready, death, return_exceptions=True)

    def _failure(self, death: asyncio.Task[int], log_start: int) -> str:
        program = self.program
        what = f"ended with code {death.result()}" if death.done() else f"was silent for {program.ready_limit:.0f} s"
        return f"{program.name} {what} before it was ready:\n{last_lines(program.log, since=log_start)}".rstrip()

    async def _keep_alive(self) -> None:
        pause = FIRST_PAUSE
        while self._process:
            began = time.monotonic()
            code = await self._ended(self._process)
            if time.monotonic() - began > HEALTHY_AFTER:
                pause = FIRST_PAUSE
            logger.warning("%s (pid %d) died with code %d", self.program.name, self._process.pid, code)
            pause = await self._restart(pause)

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        """Its exit code, when it has died by itself or was killed because it had fallen silent."""
        death = asyncio.create_task(process.wait())
        silence = asyncio.create_task(self.program.silent(self._suspect))
        try:
            await asyncio.wait({death, silence}, return_when=asyncio.FIRST_COMPLETED)
            if not death.done():
                silence.result()
                logger.error("%s (pid %d) gives no sign of life and is killed", self.program.name, process.pid)
                kill_group(process.pid)
            return await death
        finally:
            for task in (death, silence):
                task.cancel()
            await asyncio.gather(death, silence, return_exceptions=True)

    def _suspect(self, silent: bool) -> None:
        """Show that it does not answer, or that it does again."""
        state: State = "silent" if silent else "ready"
        if state != self.state:
            logger.warning("%s is %s", self.program.name, "silent" if silent else "answering again")
            self.state = state
            self._changed()

    async def _restart(self, pause: float) -> float:
        """Start it again, however often that takes; returns the pause before the next restart."""
        self.state = "restarting"
        while True:
            await self._end_process()
            self._changed()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self.restarts += 1
            try:
                await self._start_once("restarting")
            except (NotReady, OSError) as error:
                logger.warning("%s did not come back: %s", self.program.name, error)
            else:
                return pause

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                await end(process, self.program.stop_signal, self.program.stop_limit)
