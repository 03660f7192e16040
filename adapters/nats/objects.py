"""The object store of NATS behind the protocol of `adapters.objects`.

Keys are content-addressed and never overwritten, and every call has a time limit: reading an object while it is being
replaced hangs in nats-py.
"""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from nats.js.object_store import ObjectStore

from adapters.nats.connection import Connection
from adapters.objects import GONE, checked, describe
from contracts.errors import NotFound, Unavailable
from contracts.wire import ObjectRef

TIMEOUT = 30.0
CHUNK = 64 * 1024


class NatsObjects:
    """Objects in one bucket, which operations made."""

    def __init__(self, connection: Connection, bucket: str, *, limit: float = TIMEOUT):
        """`limit` is in seconds, for one call."""
        self._limit = limit
        self._connection = connection
        self._bucket = bucket
        self._store: ObjectStore | None = None

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        """Keep bytes; idempotent by scope and content. Raises Unavailable."""
        ref = describe(scope, data, media_type)
        store = await self._opened()
        try:
            async with asyncio.timeout(self._limit):
                if not await self._has(store, ref):
                    await store.put(ref.key, BytesIO(data))
        except (NatsError, TimeoutError) as error:
            raise Unavailable("The object store does not answer.") from error
        return ref

    async def get(self, ref: ObjectRef) -> bytes:
        """The bytes of `ref`, checked against its hash. Raises NotFound, Unavailable."""
        store = await self._opened()
        try:
            async with asyncio.timeout(self._limit):
                found = await store.get(ref.key)
        except NotFoundError as error:
            raise NotFound(GONE) from error
        except (NatsError, TimeoutError) as error:
            raise Unavailable("The object store does not answer.") from error
        return checked(ref, found.data or b"")

    async def stream(self, ref: ObjectRef) -> AsyncIterator[bytes]:
        """The same in pieces."""
        data = await self.get(ref)
        for start in range(0, len(data), CHUNK):
            yield data[start : start + CHUNK]

    async def delete(self, key: str) -> None:
        """Remove an object; removing it again changes nothing. Raises Unavailable."""
        store = await self._opened()
        try:
            async with asyncio.timeout(self._limit):
                await store.delete(key)
        except NotFoundError:
            return
        except (NatsError, TimeoutError) as error:
            raise Unavailable("The object store does not answer.") from error

    async def _opened(self) -> ObjectStore:
        if self._store is None:
            try:
                async with asyncio.timeout(self._limit):
                    self._store = await self._connection.client.jetstream().object_store(self._bucket)
            except (NatsError, TimeoutError) as error:
                raise Unavailable("The object store does not answer.") from error
        return self._store

    async def _has(self, store: ObjectStore, ref: ObjectRef) -> bool:
        try:
            info = await store.get_info(ref.key)
        except NotFoundError:
            return False
        return info.size == ref.size
