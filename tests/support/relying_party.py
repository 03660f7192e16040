"""A relying party that was written by others: Authlib on httpx, with nothing of ours; and a browser for its users."""

import re
import secrets
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc import jwt
from joserfc.jwk import KeySet

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore", AuthlibDeprecationWarning
    )  # it would rather have a fork of httpx, and says so at each start
    from authlib.common.security import generate_token
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
    from authlib.oidc.core import CodeIDToken
    from authlib.oidc.discovery import OpenIDProviderMetadata

BACK = "http://127.0.0.1:9/back"
"""Nobody listens there: the browser does not follow."""
SCOPE = "openid profile email offline_access covers:read"


@dataclass
class Browser:
    """Somebody signed in to the studio."""

    session: aiohttp.ClientSession
    base: str
    email: str = ""
    csrf: str = ""

    async def sign_up(self) -> dict[str, Any]:
        """A new account, whose session is in this browser's cookies."""
        self.email = f"{secrets.token_hex(6)}@example.org"
        body = {"email": self.email, "password": "correct horse battery", "full_name": "Ada Lovelace"}
        async with self.session.post(f"{self.base}/session/register", json=body) as answer:
            visit: dict[str, Any] = await answer.json()
            assert answer.status == 201, visit
        self.csrf = visit["csrf_token"]
        user: dict[str, Any] = visit["user"]
        return user

    async def open(self, url: str) -> tuple[int, str, str]:
        """Status, Location and page, as when somebody follows a link of another site."""
        seen = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
        async with self.session.get(url, headers=seen, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def press(self, page: str, decision: str, **change: str) -> tuple[int, str, str]:
        """Send the form of a page with one of its buttons."""
        found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
        fields = {**{name: unescape(value) for name, value in found}, "decision": decision, **change}
        seen = {"Sec-Fetch-Site": "same-origin", "Origin": self.base}
        url = f"{self.base}/oauth/authorize"
        async with self.session.post(url, data=fields, headers=seen, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.text()

    async def agree(self, url: str) -> str:
        """Where the browser is sent at last when its user allows everything."""
        status, location, page = await self.open(url)
        if status == 200:
            status, location, page = await self.press(page, "allow")
            assert status == 303, page
        return location


@dataclass
class RelyingParty:
    """One client of a provider that it knows by discovery alone."""

    client: Any
    metadata: dict[str, Any]
    redirect_uri: str = BACK
    verifier: str = field(default_factory=lambda: str(generate_token(48)))
    nonce: str = field(default_factory=lambda: str(generate_token(20)))
    state: str = ""

    def link(self, **change: str) -> str:
        """Where the browser is sent to begin; a verifier and a nonce of this sign-in."""
        self.verifier, self.nonce = str(generate_token(48)), str(generate_token(20))
        wish = {"redirect_uri": self.redirect_uri, "code_verifier": self.verifier, "nonce": self.nonce, **change}
        url, self.state = self.client.create_authorization_url(self.metadata["authorization_endpoint"], **wish)
        return str(url)

    async def tokens(self, location: str) -> dict[str, Any]:
        """For the code with which the browser came back; Authlib compares the state."""
        came = dict(parse_qsl(urlsplit(location).query))
        assert (came["state"], came["iss"]) == (self.state, self.metadata["issuer"]), location
        wish = {"authorization_response": location, "code_verifier": self.verifier, "redirect_uri": self.redirect_uri}
        found: dict[str, Any] = await self.client.fetch_token(self.metadata["token_endpoint"], state=self.state, **wish)
        return dict(found)

    async def proven(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """The claims of an ID token, as OpenID Connect 3.1.3.7 wants them checked."""
        keys = KeySet.import_key_set(
            (await self.client.request("GET", self.metadata["jwks_uri"], withhold_token=True)).json()
        )
        token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
        options = {
            "iss": {"essential": True, "value": self.metadata["issuer"]},
            "aud": {"essential": True, "value": self.client.client_id},
            "auth_time": {"essential": True},
            "at_hash": {"essential": True},
        }
        params = {"nonce": self.nonce, "access_token": tokens["access_token"], "client_id": self.client.client_id}
        claims = CodeIDToken(token.claims, token.header, options, params)
        claims.validate(now=time.time(), leeway=5)
        return dict(claims)

    async def ask(self, endpoint: str, **form: str) -> tuple[int, dict[str, Any]]:
        """A form to one of the provider's endpoints, with this client's proof."""
        answer = await self.client.request(
            "POST", self.metadata[endpoint], data=form, withhold_token=True, auth=self._proof()
        )
        return answer.status_code, answer.json() if answer.content else {}

    def _proof(self) -> Any:
        return (self.client.client_id, self.client.client_secret) if self.client.client_secret else None


@asynccontextmanager
async def a_relying_party(base: str, client: dict[str, Any], **options: Any) -> AsyncIterator[RelyingParty]:
    """A client that reads what the provider says of itself, and checks that as Authlib does."""
    wish = {"scope": SCOPE, "code_challenge_method": "S256", **options}
    async with AsyncOAuth2Client(client["id"], client["client_secret"], **wish) as party:
        found = {}
        documents = (
            ("openid-configuration", OpenIDProviderMetadata),
            ("oauth-authorization-server", AuthorizationServerMetadata),
        )
        for name, kind in documents:
            found = (await party.request("GET", f"{base}/.well-known/{name}", withhold_token=True)).json()
            secure = {
                key: value.replace("http://", "https://") for key, value in found.items() if isinstance(value, str)
            }
            kind({**found, **secure}).validate()  # it takes https only; nothing else is changed for it
        yield RelyingParty(party, found)
