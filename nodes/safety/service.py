"""The safety node: rules from data files, a classifier of pictures, and the queue of what a person has to decide.

What passes and what is blocked is kept nowhere; whoever asked writes the verdict down.
"""

import asyncio
import logging
import secrets
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.moderation.bands import Bands, read_bands
from adapters.moderation.images import Look, load_network, look_at
from adapters.moderation.opinions import SecondOpinion
from adapters.moderation.pictures import PictureLimits
from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import Rulebook
from adapters.mongo import Database
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from adapters.objects import Objects
from adapters.resilience import Breaker, states
from adapters.workers import Workers
from contracts import auth, reviews, safety
from contracts.errors import ServiceError, Unavailable
from contracts.safety import CheckImage, CheckImageStep, CheckText, Finding, Verdict
from contracts.wire import Context, ObjectRef
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.reporting import tell
from nodes.safety.model import picture_verdict, refusal, verdict
from nodes.safety.reviews import Reviews

log = logging.getLogger(__name__)

SHORT_TEXT = 5000
"""Characters that take a few milliseconds to check."""
SWEEP_EVERY, COUNT_EVERY, TELL_EVERY, WARM_EVERY = 3600.0, 15.0, 1.0, 3600.0
LIMITS = PictureLimits()
"""Those of all installations."""


class Safety:
    """Texts by the rulebook, pictures by a classifier, the middle band by administrators."""

    name = "safety"

    def __init__(
        self,
        bus: Bus,
        database: Database,
        objects: Objects,
        workers: Workers,
        *,
        rulebook: Rulebook | None = None,
        bands: Bands | None = None,
        second: SecondOpinion | None = None,
        breakers: Sequence[Breaker] = (),
        limits: PictureLimits = LIMITS,
    ) -> None:
        """`bus` takes the reports on steps, `objects` hold the pictures, `workers` decode and judge them.

        Without a `rulebook` and `bands` the shipped policy is read, which takes some 50 ms. `second` is asked about
        what these do not block; `breakers` are its, for the metrics.
        """
        self._rulebook = rulebook or Rulebook(read_policy())
        self._bands = bands or read_bands()
        self._second = second
        self._breakers = breakers
        self._objects = objects
        self._workers = workers
        self._bus = bus
        self._limits = limits
        self._reviews = Reviews(database, objects, bus.send)
        self._instance = secrets.token_hex(4)
        self._verdicts: Counter[tuple[str, str, str]] = Counter()
        self.bindings: tuple[Binding, ...] = (
            serve(safety.CHECK_TEXT, self.check_text),
            serve(safety.CHECK_IMAGE, self.check_image),
            work(safety.CHECK_IMAGE_STEP, self.check_image_step),
            serve(reviews.LIST_REVIEWS, self._reviews.list),
            serve(reviews.SHOW_REVIEW, self._reviews.show),
            serve(reviews.REVIEW_PICTURE, self._reviews.show_picture),
            serve(reviews.DECIDE_REVIEW, self._reviews.decide),
            listen(auth.ACCOUNT_DELETED, self._reviews.account_deleted),
        )

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What it does by itself."""
        return (
            Chore("forget old reviews", SWEEP_EVERY, self._reviews.sweep),
            Chore("count reviews", COUNT_EVERY, self._reviews.count),
            Chore("tell of decided reviews", TELL_EVERY, self._reviews.tell),
            Chore("have the classifier loaded", WARM_EVERY, self.warm),
        )

    async def prepare(self) -> None:
        """Create indexes; safe to repeat."""
        await self._reviews.prepare()

    async def warm(self) -> None:
        """Load the classifier in the worker process that is used first, so that no cover waits for it."""
        await self._workers.run(load_network)

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """The breaker of the second opinion, where there is one."""
        return states(self._breakers)

    def gauges(self) -> Sequence[Gauge]:
        """Verdicts by kind, category and decision since the instance began, and what waits for a person."""
        about = "Verdicts of the safety node by category, since the instance began"
        labels = ({"kind": k, "category": c, "decision": d, "instance": self._instance} for k, c, d in self._verdicts)
        told = zip(labels, self._verdicts.values(), strict=True)
        return [
            *(Gauge(name="safety_verdicts", about=about, value=count, labels=each) for each, count in told),
            Gauge(
                name="safety_reviews_waiting",
                about="Texts and pictures that wait for a person, as this instance counted last",
                value=self._reviews.waiting,
                labels={"instance": self._instance},
            ),
        ]

    async def check_text(self, ask: CheckText, context: Context) -> Verdict:
        """The verdict on the texts of one request, taken together. What is `review` is in the queue then.

        Raises Unavailable when it should be queued and the database is away.
        """
        found = verdict(await self._findings(ask))
        if self._second is not None and found.decision != "block":
            found = verdict((*found.findings, *await self._second.on_texts(ask.parts)))
        if found.decision == "review":
            found = await self._reviews.texts(ask.parts, found, context)
        self._count("text", found)
        return found

    async def check_image(self, ask: CheckImage, context: Context) -> Verdict:
        """The verdict on one picture. Raises NotFound when it is not in the store, Unavailable when that is away."""
        return (await self._judge(ask.image, context))[0]

    async def check_image_step(self, job: CheckImageStep, context: Context) -> None:
        """Check the pictures of a task and report; idempotent by `(task_id, step)`, as checking again says the same.

        The report names those that passed; when none did it is Refused, or UnderReview when a person may yet release
        one. Raises Unavailable to be tried again.
        """
        try:
            found = [(image, *await self._judge(image, context, job.task_id)) for image in job.images]
        except Unavailable:
            raise
        except ServiceError as error:
            await tell(self._bus, job, context, error=error)
            return
        passed = tuple(image for image, judged, _ in found if judged.decision == "allow")
        problems = [look.problem for _, _, look in found if look.problem is not None]
        if problems:
            log.warning("task %s: the picture %s", job.task_id, "; ".join(problems), extra={"action": "image_refused"})
        if passed or not found:
            await tell(self._bus, job, context, passed)
        else:
            await tell(self._bus, job, context, error=refusal((judged for _, judged, _ in found), problems))

    async def _findings(self, ask: CheckText) -> tuple[Finding, ...]:
        """Short texts here and now; long ones in a thread, so that others are served meanwhile."""
        if sum(len(part.text) for part in ask.parts) <= SHORT_TEXT:
            return self._rulebook.check(ask.parts)
        return await asyncio.to_thread(self._rulebook.check, ask.parts)

    async def _judge(
        self, image: ObjectRef, context: Context, task_id: uuid.UUID | None = None
    ) -> tuple[Verdict, Look]:
        """The verdict on a picture, with what was seen; what is `review` is in the queue then."""
        data = await self._objects.get(image)
        look = await self._workers.run(look_at, data, image.media_type, self._limits)
        found = picture_verdict(look, self._bands.of(context.region, context.tier))
        if self._second is not None and found.decision != "block":
            found = verdict((*found.findings, *await self._second.on_picture(data, image.media_type)))
        if found.decision == "review":
            found = await self._reviews.picture(image, data, found, context, task_id)
        self._count("picture", found)
        return found, look

    def _count(self, kind: str, found: Verdict) -> None:
        """For the metrics and the log; never what was written."""
        pairs = {(finding.category, finding.decision) for finding in found.findings} or {("none", "allow")}
        self._verdicts.update((kind, category, decision) for category, decision in pairs)
        if found.decision != "allow":
            told = sorted({category for category, _ in pairs})
            log.info("%s: %s %s", kind, found.decision, told, extra={"action": f"{kind}_judged"})
