"""Who asks in the matrix: the owner in several ways, others, programs of each kind, and who has a role."""

import datetime
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

from contracts.security import SCOPES
from tests.support.matrix import ROLES, Caller
from tests.support.matrix_world import BACK, World, bearer
from tests.support.partners import challenge_of

COVERS = frozenset({"covers:read", "covers:write"})
REST = frozenset(SCOPES) - COVERS
"""So that every scope is one of one group and not of the other."""


async def all_callers(world: World, user: dict[str, Any]) -> tuple[Caller, ...]:
    """The columns, in their order."""
    other, signed = await world.stranger()
    page = await world.browser(user["email"])
    own: dict[str, Any] = {"user_id": user["id"]}
    return (
        Caller(column="nobody"),
        Caller(column="bad token", headers={"Authorization": "Bearer no.such.token"}),
        Caller(column="bad key", headers={"X-API-Key": "cg_no-such-key"}),
        Caller(column="owner", headers=bearer(world.owner), **own),
        Caller(column="other", headers=bearer(other), user_id=signed["user"]["id"]),
        Caller(column="cookie", headers=page, cookie=True, **own),
        Caller(column="forged", headers={"Cookie": page["Cookie"]}, cookie=True, forged=True, **own),
        *[await _with_key(world, scope, own) for scope in SCOPES],
        *await _clients(world, page, own),
        *[
            await _signing(world, f"signed {name}", scopes, own)
            for name, scopes in (("covers", COVERS), ("rest", REST))
        ],
        *[await _with_role(world, role) for role in ROLES],
    )


async def _with_key(world: World, scope: str, own: dict[str, Any]) -> Caller:
    key = await world.made("POST", "/v1/api-keys", {"name": scope, "scopes": [scope]})
    return Caller(column=f"key {scope}", headers={"X-API-Key": key["key"]}, scopes=frozenset({scope}), **own)


async def _clients(world: World, page: Mapping[str, str], own: dict[str, Any]) -> list[Caller]:
    """A partner's client, which the owner has let in for some scopes, for the others, and by itself."""
    wish = {
        "name": "Bindery",
        "redirect_uris": [BACK],
        "scopes": ["openid", "profile", "email", *SCOPES],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    }
    made = await world.made("POST", "/v1/oauth/clients", wish, by=world.partner)
    world.ids |= {"client_id": made["id"], "client_secret": made["client_secret"]}
    found = []
    for name, scopes in (("covers", COVERS | {"openid"}), ("rest", REST | {"profile", "email"})):
        headers = await _tokens(world, **await _let_in(world, page, scopes))
        found.append(Caller(column=f"client {name}", headers=headers, scopes=scopes, **own))
    alone = await _tokens(world, grant_type="client_credentials", scope=" ".join(SCOPES))
    mine = world.ids["partner"]
    return [*found, Caller(column="client alone", headers=alone, user_id=mine, scopes=frozenset(SCOPES))]


async def _let_in(world: World, page: Mapping[str, str], scopes: frozenset[str]) -> dict[str, str]:
    """What the client asks the token endpoint with after the user of that page has allowed it."""
    verifier = secrets.token_urlsafe(40)
    form = {
        "client_id": world.ids["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": " ".join(sorted(scopes)),
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "decision": "allow",
    }
    url = f"{world.owner.base}/oauth/authorize"
    async with world.owner.session.post(url, data=form, headers=page, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    return {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": BACK}


async def _tokens(world: World, **form: str) -> dict[str, str]:
    proof = {name: world.ids[name] for name in ("client_id", "client_secret")}
    async with world.owner.session.post(f"{world.owner.base}/oauth/token", data={**proof, **form}) as answer:
        said = await answer.json()
        assert answer.status == 200, said
        return {"Authorization": f"Bearer {said['access_token']}"}


@dataclass
class _Message:
    """A request, as the library signs it."""

    method: str
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def _signing(world: World, column: str, scopes: frozenset[str], own: dict[str, Any]) -> Caller:
    private = Ed25519PrivateKey.generate()
    shown = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    wish = {"name": column, "algorithm": "ed25519", "scopes": sorted(scopes), "public_key": shown}
    keyid = (await world.made("POST", "/v1/signing-keys", wish))["keyid"]
    return Caller(column=column, scopes=scopes, sign=_signer(keyid, private), **own)


def _signer(keyid: str, private: Ed25519PrivateKey) -> Callable[[str, str, bytes], Mapping[str, str]]:
    keys = MappingKeyResolver(public_keys={}, private_keys={keyid: private})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=keys)

    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        message = _Message(method, url, body)
        chosen: dict[str, Any] = {"body": body} if body else {}
        signer.sign(
            message,
            key_id=keyid,
            covered_component_ids=("@method", "@target-uri"),
            nonce=secrets.token_urlsafe(16),
            created=datetime.datetime.now(datetime.UTC),
            **chosen,
        )
        return message.headers

    return sign


async def _with_role(world: World, role: str) -> Caller:
    """Somebody with that role. A new one needs a line here: nobody else knows how it is given."""
    if role == "partner":
        page = await world.browser(world.ids["partner_email"])
        mine: dict[str, Any] = {"user_id": world.ids["partner"], "roles": frozenset({role})}
        return Caller(column=role, headers=page, cookie=True, **mine)
    assert role == "admin", f"how does somebody become a {role}?"
    me = await world.made("GET", "/v1/me", by=world.admin)
    return Caller(column=role, headers=bearer(world.admin), user_id=me["id"], roles=frozenset({role}))
