"""Traces of the whole product, as a collector gets them."""

import asyncio
import logging
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.otlp import FLUSH, Collector
from adapters.tracing import sampled
from tests.support.api import Api, Running, signed_up, whole_stack
from tests.support.collector import FakeCollector, Seen, a_collector

pytestmark = pytest.mark.timeout(150)
TITLE, AUTHOR = "The Quince Ledger", "Orla Fenwick"
OTHERS = "vendor=opaque,rojo=00f067aa0ba902b7"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[FakeCollector]:
    """A collector that outlives the stack."""
    async with a_collector() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(collector: FakeCollector, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A stack that sends its traces there."""
    home = tmp_path_factory.mktemp("traced")
    async with whole_stack(home, COVERGEN_OTLP_URL=collector.url, COVERGEN_LOG_FORMAT="json") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(stack: Running) -> AsyncIterator[Api]:
    """Somebody who has just signed up."""
    async with signed_up(stack.base) as signed:
        yield signed


def trace_parent(flags: str) -> tuple[str, str]:
    """A new trace of somebody else's, and its name."""
    trace_id, span_id = f"{random.getrandbits(128):032x}", f"{random.getrandbits(64):016x}"
    return trace_id, f"00-{trace_id}-{span_id}-{flags}"


def of(trace_id: str, spans: list[Seen]) -> list[Seen]:
    """The spans of that trace."""
    return [span for span in spans if span.trace_id == trace_id]


def done(trace_id: str, name: str) -> "Done":
    """Is there a span of that name?"""
    return Done(trace_id, name)


class Done:
    """Whether a trace has a span."""

    def __init__(self, trace_id: str, name: str):
        self.trace_id, self.name = trace_id, name

    def __call__(self, spans: list[Seen]) -> bool:
        return any(span.name == self.name for span in of(self.trace_id, spans))


async def order(api: Api, parent: str) -> str:
    """Order a cover as part of that trace, and wait until it is done; the task's id."""
    headers = {"traceparent": parent, "tracestate": OTHERS, "Idempotency_Key": str(uuid.uuid4())}
    accepted = await api.call("POST", "/v1/covers", {"title": TITLE, "author": AUTHOR}, **headers)
    assert accepted.status == 202, accepted.body
    assert (await api.ended(accepted.body["task_id"]))["status"] == "succeeded"
    return str(accepted.body["task_id"])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cover_is_one_trace(api: Api, collector: FakeCollector) -> None:
    """From the request to the last step of the saga: every span has its parent, and the caller's is above all."""
    trace_id, parent = trace_parent("01")
    await order(api, parent)
    await collector.until(done(trace_id, "process events.covers.completed"))
    await asyncio.sleep(2)
    spans = of(trace_id, collector.spans)

    known = {span.span_id for span in spans}
    assert len(known) == len(spans)
    roots = [span for span in spans if span.parent_id not in known]
    assert [(root.name, root.parent_id, root.service) for root in roots] == [
        ("POST /v1/covers", parent.split("-")[2], "edge")
    ]
    assert roots[0].attributes["http.response.status_code"] == "202"
    assert roots[0].attributes["http.route"] == "/v1/covers"
    handled = {(span.service, span.name) for span in spans if span.kind in ("server", "consumer")}
    assert handled >= {
        ("covers", "covers/generate"),
        ("users", "users/reserve_quota"),
        ("safety", "safety/check_text"),
        ("templates", "templates/choose"),
        ("tasks", "tasks/create"),
        ("covers", "process jobs.covers.paint"),
        ("safety", "process jobs.safety.check_image"),
        ("covers", "process jobs.covers.compose"),
        ("covers", "process jobs.covers.store"),
        ("users", "process jobs.users.commit_quota"),
        ("covers", "process jobs.covers.complete"),
        ("tasks", "process jobs.tasks.report"),
        ("templates", "process events.covers.completed"),
    }, sorted(handled)
    assert {span.state for span in spans} == {OTHERS}
    assert not [span for span in spans if span.failed]


@pytest.mark.asyncio(loop_scope="module")
async def test_each_hop_is_a_pair_of_spans(api: Api, collector: FakeCollector) -> None:
    """Who handles is below who sent: a client's span above a server's, a producer's above a consumer's."""
    trace_id, parent = trace_parent("01")
    await order(api, parent)
    await collector.until(done(trace_id, "process events.covers.completed"))
    await asyncio.sleep(2)
    spans = {span.span_id: span for span in of(trace_id, collector.spans)}
    above = {"server": "client", "consumer": "producer"}
    pairs = [(span, spans[span.parent_id]) for span in spans.values() if span.parent_id in spans and span.kind in above]
    assert len(pairs) >= 13
    assert [(below.name, over.name) for below, over in pairs if over.kind != above[below.kind]] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_spans_tell_nothing_of_people(api: Api, collector: FakeCollector) -> None:
    """No title, name, mail address, network address, id of a user or of a task is in any span."""
    me = (await api.call("GET", "/v1/me")).body
    trace_id, parent = trace_parent("01")
    task_id = await order(api, parent)
    await collector.until(done(trace_id, "process events.covers.completed"))
    text = repr(collector.spans)
    for secret in (TITLE, AUTHOR, me["id"], me["email"], task_id, api.token, "127.0.0.1", "correct horse"):
        assert str(secret) not in text


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_sampled_is_not_sent(api: Api, collector: FakeCollector) -> None:
    """A caller's trace with the flag 00 leaves no span, though its cover is made."""
    quiet, parent = trace_parent("00")
    await order(api, parent)
    marker, other = trace_parent("01")
    await api.call("GET", "/v1/me", traceparent=other)
    await collector.until(done(marker, "GET /v1/me"))
    await asyncio.sleep(2)
    assert of(quiet, collector.spans) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_without_a_trace_begins_one(api: Api, collector: FakeCollector) -> None:
    """Its id is the request's id, so that an error that a user quotes is found; probes leave no spans."""
    answer = await api.call("GET", "/v1/me")
    trace_id = answer.headers["x-request-id"]
    await api.call("GET", "/readyz", traceparent=trace_parent("01")[1])
    spans = await collector.until(done(trace_id, "users/get"))
    assert [span.parent_id for span in of(trace_id, spans) if span.kind == "server" and span.service == "edge"] in (
        [],
        [""],
    )
    assert [span for span in spans if "readyz" in span.name] == []
    metrics = (await api.call("GET", "/metrics")).body
    assert 'covergen_spans_total{result="exported"}' in metrics.decode()


async def test_a_collector_that_is_down_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Spans beyond the queue are dropped and counted, one line is logged, the end does not wait."""
    caplog.set_level(logging.INFO)
    collector = Collector("http://127.0.0.1:9", ratio=1.0, version="1", environment="test")
    traces = collector.traces("edge", "i")
    began = time.perf_counter()
    for _ in range(6000):
        traces.begin("server", "GET /v1/me", {"http.route": "/v1/me"}, None).end()
    assert time.perf_counter() - began < 3
    assert traces.counts["dropped"] > 0
    async with asyncio.timeout(15):
        while not traces.counts["failed"]:
            await asyncio.sleep(0.05)
    began = time.perf_counter()
    await collector.close()
    assert time.perf_counter() - began < FLUSH + 0.5
    assert [record.getMessage() for record in caplog.records if "collector" in record.getMessage()] == [
        "the trace collector does not take spans: they are dropped until it does"
    ]
    assert len(caplog.records) == 1


async def test_the_end_sends_what_waits() -> None:
    """A span that ended just before is there when the collector's way is closed."""
    async with a_collector() as fake:
        collector = Collector(fake.url, ratio=1.0, version="1", environment="test")
        collector.traces("edge", "i").begin("server", "last", {}, None).end()
        await collector.close()
        assert [(span.service, span.name) for span in fake.spans] == [("edge", "last")]


async def test_the_ratio_holds_for_new_traces_only() -> None:
    """With 0 a new trace is not sampled; one that a caller samples is."""
    async with a_collector() as fake:
        collector = Collector(fake.url, ratio=0.0, version="1", environment="test")
        traces = collector.traces("edge", "i")
        fresh = traces.begin("server", "fresh", {}, None)
        fresh.end()
        trace_id, parent = trace_parent("01")
        traces.begin("server", "given", {}, parent).end()
        await collector.close()
        assert not sampled(fresh.traceparent)
        assert [(span.name, span.trace_id) for span in fake.spans] == [("given", trace_id)]


async def test_requests_go_on_without_the_collector(tmp_path: Path) -> None:
    """A whole stack whose collector is away makes a cover, and ends in time."""
    async with whole_stack(tmp_path / "home", COVERGEN_OTLP_URL="http://127.0.0.1:9") as running:
        async with signed_up(running.base) as api:
            await order(api, trace_parent("01")[1])
        lines = (running.home / "logs" / "nodes.log").read_text().splitlines()
        assert len([line for line in lines if "collector" in line]) <= 1
        assert not [line for line in lines if "opentelemetry" in line or "Traceback" in line]


async def test_nothing_is_loaded_where_no_collector_is_set() -> None:
    """A process of nodes or of an edge without the setting has neither the exporter nor its HTTP client in memory."""
    code = (
        "import sys, ops.host, ops.front, ops.wiring; print('adapters.otlp' in sys.modules, 'requests' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"False False\n"
