"""From the text of a request to its answer: read, measured, checked, paid for, and only then done."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    subscribe,
    validate,
)

from contracts.errors import DeadlineExceeded
from edge.exchange import Exchange
from edge.graphql.calls import Call, Operations
from edge.graphql.errors import invalid, shown
from edge.graphql.limits import MAX_QUERY, MAX_TOKENS, TooComplex, check_form, cost
from edge.graphql.request import GraphRequest
from edge.graphql.schema import Schema

Pay = Callable[[Exchange], Awaitable[object]]
"""Takes the points of an exchange's route from the caller's rate. Raises RateLimited."""


class Refused(Exception):
    """A request that is not begun: `errors` say why."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that may be done."""

    document: DocumentNode
    operation: OperationDefinitionNode
    request: GraphRequest
    points: int

    @property
    def subscribes(self) -> bool:
        """Is it a subscription?"""
        return self.operation.operation is OperationType.SUBSCRIPTION


class Executor:
    """Does what clients ask. `pay` is None where nothing is limited."""

    def __init__(self, schema: Schema, operations: Operations, pay: Pay | None) -> None:
        self._schema = schema
        self._operations = operations
        self._pay = pay

    def prepare(self, request: GraphRequest, *, known: bool) -> Prepared:
        """Read and check a request; `known`: somebody who is signed in. Raises Refused."""
        try:
            document = _read(request.query)
            meta = check_form(document)
            if meta and not known:
                raise invalid("Only signed-in callers may ask about the schema; it is in edge/graphql/schema.graphql.")
            errors = validate(self._schema.core, document, hide_suggestions=not known)
            if errors:
                raise Refused(*errors)
            operation = _chosen(document, request.operation_name)
            points = cost(self._schema, document, operation, request.variables or {})
        except GraphQLError as error:
            raise Refused(error) from None
        return Prepared(document, operation, request, points)

    async def pay(self, exchange: Exchange, prepared: Prepared, paid: int = 0) -> None:
        """Take what the request costs beyond what was paid. Raises RateLimited."""
        if self._pay is not None and prepared.points > paid:
            await self._pay(replace(exchange, route=replace(exchange.route, cost=prepared.points - paid)))

    async def run(self, exchange: Exchange, prepared: Prepared) -> ExecutionResult:
        """Do a query or mutation. Raises DeadlineExceeded."""
        call = Call(exchange, self._operations)
        try:
            async with asyncio.timeout(exchange.seconds):
                result = execute(self._schema.core, prepared.document, **_asked(call, prepared))
                return await result if inspect.isawaitable(result) else result
        except TimeoutError:
            raise DeadlineExceeded() from None
        finally:
            await call.close()

    async def follow(self, exchange: Exchange, prepared: Prepared) -> AsyncGenerator[ExecutionResult, None]:
        """Do a subscription. Raises Refused, or the ServiceError that ends it."""
        call = Call(exchange, self._operations)
        found = subscribe(self._schema.core, prepared.document, **_asked(call, prepared))
        stream = await found if inspect.isawaitable(found) else found
        if isinstance(stream, ExecutionResult):
            raise Refused(*(stream.errors or ()))
        try:
            async for result in stream:
                yield result
        finally:
            await call.close()


def answer(result: ExecutionResult, request_id: str) -> dict[str, Any]:
    """What clients get; without `data` when nothing was begun."""
    errors = {"errors": shown(result.errors, request_id)} if result.errors else {}
    return errors if not_begun(result) else {"data": result.data, **errors}


def not_begun(result: ExecutionResult) -> bool:
    """Was the request refused before its first field, because of its variables?"""
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def _read(query: str) -> DocumentNode:
    size = len(query.encode(errors="replace"))
    if size > MAX_QUERY:
        raise TooComplex("query", MAX_QUERY, size, "bytes")
    try:
        return parse(query, max_tokens=MAX_TOKENS)
    except RecursionError:
        raise invalid("The query is nested too deeply.") from None


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        found = [node for node in found if node.name is not None and node.name.value == name]
    if len(found) != 1:
        raise invalid("Name one operation in operationName." if found else "There is no such operation.")
    return found[0]


def _asked(call: Call, prepared: Prepared) -> dict[str, Any]:
    request = prepared.request
    return {
        "context_value": call,
        "variable_values": request.variables,
        "operation_name": request.operation_name,
    }
