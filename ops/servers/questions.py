"""Asking a server whether it lives, without its driver: some bytes go, and whatever comes back is a sign of life.

A kernel accepts connections and bytes for a process that is stopped: only what comes back proves anything.
"""

import asyncio
import contextlib

ANSWER = 4096
"""Bytes of an answer that are read: all of each, so that a connection ends without a reset."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Questions:
    """Asks the server on `port` of loopback: by a new connection each time, or by one that is `kept` while it answers.

    Nothing is sent where `question` is empty, to a server that speaks first. Close it afterwards.
    """

    def __init__(self, port: int | None, question: bytes, *, kept: bool) -> None:
        self._port = port
        self._question = question
        self._kept = kept
        self._connection: Connection | None = None

    async def answered(self, limit: float) -> bool:
        """Whether it answers within `limit` seconds."""
        answer = b""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(limit):
                if self._connection is None:
                    self._connection = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._connection
                writer.write(self._question)
                answer = await reader.read(ANSWER)
        if not (answer and self._kept):
            self.close()
        return bool(answer)

    def close(self) -> None:
        """Hang up. Idempotent."""
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None
