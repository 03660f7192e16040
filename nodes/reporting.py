"""How workers tell the tasks node of the steps that they do: begun, done, or failed for good."""

import uuid
from collections.abc import Awaitable
from typing import Protocol

from adapters.nats.bus import Bus
from contracts.errors import Internal, ServiceError, Unavailable
from contracts.tasks import REPORT, Step, StepReport, report_id
from contracts.wire import Context, ObjectRef

Images = tuple[ObjectRef, ...]
"""What a step made, for the steps that follow."""


class Job(Protocol):
    """Any job of a saga."""

    @property
    def task_id(self) -> uuid.UUID:
        """Whose step it is."""

    @property
    def step(self) -> Step:
        """Its name in the saga."""


async def tell_begun(bus: Bus, job: Job, context: Context) -> None:
    """The work has begun, for the first step of a task to say at its first delivery. Raises Unavailable."""
    if context.delivery > 1:
        return
    begun = StepReport(task_id=job.task_id, step=job.step, begun=True)
    await bus.enqueue(REPORT, begun, message_id=f"{job.task_id}:{job.step}:begun", context=context)


async def tell(bus: Bus, job: Job, context: Context, images: Images = (), error: ServiceError | None = None) -> None:
    """The step is done, or has failed for good with `error`. Idempotent by the job. Raises Unavailable."""
    report = StepReport(
        task_id=job.task_id,
        step=job.step,
        images=images,
        problem=None if error is None else error.problem(context.request_id),
        deliveries=max(context.delivery, 1),
    )
    await bus.enqueue(REPORT, report, message_id=report_id(report, context), context=context)


async def told(bus: Bus, job: Job, context: Context, effect: Awaitable[Images]) -> None:
    """Do the step and tell how it ended. Raises Unavailable and Internal, after which the job comes again."""
    try:
        images = await effect
    except (Unavailable, Internal):
        raise
    except ServiceError as error:
        await tell(bus, job, context, error=error)
    else:
        await tell(bus, job, context, images)
