"""Requests to one provider: bounded in time and size, without redirects, behind a breaker.

What may pass is read again (`read`); the exchange of a code never is, because a code works once.
"""

import json
import warnings
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx
from authlib.deprecate import AuthlibDeprecationWarning

from adapters.identity.registered import Client
from adapters.resilience import Breaker, Guarded, Target, outage_but, retry
from contracts.errors import Unauthenticated, Unavailable
from contracts.wire import Context

with warnings.catch_warnings():  # it would rather have a fork of httpx, and says so to everybody at each start
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

MAX_BYTES = 256 * 1024
"""Of one answer."""
SECONDS = 5.0
"""For one request and its answer."""
WAITS = (0.2, 0.8)
"""Before reading again."""
OK, SERVER_ERROR, TOO_MANY = 200, 500, 429
OUR_FAULT = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")
"""Errors of a token endpoint that no user can do anything about."""
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "covergen"}


class _TooMuch(httpx.TransportError):
    """More bytes than anybody needs to say that."""


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MAX_BYTES:
                raise _TooMuch("too long an answer")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx.AsyncBaseTransport):
    """Connections that outlive the clients; answers are bounded before anything is unpacked from them."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise _TooMuch("a packed answer, which was not asked for")
        response.stream = _Bounded(cast("httpx.AsyncByteStream", response.stream))
        return response

    async def aclose(self) -> None:
        """The connections stay: a client is made for each exchange."""

    async def close(self) -> None:
        await self._inner.aclose()


class ProviderClient:
    """Speaks to the provider `title` as the client that the operator has registered there."""

    def __init__(self, name: str, title: str, client: Client, *, seconds: float = SECONDS) -> None:
        self.client = client
        self._title = title
        self._seconds = seconds
        self._transport = _Transport()
        target = Target(name=f"identity/{name}", timeout=seconds, waits=(), concurrency=16, waiting=64)
        self._guarded = Guarded(target, is_failure=outage_but(Unauthenticated))

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""
        return self._guarded.breaker

    def authorization_url(self, endpoint: str, scope: str, verifier: str, values: Mapping[str, str]) -> str:
        """The address of the provider's page, with the challenge of `verifier`."""
        session = self._session(scope=scope, code_challenge_method="S256")
        url, _ = session.create_authorization_url(endpoint, code_verifier=verifier, **values)
        return str(url)

    async def exchange(
        self, endpoint: str, code: str, verifier: str, redirect_uri: str, *, method: str, context: Context | None
    ) -> Mapping[str, Any]:
        """The tokens for a code; `method` is how we prove who we are. Raises Unauthenticated, Unavailable."""

        async def once() -> Mapping[str, Any]:
            async with self._session(token_endpoint_auth_method=method) as session:
                try:
                    token = await session.fetch_token(
                        endpoint,
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=verifier,
                        redirect_uri=redirect_uri,
                    )
                except OAuthError as error:
                    raise self._refusal(error.error) from None
                except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                    raise self.away() from error
                return cast("Mapping[str, Any]", token)

        return await self._guarded.call(once, context)

    async def read(self, url: str, *, bearer: str | None = None, context: Context | None = None) -> Any:
        """The JSON at `url`, tried again when that may help. Raises Unavailable, Unauthenticated for 401 and 403."""
        headers = HEADERS if bearer is None else {**HEADERS, "Authorization": f"Bearer {bearer}"}

        async def once() -> Any:
            async with httpx.AsyncClient(transport=self._transport, timeout=self._seconds) as session:
                try:
                    response = await session.get(url, headers=headers, follow_redirects=False)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise self.away() from error
            return self._json(response)

        return await retry(lambda: self._guarded.call(once, context), waits=WAITS, spread=0.5, context=context)

    def away(self) -> Unavailable:
        """It does not answer, or not in a way that means anything."""
        return Unavailable(f"{self._title} does not answer as it should. Please try again in a while.")

    def refused(self) -> Unauthenticated:
        """It says no, or something that does not hold."""
        return Unauthenticated(f"The sign-in at {self._title} is not good. Please begin again.")

    async def close(self) -> None:
        """Give back the connections."""
        await self._transport.close()

    def _session(self, **options: Any) -> Any:
        """Authlib's client, for one exchange."""
        client = (self.client.id, self.client.secret)
        return AsyncOAuth2Client(
            *client, transport=self._transport, timeout=self._seconds, follow_redirects=False, **options
        )

    def _json(self, response: httpx.Response) -> Any:
        if response.status_code in (401, 403):
            raise self.refused()
        if response.status_code != OK:
            raise self.away()
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise self.away() from None

    def _refusal(self, error: object) -> Unauthenticated | Unavailable:
        return self.away() if error in OUR_FAULT else self.refused()
