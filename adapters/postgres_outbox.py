"""The transactional outbox: what a transaction tells is stored in it, and sent after its commit."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from adapters.postgres import Pool, Row, Transaction
from contracts.errors import Unavailable
from contracts.wire import Context, Event, WorkQueue

log = logging.getLogger(__name__)

RELAY_BATCH = 100
_LOCK = 0x636F7665_00000002
"""The advisory lock of the instance that relays; migrations have another."""


class Send(Protocol):
    """Put bytes on the bus and return when they are safe there, as `Bus.send` does. Raises Unavailable."""

    async def __call__(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]
    ) -> None: ...  # a protocol's body


class Outbox:
    """Messages that are stored in the same transaction as what they tell, and sent after it.

    They wait in table `outbox(position, id, subject, headers, payload, created_at)`. `relay` sends them in the order of
    their positions, each with its `id` as Nats-Msg-Id, and deletes what the bus has acknowledged: every message is sent
    at least once, and a second sending is recognised by its id. One instance at a time sends, the others wait for it.
    """

    def __init__(self, pool: Pool, send: Send) -> None:
        self._pool = pool
        self._send = send
        self._relaying = asyncio.Lock()
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    async def add(
        self,
        transaction: Transaction,
        contract: Event[Any] | WorkQueue[Any],
        message: msgspec.Struct,
        *,
        message_id: str,
        context: Context,
    ) -> None:
        """Store a message; idempotent by `message_id` until it is sent. Call `kick` after the commit."""
        headers = msgspec.structs.replace(context, deadline=None).headers()  # nobody waits for it
        await transaction.run(
            _ADD, message_id, contract.subject, msgspec.json.encode(headers).decode(), msgspec.json.encode(message)
        )

    async def relay(self) -> None:
        """Send everything that waits, or as much as the bus takes now; the rest stays, in order.

        Raises Unavailable when the database is away.
        """
        async with self._relaying:  # so that an instance waits for the others with one connection only
            while await self._relay_batch() == RELAY_BATCH:
                pass

    def kick(self) -> None:
        """Relay soon, without waiting for it; a failure is left to the next regular `relay`."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._relay_while_wanted())

    async def close(self) -> None:
        """Wait for a relay that is running."""
        if self._task is not None:
            await self._task

    async def _relay_while_wanted(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self.relay()
        except Exception as error:  # noqa: BLE001 -- nobody awaits this task: the regular relay tries again and raises
            log.warning("the outbox could not be relayed now: %s", error)

    async def _relay_batch(self) -> int:
        async with self._pool.transaction() as transaction:
            await transaction.run("SELECT pg_advisory_xact_lock($1)", _LOCK)
            rows: Sequence[Row] = await transaction.all(_NEXT, RELAY_BATCH)
            sent: list[int] = []
            try:
                for row in rows:
                    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
                    await self._send(row["subject"], row["payload"], message_id=row["id"], headers=headers)
                    sent.append(row["position"])
            except Unavailable as error:
                log.warning("the outbox waits for the bus: %s", error)
            await transaction.run("DELETE FROM outbox WHERE position = ANY($1)", sent)
        return len(sent)


_ADD = """
INSERT INTO outbox (id, subject, headers, payload) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING
"""
_NEXT = "SELECT position, id, subject, headers, payload FROM outbox ORDER BY position LIMIT $1"
