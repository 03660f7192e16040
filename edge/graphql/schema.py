"""The schema: fields from `fields.py`, types from `types.py`, resolvers that ask the operation behind a field."""

import contextlib
import dataclasses
import inspect
import operator
import typing
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.types import get_object_definition

from contracts.errors import NotFound
from contracts.tasks import Progress
from edge.binding import contract_of
from edge.graphql.calls import Call
from edge.graphql.fields import EVENTS, LINKS, MUTATIONS, QUERIES, Link, route_of
from edge.graphql.types import Types, config, declared, or_null, plain
from edge.route import Route

INPUT, KEY = "input", "idempotency_key"


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """The schema, and which route is behind which field (`Query.templates`, `Cover.task`)."""

    text: str
    """In the schema definition language."""
    core: GraphQLSchema
    bound: Mapping[tuple[str, str], Route]
    """By the names of type and field as clients see them."""


def built() -> Schema:
    """The schema of this product; the same every time."""
    types = Types()
    query = _root("Query", QUERIES, types)
    mutation = _root("Mutation", MUTATIONS, types)
    subscription = _events(types)
    for link in LINKS:
        _link(link, types)
    schema = strawberry.Schema(query=query, mutation=mutation, subscription=subscription, config=config())
    return Schema(schema.as_str() + "\n", schema._schema, _bound())


def _bound() -> dict[tuple[str, str], Route]:
    rows = [("Query", name, route) for name, route in QUERIES.items()]
    rows += [("Mutation", name, route) for name, route in MUTATIONS.items()]
    rows += [(link.owner.__name__, link.name, link.route) for link in LINKS]
    rows += [("Subscription", "task_events", EVENTS)]
    return {(owner, camel(name)): route_of(route) for owner, name, route in rows}


def camel(name: str) -> str:
    """`mark_read` as clients write it: `markRead`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _root(name: str, rows: Mapping[str, str], types: Types) -> type[Any]:
    fields = {}
    for field, row in rows.items():
        route = route_of(row)
        resolver = _asking(route, types)
        made = strawberry.field(resolver=resolver, description=_about(route))
        fields[field] = (resolver.__annotations__["return"], made)
    return strawberry.type(declared(name, fields), name=name)


def _about(route: Route) -> str:
    scope = f" Scope `{route.scope}`." if route.scope else ""
    who = "" if route.access == "public" else " For signed-in callers."
    return f"{route.summary}.{scope or who}"


def _asking(route: Route, types: Types) -> Any:
    async def resolve(info: Any, **given: Any) -> Any:
        call: Call = info.context
        values = {name: plain(value) for name, value in given.items() if value is not strawberry.UNSET}
        key = values.pop(KEY, None)
        values |= values.pop(INPUT, None) or {}
        reply = await call.ask(route, values, key)
        return True if contract_of(route).reply.__name__ == "Done" else reply

    parameters = [_parameter("info", strawberry.Info), *_parameters(route, types)]
    return _signed(resolve, parameters, or_null(types.reply(contract_of(route).reply)))


def _parameters(route: Route, types: Types) -> list[inspect.Parameter]:
    """What the request of REST says in its path, its query, its body and its header."""
    request = contract_of(route).request
    found = []
    for name in (*route.fields, *route.query):
        kind, default = types.argument(request, name)
        found.append(_parameter(name, kind, default))
    if route.body != "none":
        found.append(_parameter(INPUT, types.input(request, (*route.fields, *route.session))))
    if route.idempotent:
        found.append(_parameter(KEY, str | None, strawberry.UNSET))
    return found


def _link(link: Link, types: Types) -> None:
    """Add the field to its owner's type; such types lead to each other, so they are made before."""
    route, value = route_of(link.route), operator.attrgetter(link.takes)
    placeholder = route.fields[0]

    async def resolve(root: Any, info: Any) -> Any:
        found = value(root)
        if found is None:
            return None
        try:
            call: Call = info.context
            return await call.ask(route, {placeholder: found})
        except NotFound:
            return None

    parameters = [_parameter("root", Any), _parameter("info", strawberry.Info)]
    signed = _signed(resolve, parameters, or_null(types.reply(contract_of(route).reply)))
    field = strawberry.field(resolver=signed, description=_about(route))
    field.python_name = field.name = link.name
    get_object_definition(types.object(link.owner), strict=True).fields.append(field)


def _events(types: Types) -> type[Any]:
    async def resolve(info: Any, task_id: uuid.UUID, last_event_id: int = 0) -> AsyncIterator[Any]:
        call: Call = info.context
        async with contextlib.aclosing(call.follow(task_id, last_event_id)) as entries:
            async for entry in entries:
                yield entry

    parameters = [
        _parameter("info", strawberry.Info),
        _parameter("task_id", uuid.UUID),
        _parameter("last_event_id", int, 0),
    ]
    signed = _signed(resolve, parameters, typing.AsyncGenerator[types.object(Progress), None])  # type: ignore[misc]  # a type at run time
    about = "What happens to a task after entry `lastEventId`, to its end. Scope `covers:read`."
    field = strawberry.subscription(resolver=signed, description=about)
    return strawberry.type(declared("Subscription", {"task_events": (signed.__annotations__["return"], field)}))


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _signed(resolve: Any, parameters: list[inspect.Parameter], reply: Any) -> Any:
    """The function with the signature that the field should have."""
    resolve.__signature__ = inspect.Signature(parameters, return_annotation=reply)
    resolve.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": reply}
    return resolve
