"""OpenAPI 3.1 from the table of routes and the contracts' types; nothing is written twice."""

from collections.abc import Iterable
from typing import Any

import msgspec

from contracts.errors import ERRORS, Problem
from contracts.exports import StoredFile
from contracts.security import SCOPES
from contracts.wire import Done, ObjectRef
from edge.cookies import HEADER as CSRF
from edge.graphql.request import GraphRequest
from edge.middleware.authentication import INSIDE
from edge.openapi_oauth import SECRETS, adjusted
from edge.problems import MEDIA as PROBLEM
from edge.routes import Access, Route
from edge.sessions import Visit

Json = dict[str, Any]
REF = "#/components/schemas/"
ALWAYS = (500, 503, 504)
NO_CONTENT = (101, 204, 302, 303)
"""Statuses that any call may have."""
BY_ACCESS: dict[Access, tuple[int, ...]] = {
    "public": (),
    "optional": (401,),
    "user": (401,),
    "partner": (401, 403),
    "admin": (401, 403),
}
BY_SUBJECT: dict[str, tuple[int, ...]] = {
    "svc.auth.register": (409,),
    "svc.auth.login": (401,),
    "svc.auth.refresh": (401,),
    "svc.auth.logout": (401,),
    "svc.auth.delete_account": (401, 409),
    "svc.auth.create_key": (409,),
    "svc.auth.create_client": (409,),
    "svc.auth.set_roles": (409,),
    "svc.auth.unlink_identity": (409,),
    "svc.auth.change_password": (409,),
    "svc.users.update": (409,),
    "svc.templates.update": (409,),
    "svc.templates.save_mine": (409,),
    "svc.covers.generate": (402, 403, 404, 422, 429),
    "svc.covers.image": (409,),
    "svc.covers.delete": (409,),
    "svc.edits.open": (404,),
    "svc.edits.delete": (409,),
    "svc.exports.create": (404,),
    "svc.exports.file": (409,),
    "svc.exports.delete": (409,),
    "svc.tasks.cancel": (409,),
    "svc.tasks.replay_dead": (409,),
}
"""Statuses that a node's own rules add."""
BEARER: list[Json] = [{"bearer": []}]
COOKIE: list[Json] = [{"cookie": []}]
SCHEMES: Json = {
    "client": SECRETS,
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "covergen_access",
        "description": "What browsers have after `POST /session`; good wherever a bearer token is. Everything but GET "
        "and HEAD needs the header X-CSRF-Token beside it. Over https the name begins with `__Host-`.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of `/v1/api-keys` with the scope that the operation names. "
        + " ".join(f"`{name}`: {about}." for name, about in SCOPES.items()),
    },
}
BODIES: dict[str, type[Any]] = {"graphql": GraphRequest}
"""What is sent where no contract says it, by handler."""
TITLES = {error.status: error.title for error in reversed(ERRORS)}
LETTER: Json = {
    "sequence": 7,
    "subject": "jobs.covers.paint",
    "reason": "max_deliveries",
    "detail": "Every worker that took it went away",
    "deliveries": 4,
    "buried_at": "2026-01-05T09:30:00Z",
    "age": 61.5,
    "task_id": "6f1f2b0e-6f0e-4f57-9c50-0f8c0f3b7a52",
    "size": 412,
}
EXAMPLES: dict[str, Json] = {
    "Register": {"email": "ada@example.org", "password": "correct horse battery", "full_name": "Ada Lovelace"},
    "DeleteAccount": {"password": "correct horse battery"},
    "CreateApiKey": {"name": "build server", "scopes": ["covers:read", "covers:write"]},
    "ForgotPassword": {"email": "ada@example.org"},
    "ResetPassword": {"token": "kQx3…", "password": "battery staple horse"},
    "VerifyEmail": {"token": "kQx3…"},
    "Login": {"email": "ada@example.org", "password": "correct horse battery"},
    "GenerateCover": {
        "title": "The Salt Road",
        "author": "Ada Lovelace",
        "prompt": "a lone caravan under two moons",
        "format": "ebook",
        "seed": 7,
    },
    "CreateExport": {
        "cover_id": "0d4f8f5e-6f0e-4f57-9c50-0f8c0f3b7a52",
        "presets": ["jpeg-ebook", "webp-web"],
    },
    "OpenEdit": {"cover_id": "0b0f6a1c-3c0e-4f25-8a55-2a4d8f1f7c11"},
    "Operate": {"op": "adjust", "brightness": 0.15, "contrast": 0.1, "warmth": 0.3},
    "CheckoutEdit": {"version": 1},
    "GraphRequest": {"query": "query ($n: Int) { templates(limit: $n) { items { id name } } }", "variables": {"n": 5}},
    "Preferences": {"language": "en", "email_notifications": True},
    "UpdateUser": {"full_name": "Ada King"},
    "DeadLetterPage": {"items": [LETTER], "next_cursor": None},
    "DeadLetterOriginal": {
        **LETTER,
        "context": {"request-id": "4d1c", "user-id": "b0e5c1de-2f0c-4a3e-9a83-3a0f5d0f6a11", "tier": "free"},
        "body": {"task_id": LETTER["task_id"], "step": "paint"},
        "payload": None,
        "complete": True,
    },
}
"""Of bodies and of answers, by the name of their type."""
PASSING = (429, 503, 504)
"""Statuses that always say when to come again."""
HEADERS: Json = {
    "RetryAfter": {
        "description": "Whole seconds after which trying again makes sense",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RequestId": {"description": "Also taken in", "schema": {"type": "string"}},
    "Location": {"description": "Where to look next", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "What is left: of which policy, points (r), seconds until the oldest come back (t)",
        "schema": {"type": "string"},
        "example": '"free";r=5990;t=61',
    },
    "RateLimitPolicy": {
        "description": "Which policies hold: name, points (q) in so many seconds (w)",
        "schema": {"type": "string"},
        "example": '"free";q=6000;w=60',
    },
}


def openapi(routes: Iterable[Route], *, version: str) -> Json:
    """The document for `routes`."""
    routes = tuple(routes)
    schemas = _schemas(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Covergen",
            "version": version,
            "description": "Covers with AI art and real typography. Errors are RFC 9457 problems with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": SCHEMES,
            "headers": HEADERS,
        },
    }


def _types(routes: tuple[Route, ...]) -> list[type[Any]]:
    found: dict[type[Any], None] = {Problem: None, Visit: None, **dict.fromkeys(BODIES.values())}
    for route in routes:
        if route.contract is not None:
            found[route.contract.request] = found[route.contract.reply] = None
    return [kind for kind in found if kind not in (Done, ObjectRef, StoredFile)]


def _schemas(routes: tuple[Route, ...]) -> Json:
    types = _types(routes)
    _, components = msgspec.json.schema_components(types, ref_template=REF + "{name}")
    return dict(components)


def _operation(route: Route, schemas: Json) -> Json:
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": {str(route.status): _success(route), **_problems(route)},
    }
    parameters = _parameters(route, schemas)
    if parameters:
        operation["parameters"] = parameters
    if route.body != "none":
        operation["requestBody"] = _body(route, schemas)
    if route.access != "public":
        operation["security"] = _security(route)
    return adjusted(operation, route, schemas) if route.handler == "oauth" else operation


def _security(route: Route) -> list[Json]:
    """What proves the caller: any one of these."""
    if route.handler == "session":
        return COOKIE if route.access == "user" else [*COOKIE, {}]
    scopes = [] if route.scope is None else [route.scope]
    found = [*BEARER, *([{"apiKey": scopes}] if route.scope in SCOPES or route.handler in INSIDE else ())]
    return [*found, {}] if route.access == "optional" else found


def _operation_id(route: Route) -> str:
    if route.contract is None:
        return route.handler
    return f"{'session' if route.handler == 'session' else route.contract.node}_{route.contract.word}"


def _success(route: Route) -> Json:
    answer: Json = {"description": route.summary, "headers": {"X-Request-ID": _header("RequestId")}}
    if route.location is not None:
        answer["headers"]["Location"] = _header("Location")
    if route.cost:
        answer["headers"] |= {"RateLimit": _header("RateLimit"), "RateLimit-Policy": _header("RateLimitPolicy")}
    if route.status not in NO_CONTENT:
        answer["content"] = {route.media: {"schema": _reply_schema(route), **_example(route)}}
    return answer


def _example(route: Route) -> Json:
    if route.handler != "call" or route.contract is None or route.contract.reply.__name__ not in EXAMPLES:
        return {}
    return {"example": EXAMPLES[route.contract.reply.__name__]}


def _reply_schema(route: Route) -> Json:
    if route.handler in ("call", "login") and route.contract is not None:
        return {"$ref": REF + route.contract.reply.__name__}
    if route.handler == "session":
        return {"$ref": f"{REF}Visit"}
    if route.media.endswith("json"):
        return {"type": "object"}
    return {"type": "string", "format": "binary"} if route.media.startswith("image/") else {"type": "string"}


def _problems(route: Route) -> Json:
    statuses = {*BY_ACCESS[route.access], *((403,) if route.access != "public" or route.handler == "session" else ())}
    if route.handler in BODIES:
        statuses.update(ALWAYS)
    if route.contract is not None:
        statuses.update(ALWAYS, BY_SUBJECT.get(route.contract.subject, ()))
    if route.fields:
        statuses.add(404)
    if route.body != "none":
        statuses.update((400, 413, 415, 422))
    if route.query or route.idempotent:
        statuses.add(422)
    if route.idempotent:
        statuses.add(409)
    if route.cost:
        statuses.add(429)
    if route.handler == "ready":
        statuses.add(503)
    return {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> Json:
    answer: Json = {
        "description": TITLES.get(status, "Error"),
        "content": {PROBLEM: {"schema": {"$ref": f"{REF}Problem"}}},
    }
    if status in PASSING:
        answer["headers"] = {"Retry-After": _header("RetryAfter")}
    return answer


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _parameters(route: Route, schemas: Json) -> list[Json]:
    found = []
    if route.contract is not None:
        properties = schemas[route.contract.request.__name__].get("properties", {})
        found += [_parameter(name, "path", properties[name]) for name in route.fields]
        found += [_parameter(name, "query", properties[name]) for name in route.query]
    if route.handler == "image":
        found.append(_parameter("download", "query", {"type": "string", "enum": ["1"]}))
    if route.handler == "session" and route.access == "optional":
        found.append(_parameter(CSRF, "header", {"type": "string"}))
    if route.handler == "events":
        found.append(_parameter("Last-Event-ID", "header", {"type": "integer", "minimum": 0}))
    if route.idempotent:
        found.append(_parameter("Idempotency-Key", "header", {"type": "string", "minLength": 1, "maxLength": 255}))
    return found


def _parameter(name: str, place: str, schema: Json) -> Json:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _body(route: Route, schemas: Json) -> Json:
    name = (BODIES[route.handler] if route.contract is None else route.contract.request).__name__
    hidden = {*route.fields, *route.session}
    schema: Json = {"$ref": REF + name}
    if hidden:
        schema = _without(schemas[name], hidden)
    content: Json = {"schema": schema}
    if name in EXAMPLES:
        content["example"] = EXAMPLES[name]
    return {"required": route.body == "json", "content": {"application/json": content}}


def _without(schema: Json, hidden: set[str]) -> Json:
    """The schema of a body whose other fields come from the path or the session."""
    kept = {name: value for name, value in schema.get("properties", {}).items() if name not in hidden}
    required = [name for name in schema.get("required", ()) if name not in hidden]
    return {**schema, "properties": kept, "required": required}
