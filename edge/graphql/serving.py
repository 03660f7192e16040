"""GraphQL of one edge process, put together from the parts that REST has."""

from collections.abc import Iterable

from aiohttp import web

from adapters.nats.bus import Bus
from edge.exchange import Answer, Exchange, Handler, Middleware
from edge.graphql.calls import Operations
from edge.graphql.execution import Executor, Pay
from edge.graphql.http import Graph
from edge.graphql.schema import built
from edge.graphql.socket import SocketRules
from edge.graphql.sockets import Sockets
from edge.graphql_routes import SOCKET
from edge.streams import TaskStreams


class Graphql:
    """Both handlers. `proof`: the stages that find out who asks; `inner`: those behind, of a route without GraphQL."""

    def __init__(
        self,
        bus: Bus,
        streams: TaskStreams,
        *,
        proof: Iterable[Middleware],
        inner: Iterable[Middleware],
        pay: Pay | None,
        rules: SocketRules,
    ) -> None:
        executor = Executor(built(), Operations(bus, inner, streams), pay)
        prove: Handler = _done
        for stage in reversed(tuple(proof)):
            prove = stage(SOCKET, prove)
        self.requests = Graph(executor)
        self.sockets = Sockets(executor, prove, rules)

    async def close(self, _app: web.Application) -> None:
        """End the sockets."""
        await self.sockets.close()


async def _done(_exchange: Exchange) -> Answer:
    return Answer(web.HTTPOk.status_code)
