"""Further versions of a finished cover: other words, other seeds, other formats, the same again; and which is shown."""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from adapters.mongo import now
from adapters.nats.bus import Bus
from adapters.objects import Objects
from contracts import safety, tasks, users
from contracts.covers import (
    ChooseVersion,
    Cover,
    CoverAccepted,
    FormatCover,
    Kind,
    RegenerateCover,
    RetypeCover,
    VaryCover,
    Version,
)
from contracts.errors import Conflict, Internal, KeyReused, NotFound, ServiceError, Unavailable
from contracts.safety import TextPart
from contracts.tasks import CreateTask, FindUnknown, Task, TaskType
from contracts.wire import Context
from nodes.covers import takes
from nodes.covers.brand_kits import BrandKits
from nodes.covers.branding import Kit
from nodes.covers.model import Record, caller, passed, shown, texts, versions
from nodes.covers.store import CoverStore
from nodes.covers.takes import Take, Work
from nodes.covers.typesetting import check_words
from nodes.covers.work_store import WorkStore

log = logging.getLogger(__name__)

Order = RetypeCover | VaryCover | RegenerateCover | FormatCover
ENDED = ("succeeded", "failed", "cancelled")


class Further:
    """Handlers of orders for further versions. Each begins one task; a cover has one of them at a time."""

    def __init__(self, bus: Bus, store: CoverStore, works: WorkStore, objects: Objects, kits: BrandKits) -> None:
        self._bus = bus
        self._store = store
        self._works = works
        self._objects = objects
        self._kits = kits

    async def retype(self, order: RetypeCover, context: Context) -> CoverAccepted:
        """Other words. Raises Refused for their content, Invalid for letters that no font has, Conflict, NotFound."""
        kit = await self._kits.of(context) if order.brand is True else None
        await self._check(order, kit, context)
        return await self._begin(order, context, "retype", lambda source, _id: (takes.retyped(order, source, kit),))

    async def vary(self, order: VaryCover, context: Context) -> CoverAccepted:
        """Other seeds; holds quota for each. Raises OverQuota, Conflict, NotFound."""
        return await self._begin(
            order, context, "variation", lambda source, task_id: takes.varied(order, source, task_id)
        )

    async def regenerate(self, order: RegenerateCover, context: Context) -> CoverAccepted:
        """The same again. Raises Conflict, NotFound."""
        return await self._begin(order, context, "regenerate", lambda source, _id: (takes.regenerated(source),))

    async def reshape(self, order: FormatCover, context: Context) -> CoverAccepted:
        """Other formats. Raises Invalid, Conflict, NotFound."""
        return await self._begin(order, context, "format", lambda source, _id: takes.reshaped(order, source))

    async def choose(self, order: ChooseVersion, context: Context) -> Cover:
        """Show this version. Raises NotFound."""
        user_id = caller(context)
        if not await self._works.show(order.cover_id, user_id, order.version):
            cover = await self._own(order.cover_id, user_id)
            takes.version_of(cover.versions, order.version)
            raise Conflict("This cover is not ready.")
        return shown(await self._own(order.cover_id, user_id))

    async def drop(self, cover_id: uuid.UUID, task_id: uuid.UUID) -> None:
        """Give up the work of a task with what it made; idempotent, and nothing when it is done."""
        for key in await self._works.drop(cover_id, task_id):
            await self._objects.delete(key)

    async def take_back(self, age: timedelta) -> None:
        """Drop work whose task was never created."""
        waiting = await self._works.waiting(now() - age)
        if waiting:
            question = FindUnknown(task_ids=tuple(waiting))
            for task_id in (await self._bus.request(tasks.FIND_UNKNOWN, question, Context.new(timeout=5))).task_ids:
                await self.drop(waiting[task_id], task_id)

    async def _check(self, order: RetypeCover, kit: Kit | None, context: Context) -> None:
        """Only new words can be new trouble."""
        parts = texts(order)
        if kit is not None and kit.author is not None and order.author is UNSET:
            parts = (*parts, TextPart(field="author", text=kit.author))
        if parts:
            passed(await self._bus.request(safety.CHECK_TEXT, safety.CheckText(parts=parts), context))

    async def _begin(
        self, order: Order, context: Context, kind: Kind, make: Callable[[Version, uuid.UUID], Sequence[Take]]
    ) -> CoverAccepted:
        """Take up the work, hold quota where it costs, create the task; the same key gives the same task."""
        user_id = caller(context)
        task_id = _task_id(user_id, kind, context.idempotency_key)
        cover = await self._own(order.cover_id, user_id)
        print_ = takes.fingerprint_of(order)
        new = not _known(cover, task_id, print_)
        if new:
            source = _source(cover, order.version)
            made = make(source, task_id)
            takes.check_room(cover.versions, len(made))
            for take in made:
                check_words(take.recipe, take.recipe)
            work = Work(
                task_id=task_id,
                kind=kind,
                fingerprint=print_,
                takes=takes.numbered(made),
                show=kind == "retype" and made[0].art is not None,
                created_at=now(),
            )
            if not await self._works.begin(cover.cover_id, user_id, work):
                raise _busy()
            cover = msgspec.structs.replace(cover, work=work)
        task = await self._started(cover, order, kind, task_id, context, new=new)
        return CoverAccepted(task_id=task_id, cover_id=cover.cover_id, status=task.status)

    async def _started(
        self, cover: Record, order: Order, kind: Kind, task_id: uuid.UUID, context: Context, *, new: bool
    ) -> Task:
        """A definite refusal takes back what was done; after an unknown ending the sweeps do."""
        held = False
        try:
            if kind == "variation" and cover.work is not None:
                amount = len(cover.work.takes)
                await self._bus.request(
                    users.RESERVE_QUOTA, users.ReserveQuota(task_id=task_id, amount=amount), context
                )
                held = True
            task = await self._created(cover, order, kind, task_id, context)
        except (Unavailable, Internal):
            raise
        except ServiceError as error:
            # KeyReused: task and reservation are another order's, and so is the work unless it was begun just now
            reused = isinstance(error, KeyReused)
            if new or not reused:
                await self._withdraw(cover, task_id, context, release=held and not reused)
            raise
        if task.status in ENDED:  # the key is old, and its task will not do this work
            await self._withdraw(cover, task_id, context, release=held)
        return task

    async def _created(self, cover: Record, order: Order, kind: Kind, task_id: uuid.UUID, context: Context) -> Task:
        asked: dict[str, Any] = msgspec.to_builtins(order)
        return await self._bus.request(
            tasks.CREATE,
            CreateTask(task_id=task_id, type=_type(cover, kind, task_id), cover_id=cover.cover_id, input_params=asked),
            context,
        )

    async def _withdraw(self, cover: Record, task_id: uuid.UUID, context: Context, *, release: bool) -> None:
        try:
            await self.drop(cover.cover_id, task_id)
            if release:
                settle = users.SettleQuota(task_id=task_id, user_id=cover.user_id)
                await self._bus.enqueue(users.RELEASE_QUOTA, settle, message_id=f"{task_id}:release", context=context)
        except Unavailable:
            log.warning("work is left to the sweeps", extra={"action": "withdraw_failed"})

    async def _own(self, cover_id: uuid.UUID, user_id: uuid.UUID) -> Record:
        cover = await self._store.of_id(cover_id, user_id)
        if cover is None:
            raise NotFound("There is no such cover.")
        return cover


def _task_id(user_id: uuid.UUID, kind: Kind, key: str | None) -> uuid.UUID:
    return uuid.uuid4() if key is None else uuid.uuid5(user_id, f"{kind}:{key}")


def _known(cover: Record, task_id: uuid.UUID, print_: str) -> bool:
    """Was this begun before? Raises KeyReused when it was another request."""
    if cover.work is not None and cover.work.task_id == task_id:
        if cover.work.fingerprint != print_:
            raise KeyReused("This Idempotency-Key belongs to another request.")
        return True
    return any(each.task_id == task_id for each in cover.versions)


def _source(cover: Record, number: int | None) -> Version:
    """The version to begin with. Raises Conflict while something is being made, NotFound."""
    if cover.status == "generating":
        raise Conflict("This cover is still being made.", retry_after=1)
    if cover.status != "ready":
        raise Conflict("This cover has no picture.")
    if cover.work is not None:
        raise _busy()
    return takes.version_of(versions(cover), number or cover.showing or 0)


def _busy() -> Conflict:
    return Conflict("Another version of this cover is being made: wait for its task.", retry_after=2)


def _type(cover: Record, kind: Kind, task_id: uuid.UUID) -> TaskType:
    """Which saga: only retyping on the same art paints nothing."""
    if kind == "variation":
        return "vary"
    painted = kind != "retype" or _reshapes(cover, task_id)
    return "remake" if painted else "retype"


def _reshapes(cover: Record, task_id: uuid.UUID) -> bool:
    if cover.work is not None and cover.work.task_id == task_id:
        return not cover.work.show
    made = next((each for each in cover.versions if each.task_id == task_id), None)
    parent = made and next((each for each in cover.versions if each.version == made.parent), None)
    return bool(made and parent and made.art and parent.art and made.art.key != parent.art.key)
