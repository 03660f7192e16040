"""Orders for covers: checked, kept as drafts, given quota and a task; and how a refusal takes all of that back."""

import asyncio
import logging
import uuid

import msgspec

from adapters.images import ImageModel
from adapters.mongo import now
from adapters.nats.bus import Bus
from contracts import safety, tasks, templates, users
from contracts.covers import CoverAccepted, GenerateCover
from contracts.errors import Internal, KeyReused, ServiceError, Unavailable
from contracts.tasks import CreateTask, FindUnknown, Task
from contracts.wire import Context
from nodes.covers.brand_kits import BrandKits
from nodes.covers.branding import completed, dressed
from nodes.covers.model import Record, caller, first_work, identify, passed, resolve, texts, wish
from nodes.covers.store import CoverStore
from nodes.covers.takes import fingerprint_of
from nodes.covers.typesetting import check_words
from nodes.departed import Departed, gone

log = logging.getLogger(__name__)


class Orders:
    """What `svc.covers.generate` does."""

    def __init__(self, bus: Bus, store: CoverStore, departed: Departed, kits: BrandKits, images: ImageModel) -> None:
        """`images` says which model it is."""
        self._bus = bus
        self._store = store
        self._departed = departed
        self._kits = kits
        self._images = images

    async def generate(self, request: GenerateCover, context: Context) -> CoverAccepted:
        """Begin a cover. With an Idempotency-Key the same request gives the same task, another raises KeyReused.

        Raises Unauthenticated for a deleted user, of whom no draft stays.
        """
        user_id = caller(context)
        kit = await self._kits.of(context) if request.brand else None
        asked = completed(request, kit)
        template, _ = await asyncio.gather(
            self._bus.request(templates.CHOOSE, wish(asked), context), self._check(asked, context)
        )
        ids = identify(user_id, context.idempotency_key)
        recipe = dressed(resolve(asked, template, ids.task_id, (self._images.name, self._images.version)), kit)
        check_words(asked, recipe)
        draft = Record(
            cover_id=ids.cover_id,
            task_id=ids.task_id,
            user_id=user_id,
            request=request,
            fingerprint=fingerprint_of(request),
            recipe=recipe,
            work=first_work(request, recipe, ids.task_id, now()),
            created_at=now(),
        )
        new = await self._store.keep(draft)
        if await self._departed.has(user_id):
            await self._store.drop(ids.cover_id)
            raise gone()
        task = await (self._begin(draft, context) if new else self._again(draft, context))
        return CoverAccepted(task_id=ids.task_id, cover_id=ids.cover_id, status=task.status)

    async def _check(self, request: GenerateCover, context: Context) -> None:
        """Raises Refused, UnderReview."""
        passed(await self._bus.request(safety.CHECK_TEXT, safety.CheckText(parts=texts(request)), context))

    async def _begin(self, draft: Record, context: Context) -> Task:
        """Hold quota, then create the task.

        A definite refusal takes back what was done. After an unknown ending nothing is touched: the same key may come
        again, and if not, the sweeps of users and covers find what no task belongs to.
        """
        held = False
        try:
            await self._bus.request(users.RESERVE_QUOTA, _quota(draft), context)
            held = True
            return await self._create(draft, context)
        except (Unavailable, Internal):
            raise
        except ServiceError as error:
            # KeyReused: the reservation belongs to the task that has this id
            await self._withdraw(draft, context, release=held and not isinstance(error, KeyReused))
            raise

    async def _again(self, draft: Record, context: Context) -> Task:
        """The key was used before: by the same request, which may have got anywhere, or by another one."""
        kept = await self._store.fingerprint(draft.cover_id)
        if kept is not None and kept != draft.fingerprint:
            raise KeyReused("This Idempotency-Key belongs to another request.")
        if draft.task_id in await self.unknown((draft.task_id,), context):
            await self._store.renew(draft)  # an old draft may be on the list of the sweep right now
            return await self._begin(draft, context)
        return await self._create(draft, context)

    async def _create(self, draft: Record, context: Context) -> Task:
        asked: dict[str, object] = msgspec.to_builtins(draft.request)
        order = CreateTask(
            task_id=draft.task_id,
            type="generate",
            cover_id=draft.cover_id,
            input_params=asked,
            start_at=draft.request.start_at,
        )
        return await self._bus.request(tasks.CREATE, order, context)

    async def _withdraw(self, draft: Record, context: Context, *, release: bool) -> None:
        """Take a draft back. What cannot be done now is left to the sweeps, as the refusal matters more."""
        settle = users.SettleQuota(task_id=draft.task_id, user_id=draft.user_id)
        try:
            await self._store.drop(draft.cover_id)
            if release:
                message_id = f"{draft.task_id}:release"
                await self._bus.enqueue(users.RELEASE_QUOTA, settle, message_id=message_id, context=context)
        except Unavailable:
            log.warning("draft is left to the sweeps", extra={"action": "withdraw_failed"})

    async def unknown(self, task_ids: tuple[uuid.UUID, ...], context: Context) -> tuple[uuid.UUID, ...]:
        """Those of the ids that no task has."""
        return (await self._bus.request(tasks.FIND_UNKNOWN, FindUnknown(task_ids=task_ids), context)).task_ids


def _quota(draft: Record) -> users.ReserveQuota:
    return users.ReserveQuota(task_id=draft.task_id, amount=draft.request.variations)
