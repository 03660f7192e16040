"""The rows of what came with partners and with other ways to sign in: clients, signing keys, identities."""

import uuid
from collections.abc import Mapping
from urllib.parse import urlencode

from tests.support.matrix import Asked
from tests.support.matrix_row import Row, at, fresh, owner_of
from tests.support.matrix_world import BACK, PASSWORD, World
from tests.support.oidc_server import visited

OP = "/v1/auth/oauth/test-op"
CLIENT = {"name": "Bindery", "redirect_uris": [BACK], "scopes": ["openid"]}
HMAC = {"name": "build server", "algorithm": "hmac-sha256", "scopes": ["covers:read"]}
ROTATE = {"alg": "EdDSA", "at_once": False}


async def _client(world: World) -> Asked:
    made = await world.made("POST", "/v1/oauth/clients", CLIENT, by=world.partner)
    return Asked(path=f"/v1/oauth/clients/{made['id']}", owner=world.ids["partner"])


async def _signing_key(world: World) -> Asked:
    made = await world.made("POST", "/v1/signing-keys", HMAC)
    return Asked(path=f"/v1/signing-keys/{made['id']}", owner=owner_of(world))


async def _roles(world: World) -> Asked:
    _, signed = await world.stranger()
    return Asked(path=f"/v1/admin/users/{signed['user']['id']}/roles", body={"roles": ["partner"]})


def _wish(world: World) -> dict[str, str]:
    return {
        "client_id": world.ids["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }


async def _authorize(world: World) -> Asked:
    return Asked(path=f"/oauth/authorize?{urlencode({**_wish(world), 'prompt': 'none'})}")


async def _decide(world: World) -> Asked:
    return Asked(path="/oauth/authorize", form={**_wish(world), "decision": "deny"})


def _by_client(path: str, **form: str) -> Row:
    """A client's question with its proof in the form, so that a bearer token beside it is one proof too many."""

    async def make(world: World) -> Asked:
        proof = {name: world.ids[name] for name in ("client_id", "client_secret")}
        return Asked(path=path, form={**proof, **form})

    return Row(make=make, no_bearer=400)


async def _identity(world: World) -> Asked:
    """The owner signs in at the provider, as somebody whom it has not sent before."""
    name = uuid.uuid4().hex
    world.provider.person |= {"sub": name, "email": f"{name}@example.org"}
    begun = await world.owner.call("POST", "/v1/me/identities", {"provider": "test-op"})
    cookie = begun.headers["set-cookie"].partition(";")[0]
    back = f"{world.owner.base}{OP}/callback?{urlencode(await visited(begun.body['url']))}"
    async with world.owner.session.get(back, headers={"Cookie": cookie}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
    newest = (await world.made("GET", "/v1/me/identities"))["items"][-1]
    return Asked(path=f"/v1/me/identities/{newest['id']}", owner=owner_of(world))


_ANOTHER = {"current_password": PASSWORD, "new_password": f"{PASSWORD} again"}

PARTNER_ROWS: Mapping[str, Row] = {
    "GET /v1/signing-keys": at("/v1/signing-keys"),
    "POST /v1/signing-keys": at("/v1/signing-keys", HMAC),
    "DELETE /v1/signing-keys/{id}": fresh(_signing_key),
    "GET /v1/oauth/clients": at("/v1/oauth/clients"),
    "POST /v1/oauth/clients": at("/v1/oauth/clients", CLIENT),
    "DELETE /v1/oauth/clients/{id}": fresh(_client),
    "PUT /v1/admin/users/{id}/roles": fresh(_roles),
    "GET /oauth/authorize": Row(make=_authorize, status=302),
    "POST /oauth/authorize": Row(make=_decide),
    "POST /oauth/token": _by_client("/oauth/token", grant_type="client_credentials"),
    "POST /oauth/introspect": _by_client("/oauth/introspect", token="a.b.c"),
    "POST /oauth/revoke": _by_client("/oauth/revoke", token="a.b.c"),
    "GET /oauth/userinfo": at("/oauth/userinfo"),
    "GET /.well-known/openid-configuration": at("/.well-known/openid-configuration"),
    "GET /.well-known/oauth-authorization-server": at("/.well-known/oauth-authorization-server"),
    "GET /v1/auth/providers": at("/v1/auth/providers"),
    "GET /v1/auth/oauth/{provider}/start": at(f"{OP}/start"),
    "GET /v1/auth/oauth/{provider}/callback": at(f"{OP}/callback?state=x&code=y"),
    "GET /v1/me/identities": at("/v1/me/identities"),
    "POST /v1/me/identities": at("/v1/me/identities", {"provider": "test-op"}),
    "DELETE /v1/me/identities/{id}": fresh(_identity),
    "POST /v1/me/password": Row(make=at("/v1/me/password", _ANOTHER).make, twin="users", refuses={"admin": 422}),
    "GET /v1/admin/keys": at("/v1/admin/keys"),
    "POST /v1/admin/keys/rotate": at("/v1/admin/keys/rotate", ROTATE),
}
