"""An image model, worker processes and a clock that one cannot rely on."""

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar, TypeVarTuple

from adapters.faults import Faults
from adapters.images import ImageModel, InpaintOrder, PaintOrder, Picture, ask
from adapters.images.guarded import GuardedModel
from adapters.workers import Workers
from contracts.errors import Refused, Unavailable

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Around:
    """An image model in front of another one."""

    def __init__(self, model: ImageModel, faults: Faults):
        self.name = model.name
        self.version = model.version
        self.capabilities = model.capabilities
        self._model = model
        self._faults = faults

    async def paint(self, order: PaintOrder) -> Picture:
        """As the model does, unless a fault is active."""
        return await self._asked(order)

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """The same for a part of a picture."""
        return await self._asked(order)

    async def _asked(self, order: PaintOrder) -> Picture:
        return await ask(self._model, order)


class FaultyModel(_Around):
    """Faults `provider-slow`, `provider-refusing` and `provider-failing`: raises also Refused and Unavailable."""

    async def _asked(self, order: PaintOrder) -> Picture:
        if slow := self._faults.hit("provider-slow"):
            await asyncio.sleep(slow.seconds)
        if self._faults.hit("provider-refusing"):
            raise Refused("The image model does not paint this.")
        if self._faults.hit("provider-failing"):
            raise Unavailable("The image model is overloaded.")
        return await super()._asked(order)


class BrokenOff(_Around):
    """A model behind a breaker with fault `breaker-open`: while it is active every order opens the breaker anew, and
    raises BreakerOpen."""

    def __init__(self, model: GuardedModel, faults: Faults):
        super().__init__(model, faults)
        self._breaker = model.breaker

    async def _asked(self, order: PaintOrder) -> Picture:
        if fault := self._faults.hit("breaker-open", target=self._breaker.name):
            self._breaker.force_open(fault.seconds)
        return await super()._asked(order)


class FaultyWorkers(Workers):
    """Fault `worker-crash`."""

    def __init__(self, processes: int, time_limit: float, preload: tuple[str, ...], faults: Faults):
        super().__init__(processes, time_limit, preload)
        self._faults = faults

    async def run(self, fn: Callable[[*Ts], T], *args: *Ts) -> T:
        """As ever, or the process dies in the middle."""
        if self._faults.hit("worker-crash"):
            await super().run(_die)
        return await super().run(fn, *args)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def faulty_clock(clock: Callable[[], datetime], faults: Faults) -> Callable[[], datetime]:
    """A clock with fault `clock-skew`."""

    def read() -> datetime:
        skew = faults.hit("clock-skew")
        return clock() if skew is None else clock() + timedelta(seconds=skew.seconds)

    return read
