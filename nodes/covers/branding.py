"""The rules of brand kits: what one may say, and what an order takes from it into its recipe."""

import uuid
from datetime import datetime

import msgspec
from msgspec import UNSET

from adapters.typesetter import PAIRINGS
from adapters.typesetter.author_style import has_weight
from contracts.brands import AuthorStyle, Brand, BrandKit, LogoPosition, SetBrandKit
from contracts.covers import GenerateCover, RetypeCover
from contracts.errors import FieldError, Invalid
from contracts.recipes import Recipe
from contracts.templates import Palette
from contracts.wire import ObjectRef


class Kit(msgspec.Struct, frozen=True, kw_only=True, rename={"user_id": "_id"}):
    """A kit as it is stored."""

    user_id: uuid.UUID
    typography: str | None = None
    palette: Palette = ()
    author: str | None = None
    author_style: AuthorStyle | None = None
    logo_upload_id: uuid.UUID | None = None
    logo: ObjectRef | None = None
    """The node's own copy."""
    logo_position: LogoPosition = "auto"
    updated_at: datetime


def taken(kit: Kit | None) -> Kit:
    """The kit for an order. Raises Invalid when there is none, or nothing in it."""
    if kit is None or kept(SetBrandKit(), kit.user_id, None, kit.updated_at) == kit:
        raise Invalid(errors=(FieldError(field="brand", detail="you have no brand kit yet"),))
    return kit


def check_kit(order: SetBrandKit) -> None:
    """Raises Invalid for a pairing that is not there, or that lacks the weight asked for."""
    if order.typography is None:
        return
    if order.typography not in PAIRINGS:
        raise Invalid(errors=(FieldError(field="typography", detail=f"must be one of {', '.join(sorted(PAIRINGS))}"),))
    weight = order.author_style.weight if order.author_style else None
    if weight is not None and not has_weight(PAIRINGS[order.typography].text, weight):
        detail = f"{order.typography} has no {weight} face for names"
        raise Invalid(errors=(FieldError(field="author_style.weight", detail=detail),))


def kept(order: SetBrandKit, user_id: uuid.UUID, logo: ObjectRef | None, at: datetime) -> Kit:
    """The kit that an order makes."""
    return Kit(
        user_id=user_id,
        typography=order.typography,
        palette=order.palette,
        author=order.author,
        author_style=order.author_style,
        logo_upload_id=order.logo_upload_id,
        logo=logo,
        logo_position=order.logo_position,
        updated_at=at,
    )


def seen(kit: Kit | None) -> BrandKit:
    """The kit as its owner sees it."""
    if kit is None:
        return BrandKit()
    return BrandKit(
        typography=kit.typography,
        palette=kit.palette,
        author=kit.author,
        author_style=kit.author_style,
        logo_upload_id=kit.logo_upload_id,
        logo_sha256=None if kit.logo is None else kit.logo.sha256,
        logo_position=kit.logo_position,
        updated_at=kit.updated_at,
    )


def completed(request: GenerateCover, kit: Kit | None) -> GenerateCover:
    """The request with the kit's author and colours where it gives none."""
    if kit is None:
        return request
    return msgspec.structs.replace(request, author=request.author or kit.author, palette=request.palette or kit.palette)


def dressed(recipe: Recipe, kit: Kit | None) -> Recipe:
    """The recipe with the kit's fonts, author style and logo."""
    if kit is None:
        return recipe
    brand = Brand(
        typography=kit.typography,
        palette=kit.palette,
        author_style=kit.author_style,
        logo=kit.logo,
        logo_position=kit.logo_position,
    )
    style = msgspec.structs.replace(recipe.style_params, typography=kit.typography or recipe.style_params.typography)
    return msgspec.structs.replace(recipe, style_params=style, brand=brand)


def rebranded(recipe: Recipe, order: RetypeCover, kit: Kit | None) -> Recipe:
    """The recipe that a retype begins with: with the kit of now, without a brand, or with what it had.

    The kit's author comes where there was none and the order says nothing; its colours only where another format has
    the art painted anew, as the recipe has to tell how its art was made.
    """
    if order.brand is False:
        return msgspec.structs.replace(recipe, brand=None)
    if kit is None:
        return recipe
    changed = dressed(recipe, kit)
    if recipe.author is None and order.author is UNSET:
        changed = msgspec.structs.replace(changed, author=kit.author)
    if kit.palette and order.format not in (UNSET, recipe.format):
        style = msgspec.structs.replace(changed.style_params, palette=kit.palette)
        changed = msgspec.structs.replace(changed, style_params=style)
    return changed
