"""What the models of all providers have in common: their pictures are made to the ordered size in a worker process."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from adapters.images import Cost, InpaintOrder, PaintOrder, Picture
from adapters.images import fitting as fit
from adapters.images.calls import SERVER_ERRORS
from adapters.images.errors import (
    AuthFailed,
    Broken,
    Busy,
    ImageError,
    InvalidOrder,
    QuotaUsedUp,
    RateLimitedByModel,
    TookTooLong,
    plain_id,
)

Result = TypeVar("Result")
Told = tuple[type[ImageError], str]
"""The kind of an error, and a word of ours for its reason."""
USUAL: Mapping[int, Told] = {
    400: (InvalidOrder, "bad_request"),
    401: (AuthFailed, "key"),
    402: (QuotaUsedUp, "no_credit"),
    403: (AuthFailed, "not_allowed"),
    404: (AuthFailed, "no_such_model"),
    413: (InvalidOrder, "too_large"),
    422: (InvalidOrder, "unprocessable"),
    429: (RateLimitedByModel, "too_fast"),
    503: (Busy, "overloaded"),
    504: (TookTooLong, "gateway_timeout"),
}
"""What a status means where the provider does not say it otherwise."""


class Workers(Protocol):
    """Where work that fills a core is run, away from the event loop."""

    async def run(self, fn: Callable[..., Result], /, *args: object) -> Result:
        """Run fn(*args) in a worker process and return its result."""
        ...


class Made(Protocol):
    """Names a model with its version."""

    name: str
    version: str


async def finished(
    workers: Workers,
    model: Made,
    order: PaintOrder,
    data: bytes,
    *,
    seed: int | None,
    cost: Cost | None,
    request_id: str = "",
    version: str = "",
) -> Picture:
    """A provider's bytes as the picture that was ordered; what an inpainting was not to change is as it was.

    Raises Broken, with the cost, when they are no picture.
    """
    try:
        if isinstance(order, InpaintOrder):
            picture, how = await workers.run(fit.merged, data, order)
        else:
            picture, how = await workers.run(fit.fitted, data, order.width, order.height)
    except ValueError:
        raise Broken("not_a_picture", cost=cost, request_id=request_id) from None
    return Picture(
        picture,
        "image/png",
        order.width,
        order.height,
        model=model.name,
        version=version or model.version,
        seed=seed,
        reproducible=False,
        cost=cost,
        request_id=plain_id(request_id),
        fitting=how,
    )


def meant(status: int, own: Mapping[int, Told]) -> Told:
    """What a status that is not good means at a provider whose `own` table comes first."""
    unknown: Told = (Broken, "server_error" if status in SERVER_ERRORS else "unexpected_status")
    return own.get(status) or USUAL.get(status, unknown)


async def uploads(workers: Workers, order: InpaintOrder, size: fit.Size, *, alpha: bool = False) -> tuple[bytes, bytes]:
    """Picture and mask of an order in a provider's size. Raises InvalidOrder."""
    try:
        return await workers.run(fit.upload, order, size, alpha)
    except ValueError:
        raise InvalidOrder("mask") from None


def decoded(text: str) -> bytes:
    """The bytes of base64. Raises Broken."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken("not_base64") from None


def encoded(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()
