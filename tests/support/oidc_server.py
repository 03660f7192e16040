"""An OpenID provider and something like GitHub, to sign in at in tests: own code, own port, and wrong when told to be.

It checks what a provider has to check: the client, the redirect URI, that a code is used once, and PKCE.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, SECRET = "covergen-at-op", "its-secret"
PERSON: dict[str, Any] = {
    "sub": "person-1",
    "email": "grace@example.org",
    "email_verified": True,
    "name": "Grace Hopper",
}


@dataclass
class Provider:
    """The provider, its user of the moment, and what is wrong with it."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    claims: dict[str, Any] = field(default_factory=dict)
    """Replaces claims of ID tokens; None leaves one out."""
    algorithm: str = "RS256"
    discovery: dict[str, Any] = field(default_factory=dict)
    """Replaces fields of the discovery document."""
    denies: str | None = None
    """An error instead of a code."""
    down: bool = False
    raw: dict[str, bytes] = field(default_factory=dict)
    """Answers to a path instead of the right ones."""
    keys: list[RSAKey] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})])
    published: int = 1
    """Of the keys; the last one signs."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths."""

    def rotate(self) -> None:
        """Sign with a new key, which is not published yet."""
        kid = f"key-{len(self.keys)}"
        self.keys.append(RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}))

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get("/.well-known/openid-configuration", self.describe),
            web.get("/authorize", self.authorize),
            web.get("/login/oauth/authorize", self.authorize),
            web.post("/token", self.token),
            web.post("/login/oauth/access_token", self.token),
            web.get("/jwks", self.jwks),
            web.get("/userinfo", self.userinfo),
            web.get("/user", self.github_user),
            web.get("/user/emails", self.github_emails),
        ]

    async def describe(self, _request: web.Request) -> web.Response:
        """Discovery."""
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        endpoints = {name: f"{self.url}/{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.url, **endpoints, **self.discovery})

    async def authorize(self, request: web.Request) -> web.Response:
        """The page of the provider, whose user always agrees at once."""
        query = dict(request.query)
        challenge = query.get("code_challenge", "")
        if query.get("client_id") != CLIENT_ID or query.get("code_challenge_method") != "S256" or len(challenge) != 43:
            raise web.HTTPBadRequest(text="client or PKCE")
        if query.get("response_type") != "code" or not query.get("state"):
            raise web.HTTPBadRequest(text="response_type or state")
        answer = {"state": query["state"], "iss": self.url}
        if "oauth" in request.path:
            del answer["iss"]
        if self.denies is not None:
            answer["error"] = self.denies
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = query
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    async def token(self, request: web.Request) -> web.Response:
        """The exchange of a code."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        given = base64.b64decode(request.headers.get("Authorization", "Basic ")[6:]).decode()
        if given != f"{CLIENT_ID}:{SECRET}" and form.get("client_secret") != SECRET:
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = asked is not None and asked["code_challenge"] == proof.decode().rstrip("=")
        if not good or asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return web.json_response({"error": "invalid_grant", "error_description": "secret words"}, status=400)
        answer = {"access_token": "bearer-of-the-op", "token_type": "Bearer", "expires_in": 60}
        if "oauth" not in request.path:
            answer["id_token"] = self.id_token(asked)
        return web.json_response(answer)

    async def jwks(self, _request: web.Request) -> web.Response:
        """Public keys."""
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys[: self.published]]})

    async def userinfo(self, request: web.Request) -> web.Response:
        """Claims for who has the access token."""
        if request.headers.get("Authorization") != "Bearer bearer-of-the-op":
            raise web.HTTPUnauthorized
        return web.json_response(self.person)

    async def github_user(self, request: web.Request) -> web.Response:
        """As GitHub's API has it: the address of the profile is whatever its owner has written there."""
        if request.headers.get("Authorization") != "Bearer bearer-of-the-op":
            raise web.HTTPUnauthorized
        return web.json_response({"id": 583231, "login": "grace", "name": "Grace", "email": "anybody@example.org"})

    async def github_emails(self, _request: web.Request) -> web.Response:
        """The addresses of the account."""
        own = {"email": self.person["email"], "primary": True, "verified": self.person["email_verified"]}
        return web.json_response([{"email": "old@example.org", "primary": False, "verified": True}, own])

    def id_token(self, asked: dict[str, str]) -> str:
        """Signed, or not, as it is told."""
        now = int(time.time())
        right = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked.get("nonce")}
        claims = {name: value for name, value in {**right, **self.person, **self.claims}.items() if value is not None}
        key = self.keys[-1]
        if self.algorithm == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if self.algorithm == "HS256":  # the public key as the secret of an HMAC
            start = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(claims)}"
            digest = hmac.digest(key.as_pem(private=False), start.encode(), "sha256")
            return f"{start}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key, algorithms=[self.algorithm])


@contextlib.asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    """A provider that is served for the length of the block."""
    provider = Provider()

    @web.middleware
    async def wrong(request: web.Request, handler: Any) -> web.StreamResponse:
        provider.asked.append(request.path)
        if provider.down:
            raise web.HTTPServiceUnavailable
        if request.path in provider.raw:
            return web.Response(body=provider.raw[request.path], content_type="application/json")
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[wrong])
    app.add_routes(provider.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    provider.url = f"http://{host}:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()


async def visited(url: str) -> dict[str, str]:
    """What the provider gives the browser that it sends back: the query of the redirect."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
