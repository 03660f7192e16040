"""Type on art, and the picture's credentials: what both kinds of tasks do in their step `compose`."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.provenance.signatory import Signatory
from adapters.typesetter import TypeOrder, compose
from adapters.workers import Workers
from contracts.errors import Invalid
from contracts.recipes import Recipe
from nodes.covers.takes import typeset
from nodes.covers.typesetting import layout_of, not_set


class Composed(msgspec.Struct, frozen=True):
    """What the step keeps."""

    pictures: Mapping[str, tuple[bytes, str]]
    """`picture` and `thumbnail`: bytes and media type."""
    noted: Mapping[str, Any]
    """Layout, recipe, and `composed`: the SHA-256 of the picture before its credentials, which differ each time. By it
    is told whether a recipe gave the same picture again."""


class Composer:
    """Composes in `workers`; without a `signatory` pictures get no credentials."""

    def __init__(self, workers: Workers, signatory: Signatory | None) -> None:
        self._workers = workers
        self._signatory = signatory

    async def compose(
        self, art: bytes, order: TypeOrder, recipe: Recipe, *, cover_id: uuid.UUID, version: str, region: str | None
    ) -> Composed:
        """The finished picture and its small one. `version` says which picture of the cover it is, `region` whose
        labels it needs. Raises Invalid."""
        try:
            composition = await self._workers.run(compose, art, order)
        except ValueError as error:
            raise not_set(error) from error
        both = (composition.picture, composition.thumbnail)
        data = await self._signed(tuple(each.data for each in both), recipe, cover_id, version, region)
        noted = {
            "layout": layout_of(composition),
            "recipe": typeset(recipe, composition),
            "composed": hashlib.sha256(composition.picture.data).hexdigest(),
        }
        media = (each.media_type for each in both)
        return Composed(dict(zip(("picture", "thumbnail"), zip(data, media, strict=True), strict=True)), noted)

    async def _signed(
        self, pictures: tuple[bytes, ...], recipe: Recipe, cover_id: uuid.UUID, version: str, region: str | None
    ) -> tuple[bytes, ...]:
        if self._signatory is None:
            return pictures
        model = (recipe.model, recipe.model_version)
        try:
            return await self._signatory.created(
                pictures, cover_id=cover_id, version=version, model=model, region=region
            )
        except ValueError as error:
            raise Invalid(f"The picture gets no credentials: {error}.") from error
