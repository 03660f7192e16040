"""The new picture of an operation: adjusted, filled, or painted in part by an image model; with a small one."""

import uuid

from adapters.images import Inpainter, InpaintOrder
from adapters.images.adjustments import Adjusted, Adjustment, adjust
from adapters.images.erasing import Unfillable, erased
from adapters.images.fitting import Unreadable
from adapters.images.painter import palette_of
from adapters.images.repainting import Margins, Part, Unfit, finished, grown, marked
from adapters.objects import Objects
from adapters.workers import Workers
from contracts.errors import FieldError, Internal, Invalid
from contracts.recipes import Recipe
from contracts.wire import Context, ObjectRef
from nodes.edits.model import look_of
from nodes.edits.state import Means, Record, Running
from nodes.edits.wishes import KINDS, SIDES

Painted = tuple[Adjusted, tuple[str, str] | None]
"""The picture, and name and version of the model that painted a part of it."""
SEED_LIMIT = 2**53


class Making:
    """Makes pictures in `workers`, and asks `images` to paint."""

    def __init__(self, objects: Objects, workers: Workers, images: Inpainter | None) -> None:
        """Without `images` nothing can be painted."""
        self._objects = objects
        self._workers = workers
        self._images = images

    async def made(self, source: bytes, record: Record, running: Running, context: Context) -> Painted:
        """What the operation makes of `source`; the same operation with the same model gives the same pixels.

        Raises Invalid, and what the image model raises.
        """
        try:
            if running.op == "adjust":
                return await self._workers.run(adjust, source, Adjustment(**running.params)), None
            part = await self._part(source, running)
            if not KINDS[running.op].paints:
                return await self._workers.run(finished, await self._workers.run(erased, part)), None
            return await self._painted(part, record, running, context)
        except Unfit as error:
            raise Invalid(f"{error.why}.", errors=(FieldError(field=error.field, detail=error.why),)) from error
        except (Unfillable, Unreadable) as error:
            raise Invalid(f"{error}.") from error

    async def _part(self, source: bytes, running: Running) -> Part:
        if running.op == "expand":
            margins = Margins(**{side: int(running.params.get(side, 0)) for side in SIDES})
            return await self._workers.run(grown, source, margins)
        if running.means.mask is None:
            raise Internal("an operation was begun without its mask")
        mask = await self._objects.get(running.means.mask)
        return await self._workers.run(marked, source, mask)

    async def _painted(self, part: Part, record: Record, running: Running, context: Context) -> Painted:
        if self._images is None:
            raise Invalid("There is no image model that could paint this.")
        picture = await self._images.inpaint(_order(part, record, running, context))
        model = (picture.model or self._images.name, picture.version or self._images.version)
        return await self._workers.run(finished, picture.data), model


def _order(part: Part, record: Record, running: Running, context: Context) -> InpaintOrder:
    look = running.means.look
    chosen = uuid.uuid5(running.task_id, "seed").int % SEED_LIMIT
    return InpaintOrder(
        prompt=running.prompt or look.prompt,
        family=look.family,
        palette=look.palette,
        options=look.options,
        width=part.width,
        height=part.height,
        seed=int(running.params.get("seed", chosen)),
        key=str(running.task_id),
        user=str(record.user_id),
        tier=context.tier,
        region=context.region or "",
        model=look.model,
        picture=part.picture,
        mask=part.mask,
        focus=running.prompt is not None and running.op != "expand",
    )


def means_of(mask: ObjectRef | None, recipe: Recipe | None) -> Means:
    """What an operation keeps: its mask, and how the cover's art was painted."""
    if recipe is None:
        return Means(mask=mask)
    return Means(mask=mask, look=look_of(recipe, palette_of(recipe.style_params.family, recipe.seed)))
