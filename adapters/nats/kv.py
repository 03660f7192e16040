"""A key-value bucket of NATS (ADR-8): stream `KV_<bucket>`, one subject `$KV.<bucket>.<key>` per key.

Watching needs no consumer that a restart of the server could lose: changes are heard as they are published, and every
few seconds the whole bucket is read again. Made for small buckets.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.wire import STATUS
from contracts.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)

OPERATION = "KV-Operation"
SUBJECT, SEQUENCE = "Nats-Subject", "Nats-Sequence"
CALL_LIMIT = 5.0
READ_AGAIN = 5.0
"""Seconds."""
UNSETTLED = 1.0
"""Seconds in which what was just heard may not be stored yet."""
Values = Mapping[str, bytes]


class KeyValues:
    """The keys of one bucket, which operations made. Raises Unavailable when NATS does not answer."""

    def __init__(self, bus: Bus, bucket: str):
        self._bus = bus
        self._prefix = f"$KV.{bucket}."
        self._get = f"$JS.API.DIRECT.GET.KV_{bucket}"

    async def put(self, key: str, value: bytes) -> None:
        """Set a key."""
        await self._bus.send(self._prefix + key, value, message_id=uuid.uuid4().hex)

    async def delete(self, key: str) -> None:
        """Remove a key; removing it again changes nothing."""
        await self._bus.send(self._prefix + key, b"", message_id=uuid.uuid4().hex, headers={OPERATION: "DEL"})

    async def get(self, key: str) -> bytes | None:
        """The value of a key; None when it is not there."""
        found = await self._message({"last_by_subj": self._prefix + key})
        return None if found is None or _removes(found[1]) else found[0]

    async def all(self) -> dict[str, bytes]:
        """Every key with its value."""
        values: dict[str, bytes] = {}
        sequence = 1
        while found := await self._message({"seq": sequence, "next_by_subj": f"{self._prefix}>"}):
            body, headers = found
            sequence = int(headers[SEQUENCE]) + 1
            if not _removes(headers):
                values[headers[SUBJECT].removeprefix(self._prefix)] = body
        return values

    @contextlib.asynccontextmanager
    async def watched(self, take: Callable[[Values], None], *, every: float = READ_AGAIN) -> AsyncIterator[None]:
        """Have `take` called with all keys at every change, and every few seconds, for the length of the block."""
        watch = _Watch(self, self._prefix, take)
        subscription = await self._bus.connection.client.listen(f"{self._prefix}>", watch.hear)
        reading = asyncio.create_task(watch.keep_reading(every), name=f"watch {self._prefix}>")
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if self._bus.connection.is_connected:
                await subscription.unsubscribe()

    async def _message(self, wanted: dict[str, object]) -> tuple[bytes, Mapping[str, str]] | None:
        body, headers = await self._bus.exchange(self._get, msgspec.json.encode(wanted), {}, CALL_LIMIT)
        status = (headers or {}).get(STATUS)
        if status == "404":
            return None
        if headers is None or status is not None:
            raise Unavailable("The bucket is not there.", retry_after=1)
        return body, headers


class _Watch:
    """What is known of a bucket: read as a whole, and kept up by what is heard."""

    def __init__(self, bucket: KeyValues, prefix: str, take: Callable[[Values], None]):
        self._bucket = bucket
        self._prefix = prefix
        self._take = take
        self._values: dict[str, bytes] = {}
        self._heard = float("-inf")

    def hear(self, subject: str, _reply: str, body: bytes, headers: dict[str, str] | None) -> None:
        """A change, as it is published."""
        self._heard = time.monotonic()
        key = subject.removeprefix(self._prefix)
        if _removes(headers or {}):
            self._values.pop(key, None)
        else:
            self._values[key] = body
        self._take(dict(self._values))

    async def keep_reading(self, every: float) -> None:
        """Read the bucket again and again. What was just heard is newer than what is read, so then it waits."""
        while True:
            pause = every
            began = time.monotonic()
            try:
                found = await self._bucket.all()
            except ServiceError as error:
                log.debug("bucket %s: %s", self._prefix, error.code, extra={"action": "bucket_unread"})
            else:
                if self._heard > began - UNSETTLED:
                    pause = UNSETTLED
                else:
                    self._values = found
                    self._take(dict(found))
            await asyncio.sleep(pause)


def _removes(headers: Mapping[str, str]) -> bool:
    return headers.get(OPERATION) in ("DEL", "PURGE")
