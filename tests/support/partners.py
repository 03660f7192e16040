"""A partner of a running auth node: its client, users who let it in, and what it sends."""

import base64
import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from contracts import oauth
from contracts.auth import Register, Session
from contracts.oauth import Authorization, Authorize, CreateClient, NewClient, Refusal, SetRoles, TokenRequest, Tokens
from contracts.wire import Context
from tests.support.auth_house import House

BACK = "https://partner.example/back"
PARTNER = Register(email="partner@example.org", password="correct horse")


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def challenge_of(verifier: str) -> str:
    """S256, made here so that a test does not depend on the code that it tests."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def caller(session: Session, *roles: str) -> Context:
    """A request of that user."""
    return Context(request_id="r", user_id=session.user.id, roles=("user", *roles), address="203.0.113.0/24")


@dataclass
class Partner:
    """A partner and one of its clients at a house."""

    house: House
    session: Session
    client: NewClient

    @property
    def by(self) -> Context:
        """Asked by the partner."""
        return caller(self.session, "partner")

    async def ask(self, user: Session, verifier: str, **more: Any) -> Authorization:
        """An authorization request in that user's browser; allowed, unless told otherwise."""
        wish = {
            "client_id": str(self.client.id),
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid email covers:read offline_access",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            "decision": "allow",
            "session_id": uuid.UUID(claims_of(user.access_token)["sid"]),
            **more,
        }
        return await self.house.bus.request(oauth.AUTHORIZE, Authorize(**wish), caller(user))

    async def code(self, user: Session, verifier: str, **more: Any) -> str:
        """The code of an allowed request."""
        answer = await self.ask(user, verifier, **more)
        return sent_back(answer)["code"]

    async def token(self, grant_type: str, *, anonymous: bool = False, **more: Any) -> Tokens | Refusal:
        """What the token endpoint says to this client."""
        proof = {"client_id": str(self.client.id), "client_secret": self.client.client_secret}
        wish = TokenRequest(grant_type=grant_type, **{**({} if anonymous else proof), **more})
        reply = await self.house.bus.request(oauth.TOKEN, wish, Context(request_id="r", user_agent="partner/1"))
        answer = reply.granted or reply.refused
        assert answer is not None
        return answer

    async def redeem(self, code: str, verifier: str, **more: Any) -> Tokens | Refusal:
        """A code for tokens."""
        wish = {"code": code, "code_verifier": verifier, "redirect_uri": BACK, **more}
        return await self.token("authorization_code", **wish)

    async def let_in(self, user: Session, **more: Any) -> Tokens:
        """The tokens of a user who allows it."""
        verifier = secrets.token_urlsafe(40)
        tokens = await self.redeem(await self.code(user, verifier, **more), verifier)
        assert isinstance(tokens, Tokens)
        return tokens


def sent_back(answer: Authorization) -> dict[str, str]:
    """What the client learns by the redirect."""
    assert answer.outcome == "redirect", answer
    return dict(parse_qsl(urlsplit(answer.location).query))


async def a_partner(house: House, register: Register = PARTNER, **wish: Any) -> Partner:
    """A new partner with a client; `wish` changes what is asked for."""
    session = await house.register(register)
    admin = Context(request_id="r", user_id=uuid.uuid4(), roles=("user", "admin"))
    await house.bus.request(oauth.SET_ROLES, SetRoles(id=session.user.id, roles=("partner",)), admin)
    order = {
        "name": "Partner's shop",
        "redirect_uris": (BACK,),
        "scopes": ("openid", "email", "profile", "offline_access", "covers:read", "covers:write"),
        "grant_types": ("authorization_code", "refresh_token", "client_credentials"),
        **wish,
    }
    client = await house.bus.request(oauth.CREATE_CLIENT, CreateClient(**order), caller(session, "partner"))
    return Partner(house, session, client)
