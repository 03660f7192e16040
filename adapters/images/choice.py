"""Several image models as one: by plan and region each in its turn, until one has made the picture.

What follows an error is in `errors.FOLLOWS`. A model that did not make the picture is named in it, with a code. When
none did, the job comes again if trying again may help one of them, else the task ends with the first model's reason.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from adapters.images import ImageModel, InpaintOrder, PaintOrder, Picture, ask
from adapters.images.errors import FOLLOWS, ImageError, kind_of
from adapters.nats.census import Gauge
from adapters.resilience import BreakerOpen
from contracts.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)

NOT_CALLED = "breaker_open"
BUDGET = 120.0
"""Seconds after which no further model is begun: a step that goes on much longer would be sent again."""


class Choice:
    """An image model that leaves it to others. Its own name and version are those of the usual first one."""

    def __init__(
        self,
        models: Mapping[str, ImageModel],
        preferred: Callable[[str, str], Sequence[str]],
        *,
        budget: float = BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`preferred` gives names of `models`, at least one, for a plan and a region."""
        first = models[preferred("", "")[0]]
        self.name = first.name
        self.version = first.version
        self.capabilities = first.capabilities
        self._models = models
        self._preferred = preferred
        self._budget = budget
        self._clock = clock
        self._instance = secrets.token_hex(4)
        self._made: Counter[str] = Counter()
        self._micros: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()

    async def paint(self, order: PaintOrder) -> Picture:
        """The first picture that one of the models makes, with its name and those that did not.

        Raises the error that decides: a refusal at once, else Unavailable when another try may help, else the first.
        """
        return await self._made_by_one(order)

    async def inpaint(self, order: InpaintOrder) -> Picture:
        """The same for a part of a picture; models that cannot do that are passed over."""
        return await self._made_by_one(order)

    async def _made_by_one(self, order: PaintOrder) -> Picture:
        until = self._clock() + self._budget
        failures: list[tuple[str, str, Exception]] = []
        for name in self._in_turn(order):
            if failures and self._clock() >= until:
                break
            try:
                picture = await ask(self._models[name], order)
            except (ServiceError, ValueError) as error:
                code = self._failed(name, error)
                failures.append((name, code, error))
                if not _falls_back(error):
                    raise
            else:
                return self._painted(name, picture, failures)
        raise deciding([error for _, _, error in failures])

    def _in_turn(self, order: PaintOrder) -> list[str]:
        """The models for an order; one that made it before comes first, unless it is not for this plan and region."""
        preferred = self._preferred(order.tier, order.region)
        before = self._models.get(order.model)
        if before is None or not (before.capabilities.offline or order.model in preferred):
            return list(preferred)
        return list(dict.fromkeys((order.model, *preferred)))

    def gauges(self) -> list[Gauge]:
        """Pictures, what they cost and errors, by model, since the start."""
        return [
            *(self._gauge("pictures", "made", count, model=name) for name, count in sorted(self._made.items())),
            *(
                self._gauge("cost_micros", "charged by providers, in millionths", micros, model=name, currency=currency)
                for (name, currency), micros in sorted(self._micros.items())
            ),
            *(
                self._gauge("errors", "not made, by reason", count, model=name, reason=reason)
                for (name, reason), count in sorted(self._errors.items())
            ),
        ]

    def _gauge(self, name: str, about: str, value: float, **labels: str) -> Gauge:
        """A count of this instance, which its label tells apart: equal labels would be taken for the same thing."""
        labels["instance"] = self._instance
        about = f"Pictures {about}, since the instance began"
        return Gauge(name=f"image_{name}", about=about, value=value, labels=labels)

    def _painted(self, name: str, picture: Picture, failures: Sequence[tuple[str, str, Exception]]) -> Picture:
        model = self._models[name]
        self._made[name] += 1
        if picture.cost is not None:
            self._micros[name, picture.cost.currency] += picture.cost.micros
        return msgspec.structs.replace(
            picture,
            model=picture.model or model.name,
            version=picture.version or model.version,
            passed_over=tuple(f"{other}: {code}" for other, code, _ in failures),
        )

    def _failed(self, name: str, error: Exception) -> str:
        code = NOT_CALLED if isinstance(error, BreakerOpen) else kind_of(error) or "broken"
        self._errors[name, code] += 1
        extra = {"action": "image_not_made", "model": name, "code": code}
        if isinstance(error, ImageError):
            extra |= {"reason": error.reason, "provider_request": error.request_id}
            if error.cost is not None:
                self._micros[name, error.cost.currency] += error.cost.micros
        log.warning("image model %s: %s", name, code, extra=extra)
        return code


def _falls_back(error: Exception) -> bool:
    kind = kind_of(error)
    return kind is not None and FOLLOWS[kind].falls_back


def deciding(errors: Sequence[Exception]) -> Exception:
    """Of the errors of all models the one that decides; it says when the first of them may be tried again."""
    passing = [error for error in errors if isinstance(error, Unavailable)]
    if not passing:
        return errors[0]
    waits = [error.retry_after for error in passing]
    passing[0].retry_after = None if None in waits else min(wait for wait in waits if wait is not None)
    return passing[0]
