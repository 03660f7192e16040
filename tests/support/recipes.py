"""Covers made from recipes by pure functions: painter and typesetter, no servers.

`python -m tests.support.recipes` reads recipes as JSON lines and writes the SHA-256 of the picture of each.
"""

import hashlib
import sys
import uuid

import msgspec

from adapters.images.painter import paint
from adapters.objects import describe
from adapters.typesetter import compose
from adapters.typesetter.logo import prepared
from contracts.recipes import Recipe
from contracts.wire import Context, ObjectRef
from nodes.covers.painting import paint_order
from nodes.covers.takes import typeset
from nodes.covers.typesetting import marked, type_order
from tests.support.logos import LOGOS, png


def replayed(recipe: Recipe) -> tuple[Recipe, str]:
    """The recipe with what the type was set with, and the SHA-256 of the picture."""
    art = paint(paint_order(recipe, "", uuid.UUID(int=0), Context.new()))
    order = type_order(recipe, recipe)
    if recipe.brand is not None and recipe.brand.logo is not None:
        order = marked(order, recipe.brand, logo_of(recipe.brand.logo))
    composition = compose(art.data, order)
    return typeset(recipe, composition), hashlib.sha256(composition.picture.data).hexdigest()


def logo_ref(name: str) -> ObjectRef:
    """Where the covers node would keep that logo."""
    return describe("logo-0", prepared(png(LOGOS[name])), "image/png")


def logo_of(ref: ObjectRef) -> bytes:
    """The bytes of a logo of the tests, found by their hash."""
    made = (prepared(png(image)) for image in LOGOS.values())
    return next(data for data in made if hashlib.sha256(data).hexdigest() == ref.sha256)


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        sys.stdout.write(replayed(msgspec.json.decode(line, type=Recipe))[1] + "\n")
