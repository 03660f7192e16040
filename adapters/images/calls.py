"""Calls of a provider's HTTP API: bounded in time and size, without redirects, cookies or surprises in their errors.

Nothing of a request or of an answer gets into an error: no key, no words of a user, no text of the provider's.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp
import msgspec

from adapters.images.errors import Broken, TookTooLong
from adapters.images.registered import base_url

T = TypeVar("T")
MAX_BYTES = 64 * 1024 * 1024
"""Of one answer: a picture of 4096 pixels a side in base64, with room."""
CONNECT_SECONDS = 10.0
LONGEST_PAUSE = 3600.0
"""Seconds; who asks for a longer pause is believed this much."""
REDIRECTS, SERVER_ERRORS = range(300, 400), range(500, 600)
USER_AGENT = "covergen"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, kind: type[T]) -> T:
        """The body as `kind`. Raises Broken."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Broken("not_what_was_promised") from None

    def said(self, kind: type[T], nothing: T) -> T:
        """The same of an error's body, which may be anything; then `nothing`."""
        try:
            return self.json(kind)
        except Broken:
            return nothing

    @property
    def retry_after(self) -> float | None:
        """Seconds that the provider asks us to wait."""
        return pause(self.headers.get("Retry-After", ""))


def pause(text: str, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a Retry-After: a number or a date; None for anything else."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_PAUSE) if not math.isnan(seconds) else None


class Api:
    """The API at `base`, spoken to with these headers. Redirects, and answers in pieces too large, are errors."""

    def __init__(self, base: str, headers: Mapping[str, str], *, seconds: float, limit: int = MAX_BYTES) -> None:
        self.base = base_url(base)
        self._headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds))
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, path: str, *, json: Any = None, form: aiohttp.FormData | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send JSON or a form. Raises Broken and TookTooLong; any status is an answer."""
        body = None if json is None else msgspec.json.encode(json)
        kind = {} if body is None else {"Content-Type": "application/json"}
        return await self._call("POST", self.base + path, {**self._headers, **kind, **headers}, body or form)

    async def get(self, path: str) -> Answer:
        """Read. Raises as `post`."""
        return await self._call("GET", self.base + path, self._headers, None)

    async def download(self, url: str) -> Answer:
        """Read from another address, which is told nothing of ours. Raises as `post`."""
        return await self._call("GET", url, {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}, None)

    async def close(self) -> None:
        """Give back the connections."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, method: str, url: str, headers: Mapping[str, str], data: Any) -> Answer:
        try:
            async with self._opened().request(method, url, headers=headers, data=data, allow_redirects=False) as reply:
                return await self._whole(reply)
        except TimeoutError:
            raise TookTooLong("no_answer") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise Broken("no_connection") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            )
        return self._session

    async def _whole(self, reply: aiohttp.ClientResponse) -> Answer:
        if reply.status in REDIRECTS:
            raise Broken("redirect")
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            raise Broken("packed")
        body = bytearray()
        async for part in reply.content.iter_chunked(256 * 1024):
            body += part
            if len(body) > self._limit:
                raise Broken("too_long_answer")
        return Answer(reply.status, reply.headers, bytes(body))
