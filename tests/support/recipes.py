"""Covers made from recipes by pure functions: painter and typesetter, no servers.

`python -m tests.support.recipes` reads recipes as JSON lines and writes the SHA-256 of the picture of each.
"""

import hashlib
import sys
import uuid

import msgspec

from adapters.images.painter import paint
from adapters.typesetter import compose
from contracts.covers import Recipe
from contracts.wire import Context
from nodes.covers.painting import paint_order
from nodes.covers.takes import typeset
from nodes.covers.typesetting import type_order


def replayed(recipe: Recipe) -> tuple[Recipe, str]:
    """The recipe with what the type was set with, and the SHA-256 of the picture."""
    art = paint(paint_order(recipe, "", uuid.UUID(int=0), Context.new()))
    composition = compose(art.data, type_order(recipe, recipe))
    return typeset(recipe, composition), hashlib.sha256(composition.picture.data).hexdigest()


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        sys.stdout.write(replayed(msgspec.json.decode(line, type=Recipe))[1] + "\n")
