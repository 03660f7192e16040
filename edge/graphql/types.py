"""Types of GraphQL made from the contracts' types, so that a field of a contract is a field here.

Names of types are those of the contracts; words of a contract (`ebook`) are enums in capitals (`EBOOK`). Whole numbers
that may have more than 32 bits are the scalar `SafeInteger`, whatever has no fixed form is `JSON`.
"""

import dataclasses
import enum
import inspect
import re
import typing
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from types import GenericAlias
from typing import Any, NewType, get_args

import msgspec.inspect as shapes
import strawberry
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from contracts import covers, edits, exports, tasks
from contracts.recipes import Format
from contracts.wire import Done

WORDS: Mapping[frozenset[Any], str] = {
    frozenset(get_args(Format)): "CoverFormat",
    frozenset(get_args(covers.CoverStatus)): "CoverStatus",
    frozenset(get_args(exports.ExportStatus)): "ExportStatus",
    frozenset(get_args(exports.Media)): "ExportMedia",
    frozenset(get_args(tasks.Status)): "TaskStatus",
    frozenset(get_args(tasks.TaskType)): "TaskType",
    frozenset(edits.OPERATIONS): "EditOperation",
}
"""Names of enums; one that is not here is named for the first field that has it."""
WIDE = frozenset({"seed"})
"""Fields of answers with whole numbers beyond 32 bits, where the contract does not say how large."""
INT32 = 2**31
SafeInteger = NewType("SafeInteger", int)
_PLAIN: Mapping[type[shapes.Type], Any] = {
    shapes.StrType: str,
    shapes.BoolType: bool,
    shapes.FloatType: float,
    shapes.UUIDType: uuid.UUID,
    shapes.DateTimeType: datetime,
}


def config() -> StrawberryConfig:
    """How the schema is made; the scalars that strawberry does not know."""
    about = "A whole number of up to 53 bits, as every JSON reader keeps it."
    wide = strawberry.scalar(name="SafeInteger", description=about, serialize=int, parse_value=_whole)
    return StrawberryConfig(scalar_map={SafeInteger: wide})


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("SafeInteger is a whole number")  # noqa: TRY004 -- what graphql-core tells the client
    return value


class Types:
    """Makes each type once."""

    def __init__(self) -> None:
        self._objects: dict[type[Any], type[Any]] = {}
        self._inputs: dict[str, type[Any]] = {}
        self._words: dict[frozenset[Any], type[enum.Enum]] = {}

    @property
    def objects(self) -> Mapping[type[Any], type[Any]]:
        """The types of answers that were made, by the contract's."""
        return self._objects

    def reply(self, struct: type[Any]) -> Any:
        """The type of an answer; what has nothing to say is true."""
        return bool if struct is Done else self.object(struct)

    def object(self, struct: type[Any]) -> type[Any]:
        """The type of answers that has the fields of `struct`."""
        if struct not in self._objects:
            fields = {f.name: (self._of(f, struct, self.object), None) for f in _fields(struct)}
            made = declared(struct.__name__, fields)
            self._objects[struct] = strawberry.type(made, name=struct.__name__, description=_about(struct))
        return self._objects[struct]

    def input(self, struct: type[Any], without: tuple[str, ...] = ()) -> type[Any]:
        """The type of what is sent, without the fields that come from elsewhere."""
        name = f"{struct.__name__}Input"
        if name not in self._inputs:
            fields = {f.name: self._given(f, struct) for f in _fields(struct) if f.name not in without}
            self._inputs[name] = strawberry.input(declared(name, fields), name=name, description=_about(struct))
        return self._inputs[name]

    def argument(self, struct: type[Any], name: str) -> tuple[Any, Any]:
        """The type and the default of one field of a request as an argument."""
        kind, default = self._given(next(f for f in _fields(struct) if f.name == name), struct)
        return kind, inspect.Parameter.empty if default is None else default

    def _given(self, field: shapes.Field, struct: type[Any]) -> tuple[Any, Any]:
        """Its type, and what stands for it when it is left out; None: it may not be."""
        kind = self._of(field, struct, self.input)
        return (kind, None) if field.required else (or_null(kind), strawberry.UNSET)

    def _of(self, field: shapes.Field, struct: type[Any], nested: Callable[[type[Any]], type[Any]]) -> Any:
        owner = f"{struct.__name__}{field.name.title().replace('_', '')}"
        return self._kind(field.type, owner, nested, wide=field.name in WIDE)

    def _kind(self, kind: shapes.Type, owner: str, nested: Callable[[type[Any]], type[Any]], *, wide: bool) -> Any:
        match kind:
            case shapes.Metadata():
                return self._metadata(kind, owner, nested, wide=wide)
            case shapes.UnionType(types=types):
                return self._union(types, owner, nested, wide=wide)
            case shapes.IntType():
                return SafeInteger if wide or _beyond(kind) else int
            case shapes.LiteralType(values=values):
                return self._word(values, owner)
            case shapes.StructType(cls=cls):
                return nested(cls)
            case shapes.VarTupleType(item_type=item) | shapes.ListType(item_type=item):
                return GenericAlias(list, (self._kind(item, owner, nested, wide=wide),))
            case shapes.TupleType(item_types=items):
                return GenericAlias(list, (self._kind(items[0], owner, nested, wide=wide),))
        return _PLAIN.get(type(kind), JSON)

    def _metadata(
        self, kind: shapes.Metadata, owner: str, nested: Callable[[type[Any]], type[Any]], *, wide: bool
    ) -> Any:
        words = tuple((kind.extra_json_schema or {}).get("enum", ()))
        return self._word(words, owner) if words else self._kind(kind.type, owner, nested, wide=wide)

    def _union(
        self, kinds: tuple[shapes.Type, ...], owner: str, nested: Callable[[type[Any]], type[Any]], *, wide: bool
    ) -> Any:
        """A type or null; other choices have no form that GraphQL could tell."""
        rest = [kind for kind in kinds if not isinstance(kind, shapes.NoneType)]
        made = self._kind(rest[0], owner, nested, wide=wide) if len(rest) == 1 else JSON
        return made if len(rest) == len(kinds) else or_null(made)

    def _word(self, values: tuple[Any, ...], owner: str) -> Any:
        if not all(isinstance(value, str) for value in values):
            return JSON
        key = frozenset(values)
        if key not in self._words:
            name = WORDS.get(key, owner)
            made = enum.Enum(name, {re.sub(r"\W", "_", value).upper(): value for value in values})  # type: ignore[misc]  # the words are data
            self._words[key] = strawberry.enum(made, name=name)
        return self._words[key]


def declared(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[Any]:
    """A class with these annotations, and values where they are not None."""
    values = {field: value for field, (_, value) in fields.items() if value is not None}
    annotations = {field: kind for field, (kind, _) in fields.items()}
    return type(name, (), {**values, "__annotations__": annotations, "__module__": __name__})


def plain(value: Any) -> Any:
    """What was given in Python's own types, without what was left out."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(each) for name, each in pairs if each is not strawberry.UNSET}
    return value


def _fields(struct: type[Any]) -> tuple[shapes.Field, ...]:
    info = shapes.type_info(struct)
    if not isinstance(info, shapes.StructType):
        raise TypeError(f"{struct.__name__} is no struct")
    return info.fields


def _about(struct: type[Any]) -> str:
    """Its docstring, up to what is only for those who work on it."""
    return inspect.cleandoc(struct.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _beyond(kind: shapes.IntType) -> bool:
    upper = kind.le if kind.le is not None else kind.lt
    return upper is not None and upper > INT32


def or_null(kind: Any) -> Any:
    """That or nothing."""
    return typing.Optional[kind]  # noqa: UP045 -- a type at run time
