"""`GET /graphql`: one WebSocket that speaks graphql-transport-ws, from its first message to its last.

Who asks is said by the headers of the handshake, or by `authorization` or `x-api-key` in the payload of
`connection_init` (browsers' programs cannot set headers). It is looked at again every second: when a token ends, or its
session or key does, the socket ends with 4401. Everything that is asked goes the way of `POST /graphql`, and costs the
same.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from aiohttp import WSCloseCode, WSMsgType, hdrs, web
from multidict import CIMultiDict

from contracts.errors import Malformed, RateLimited, ServiceError, Unauthenticated
from edge.api_keys import HEADER as KEY_HEADER
from edge.exchange import Exchange, Handler
from edge.graphql.calls import asking
from edge.graphql.errors import invalid, of_service, shown, unexpected
from edge.graphql.execution import Executor, Refused, answer
from edge.graphql.http import decoded

PROTOCOL = "graphql-transport-ws"
_SIGNED = "Signature-Input"
"""Header of a handshake that was signed: such a proof is good once, and cannot be looked at again."""
_CREDENTIALS = {"authorization": hdrs.AUTHORIZATION, "x-api-key": KEY_HEADER}
"""Fields of the first payload, and the headers that they stand for."""
UNAUTHORIZED, FORBIDDEN, INIT_TIMEOUT, NO_PROTOCOL = 4401, 4403, 4408, 4406
BAD, EXISTS, TOO_MANY = 4400, 4409, 4429


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRules:
    """What a socket may do."""

    per_user: int = 20
    """Sockets of one user in one process."""
    operations: int = 10
    """That run at a time on one socket."""
    init_seconds: float = 5.0
    """For the first message."""
    max_message: int = 64 * 1024
    """Bytes."""
    write_seconds: float = 30.0
    """That a client may take to read what it was sent."""
    ping_seconds: float = 20.0
    """Between pings of ours; a client that does not answer one is gone."""
    look_seconds: float = 1.0
    """Between two looks whether the caller is still who it was."""


class _Message(msgspec.Struct):
    type: Literal["connection_init", "subscribe", "complete", "ping", "pong"]
    id: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Closed(Exception):
    """The socket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_decode = msgspec.json.Decoder(_Message).decode
_encode = msgspec.json.Encoder().encode


class Socket:
    """One connection. `prove` fills in the claims of an exchange, or raises."""

    def __init__(self, exchange: Exchange, executor: Executor, prove: Handler, rules: SocketRules) -> None:
        self.exchange = exchange
        self._executor = executor
        self._prove = prove
        self._rules = rules
        self._running: dict[str, asyncio.Task[None]] = {}
        self.response = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            heartbeat=rules.ping_seconds,
            max_msg_size=rules.max_message,
            compress=False,  # what is packed may be a thousand times larger than it looks
        )

    async def begin(self) -> None:
        """Take the connection over, and hear who asks. Raises Closed."""
        self.exchange.streaming = self.response
        self.response.headers.update({k: v for k, v in self.exchange.headers.items() if k != hdrs.CONTENT_TYPE})
        await self.response.prepare(self.exchange.request)
        if self.response.ws_protocol != PROTOCOL:
            raise Closed(NO_PROTOCOL, "Subprotocol not acceptable")
        try:
            async with asyncio.timeout(self._rules.init_seconds):
                await self._introduced()
        except TimeoutError:
            raise Closed(INIT_TIMEOUT, "Connection initialisation timeout") from None

    async def serve(self) -> None:
        """Acknowledge, and do what is asked until the client goes. Raises Closed."""
        await self._send({"type": "connection_ack"})
        looking = asyncio.create_task(self._look(), name="graphql socket: look")
        try:
            while (message := await self._receive()) is not None:
                await self._heard(message)
        finally:
            looking.cancel()
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(looking, *self._running.values(), return_exceptions=True)

    async def close(self, code: int, reason: str) -> None:
        """End the connection; a client that does not answer is cut off."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._rules.write_seconds):
                await self.response.close(code=code, message=reason.encode()[:120])
                return
        if self.exchange.request.transport is not None:
            self.exchange.request.transport.abort()

    async def _introduced(self) -> None:
        while (message := await self._receive()) is not None:
            if message.type == "ping":
                await self._send({"type": "pong"})
            elif message.type == "subscribe":
                raise Closed(UNAUTHORIZED, "Unauthorized")
            elif message.type == "connection_init":
                return await self._prove_who(_credentials(message.payload))
        raise Closed(WSCloseCode.OK, "")

    async def _prove_who(self, credentials: Mapping[str, str]) -> None:
        """Those of the message stand instead of those of the handshake."""
        if credentials:
            request = self.exchange.request
            headers = CIMultiDict({k: v for k, v in request.headers.items() if k.title() not in _HIDDEN})
            headers.update(credentials)
            proven = asking(request, hdrs.METH_GET, request.path_qs, headers)
            self.exchange = replace(self.exchange, request=proven, claims=None)
        try:
            if credentials:
                await self._prove(self.exchange)
            if self.exchange.claims is None:
                raise Unauthenticated("Send an access token or an API key.")
        except ServiceError as error:
            raise Closed(FORBIDDEN if error.status < 500 else WSCloseCode.TRY_AGAIN_LATER, error.detail) from None

    async def _look(self) -> None:
        """Close the socket when the caller is not good any more."""
        claims = self.exchange.claims
        while claims is not None:
            await asyncio.sleep(self._rules.look_seconds)
            if claims.exp <= time.time():
                return await self.close(UNAUTHORIZED, "The token has expired.")
            if _SIGNED in self.exchange.request.headers:
                continue
            try:
                await self._prove(again := replace(self.exchange, claims=None))
            except ServiceError as error:
                if error.status < 500 and not isinstance(error, RateLimited):
                    return await self.close(UNAUTHORIZED, error.detail)
            else:
                if again.claims is None:
                    return await self.close(UNAUTHORIZED, "The session has ended.")
        return None

    async def _receive(self) -> _Message | None:
        """The next message; None when there will be none. Raises Closed for what is none."""
        message = await self.response.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return None
        if message.type is not WSMsgType.TEXT:
            raise Closed(BAD, "WebSocket message type must be text")
        try:
            return _decode(message.data)
        except (msgspec.MsgspecError, RecursionError):
            raise Closed(BAD, "This is no message of graphql-transport-ws") from None

    async def _heard(self, message: _Message) -> None:
        match message.type:
            case "ping":
                await self._send({"type": "pong"})
            case "subscribe":
                await self._subscribed(message)
            case "complete":
                if (task := self._running.pop(message.id, None)) is not None:
                    task.cancel()
            case "connection_init":
                raise Closed(TOO_MANY, "Too many initialisation requests")

    async def _subscribed(self, message: _Message) -> None:
        if not message.id or len(message.id) > 100:
            raise Closed(BAD, "An operation has an id of 1 to 100 characters")
        if message.id in self._running:
            raise Closed(EXISTS, f"Subscriber for {message.id} already exists")
        if len(self._running) >= self._rules.operations:
            refusal = RateLimited(f"At most {self._rules.operations} operations at a time on a socket.", retry_after=1)
            await self._fail(message.id, refusal)
            return
        task = asyncio.create_task(self._do(message), name="graphql operation")
        self._running[message.id] = task
        task.add_done_callback(lambda _done: self._forget(message.id, task))

    def _forget(self, name: str, task: "asyncio.Task[None]") -> None:
        if self._running.get(name) is task:
            del self._running[name]

    async def _do(self, message: _Message) -> None:
        """Answer one operation: its results, then `complete`, or `error`."""
        exchange = replace(self.exchange, headers=CIMultiDict(), began=time.perf_counter())
        try:
            async with contextlib.aclosing(self._results(exchange, message.payload)) as results:
                async for result in results:
                    await self._send({"id": message.id, "type": "next", "payload": result})
            self._running.pop(message.id, None)  # the id may be used again
            await self._send({"id": message.id, "type": "complete"})
        except Refused as refusal:
            await self._error(message.id, shown(refusal.errors, exchange.request_id))
        except ServiceError as error:
            await self._fail(message.id, error)
        except ConnectionError:
            return
        except TimeoutError:  # too slow to be worth waiting for
            await self.close(WSCloseCode.POLICY_VIOLATION, "Too slow")
        except Exception as error:  # noqa: BLE001 -- logged there, and told without its text
            await self._fail(message.id, unexpected(error, exchange.request_id))

    async def _results(self, exchange: Exchange, payload: msgspec.Raw) -> AsyncGenerator[dict[str, Any], None]:
        try:
            request = decoded(payload)
        except Malformed as error:
            raise Refused(invalid(error.detail)) from None
        prepared = self._executor.prepare(request, known=True)
        await self._executor.pay(exchange, prepared)
        if not prepared.subscribes:
            result = await self._executor.run(exchange, prepared)
            yield answer(result, exchange.request_id)
            return
        async with contextlib.aclosing(self._executor.follow(exchange, prepared)) as events:
            async for result in events:
                yield answer(result, exchange.request_id)

    async def _fail(self, name: str, error: ServiceError) -> None:
        await self._error(name, [{"message": error.detail, "extensions": of_service(error)}])

    async def _error(self, name: str, errors: object) -> None:
        self._running.pop(name, None)
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._send({"id": name, "type": "error", "payload": errors})

    async def _send(self, message: object) -> None:
        """Raises TimeoutError when the client does not read, ConnectionError when it has gone."""
        async with asyncio.timeout(self._rules.write_seconds):
            await self.response.send_str(_encode(message).decode())


_HIDDEN = frozenset({hdrs.AUTHORIZATION.title(), KEY_HEADER.title(), hdrs.COOKIE.title(), _SIGNED, "Signature"})
"""Headers that the payload's credentials stand instead of."""


def _credentials(payload: msgspec.Raw) -> dict[str, str]:
    """What the payload says of who asks. Raises Closed for a payload that is no object of texts."""
    try:
        given = msgspec.json.decode(payload, type=dict[str, Any] | None) or {}
    except (msgspec.MsgspecError, RecursionError):
        raise Closed(BAD, "Invalid connection init payload") from None
    found: dict[str, str] = {}
    for name, value in given.items():
        header = _CREDENTIALS.get(name.lower())
        if header is not None:
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                raise Closed(BAD, "Invalid connection init payload")
            found[header] = value
    return found
