"""Spans, sent by OTLP/HTTP to a collector. Imported only where one is set.

They wait in a bounded queue for a thread of the SDK: a collector that is slow or down costs requests nothing, what it
does not take is counted and forgotten.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from adapters.tracing import Kind, Span, Traces, Value

log = logging.getLogger(__name__)

MOST_WAITING, BATCH = 4096, 512
"""Spans."""
EVERY = 1.0
"""Seconds between two sendings."""
PATIENCE = 5.0
"""Seconds in which a batch must have been taken."""
FLUSH = 2.0
"""Seconds for what still waits at the end."""
PATH = "/v1/traces"
KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class Collector:
    """The way of all spans of this process to the collector at `url`; `ratio` of new traces are sampled."""

    def __init__(self, url: str, *, ratio: float, version: str, environment: str):
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it says each failure in several lines
        endpoint = url if url.endswith(PATH) else url.rstrip("/") + PATH
        self.counts = {"exported": 0, "failed": 0, "dropped": 0}
        self._exporter = _Counting(OTLPSpanExporter(endpoint, timeout=PATIENCE), self.counts)
        self._queue = _Bounded(self._exporter, self.counts)
        self._sampler = ParentBased(TraceIdRatioBased(ratio))
        self._facts = {
            "service.namespace": "covergen",
            "service.version": version,
            "deployment.environment.name": environment,
            "host.name": socket.gethostname(),
        }

    def traces(self, name: str, instance: str) -> Traces:
        """Of one node or the edge: a service of its own, as collectors show it."""
        resource = Resource.create({**self._facts, "service.name": name, "service.instance.id": instance})
        provider = TracerProvider(sampler=self._sampler, resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._queue)
        return _Traces(provider.get_tracer("covergen"), self.counts)

    async def close(self) -> None:
        """Send what waits, within `FLUSH` seconds; what a collector that is down did not take is given up."""
        if self._exporter.failing:
            self._exporter.shutdown()
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def end() -> None:
            self._queue.shutdown()  # type: ignore[no-untyped-call]  # the library left it out
            with contextlib.suppress(RuntimeError):  # nobody waited so long
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=end, daemon=True, name="last spans").start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                await done.wait()


class _Traces:
    def __init__(self, tracer: trace.Tracer, counts: Mapping[str, int]):
        self._tracer = tracer
        self.counts = counts

    def begin(
        self, kind: Kind, name: str, attributes: Mapping[str, Value], parent: str | None, state: str | None = None
    ) -> Span:
        """Begin a span."""
        above = Context() if parent is None else _above(parent, state)
        return _Span(self._tracer.start_span(name, above, KINDS[kind], attributes, record_exception=False))


class _Span:
    __slots__ = ("_span", "traceparent")

    def __init__(self, span: trace.Span):
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, *, error: str | None = None, **attributes: Value) -> None:
        """It is done."""
        span = self._span
        for name, value in attributes.items():
            span.set_attribute(name.replace("__", "."), value)
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        span.end()


def _above(parent: str, state: str | None) -> Context:
    """What the header says, which whoever let it in has found good."""
    flags = TraceFlags(int(parent[53:], 16))
    others = TraceState.from_header([state]) if state else None
    ids = SpanContext(int(parent[3:35], 16), int(parent[36:52], 16), True, flags, others)
    return trace.set_span_in_context(NonRecordingSpan(ids), Context())


class _Bounded(BatchSpanProcessor):
    """The SDK's queue; what is too much for it is counted."""

    def __init__(self, exporter: "_Counting", counts: dict[str, int]):
        super().__init__(
            exporter,
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=EVERY * 1000,
            max_export_batch_size=BATCH,
        )
        self._ended = 0
        self._taken = exporter
        self._counts = counts

    def on_end(self, span: ReadableSpan) -> None:
        """Let it wait, unless too many do."""
        if self._ended - self._taken.spans >= MOST_WAITING:
            self._counts["dropped"] += 1
            return
        self._ended += 1
        super().on_end(span)


class _Counting(SpanExporter):
    """Counts, and says in one line that the collector is away, in another that it is back."""

    def __init__(self, inner: OTLPSpanExporter, counts: dict[str, int]):
        self._inner = inner
        self._counts = counts
        self.spans = 0
        self.failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        self.spans += len(spans)
        result = self._inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        self._counts["failed" if failed else "exported"] += len(spans)
        if failed != self.failing:
            self.failing = failed
            what = "does not take spans: they are dropped until it does" if failed else "takes spans again"
            log.warning("the trace collector %s", what, extra={"action": "traces_failing" if failed else "traces_back"})
        return result

    def shutdown(self) -> None:
        """Send no more. Idempotent."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return True
