"""Errors that may cross the wire: each is a status, a stable code and a sentence for people.

A handler raises one of these; it crosses NATS as a `Problem` body, is raised again as the same class by the caller's
Bus, and becomes `application/problem+json` (RFC 9457) at the edge. Any other exception stays where it was raised and is
answered as `Internal` without its text.
"""

import math
from typing import ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One bad field of the input: `field` is a path such as `title` or `options.horizon`."""

    field: str
    detail: str
    category: str | None = None
    """For refused content: the safety category, e.g. `violence`."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error, the same on NATS and over HTTP (RFC 9457 plus `code`)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None
    """Seconds after which trying again makes sense."""
    request_id: str | None = None


class ServiceError(Exception):
    """Base of all errors that a caller may see."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = (), retry_after: float | None = None):
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after = retry_after

    def problem(self, request_id: str | None = None) -> Problem:
        """The wire form of this error."""
        return Problem(
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors,
            retry_after=self.retry_after,
            request_id=request_id,
        )


class Internal(ServiceError):
    """Something unexpected; the caller learns nothing but that."""


class Malformed(ServiceError):
    """The body is not what its media type says."""

    status, code, title = 400, "malformed", "Malformed request"


class Unauthenticated(ServiceError):
    """No credentials, or credentials that are not good."""

    status, code, title = 401, "unauthenticated", "Authentication needed"


class SessionExpired(Unauthenticated):
    """The browser's access cookie is not good any more, but it has a refresh cookie that may be."""

    status, code, title = 401, "session_expired", "Session to be renewed"


class OverQuota(ServiceError):
    """The plan's allowance is used up."""

    status, code, title = 402, "over_quota", "Quota used up"


class Forbidden(ServiceError):
    """Known caller, not allowed to do this."""

    status, code, title = 403, "forbidden", "Not allowed"


class CrossSite(Forbidden):
    """A browser's cookie came without the proof that a page of ours sent it."""

    status, code, title = 403, "csrf", "Not sent by the studio"


class AddressDenied(Forbidden):
    """Requests from this address are not served."""

    status, code, title = 403, "address_denied", "Not from this address"


class NotFound(ServiceError):
    """No such thing, or not the caller's."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(ServiceError):
    """The path exists, the method does not."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class Conflict(ServiceError):
    """The state of the thing does not allow this now."""

    status, code, title = 409, "conflict", "Conflict"


class Gone(ServiceError):
    """It was there, and has ended for good."""

    status, code, title = 410, "gone", "Gone"


class TooLarge(ServiceError):
    """A size, count or length above its limit."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMedia(ServiceError):
    """A media type that this route does not take."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Invalid(ServiceError):
    """Well-formed input that breaks a rule; `errors` names the fields."""

    status, code, title = 422, "invalid", "Invalid input"


class Refused(ServiceError):
    """Content that the safety rules block; `errors` carries the category."""

    status, code, title = 422, "content_refused", "Content refused"


class UnderReview(Refused):
    """Content that the safety rules leave to a person; nothing is made of it unless an administrator releases it."""

    status, code, title = 422, "content_review", "Content to be looked at"


class KeyReused(ServiceError):
    """An Idempotency-Key was used again with another request."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency key reused"


class RateLimited(ServiceError):
    """Too many requests; `retry_after` says when to come back."""

    status, code, title = 429, "rate_limited", "Too many requests"


class HeadTooLarge(ServiceError):
    """The request's line or one of its headers is above the limit."""

    status, code, title = 431, "head_too_large", "Request header fields too large"


class NoImageModel(ServiceError):
    """No image model could make the picture, and trying again would not help: an operator must look at it."""

    status, code, title = 502, "no_image_model", "No image model"


class Unavailable(ServiceError):
    """Nobody answered, or a system behind is down. Trying again may help: jobs are retried on this."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"


class Overloaded(ServiceError):
    """So much waits that no more is taken for now; nothing was done. Not Unavailable, whose ending may be unknown."""

    status, code, title = 503, "overloaded", "Too busy"

    @classmethod
    def waiting(cls, seconds: float, limit: float) -> "Overloaded":
        """A new task would wait `seconds`, and `limit` is allowed; the wait falls while new ones are refused."""
        after = max(1.0, seconds - limit)
        detail = (
            f"It would take about {in_words(seconds)} until this begins, more than the {in_words(limit)} that we let "
            f"anybody wait. Nothing was ordered; please try again in about {in_words(after)}."
        )
        return cls(detail, retry_after=after)


class DeadlineExceeded(Unavailable):
    """The answer did not come in the time the caller gave."""

    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"


ERRORS: tuple[type[ServiceError], ...] = (
    Internal,
    Malformed,
    Unauthenticated,
    SessionExpired,
    OverQuota,
    Forbidden,
    CrossSite,
    AddressDenied,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Gone,
    TooLarge,
    UnsupportedMedia,
    Invalid,
    Refused,
    UnderReview,
    KeyReused,
    RateLimited,
    HeadTooLarge,
    NoImageModel,
    Unavailable,
    Overloaded,
    DeadlineExceeded,
)

_BY_CODE = {error.code: error for error in ERRORS}


def raised(problem: Problem) -> ServiceError:
    """The exception that `problem` was made from; an unknown code becomes `Internal`."""
    error = _BY_CODE.get(problem.code, Internal)
    return error(problem.detail, errors=problem.errors, retry_after=problem.retry_after)


def in_words(seconds: float) -> str:
    """A time as people say it: `40 seconds`, `12 minutes`, `3 hours`; rounded up."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{math.ceil(seconds / size)} {unit}s"
    whole = max(1, math.ceil(seconds))
    return f"{whole} second{'' if whole == 1 else 's'}"
