"""The words of an order made ready to set: cleaned, cased, and given faces that can print them."""

import unicodedata

import msgspec

from adapters.typesetter import fonts
from adapters.typesetter.pairings import PAIRINGS
from adapters.typesetter.setting import Style

LONGEST = {"title": 150, "subtitle": 250, "author": 150}
"""Characters that each field may have."""

_ALIKE = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2011": "-", "\u2010": "-", "\u02bc": "\u2019"}
    | dict.fromkeys("\u200b\ufeff\u00ad", None)
)
"""Invisible characters dropped, and spaces and hyphens that look the same set as the ones that faces have."""


class TypeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to set: the words, the name of a pairing of faces, and the size of the page in pixels."""

    title: str
    subtitle: str | None = None
    author: str | None = None
    typography: str
    width: int
    height: int


class UnprintableText(ValueError):
    """No face that ships with the typesetter has all the characters of a field.

    `field` is title, subtitle or author; `characters` are those that cannot be printed.
    """

    def __init__(self, field: str, characters: str) -> None:
        super().__init__(f"the {field} has characters that no font here can print: {characters}")
        self.field = field
        self.characters = characters

    def __reduce__(self) -> tuple[type["UnprintableText"], tuple[str, str]]:
        """Cross a process border whole."""
        return type(self), (self.field, self.characters)


class Words(msgspec.Struct, frozen=True):
    """One field ready to set."""

    role: str
    text: str
    style: Style


def words_of(order: TypeOrder) -> dict[str, Words]:
    """Title, and subtitle and author when given, by role.

    Raises UnprintableText, and ValueError for an unknown pairing, an empty title or a field that is too long.
    """
    pairing = PAIRINGS.get(order.typography)
    if pairing is None:
        raise ValueError(f"there is no pairing of fonts called {order.typography!r}")
    styles = {
        "title": (pairing.title, pairing.upper_title, pairing.title_tracking, pairing.leading),
        "subtitle": (pairing.text, False, pairing.text_tracking, 1.22),
        "author": (pairing.text, pairing.upper_author, pairing.author_tracking, 1.3),
    }
    found = {}
    for role, raw in (("title", order.title), ("subtitle", order.subtitle), ("author", order.author)):
        text = _clean(role, raw or "")
        if not text:
            continue
        face, upper, tracking, leading = styles[role]
        text = _upper(text) if upper else text
        found[role] = Words(role, text, Style(_face(role, face, text), tracking, leading))
    if "title" not in found:
        raise ValueError("a cover needs a title")
    return found


def _clean(role: str, raw: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", raw).translate(_ALIKE).split())
    if len(text) > LONGEST[role]:
        raise ValueError(f"the {role} is longer than {LONGEST[role]} characters")
    return text


def _upper(text: str) -> str:
    """Capitals as printers set them: no accents lost, and sharp s as SS."""
    return unicodedata.normalize("NFC", text.upper())


def _face(role: str, face: str, text: str) -> str:
    chosen = fonts.fitting_face(face, text)
    if chosen is None:
        raise UnprintableText(role, fonts.unprintable(face, text))
    return chosen
