"""What a row of the matrix is, and how the plain ones are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edge.routes import Route
from tests.support.matrix import Asked, Caller
from tests.support.matrix_world import World

Make = Callable[[World], Awaitable[Asked]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How to ask a route."""

    make: Make
    fresh: bool = False
    """Is what it names gone or changed by success, so that everybody who may needs one of their own?"""
    twin: Literal["nobody", "users", "everybody"] = "nobody"
    """For whom a twin stands in, because success ends the caller, or other sessions of the same user."""
    refuses: Mapping[str, int] = field(default_factory=dict)
    """By role: a rule of the node that no route says."""
    no_bearer: int | None = None
    """What who comes with an `Authorization: Bearer` gets, where clients prove themselves in that header."""
    no_signed: int | None = None
    """What who signs the request gets, where the body is not read before it is known who asks."""
    status: int | None = None
    """Of success, where the question decides about it."""

    def seen(self, route: Route) -> Route:
        """The route with the status of success that this row has."""
        return route if self.status is None else replace(route, status=self.status)

    def exception(self, caller: Caller) -> int | None:
        """What the rule of the matrix does not know."""
        if self.no_bearer is not None and "Authorization" in caller.headers:
            return self.no_bearer
        if self.no_signed is not None and caller.sign is not None:
            return self.no_signed
        return next((self.refuses[role] for role in caller.roles if role in self.refuses), None)


def at(path: str, body: Any = None) -> Row:
    """A request that names nothing of anybody, and may be made again and again."""

    async def make(_world: World) -> Asked:
        return Asked(path=path, body=body)

    return Row(make=make)


def own(path: str, body: Mapping[str, Any] | None = None, before: "tuple[tuple[str, Any], ...]" = ()) -> Row:
    """A request that names a thing of the owner's by its word in braces; `before` is posted by the owner each time."""

    async def make(world: World) -> Asked:
        for there, sent in before:
            await world.made("POST", there.format_map(world.ids), sent)
        filled = None if body is None else {name: _filled(value, world) for name, value in body.items()}
        return Asked(path=path.format_map(world.ids), body=filled, owner=owner_of(world))

    return Row(make=make, fresh=bool(before))


def _filled(value: Any, world: World) -> Any:
    return value.format_map(world.ids) if isinstance(value, str) else value


def owner_of(world: World) -> str:
    """The id of the owner."""
    owner = next(caller.user_id for caller in world.callers if caller.column == "owner")
    assert owner is not None
    return owner


def fresh(make: Make) -> Row:
    """A request for something that is made for it."""
    return Row(make=make, fresh=True)
