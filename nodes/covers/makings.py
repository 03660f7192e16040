"""The steps of tasks that make several pictures of one cover, or further versions of it.

Each effect is noted by task and variation: a step that comes again makes only what is missing. A picture that cannot be
made for good is noted as that, and the others go on; only when none is left does the step fail.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.images import ImageModel
from adapters.mongo import now
from adapters.objects import Objects, describe
from contracts.covers import CoverStep
from contracts.errors import Conflict, Internal, Invalid, NotFound, Refused, ServiceError, Unavailable, raised
from contracts.wire import Context, ObjectRef
from nodes.covers.composing import Composer
from nodes.covers.model import Record
from nodes.covers.painting import paint_order, painted
from nodes.covers.takes import Take, Work, versions_of
from nodes.covers.typesetting import type_order, with_logo
from nodes.covers.work_store import WorkStore

Images = tuple[ObjectRef, ...]
LAST_TRIES = 3
"""Deliveries from which a model that is away costs the pictures that it has not made, when there are others."""


class Makings:
    """Paint, compose, store and complete for the work of a task. Idempotent by `(task, variation)`."""

    def __init__(self, store: WorkStore, objects: Objects, images: ImageModel, composer: Composer) -> None:
        self._store = store
        self._objects = objects
        self._images = images
        self._composer = composer

    async def paint(self, cover: Record, work: Work, context: Context) -> Images:
        """The art of every take. Raises what the first take failed of when all did, Unavailable to be tried again."""
        away: ServiceError | None = None
        takes: dict[int, Take] = {}
        for number, take in work.in_order():
            try:
                takes[number] = (
                    take if take.art or take.problem else await self._painted(cover, work, number, take, context)
                )
            except (Unavailable, Internal) as error:
                away = error
        if away is not None and (context.delivery < LAST_TRIES or not any(take.art for take in takes.values())):
            raise away
        for number, take in work.in_order():
            if away is not None and number not in takes:
                takes[number] = await self._fail(cover, work, number, take, away)
        return _all(tuple(take.art for take in takes.values() if take.art is not None), takes)

    async def _painted(self, cover: Record, work: Work, number: int, take: Take, context: Context) -> Take:
        recipe = take.recipe
        try:
            order = paint_order(recipe, f"{work.task_id}:{number}", cover.user_id, context)
            picture = await self._images.paint(order)
        except (Unavailable, Internal):
            raise
        except ServiceError as error:
            return await self._fail(cover, work, number, take, error)
        except ValueError as error:
            return await self._fail(cover, work, number, take, Invalid(f"The art cannot be painted: {error}."))
        made = {"recipe": painted(recipe, picture, self._images)}
        return await self._put(cover, work, number, {"art": (picture.data, picture.media_type)}, made)

    async def compose(self, cover: Record, work: Work, passed: Images, region: str | None) -> Images:
        """The type on all art that passed. Raises what the first take failed of when all did."""
        takes = {}
        for number, take in work.in_order():
            if take.finished or take.problem is not None:
                takes[number] = take
            elif passed and take.art is not None and take.art.key not in {ref.key for ref in passed}:
                takes[number] = await self._fail(cover, work, number, take, Refused("The picture was refused."))
            else:
                takes[number] = await self._composed(cover, work, number, take, region)
        return _all(tuple(take.picture for take in takes.values() if take.picture is not None), takes)

    async def _composed(self, cover: Record, work: Work, number: int, take: Take, region: str | None) -> Take:
        if take.art is None:
            raise Conflict("There is no art to set type on.")
        art = await self._objects.get(take.art)
        order = await with_logo(type_order(take.recipe, take.recipe), take.recipe, self._objects)
        name = f"{work.kind} {work.task_id} {number}"
        try:
            done = await self._composer.compose(
                art, order, take.recipe, cover_id=cover.cover_id, version=name, region=region
            )
        except Invalid as error:
            return await self._fail(cover, work, number, take, error)
        return await self._put(cover, work, number, done.pictures, done.noted)

    async def keep(self, cover: Record, work: Work) -> Images:
        """The pictures as the first versions of a cover that is being made."""
        versions = versions_of(work, 0, now())
        if not versions:
            raise Conflict("There is no picture to keep.")
        if not cover.versions:
            await self._store.keep(cover.cover_id, work.task_id, versions)
        return tuple(version.image for version in versions)

    async def add(self, cover: Record, work: Work) -> Images:
        """The pictures as further versions of a finished cover. Raises Unavailable when another one came between."""
        at = now()
        versions = versions_of(work, len(cover.versions), at)
        if not versions:
            raise Conflict("There is no picture to show.")
        showing = versions[0].version if work.show else cover.showing
        more: dict[str, dict[str, Any]] = {"set": {"shown": showing}}
        if work.kind == "variation":
            more["push"] = {"charged": {"at": at, "pictures": len(versions)}}
        if not await self._store.finish(cover.cover_id, work.task_id, versions, more):
            raise Unavailable("The cover changed at the same time.")
        return tuple(version.image for version in versions)

    async def late(self, cover: Record, step: CoverStep) -> Images:
        """A step whose work has ended: done, or dropped, and then nothing of it may stay. Raises NotFound."""
        kept = tuple(version.image for version in cover.versions if version.task_id == step.task_id)
        if kept:
            return kept
        await self._remove(cover.objects.get(step.task_id.hex, ()))
        raise NotFound("Nobody waits for this any more.")

    async def discard(self, step: CoverStep) -> None:
        """Drop the work of a task with everything it made; nothing comes of it later either."""
        await self._remove(await self._store.drop(step.cover_id, step.task_id))

    async def _fail(self, cover: Record, work: Work, number: int, take: Take, error: ServiceError) -> Take:
        """Note why there will be no such picture."""
        await self._store.note(cover.cover_id, work.task_id, number, {"problem": error.problem()})
        return msgspec.structs.replace(take, problem=error.problem())

    async def _put(
        self,
        cover: Record,
        work: Work,
        number: int,
        pictures: Mapping[str, tuple[bytes, str]],
        more: Mapping[str, Any],
    ) -> Take:
        """Put pictures under the task and note them. Raises NotFound when the work was dropped; then nothing stays."""
        scope = work.label
        refs = {name: describe(scope, data, media_type) for name, (data, media_type) in pictures.items()}
        keys = tuple(ref.key for ref in refs.values())
        if not await self._store.expect(cover.cover_id, work, keys):
            raise NotFound("Nobody waits for this any more.")
        for data, media_type in pictures.values():
            await self._objects.put(scope, data, media_type)
        if not await self._store.note(cover.cover_id, work.task_id, number, {**refs, **more}):
            await self._remove(keys)
            raise NotFound("Nobody waits for this any more.")
        return msgspec.structs.replace(work.takes[str(number)], **refs, **more)

    async def _remove(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            with contextlib.suppress(NotFound):
                await self._objects.delete(key)


def _all(made: Images, takes: Mapping[int, Take]) -> Images:
    """What was made. Raises the problem of the first take when nothing was."""
    if made:
        return made
    problem = next((take.problem for take in takes.values() if take.problem is not None), None)
    raise Conflict("There is nothing to make.") if problem is None else raised(problem)
