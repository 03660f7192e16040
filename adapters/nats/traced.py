"""Spans of what is sent and handled by NATS: a bus and handlers around those that know nothing of traces.

Only what belongs to a sampled trace has a span. The next one's parent is named in the message's headers.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from adapters.faults import Faults
from adapters.faulty.bus import FaultyBus
from adapters.nats.bus import Bus, Reply
from adapters.nats.connection import Connection
from adapters.nats.wire import reply_error
from adapters.tracing import Span, Traces, Value, sampled
from contracts.errors import Internal, ServiceError
from contracts.wire import Context, Endpoint, Event, WorkQueue

Handler = Callable[[Any, Context], Awaitable[Any]]
Contract = Endpoint[Any, Any] | WorkQueue[Any] | Event[Any] | None

_NOTHING: Mapping[str, str] = {}
_handling: ContextVar[Mapping[str, str]] = ContextVar("handling", default=_NOTHING)
"""The trace of what is handled here. Messages of an outbox that have no headers, and are sent at once, belong to it."""

CALLS, ORDERS = "svc.", "sched."
STORED = ("jobs.", "events.", "dead.", ORDERS)
OUR_FAULT = 500
"""From this status on an error is the handler's and not its caller's."""


class TracedBus(Bus):
    """A client span for each request to a node, a producer span for each message that is stored."""

    def __init__(self, connection: Connection, traces: Traces):
        super().__init__(connection)
        self._traces = traces

    async def ask(self, subject: str, payload: bytes, context: Context, timeout: float) -> Reply:
        """As ever."""
        if not subject.startswith(CALLS) or not sampled(context.traceparent):
            return await super().ask(subject, payload, context, timeout)
        method = _method(subject)
        about = {"rpc.system.name": "nats", "rpc.method": method}
        span = self._traces.begin("client", method, about, context.traceparent, context.tracestate)
        below = msgspec.structs.replace(context, traceparent=span.traceparent)
        error: str | None = Internal.code
        try:
            reply = await super().ask(subject, payload, below, timeout)
            found = reply_error(reply[1], reply[0]) if reply[1] else None
            error = None if found is None else found.code
        except ServiceError as failure:
            error = failure.code
            raise
        finally:
            _end_call(span, error, failed=True)
        return reply

    async def send(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """As ever."""
        headers = headers or _handling.get()
        parent = headers.get("traceparent")
        if not sampled(parent) or not subject.startswith(STORED):
            return await super().send(subject, payload, message_id=message_id, headers=headers)
        span = self._traces.begin("producer", *_message("send", _shown(subject)), parent, headers.get("tracestate"))
        error: str | None = Internal.code
        try:
            below = {**headers, "traceparent": span.traceparent}
            await super().send(subject, payload, message_id=message_id, headers=below)
            error = None
        except ServiceError as failure:
            error = failure.code
            raise
        finally:
            span.end(error=error)


class TracedFaultyBus(TracedBus, FaultyBus):
    """The same where faults may be injected, which are seen in the spans."""

    def __init__(self, connection: Connection, traces: Traces, faults: Faults):
        FaultyBus.__init__(self, connection, faults)
        self._traces = traces


def traced_handler(contract: Contract, handler: Handler, traces: Traces, node: str) -> Handler:
    """The handler of a contract with a server or consumer span around it; a dead letter has no trace of its own."""
    match contract:
        case None:
            return handler
        case Endpoint():
            return _Answer(contract, handler, traces)
        case _:
            return _Work(contract, handler, traces, node)


class _Answer:
    def __init__(self, endpoint: Endpoint[Any, Any], handler: Handler, traces: Traces):
        self._method = _method(endpoint.subject)
        self._about = {"rpc.system.name": "nats", "rpc.method": self._method}
        self._handler = handler
        self._traces = traces

    def __call__(self, message: Any, context: Context) -> Awaitable[Any]:
        return self._answer(message, context) if sampled(context.traceparent) else self._handler(message, context)

    async def _answer(self, message: Any, context: Context) -> Any:
        span = self._traces.begin("server", self._method, self._about, context.traceparent, context.tracestate)
        error, failed = Internal.code, True
        try:
            reply = await self._handler(message, _below(span, context))
            error = ""
        except ServiceError as failure:
            error, failed = failure.code, failure.status >= OUR_FAULT
            raise
        finally:
            _end_call(span, error or None, failed=failed)
        return reply


class _Work:
    def __init__(self, contract: WorkQueue[Any] | Event[Any], handler: Handler, traces: Traces, node: str):
        self._name, self._about = _message("process", contract.subject)
        self._about["messaging.consumer.group.name"] = node
        self._handler = handler
        self._traces = traces

    def __call__(self, message: Any, context: Context) -> Awaitable[Any]:
        return self._work(message, context) if sampled(context.traceparent) else self._handler(message, context)

    async def _work(self, message: Any, context: Context) -> None:
        about = {**self._about, "covergen.delivery": context.delivery}
        span = self._traces.begin("consumer", self._name, about, context.traceparent, context.tracestate)
        error: str | None = Internal.code
        try:
            await self._handler(message, _below(span, context))
            error = None
        except ServiceError as failure:
            error = failure.code
            raise
        finally:
            span.end(error=error)


def _below(span: Span, context: Context) -> Context:
    """The context of what is done as a part of `span`; the task that runs the handler is its alone."""
    below = msgspec.structs.replace(context, traceparent=span.traceparent)
    state = {} if below.tracestate is None else {"tracestate": below.tracestate}
    _handling.set({"traceparent": span.traceparent, **state})
    return below


def _end_call(span: Span, error: str | None, *, failed: bool) -> None:
    if error is None:
        span.end()
    else:
        span.end(error=error if failed else None, rpc__response__status_code=error)


def _method(subject: str) -> str:
    """`svc.covers.generate` is `covers/generate`; which version answers is in no name."""
    _, node, word = subject.split(".", 2)
    return f"{node}/{word}"


def _shown(subject: str) -> str:
    """A subject without the id of what waits for its time."""
    return subject.rpartition(".")[0] if subject.startswith(ORDERS) else subject


def _message(verb: str, subject: str) -> tuple[str, dict[str, Value]]:
    about: dict[str, Value] = {
        "messaging.system": "nats",
        "messaging.operation.name": verb,
        "messaging.operation.type": verb,
        "messaging.destination.name": subject,
    }
    return f"{verb} {subject}", about
