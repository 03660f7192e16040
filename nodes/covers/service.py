"""The covers node: takes orders (`orders.py`), does its steps of the saga (`steps.py`), and keeps the shelf."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.images import ImageModel
from adapters.mongo import Database, now
from adapters.nats.bus import Bus
from adapters.nats.census import Gauge
from adapters.objects import Objects
from adapters.provenance.signatory import Signatory
from adapters.resilience import Breaker, states
from adapters.workers import Workers
from contracts import auth, brands, covers, pictures, shares, tasks
from contracts.auth import AccountDeleted
from contracts.covers import (
    Cover,
    CoverPage,
    DeleteCover,
    GetCover,
    GetImage,
    GetUsage,
    ListCovers,
    Usage,
)
from contracts.errors import Conflict, NotFound
from contracts.paging import cut, moment_of
from contracts.tasks import TaskFinished
from contracts.wire import Context, Done, ObjectRef
from nodes.bindings import Binding, Chore, listen, serve, work
from nodes.covers.brand_kits import BrandKits
from nodes.covers.brand_store import BrandStore
from nodes.covers.composing import Composer
from nodes.covers.further import Further
from nodes.covers.makings import Makings
from nodes.covers.model import Record, caller, shown
from nodes.covers.orders import Orders
from nodes.covers.pictures import Pictures
from nodes.covers.share_links import Links
from nodes.covers.share_store import ShareStore
from nodes.covers.shares import Shares
from nodes.covers.steps import Steps
from nodes.covers.store import CoverStore
from nodes.covers.takes import version_of
from nodes.covers.versions import Versions
from nodes.covers.work_store import WorkStore
from nodes.departed import Departed

ORPHAN_AFTER = timedelta(seconds=60)
"""Age from which a draft whose task nobody knows is taken back; far above the deadline of any request."""

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATE_AFTER = timedelta(minutes=10)
"""Longer than a step takes: what a step of a deleted user's cover has put meanwhile is removed after it."""


class Covers:
    """The service. Call `prepare` once before it is bound."""

    name = "covers"

    def __init__(
        self,
        bus: Bus,
        database: Database,
        objects: Objects,
        images: ImageModel,
        workers: Workers,
        *,
        links: Links,
        breakers: Sequence[Breaker] = (),
        measured: Callable[[], Sequence[Gauge]] = tuple,
        signatory: Signatory | None = None,
    ) -> None:
        """`links` writes the addresses of shared covers. `breakers` are those of the targets behind the other
        arguments; `measured` gives numbers of them. Without a `signatory` pictures get no credentials."""
        self._bus = bus
        self._objects = objects
        self._breakers = breakers
        self._measured = measured
        self._store = CoverStore(database, bus.send)
        self._departed = Departed(database)
        self._looked_until = LONG_AGO
        self._pictures = Pictures(bus)
        works = WorkStore(database)
        self._brand_store = BrandStore(database)
        self._kits = BrandKits(bus, self._brand_store, objects, workers, self._departed)
        self._orders = Orders(bus, self._store, self._departed, self._kits, images)
        composer = Composer(workers, signatory)
        makings = Makings(works, objects, images, composer)
        self._further = Further(bus, self._store, works, objects, self._kits)
        self._steps = Steps(bus, self._store, objects, images, composer, makings)
        self._versions = Versions(self._store, objects)
        self._share_store = ShareStore(database)
        self._shares = Shares(self._store, self._share_store, self._departed, links)

    async def prepare(self) -> None:
        """Create missing indexes; safe to repeat."""
        await self._store.prepare()
        await self._departed.prepare()
        await self._share_store.prepare()
        await self._brand_store.prepare()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What this node does."""
        return (
            serve(covers.GENERATE, self._orders.generate),
            serve(covers.RETYPE, self._further.retype),
            serve(covers.VARY, self._further.vary),
            serve(covers.REGENERATE, self._further.regenerate),
            serve(covers.RESHAPE, self._further.reshape),
            serve(covers.CHOOSE, self._further.choose),
            serve(covers.GET, self.get),
            serve(covers.LIST, self.list),
            serve(covers.IMAGE, self.image),
            serve(covers.ADD_VERSION, self._versions.add),
            serve(covers.DELETE, self.delete),
            serve(covers.USAGE, self.usage),
            serve(pictures.TELL, self._pictures.tell),
            serve(shares.CREATE, self._shares.create),
            serve(shares.LIST, self._shares.list),
            serve(shares.LIST_ALL, self._shares.list_all),
            serve(shares.REVOKE, self._shares.revoke),
            serve(shares.SHARED, self._shares.shared),
            serve(shares.SHARED_IMAGE, self._shares.shared_image),
            serve(brands.GET, self._kits.read),
            serve(brands.SET, self._kits.replace),
            work(covers.PAINT, self._steps.paint),
            work(covers.COMPOSE, self._steps.compose),
            work(covers.STORE, self._steps.store),
            work(covers.COMPLETE, self._steps.complete),
            work(covers.DISCARD, self._steps.discard),
            listen(tasks.FINISHED, self.task_finished),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
        )

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """How the targets of this node are, for `$SRV.STATS`."""
        return states(self._breakers)

    def gauges(self) -> Sequence[Gauge]:
        """What the image models made, cost and failed at, for `$SRV.STATS` and `/metrics`."""
        return self._measured()

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What this node does by itself."""
        return (
            Chore("send waiting events of covers", 1.0, self.send_waiting),
            Chore("take back orphan drafts", 10.0, self.take_back_orphans),
            Chore("empty deleted covers", 30.0, self.empty_deleted),
            Chore("remove logos that nothing needs", 60.0, self._kits.remove_unneeded),
        )

    async def get(self, request: GetCover, context: Context) -> Cover:
        """One cover of the caller. Raises NotFound."""
        return shown(await self._own(request.cover_id, context))

    async def list(self, request: ListCovers, context: Context) -> CoverPage:
        """The caller's covers, newest first."""
        after = moment_of(request.cursor)
        found = await self._store.page(caller(context), request.status, after, request.limit + 1)
        items, following = cut(found, request.limit, lambda item: (item.created_at, item.cover_id))
        return CoverPage(items=tuple(shown(item, briefly=True) for item in items), next_cursor=following)

    async def image(self, request: GetImage, context: Context) -> ObjectRef:
        """Where the picture of a version is, or of the one that is shown.

        Raises Conflict while it is being made, NotFound when there is none.
        """
        cover = await self._own(request.cover_id, context)
        if cover.status == "generating":
            raise Conflict("This cover is still being made.", retry_after=1)
        if cover.status != "ready" or not cover.versions:
            raise NotFound("This cover has no picture.")
        version = version_of(cover.versions, request.version or cover.showing or 0)
        return version.thumbnail if request.size == "thumb" else version.image

    async def delete(self, request: DeleteCover, context: Context) -> Done:
        """Remove a cover, then its pictures; a crash in between is made good by the sweep."""
        user_id = caller(context)
        document = await self._store.bury(request.cover_id, user_id)
        if document is None:
            await self._own(request.cover_id, context)
            raise Conflict("This cover is still being made: cancel its task first.")
        await self._empty(document["_id"], document.get("objects", {}))
        return Done()

    async def usage(self, request: GetUsage, context: Context) -> Usage:
        """How many covers of a user were completed since a time, deleted ones too."""
        return Usage(completed=await self._store.count_completed(request.user_id, request.since))

    async def task_finished(self, event: TaskFinished, context: Context) -> None:
        """A task without success ends its cover; success was written by the last step."""
        if event.cover_id is not None and event.status in ("failed", "cancelled"):
            await self._further.drop(event.cover_id, event.task_id)
            await self._store.end(event.cover_id, event.task_id, event.status)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Delete a user's covers and their pictures for good; idempotent.

        A cover that is being made goes too: its steps find it gone. Its record waits, without anything the user wrote,
        until a step that had begun can put nothing more; then the sweep empties it.
        """
        await self._departed.mark(event.user_id)
        await self._share_store.drop_all(user_id=event.user_id)
        await self._kits.drop(event.user_id)
        for document in await self._store.bury_all(event.user_id):
            objects = document.get("objects", {})
            if document["status"] == "generating":
                await self._remove(objects)
            else:
                await self._empty(document["_id"], objects)

    async def send_waiting(self) -> None:
        """Send events that a crash or a lost connection left behind."""
        await self._store.outbox.sweep()

    async def take_back_orphans(self) -> None:
        """Remove old drafts whose task was never created; users gives back their quota by a sweep of its own."""
        await self._further.take_back(ORPHAN_AFTER)
        before = now() - ORPHAN_AFTER
        drafts, following = await self._store.unpainted(self._looked_until, before)
        self._looked_until = following or LONG_AGO
        if not drafts:
            return
        for task_id in await self._orders.unknown(tuple(drafts), Context.new(timeout=5)):
            await self._store.drop(drafts[task_id], before)

    async def empty_deleted(self) -> None:
        """Remove pictures of deleted covers that are still there."""
        for document in await self._store.buried(now() - LATE_AFTER):
            await self._empty(document["_id"], document["objects"])

    async def _empty(self, cover_id: uuid.UUID, objects: Mapping[str, Sequence[str]]) -> None:
        await self._share_store.drop_all(cover_id=cover_id)
        await self._remove(objects)
        await self._store.emptied(cover_id)

    async def _remove(self, objects: Mapping[str, Sequence[str]]) -> None:
        for keys in objects.values():
            for key in keys:
                await self._objects.delete(key)

    async def _own(self, cover_id: uuid.UUID, context: Context) -> Record:
        cover = await self._store.of_id(cover_id, caller(context))
        if cover is None:
            raise NotFound("There is no such cover.")
        return cover
