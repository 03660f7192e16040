"""Errors as `application/problem+json` (RFC 9457)."""

import math
import re

import msgspec
from aiohttp import web

from contracts.errors import (
    FieldError,
    Internal,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    ServiceError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from contracts.text import SENTENCES
from edge.exchange import Answer

MEDIA = "application/problem+json"
RETRY_AFTER = 1.0
"""Seconds, when an error that may pass does not say how long it lasts."""
_MISSING = re.compile(r"^Object missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_FORM = re.compile(r"^Expected `str` matching regex (.+)$", re.DOTALL)
_SENTENCES = {repr(pattern): sentence for pattern, sentence in SENTENCES.items()}
_HTTP: dict[int, type[ServiceError]] = {
    400: Malformed,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
}
_encode = msgspec.json.Encoder().encode


def problem_answer(error: ServiceError, request_id: str) -> Answer:
    """The answer that tells of `error`."""
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="covergen"'
    wait = error.retry_after
    if wait is None and isinstance(error, Unavailable | RateLimited):
        wait = RETRY_AFTER
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return Answer(error.status, _encode(error.problem(request_id)), MEDIA, headers)


def invalid_input(error: msgspec.ValidationError, *, root: str = "body") -> Invalid:
    """The 422 that names the field which broke the contract's type; `root` names the whole input."""
    text = str(error)
    place = _PLACE.search(text)
    path = place.group(1) if place else ""
    detail = _PLACE.sub("", text)
    missing = _MISSING.match(detail)
    if missing:
        path = f"{path}.{missing.group(1)}" if path else missing.group(1)
        detail = "This field is required"
    form = _FORM.match(detail)
    if form:
        detail = _SENTENCES.get(form.group(1), "does not have the form of this field")
    name = path or root
    return Invalid(f"{name}: {detail}", errors=(FieldError(field=name, detail=detail),))


def from_http(error: web.HTTPException) -> ServiceError:
    """aiohttp's own errors in our words."""
    return _HTTP.get(error.status, Malformed if error.status < 500 else Internal)()
