"""The routes of partners' clients and of the authorization server.

Clients prove themselves in what they send, so that the endpoints that they ask are public; forms take no
Idempotency-Key, because a code and a refresh token are good for one use anyway.
"""

from contracts import oauth
from edge.route import Cache, Route

PARAMETERS = tuple(
    name for name in oauth.Authorize.__struct_fields__ if name not in ("decision", "repeated", "session_id")
)
"""Of an authorization request."""
DISCOVERY = Cache(group="discovery", max_age=300)
OWN = {"session_id": "sid"}

OAUTH: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/oauth/clients",
        contract=oauth.LIST_CLIENTS,
        access="partner",
        tag="oauth",
        summary="List the own OAuth clients, without their secrets",
    ),
    Route(
        method="POST",
        path="/v1/oauth/clients",
        contract=oauth.CREATE_CLIENT,
        access="partner",
        origin=True,
        status=201,
        body="json",
        cost=10,
        location="/v1/oauth/clients",
        tag="oauth",
        summary="Make an OAuth client; the answer shows its secret this once",
    ),
    Route(
        method="DELETE",
        path="/v1/oauth/clients/{id}",
        contract=oauth.DELETE_CLIENT,
        access="partner",
        origin=True,
        status=204,
        tag="oauth",
        summary="Remove an OAuth client; all that it was given ends",
    ),
    Route(
        method="PUT",
        path="/v1/admin/users/{id}/roles",
        contract=oauth.SET_ROLES,
        access="admin",
        origin=True,
        body="json",
        tag="admin",
        summary="Set the roles of an account; who loses `admin` is signed out everywhere",
    ),
    Route(
        method="GET",
        path="/oauth/authorize",
        contract=oauth.AUTHORIZE,
        handler="oauth",
        access="optional",
        origin=True,
        query=PARAMETERS,
        session=OWN,
        media="text/html",
        tag="oauth",
        summary="A client asks to be let in: the page that asks the user, or a redirect back with a code",
    ),
    Route(
        method="POST",
        path="/oauth/authorize",
        contract=oauth.AUTHORIZE,
        handler="oauth",
        access="optional",
        origin=True,
        body="form",
        session=OWN,
        status=303,
        media="text/html",
        tag="oauth",
        summary="The user's answer on that page",
    ),
    Route(
        method="POST",
        path="/oauth/token",
        contract=oauth.TOKEN,
        handler="oauth",
        access="public",
        origin=True,
        body="form",
        cost=5,
        guard="client",
        tag="oauth",
        summary="Tokens for a code, a refresh token, or a client's own secret",
    ),
    Route(
        method="POST",
        path="/oauth/introspect",
        contract=oauth.INTROSPECT,
        handler="oauth",
        access="public",
        body="form",
        cost=2,
        guard="client",
        tag="oauth",
        summary="What a token of the client is good for",
    ),
    Route(
        method="POST",
        path="/oauth/revoke",
        contract=oauth.REVOKE_TOKEN,
        handler="oauth",
        access="public",
        origin=True,
        body="form",
        cost=2,
        guard="client",
        tag="oauth",
        summary="End a token of the client, with all that came with it",
    ),
    Route(
        method="GET",
        path="/oauth/userinfo",
        contract=oauth.USERINFO,
        handler="oauth",
        scope="openid",
        tag="oauth",
        summary="What the token's scopes tell of its user",
    ),
    Route(
        method="GET",
        path="/.well-known/openid-configuration",
        contract=oauth.CONFIGURATION,
        access="public",
        cache=DISCOVERY,
        tag="oauth",
        summary="Discovery of the OpenID provider",
    ),
    Route(
        method="GET",
        path="/.well-known/oauth-authorization-server",
        contract=oauth.METADATA,
        access="public",
        cache=DISCOVERY,
        tag="oauth",
        summary="Discovery of the authorization server (RFC 8414)",
    ),
)
