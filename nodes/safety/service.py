"""The safety node. It keeps nothing: the rules are data files, and verdicts are written down by whoever asked."""

import asyncio
import logging

from adapters.moderation.pictures import PictureLimits, inspect_picture
from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import Rulebook
from adapters.nats.bus import Bus
from adapters.objects import Objects
from adapters.workers import Workers
from contracts import safety, tasks
from contracts.errors import ServiceError, Unavailable
from contracts.safety import CheckImage, CheckImageStep, CheckText, Finding, Verdict
from contracts.tasks import StepReport
from contracts.wire import Context, ObjectRef
from nodes.runtime import Binding, Chore, serve, work
from nodes.safety.model import picture_findings, refusal, verdict

log = logging.getLogger(__name__)

SHORT_TEXT = 5000
"""Characters that take a few milliseconds to check."""


class Safety:
    """Texts by the rulebook, pictures by what they are. What pictures show is not judged yet: see `pictures.py`."""

    name = "safety"
    chores: tuple[Chore, ...] = ()

    def __init__(
        self,
        bus: Bus,
        objects: Objects,
        workers: Workers,
        *,
        rulebook: Rulebook | None = None,
        limits: PictureLimits = PictureLimits(),  # noqa: B008 -- frozen
    ) -> None:
        """`bus` takes the reports on steps, `objects` hold the pictures, `workers` decode them.

        Without a `rulebook` the shipped policy is read, which takes some 50 ms.
        """
        self._rulebook = rulebook or Rulebook(read_policy())
        self._objects = objects
        self._workers = workers
        self._bus = bus
        self._limits = limits
        self.bindings: tuple[Binding, ...] = (
            serve(safety.CHECK_TEXT, self.check_text),
            serve(safety.CHECK_IMAGE, self.check_image),
            work(safety.CHECK_IMAGE_STEP, self.check_image_step),
        )

    async def check_text(self, ask: CheckText, context: Context) -> Verdict:
        """The verdict on the texts of one request, taken together. Pure."""
        result = verdict(await self._findings(ask))
        if result.decision != "allow":
            categories = sorted({finding.category for finding in result.findings})
            log.info("texts: %s %s", result.decision, categories, extra={"action": "text_judged"})
        return result

    async def check_image(self, ask: CheckImage, context: Context) -> Verdict:
        """The verdict on one picture. Raises NotFound when it is not in the store, Unavailable when that is away."""
        return verdict(picture_findings(await self._problem(ask.image)))

    async def check_image_step(self, job: CheckImageStep, context: Context) -> None:
        """Check the pictures of a task and report; idempotent by `(task_id, step)`, as checking changes nothing.

        Broken pictures are reported as Refused. Raises Unavailable to be tried again.
        """
        try:
            problems = [problem for image in job.images if (problem := await self._problem(image)) is not None]
        except Unavailable:
            raise
        except ServiceError as error:
            await self._report_failed(job, error, context)
            return
        if problems:
            log.warning("task %s: the picture %s", job.task_id, "; ".join(problems), extra={"action": "image_refused"})
            await self._report_failed(job, refusal(problems), context)
        else:
            report = StepReport(task_id=job.task_id, step=job.step, deliveries=context.delivery)
            await self._report(report, context)

    async def _findings(self, ask: CheckText) -> tuple[Finding, ...]:
        """Short texts here and now; long ones in a thread, so that others are served meanwhile."""
        if sum(len(part.text) for part in ask.parts) <= SHORT_TEXT:
            return self._rulebook.check(ask.parts)
        return await asyncio.to_thread(self._rulebook.check, ask.parts)

    async def _problem(self, image: ObjectRef) -> str | None:
        data = await self._objects.get(image)
        return await self._workers.run(inspect_picture, data, image.media_type, self._limits)

    async def _report_failed(self, job: CheckImageStep, error: ServiceError, context: Context) -> None:
        problem = error.problem(context.request_id)
        report = StepReport(task_id=job.task_id, step=job.step, problem=problem, deliveries=context.delivery)
        await self._report(report, context)

    async def _report(self, report: StepReport, context: Context) -> None:
        await self._bus.enqueue(tasks.REPORT, report, message_id=tasks.report_id(report, context), context=context)
