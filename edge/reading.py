"""Files of users, read in a process of the edge's own: a bad file ends that process and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar, TypeVarTuple

from adapters.workers import Workers
from contracts.errors import DeadlineExceeded, FieldError, Invalid, Overloaded, Unavailable

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ReadingRoom:
    """One process, and `places` for files that are held in memory. `refusals` are what its readers raise of bad files;
    `what` names a file to people."""

    def __init__(
        self, places: int, seconds: float, module: str, refusals: type[ValueError], what: str = "file"
    ) -> None:
        self._workers = Workers(1, seconds, (module,))
        self._places = asyncio.Semaphore(places)
        self._refusals = refusals
        self._what = what

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Ends the process with the edge; it is started when a file comes."""
        async with self._workers:
            yield

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Room for one more file. Raises Overloaded."""
        if self._places.locked():
            raise Overloaded(f"Enough {self._what}s are being read. Please try again in a moment.", retry_after=2)
        async with self._places:
            yield

    async def read(self, reader: Callable[[*Ts], T], *args: *Ts) -> T:
        """What the reader makes of a file. Raises Invalid naming `file` for whatever cannot be read."""
        try:
            return await self._workers.run(reader, *args)
        except self._refusals as error:
            raise wrong("file", str(error)) from None
        except DeadlineExceeded:
            raise wrong("file", f"the {self._what} takes too long to read") from None
        except Unavailable:
            raise wrong("file", f"the {self._what} ends whatever reads it") from None


def wrong(field: str, why: str) -> Invalid:
    """A field of a form, and what is wrong with it."""
    return Invalid(f"{why[:1].upper()}{why[1:]}.", errors=(FieldError(field=field, detail=why),))
