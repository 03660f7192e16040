"""Requests that no route takes: 404, 405 with Allow, and OPTIONS."""

import re
from collections.abc import Sequence

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


def shadowed(routes: Sequence[Route]) -> tuple[str, ...]:
    """Paths without placeholders that a path with one would take methods for, which they do not have themselves."""
    taken = [re.compile(re.sub(r"{[^}]+}", "[^/]+", route.path)) for route in routes if route.fields]
    literal = dict.fromkeys(route.path for route in routes if not route.fields)
    return tuple(path for path in literal if any(pattern.fullmatch(path) for pattern in taken))


def _allowed(paths: dict[re.Pattern[str], set[str]], path: str) -> set[str]:
    """The methods of a path; a path that is there as it stands is no example of one with a placeholder."""
    literal = re.escape(path)
    own = next((methods for pattern, methods in paths.items() if pattern.pattern == literal), None)
    if own is not None:
        return own
    return set().union(*(methods for pattern, methods in paths.items() if pattern.fullmatch(path)))
