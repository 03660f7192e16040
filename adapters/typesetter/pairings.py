"""Pairings of faces by genre, at most two families each, with their case, spacing and leading."""

import msgspec


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """How a genre sets its words.

    Tracking is in ems; leading is line step over size; `largest` is the biggest title, as a share of the short side;
    `accent` lets the title take the art's most vivid colour when it reads well; `outline` prefers a stroke to a scrim.
    """

    title: str
    text: str
    upper_title: bool = False
    title_tracking: float = 0.0
    leading: float = 1.06
    upper_author: bool = True
    author_tracking: float = 0.14
    text_tracking: float = 0.02
    largest: float = 0.24
    accent: bool = False
    outline: bool = False
    features: tuple[str, ...] = ()
    """OpenType features of the author's line: small capitals where the face has true ones. Scripts that have none there
    get capitals."""


_LITERARY = Pairing(title="Playfair Display Bold", text="Jost")
_FANTASY = Pairing(
    title="Cinzel Bold",
    text="EB Garamond Medium",
    upper_title=True,
    title_tracking=0.03,
    leading=1.10,
    accent=True,
    upper_author=False,
    author_tracking=0.08,
    features=("smcp",),
)
_THRILLER = Pairing(
    title="Bebas Neue", text="Oswald", upper_title=True, title_tracking=0.015, leading=0.94, largest=0.40
)
_SCIENCE_FICTION = Pairing(
    title="Orbitron Bold", text="Exo 2 SemiBold", upper_title=True, title_tracking=0.06, leading=1.22, largest=0.2
)
_ROMANCE = Pairing(title="Playfair Display Medium Italic", text="Jost", leading=1.06, largest=0.25)
_MODERN = Pairing(title="Jost Bold", text="Jost", title_tracking=-0.015, leading=1.0, largest=0.25)
_PLAYFUL = Pairing(
    title="Fredoka SemiBold",
    text="Jost Medium",
    leading=1.0,
    largest=0.27,
    upper_author=False,
    author_tracking=0.02,
    outline=True,
)
_DECO = Pairing(
    title="Josefin Sans SemiBold",
    text="Jost",
    upper_title=True,
    title_tracking=0.10,
    leading=1.18,
    largest=0.19,
    accent=True,
)

_CLASSIC = Pairing(
    title="EB Garamond Medium",
    text="EB Garamond Medium",
    leading=1.0,
    largest=0.25,
    upper_author=False,
    author_tracking=0.08,
    features=("smcp",),
)
_POETRY = msgspec.structs.replace(_CLASSIC, leading=1.12, largest=0.18, author_tracking=0.02, features=())
_CRIME = Pairing(
    title="Oswald SemiBold", text="Oswald", upper_title=True, title_tracking=0.01, leading=1.16, largest=0.28
)

PAIRINGS: dict[str, Pairing] = {
    "literary": _LITERARY,
    "classic": _CLASSIC,
    "poetry": _POETRY,
    "fantasy": _FANTASY,
    "history": msgspec.structs.replace(
        _FANTASY, text="Jost", accent=False, upper_author=True, author_tracking=0.14, features=()
    ),
    "thriller": _THRILLER,
    "crime": _CRIME,
    "science-fiction": _SCIENCE_FICTION,
    "technical": Pairing(title="Exo 2 SemiBold", text="Jost", leading=1.06, largest=0.22),
    "romance": _ROMANCE,
    "modern": _MODERN,
    "nonfiction": msgspec.structs.replace(_MODERN, largest=0.22),
    "podcast": msgspec.structs.replace(_MODERN, upper_title=True, title_tracking=0.0, leading=0.98),
    "video": msgspec.structs.replace(_THRILLER, largest=0.42),
    "playful": _PLAYFUL,
    "children": _PLAYFUL,
    "deco": _DECO,
    "editorial": Pairing(title="DM Serif Display", text="Jost", leading=1.02, largest=0.26),
    "retro": Pairing(title="Abril Fatface", text="Josefin Sans SemiBold", leading=1.02, largest=0.25),
}
