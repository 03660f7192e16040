"""Handlers of contracts to which messages come late, twice, or not at all."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from adapters.faults import Faults
from contracts.errors import Unavailable
from contracts.faults import Activation
from contracts.safety import CHECK_TEXT
from contracts.wire import Context, Endpoint, Event, WorkQueue

Handler = Callable[[Any, Context], Awaitable[Any]]
Contract = Endpoint[Any, Any] | WorkQueue[Any] | Event[Any] | None


class Poisoned(Exception):
    """What nobody thought of when the handler was written."""


def faulty_handler(contract: Contract, handler: Handler, faults: Faults, node: str) -> Handler:
    """The handler of a contract with the faults of its kind; dead letters are always read."""
    match contract:
        case None:
            return handler
        case Endpoint():
            return _Answer(contract.subject, handler, faults, node)
        case _:
            return _Work(contract.subject, handler, faults, node)


class _Disturbed:
    def __init__(self, subject: str, handler: Handler, faults: Faults, node: str):
        self._subject = subject
        self._handler = handler
        self._faults = faults
        self._node = node

    def _hit(self, name: str, *, lot: float | None = None) -> Activation | None:
        return self._faults.hit(name, node=self._node, target=self._subject, lot=lot)


class _Answer(_Disturbed):
    """Faults `slow-node` and `text-check-down`."""

    def __call__(self, message: Any, context: Context) -> Awaitable[Any]:
        return self._answer(message, context) if self._faults else self._handler(message, context)

    async def _answer(self, message: Any, context: Context) -> Any:
        if slow := self._hit("slow-node"):
            await asyncio.sleep(slow.seconds)
        if self._subject == CHECK_TEXT.subject and self._hit("text-check-down"):
            raise Unavailable("Texts cannot be checked now.", retry_after=1)
        return await self._handler(message, context)


class _Work(_Disturbed):
    """Faults `consumer-lag`, `poison-message` and `duplicate-delivery`."""

    def __call__(self, message: Any, context: Context) -> Awaitable[Any]:
        return self._work(message, context) if self._faults else self._handler(message, context)

    async def _work(self, message: Any, context: Context) -> None:
        if late := self._hit("consumer-lag"):
            await asyncio.sleep(late.seconds)
        if self._hit("poison-message", lot=_lot(message)):
            raise Poisoned("fault poison-message")
        await self._handler(message, context)
        if self._hit("duplicate-delivery"):
            await self._handler(message, msgspec.structs.replace(context, delivery=context.delivery + 1))


def _lot(message: Any) -> float:
    """A number from 0 to 1 that is the same at every delivery of a message."""
    return zlib.crc32(msgspec.json.encode(message)) / 2**32
