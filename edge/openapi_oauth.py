"""What the OpenAPI document says otherwise of the authorization server: forms, pages, redirects, its own errors."""

from typing import Any

from contracts import oauth
from edge.binding import contract_of
from edge.cookies import FIELD, FORM
from edge.route import Route

Json = dict[str, Any]
REF = "#/components/schemas/"
GRANTED = {
    oauth.TOKEN.subject: oauth.Tokens,
    oauth.INTROSPECT.subject: oauth.Introspection,
    oauth.USERINFO.subject: oauth.UserInfo,
}
"""What success says, where the node's reply may also be a refusal."""
HIDDEN = frozenset({"repeated", "session_id"})
SECRETS: Json = {
    "type": "http",
    "scheme": "basic",
    "description": "`client_id` and `client_secret` of a client; both may come in the form instead. A public client "
    "sends its `client_id` alone.",
}


def adjusted(operation: Json, route: Route, schemas: Json) -> Json:
    """The operation of a row of `oauth_routes.py` whose handler is `oauth`, as it really is."""
    contract = contract_of(route)
    if contract is oauth.AUTHORIZE:
        return _of_pages(operation, route, schemas)
    answers = operation["responses"]
    kind = GRANTED.get(contract.subject)
    answers["200"].pop("content", None)
    if kind is not None:
        answers["200"]["content"] = {"application/json": {"schema": {"$ref": REF + kind.__name__}}}
    if route.body != "form":
        return operation
    error = {"application/json": {"schema": {"$ref": f"{REF}Refusal"}}}
    answers["400"] = {"description": "The request is refused (RFC 6749 5.2)", "content": error}
    answers["401"] = {
        "description": "The client is not proven",
        "content": error,
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    }
    answers.pop("422", None)
    body = {"required": True, "content": {FORM: {"schema": {"$ref": REF + contract.request.__name__}}}}
    return {**operation, "requestBody": body, "security": [{"client": []}, {}]}


def _of_pages(operation: Json, route: Route, schemas: Json) -> Json:
    page = {"text/html": {"schema": {"type": "string"}}}
    answers = operation["responses"]
    answers.pop("422", None)
    answers["400"] = {"description": "A page: the client or its redirect URI is not known", "content": page}
    if route.method == "GET":
        answers["302"] = {"description": "To the client, or to sign in"}
        return operation
    answers["303"] = {"description": "To the client, or to sign in"}
    known = schemas[oauth.Authorize.__name__]["properties"]
    fields = {name: schema for name, schema in known.items() if name not in HIDDEN}
    form = {"type": "object", "properties": {**fields, FIELD: {"type": "string"}}}
    body = {"required": True, "content": {FORM: {"schema": form}}}
    return {**operation, "operationId": "auth_decide", "requestBody": body}
