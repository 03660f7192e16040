"""The queue of what the rules could not decide: what goes in, what a person says to it, and when it goes.

Texts of users and copies of pictures are kept here and nowhere else, until the account ends or 90 days are over.
"""

import logging
import uuid
from collections.abc import Sequence

from adapters.mongo import Database, now
from adapters.mongo_outbox import Send
from adapters.objects import Objects
from contracts.auth import AccountDeleted
from contracts.errors import NotFound
from contracts.reviews import (
    DecideReview,
    ListReviews,
    ReadReview,
    ReadReviewPicture,
    Review,
    ReviewPage,
    RulingLine,
)
from contracts.safety import TextPart, Verdict
from contracts.wire import Context, ObjectRef
from nodes.departed import Departed
from nodes.safety.model import Item, check_admin, decided, item_id, ruled, texts_digest
from nodes.safety.store import ReviewStore, whole

log = logging.getLogger(__name__)


class Reviews:
    """The queue, for the checks that fill it and the administrators who empty it."""

    def __init__(self, database: Database, objects: Objects, send: Send) -> None:
        self._store = ReviewStore(database, send)
        self._departed = Departed(database)
        self._objects = objects
        self.waiting = 0
        """Items that nobody has looked at, as last counted."""

    async def prepare(self) -> None:
        """Create indexes; safe to repeat."""
        await self._store.prepare()
        await self._departed.prepare()

    async def texts(self, parts: Sequence[TextPart], found: Verdict, context: Context) -> Verdict:
        """What a person said to these texts decides; without that they are queued. Raises Unavailable."""
        digest = texts_digest(parts, found.findings)
        final = ruled(found, await self._store.ruling(digest))
        if final.decision == "review":
            item = Item(
                id=item_id(context.user_id, digest),
                kind="text",
                digest=digest,
                user_id=context.user_id,
                created_at=now(),
                texts=tuple(parts),
                findings=found.findings,
            )
            await self._keep(item)
        return final

    async def picture(
        self, image: ObjectRef, data: bytes, found: Verdict, context: Context, task_id: uuid.UUID | None = None
    ) -> Verdict:
        """The same for a picture; a copy is kept, because what nobody may use yet is thrown away elsewhere."""
        final = ruled(found, await self._store.ruling(image.sha256))
        if final.decision == "review":
            name = item_id(context.user_id, image.sha256)
            item = Item(
                id=name,
                kind="picture",
                digest=image.sha256,
                user_id=context.user_id,
                task_id=task_id,
                created_at=now(),
                picture=await self._objects.put(f"review-{name.hex}", data, image.media_type),
                findings=found.findings,
            )
            await self._keep(item)
        return final

    async def _keep(self, item: Item) -> None:
        """Written first and taken back when the user is gone, so that nothing outlives the account."""
        if await self._store.keep(item):
            categories = sorted({finding.category for finding in item.findings})
            log.info("%s %s waits for a person: %s", item.kind, item.id, categories, extra={"action": "review_queued"})
        if item.user_id is not None and await self._departed.has(item.user_id):
            await self._forget(item)

    async def list(self, ask: ListReviews, context: Context) -> ReviewPage:
        """Items, the newest first. Raises Forbidden, Invalid for a bad cursor."""
        check_admin(context)
        return await self._store.page(ask)

    async def show(self, ask: ReadReview, context: Context) -> Review:
        """One item. Raises Forbidden, NotFound."""
        check_admin(context)
        return whole(await self._found(ask.review_id))

    async def show_picture(self, ask: ReadReviewPicture, context: Context) -> ObjectRef:
        """Where the picture of an item is. Raises Forbidden, NotFound, also for a text."""
        check_admin(context)
        item = await self._found(ask.review_id)
        if item.picture is None:
            raise NotFound("This review has no picture.")
        return item.picture

    async def decide(self, ask: DecideReview, context: Context) -> Review:
        """Release or confirm; may be said again, and the last word counts. What changes it is told to the audit log.

        Raises Forbidden, NotFound.
        """
        check_admin(context)
        item = await self._found(ask.review_id)
        line = RulingLine(at=now(), by=context.user_id, decision=ask.decision, note=ask.note)
        await self._store.rule(item, line, decided(item, line, context))
        extra = {"action": "review_decided", "by": str(context.user_id or context.sender or "a tool")}
        log.info("%s %s: %s", item.kind, item.id, ask.decision, extra=extra | {"request_id": context.request_id})
        return whole(await self._found(ask.review_id))

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Forget what waits of a user; idempotent."""
        await self._departed.mark(event.user_id)
        while items := await self._store.of(event.user_id):
            for item in items:
                await self._forget(item)

    async def tell(self) -> None:
        """Tell of decisions that were not told yet."""
        await self._store.outbox.sweep()

    async def sweep(self) -> None:
        """Forget what was kept for 90 days."""
        while items := await self._store.old():
            for item in items:
                await self._forget(item)

    async def count(self) -> None:
        """Count what waits, for the metrics."""
        self.waiting = await self._store.count_waiting()

    async def _forget(self, item: Item) -> None:
        """The picture first: an item without it is found again, a picture without its item never."""
        if item.picture is not None:
            await self._objects.delete(item.picture.key)
        await self._store.remove(item.id)

    async def _found(self, review_id: uuid.UUID) -> Item:
        item = await self._store.find(review_id)
        if item is None:
            raise NotFound("There is no such review.")
        return item
