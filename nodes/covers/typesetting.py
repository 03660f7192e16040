"""What the typesetter is told, and how its refusals look to the user."""

import msgspec

from adapters.objects import Objects
from adapters.typesetter import PAIRINGS, Composition, TypeOrder
from adapters.typesetter.logo import Logo
from adapters.typesetter.words import UnfitWords, words_of
from contracts.brands import Brand
from contracts.covers import GenerateCover
from contracts.errors import FieldError, Invalid
from contracts.recipes import Layout, Recipe


def type_order(request: GenerateCover | Recipe, recipe: Recipe) -> TypeOrder:
    """The words of a request, or of a recipe itself, with the fonts, the size and the brand of the recipe.

    Without the logo, whose bytes `with_logo` fetches.
    """
    brand = recipe.brand or Brand()
    return TypeOrder(
        title=request.title,
        subtitle=request.subtitle,
        author=request.author,
        typography=recipe.style_params.typography,
        width=recipe.width,
        height=recipe.height,
        author_style=brand.author_style,
        accents=brand.palette,
    )


async def with_logo(order: TypeOrder, recipe: Recipe, objects: Objects) -> TypeOrder:
    """The order with the logo of the recipe's brand. Raises NotFound, Unavailable."""
    if recipe.brand is None or recipe.brand.logo is None:
        return order
    return marked(order, recipe.brand, await objects.get(recipe.brand.logo))


def marked(order: TypeOrder, brand: Brand, logo: bytes) -> TypeOrder:
    """The order with the bytes of the brand's logo."""
    sha256 = "" if brand.logo is None else brand.logo.sha256
    return msgspec.structs.replace(order, logo=Logo(logo, sha256, brand.logo_position))


def check_words(request: GenerateCover | Recipe, recipe: Recipe) -> None:
    """Tell at once what would fail after the painting. Raises Invalid, which names the field."""
    _check(type_order(request, recipe))


def check_author(author: str, typography: str | None) -> None:
    """Can a name be set? None: in the style's own pairing, and every pairing can set the same. Raises Invalid."""
    pairing = typography or next(iter(PAIRINGS))
    _check(TypeOrder(title="A", author=author, typography=pairing, width=1, height=1))


def _check(order: TypeOrder) -> None:
    try:
        words_of(order)
    except ValueError as error:
        raise not_set(error) from error


def not_set(error: ValueError) -> Invalid:
    """The refusal of the typesetter; where the words of a field are the reason it names the field."""
    if isinstance(error, UnfitWords):
        return Invalid("This text cannot be set.", errors=(FieldError(field=error.field, detail=error.detail),))
    return Invalid(f"The type cannot be set: {error}.")


def layout_of(composition: Composition) -> Layout:
    """The layout in the words of the contract."""
    return msgspec.convert(msgspec.to_builtins(composition.layout), Layout)
