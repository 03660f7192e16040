"""Brand kits: fonts, colours, logo and the author's line that all covers of a user may share.

An order with `brand: true` takes what the kit says at that time into its recipe, so that a version is made again to the
byte whatever becomes of the kit.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from contracts.templates import Palette, Slug
from contracts.text import ONE_LINE
from contracts.wire import Endpoint, ObjectRef

Author = Annotated[str, msgspec.Meta(min_length=1, max_length=150, pattern=ONE_LINE)]
Case = Literal["as_typed", "upper", "small_caps"]
Weight = Literal["regular", "bold"]
LogoPosition = Literal["auto", "bottom", "top"]
"""`auto`: where the layout has calm room."""
Tracking = Annotated[float, msgspec.Meta(ge=0, le=0.3)]
"""Space between letters in ems."""


class AuthorStyle(msgspec.Struct, frozen=True, kw_only=True):
    """How the author's name is set, in the text face of the pairing."""

    case: Case = "as_typed"
    """`small_caps`: those of the face when it has some, else small capitals of a compensated weight."""
    tracking: Tracking | None = None
    """None: what suits the case."""
    weight: Weight | None = None
    """None: the pairing's own. Pairings whose text face has one weight keep it."""


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipe keeps of the kit that it was ordered with."""

    typography: Slug | None = None
    """None: the style's own pairing."""
    palette: Palette = ()
    """Colours that the art is painted with where the order gives none, and that one line may be printed in."""
    author_style: AuthorStyle | None = None
    logo: ObjectRef | None = None
    logo_position: LogoPosition = "auto"


class PlacedLogo(msgspec.Struct, frozen=True, kw_only=True):
    """The logo as it was set."""

    box: tuple[int, int, int, int]
    """x, y, width, height in pixels, without its plate."""
    position: Literal["bottom", "top"]
    sha256: str
    contrast: float
    """WCAG 2 contrast ratio that nine tenths of its outline reach against the ground beside them."""
    plate: str | None = None
    """Colour of the sheet under it; None: it reads well enough without."""


class GetBrandKit(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's brand kit; an empty one for users who have none."""


class SetBrandKit(msgspec.Struct, frozen=True, kw_only=True):
    """All of the caller's brand kit; what is left out is taken away.

    The picture of the logo is copied, so that the upload may go. The same `logo_upload_id` as before keeps the copy.
    Raises Invalid for a pairing that is not there or lacks the weight, a name that no font has, and a logo that cannot
    be set; Refused, UnderReview for the author's name; Unauthenticated for a deleted user.
    """

    typography: Slug | None = None
    """The name of a font pairing."""
    palette: Palette = ()
    author: Author | None = None
    """The name on covers whose order gives none."""
    author_style: AuthorStyle | None = None
    logo_upload_id: uuid.UUID | None = None
    """An upload with the purpose `logo`."""
    logo_position: LogoPosition = "auto"


class BrandKit(msgspec.Struct, frozen=True, kw_only=True):
    """A brand kit as its owner sees it."""

    typography: Slug | None = None
    palette: Palette = ()
    author: Author | None = None
    author_style: AuthorStyle | None = None
    logo_upload_id: uuid.UUID | None = None
    logo_sha256: str | None = None
    """Of the copy that covers are made with: trimmed, and small enough to print."""
    logo_position: LogoPosition = "auto"
    updated_at: datetime | None = None
    """None: there is no kit yet."""


EDGE = frozenset({"edge"})

GET = Endpoint("svc.covers.brand_kit", GetBrandKit, BrandKit, EDGE, "Read the caller's brand kit")
SET = Endpoint("svc.covers.set_brand_kit", SetBrandKit, BrandKit, EDGE, "Replace the caller's brand kit", timeout=10)

CONTRACTS: tuple[Endpoint[Any, Any], ...] = (GET, SET)
