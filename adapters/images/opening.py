"""The image models that the settings name, each behind a breaker of its own, as one."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from adapters.images import Cost, ImageModel
from adapters.images.automatic1111 import Automatic1111
from adapters.images.bells import Bells
from adapters.images.choice import Choice
from adapters.images.guarded import GuardedModel
from adapters.images.openai import OpenAI
from adapters.images.painter import Painter
from adapters.images.registered import Preferences, Prices
from adapters.images.replicate import Replicate
from adapters.images.stability import Stability
from adapters.resilience import Breaker


class NotConfigured(ValueError):
    """A model is named, but something it needs is not set; `setting` says what."""

    def __init__(self, model: str, setting: str) -> None:
        super().__init__(f"{setting} is not set, which the image model {model} needs")
        self.setting = setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What we have at the providers."""

    openai_key: str | None = field(repr=False)
    openai_url: str
    openai_model: str
    openai_prices: Prices | None
    stability_key: str | None = field(repr=False)
    stability_url: str
    stability_model: str
    a1111_url: str | None = field(repr=False)
    replicate_token: str | None = field(repr=False)
    replicate_url: str
    replicate_model: str
    replicate_price: Cost | None
    replicate_webhook: str | None = None
    """Where that provider tells us of pictures; None: it is only asked."""
    seconds: float
    """For one answer."""
    pseudonyms: bytes = field(repr=False)
    """The key of the names that providers know our users by."""


@runtime_checkable
class Closing(Protocol):
    """A model with connections."""

    async def close(self) -> None:
        """Give them back."""


@dataclass(frozen=True, slots=True)
class Opened:
    """All models as one, and what is behind it."""

    model: Choice
    breakers: tuple[Breaker, ...]
    remote: tuple[Closing, ...]
    bells: Bells
    """Of pictures that a provider tells us of."""

    async def close(self) -> None:
        """Give back the connections."""
        for each in self.remote:
            await each.close()


def open_models(
    preferences: Preferences,
    accounts: Accounts,
    workers: Any,
    *,
    guard: Callable[[ImageModel], GuardedModel],
    around: Callable[[GuardedModel], ImageModel],
) -> Opened:
    """Only the models that are named. Raises NotConfigured, and ValueError for an address that cannot be used.

    `guard` puts a model behind a breaker of its own, `around` may put something around that.
    """
    bells = Bells()
    raw = {name: OPEN[name](accounts, workers, bells) for name in preferences.names}
    guarded = {name: guard(model) for name, model in raw.items()}
    choice = Choice({name: around(model) for name, model in guarded.items()}, preferences)
    remote = tuple(model for model in raw.values() if isinstance(model, Closing))
    return Opened(choice, tuple(model.breaker for model in guarded.values()), remote, bells)


def pseudonym(key: bytes) -> Callable[[str], str]:
    """What makes of a user's id a name that tells a provider nothing, and is the same for the same user."""
    return lambda user: hmac.new(key, user.encode(), hashlib.sha256).hexdigest()


def _openai(have: Accounts, workers: Any, _bells: Bells) -> ImageModel:
    return OpenAI(
        _given(have.openai_key, "openai", "COVERGEN_OPENAI_KEY"),
        workers,
        pseudonym=pseudonym(have.pseudonyms),
        url=have.openai_url,
        model=have.openai_model,
        seconds=have.seconds,
        prices=have.openai_prices,
    )


def _stability(have: Accounts, workers: Any, _bells: Bells) -> ImageModel:
    return Stability(
        _given(have.stability_key, "stability", "COVERGEN_STABILITY_KEY"),
        workers,
        pseudonym=pseudonym(have.pseudonyms),
        url=have.stability_url,
        model=have.stability_model,
        seconds=have.seconds,
    )


def _automatic1111(have: Accounts, workers: Any, _bells: Bells) -> ImageModel:
    url = _given(have.a1111_url, "automatic1111", "COVERGEN_A1111_URL")
    return Automatic1111(url, workers, seconds=have.seconds)


def _replicate(have: Accounts, workers: Any, bells: Bells) -> ImageModel:
    return Replicate(
        _given(have.replicate_token, "replicate", "COVERGEN_REPLICATE_TOKEN"),
        workers,
        url=have.replicate_url,
        model=have.replicate_model,
        seconds=have.seconds,
        price=have.replicate_price,
        webhook=have.replicate_webhook,
        bells=bells,
    )


OPEN: Mapping[str, Callable[[Accounts, Any, Bells], ImageModel]] = {
    "painter": lambda _have, workers, _bells: Painter(workers),
    "openai": _openai,
    "stability": _stability,
    "automatic1111": _automatic1111,
    "replicate": _replicate,
}


def _given(value: str | None, model: str, setting: str) -> str:
    if not value:
        raise NotConfigured(model, setting)
    return value
