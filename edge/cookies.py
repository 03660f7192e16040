"""The studio's session in a browser: two cookies that no script can read, and the proof that a page of ours asks.

The access cookie goes with every request to us, the refresh cookie only to `/session`. Where users reach us by https
both are Secure, with a name that the browser keeps for that (`__Host-`: nobody but this host can have set it).

A cookie travels whoever made the browser ask, so it is believed for changes only beside a token that our pages alone
can read: an HMAC of the session's id (RFC 2104), in `X-CSRF-Token` or in the field `csrf_token` of a form.
"""

import binascii
import re
import secrets
import uuid
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from adapters.crypto import derived_token, same
from contracts.auth import Session
from contracts.errors import CrossSite, Internal

HEADER = "X-CSRF-Token"
FIELD = "csrf_token"
FORM = "application/x-www-form-urlencoded"
ACCESS, REFRESH = "covergen_access", "covergen_refresh"
LOGIN = "covergen_login"
"""Binds a browser to the sign-ins at other providers that it has begun."""
REFRESH_PATH = "/session"
LOGIN_SECONDS = 600
REFRESH_SECONDS = 30 * 24 * 3600
"""As long as the auth node takes a refresh token at most."""
LOGIN_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
KEY_BYTES = 32
_OURS = ("same-origin", "none")
"""Sec-Fetch-Site of our own pages, and of what a user typed or kept as a bookmark."""


class _Sid(msgspec.Struct):
    sid: uuid.UUID


_read_sid = msgspec.json.Decoder(_Sid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Writes, reads and checks them. All edge processes share `csrf_key`."""

    csrf_key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)
    """By itself good for one process alone."""
    public_url: str | None = None
    """Where users reach us; None: wherever they say that they do (Host)."""

    @property
    def secure(self) -> bool:
        """Do users come by https?"""
        return (self.public_url or "").startswith("https://")

    def signed_in(self, session: Session) -> tuple[str, ...]:
        """The Set-Cookie values that keep `session` in the browser."""
        return (
            self._access(session.access_token, session.expires_in),
            self._refresh(session.refresh_token, REFRESH_SECONDS),
        )

    def signed_out(self) -> tuple[str, ...]:
        """The Set-Cookie values that make the browser forget it."""
        return self._access("", 0), self._refresh("", 0)

    def access_token(self, request: web.Request) -> str | None:
        """The token of the access cookie, not checked yet."""
        return _cookie(request, self._name(ACCESS))

    def refresh_token(self, request: web.Request) -> str | None:
        """The token of the refresh cookie; it comes with requests to `/session` and below only."""
        return _cookie(request, self._name(REFRESH))

    def logging_in(self, browser: str) -> str:
        """The Set-Cookie value that binds the browser to a sign-in at another provider, from where it comes (Lax)."""
        return self._cookie(LOGIN, browser, LOGIN_SECONDS, "/", "Lax")

    def login_token(self, request: web.Request) -> str | None:
        """What binds the browser, if it has begun a sign-in lately."""
        token = _cookie(request, self._name(LOGIN))
        return token if token is not None and LOGIN_TOKEN.fullmatch(token) else None

    def csrf_token(self, sid: uuid.UUID) -> str:
        """What a page of the session `sid` sends along with each change."""
        return derived_token(self.csrf_key, "csrf", str(sid))

    def check_csrf(self, request: web.Request, sid: uuid.UUID, body: bytes = b"") -> None:
        """Raises CrossSite unless the request has the token of `sid`, in its header or in the form that is `body`."""
        self.check_origin(request)
        given = request.headers.get(HEADER)
        if given is None and request.content_type == FORM:
            given = _field(body)
        if not same((given or "").encode(errors="replace"), self.csrf_token(sid).encode()):
            raise CrossSite(f"Send {HEADER} with the token of this session (GET /session).")

    def check_origin(self, request: web.Request) -> None:
        """Raises CrossSite when the browser says that another site's page made it ask."""
        if not self.same_origin(request):
            raise CrossSite("Only the studio's own pages may do this.")

    def same_origin(self, request: web.Request) -> bool:
        """Is it asked by a page of ours, or by something that is no browser? Browsers say so (Fetch metadata, Origin);
        where they tell the site, an Origin that is hidden (`null`, of pages without referrers) does not count."""
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get(hdrs.ORIGIN)
        if site is not None and site not in _OURS:
            return False
        return origin is None or (origin == "null" and site is not None) or self._is_own(origin, request)

    def may_read(self, request: web.Request) -> bool:
        """Does the cookie count for reading? Also when another site's link leads here, but not for what its page
        fetches or shows."""
        return request.headers.get("Sec-Fetch-Mode") == "navigate" or self.same_origin(request)

    def _is_own(self, origin: str, request: web.Request) -> bool:
        parts = urlsplit(origin)
        if self.public_url is not None and origin == _origin(self.public_url):
            return True
        return parts.netloc == request.host and parts.scheme == ("https" if self.secure else parts.scheme)

    def _access(self, value: str, seconds: int) -> str:
        return self._cookie(ACCESS, value, seconds, "/", "Lax")

    def _refresh(self, value: str, seconds: int) -> str:
        return self._cookie(REFRESH, value, seconds, REFRESH_PATH, "Strict")

    def _cookie(self, name: str, value: str, seconds: int, path: str, same_site: str) -> str:
        ends = f"Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}"
        return f"{self._name(name)}={value}; {ends}{'; Secure' if self.secure else ''}"

    def _name(self, name: str) -> str:
        if not self.secure:
            return name
        return f"{'__Secure-' if name == REFRESH else '__Host-'}{name}"


def put(headers: CIMultiDict[str], values: tuple[str, ...]) -> None:
    """Adds Set-Cookie values to the headers of an answer (`exchange.headers`), errors' included."""
    for value in values:
        headers.add(hdrs.SET_COOKIE, value)


def session_of(access_token: str) -> uuid.UUID:
    """The session's id in a token that has just come from the auth node: its signature is not checked."""
    try:
        payload = access_token.split(".")[1]
        return _read_sid.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).sid
    except (IndexError, binascii.Error, msgspec.MsgspecError):
        raise Internal() from None


def _cookie(request: web.Request, name: str) -> str | None:
    """The first cookie of that name, as it was set."""
    for header in request.headers.getall(hdrs.COOKIE, ()):
        for part in header.split(";"):
            found, _, value = part.strip().partition("=")
            if found == name:
                return value or None
    return None


def _field(body: bytes) -> str | None:
    try:
        values = parse_qs(body.decode(), max_num_fields=100).get(FIELD)
    except ValueError:
        return None
    return values[0] if values else None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"
