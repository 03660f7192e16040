"""nats-py's client with a shorter way for messages, out and in; on the wire nothing changes.

Every message of ours has about eight headers. nats-py checks each name by a pattern and copies each line on its own;
here the block is made, and read, in one go. What is sent goes out at the end of the loop's turn instead of through a
queue and a task. What comes in for a subscription made by `listen` is handed over by the reader itself, instead of
through another queue and task. Whatever is not plain falls back to nats-py, and if a later version does not call these
functions any more, only the speed is lost.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import MaxPayloadError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

log = logging.getLogger(__name__)

_START = "NATS/1.0\r\n"
_PLAIN = _START.encode()
_MOST_HEADERS = 64 * 1024
"""Bytes that no block of headers of ours reaches: below that distance from the limit nothing need be counted."""
_KNOWN_MOST = 256
"""Names that are remembered as good; ours are fewer than twenty."""
Take = Callable[[str, str, bytes, dict[str, str] | None], None]
"""Takes a message: its subject, where to reply, its body, its headers. Must not wait."""


class LeanClient(Client):
    """A NATS client for messages with headers."""

    _known: frozenset[str] = frozenset()
    """Names of headers that nats-py has found good."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = _LeanParser(self)
        self._takers: dict[int, Take] = {}
        self._flushing = False

    async def listen(self, subject: str, take: Take, *, queue: str = "") -> Subscription:
        """Subscribe, and have messages handed to `take` where they are read."""

        async def later(message: Msg) -> None:
            take(message.subject, message.reply, message.data, message.headers)

        subscription = await self.subscribe(subject, queue=queue, cb=later)
        self._takers[subscription._id] = take
        return subscription

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._takers.pop(sid, None)
        super()._remove_sub(sid, max_msgs)

    async def _send_publish(
        self, subject: str, reply: str, payload: bytes, payload_size: int, headers: dict[str, Any] | None
    ) -> None:
        if headers and payload_size + _MOST_HEADERS > self._max_payload:
            self._refuse_oversize(payload_size, headers)
        frame = self._frame(subject, reply, payload, headers)
        if frame is None or not subject:
            await super()._send_publish(subject, reply, payload, payload_size, headers)
            if headers and len(self._known) < _KNOWN_MOST:
                self._known |= {name for name in headers if name.isascii() and name.replace("-", "").isalnum()}
            return
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += payload_size
        await self._send_command(frame)
        if not self._flushing and self._flush_queue is not None:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush, self._flush_queue)

    def _refuse_oversize(self, payload_size: int, headers: dict[str, Any]) -> None:
        """The server counts the headers too, which nats-py does not, and cuts the link of who sends more."""
        size = len(_PLAIN) + 2 + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
        if payload_size + size > self._max_payload:
            raise MaxPayloadError

    def _flush(self, queue: asyncio.Queue[asyncio.Future[Any]]) -> None:
        """Write what waits; while the socket does not take all, nats-py's task does it, which waits for the socket."""
        self._flushing = False
        if self._status != Client.CONNECTED or not self._pending:
            return  # after a reconnection nats-py sends what waits
        writer = getattr(self._transport, "_io_writer", None)
        if writer is None or writer.transport.get_write_buffer_size():
            if queue.empty():
                queue.put_nowait(asyncio.get_running_loop().create_future())
            return
        pending, self._pending, self._pending_data_size = self._pending, [], 0
        writer.write(b"".join(pending))

    def _frame(self, subject: str, reply: str, payload: bytes, headers: dict[str, str] | None) -> bytes | None:
        """The message on the wire; None when its headers are not plain."""
        if headers is None:
            return b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(payload), payload)
        block = self._block(headers)
        if block is None:
            return None
        size = len(block)
        head = f"HPUB {subject} {reply} {size} {size + len(payload)}\r\n{block}"
        return b"%b%b\r\n" % (head.encode(), payload)

    def _block(self, headers: dict[str, str]) -> str | None:
        """The headers on the wire; None when a name is new or a value has a line break or is not ASCII."""
        if not headers.keys() <= self._known:
            return None
        lines = "".join([f"{name}: {value.strip()}\r\n" for name, value in headers.items()])
        if lines.count("\r") != len(headers) or lines.count("\n") != len(headers) or not lines.isascii():
            return None
        return f"{_START}{lines}\r\n"

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Lines of `name: value` in ASCII, as all of ours are; others go to nats-py."""
        if not raw.isascii():
            return Client._parse_header_lines(raw)
        found: dict[str, str] = {}
        for line in raw.decode("ascii").split("\r\n"):
            name, colon, value = line.partition(": ")
            if not colon or not name.replace("-", "a").isalnum():
                if line:
                    return Client._parse_header_lines(raw)
                continue
            found[name] = value.strip()
        return found

    def taken(self, data: bytes) -> int:
        """Hand over whole messages from the start of `data`; returns the bytes they have.

        It stops where something else begins: part of a message, a word of the server, a message for nats-py.
        """
        at, messages, size = 0, 0, 0
        while True:
            end = data.find(b"\r\n", at)
            words = data[at:end].split() if end > at else []
            if len(words) < 4 or words[0] not in (b"MSG", b"HMSG"):
                break
            take, body, last = self._takers.get(int(words[2])), end + 2, end + 2 + int(words[-1])
            if take is None or last + 2 > len(data):
                break
            headers, start = None, body
            if words[0] == b"HMSG":
                start = body + int(words[-2])
                if not data.startswith(_PLAIN, body):
                    break
                headers = self._parse_header_lines(data[body + len(_PLAIN) : start])
            self._hand(take, words, data[start:last], headers)
            at, messages, size = last + 2, messages + 1, size + last - start
        self.stats["in_msgs"] += messages
        self.stats["in_bytes"] += size
        return at

    def _hand(self, take: Take, words: list[bytes], data: bytes, headers: dict[str, str] | None) -> None:
        """One message to its taker, whose failure must not end the reader."""
        reply = words[3] if len(words) == (6 if words[0] == b"HMSG" else 5) else b""
        try:
            take(words[1].decode(), reply.decode(), data, headers or None)
        except Exception:
            log.exception("a message was not taken", extra={"action": "nats_callback"})


class _LeanParser(Parser):
    """Gives the client what it can take at once, and the rest to nats-py."""

    nc: LeanClient

    async def parse(self, data: bytes = b"") -> None:
        if self.state == AWAITING_CONTROL_LINE:
            if self.buf:
                data = bytes(self.buf) + data
                self.buf.clear()
            data = data[self.nc.taken(data) :]
        if data:
            await super().parse(data)
