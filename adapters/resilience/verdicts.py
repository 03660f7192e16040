"""What an error says about a target, as data: rows of exception types, or a function of the error."""

from collections.abc import Callable

from contracts.errors import ServiceError, Unavailable

Verdict = Callable[[Exception], bool]
"""True when the error is of the kind in question (an outage of the target, worth another try)."""


class NotTried(Unavailable):
    """The call never reached its target: the breaker is open, or too many calls wait already."""


def any_of(*kinds: type[Exception]) -> Verdict:
    """The verdict that is true for these exceptions and their subclasses."""
    return lambda error: isinstance(error, kinds)


def is_unavailable(error: Exception) -> bool:
    """True for what another try may change."""
    return isinstance(error, Unavailable)


def is_outage(error: Exception) -> bool:
    """True for what a healthy target does not answer.

    `NotFound`, `Refused` and the like are answers; a server error, a broken connection or a surprise is not.
    """
    return error.status >= 500 if isinstance(error, ServiceError) else True


def outage_but(*answers: type[Exception]) -> Verdict:
    """As `is_outage`, but these exceptions are answers too: the target works, and says no to what was asked."""
    return lambda error: not isinstance(error, answers) and is_outage(error)
