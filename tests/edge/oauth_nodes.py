"""What the small auth node answers about clients, roles and the authorization server."""

import uuid
from datetime import UTC, datetime
from typing import Any

from msgspec import convert

from contracts import oauth
from contracts.oauth import Authorization, Introspection, IntrospectReply, Refusal, RevokeReply, TokenReply, Tokens
from contracts.wire import Done, Endpoint

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AT = "https://covers.example"


def oauth_answers() -> dict[Endpoint[Any, Any], Any]:
    """A token for the code `good`, a page for the client `ask`, a refusal for everything else."""
    return {
        oauth.LIST_CLIENTS: lambda _m, _c: oauth.ClientList(items=()),
        oauth.CREATE_CLIENT: lambda m, _c: _client(m),
        oauth.DELETE_CLIENT: lambda _m, _c: Done(),
        oauth.SET_ROLES: lambda m, _c: oauth.Roles(id=m.id, roles=("user", *m.roles)),
        oauth.AUTHORIZE: lambda m, _c: _authorization(m),
        oauth.TOKEN: lambda m, _c: _tokens(m),
        oauth.INTROSPECT: lambda _m, _c: IntrospectReply(granted=Introspection(active=False)),
        oauth.REVOKE_TOKEN: lambda _m, _c: RevokeReply(),
        oauth.USERINFO: lambda _m, c: oauth.UserInfo(sub=c.user_id),
        oauth.CONFIGURATION: lambda _m, _c: _metadata(),
        oauth.METADATA: lambda _m, _c: _metadata(),
    }


def _client(message: oauth.CreateClient) -> oauth.NewClient:
    return oauth.NewClient(
        id=uuid.uuid4(),
        name=message.name,
        confidential=message.confidential,
        redirect_uris=message.redirect_uris,
        scopes=message.scopes,
        grant_types=message.grant_types,
        created_at=NOW,
        client_secret="cgs_secret",
    )


def _authorization(message: oauth.Authorize) -> Authorization:
    if message.client_id != "ask":
        return Authorization(outcome="refuse", reason="Nobody knows it.")
    if message.session_id is None:
        return Authorization(outcome="sign_in")
    if message.decision is not None:
        return Authorization(outcome="redirect", location=f"https://partner.example/b?said={message.decision}")
    uri = "https://partner.example/b"
    return Authorization(outcome="ask", client="Shop", scopes=("openid", "email"), account="a@b.c", redirect_uri=uri)


def _tokens(message: oauth.TokenRequest) -> TokenReply:
    if message.code == "good":
        made = {"access_token": "t", "token_type": "Bearer", "expires_in": 900, "scope": "openid"}
        return TokenReply(granted=convert(made, Tokens))
    if message.client_secret == "wrong":
        return TokenReply(refused=Refusal(error="invalid_client", error_description="No."))
    return TokenReply(refused=Refusal(error="invalid_grant", error_description="No."))


def _metadata() -> oauth.Metadata:
    names = ("authorization", "token", "userinfo", "introspection", "revocation")
    places = {f"{name}_endpoint": f"{AT}/oauth/{name}" for name in names}
    there = {"issuer": AT, "jwks_uri": f"{AT}/jwks", "service_documentation": f"{AT}/docs", **places}
    return convert(there, oauth.Metadata)
