"""What the typesetter is told, and how its refusals look to the user."""

import msgspec

from adapters.typesetter import Composition, TypeOrder, UnprintableText
from adapters.typesetter.words import words_of
from contracts.covers import GenerateCover, Layout, Recipe
from contracts.errors import FieldError, Invalid


def type_order(request: GenerateCover | Recipe, recipe: Recipe) -> TypeOrder:
    """The words of a request, or of a recipe itself, with the fonts and the size of the recipe."""
    return TypeOrder(
        title=request.title,
        subtitle=request.subtitle,
        author=request.author,
        typography=recipe.style_params.typography,
        width=recipe.width,
        height=recipe.height,
    )


def check_words(request: GenerateCover | Recipe, recipe: Recipe) -> None:
    """Tell at once what would fail after the painting. Raises Invalid as `not_set` makes it."""
    try:
        words_of(type_order(request, recipe))
    except ValueError as error:
        raise not_set(error) from error


def not_set(error: ValueError) -> Invalid:
    """The refusal of the typesetter; for letters that no font has it names field and characters."""
    if isinstance(error, UnprintableText):
        return Invalid("This text cannot be set.", errors=(FieldError(field=error.field, detail=error.detail),))
    return Invalid(f"The type cannot be set: {error}.")


def layout_of(composition: Composition) -> Layout:
    """The layout in the words of the contract."""
    return msgspec.convert(msgspec.to_builtins(composition.layout), Layout)
