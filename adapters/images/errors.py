"""Why a picture was not made: nine kinds, and what follows each, as a table.

An error is also one of the `ServiceError`s that jobs understand: Unavailable is tried again by the queue, anything else
ends the task at once. Its text is ours; of what a provider wrote nothing is kept but its request id.
"""

import re
from typing import ClassVar, Literal

import msgspec

from adapters.images import Cost
from contracts.errors import DeadlineExceeded, Invalid, NoImageModel, Refused, ServiceError, Unavailable

Kind = Literal[
    "refused_input", "refused_output", "invalid", "auth", "quota", "rate_limited", "busy", "timeout", "broken"
]

SERVER_ERROR = 500
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Follows(msgspec.Struct, frozen=True):
    """What follows one kind of error."""

    retried: bool
    """The job comes again after 1, 2 and 4 s, or when the provider says."""
    trips: bool
    """Counts for the model's breaker."""
    falls_back: bool
    """The next model in the order of preference is asked."""
    refunds: bool
    """The user's quota is given back when no model made the picture."""
    sentence: str
    """For the user."""


FOLLOWS: dict[Kind, Follows] = {
    # A refusal is an answer: another model is not asked for what this one will not show.
    "refused_input": Follows(
        False, False, False, True, "The image model does not paint this. Please describe the art in other words."
    ),
    "refused_output": Follows(
        False, False, False, True, "The picture was held back by the image model's own check. Please change the words."
    ),
    "invalid": Follows(False, False, True, True, "The image model cannot fulfil this order as it is."),
    # Only the operator can mend these two; trying again or leaving the model alone for a while would not.
    "auth": Follows(False, False, True, True, "The image model does not work here at the moment. Nothing was counted."),
    "quota": Follows(False, False, True, True, "The image model takes no more orders of ours. Nothing was counted."),
    "rate_limited": Follows(True, True, True, True, "The image model is asked too much at the moment."),
    "busy": Follows(True, True, True, True, "The image model is overloaded."),
    "timeout": Follows(True, True, True, True, "The image model did not answer in time."),
    "broken": Follows(True, True, True, True, "The image model did not answer as it should."),
}


class ImageError(ServiceError):
    """Base of the nine. `reason` is a word of ours for logs and tests, `cost` what was charged all the same."""

    kind: ClassVar[Kind] = "broken"

    def __init__(
        self,
        reason: str = "",
        *,
        retry_after: float | None = None,
        request_id: str = "",
        cost: Cost | None = None,
    ) -> None:
        super().__init__(FOLLOWS[self.kind].sentence, retry_after=retry_after)
        self.reason = reason
        self.request_id = plain_id(request_id)
        self.cost = cost


class RefusedInput(ImageError, Refused):
    """The provider's rules forbid the words or the picture that it was given."""

    kind = "refused_input"


class RefusedOutput(ImageError, Refused):
    """The provider's rules forbid the picture that came out; some charge for it."""

    kind = "refused_output"


class InvalidOrder(ImageError, Invalid):
    """The provider does not take the order as it is: too long, a language, a size."""

    kind = "invalid"


class AuthFailed(ImageError, NoImageModel):
    """Our key is not good, or not for this model."""

    kind = "auth"


class QuotaUsedUp(ImageError, NoImageModel):
    """No credits, or our spending limit."""

    kind = "quota"


class RateLimitedByModel(ImageError, Unavailable):
    """Too many requests; `retry_after` says when to come back."""

    kind = "rate_limited"


class Busy(ImageError, Unavailable):
    """Overloaded; later it will do."""

    kind = "busy"


class TookTooLong(ImageError, DeadlineExceeded):
    """No answer in time."""

    kind = "timeout"


class Broken(ImageError, Unavailable):
    """A server error, a broken connection, or an answer that means nothing."""

    kind = "broken"


ERRORS: tuple[type[ImageError], ...] = (
    RefusedInput,
    RefusedOutput,
    InvalidOrder,
    AuthFailed,
    QuotaUsedUp,
    RateLimitedByModel,
    Busy,
    TookTooLong,
    Broken,
)


def plain_id(text: str) -> str:
    """What a provider calls a request, if it can be nothing but a name; else empty."""
    return text if _ID.fullmatch(text) else ""


def kind_of(error: Exception) -> Kind | None:
    """The kind of any error of a model, of others than these by what they say to jobs; None for a surprise."""
    if isinstance(error, ImageError):
        return error.kind
    for kinds, kind in _OTHERS:
        if isinstance(error, kinds):
            return kind
    return None


_OTHERS: tuple[tuple[tuple[type[Exception], ...], Kind], ...] = (
    ((Refused,), "refused_input"),
    ((Invalid, ValueError), "invalid"),
    ((DeadlineExceeded, TimeoutError), "timeout"),
    ((Unavailable,), "busy"),
)


def trips(error: Exception) -> bool:
    """Does this count for the breaker? A surprise does."""
    kind = kind_of(error)
    if kind is None:
        return not isinstance(error, ServiceError) or error.status >= SERVER_ERROR
    return FOLLOWS[kind].trips
