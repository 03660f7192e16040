"""The authorization server over HTTP: the page on which users let clients in, and the endpoints that clients ask.

Refusals of the protocol come from the auth node as data and go out in the protocol's own form (RFC 6749 5.2); only what
is wrong with ourselves is a problem as everywhere.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import hdrs
from msgspec import UNSET

from adapters.nats.bus import Bus
from contracts import oauth
from contracts.auth import Claims
from contracts.errors import Unauthenticated
from contracts.oauth import Authorization, Authorize, GetUserInfo, Refusal
from contracts.wire import Endpoint
from edge.cookies import FIELD, Cookies
from edge.exchange import JSON, Answer, Exchange, Handler
from edge.forms import BadForm, read_form, repeated, with_client
from edge.oauth_pages import Pages
from edge.oauth_routes import PARAMETERS
from edge.route import Route

ONCE = ("prompt", "max_age")
"""Parameters that have been done when somebody comes back from signing in."""
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BASIC = {"WWW-Authenticate": 'Basic realm="covergen", charset="UTF-8"'}
_encode = msgspec.json.Encoder().encode


class AuthorizationServer:
    """The handlers of `oauth_routes.py`."""

    def __init__(self, bus: Bus, cookies: Cookies, pages: Pages) -> None:
        self._bus = bus
        self._cookies = cookies
        self._pages = pages

    def handler(self, route: Route) -> Handler:
        """The handler of one row."""
        match route.contract:
            case oauth.AUTHORIZE:
                return self._decide if route.method == "POST" else self._authorize
            case oauth.USERINFO:
                return self._userinfo
            case oauth.TOKEN | oauth.INTROSPECT | oauth.REVOKE_TOKEN as contract:
                return self._asked(contract)
        raise ValueError(f"{route.name} is no route of the authorization server")

    async def _authorize(self, exchange: Exchange) -> Answer:
        """What a browser is sent with. Nobody decides anything by a link."""
        fields = list(exchange.request.query.items())
        return await self._answer(exchange, [each for each in fields if each[0] != "decision"], 302)

    async def _decide(self, exchange: Exchange) -> Answer:
        """What the page was answered with; that it was our page, its CSRF token has proven."""
        try:
            return await self._answer(exchange, read_form(exchange.request, exchange.body), 303)
        except BadForm as error:
            return self._pages.refusal(str(error))

    async def _answer(self, exchange: Exchange, fields: list[tuple[str, str]], see: int) -> Answer:
        claims = exchange.claims
        values: dict[str, Any] = {name: value for name, value in fields if name in (*PARAMETERS, "decision")}
        message = {**values, "repeated": repeated(fields), "session_id": None if claims is None else claims.sid}
        try:
            wish = msgspec.convert(message, Authorize)
        except msgspec.ValidationError:
            return self._pages.refusal("What the program that sent you here asks for is not well-formed.")
        reply = await self._bus.request(oauth.AUTHORIZE, wish, exchange.context(oauth.AUTHORIZE.timeout))
        values.pop("decision", None)
        return self._shown(reply, values, claims, see)

    def _shown(self, reply: Authorization, values: Mapping[str, str], claims: Claims | None, see: int) -> Answer:
        match reply.outcome:
            case "redirect":
                return Answer(see, headers={hdrs.LOCATION: reply.location})
            case "ask" if claims is not None:
                return self._pages.question(reply, {**values, FIELD: self._cookies.csrf_token(claims.sid)})
            case "refuse":
                return self._pages.refusal(reply.reason)
        back = urlencode({name: value for name, value in values.items() if name not in ONCE})
        return Answer(see, headers={hdrs.LOCATION: f"/login?{urlencode({'next': f'/oauth/authorize?{back}'})}"})

    async def _userinfo(self, exchange: Exchange) -> Answer:
        claims = exchange.claims
        if claims is None:
            raise Unauthenticated()
        message = GetUserInfo(scope=None if claims.scope is UNSET else claims.scope)
        told = await self._bus.request(oauth.USERINFO, message, exchange.context(oauth.USERINFO.timeout))
        return Answer(200, _encode(told))

    def _asked(self, contract: Endpoint[Any, Any]) -> Handler:
        """A client's question, in a form."""

        async def handle(exchange: Exchange) -> Answer:
            request = exchange.request
            try:
                values = with_client(request, read_form(request, exchange.body))
                message = msgspec.convert(dict(values), contract.request)
            except BadForm as error:
                return _refused(Refusal(error="invalid_request", error_description=str(error)))
            except msgspec.ValidationError:
                return _refused(Refusal(error="invalid_request", error_description="A parameter is too long."))
            reply = await self._bus.request(contract, message, exchange.context(contract.timeout))
            if reply.refused is not None:
                return _refused(reply.refused)
            granted = getattr(reply, "granted", None)
            return Answer(200, b"" if granted is None else _encode(granted), headers=dict(NO_STORE))

        return handle


def _refused(refusal: Refusal) -> Answer:
    """RFC 6749 5.2."""
    unknown = refusal.error == "invalid_client"
    return Answer(401 if unknown else 400, _encode(refusal), JSON, {**NO_STORE, **(BASIC if unknown else {})})
