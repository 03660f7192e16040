"""OpenAPI 3.1 from the table of routes and the contracts' types; nothing is written twice.

Problems and headers come from `openapi_problems.py`, examples from `openapi_examples.py`, proofs of who asks from
`openapi_security.py`, words from `openapi_words.py`, and what OAuth does in its own way from `openapi_oauth.py`.
"""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from adapters import webhooks
from contracts.errors import Problem
from contracts.exports import StoredFile
from contracts.pictures import Prediction
from contracts.provenance import Provenance
from contracts.wire import Done, ObjectRef
from edge.binding import contract_of
from edge.graphql.request import GraphRequest
from edge.logins import AddIdentity
from edge.openapi_examples import example, sample
from edge.openapi_oauth import adjusted
from edge.openapi_pages import with_pages
from edge.openapi_problems import HEADERS, code_examples, common_headers, header, kinds, problem_responses, problems
from edge.openapi_security import SCHEMES, security
from edge.openapi_words import ABOUT, PARAMETERS, SHOWN, SHOWN_REPLIES, TAGS
from edge.problems import MEDIA
from edge.routes import Route
from edge.sessions import Visit
from edge.uploads import FORM, PURPOSES

Json = dict[str, Any]
REF = "#/components/schemas/"
BODIES: dict[str, type[Any]] = {"graphql": GraphRequest, "login": AddIdentity, "webhook": Prediction}
"""What is sent where that is not the contract's request, by handler."""
REPLIES: dict[str, type[Any]] = {"session": Visit, "verify": Provenance, "provenance": Provenance}
"""What is answered where that is not the contract's reply, by handler."""
FILES = ("image/png", "image/jpeg", "image/webp", "image/tiff", "application/pdf")
"""Formats that carry credentials."""
NO_CONTENT = (101, 204, 302, 303)
PLAIN = ("call", "login", "upload")
"""Handlers that answer with the contract's reply."""
NAMED_BYTES = ("image", "file", "share-image", "openapi", "asyncapi", "docs")
"""Handlers whose answers have an ETag; those of cached routes have one too."""


def openapi(routes: Iterable[Route], *, version: str) -> Json:
    """The document for `routes`."""
    routes = tuple(routes)
    schemas = _schemas(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, routes, schemas)
    used = dict.fromkeys(kind for route in routes for kind in kinds(route))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Covergen",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [_tag(tag) for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": SCHEMES,
            "headers": HEADERS,
            "responses": problem_responses(routes),
            "examples": code_examples(used),
        },
    }


def _tag(name: str) -> Json:
    return {"name": name, "description": TAGS[name]} if name in TAGS else {"name": name}


def _types(routes: tuple[Route, ...]) -> list[type[Any]]:
    others: tuple[type[Any], ...] = (Problem, *BODIES.values(), *REPLIES.values())
    found: dict[type[Any], None] = dict.fromkeys(others)
    for route in routes:
        if route.contract is not None:
            found[route.contract.request] = found[route.contract.reply] = None
    return [kind for kind in found if kind not in (Done, ObjectRef, StoredFile)]


def _schemas(routes: tuple[Route, ...]) -> Json:
    types = _types(routes)
    _, components = msgspec.json.schema_components(types, ref_template=REF + "{name}")
    return dict(components)


def _operation(route: Route, routes: tuple[Route, ...], schemas: Json) -> Json:
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": {str(route.status): _success(route, routes, schemas), **_unchanged(route), **problems(route)},
    }
    if route.contract is not None and route.contract.request.__doc__:
        operation["description"] = inspect.cleandoc(route.contract.request.__doc__)
    parameters = _parameters(route, schemas)
    if parameters:
        operation["parameters"] = parameters
    if route.body != "none":
        operation["requestBody"] = _body(route, schemas)
    if route.access != "public":
        operation["security"] = security(route)
    if route.handler == "oauth":
        operation = adjusted(operation, route, schemas)
        _complete(operation, route, schemas)
    if route.handler == "share-page":
        operation = with_pages(operation, route)
    if route.handler == "graphql":
        operation["responses"]["400"] = _graph_refusal(route)
    return operation


def _graph_refusal(route: Route) -> Json:
    """A body that is no request is a problem; a document that is no GraphQL is answered in its own media type."""
    problem = {
        "schema": {"$ref": f"{REF}Problem"},
        "examples": {"malformed": {"$ref": "#/components/examples/malformed"}},
    }
    content = {MEDIA: problem, route.media: {"schema": {"type": "object"}}}
    return {
        "description": "The request or its document is malformed",
        "headers": common_headers(route),
        "content": content,
    }


def _complete(operation: Json, route: Route, schemas: Json) -> None:
    """Put examples where a type is named without one, and the headers that every answer has."""
    for answer in operation["responses"].values():
        if "$ref" not in answer:
            answer["headers"] = {**common_headers(route), **answer.get("headers", {})}
    for place in (operation.get("requestBody", {}), *operation["responses"].values()):
        for content in place.get("content", {}).values():
            if "example" not in content and "$ref" in content["schema"]:
                content["example"] = example(content["schema"]["$ref"].removeprefix(REF), schemas)


def _operation_id(route: Route) -> str:
    if route.contract is None or route.handler == "provenance":
        return route.handler
    node = "session" if route.handler == "session" else route.contract.node
    again = "_link" if route.handler == "login" and route.access == "user" else ""
    part = "_of_version" if route.handler == "image" and "version" in route.fields else ""
    return f"{node}_{route.contract.word}{again}{part}"


def _success(route: Route, routes: tuple[Route, ...], schemas: Json) -> Json:
    headers = common_headers(route)
    if route.location is not None:
        headers["Location"] = header("Location")
    if route.idempotent:
        headers["Idempotency-Replayed"] = header("IdempotencyReplayed")
    if _has_etag(route):
        headers |= {"ETag": header("ETag"), "Cache-Control": header("CacheControl")}
    answer: Json = {"description": route.summary, "headers": headers}
    if route.status not in NO_CONTENT:
        answer["content"] = {route.media: _reply(route, schemas)}
    links = _links(route, routes)
    return {**answer, "links": links} if links else answer


def _has_etag(route: Route) -> bool:
    return route.cache is not None or route.handler in NAMED_BYTES


def _unchanged(route: Route) -> Json:
    if not _has_etag(route):
        return {}
    headers = {**common_headers(route), "ETag": header("ETag"), "Cache-Control": header("CacheControl")}
    return {"304": {"description": "What the client has is still good", "headers": headers}}


def _reply(route: Route, schemas: Json) -> Json:
    kind = REPLIES.get(route.handler)
    if kind is None and route.handler in PLAIN and route.contract is not None:
        kind = route.contract.reply
    if kind is not None:
        return {"schema": {"$ref": REF + kind.__name__}, "example": example(kind.__name__, schemas)}
    if route.handler in SHOWN_REPLIES:
        schema = {} if route.handler == "events" else {"type": "string"}  # a stream has no type as a whole
        return {"schema": schema, "example": SHOWN_REPLIES[route.handler]}
    if route.media.endswith("json"):
        return {"schema": {"type": "object"}}
    binary = route.media.startswith("image/")
    return {"schema": {"type": "string", "format": "binary"} if binary else {"type": "string"}}


def _links(route: Route, routes: tuple[Route, ...]) -> Json:
    """Where to go on with what was just made: every operation whose only placeholder is a field of the reply."""
    if route.method != "POST" or route.status not in (201, 202) or route.contract is None or route.handler != "call":
        return {}
    found = {}
    for other in routes:
        if len(other.fields) == 1 and (field := _field_for(other, route)):
            values = {other.fields[0]: f"$response.body#/{field}"}
            found[_operation_id(other)] = {"operationId": _operation_id(other), "parameters": values}
    return found


def _field_for(other: Route, maker: Route) -> str | None:
    """The field of the maker's reply that fills the placeholder of `other`."""
    known, wanted = contract_of(maker).reply.__struct_fields__, other.fields[0]
    if other.path.startswith(f"{maker.path}/{{") and "id" in known:
        return "id"
    return wanted if wanted != "id" and wanted in known else None


def _parameters(route: Route, schemas: Json) -> list[Json]:
    found = []
    if route.contract is not None:
        properties = schemas[route.contract.request.__name__].get("properties", {})
        found += [_parameter(name, "path", properties[name], schemas) for name in route.fields]
        found += [_parameter(name, "query", properties[name], schemas) for name in route.query]
    if route.handler == "image":
        found.append(_parameter("download", "query", {"type": "string"}, schemas))
    if route.handler == "webhook":
        types = {webhooks.ID: "string", webhooks.TIME: "integer", webhooks.SIGNATURE: "string"}
        found += [_parameter(name, "header", {"type": kind}, schemas) for name, kind in types.items()]
    if route.handler == "events":
        found.append(_parameter("Last-Event-ID", "header", {"type": "integer", "minimum": 0}, schemas))
    if route.idempotent:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"}
        found.append(_parameter("Idempotency-Key", "header", key, schemas))
    if _has_etag(route):
        found.append(_parameter("If-None-Match", "header", {"type": "string"}, schemas))
    return found


def _parameter(name: str, place: str, schema: Json, schemas: Json) -> Json:
    about = {"description": PARAMETERS[name]} if name in PARAMETERS else {}
    chosen = None if schema.get("type") == "boolean" else SHOWN.get(name)
    shown = {} if name == "cursor" else {"example": chosen or sample(schema, name, schemas)}
    return {"name": name, "in": place, "required": place == "path", **about, "schema": schema, **shown}


def _file() -> Json:
    """Any of the formats by itself, or the first file of a form."""
    raw: Json = {media: {"schema": {"type": "string", "format": "binary"}} for media in FILES}
    field = {"type": "string", "format": "binary"}
    form = {"schema": {"type": "object", "properties": {"file": field}, "required": ["file"]}}
    return {"required": True, "content": {**raw, "multipart/form-data": form}}


def _upload() -> Json:
    """The one form that a picture comes in."""
    purpose = {"enum": list(PURPOSES), "default": PURPOSES[0]}
    properties = {"file": {"type": "string", "format": "binary"}, "purpose": purpose}
    return {
        "required": True,
        "content": {FORM: {"schema": {"type": "object", "properties": properties, "required": ["file"]}}},
    }


def _body(route: Route, schemas: Json) -> Json:
    if route.body in ("file", "upload"):
        return _file() if route.body == "file" else _upload()
    kind = BODIES.get(route.handler) or contract_of(route).request
    name = kind.__name__
    hidden = {*route.fields, *route.session}
    schema: Json = {"$ref": REF + name}
    shown = example(name, schemas)
    if hidden:
        schema = _without(schemas[name], hidden)
        shown = {field: value for field, value in shown.items() if field not in hidden}
    content: Json = {"schema": schema, "example": shown}
    return {"required": route.body == "json", "content": {"application/json": content}}


def _without(schema: Json, hidden: set[str]) -> Json:
    """The schema of a body whose other fields come from the path or the session."""
    kept = {name: value for name, value in schema.get("properties", {}).items() if name not in hidden}
    required = [name for name in schema.get("required", ()) if name not in hidden]
    return {**schema, "properties": kept, "required": required}
