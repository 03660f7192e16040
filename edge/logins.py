"""Sign-ins at other providers, as the browser goes through them: there by 302, and back to a page of ours by 303.

A cookie binds the browser that begins to its sign-ins for ten minutes, so that nobody can make another's browser finish
a sign-in that he began. What went wrong is told to the studio by a word in its address (`/?signin=failed`), and as a
problem to a client that asks for JSON; that gets the session as JSON too, and no cookies.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from adapters.crypto import new_opaque_token
from adapters.nats.bus import Bus
from contracts import logins
from contracts.errors import Conflict, Forbidden, NotFound, ServiceError, Unavailable
from contracts.logins import FinishedLogin, FinishLogin, Place, ProviderName, StartedLogin, StartLogin
from edge.binding import read_json
from edge.cookies import Cookies, put
from edge.exchange import JSON, Answer, Exchange, Handler
from edge.route import Route

WORDS: tuple[tuple[type[ServiceError], str], ...] = (
    (Unavailable, "unavailable"),
    (Forbidden, "unverified"),
    (Conflict, "taken"),
)
"""What the studio is told; `failed` for everything else."""
LONGEST_PLACE = 2000
_encode = msgspec.json.Encoder().encode


class AddIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signed-in user wants to sign in too from now on."""

    provider: ProviderName
    next: Place | None = None
    """A path of ours to come back to."""


_wish = msgspec.json.Decoder(AddIdentity)


class SignIns:
    """Begins sign-ins at providers, and finishes them."""

    def __init__(self, bus: Bus, cookies: Cookies) -> None:
        self._bus = bus
        self._cookies = cookies

    def handler(self, route: Route) -> Handler:
        """The handler of one row of `login_routes.py`."""
        if route.contract is logins.FINISH_LOGIN:
            return self._finish
        return self._link if route.access == "user" else self._start

    async def _start(self, exchange: Exchange) -> Answer:
        """Send the browser there. Raises NotFound for a provider that is none of ours."""
        place = exchange.request.query.get("next", "")
        wanted = place if 0 < len(place) <= LONGEST_PLACE and place.isprintable() else None
        try:
            begun = await self._begun(exchange, exchange.request.match_info["provider"], wanted)
        except NotFound:
            raise
        except ServiceError as error:
            return _refused(exchange, error)
        return Answer(302, headers={"Location": begun.url})

    async def _link(self, exchange: Exchange) -> Answer:
        """Tell a page of a signed-in user where to go."""
        wish = read_json(exchange, _wish)
        return Answer(200, _encode(await self._begun(exchange, wish.provider, wish.next)))

    async def _begun(self, exchange: Exchange, provider: str, place: str | None) -> StartedLogin:
        browser = self._cookies.login_token(exchange.request) or new_opaque_token()
        try:
            message = msgspec.convert({"provider": provider, "browser": browser, "next": place}, StartLogin)
        except msgspec.ValidationError:
            raise NotFound() from None
        begun = await self._bus.request(logins.START_LOGIN, message, exchange.context(logins.START_LOGIN.timeout))
        put(exchange.headers, (self._cookies.logging_in(browser),))
        return begun

    async def _finish(self, exchange: Exchange) -> Answer:
        """The browser is back, with a code or with an error."""
        try:
            done = await self._finished(exchange)
        except ServiceError as error:
            return _refused(exchange, error)
        if done.session is not None and _wants_json(exchange):
            return Answer(200, _encode(done.session))
        if done.session is not None:
            put(exchange.headers, self._cookies.signed_in(done.session))
        return Answer(303, headers={"Location": done.next})

    async def _finished(self, exchange: Exchange) -> FinishedLogin:
        query = exchange.request.query
        given: Mapping[str, str] = {name: query[name] for name in ("state", "code", "error", "iss") if name in query}
        browser = self._cookies.login_token(exchange.request) or ""
        values = {**given, "provider": exchange.request.match_info["provider"], "browser": browser}
        try:
            message = msgspec.convert(values, FinishLogin)
        except msgspec.ValidationError:
            raise NotFound() from None
        return await self._bus.request(logins.FINISH_LOGIN, message, exchange.context(logins.FINISH_LOGIN.timeout))


def _refused(exchange: Exchange, error: ServiceError) -> Answer:
    """Raises `error` for a client that reads problems."""
    if _wants_json(exchange):
        raise error
    word = next((word for kind, word in WORDS if isinstance(error, kind)), "failed")
    return Answer(303, headers={"Location": f"/?{urlencode({'signin': word})}"})


def _wants_json(exchange: Exchange) -> bool:
    accept = exchange.request.headers.get("Accept", "")
    return JSON in accept and "text/html" not in accept
