"""An event loop whose clock jumps to the next timer instead of waiting for it: minutes of a test take no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Waits for nothing: what it would sleep is added to its clock."""

    def __init__(self) -> None:
        self._passed = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Seconds, of which only waiting takes any."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits for a timer."""

    def __init__(self, loop: VirtualLoop):
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The files that are ready now; a wait of `timeout` seconds is over at once."""
        if timeout is not None and timeout > 0:
            self._loop.advance(timeout)
        return super().select(0 if timeout is not None else None)


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time; `asyncio.get_running_loop().time` is its clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
