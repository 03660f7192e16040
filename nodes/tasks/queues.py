"""What the tasks node asks of JetStream beside sending: what still waits there, and to forget a schedule."""

import logging
import uuid

from adapters.nats.bus import Bus
from adapters.nats.jetstream import message_ids
from contracts.errors import ServiceError
from contracts.tasks import START
from contracts.wire import JOBS

log = logging.getLogger(__name__)


class Queues:
    """The work queues, seen from outside."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def ids(self, subject: str) -> frozenset[str] | None:
        """The ids of the messages that are still on a subject of the queues; None when they are too many to read.

        Raises Unavailable.
        """
        return await message_ids(self._bus, JOBS, subject)

    async def unschedule(self, task_id: uuid.UUID) -> None:
        """Forget the schedule of a delayed task. If that fails it rings for nobody, which does no harm."""
        try:
            await self._bus.unschedule(START, str(task_id))
        except ServiceError:
            log.info("schedule of task %s is left", task_id, extra={"action": "unschedule_failed"})
