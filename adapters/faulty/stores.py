"""Databases and an object store that do not answer, raising what their drivers raise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from pymongo.errors import AutoReconnect
from redis.exceptions import ConnectionError as RedisConnectionError

from adapters.faults import Faults
from adapters.mongo import Collection, Database
from adapters.objects import Objects
from adapters.redis import Redis
from contracts.errors import Unavailable
from contracts.wire import ObjectRef


class FaultyConnections:
    """The driver's pool of a PostgreSQL database; fault `postgres-down`."""

    def __init__(self, pool: Any, faults: Faults, node: str):
        self._pool = pool
        self._faults = faults
        self._node = node

    def acquire(self, *, timeout: float) -> Any:
        """A connection. Raises ConnectionRefusedError."""
        if self._faults.hit("postgres-down", node=self._node):
            raise ConnectionRefusedError("fault postgres-down")
        return self._pool.acquire(timeout=timeout)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    def terminate(self) -> None:
        """Close them at once."""
        self._pool.terminate()


def faulty_database(database: Database, faults: Faults, node: str) -> Database:
    """A MongoDB database whose collections have fault `mongo-down`."""
    return cast("Database", _FaultyDatabase(database, faults, node))


class _FaultyDatabase:
    def __init__(self, database: Database, faults: Faults, node: str):
        self._database = database
        self._faults = faults
        self._node = node

    def get_collection(self, name: str) -> Collection:
        return cast("Collection", _FaultyCollection(self._database.get_collection(name), self._is_down))

    __getitem__ = get_collection

    def _is_down(self) -> bool:
        return self._faults.hit("mongo-down", node=self._node) is not None


class _FaultyCollection:
    """Every method of the collection, until it is down."""

    def __init__(self, collection: Collection, is_down: Callable[[], bool]):
        self._collection = collection
        self._is_down = is_down

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._collection, name)
        if callable(found) and self._is_down():
            return _refuse
        return found


def _refuse(*_args: object, **_options: object) -> None:
    raise AutoReconnect("fault mongo-down")


class FaultyRedis(Redis):
    """Fault `redis-down`."""

    def __init__(self, url: str, faults: Faults):
        super().__init__(url)
        self._faults = faults

    async def run(self, *command: str | bytes | int) -> Any:
        """One command. Raises Unavailable."""
        if self._faults.hit("redis-down"):
            async with self._mapped():
                raise RedisConnectionError("fault redis-down")
        return await super().run(*command)


class FaultyObjects:
    """Faults `storage-full`, `storage-slow` and `storage-unreadable`."""

    def __init__(self, objects: Objects, faults: Faults):
        self._objects = objects
        self._faults = faults

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        """Keep bytes. Raises Unavailable."""
        await self._wait()
        if self._faults.hit("storage-full"):
            raise Unavailable("the object could not be written")
        return await self._objects.put(scope, data, media_type)

    async def get(self, ref: ObjectRef) -> bytes:
        """The bytes. Raises NotFound, Unavailable."""
        await self._wait()
        self._read()
        return await self._objects.get(ref)

    async def stream(self, ref: ObjectRef) -> AsyncIterator[bytes]:
        """The same in pieces."""
        await self._wait()
        self._read()
        async for piece in self._objects.stream(ref):
            yield piece

    async def delete(self, key: str) -> None:
        """Remove an object."""
        await self._wait()
        await self._objects.delete(key)

    async def _wait(self) -> None:
        if slow := self._faults.hit("storage-slow"):
            await asyncio.sleep(slow.seconds)

    def _read(self) -> None:
        if self._faults.hit("storage-unreadable"):
            raise Unavailable("the object could not be read")
