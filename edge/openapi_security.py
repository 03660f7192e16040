"""How callers prove who they are, as the OpenAPI document says it, and which proofs a route takes."""

from typing import Any

from contracts.oauth import CLIENT_SCOPES
from contracts.security import SCOPES
from edge.api_keys import HEADER as KEY_HEADER
from edge.cookies import ACCESS, SAFE
from edge.cookies import HEADER as CSRF_HEADER
from edge.middleware.authentication import INSIDE
from edge.openapi_oauth import SECRETS
from edge.route import Route
from edge.signatures import HEADER as SIGNATURE

Json = dict[str, Any]
SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access_token` of `POST /v1/auth/login`; for 15 minutes it may do what its user may.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": KEY_HEADER,
        "description": "A key of `/v1/api-keys` with the scope that the operation names. "
        + " ".join(f"`{name}`: {about}." for name, about in SCOPES.items()),
    },
    "oauth2": {
        "type": "oauth2",
        "description": "Tokens of partners' clients, sent as `Authorization: Bearer`, with the scope that is named.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                "tokenUrl": "/oauth/token",
                "refreshUrl": "/oauth/token",
                "scopes": dict(CLIENT_SCOPES),
            },
            "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": dict(SCOPES)},
        },
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE,
        "description": "With `Signature`: a signature of the request itself (RFC 9421), by a key of "
        "`/v1/signing-keys` that has the scope that is named: ed25519, ecdsa-p256-sha256 or hmac-sha256. It covers "
        "`@method`, `@target-uri` (or `@authority`, `@path` and `@query`) and, with a body, `content-digest` "
        "(RFC 9530), and says `keyid`, `created` (five minutes ago at most) and `nonce`, which is good once.",
    },
    "client": SECRETS,
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS,
        "description": "What browsers have after `POST /session`; good wherever a bearer token is. Over https its name "
        "begins with `__Host-`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "Goes with the cookie wherever something is changed: the `csrf_token` of `GET /session`.",
    },
}


def security(route: Route) -> list[Json]:
    """What proves the caller of a route: any one of these; all that one of them names."""
    cookie: Json = {"cookie": []} if route.method in SAFE else {"cookie": [], "csrf": []}
    found = [{"bearer": []}, *_scoped(route), cookie]
    return [*found, {}] if route.access == "optional" else found


def _scoped(route: Route) -> list[Json]:
    """Proofs that may do only what they were given for."""
    if route.handler in INSIDE:
        return [{"oauth2": []}, {"apiKey": []}, {"signature": []}]  # each field asks for that of its own route
    if route.scope is None:
        return []
    own = ["apiKey", "signature"] if route.scope in SCOPES else []
    if route.body == "upload":
        own = own[:1]  # a signature covers the body, which is not read before it is known who asks
    return [{name: [route.scope]} for name in ("oauth2", *own)]
