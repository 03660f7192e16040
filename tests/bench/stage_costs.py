"""What each stage of the edge costs: the compiled pipeline in this process, with and without the stage.

Nothing is sent: the request is an aiohttp request without a socket, and the handler at the end answers at once. A
stage's cost is the difference between the pipeline with all stages and the one without it, the least of many
alternating repeats of each (noise only ever adds).
"""

import asyncio
import contextlib
import io
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import cast

from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from adapters.nats.bus import Bus
from adapters.redis import Redis
from adapters.signed_tokens import SigningKey, Verifier
from adapters.telemetry import formatter
from contracts.auth import Jwks
from contracts.wire import Context, Endpoint
from edge.binding import contract_of, payload
from edge.exchange import Answer, Exchange, Handler, Middleware, Result
from edge.middleware.observe import Metrics
from edge.outlook import Outlook
from edge.pipeline import compiled
from edge.rates import read_rates
from edge.routes import ROUTES, Route
from edge.stages import Rules, stages
from tests.bench.http_rows import SHAPES, Shape, token

NAMES = (
    "tracing",
    "metrics",
    "security headers",
    "cross-origin",
    "compression",
    "errors",
    "doors",
    "crowd",
    "limits",
    "strangers",
    "authentication",
    "rate limit",
    "admission",
    "idempotency",
    "cache",
    "origin",
)
"""In the order of `edge.app.stages`."""
ENDLESS = read_rates("free=1000000000,pro=1000000000,pro_plus=1000000000,address=1000000000")
CALL = "body checked, message and context made"
STYLES = Shape("GET /v1/templates", "GET", "/v1/templates", 200)
ANSWER = b'{"id":"6f1c1f6e-58a5-4d5f-9a0e-2f1a3c4b5d6e"}'
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the table; None where the route does not have that stage."""

    what: str
    get: float | None = None
    """Microseconds for GET /v1/me."""
    post: float | None = None
    """The same for POST /v1/covers."""
    cached: float | None = None
    """The same for GET /v1/templates from the cache."""


class _Keys:
    """The bus as authentication uses it: the keys are read once."""

    def __init__(self, key: SigningKey) -> None:
        self._jwks = Jwks(keys=(key.public,))

    async def request(self, _endpoint: Endpoint[object, Jwks], _message: object, _context: Context) -> Jwks:
        return self._jwks


@dataclass(frozen=True, slots=True)
class Case:
    """A request of one route."""

    shape: Shape
    bearer: str
    keyed: bool = False
    """A fresh Idempotency-Key with every request."""

    @property
    def route(self) -> Route:
        """Its line of the table of routes."""
        return next(route for route in ROUTES if (route.method, route.path) == (self.shape.method, self.shape.path))

    def request(self) -> web.Request:
        """A new request, as aiohttp would hand it over."""
        headers = {"Host": "localhost", "Accept": "*/*", "Authorization": f"Bearer {self.bearer}"}
        if self.shape.body:
            headers["Content-Type"] = "application/json"
        if self.keyed:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        reader = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        reader.feed_data(self.shape.body.encode())
        reader.feed_eof()
        return make_mocked_request(self.shape.method, self.shape.path, headers=headers, payload=reader)


async def end(_exchange: Exchange) -> Result:
    """The innermost handler: nothing to do."""
    return Answer(202, ANSWER)


def binding_end(route: Route) -> Handler:
    """The same with what a call does before it asks the bus: check and make the message, and the context's headers."""
    make, timeout = payload(route), contract_of(route).timeout

    async def handle(exchange: Exchange) -> Result:
        make(exchange)
        exchange.context(timeout).within(timeout).headers()
        return Answer(202, ANSWER)

    return handle


async def _seconds(handle: Handle, case: Case, loops: int) -> float:
    """Seconds per request."""
    requests = [case.request() for _ in range(loops)]
    began = time.perf_counter()
    for request in requests:
        await handle(request)
    return (time.perf_counter() - began) / loops


async def least(handles: dict[str, Handle], case: Case, *, repeats: int, loops: int) -> dict[str, float]:
    """The least microseconds per request of each, measured in turns."""
    found = dict.fromkeys(handles, float("inf"))
    for _ in range(repeats):
        for name, handle in handles.items():
            found[name] = min(found[name], await _seconds(handle, case, loops) * 1e6)
    return found


def _handles(case: Case, order: tuple[Middleware, ...]) -> dict[str, Handle]:
    """All stages, none, and all but one of those that the route has."""
    route = case.route
    chains = {"all": (end, order), "none": (end, ()), "binding": (binding_end(route), order)}
    for index, name in enumerate(NAMES):
        if order[index](route, end) is not end:
            chains[name] = (end, order[:index] + order[index + 1 :])
    return {name: compiled(route, handler, chain, region="local") for name, (handler, chain) in chains.items()}


@contextlib.contextmanager
def access_log(enabled: bool) -> Iterator[None]:
    """Write the access log to memory in the form of the product's default, or not at all."""
    log, handler = logging.getLogger("edge.access"), logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter("text"))
    before = (log.level, log.propagate)
    log.setLevel(logging.INFO if enabled else logging.WARNING)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before
        log.setLevel(before[0])


async def costs_of(case: Case, order: tuple[Middleware, ...], *, repeats: int, loops: int) -> dict[str, float]:
    """Microseconds by the name of what takes them."""
    handles = _handles(case, order)
    with access_log(enabled=False):
        quiet = await least(handles, case, repeats=repeats, loops=loops)
    with access_log(enabled=True):
        whole = (await least({"whole": handles["binding"]}, case, repeats=repeats, loops=loops))["whole"]
    costs = {"pipeline without stages": quiet["none"]}
    costs |= {name: quiet["all"] - quiet[name] for name in NAMES if name in quiet}
    costs |= {CALL: quiet["binding"] - quiet["all"], "access log": whole - quiet["binding"], "all of these": whole}
    return costs


async def _with_key(case: Case, order: tuple[Middleware, ...], *, repeats: int, loops: int) -> float:
    """Microseconds that an Idempotency-Key adds to a POST: two commands to Redis, and the wait for them."""
    handle = compiled(case.route, end, order, region="local")
    keyed = Case(case.shape, case.bearer, keyed=True)
    with access_log(enabled=False):
        without = await least({"all": handle}, case, repeats=repeats, loops=loops)
        with_key = await least({"all": handle}, keyed, repeats=repeats, loops=loops)
    return with_key["all"] - without["all"]


async def _with_rates(case: Case, plain: tuple[Middleware, ...], limited: tuple[Middleware, ...], **how: int) -> float:
    """Microseconds that the rate limit adds: one command to Redis, and the wait for it, which many requests share
    when they come together."""
    handles = {
        name: compiled(case.route, end, order, region="local") for name, order in (("no", plain), ("yes", limited))
    }
    with access_log(enabled=False):
        found = await least(handles, case, **how)
    return found["yes"] - found["no"]


async def measure_stages(key: SigningKey, redis: Redis, *, repeats: int, loops: int) -> list[Cost]:
    """The table. `redis` is asked by idempotency and, once a second, by the cache."""
    bus = cast("Bus", _Keys(key))
    parts = (bus, redis, Verifier(), Metrics(), Outlook(bus))
    order, limited = stages(*parts).all, stages(*parts, rules=Rules(rates=ENDLESS)).all
    if len(order) != len(NAMES):
        raise ValueError("the edge has other stages than this table")
    get, post, cached = (Case(shape, token(key)) for shape in (*SHAPES, STYLES))
    columns = [await costs_of(case, order, repeats=repeats, loops=loops) for case in (get, post, cached)]
    names = ["pipeline without stages", *NAMES, "access log", CALL]
    lines = [Cost(name, *(column.get(name) for column in columns)) for name in [*names, "all of these"]]
    keyed = await _with_key(post, order, repeats=min(repeats, 5), loops=loops)
    how = {"repeats": min(repeats, 5), "loops": loops}
    rates = [await _with_rates(case, order, limited, **how) for case in (get, post, cached)]
    return [
        *lines,
        Cost("the rate limit: more, with the wait for Valkey", *rates),
        Cost("a request with Idempotency-Key: more, with the wait for Valkey", post=keyed),
    ]
