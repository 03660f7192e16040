"""What a part needs to know of traces: spans begin and end, and their W3C names travel in headers.

How they are exported is in `otlp.py`, whose libraries are only loaded where a collector is set. Attributes say what was
done, never for whom or with what: no prompts, titles, addresses, tokens, ids of users or of messages.
"""

import re
from collections.abc import Mapping
from typing import Literal, Protocol

Kind = Literal["server", "client", "producer", "consumer"]
Value = str | int

MOST_STATE = 512
"""Characters of `tracestate` that are passed on; a longer one is left out, as W3C allows."""
_STATE = re.compile(rf"[\x20-\x7e]{{1,{MOST_STATE}}}", re.ASCII)


class Span(Protocol):
    """Something that is being done."""

    @property
    def traceparent(self) -> str:
        """Its name, for those who do a part of it."""

    def end(self, *, error: str | None = None, **attributes: Value) -> None:
        """It is done, or failed with an error of that code. `rpc__method` is the attribute `rpc.method`."""


class Traces(Protocol):
    """Where one node, or the edge, begins its spans."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Spans of this process that were `exported`, `failed` (the collector did not take them) or `dropped`."""

    def begin(
        self, kind: Kind, name: str, attributes: Mapping[str, Value], parent: str | None, state: str | None = None
    ) -> Span:
        """Begin a span, below `parent` (a valid `traceparent`) or of a trace of its own, which may be unsampled."""


def sampled(traceparent: str | None) -> bool:
    """Is that trace exported? False also when there is none."""
    return traceparent is not None and traceparent[-1:] in "13579bdf" and len(traceparent) == 55


def good_state(state: str | None) -> str | None:
    """A `tracestate` that may be passed on, or None."""
    return state if state is not None and _STATE.fullmatch(state) else None
