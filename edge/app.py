"""The edge as a whole: the order of its stages, its handlers, and the server around them.

Read `stages` for what happens to every request, `routes.py` for what is served, `binding.py` for how a plain call is
made.
"""

import asyncio
import contextlib
import importlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from adapters.crypto import Verifier
from adapters.nats.bus import Bus
from adapters.objects import Objects
from adapters.rate_limits import RateLimits
from adapters.redis import Idempotency, Redis
from adapters.tracing import Traces
from contracts.registry import NODES
from edge.address import Addresses
from edge.address_lists import AddressLists
from edge.api_keys import KeyHolders
from edge.binding import call
from edge.connections import QUIET, Gate, listen
from edge.cookies import Cookies
from edge.documents import asyncapi_document, docs_pages, metrics_page, openapi_document
from edge.exchange import Handler, Middleware
from edge.export import Export
from edge.fallback import UNMATCHED, fallback, shadowed
from edge.fleet import Fleet
from edge.graphql.serving import Graphql
from edge.graphql.socket import SocketRules
from edge.health import Health, checks_of
from edge.images import file, image
from edge.kept import ResponseCache
from edge.logins import SignIns
from edge.middleware.admission import MAX_WAIT, MOST_AT_ONCE, admission, crowd
from edge.middleware.authentication import Authenticator, authentication
from edge.middleware.cache import Renewals, response_cache
from edge.middleware.compression import compression
from edge.middleware.cors import cors
from edge.middleware.doors import doors
from edge.middleware.errors import errors
from edge.middleware.idempotency import idempotency
from edge.middleware.limits import MAX_BODY, MAX_SECONDS, limits
from edge.middleware.observe import Metrics, observation
from edge.middleware.origin import origin
from edge.middleware.rate_limit import RateLimiter, rate_limit, strangers
from edge.middleware.security import HEADERS, security_headers
from edge.middleware.tracing import traced, tracing
from edge.oauth import AuthorizationServer
from edge.oauth_pages import Pages
from edge.outlook import Outlook
from edge.pipeline import compiled, page
from edge.rates import Rates
from edge.revocations import Revocations
from edge.routes import ROUTES, Route
from edge.sessions import Visits
from edge.shares import SharedCovers
from edge.signatures import Signatures
from edge.streams import HEARTBEAT, TaskStreams
from edge.templates import Templates
from edge.uploads import Uploads
from edge.verification import Verification
from edge.webhooks import Webhooks

DRAIN = 10.0
"""Seconds that running requests are given at the end."""
BACKLOG = 1024
ACCEPTED_AT_ONCE = 8
"""Connections that an edge takes from a shared queue in one go: the others should get some too."""
HEALTH = web.AppKey("health", Health)
HEADERS_OF_ALL = web.AppKey("headers", dict[str, str])
"""The headers of every answer."""
STUDIO = "edge.studio.pages"
NOTICE_STEP = 0.05
NO_HEAD = ("events", "export", "oauth", "graphql-socket", "provenance")
"""Handlers whose GET has no HEAD: one would never end, the other would do all the work for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is allowed of requests."""

    max_body: int = MAX_BODY
    """Bytes."""
    max_seconds: float = MAX_SECONDS
    """That a request may take."""
    max_wait: float = MAX_WAIT
    """Seconds beyond which orders are refused."""
    most_at_once: int = MOST_AT_ONCE
    """Requests of this process at a time."""
    rates: Rates | None = None
    """How much each may ask; None: without limits."""
    addresses: Addresses = field(default_factory=Addresses)
    """How clients' addresses are read."""
    lists: AddressLists = field(default_factory=AddressLists)
    """Who may come at all."""
    origins: tuple[str, ...] = ()
    """Whose pages may call us."""
    cookies: Cookies = field(default_factory=Cookies)
    """The studio's session; edge processes that serve the same users share its key."""
    webhook_key: bytes | None = field(default=None, repr=False)
    """By which Replicate signs what it tells us; None: it may not."""
    sockets: SocketRules = field(default_factory=SocketRules)
    """What a WebSocket of GraphQL may do."""


RULES = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages of every request, from the outside in; some are gone through again by the fields of GraphQL."""

    outer: tuple[Middleware, ...]
    proof: tuple[Middleware, ...]
    rate: Middleware
    inner: tuple[Middleware, ...]
    limiter: RateLimiter | None

    @property
    def all(self) -> tuple[Middleware, ...]:
        """In one row."""
        return (*self.outer, *self.proof, self.rate, *self.inner)


def stages(
    bus: Bus,
    redis: Redis,
    verifier: Verifier,
    metrics: Metrics,
    outlook: Outlook,
    *,
    rules: Rules = RULES,
    revocations: Revocations | None = None,
    renewals: Renewals | None = None,
    headers: Mapping[str, str] = HEADERS,
    traces: Traces | None = None,
) -> Stages:
    """The stages of every request, in their order."""
    memory = Idempotency(redis)
    limiter = None if rules.rates is None else RateLimiter(RateLimits(redis), rules.rates, rules.addresses)
    authenticator = Authenticator(bus, verifier, revocations or Revocations(bus))
    signatures = Signatures(bus, redis, rules.cookies.public_url)
    outer = (
        tracing if traces is None else traced(traces),
        observation(metrics),  # outside the error mapping, to see the status that goes out
        security_headers(headers),  # outside it too, so that errors carry them
        cors(rules.origins),  # as above
        compression,
        errors,
        doors(rules.lists, rules.addresses),
        crowd(rules.most_at_once),  # before the body is read
        limits(max_body=rules.max_body, max_seconds=rules.max_seconds),
    )
    proof = (
        strangers(limiter),  # who does not get through the next one
        authentication(authenticator, KeyHolders(bus), rules.cookies, signatures),
    )
    inner = (
        admission(outlook, memory, max_wait=rules.max_wait),  # before the key of an order that is refused is taken
        idempotency(memory),
        response_cache(renewals or Renewals(ResponseCache(redis))),
        origin(rules.addresses),
    )
    return Stages(outer=outer, proof=proof, rate=rate_limit(limiter), inner=inner, limiter=limiter)


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
    health, export = Health(checks_of(bus, redis, nodes)), Export(bus)
    headers, verification, arrivals = dict(HEADERS), Verification(bus, objects, trust), Uploads(bus, objects, trust)
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
    special: Mapping[str, Callable[[Route], Handler]] = {
        "call": lambda route: call(route, bus),
        "image": lambda route: image(route, bus, objects),
        "file": lambda route: file(route, bus, objects),
        "events": lambda _route: streams.handle,
        "export": lambda _route: export.handle,
        "verify": lambda _route: verification.verify,
        "upload": lambda _route: arrivals.handle,
        "provenance": verification.of_cover,
        "graphql": lambda _route: graph.requests.handle,
        "graphql-socket": lambda _route: graph.sockets.handle,
        "webhook": lambda _route: Webhooks(bus, rules.webhook_key).replicate,
        "metrics": lambda _route: metrics_page(metrics, Fleet(bus, nodes)),
        **_for_browsers(bus, objects, rules.cookies),
        **_about_us(health, version, asyncapi),
    }
    table = [(route, special[route.handler](route)) for route in ROUTES if route.handler != "docs"] + _pages()
    app = web.Application(client_max_size=rules.max_body)
    app[HEADERS_OF_ALL] = headers
    _add(app, table, order.all, region)
    app.on_shutdown.append(graph.close)
    reading = (verification.working, arrivals.working)
    _live(app, streams, health, (outlook.watching, revocations.watching, partial(renewals.watching, bus), *reading))
    return app


def _for_browsers(bus: Bus, objects: Objects, cookies: Cookies) -> Mapping[str, Callable[[Route], Handler]]:
    templates = Templates()
    shared = SharedCovers(bus, objects, templates)
    return {
        "share-page": shared.page,
        "share-image": shared.image,
        "session": Visits(bus, cookies).handler,
        "login": SignIns(bus, cookies).handler,
        "oauth": AuthorizationServer(bus, cookies, Pages(templates)).handler,
    }


def _about_us(health: Health, version: str, asyncapi: bytes | None) -> Mapping[str, Callable[[Route], Handler]]:
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


@contextlib.asynccontextmanager
async def serve_app(
    app: web.Application,
    host: str,
    port: int,
    *,
    drain: float = DRAIN,
    notice: float = 0.0,
    inherited: socket.socket | None = None,
    gate: Gate | None = None,
    quiet: float = QUIET,
) -> AsyncIterator[str]:
    """Serve `app` for the length of the block; gives its base URL. Port 0 picks a free one.

    Other processes may serve the same port (SO_REUSEPORT), or the same socket, which is `inherited` then. At the end
    `/readyz` says 503 and every answer `Connection: close` for `notice` seconds while requests are still taken; new
    connections too, unless the socket stays open elsewhere, whose owners take them. Then listening stops, streams end,
    and what runs has `drain` seconds to finish. `gate` counts connections, which may be silent for `quiet` seconds.
    """
    runner = web.AppRunner(app, shutdown_timeout=drain, handle_signals=False)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 -- it is there between setup and cleanup
    listener: asyncio.Server | None = None
    try:
        listening = inherited or _socket(host, port)
        backlog = ACCEPTED_AT_ONCE if inherited else BACKLOG
        listener = await listen(server, listening, gate or Gate(), backlog=backlog, quiet=quiet)
        listening.listen(BACKLOG)  # asyncio takes the number above for both
        address, bound = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        yield f"http://{shown}:{bound}"
        app[HEALTH].stop()
        app[HEADERS_OF_ALL]["Connection"] = "close"
        if inherited:
            listener.close()
        await _noticed(runner, notice, until_empty=inherited is not None)
    finally:
        app[HEALTH].stop()
        if listener is not None:
            listener.close()
        await runner.cleanup()


async def _noticed(runner: web.AppRunner, seconds: float, *, until_empty: bool) -> None:
    """Wait; with `until_empty` not longer than there are connections."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if until_empty and runner.server is not None and not runner.server.connections:
            return
        await asyncio.sleep(min(left, NOTICE_STEP))


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
