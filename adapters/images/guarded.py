"""An image model behind its circuit breaker and time limit, itself an image model: who paints sees no difference."""

import time
from collections.abc import Callable

from adapters.images import ImageModel, InpaintOrder, PaintOrder, Picture, ask
from adapters.images.errors import trips
from adapters.resilience import Breaker, BreakerOpen, Guarded, Target

WAITING = 1000
"""Far more than a process takes from its queues at a time: who waits for a painter is never refused."""


def image_target(
    name: str, *, timeout: float, failures: int, open_for: float, concurrency: int, patience: float = 600.0
) -> Target:
    """What is asked of a model called from jobs. Without retries: the queue tries again, and one layer is enough.

    `timeout` is for one picture and does not count the time until one of the `concurrency` places is free, which may
    be `patience`.
    """
    return Target(
        name=f"images/{name}",
        timeout=timeout,
        waits=(),
        failures=failures,
        open_for=open_for,
        concurrency=concurrency,
        waiting=WAITING,
        patience=patience,
    )


class GuardedModel:
    """Paints with `model` while its target is well.

    While it is not, orders end at once with BreakerOpen, whose `retry_after` a job honours. Who comes during a trial
    waits for how it ends, since a job has few deliveries and the trial may succeed.
    """

    def __init__(self, model: ImageModel, target: Target, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = model.name
        self.version = model.version
        self.capabilities = model.capabilities
        self._model = model
        self._guarded = Guarded(target, is_failure=trips, clock=clock)

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""
        return self._guarded.breaker

    async def paint(self, order: PaintOrder) -> Picture:
        """As the model does. Raises also BreakerOpen and DeadlineExceeded."""
        return await self._asked(order)

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """The same for a part of a picture; ValueError from a model that cannot do that."""
        return await self._asked(order)

    async def _asked(self, order: PaintOrder) -> Picture:
        while True:
            try:
                return await self._guarded.call(lambda: ask(self._model, order))
            except BreakerOpen:
                if not self.breaker.trying:
                    raise
            await self.breaker.trial_over()  # it has the time of one picture
