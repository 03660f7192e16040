"""The image models of the settings, each behind a breaker of its own."""

from adapters.crypto import derive
from adapters.images import ImageModel
from adapters.images.guarded import GuardedModel, image_target
from adapters.images.opening import Accounts, NotConfigured, Opened, open_models
from adapters.images.registered import read_preferences, read_price, read_prices
from adapters.nats.bus import Bus
from contracts import pictures
from ops.credentials import ensure_secret_key
from ops.host import Host
from ops.settings import Settings, SettingsInvalid
from ops.webhooks import webhook_url

REMOTE_AT_ONCE = 8
"""Pictures that one process orders of a provider at a time."""


def image_models(host: Host) -> Opened:
    """As the settings order them; their connections are closed with the host. Raises SettingsInvalid."""
    settings, parts = host.settings, host.parts
    try:
        opened = open_models(
            read_preferences(settings.images),
            accounts(settings),
            host.workers,
            guard=lambda model: guarded(settings, parts.model(model)),
            around=parts.guarded,
        )
    except NotConfigured as error:
        raise SettingsInvalid(str(error)) from None
    host.stack.push_async_callback(opened.close)
    return opened


async def hear_of_pictures(host: Host, bus: Bus, opened: Opened) -> None:
    """Ring the bells of pictures that a provider tells of, for as long as the host is there."""
    stop = await bus.watch(pictures.TOLD, lambda told: opened.bells.ring(told.prediction_id))
    host.stack.push_async_callback(stop)


def guarded(settings: Settings, model: ImageModel) -> GuardedModel:
    """The model behind a breaker of its own; the painter makes as many pictures at a time as there are processes."""
    target = image_target(
        model.name,
        timeout=settings.image_seconds,
        failures=settings.breaker_failures,
        open_for=settings.breaker_seconds,
        concurrency=settings.paint_processes if model.capabilities.offline else REMOTE_AT_ONCE,
    )
    return GuardedModel(model, target)


def accounts(settings: Settings) -> Accounts:
    """What we have at the providers."""
    return Accounts(
        openai_key=settings.openai_key,
        openai_url=settings.openai_url,
        openai_model=settings.openai_model,
        openai_prices=read_prices(settings.openai_prices),
        stability_key=settings.stability_key,
        stability_url=settings.stability_url,
        stability_model=settings.stability_model,
        a1111_url=settings.a1111_url,
        replicate_token=settings.replicate_token,
        replicate_url=settings.replicate_url,
        replicate_model=settings.replicate_model,
        replicate_price=read_price(settings.replicate_price),
        replicate_webhook=webhook_url(settings),
        seconds=settings.image_seconds,
        pseudonyms=derive(ensure_secret_key(settings), "image-users"),
    )
