"""What the image model is told, and what the recipe notes of its work."""

import uuid

import msgspec

from adapters.images import ImageModel, PaintOrder, Picture
from contracts.recipes import Cost, Painting, Recipe
from contracts.wire import Context


def paint_order(recipe: Recipe, key: str, user_id: uuid.UUID, context: Context) -> PaintOrder:
    """The art of a recipe; `key` names the order and is the same when it is tried again.

    Plan and region of the context decide on the model, unless the recipe has been painted by: then that one is asked.
    """
    style = recipe.style_params
    return PaintOrder(
        prompt=recipe.prompt,
        family=style.family,
        palette=style.palette,
        options=style.options,
        width=recipe.width,
        height=recipe.height,
        seed=recipe.seed,
        key=key,
        user=str(user_id),
        tier=context.tier,
        region=context.region or "",
        model="" if recipe.painting is None else recipe.model,
    )


def painted(recipe: Recipe, picture: Picture, images: ImageModel) -> Recipe:
    """The recipe with the model that made the picture, and how."""
    cost = None if picture.cost is None else Cost(micros=picture.cost.micros, currency=picture.cost.currency)
    painting = Painting(
        reproducible=picture.reproducible,
        seed=picture.seed,
        fitting=picture.fitting,
        passed_over=picture.passed_over,
        request_id=picture.request_id,
        cost=cost,
    )
    return msgspec.structs.replace(
        recipe,
        model=picture.model or images.name,
        model_version=picture.version or images.version,
        painting=painting,
    )
