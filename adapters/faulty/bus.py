"""A bus that may be cut off, refused by JetStream, or whose acknowledgements get lost."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from adapters.faults import Faults
from adapters.nats.bus import Bus, Reply
from adapters.nats.connection import Connection
from contracts.errors import DeadlineExceeded, Unavailable
from contracts.wire import Event

M = TypeVar("M")
ACKNOWLEDGES, STORED = "$JS.ACK.", ("jobs.", "sched.", "events.")
EDGE = "edge"


class FaultyBus(Bus):
    """Faults `edge-partition`, `lost-ack` and `publish-refused`."""

    def __init__(self, connection: Connection, faults: Faults):
        super().__init__(connection)
        self._faults = faults
        self._user = connection.profile.name

    def exchange(
        self, subject: str, payload: bytes, headers: dict[str, str], timeout: float
    ) -> Coroutine[Any, Any, Reply]:
        """As ever, unless a fault is active."""
        if not self._faults:
            return super().exchange(subject, payload, headers, timeout)
        return self._disturbed(subject, payload, headers, timeout)

    async def send(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """As ever, or refused as by a full stream."""
        if subject.startswith(STORED) and self._faults.hit("publish-refused", node=self._user):
            raise Unavailable("The queue does not take more work now.", retry_after=1)
        await super().send(subject, payload, message_id=message_id, headers=headers)

    async def watch(self, event: Event[M], callback: Callable[[M], None]) -> Callable[[], Awaitable[None]]:
        """As ever; who is cut off hears nothing."""

        def hear(message: M) -> None:
            if not self._is_cut_off():
                callback(message)

        return await super().watch(event, hear)

    async def _disturbed(self, subject: str, payload: bytes, headers: dict[str, str], timeout: float) -> Reply:
        if self._is_cut_off():
            await asyncio.sleep(timeout)
            raise DeadlineExceeded("No answer in time.", retry_after=1)
        if subject.startswith(ACKNOWLEDGES) and self._faults.hit("lost-ack", node=self._user):
            raise DeadlineExceeded("No answer in time.", retry_after=1)
        return await super().exchange(subject, payload, headers, timeout)

    def _is_cut_off(self) -> bool:
        return self._user == EDGE and self._faults.hit("edge-partition") is not None
