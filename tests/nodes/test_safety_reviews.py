"""The queue of what the safety node leaves to a person, on a real bus and database."""

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from adapters.moderation.images import Look, load_network, look_at
from adapters.mongo import now, open_mongo
from adapters.nats.bus import Bus
from adapters.objects import FolderObjects
from contracts import auth, reviews, safety, tasks
from contracts.auth import AccountDeleted
from contracts.errors import Forbidden, Invalid, NotFound, Unavailable
from contracts.reviews import (
    DecideReview,
    ListReviews,
    ReadReview,
    ReadReviewPicture,
    Review,
    ReviewDecided,
    ReviewPage,
    Ruling,
)
from contracts.safety import CheckImage, CheckImageStep, CheckText, TextPart, Verdict
from contracts.tasks import StepReport
from contracts.wire import Context, Endpoint, ObjectRef
from nodes.bindings import listen, work
from nodes.runtime import Node
from nodes.safety.reviews import Reviews
from nodes.safety.service import Safety
from tests.support.buses import SmallService, a_bus
from tests.support.servers import MongoDatabase

ADMIN = Context(request_id="admin", user_id=uuid.uuid4(), roles=("user", "admin"))
NUDE = TextPart(field="prompt", text="a nude woman, classical oil painting")


class Seeing:
    """In the place of the worker processes: says what the next pictures score."""

    def __init__(self) -> None:
        self.scores: list[float] = []

    async def run(self, fn: Callable[..., Look | None], *given: Any) -> Look | None:
        if fn is load_network:
            return None
        assert fn is look_at, given
        return Look(nsfw=self.scores.pop(0) if self.scores else 0.0)


@dataclass
class Queue:
    """A running safety node with its database, and what it reports."""

    bus: Bus
    objects: FolderObjects
    database: Any
    seeing: Seeing
    service: Safety
    reports: asyncio.Queue[StepReport] = field(default_factory=asyncio.Queue)
    news: asyncio.Queue[tuple[ReviewDecided, Context]] = field(default_factory=asyncio.Queue)

    async def take(self, report: StepReport, _context: Context) -> None:
        """What the tasks node would do."""
        self.reports.put_nowait(report)

    async def hear(self, event: ReviewDecided, context: Context) -> None:
        """What the auth node would write into its log."""
        self.news.put_nowait((event, context))

    async def texts(self, *parts: TextPart, by: uuid.UUID) -> Verdict:
        """The verdict on what this user wrote."""
        return await self.bus.request(safety.CHECK_TEXT, CheckText(parts=parts), Context.new(user_id=by))

    async def step(self, *images: ObjectRef, by: uuid.UUID) -> StepReport:
        """The report on a task's pictures."""
        job = CheckImageStep(task_id=uuid.uuid4(), step="check_image", images=images)
        context = Context.new(user_id=by)
        await self.bus.enqueue(safety.CHECK_IMAGE_STEP, job, message_id=str(job.task_id), context=context)
        return await asyncio.wait_for(self.reports.get(), 10)

    async def listed(self, **ask: Any) -> ReviewPage:
        """What an administrator sees."""
        return await self.bus.request(reviews.LIST_REVIEWS, ListReviews(**ask), ADMIN)

    async def decide(self, review_id: uuid.UUID, decision: Ruling, note: str = "") -> Review:
        """What an administrator says."""
        ask = DecideReview(review_id=review_id, decision=decision, note=note)
        return await self.bus.request(reviews.DECIDE_REVIEW, ask, ADMIN)

    async def picture(self, shade: int = 1) -> ObjectRef:
        """A picture in the store."""
        out = io.BytesIO()
        Image.radial_gradient("L").resize((80 + shade, 90)).convert("RGB").save(out, "PNG")
        return await self.objects.put("cover", out.getvalue(), "image/png")


@pytest_asyncio.fixture
async def queue(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[Queue]:
    """The node, a listener in the place of the tasks node, and an empty queue."""
    async with contextlib.AsyncExitStack() as stack:
        client = open_mongo(mongo_database.url)
        stack.callback(client.close)
        bus = await stack.enter_async_context(a_bus(nats_url, "safety", streams=True))
        objects, seeing, database = FolderObjects(tmp_path / "objects"), Seeing(), client[mongo_database.name]
        service = Safety(bus, database, objects, seeing)  # type: ignore[arg-type]  # the double of the processes
        await service.prepare()
        queue = Queue(bus, objects, database, seeing, service)
        await stack.enter_async_context(Node(bus, service, "1.0.0"))
        listener = await stack.enter_async_context(a_bus(nats_url, "tasks"))
        await stack.enter_async_context(Node(listener, SmallService("tasks", work(tasks.REPORT, queue.take)), "1.0.0"))
        hearer = SmallService("auth", listen(reviews.DECIDED, queue.hear))
        await stack.enter_async_context(Node(await stack.enter_async_context(a_bus(nats_url, "auth")), hearer, "1.0.0"))
        yield queue


async def test_a_text_waits_once_with_its_words_and_spans(queue: Queue) -> None:
    """However often it is sent, it is one item, with the words, what was found where, and whose it is."""
    user, title = uuid.uuid4(), TextPart(field="title", text="Anna")
    for _ in range(2):
        assert (await queue.texts(title, NUDE, by=user)).decision == "review"
    (row,) = (await queue.listed(status="waiting")).items
    assert (row.kind, row.user_id, row.categories) == ("text", user, ("sexual",))
    found = await queue.bus.request(reviews.SHOW_REVIEW, ReadReview(review_id=row.id), ADMIN)
    assert found.texts == (title, NUDE)
    (finding,) = found.findings
    assert NUDE.text[finding.start : finding.end] == "nude"


async def test_allowed_and_blocked_texts_are_not_kept(queue: Queue) -> None:
    """Only what a person has to decide is stored."""
    await queue.texts(TextPart(field="title", text="Moby Dick"), by=uuid.uuid4())
    await queue.texts(TextPart(field="title", text="Sieg Heil"), by=uuid.uuid4())
    assert (await queue.listed()).items == ()


async def test_released_words_pass_from_then_on_and_only_they(queue: Queue) -> None:
    """A release is about the words in which something was found: another title may stand beside them, nothing else."""
    user = uuid.uuid4()
    await queue.texts(NUDE, by=user)
    (row,) = (await queue.listed()).items
    decided = await queue.decide(row.id, "release", "A classical painting.")
    assert (decided.status, decided.decided_by) == ("released", ADMIN.user_id)
    assert [(line.decision, line.note) for line in decided.rulings] == [("release", "A classical painting.")]
    other = await queue.texts(TextPart(field="title", text="Summer"), NUDE, by=uuid.uuid4())
    assert other == Verdict(decision="allow")
    worse = TextPart(field="prompt", text=NUDE.text + ", erotic")
    assert (await queue.texts(worse, by=user)).decision == "review"
    child = TextPart(field="title", text="The child")
    assert (await queue.texts(child, NUDE, by=user)).decision == "block"


async def test_the_last_word_counts(queue: Queue) -> None:
    """What was released can be confirmed later, and is blocked then; both decisions stay in the item."""
    await queue.texts(NUDE, by=uuid.uuid4())
    (row,) = (await queue.listed()).items
    await queue.decide(row.id, "release")
    decided = await queue.decide(row.id, "confirm")
    assert [line.decision for line in decided.rulings] == ["release", "confirm"]
    blocked = await queue.texts(NUDE, by=uuid.uuid4())
    assert [(f.category, f.decision) for f in blocked.findings] == [("sexual", "block")]


async def test_decisions_are_told_with_who_and_where(queue: Queue) -> None:
    """Each that changes something, once, for the log of the auth node; never the words or the note."""
    user = uuid.uuid4()
    await queue.texts(NUDE, by=user)
    (row,) = (await queue.listed()).items
    decisions: tuple[Ruling, ...] = ("release", "release", "confirm", "release")
    for decision in decisions:
        await queue.decide(row.id, decision, "A classical painting.")
    heard = sorted([await asyncio.wait_for(queue.news.get(), 10) for _ in range(3)], key=lambda pair: pair[0].at)
    assert [event.decision for event, _ in heard] == ["release", "confirm", "release"]
    assert len({event.decision_id for event, _ in heard}) == 3
    assert {(event.review_id, event.user_id, event.kind) for event, _ in heard} == {(row.id, user, "text")}
    assert {context.user_id for _, context in heard} == {ADMIN.user_id}
    await asyncio.sleep(0.1)
    assert queue.news.empty()


async def test_a_decision_that_could_not_be_told_is_told_later(queue: Queue) -> None:
    """The decision holds while JetStream is away, and the sweep tells it, once."""
    await queue.texts(NUDE, by=uuid.uuid4())
    (row,) = (await queue.listed()).items
    sent: list[str] = []
    away = True

    async def send(subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]) -> None:
        assert (subject, headers["user-id"]) == (reviews.DECIDED.subject, str(ADMIN.user_id))
        assert NUDE.text.encode() not in payload
        if away:
            raise Unavailable
        sent.append(message_id)

    other = Reviews(queue.database, queue.objects, send)
    await other.decide(DecideReview(review_id=row.id, decision="confirm"), ADMIN)
    assert (await queue.texts(NUDE, by=uuid.uuid4())).decision == "block"
    away, other._store.outbox._grace = False, timedelta(0)
    for _ in range(2):
        await other.tell()
    assert len(sent) == 1


async def test_a_picture_waits_as_a_copy_and_its_task_is_told(queue: Queue) -> None:
    """The saga ends with a code of its own; the copy outlives the picture; a release lets the same bytes pass."""
    user, image = uuid.uuid4(), await queue.picture()
    queue.seeing.scores = [0.6]
    report = await queue.step(image, by=user)
    assert report.problem is not None
    assert (report.problem.status, report.problem.code) == (422, "content_review")
    await queue.objects.delete(image.key)
    (row,) = (await queue.listed()).items
    assert (row.kind, row.task_id) == ("picture", report.task_id)
    copy = await queue.bus.request(reviews.REVIEW_PICTURE, ReadReviewPicture(review_id=row.id), ADMIN)
    assert (copy.sha256, len(await queue.objects.get(copy))) == (image.sha256, image.size)
    await queue.decide(row.id, "release")
    again, queue.seeing.scores = await queue.picture(), [0.6]
    passed = await queue.step(again, by=user)
    assert (passed.problem, passed.images) == (None, (again,))


async def test_what_is_plainly_not_fit_is_refused_without_a_queue(queue: Queue) -> None:
    """Above the band nobody is asked, and the score is told to whoever asked."""
    image, queue.seeing.scores = await queue.picture(), [0.97, 0.97]
    reply = await queue.bus.request(safety.CHECK_IMAGE, CheckImage(image=image), Context.new(user_id=uuid.uuid4()))
    assert [(f.category, f.decision, f.score) for f in reply.findings] == [("nudity", "block", 0.97)]
    report = await queue.step(image, by=uuid.uuid4())
    assert report.problem is not None
    assert report.problem.code == "content_refused"
    assert (await queue.listed()).items == ()


async def test_of_several_pictures_those_that_pass_go_on(queue: Queue) -> None:
    """One waits, the other is reported as passed."""
    first, second = await queue.picture(1), await queue.picture(2)
    queue.seeing.scores = [0.6, 0.1]
    report = await queue.step(first, second, by=uuid.uuid4())
    assert (report.problem, report.images) == (None, (second,))
    assert len((await queue.listed()).items) == 1


async def test_regions_may_be_stricter(queue: Queue) -> None:
    """The same score passes in one region and waits in another."""
    image, queue.seeing.scores = await queue.picture(), [0.4, 0.4]
    ask, china = CheckImage(image=image), Context(request_id="r", user_id=uuid.uuid4(), region="cn")
    assert (await queue.bus.request(safety.CHECK_IMAGE, ask, Context.new())).decision == "allow"
    assert (await queue.bus.request(safety.CHECK_IMAGE, ask, china)).decision == "review"


async def test_only_administrators_see_and_decide(queue: Queue) -> None:
    """Whoever the edge let through is looked at again."""
    await queue.texts(NUDE, by=uuid.uuid4())
    (row,) = (await queue.listed()).items
    user = Context.new(user_id=uuid.uuid4())
    asks: tuple[tuple[Endpoint[Any, Any], Any], ...] = (
        (reviews.LIST_REVIEWS, ListReviews()),
        (reviews.SHOW_REVIEW, ReadReview(review_id=row.id)),
        (reviews.REVIEW_PICTURE, ReadReviewPicture(review_id=row.id)),
        (reviews.DECIDE_REVIEW, DecideReview(review_id=row.id, decision="release")),
    )
    for contract, ask in asks:
        with pytest.raises(Forbidden):
            await queue.bus.request(contract, ask, user)
    with pytest.raises(NotFound):
        await queue.bus.request(reviews.REVIEW_PICTURE, ReadReviewPicture(review_id=row.id), ADMIN)
    with pytest.raises(NotFound):
        await queue.bus.request(reviews.SHOW_REVIEW, ReadReview(review_id=uuid.uuid4()), ADMIN)


async def test_the_list_goes_on_where_it_stopped(queue: Queue) -> None:
    """Newest first, by pages; a foreign cursor is refused."""
    for number in range(3):
        await queue.texts(TextPart(field="prompt", text=f"a nude man, number {number}"), by=uuid.uuid4())
    first = await queue.listed(limit=2)
    rest = await queue.listed(limit=2, cursor=first.next_cursor)
    rows = (*first.items, *rest.items)
    assert (len(first.items), len(rest.items), rest.next_cursor) == (2, 1, None)
    assert [row.created_at for row in rows] == sorted((row.created_at for row in rows), reverse=True)
    with pytest.raises(Invalid):
        await queue.listed(cursor="x")


async def test_everything_goes_with_the_account_but_what_was_said(queue: Queue) -> None:
    """Items and copies are gone, also of what comes late; the ruling, which names nobody, holds."""
    user, other, image = uuid.uuid4(), uuid.uuid4(), await queue.picture()
    await queue.texts(NUDE, by=user)
    await queue.texts(NUDE, by=other)
    queue.seeing.scores = [0.6, 0.6]
    await queue.step(image, by=user)
    rows = (await queue.listed()).items
    kept = next(row for row in rows if row.kind == "picture")
    copy = await queue.bus.request(reviews.REVIEW_PICTURE, ReadReviewPicture(review_id=kept.id), ADMIN)
    await queue.decide(kept.id, "confirm")
    await queue.service._reviews.account_deleted(AccountDeleted(user_id=user, deleted_at=now()), Context.new())
    await queue.texts(TextPart(field="prompt", text="a nude man"), by=user)
    assert [row.user_id for row in (await queue.listed()).items] == [other]
    with pytest.raises(NotFound):
        await queue.objects.get(copy)
    report = await queue.step(image, by=other)
    assert report.problem is not None
    assert report.problem.code == "content_refused"


async def test_items_go_after_ninety_days(queue: Queue) -> None:
    """The sweep takes what is old and leaves what is not."""
    for number in range(2):
        await queue.texts(TextPart(field="prompt", text=f"a nude man, number {number}"), by=uuid.uuid4())
    old = (await queue.listed()).items[0]
    aged = {"$set": {"created_at": now() - timedelta(days=91)}}
    await queue.database["reviews"].update_one({"_id": old.id}, aged)
    await queue.service._reviews.sweep()
    (left,) = (await queue.listed()).items
    assert left.id != old.id


async def test_verdicts_are_counted_by_category(queue: Queue) -> None:
    """The metrics tell what was decided, and how much waits."""
    await queue.texts(NUDE, by=uuid.uuid4())
    await queue.texts(TextPart(field="title", text="Moby Dick"), by=uuid.uuid4())
    await queue.service._reviews.count()
    told = {(g.name, g.labels.get("category"), g.labels.get("decision")): g.value for g in queue.service.gauges()}
    assert told["safety_verdicts", "sexual", "review"] == 1
    assert told["safety_verdicts", "none", "allow"] == 1
    assert told["safety_reviews_waiting", None, None] == 1


def test_the_node_listens_for_the_end_of_accounts() -> None:
    """It holds words of users, so it is told."""
    assert "safety" in auth.ACCOUNT_DELETED.listeners
