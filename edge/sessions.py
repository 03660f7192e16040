"""The handlers behind `/session`: the auth node's answers, with the tokens moved into cookies.

No answer here holds a token, except the CSRF token that the studio's pages send back.
"""

import asyncio
import time
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from contracts import auth, users
from contracts.auth import Account, AccountFacts, GetAccount, Logout, Refresh, Session
from contracts.errors import Unauthenticated
from contracts.users import GetUser, User
from contracts.wire import Endpoint
from edge.binding import payload
from edge.cookies import Cookies, put, session_of
from edge.exchange import Answer, Exchange, Handler
from edge.route import Route

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Session).decode


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in in a browser."""

    user: Account
    expires_in: int
    """Seconds the access cookie is good for."""
    csrf_token: str
    """Goes back as X-CSRF-Token with each change."""


class Visits:
    """Begins, continues, shows and ends the session of a browser."""

    def __init__(self, bus: Bus, cookies: Cookies) -> None:
        self._bus = bus
        self._cookies = cookies

    def handler(self, route: Route) -> Handler:
        """The handler of one row of `session_routes.py`."""
        match route.contract:
            case None:
                return self._show
            case auth.LOGOUT:
                return self._end
            case auth.REFRESH:
                return self._renew
            case contract:
                return self._beginning(route, contract)

    def _beginning(self, route: Route, contract: Endpoint[Any, Session]) -> Handler:
        """Signing in and up."""
        message_of = payload(route)
        headers = {} if route.location is None else {"Location": route.location}

        async def handle(exchange: Exchange) -> Answer:
            self._cookies.check_origin(exchange.request)
            context = exchange.context(contract.timeout)
            reply = await self._bus.request_raw(contract.subject, message_of(exchange), context, contract.timeout)
            return self._answer(exchange, _decode(reply), route.status, headers)

        return handle

    async def _renew(self, exchange: Exchange) -> Answer:
        """Raises Unauthenticated, and makes the browser forget cookies that are not good any more."""
        self._cookies.check_origin(exchange.request)
        token = self._cookies.refresh_token(exchange.request)
        try:
            if token is None:
                raise Unauthenticated("Nobody is signed in in this browser.")
            context = exchange.context(auth.REFRESH.timeout)
            session = await self._bus.request(auth.REFRESH, Refresh(refresh_token=token), context)
        except Unauthenticated:
            put(exchange.headers, self._cookies.signed_out())
            raise
        return self._answer(exchange, session, 200, {})

    async def _show(self, exchange: Exchange) -> Answer:
        claims = exchange.claims
        if claims is None:
            raise Unauthenticated()
        context = exchange.context(users.GET.timeout)
        facts, user = await asyncio.gather(
            self._bus.request(auth.ACCOUNT, GetAccount(), context), self._bus.request(users.GET, GetUser(), context)
        )
        left = max(0, int(claims.exp - time.time()))
        token = self._cookies.csrf_token(claims.sid)
        return Answer(200, _encode(Visit(user=_account(facts, user), expires_in=left, csrf_token=token)))

    async def _end(self, exchange: Exchange) -> Answer:
        """Whatever is left of the session ends; cookies that are not good are removed all the same."""
        self._cookies.check_origin(exchange.request)
        token, claims = self._cookies.refresh_token(exchange.request), exchange.claims
        if token is not None or claims is not None:
            sid = None if claims is None else claims.sid
            context = exchange.context(auth.LOGOUT.timeout)
            await self._bus.request(auth.LOGOUT, Logout(refresh_token=token, session_id=sid), context)
        put(exchange.headers, self._cookies.signed_out())
        return Answer(204)

    def _answer(self, exchange: Exchange, session: Session, status: int, headers: dict[str, str]) -> Answer:
        put(exchange.headers, self._cookies.signed_in(session))
        token = self._cookies.csrf_token(session_of(session.access_token))
        visit = Visit(user=session.user, expires_in=session.expires_in, csrf_token=token)
        return Answer(status, _encode(visit), headers=dict(headers))


def _account(facts: AccountFacts, user: User) -> Account:
    return Account(
        id=facts.id,
        email=facts.email,
        username=user.username,
        full_name=user.full_name,
        tier=user.subscription_tier,
        roles=facts.roles,
        email_verified=facts.email_verified,
        created_at=facts.created_at,
    )
