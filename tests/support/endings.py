"""Ending an account in tests of the nodes that hold something of its user."""

import asyncio
import uuid

import msgspec

from adapters.mongo import now
from adapters.nats.bus import Bus
from contracts.auth import ACCOUNT_DELETED, AccountDeleted
from contracts.wire import Context


async def end_account(bus: Bus, user_id: uuid.UUID, listener: str) -> None:
    """Publish the event, and wait until the listener has acknowledged it."""
    event = AccountDeleted(user_id=user_id, deleted_at=now())
    await bus.publish(ACCOUNT_DELETED, event, message_id=uuid.uuid4().hex)
    await acknowledged(bus, listener)


async def acknowledged(bus: Bus, listener: str, limit: float = 10) -> None:
    """Wait until the listener has acknowledged every such event."""
    subject = f"$JS.API.CONSUMER.INFO.EVENTS.{ACCOUNT_DELETED.durable(listener)}"
    async with asyncio.timeout(limit):
        while True:
            info = msgspec.json.decode(await bus.request_raw(subject, b"", Context.new(), 5))
            if info["num_pending"] == 0 and info["num_ack_pending"] == 0:
                return
            await asyncio.sleep(0.02)
