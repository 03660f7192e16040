"""What a route may answer besides success: problems with their codes and headers, from what its line says."""

from collections.abc import Iterable
from typing import Any

from contracts import errors
from contracts.errors import FieldError, ServiceError
from edge.cookies import SAFE
from edge.problems import MEDIA
from edge.routes import Route

Json = dict[str, Any]
Kind = type[ServiceError]
ANY_CALL: tuple[Kind, ...] = (errors.Internal, errors.Unavailable, errors.DeadlineExceeded)
BY_SUBJECT: dict[str, tuple[Kind, ...]] = {
    "svc.auth.register": (errors.Conflict,),
    "svc.auth.login": (errors.Unauthenticated,),
    "svc.auth.refresh": (errors.Unauthenticated,),
    "svc.auth.logout": (errors.Unauthenticated,),
    "svc.auth.delete_account": (errors.Conflict,),
    "svc.auth.create_key": (errors.Conflict,),
    "svc.auth.create_client": (errors.Conflict,),
    "svc.auth.create_signing_key": (errors.Conflict,),
    "svc.auth.set_roles": (errors.Conflict,),
    "svc.auth.unlink_identity": (errors.Conflict,),
    "svc.auth.start_login": (errors.NotFound,),
    "svc.auth.change_password": (errors.Conflict,),
    "svc.users.update": (errors.Conflict,),
    "svc.templates.create": (errors.Conflict,),
    "svc.templates.update": (errors.Conflict,),
    "svc.templates.save_mine": (errors.Conflict, errors.NotFound),
    "svc.covers.generate": (
        errors.OverQuota,
        errors.Forbidden,
        errors.NotFound,
        errors.Refused,
        errors.UnderReview,
        errors.RateLimited,
    ),
    "svc.covers.retype": (errors.Conflict, errors.Refused, errors.UnderReview, errors.RateLimited),
    "svc.covers.vary": (errors.OverQuota, errors.Conflict, errors.Refused, errors.UnderReview, errors.RateLimited),
    "svc.covers.regenerate": (errors.Conflict, errors.RateLimited),
    "svc.covers.reshape": (errors.Conflict, errors.RateLimited),
    "svc.covers.choose": (errors.Conflict,),
    "svc.covers.image": (errors.Conflict,),
    "svc.covers.delete": (errors.Conflict,),
    "svc.covers.set_brand_kit": (errors.Refused, errors.UnderReview),
    "svc.covers.share": (errors.Conflict,),
    "svc.covers.shared_image": (errors.Gone, errors.Forbidden),
    "svc.edits.finish_upload": (errors.Conflict, errors.Refused, errors.UnderReview),
    "svc.edits.open": (errors.NotFound, errors.Conflict),
    "svc.edits.operate": (errors.Conflict, errors.Refused, errors.UnderReview, errors.RateLimited),
    "svc.edits.delete": (errors.Conflict,),
    "svc.exports.create": (errors.NotFound, errors.Conflict, errors.RateLimited),
    "svc.exports.file": (errors.Conflict,),
    "svc.exports.delete": (errors.Conflict,),
    "svc.tasks.cancel": (errors.Conflict,),
    "svc.tasks.replay_dead": (errors.Conflict,),
}
"""What a node's own rules add."""
BY_HANDLER: dict[str, tuple[Kind, ...]] = {
    "ready": (errors.Unavailable,),
    "session": (errors.CrossSite,),
    "events": (errors.RateLimited,),
    "verify": (errors.Overloaded, errors.DeadlineExceeded, errors.Internal),
    "provenance": (errors.Overloaded, errors.Invalid),
    "webhook": (errors.NotFound, errors.Forbidden),
    "upload": (errors.Overloaded, errors.NotFound),
    "graphql": (*ANY_CALL,),
    "graphql-socket": (errors.MethodNotAllowed,),
}
PASSING = (429, 503, 504)
"""Statuses that always say when to come again."""
HEADERS: Json = {
    "RequestId": {
        "description": "Names the request in all logs; one that is sent along is kept",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        "example": "0af7651916cd43dd8448eb211c80319c",
    },
    "RetryAfter": {
        "description": "Whole seconds after which trying again makes sense",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 3,
    },
    "Location": {
        "description": "Where to look next",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/tasks/6f1f2b0e-6f0e-4f57-9c50-0f8c0f3b7a52",
    },
    "ETag": {
        "description": "Names these bytes; sent back as If-None-Match it gets 304 while nothing has changed",
        "required": True,
        "schema": {"type": "string"},
        "example": '"9f86d081884c7d659a2feaa0c55ad015"',
    },
    "CacheControl": {
        "description": "How long the answer may be kept, and by whom",
        "required": True,
        "schema": {"type": "string"},
        "example": "public, max-age=3600",
    },
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
    "IdempotencyReplayed": {
        "description": "`true` when this is the answer that the same Idempotency-Key got before",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "WwwAuthenticate": {
        "description": "How to prove who asks",
        "required": True,
        "schema": {"type": "string"},
        "example": 'Bearer realm="covergen"',
    },
}


def header(name: str) -> Json:
    """A header of `HEADERS`."""
    return {"$ref": f"#/components/headers/{name}"}


def common_headers(route: Route) -> Json:
    """What every answer of a route has."""
    found = {"X-Request-ID": header("RequestId")}
    if route.cost:
        found |= {"RateLimit": header("RateLimit"), "RateLimit-Policy": header("RateLimitPolicy")}
    return found


def problems(route: Route) -> Json:
    """The responses of a route that are problems, by status: references into `problem_responses`."""
    return {str(found[0].status): {"$ref": f"#/components/responses/{_name(route, found)}"} for found in _groups(route)}


def problem_responses(routes: Iterable[Route]) -> Json:
    """All responses that are problems, each once."""
    return {_name(route, found): _problem(route, found) for route in routes for found in _groups(route)}


def _groups(route: Route) -> list[list[Kind]]:
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds(route):
        by_status.setdefault(kind.status, []).append(kind)
    return [found for _, found in sorted(by_status.items())]


def _name(route: Route, found: list[Kind]) -> str:
    return "-".join((*sorted(kind.code for kind in found), *(("rated",) if route.cost else ())))


def kinds(route: Route) -> tuple[Kind, ...]:
    """The errors that a route may answer with, each once."""
    found = [*_by_access(route), *_by_input(route), *BY_HANDLER.get(route.handler, ())]
    if route.contract is not None:
        found += [*ANY_CALL, *BY_SUBJECT.get(route.contract.subject, ())]
    if route.cost:
        found.append(errors.RateLimited)
    if route.admits:
        found.append(errors.Overloaded)
    return tuple(dict.fromkeys(found))


def _by_access(route: Route) -> Iterable[Kind]:
    if route.access == "public":
        return
    yield errors.Unauthenticated
    if route.access != "optional":
        yield errors.SessionExpired
    yield errors.Forbidden
    if route.method not in SAFE:
        yield errors.CrossSite


def _by_input(route: Route) -> Iterable[Kind]:
    if route.fields:
        yield errors.NotFound
    if route.fields or route.query:
        yield errors.HeadTooLarge
    if route.body != "none":
        yield from (errors.Malformed, errors.TooLarge, errors.UnsupportedMedia)
    if route.body != "none" or route.query or route.idempotent:
        yield errors.Invalid
    if route.idempotent:
        yield from (errors.Conflict, errors.KeyReused, errors.TooLarge, errors.UnsupportedMedia)


def _problem(route: Route, found: list[Kind]) -> Json:
    status, headers = found[0].status, common_headers(route)
    if status == errors.HeadTooLarge.status:
        headers = {}  # it was not read far enough to have an id
    if status in PASSING:
        headers["Retry-After"] = header("RetryAfter")
    if status == errors.Unauthenticated.status:
        headers["WWW-Authenticate"] = header("WwwAuthenticate")
    examples = {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in found}
    return {
        "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in found),
        "headers": headers,
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }


def code_examples(used: Iterable[Kind]) -> Json:
    """An example of the body of each error, by code."""
    return {kind.code: {"summary": kind.title, "value": _body(kind)} for kind in used}


def _body(kind: Kind) -> Json:
    body: Json = {
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": _said(kind),
        "request_id": HEADERS["RequestId"]["example"],
    }
    if issubclass(kind, (errors.Invalid, errors.Refused)):
        named = FieldError(field="title", detail="This field is required")
        refused = FieldError(field="prompt", detail="is not painted here", category="violence")
        chosen = named if kind is errors.Invalid else refused
        body["errors"] = [{name: value for name in chosen.__struct_fields__ if (value := getattr(chosen, name))}]
    if kind.status in PASSING:
        body["retry_after"] = 3.0
    return body


def _said(kind: Kind) -> str:
    said = {
        errors.Invalid: "title: This field is required",
        errors.Unauthenticated: "Send Authorization: Bearer with an access token, or X-API-Key.",
        errors.Forbidden: "This needs the scope covers:write.",
        errors.RateLimited: "Too many requests. Please try again in 3 seconds.",
    }
    return said.get(kind, f"{kind.title}.")
