"""Are providers of images to tell us of their pictures? Only where both are set: where they reach us, and their key."""

from adapters.webhooks import read_key
from ops.settings import Settings

PATH = "/webhooks/images/replicate"


def webhook_url(settings: Settings) -> str | None:
    """Where Replicate is to tell us; None: nowhere."""
    if settings.public_url is None or settings.replicate_webhook_secret is None:
        return None
    return f"{settings.public_url}{PATH}"


def webhook_key(settings: Settings) -> bytes | None:
    """The key by which it signs what it tells us; None: it is not to."""
    if webhook_url(settings) is None:
        return None
    return read_key(settings.replicate_webhook_secret or "")
