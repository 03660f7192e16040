"""Connections: how many there may be, for how long they may say nothing, and what is told to what is not HTTP.

A connection has `QUIET` seconds to send the whole head of a request, from its beginning or from its last answer on;
what comes in drops does not make them longer. So idle and slow clients alike go by themselves, and while they stay they
cost one place of `MOST` each; a single address has few of those. The time for a body is limited in
`middleware/limits.py`.
"""

import asyncio
import logging
import socket
import uuid
from collections import Counter
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from contracts.errors import (
    AddressDenied,
    DeadlineExceeded,
    HeadTooLarge,
    Internal,
    Malformed,
    Overloaded,
    ServiceError,
)
from edge.address import UNKNOWN, Addresses, is_own, parsed
from edge.address_lists import AddressLists
from edge.middleware.security import HEADERS
from edge.middleware.tracing import HEADER as REQUEST_ID
from edge.problems import problem_answer

log = logging.getLogger(__name__)

MOST = 6000
"""Connections of one process."""
MOST_PER_ADDRESS = 200
"""Of one process and one address; neither of this machine nor of trusted proxies, which bring many clients."""
QUIET = 60.0
"""Seconds."""
LINGER = 2.0
"""Seconds in which the rest of a body that was refused is read and thrown away, so that its sender sees the answer."""


class Gate:
    """Counts connections and lets in as many as there may be."""

    def __init__(
        self,
        most: int = MOST,
        most_per_address: int = MOST_PER_ADDRESS,
        addresses: Addresses | None = None,
        lists: AddressLists | None = None,
    ) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._addresses = addresses or Addresses()
        self._lists = lists or AddressLists()
        self._open = 0
        self._by_address: Counter[str] = Counter()

    def denies(self, address: str) -> bool:
        """May nobody at this address connect? Of a trusted proxy's clients each request is looked at instead."""
        if not self._lists.any or self._addresses.trusts(address):
            return False
        denied = self._lists.refuses(parsed(address)) is not None
        if denied:
            self._lists.counts["connection"] += 1
        return denied

    def enter(self, address: str) -> bool:
        """Take a place, if there is one; `leave` gives it back."""
        if self._open >= self._most:
            return False
        if self._by_address[address] >= self._most_per_address and not self._brings_many(address):
            return False
        self._open += 1
        self._by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Give a place back."""
        self._open -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _brings_many(self, address: str) -> bool:
        return is_own(address) or self._addresses.trusts(address)


class Connection(web.RequestHandler):
    """One connection, if the gate lets it in. What cannot be read is answered like every other error."""

    __slots__ = ("_address", "_gate")

    def __init__(self, server: web.Server, gate: Gate, *, quiet: float) -> None:
        # A body that is packed is refused, so nothing needs to unpack it.
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=quiet,
            access_log=None,  # type: ignore[arg-type]  # aiohttp looks whether there is one
            auto_decompress=False,
            lingering_time=LINGER,
        )
        self._gate = gate
        self._address: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or say that there is no place, or none for this address."""
        address = _site_of(transport)
        denied = self._gate.denies(address)
        if not denied and self._gate.enter(address):
            self._address = address
            super().connection_made(transport)
            return
        self.force_close()  # hears nothing of what is sent
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_raw(AddressDenied()) if denied else _NO_PLACE)
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back, if it had one."""
        if self._address is not None:
            self._gate.leave(self._address)
            self._address = None
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The problem that stands for what aiohttp could not read, or what nobody expected; the connection ends.

        Nothing that was sent is repeated, neither here nor in the log: it may hold a token.
        """
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("a request failed outside its stages", exc_info=exc, extra={"action": "connection_failed"})
        else:
            log.info("a request could not be read", extra={"action": "unreadable"})
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        answer = problem_answer(_error(status, exc), request_id := uuid.uuid4().hex)
        headers = {**HEADERS, **answer.headers, "Content-Type": answer.media, REQUEST_ID: request_id}
        response = web.Response(body=answer.body, status=answer.status, headers=headers)
        response.force_close()
        return response


async def listen(
    server: web.Server, listening: socket.socket, gate: Gate, *, backlog: int, quiet: float = QUIET
) -> asyncio.Server:
    """Take connections of a socket until the result is closed."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(server, gate, quiet=quiet), sock=listening, backlog=backlog)


def _site_of(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else UNKNOWN


def _error(status: int, exc: BaseException | None) -> ServiceError:
    if isinstance(exc, LineTooLong):
        return HeadTooLarge("The request's line and each of its headers have at most 8 KiB.")
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return DeadlineExceeded()
    return Malformed("This is not HTTP as we read it.") if status < HTTPStatus.INTERNAL_SERVER_ERROR else Internal()


def _raw(error: ServiceError) -> bytes:
    """An answer for a connection that nobody reads."""
    answer = problem_answer(error, uuid.uuid4().hex)
    fields = {**HEADERS, **answer.headers, "Content-Type": answer.media, "Connection": "close"}
    lines = [f"HTTP/1.1 {error.status} {error.title}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(answer.body)}", "", ""]).encode() + answer.body


_NO_PLACE = _raw(Overloaded("There are too many connections. Please try again in a second.", retry_after=1))
