"""Planted defects for the kill harness: each takes one net of the product away, in the process that calls it.

They exist to show that the harness notices: a promise that no defect can break is not measured. Each is a patch of a
few lines on the product's own classes, made by `plant` before any of them is used; nothing else knows of them.
"""

import asyncio
import dataclasses
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from adapters.mongo_outbox import Outbox
from adapters.nats.bus import Bus
from adapters.nats.puller import Ack, Delivery, Outcome
from contracts.notifications import SendNotification
from contracts.wire import Context
from nodes import handling
from nodes.covers import orders
from nodes.covers.model import identify
from nodes.notifications.service import Notifications
from nodes.tasks import sagas
from nodes.users import quota
from nodes.users.model import Allowance, Reservation, Settled, settled

BACKGROUND = 0.1
"""Seconds after which work begins whose message was acknowledged already."""


def plant(name: str) -> None:
    """Take that net away. Raises KeyError for a name that is not in `MUTANTS`."""
    MUTANTS[name]()


def ack_before_effect() -> None:
    """A message is acknowledged before its work is done, so that nothing brings it back when the work is not."""
    work: Callable[[Any, Delivery], Awaitable[Outcome]] = handling.Working.__call__
    running: set[asyncio.Task[Outcome]] = set()

    async def later(self: handling.Working, delivery: Delivery) -> Outcome:
        await asyncio.sleep(BACKGROUND)
        return await work(self, delivery)

    async def acknowledge(self: handling.Working, delivery: Delivery) -> Outcome:
        task = asyncio.create_task(later(self, delivery))
        running.add(task)
        task.add_done_callback(running.discard)
        return Ack()

    replace(handling.Working, "__call__", acknowledge)


def no_message_id() -> None:
    """Every sending has an id of its own, so that JetStream keeps the same message twice when it is sent again."""
    send = Bus.send

    async def anew(self: Bus, subject: str, payload: bytes, *, message_id: str, headers: Any = None) -> None:
        await send(self, subject, payload, message_id=uuid.uuid4().hex, headers=headers)

    replace(Bus, "send", anew)


def no_effect_key() -> None:
    """A notice has no key that says which effect it is, so that a second delivery tells the user again."""
    tell = Notifications.send

    async def again(self: Notifications, message: SendNotification, context: Context) -> None:
        key = f"{message.effect_key}:{uuid.uuid4().hex[:8]}"
        await tell(self, msgspec.structs.replace(message, effect_key=key), context)

    replace(Notifications, "send", again)


def quota_not_keyed() -> None:
    """Quota is settled without looking whether this task's reservation was settled before."""

    def always(allowance: Allowance, reservation: Reservation, to: Settled) -> tuple[Allowance, bool]:
        held = msgspec.structs.replace(reservation, state="reserved")
        after, changed = settled(allowance, held, to)
        return msgspec.structs.replace(after, reserved=max(0, after.reserved)), changed

    replace(quota, "settled", always)


def no_idempotency_key() -> None:
    """An order that comes again under its key is a new order."""
    replace(orders, "identify", lambda user_id, _key: identify(user_id, None))


def lost_release() -> None:
    """The way back leaves out giving back the quota."""
    _without_undo("reserve")


def lost_discard() -> None:
    """The way back leaves out discarding the picture."""
    _without_undo("paint")


def outbox_skipped() -> None:
    """What a change has to send is sent from memory: nobody looks again at what was stored with it."""

    async def only_flush(self: Outbox, limit: int = 200) -> int:
        await self.flush()
        return 0

    replace(Outbox, "sweep", only_flush)


def not_buried() -> None:
    """A job that failed for good is thrown away without a dead letter."""

    async def throw_away(*_args: object, **_facts: object) -> None:
        await asyncio.sleep(0)

    replace(handling, "bury", throw_away)


MUTANTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        ack_before_effect,
        no_message_id,
        no_effect_key,
        quota_not_keyed,
        no_idempotency_key,
        lost_release,
        lost_discard,
        outbox_skipped,
        not_buried,
    )
}


def _without_undo(name: str) -> None:
    found: dict[Any, sagas.Saga] = dict(sagas.SAGAS)
    for key, saga in found.items():
        steps = tuple(dataclasses.replace(step, undo=None) if step.name == name else step for step in saga.steps)
        found[key] = dataclasses.replace(saga, steps=steps)
    replace(sagas, "SAGAS", found)


def replace(owner: Any, name: str, value: object) -> None:
    """Put something in the place of a part of the product. Raises LookupError when there is no such part any more."""
    if not hasattr(owner, name):
        raise LookupError(f"{owner} has no {name} any more")
    setattr(owner, name, value)


def chance(share: float) -> bool:
    """True in that share of the cases."""
    return random.random() < share
