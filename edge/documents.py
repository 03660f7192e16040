"""What the edge serves from memory: the documents for machines and the page for people."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from contracts.errors import NotFound
from edge.exchange import Answer, Exchange, Handler
from edge.fleet import Fleet
from edge.middleware.cache import matches
from edge.middleware.observe import Metrics
from edge.openapi import openapi
from edge.routes import Route

FOLDER = Path(__file__).parent / "static"
FILES = (
    ("/docs", "docs.html", "text/html; charset=utf-8"),
    ("/docs/docs.js", "docs.js", "text/javascript; charset=utf-8"),
    ("/docs/docs.css", "docs.css", "text/css; charset=utf-8"),
)
"""Path, file, media type. The page needs nothing from elsewhere."""
ASK_AGAIN = "no-cache"


def fixed(body: bytes, media: str) -> Handler:
    """A handler that always gives the same bytes, or 304 to a client that has them."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    async def handle(exchange: Exchange) -> Answer:
        exchange.headers["ETag"], exchange.headers["Cache-Control"] = etag, ASK_AGAIN
        if matches(exchange.request.headers.get("If-None-Match"), etag):
            return Answer(304)
        return Answer(200, body, media)

    return handle


def openapi_document(routes: Iterable[Route], version: str) -> Handler:
    """`/openapi.json`."""
    body = msgspec.json.format(msgspec.json.encode(openapi(routes, version=version)), indent=1)
    return fixed(body, "application/json")


def asyncapi_document(body: bytes | None) -> Handler:
    """`/asyncapi.json`; 404 when this installation has none."""
    return _absent if body is None else fixed(body, "application/json")


def docs_pages() -> list[tuple[str, Handler]]:
    """The page that shows `/openapi.json` to people, with its script and style."""
    return [(path, fixed((FOLDER / file).read_bytes(), media)) for path, file, media in FILES]


def metrics_page(metrics: Metrics, fleet: Fleet) -> Callable[[Exchange], Awaitable[Answer]]:
    """`/metrics` in the text format of Prometheus: this process and all nodes."""
    metrics.registry.register(fleet)

    async def handle(_exchange: Exchange) -> Answer:
        await fleet.look()
        return Answer(200, generate_latest(metrics.registry), CONTENT_TYPE_PLAIN_0_0_4)

    return handle


async def _absent(_exchange: Exchange) -> Answer:
    raise NotFound("This installation has no AsyncAPI document.")
