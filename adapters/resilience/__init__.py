"""Calls to targets that may be slow, refusing or down: circuit breaker, retry, bulkhead, time limit, and all in one.

One `Guarded` per external target. The libraries behind it, pybreaker and backoff, are imported nowhere else.
"""

from adapters.resilience.breaker import Breaker, BreakerOpen, states
from adapters.resilience.bulkhead import Bulkhead, BulkheadFull
from adapters.resilience.guarded import Guarded, Target
from adapters.resilience.limits import CutShort, deadline, within
from adapters.resilience.retrying import WAITS, Budget, Retry, retry
from adapters.resilience.verdicts import NotTried, Verdict, any_of, is_outage, outage_but

__all__ = (
    "WAITS",
    "Breaker",
    "BreakerOpen",
    "Budget",
    "Bulkhead",
    "BulkheadFull",
    "CutShort",
    "Guarded",
    "NotTried",
    "Retry",
    "Target",
    "Verdict",
    "any_of",
    "deadline",
    "is_outage",
    "outage_but",
    "retry",
    "states",
    "within",
)
