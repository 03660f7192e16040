"""Turns the stages and a route into one aiohttp handler, once, at start.

aiohttp's own middlewares are wrapped anew around the handler of every request; ours are closures that call each other,
and a stage that has nothing to do for a route is not in its chain at all.
"""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import hdrs, web

from edge.exchange import Answer, Exchange, Handler, Middleware
from edge.routes import Route


def compiled(
    route: Route, handler: Handler, stages: Iterable[Middleware], *, region: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of `route`: `stages` from the outside in, then `handler`."""
    chain = handler
    for stage in reversed(tuple(stages)):
        chain = stage(route, chain)

    async def handle(request: web.Request) -> web.StreamResponse:
        exchange = Exchange(request, route, region)
        result = await chain(exchange)
        if type(result) is Answer:
            return _response(exchange, result)
        if not result.prepared:  # type: ignore[union-attr]  # `type() is` is faster than isinstance, but narrows less
            for name, value in exchange.headers.items():
                result.headers.setdefault(name, value)
        return result  # type: ignore[return-value]  # the same

    return handle


def page(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handler:
    """A plain aiohttp handler as the end of a chain."""

    async def handler(exchange: Exchange) -> web.StreamResponse:
        return await handle(exchange.request)

    return handler


def _response(exchange: Exchange, answer: Answer) -> web.Response:
    headers = exchange.headers
    if answer.body:
        headers[hdrs.CONTENT_TYPE] = answer.media
    if answer.headers:
        headers.update(answer.headers)
    return web.Response(body=answer.body or None, status=answer.status, headers=headers)
