"""The edge as a whole: its handlers by name, and the application that serves the table of routes.

What happens to every request is in `stages.py`, what is served in `routes.py`, how a plain call is made in
`binding.py`, and the server around it all in `serving.py`.
"""

import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from adapters.nats.bus import Bus
from adapters.objects import Objects
from adapters.redis import Redis
from adapters.signed_tokens import Verifier
from adapters.tracing import Traces
from contracts.registry import NODES
from edge.address_lists import AddressLists
from edge.binding import call
from edge.cookies import Cookies
from edge.documents import asyncapi_document, docs_pages, metrics_page, openapi_document
from edge.exchange import Handler, Middleware
from edge.export import Export
from edge.fallback import UNMATCHED, fallback, shadowed
from edge.fleet import Fleet
from edge.graphql.serving import Graphql
from edge.health import Health, checks_of
from edge.images import file, image
from edge.kept import ResponseCache
from edge.logins import SignIns
from edge.middleware.cache import Renewals
from edge.middleware.observe import Metrics
from edge.middleware.security import HEADERS
from edge.oauth import AuthorizationServer
from edge.oauth_pages import Pages
from edge.outlook import Outlook
from edge.pipeline import compiled, page
from edge.revocations import Revocations
from edge.routes import ROUTES, Route
from edge.serving import HEADERS_OF_ALL, HEALTH
from edge.sessions import Visits
from edge.shares import SharedCovers
from edge.stages import RULES, Rules, stages
from edge.streams import HEARTBEAT, TaskStreams
from edge.templates import Templates
from edge.uploads import Uploads
from edge.verification import Verification
from edge.webhooks import Webhooks

STUDIO = "edge.studio.pages"
NO_HEAD = ("events", "export", "oauth", "graphql-socket", "provenance")
"""Handlers whose GET has no HEAD: one would never end, the other would do all the work for nothing."""
Handlers = Mapping[str, Callable[[Route], Handler]]
"""What makes the handler of a route, by the name that the route gives to it."""


def build_app(
    *,
    bus: Bus,
    objects: Objects,
    redis: Redis,
    verifier: Verifier,
    version: str = "0.1.0",
    region: str = "local",
    asyncapi: bytes | None = None,
    nodes: tuple[str, ...] = NODES,
    heartbeat: float = HEARTBEAT,
    rules: Rules = RULES,
    trust: Path | None = None,
    traces: Traces | None = None,
) -> web.Application:
    """The application, ready to be served. It opens nothing until it starts, and closes none of what it is given."""
    metrics, outlook, revocations = Metrics(), Outlook(bus), Revocations(bus)
    streams = TaskStreams(bus, heartbeat=heartbeat, gauge=metrics.streams.set)
    renewals = Renewals(ResponseCache(redis))
    _count(metrics, renewals, rules.lists, traces)
    health, headers = Health(checks_of(bus, redis, nodes)), dict(HEADERS)
    verification, arrivals = Verification(bus, objects, trust), Uploads(bus, objects, trust)
    order = stages(
        bus,
        redis,
        verifier,
        metrics,
        outlook,
        rules=rules,
        revocations=revocations,
        renewals=renewals,
        headers=headers,
        traces=traces,
    )
    pay = None if order.limiter is None else order.limiter.charge
    graph = Graphql(bus, streams, proof=order.proof, inner=order.inner, pay=pay, rules=rules.sockets)
    handlers: Handlers = {
        "call": lambda route: call(route, bus),
        "events": lambda _route: streams.handle,
        "export": lambda _route: Export(bus).handle,
        "graphql": lambda _route: graph.requests.handle,
        "graphql-socket": lambda _route: graph.sockets.handle,
        "webhook": lambda _route: Webhooks(bus, rules.webhook_key).replicate,
        "metrics": lambda _route: metrics_page(metrics, Fleet(bus, nodes)),
        **_of_files(bus, objects, verification, arrivals),
        **_for_browsers(bus, objects, rules.cookies),
        **_about_us(health, version, asyncapi),
    }
    table = [(route, handlers[route.handler](route)) for route in ROUTES if route.handler != "docs"] + _pages()
    app = web.Application(client_max_size=rules.max_body)
    app[HEADERS_OF_ALL] = headers
    _add(app, table, order.all, region)
    app.on_shutdown.append(graph.close)
    reading = (verification.room.working, arrivals.room.working)
    _live(app, streams, health, (outlook.watching, revocations.watching, partial(renewals.watching, bus), *reading))
    return app


def _of_files(bus: Bus, objects: Objects, verification: Verification, arrivals: Uploads) -> Handlers:
    return {
        "image": lambda route: image(route, bus, objects),
        "file": lambda route: file(route, bus, objects),
        "upload": lambda _route: arrivals.handle,
        "verify": lambda _route: verification.verify,
        "provenance": verification.of_cover,
    }


def _for_browsers(bus: Bus, objects: Objects, cookies: Cookies) -> Handlers:
    templates = Templates()
    shared = SharedCovers(bus, objects, templates)
    return {
        "share-page": shared.page,
        "share-image": shared.image,
        "session": Visits(bus, cookies).handler,
        "login": SignIns(bus, cookies).handler,
        "oauth": AuthorizationServer(bus, cookies, Pages(templates)).handler,
    }


def _about_us(health: Health, version: str, asyncapi: bytes | None) -> Handlers:
    return {
        "alive": lambda _route: health.alive,
        "ready": lambda _route: health.ready,
        "openapi": lambda _route: openapi_document(ROUTES, version),
        "asyncapi": lambda _route: asyncapi_document(asyncapi),
    }


def _count(metrics: Metrics, renewals: Renewals, lists: AddressLists, traces: Traces | None) -> None:
    """Show what the parts count."""
    metrics.count("cached_answers", "Answers that may be kept, by what was done", "result", renewals.counts)
    metrics.count("denied_addresses", "Turned away by their address", "where", lists.counts)
    if traces is not None:
        metrics.count("spans", "Spans of traces, by what became of them", "result", traces.counts)


def studio_routes() -> list[web.RouteDef]:
    """The studio's pages, when the studio is installed."""
    if find_spec(STUDIO) is None:
        return []
    rows = importlib.import_module(STUDIO).routes()
    return [row for row in rows if isinstance(row, web.RouteDef)]


def _pages() -> list[tuple[Route, Handler]]:
    table = [(_page_route("GET", path), handler) for path, handler in docs_pages()]
    return table + [(_page_route(row.method, row.path), page(row.handler)) for row in studio_routes()]


def _page_route(method: str, path: str) -> Route:
    return Route(method=method, path=path, access="public", handler="page", tag="other", summary=path, cost=0)


def _add(app: web.Application, table: list[tuple[Route, Handler]], order: tuple[Middleware, ...], region: str) -> None:
    for route, handler in table:
        handle = compiled(route, handler, order, region=region)
        app.router.add_route(route.method, route.path, handle)
        if route.method == "GET" and route.handler not in NO_HEAD:
            app.router.add_route("HEAD", route.path, handle)
    handle = compiled(UNMATCHED, fallback(app.router), order, region=region)
    for path in shadowed([route for route, _ in table]):
        app.router.add_route("*", path, handle)
    app.router.add_route(UNMATCHED.method, UNMATCHED.path, handle)


def _live(
    app: web.Application,
    streams: TaskStreams,
    health: Health,
    watching: Iterable[Callable[[], contextlib.AbstractAsyncContextManager[None]]],
) -> None:
    """Open the streams and look out at start; at the end say "not ready" before they are closed."""

    async def opened(_app: web.Application) -> AsyncIterator[None]:
        await streams.open()
        async with contextlib.AsyncExitStack() as stack:
            for watch in watching:
                await stack.enter_async_context(watch())
            yield
        await streams.close()

    async def closing(_app: web.Application) -> None:
        await streams.close()

    app.cleanup_ctx.append(opened)
    app.on_shutdown.append(closing)
    app[HEALTH] = health
