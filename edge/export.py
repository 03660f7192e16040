"""Everything the product holds about the caller, as one JSON document for the caller to keep.

The document is put together from the same endpoints that the other routes call, page by page while it is being sent, so
that its length costs no memory and no message on the bus comes near the bus's limit. Pictures are in it by their
addresses. What fails before the first byte is a problem as always; what fails later breaks the connection off, so that
nobody takes half a document for a whole one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from adapters.nats.bus import Bus
from contracts import (
    auth,
    brands,
    covers,
    edits,
    exports,
    logins,
    notifications,
    security,
    shares,
    tasks,
    templates,
    uploads,
    users,
)
from contracts.wire import Endpoint
from edge.exchange import Exchange

MOST = 10_000
"""Items of one kind in a document; kinds that have more are named in `truncated`."""
PAGE = 25
"""Items of one reply: even the longest covers stay far below 1 MiB together."""
WRITE_LIMIT = 30.0
"""Seconds that a client may take to read what it was sent."""
HEADERS = {
    "Content-Type": "application/json",
    "Content-Disposition": 'attachment; filename="covergen-data.json"',
    "Cache-Control": "no-store",
}
FACTS: tuple[tuple[str, Endpoint[Any, Any]], ...] = (
    ("profile", users.GET),
    ("preferences", users.PREFERENCES),
    ("quota", users.QUOTA),
    ("brand_kit", brands.GET),
)
LISTS: tuple[tuple[str, Endpoint[Any, Any]], ...] = (
    ("covers", covers.LIST),
    ("shares", shares.LIST_ALL),
    ("edits", edits.LIST),
    ("uploads", uploads.LIST),
    ("exports", exports.LIST),
    ("tasks", tasks.LIST),
    ("notifications", notifications.LIST),
    ("templates", templates.LIST_MINE),
    ("sessions", security.LIST_SESSIONS),
    ("api_keys", security.LIST_KEYS),
    ("identities", logins.LIST_IDENTITIES),
)
"""Fields of the document, in order, and where their items come from."""
_encode = msgspec.json.Encoder().encode


class _Page(msgspec.Struct, frozen=True):
    """What every list answers, with its items as they came."""

    items: tuple[msgspec.Raw, ...]
    next_cursor: str | None = None


_page = msgspec.json.Decoder(_Page)


class Export:
    """The handler of `GET /v1/me/data`; `most` and `page` are limits in items."""

    def __init__(self, bus: Bus, *, most: int = MOST, page: int = PAGE) -> None:
        self._bus = bus
        self._most = most
        self._page = page

    async def handle(self, exchange: Exchange) -> web.StreamResponse:
        """Send the document. Raises Unauthenticated when the account is gone."""
        head = await self._head(exchange)
        response = web.StreamResponse(headers={**exchange.headers, **HEADERS})
        exchange.streaming = response
        await response.prepare(exchange.request)
        with contextlib.suppress(ConnectionError):  # the client has gone
            await _write(response, head)
            async for piece in self._lists(exchange):
                await _write(response, piece)
            await response.write_eof()
        return response

    async def _head(self, exchange: Exchange) -> bytes:
        """The document up to its lists. The account is asked first: it tells whether there is still anybody."""
        account = await self._ask(exchange, auth.ACCOUNT)
        facts = await asyncio.gather(*(self._ask(exchange, contract) for _, contract in FACTS))
        at = _encode(datetime.now(UTC))
        fields = [b'"exported_at":' + at, b'"account":' + account]
        fields += [b'"%b":%b' % (name.encode(), fact) for (name, _), fact in zip(FACTS, facts, strict=True)]
        return b"{" + b",".join(fields)

    async def _lists(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """The rest of the document, in pieces of a page."""
        truncated: list[str] = []
        for name, contract in LISTS:
            yield b',"%b":[' % name.encode()
            sent, cursor = 0, None
            while sent < self._most:
                page = await self._next(exchange, contract, cursor, self._most - sent)
                yield (b"," if sent and page.items else b"") + b",".join(map(bytes, page.items))
                sent, cursor = sent + len(page.items), page.next_cursor
                if cursor is None:
                    break
            else:
                truncated.append(name)
            yield b"]"
        yield b',"truncated":%b}' % _encode(truncated)

    async def _next(self, exchange: Exchange, contract: Endpoint[Any, Any], cursor: str | None, left: int) -> _Page:
        question = {"limit": min(self._page, left)} | ({} if cursor is None else {"cursor": cursor})
        return _page.decode(await self._ask(exchange, contract, _encode(question)))

    async def _ask(self, exchange: Exchange, contract: Endpoint[Any, Any], message: bytes = b"{}") -> bytes:
        context = exchange.context(contract.timeout)
        return await self._bus.request_raw(contract.subject, message, context, contract.timeout)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(WRITE_LIMIT):
            await response.write(data)
