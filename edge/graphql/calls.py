"""What a field does: the operation of its route, through the stages that a request to that route goes through.

So an Idempotency-Key, a public answer that is kept, the refusal of orders that would wait too long, the deadline and
the context are those of REST. Of one request the same question is asked once, whatever asks it (`Call.ask`), and a few
at a time.
"""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from msgspec import UNSET
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from adapters.nats.bus import Bus
from contracts.errors import Forbidden, Internal, Problem, Unauthenticated, raised
from contracts.tasks import Progress
from contracts.wire import Done
from edge.binding import contract_of
from edge.exchange import USER_TYPE, Answer, Exchange, Handler, Middleware
from edge.graphql.fields import EVENTS, bound_routes, route_of
from edge.middleware.authentication import ADMIN, check_scope
from edge.middleware.idempotency import HEADER as IDEMPOTENCY_KEY
from edge.problems import invalid_input
from edge.route import Route
from edge.streams import TaskStreams

AT_ONCE = 16
"""Questions of one request that nodes are asked at a time."""
KEPT = (hdrs.USER_AGENT, USER_TYPE)
"""Headers of the request that a field's own request has too."""
MESSAGE = web.RequestKey("message", bytes)
"""What the node is told: with the request, because a stage may ask for many by an exchange of its own."""
_problem = msgspec.json.Decoder(Problem).decode


class Operation:
    """A route as fields ask for it."""

    def __init__(self, route: Route, bus: Bus, stages: Iterable[Middleware]) -> None:
        self.route = route
        self._contract = contract_of(route)
        self._decode = msgspec.json.Decoder(self._contract.reply).decode
        chain: Handler = self._asked(bus)
        for stage in reversed(tuple(stages)):
            chain = stage(route, chain)
        self._chain = chain

    def address(self, values: Mapping[str, Any]) -> str:
        """The path and query that would ask for this."""
        path = self.route.path.format_map(values)
        query = {name: _written(values[name]) for name in self.route.query if values.get(name) is not None}
        return f"{path}?{urlencode(query)}" if query else path

    async def ask(self, exchange: Exchange, values: dict[str, Any], key: str | None) -> Any:
        """The reply. Raises ServiceError: Invalid naming the field, and whatever the stages and the node say."""
        headers = {name: exchange.request.headers[name] for name in KEPT if name in exchange.request.headers}
        if key is not None:
            headers[IDEMPOTENCY_KEY] = key
        request = asking(exchange.request, self.route.method, self.address(values), headers)
        message = request[MESSAGE] = self._message(values)
        inner = dataclasses.replace(
            exchange, request=request, route=self.route, headers=CIMultiDict(), body=message, idempotency_key=None
        )
        result = await self._chain(inner)
        if not isinstance(result, Answer):
            raise Internal()
        if result.status >= web.HTTPBadRequest.status_code:  # kept for the key
            raise raised(_problem(result.body))
        return Done() if result.status == web.HTTPNoContent.status_code else self._decode(result.body)

    def _asked(self, bus: Bus) -> Handler:
        subject, timeout, status = self._contract.subject, self._contract.timeout, self.route.status

        async def handle(exchange: Exchange) -> Answer:
            reply = await bus.request_raw(subject, exchange.request[MESSAGE], exchange.context(timeout), timeout)
            return Answer(status, b"" if status == web.HTTPNoContent.status_code else reply)

        return handle

    def _message(self, values: dict[str, Any]) -> bytes:
        try:
            return msgspec.json.encode(msgspec.convert(values, self._contract.request, strict=False))
        except msgspec.ValidationError as error:
            raise invalid_input(error, root="input") from None


class Operations:
    """All operations of one process, by the names of their routes."""

    def __init__(self, bus: Bus, stages: Iterable[Middleware], streams: TaskStreams) -> None:
        stages = tuple(stages)
        self._by_name = {route.name: Operation(route, bus, stages) for route in bound_routes()}
        self.streams = streams

    def of(self, route: Route) -> Operation:
        """The operation of a route that a field is bound to."""
        return self._by_name[route.name]


class Call:
    """One request of GraphQL while it is answered: what its fields share."""

    def __init__(self, exchange: Exchange, operations: Operations) -> None:
        self.exchange = exchange
        self._operations = operations
        self._asked: dict[str, asyncio.Task[Any]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def ask(self, route: Route, values: dict[str, Any], key: str | None = None) -> Any:
        """The reply of the operation behind `route`; what only reads is asked once per address."""
        check_access(self.exchange, route)
        operation = self._operations.of(route)
        if route.method != hdrs.METH_GET:
            return await operation.ask(self.exchange, values, key)
        address = operation.address(values)
        if address not in self._asked:
            self._asked[address] = asyncio.create_task(self._read(operation, values), name=f"graphql {route.name}")
        return await self._asked[address]

    async def follow(self, task_id: uuid.UUID, after: int) -> AsyncGenerator[Progress, None]:
        """The progress of a task to its end."""
        check_access(self.exchange, route_of(EVENTS))
        async with contextlib.aclosing(self._operations.streams.follow(self.exchange, task_id, after)) as entries:
            async for entry in entries:
                yield entry

    async def close(self) -> None:
        """Leave what nobody waits for any more."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _read(self, operation: Operation, values: dict[str, Any]) -> Any:
        async with self._places:
            return await operation.ask(self.exchange, values, None)


def check_access(exchange: Exchange, route: Route) -> None:
    """May the caller do what the route does? Raises Unauthenticated and Forbidden as the route would."""
    claims = exchange.claims
    if route.access == "public":
        return
    if claims is None:
        if route.access == "optional":
            return
        raise Unauthenticated("Send Authorization: Bearer with an access token, or X-API-Key.")
    if claims.scope is not UNSET:
        check_scope(route, claims.scope)
    if route.access == "admin" and ADMIN not in claims.roles:
        raise Forbidden("Only administrators may do this.")


def asking(request: web.Request, method: str, address: str, headers: Mapping[str, str]) -> web.Request:
    """A request on the same connection for something else: what the stages read, without a body."""
    given = CIMultiDictProxy(CIMultiDict(headers))
    raw = tuple((name.encode(), value.encode()) for name, value in given.items())
    url = URL(address, encoded=True)
    message = RawRequestMessage(method, address, request.version, given, raw, False, None, False, False, url)
    loop = asyncio.get_running_loop()
    return web.Request(message, EMPTY_PAYLOAD, request.protocol, request.writer, request.task, loop, client_max_size=0)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(msgspec.to_builtins(value))
