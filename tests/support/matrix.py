"""Who may do what: callers, and the rule by which a route answers each of them.

The rule reads the route's own line (access, scope, status) and whether the request names a thing of the owner's;
nothing is written down per cell.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from edge.cookies import SAFE
from edge.middleware.authentication import ALLOWED, INSIDE
from edge.routes import Access, Route

ROLES = tuple(access for access in get_args(Access) if access not in ("public", "optional", "user"))
"""The kinds of access that need a role of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A column: somebody with credentials of one kind."""

    column: str
    headers: Mapping[str, str] = field(default_factory=dict)
    user_id: str | None = None
    """None: nobody is proven by these headers."""
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    """None: everything that the user may."""
    sign: "Callable[[str, str, bytes], Mapping[str, str]] | None" = None
    """The headers of a signed request, which are others each time: of its method, address and body."""
    cookie: bool = False
    """Are they in a browser's cookie?"""
    forged: bool = False
    """Is the proof missing that a page of ours asks?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to a route, which succeeds when its owner makes it."""

    path: str
    body: Any = None
    form: Mapping[str, str] | None = None
    """Instead of a JSON body."""
    raw: bytes | None = None
    """The same."""
    headers: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    """Whose thing the path or the body names; None: nobody's, or whoever asks."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one caller got from one route."""

    route: Route
    column: str
    expected: int
    status: int
    problem: str = ""
    """What is wrong with the body of a refusal."""

    @property
    def wrong(self) -> bool:
        """Is it not what the rule says?"""
        return self.status != self.expected or self.problem != ""


def expected(route: Route, caller: Caller, owner: str | None) -> int:
    """The status of the answer to `caller`, for a request that names a thing of `owner`."""
    if route.access == "public":
        return route.status
    if caller.user_id is None:
        return route.status if route.access == "optional" and not caller.headers else 401
    if caller.forged and route.method not in SAFE:
        return 403
    if caller.scopes is not None and route.scope not in caller.scopes and route.handler not in INSIDE:
        return 403
    if route.access in ROLES and ALLOWED[route.access][0].isdisjoint(caller.roles):
        return 403
    others = owner is not None and owner != caller.user_id and route.access != "admin"
    return 404 if others else route.status


def table(cells: Iterable[Cell]) -> str:
    """The matrix as text; a wrong cell has what was expected behind it."""
    rows: dict[str, dict[str, str]] = {}
    for cell in cells:
        shown = f"{cell.status}!{cell.expected}" if cell.wrong else str(cell.status)
        rows.setdefault(cell.route.name, {})[cell.column] = shown
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    wide = max(map(len, rows))
    lines = [f"{number:>{wide + 2}}  {column}" for number, column in enumerate(columns, 1)]
    lines.append(" " * wide + "".join(f"{number:>5}" for number in range(1, len(columns) + 1)))
    for name, row in rows.items():
        lines.append(f"{name:{wide}}" + "".join(f"{row.get(column, ''):>5}" for column in columns))
    return "\n".join(lines)
