"""Requests that no route takes: 404, 405 with Allow, and OPTIONS."""

import re

from aiohttp import web

from contracts.errors import MethodNotAllowed, NotFound
from edge.exchange import Answer, Exchange, Handler
from edge.routes import Route

UNMATCHED = Route(
    method="*", path="/{tail:.*}", access="public", handler="fallback", tag="other", summary="No such route"
)


def fallback(router: web.UrlDispatcher) -> Handler:
    """The handler of everything that `router`, as it is now, does not take."""
    paths = _methods_by_path(router)

    async def handle(exchange: Exchange) -> Answer:
        request = exchange.request
        methods = _allowed(paths, request.rel_url.raw_path)
        if not methods:
            raise NotFound("There is no such path.")
        exchange.headers["Allow"] = ", ".join(sorted({*methods, "OPTIONS"}))
        if request.method == "OPTIONS":
            return Answer(204)
        raise MethodNotAllowed(f"This path takes {', '.join(sorted(methods))}.")

    return handle


def _methods_by_path(router: web.UrlDispatcher) -> dict[re.Pattern[str], set[str]]:
    found: dict[re.Pattern[str], set[str]] = {}
    for route in router.routes():
        if route.resource is not None:
            info = route.resource.get_info()
            pattern = info.get("pattern") or re.compile(re.escape(info["path"]))
            found.setdefault(pattern, set()).add(route.method)
    return found


def _allowed(paths: dict[re.Pattern[str], set[str]], path: str) -> set[str]:
    return set().union(*(methods for pattern, methods in paths.items() if pattern.fullmatch(path)))
