"""Errors as GraphQL has them: a message, and `extensions` with what a problem of REST says.

What a node or a stage refuses keeps its code. What is wrong with the request itself is `invalid_query`. Everything else
is logged, and answered as `internal` without its text.
"""

import logging
from collections.abc import Iterable
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLFormattedError

from contracts.errors import Internal, Malformed, ServiceError

INVALID = "invalid_query"
MOST = 20
"""Errors of one answer."""

log = logging.getLogger(__name__)


def invalid(message: str) -> GraphQLError:
    """A request that cannot be answered."""
    return GraphQLError(message, extensions={"code": INVALID, "status": Malformed.status})


def shown(errors: Iterable[GraphQLError], request_id: str) -> list[GraphQLFormattedError]:
    """The errors as clients may see them."""
    return [_shown(error, request_id) for error in list(errors)[:MOST]]


def of_service(error: ServiceError) -> dict[str, Any]:
    """The extensions that tell of `error`."""
    found: dict[str, Any] = {"code": error.code, "status": error.status}
    if error.errors:
        found["errors"] = msgspec.to_builtins(error.errors)
    if error.retry_after is not None:
        found["retryAfter"] = error.retry_after
    return found


def _shown(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    known = _known(error, request_id)
    found = error.formatted
    if known is not None:
        found["message"], found["extensions"] = known.detail, of_service(known)
    elif "code" not in (error.extensions or {}):
        found["extensions"] = {"code": INVALID, "status": Malformed.status}
    return found


def _known(error: GraphQLError, request_id: str) -> ServiceError | None:
    """What happened, when it was not the text or the variables of the request."""
    original = error.original_error
    if isinstance(original, ServiceError):
        return original
    if error.path is None or original is None or isinstance(original, GraphQLError):
        return None
    return unexpected(original, request_id)


def unexpected(error: Exception, request_id: str) -> ServiceError:
    """What nobody expected: logged here, and told without its text."""
    log.error("a field failed", exc_info=error, extra={"action": "field_failed", "request_id": request_id})
    return Internal()
