"""What a picture of a cover was made from, and what was measured on it: recipes and layouts."""

import uuid
from typing import Literal

import msgspec

from contracts.brands import Brand, PlacedLogo
from contracts.templates import StyleParams

Format = Literal["ebook", "square", "thumbnail", "paperback", "portrait", "story", "wide"]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture cost where it was painted: millionths of a unit of the currency."""

    micros: int
    currency: str


class Painting(msgspec.Struct, frozen=True, kw_only=True):
    """How the art was made, as far as the order alone does not say it."""

    reproducible: bool
    """Does the same recipe give the same bytes?"""
    seed: int | None
    """As the model used it; None for a model without seeds."""
    fitting: str = ""
    """What was done to a picture of another size; empty: nothing."""
    passed_over: tuple[str, ...] = ()
    """Models that were to make it and did not, each with the code of the reason: `openai: rate_limited`."""
    request_id: str = ""
    """What the provider calls its request."""
    cost: Cost | None = None
    """None when it is not known."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to make the cover again."""

    prompt: str
    """The resolved prompt that the image model got."""
    template_id: uuid.UUID
    template_name: str
    style_params: StyleParams
    model: str
    model_version: str
    seed: int
    width: int
    height: int
    format: Format = "ebook"
    title: str = ""
    subtitle: str | None = None
    author: str | None = None
    typesetter: str = ""
    """Version of the layout rules; empty until the type is set."""
    fonts: dict[str, str] = {}
    """Faces that were used, each with the SHA-256 of its file."""
    painting: Painting | None = None
    """None until there is art."""
    brand: Brand | None = None
    """What was taken from the brand kit; None: nothing."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """One text as it was set."""

    role: str
    """title, subtitle or author."""
    lines: tuple[str, ...]
    box: tuple[int, int, int, int]
    """x, y, width, height of the ink in pixels."""
    font: str
    """The face of most letters."""
    font_sha256: str
    faces: dict[str, str] = {}
    """Every face used, with the SHA-256 of its file: other scripts have others."""
    size: int
    """Pixels."""
    colour: str
    contrast: float
    """WCAG 2 contrast ratio against the pixels behind the glyphs."""
    treatment: str
    """none, scrim, panel or stroke."""


class Thumbnail(msgspec.Struct, frozen=True, kw_only=True):
    """How the title reads within 100 x 150 pixels."""

    legible: bool
    contrast: float
    """The ratio that nine in ten of its strokes reach against the ground beside them; legible from 3."""
    height_px: float
    """Height of its small letters, or of capitals or square characters, in the thumbnail's pixels."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How the type was set, with what was measured."""

    width: int
    height: int
    grid: str = ""
    """The name of the layout grid."""
    placed: tuple[Placed, ...]
    min_contrast: float
    thumbnail: Thumbnail | None = None
    """None for covers made before it was measured."""
    logo: PlacedLogo | None = None
    """None: no logo was ordered."""
    version: str
