"""What another set of settings may change while Covergen runs, and how its processes are replaced for it."""

import asyncio
import os
from collections.abc import Callable, Sequence

from ops.child import ProcessSpec
from ops.failure import Failure
from ops.settings import Settings
from ops.settings_table import variable
from ops.supervision import Supervised

FIXED = (
    "home",
    "http_host",
    "http_port",
    "nats_url",
    "postgres_url",
    "mongo_url",
    "redis_url",
    "objects_url",
    "secret_key",
)
"""Settings that belong to what stays: the home, the socket, the servers with their data."""

Build = Callable[[ProcessSpec], Supervised]


class ReloadRefused(Failure):
    """The settings cannot be taken while Covergen runs; what ran before still runs."""


def refuse_fixed(old: Settings, new: Settings) -> None:
    """Raise ReloadRefused if something changed that cannot, by the names of its variables."""
    changed = [variable(name) for name in FIXED if getattr(old, name) != getattr(new, name)]
    if changed:
        raise ReloadRefused(f"{', '.join(changed)} cannot change at run time: covergen down, then covergen up")


class Replacing:
    """Replaces processes in `running`, one after the other: the new one serves before the old one is told to end.

    What is told to end is awaited even if the replacing is cancelled meanwhile.
    """

    def __init__(self, running: list[Supervised]) -> None:
        self._running = running
        self._ending: set[asyncio.Task[None]] = set()

    async def all(self, specs: Sequence[ProcessSpec], build: Build, back: Build) -> None:
        """Make processes by `build`, edges first; what is in no row any more ends.

        Raises NotReady or OSError when one does not start; those that were replaced are then replaced `back`.
        """
        done: list[ProcessSpec] = []
        try:
            for spec in sorted(specs, key=lambda spec: spec.kind != "edge"):
                await self._one(spec, build)
                done.append(spec)
        except Exception:
            for spec in done:
                await self._one(spec, back)
            raise
        names = {spec.name for spec in specs}
        for each in [each for each in self._running if each.program.kind != "server"]:
            if each.program.name not in names:
                self._running.remove(each)
                await self._end(each)

    async def settle(self) -> None:
        """Return when all that were told to end have ended."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _one(self, spec: ProcessSpec, build: Build) -> None:
        new = build(spec)
        await new.start()
        old = next((each for each in self._running if each.program.name == spec.name), None)
        if old is None:
            self._running.append(new)
            return
        self._running[self._running.index(old)] = new
        await self._end(old)

    async def _end(self, old: Supervised) -> None:
        ending = asyncio.create_task(old.stop(), name=f"end {old.program.name}")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.shield(ending)


def has_terminal() -> bool:
    """Does this process have a terminal? When one is closed, that is told by the signal that also asks for a reload."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
