"""How much one request may ask for: its form first, then what it would cost.

The form is measured before anything is validated, fragment by fragment and each once, so that a small text that unfolds
into a large one costs no more than it is long. The cost is what REST would take for the same: the points of each
operation, as often as it may be asked; below a page that is once for each item.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from contracts.errors import Malformed
from edge.binding import contract_of
from edge.graphql.schema import Schema
from edge.route import Route

MAX_BODY = 64 * 1024
"""Bytes, with the variables."""
MAX_QUERY = 16 * 1024
"""Bytes."""
MAX_TOKENS = 1000
MOST: Mapping[str, int] = {"depth": 10, "aliases": 15, "roots": 15, "directives": 15, "fields": 500}
"""Levels of fields, other names for fields, fields at the top, directives, fields with all fragments unfolded."""
META_DEPTH = 16
"""Levels below `__schema` and `__type`, which the usual question about the schema needs."""
MAX_COST = 1000
"""Points."""
PAGE = 100
"""Items of a page whose limit is not known."""
NAMES = {
    "depth": "levels of fields",
    "aliases": "aliases",
    "roots": "fields at the top",
    "directives": "directives",
    "fields": "fields, with fragments unfolded",
}


class TooComplex(GraphQLError):
    """A request above one of the limits."""

    def __init__(self, limit: str, most: int, found: int, what: str) -> None:
        detail = f"at most {most} {what}; this has {found}"
        given = {"code": "too_complex", "status": Malformed.status, "errors": [{"field": limit, "detail": detail}]}
        super().__init__(f"{limit}: {detail}", extensions=given)


@dataclass(slots=True)
class Form:
    """The measures of a selection."""

    depth: int = 0
    aliases: int = 0
    roots: int = 0
    directives: int = 0
    fields: int = 0
    meta: bool = False
    """Does it ask about the schema itself?"""


def check_form(document: DocumentNode) -> bool:
    """Raises TooComplex. True when the document asks about the schema itself."""
    measure = _Measure(document)
    meta = False
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            form = measure.of(node.selection_set)
            form.directives += len(node.directives or ())
            _check(form)
            meta = meta or form.meta
    return meta


def _check(form: Form) -> None:
    for name, most in MOST.items():
        found = getattr(form, name)
        allowed = META_DEPTH if name == "depth" and form.meta else most
        if found > allowed:
            raise TooComplex(name, allowed, found, NAMES[name])


class _Measure:
    """Measures selections; a fragment that is within itself counts as empty, and validation refuses it."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._known: dict[str, Form] = {}

    def of(self, selections: SelectionSetNode | None) -> Form:
        form = Form()
        for node in () if selections is None else selections.selections:
            form.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self._field(form, node)
            else:
                self._add(form, self._unfolded(node))
        return form

    def _field(self, form: Form, node: FieldNode) -> None:
        below = self.of(node.selection_set)
        form.roots += 1
        form.fields += 1 + below.fields
        form.aliases += below.aliases + (node.alias is not None)
        form.directives += below.directives
        form.depth = max(form.depth, 1 + below.depth)
        form.meta = form.meta or below.meta or node.name.value in ("__schema", "__type")

    @staticmethod
    def _add(form: Form, more: Form) -> None:
        form.depth = max(form.depth, more.depth)
        form.meta = form.meta or more.meta
        for name in ("aliases", "roots", "directives", "fields"):
            setattr(form, name, getattr(form, name) + getattr(more, name))

    def _unfolded(self, node: SelectionNode) -> Form:
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        name = node.name.value if isinstance(node, FragmentSpreadNode) else ""
        if name not in self._known:
            self._known[name] = Form()  # for a spread of itself
            fragment = self._fragments.get(name)
            self._known[name] = self.of(None if fragment is None else fragment.selection_set)
        return self._known[name]


def cost(
    schema: Schema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """Points of a valid operation. Raises TooComplex above the limit."""
    root = schema.core.get_root_type(operation.operation)
    given = {**_defaults(operation), **variables}
    points = _Cost(schema, document, given).of(operation.selection_set, root)
    if points > MAX_COST:
        raise TooComplex("cost", MAX_COST, points, "points")
    return points


class _Cost:
    """Adds points up; each fragment once per type that it is used on."""

    def __init__(self, schema: Schema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._fragments = _fragments(document)
        self._variables = variables
        self._known: dict[tuple[str, str], int] = {}

    def of(self, selections: SelectionSetNode | None, owner: Any) -> int:
        if selections is None or not isinstance(owner, GraphQLObjectType):
            return 0
        return sum(self._selection(node, owner) for node in selections.selections)

    def _selection(self, node: SelectionNode, owner: GraphQLObjectType) -> int:
        if isinstance(node, FieldNode):
            return self._field(node, owner)
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set, owner)
        name = node.name.value if isinstance(node, FragmentSpreadNode) else ""
        key = (name, owner.name)
        if key not in self._known:
            self._known[key] = self.of(self._fragments[name].selection_set, owner)
        return self._known[key]

    def _field(self, node: FieldNode, owner: GraphQLObjectType) -> int:
        found = owner.fields.get(node.name.value)
        if found is None:  # `__typename` and the like
            return 0
        below = self.of(node.selection_set, get_named_type(found.type))
        route = self._schema.bound.get((owner.name, node.name.value))
        return below if route is None else route.cost + below * self._items(node, route)

    def _items(self, node: FieldNode, route: Route) -> int:
        """How many things the answer may have: those of a page, else one."""
        if "limit" not in route.query:
            return 1
        given = next((each.value for each in node.arguments or () if each.name.value == "limit"), None)
        value: Any = _default_limit(route)
        if isinstance(given, IntValueNode):
            value = int(given.value)
        elif isinstance(given, VariableNode):
            value = self._variables.get(given.name.value, value)
        return min(max(value, 1), PAGE) if isinstance(value, int) else PAGE


def _default_limit(route: Route) -> int:
    request = contract_of(route).request
    defaults = dict(zip(reversed(request.__struct_fields__), reversed(request.__struct_defaults__), strict=False))
    return int(defaults.get("limit", PAGE))


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    nodes = operation.variable_definitions or ()
    pairs = ((node.variable.name.value, node.default_value) for node in nodes)
    return {name: int(value.value) for name, value in pairs if isinstance(value, IntValueNode)}
