"""A collector of traces: takes OTLP over HTTP as the protocol has it, and keeps the spans."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KINDS = {kind: Span.SpanKind.Name(kind).removeprefix("SPAN_KIND_").lower() for kind in Span.SpanKind.values()}


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it came."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    failed: bool
    attributes: dict[str, str]


@dataclass(slots=True)
class FakeCollector:
    """What came to `url`."""

    url: str
    spans: list[Seen] = field(default_factory=list)

    async def until(self, done: Callable[[list[Seen]], bool], limit: float = 20) -> list[Seen]:
        """The spans, when they satisfy `done`."""
        async with asyncio.timeout(limit):
            while not done(self.spans):
                await asyncio.sleep(0.05)
        return self.spans

    async def take(self, request: web.Request) -> web.Response:
        """One request of an exporter."""
        assert request.content_type == "application/x-protobuf"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for group in message.resource_spans:
            service = _texts(group.resource.attributes)["service.name"]
            self.spans += [_seen(service, span) for scope in group.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@contextlib.asynccontextmanager
async def a_collector() -> AsyncIterator[FakeCollector]:
    """One on a free port."""
    app, collector = web.Application(), FakeCollector("")
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def _seen(service: str, span: Span) -> Seen:
    return Seen(
        service,
        span.name,
        KINDS[span.kind],
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.status.code == Status.STATUS_CODE_ERROR,
        _texts(span.attributes),
    )


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in attributes:
        value = each.value
        found[each.key] = str(getattr(value, value.WhichOneof("value") or "string_value"))
    return found
