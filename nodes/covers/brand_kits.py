"""Brand kits: read, replaced, taken into orders; and copies of their logos, which stay as long as they are needed."""

import logging
import uuid

from adapters.mongo import now
from adapters.nats.bus import Bus
from adapters.objects import Objects, describe
from adapters.typesetter.logo import UnusableLogo, prepared
from adapters.workers import Workers
from contracts import safety, uploads
from contracts.brands import BrandKit, GetBrandKit, SetBrandKit
from contracts.errors import FieldError, Invalid, NotFound, Unavailable
from contracts.safety import TextPart
from contracts.wire import Context, ObjectRef
from nodes.covers.brand_store import BrandStore
from nodes.covers.branding import Kit, check_kit, kept, seen, taken
from nodes.covers.model import caller, passed
from nodes.covers.typesetting import check_author
from nodes.departed import Departed, gone

log = logging.getLogger(__name__)


class BrandKits:
    """Handlers of `svc.covers.brand_kit` and `svc.covers.set_brand_kit`, and what orders ask of kits."""

    def __init__(self, bus: Bus, store: BrandStore, objects: Objects, workers: Workers, departed: Departed) -> None:
        self._bus = bus
        self._store = store
        self._objects = objects
        self._workers = workers
        self._departed = departed

    async def read(self, request: GetBrandKit, context: Context) -> BrandKit:
        """The caller's kit; an empty one when there is none."""
        return seen(await self._store.of(caller(context)))

    async def replace(self, order: SetBrandKit, context: Context) -> BrandKit:
        """Replace the caller's kit. Raises Invalid, Refused, UnderReview; Unauthenticated for a deleted user."""
        user_id = caller(context)
        check_kit(order)
        if order.author is not None:
            check_author(order.author, order.typography)
            part = TextPart(field="author", text=order.author)
            passed(await self._bus.request(safety.CHECK_TEXT, safety.CheckText(parts=(part,)), context))
        before = await self._store.of(user_id)
        kit = kept(order, user_id, await self._logo(order, before, context), now())
        await self._store.keep(kit)
        if await self._departed.has(user_id):
            await self.drop(user_id)
            raise gone()
        await self._shown(None if before is None else before.logo_upload_id, kit.logo_upload_id, context)
        return seen(kit)

    async def _shown(self, before: uuid.UUID | None, after: uuid.UUID | None, context: Context) -> None:
        """Tell which upload the kit shows now, so that it does not expire; covers need only the copy.

        When nobody hears it, an upload may expire, or stay until its owner removes it.
        """
        if before == after:
            return
        holder = uuid.uuid5(caller(context), "brand-kit")
        try:
            if after is not None:
                await self._bus.request(uploads.GET, uploads.GetUpload(upload_id=after, holder=holder), context)
            if before is not None:
                release = uploads.ReleaseUpload(upload_id=before, holder=holder)
                await self._bus.request(uploads.RELEASE, release, context)
        except (Unavailable, NotFound):
            log.warning("an upload was not told of its kit", extra={"action": "hold_failed"})

    async def of(self, context: Context) -> Kit:
        """The caller's kit for an order. Raises Invalid when there is none."""
        return taken(await self._store.of(caller(context)))

    async def drop(self, user_id: uuid.UUID) -> None:
        """Forget the kit of a deleted user with every copy of a logo; idempotent."""
        for key in await self._store.drop(user_id):
            await self._remove(key)

    async def remove_unneeded(self) -> None:
        """Remove copies that neither a kit nor a recipe names any more."""
        for key, user_id in (await self._store.due()).items():
            if not await self._store.needed(key, user_id):
                await self._remove(key)

    async def _remove(self, key: str) -> None:
        await self._objects.delete(key)
        await self._store.forget(key)

    async def _logo(self, order: SetBrandKit, before: Kit | None, context: Context) -> ObjectRef | None:
        """The copy of the logo: the one that there is for the same upload, which may be gone, or a new one."""
        if order.logo_upload_id is None:
            return None
        if before is not None and before.logo is not None and before.logo_upload_id == order.logo_upload_id:
            return before.logo
        data = await self._prepared(await self._uploaded(order.logo_upload_id, context))
        scope = f"logo-{uuid.uuid4().hex}"  # of its own, so that nobody else's removing takes it
        ref = describe(scope, data, "image/png")
        await self._store.expect(ref.key, caller(context))
        return await self._objects.put(scope, data, ref.media_type)

    async def _uploaded(self, upload_id: uuid.UUID, context: Context) -> bytes:
        question = uploads.GetUpload(upload_id=upload_id, refer=True)
        try:
            upload = await self._bus.request(uploads.GET, question, context)
            if upload.purpose != "logo":
                raise _bad("this upload is no logo: send the file with the purpose logo")
            if upload.object is None:
                raise _bad("there is no such upload")
            return await self._objects.get(upload.object)
        except NotFound as error:
            raise _bad("there is no such upload") from error

    async def _prepared(self, data: bytes) -> bytes:
        try:
            return await self._workers.run(prepared, data)
        except UnusableLogo as error:
            raise _bad(str(error)) from error


def _bad(detail: str) -> Invalid:
    return Invalid(errors=(FieldError(field="logo_upload_id", detail=detail),))
