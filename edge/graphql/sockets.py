"""All WebSockets of one process: how many there may be, and that they end when it does."""

import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator

from aiohttp import WSCloseCode, hdrs, web

from contracts.errors import MethodNotAllowed
from edge.exchange import Exchange, Handler
from edge.graphql.execution import Executor
from edge.graphql.socket import TOO_MANY, Closed, Socket, SocketRules

RULES = SocketRules()


class Sockets:
    """The handler of `GET /graphql`."""

    def __init__(self, executor: Executor, prove: Handler, rules: SocketRules = RULES) -> None:
        self._executor = executor
        self._prove = prove
        self._rules = rules
        self._open: set[Socket] = set()
        self._users: Counter[uuid.UUID] = Counter()

    async def handle(self, exchange: Exchange) -> web.StreamResponse:
        """Serve one socket. Raises MethodNotAllowed for a request that opens none: queries are asked by POST."""
        if exchange.request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            exchange.headers[hdrs.ALLOW] = hdrs.METH_POST
            raise MethodNotAllowed("Queries are asked by POST; GET opens a WebSocket.")
        socket = Socket(exchange, self._executor, self._prove, self._rules)
        self._open.add(socket)
        try:
            await socket.begin()
            with self._slot(socket):
                await socket.serve()
        except Closed as end:
            await socket.close(end.code, end.reason)
        finally:
            self._open.discard(socket)
        return socket.response

    async def close(self) -> None:
        """End all of them; the clients come back, to another process."""
        for socket in tuple(self._open):
            await socket.close(WSCloseCode.GOING_AWAY, "This process is stopping.")

    @contextlib.contextmanager
    def _slot(self, socket: Socket) -> Iterator[None]:
        user = None if socket.exchange.claims is None else socket.exchange.claims.sub
        if user is None or self._users[user] >= self._rules.per_user:
            raise Closed(TOO_MANY, f"At most {self._rules.per_user} sockets at a time.")
        self._users[user] += 1
        try:
            yield
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]
