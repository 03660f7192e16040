"""The words of an order made ready to set: cleaned, cased, and given faces that can print them."""

import unicodedata

import msgspec

from adapters.typesetter import author_style, fonts, scripts
from adapters.typesetter.logo import Logo
from adapters.typesetter.pairings import PAIRINGS, Pairing
from adapters.typesetter.runs import Style, clusters
from adapters.typesetter.scripts import ARABIC, CASED, LATIN, RTL, SQUARE, script_of
from contracts.brands import AuthorStyle

LONGEST = {"title": 150, "subtitle": 250, "author": 150}
"""Characters that each field may have."""
LONG = 48
"""Characters from which a title is long: set with half the tracking."""
GRADED, PLAIN, NARROW = 1, 2, 3
"""How a title is set when it cannot be read small in its pairing: bolder; in small letters of the text face; narrow."""
GRADE = 0.012
"""Ems that a bolder title's strokes are widened by on either side."""

_STURDY = {"Jost": "Jost Medium", "Oswald": "Oswald SemiBold"}
"""Text faces too thin for small titles, and what stands for them."""

_ALIKE = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2011": "-", "\u2010": "-", "\u02bc": "\u2019"}
    | dict.fromkeys("\u200b\ufeff\u00ad\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", None)
)
"""Invisible characters dropped, and spaces and hyphens that look the same set as the ones that faces have."""


class TypeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to set: the words, the name of a pairing of faces, and the size of the page in pixels.

    Of a brand: how the author's name is set, colours (`#1a2b3c`) that one line may be printed in, and the logo.
    """

    title: str
    subtitle: str | None = None
    author: str | None = None
    typography: str
    width: int
    height: int
    author_style: AuthorStyle | None = None
    accents: tuple[str, ...] = ()
    logo: Logo | None = None


class UnfitWords(ValueError):
    """A field cannot be set: `field` is title, subtitle or author; `detail` says why, for people."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)  # both, so that it crosses a process border whole
        self.field = field
        self.detail = detail

    def __str__(self) -> str:
        return f"the {self.field} {self.detail}"


class UnprintableText(UnfitWords):
    """No face at hand has all the characters of a field; `characters` are those that cannot be printed."""

    def __init__(self, field: str, characters: str) -> None:
        self.characters = characters
        emoji = scripts.emoji_in(characters)
        what = "emoji, which are not set as type" if emoji else "characters that no font here can print"
        super().__init__(field, f"has {what}: {emoji or characters}")

    def __reduce__(self) -> tuple[type["UnprintableText"], tuple[str, str]]:
        """Cross a process border whole."""
        return type(self), (self.field, self.characters)


class Words(msgspec.Struct, frozen=True):
    """One field ready to set."""

    role: str
    text: str
    style: Style


class Manner(msgspec.Struct, frozen=True):
    """How a field of a role would be set."""

    face: str
    upper: bool
    tracking: float
    leading: float
    display: bool = False
    features: tuple[str, ...] = ()
    small: bool = False
    """With small capitals for small letters, made ones where the face has none."""
    grade: float = 0.0


def words_of(order: TypeOrder, closeness: int = 0) -> dict[str, Words]:
    """Title, and subtitle and author when given, by role; the title PLAIN or NARROW when that is asked for.

    Raises UnprintableText, UnfitWords for an empty title or a field that is too long, and ValueError for an unknown
    pairing.
    """
    pairing = PAIRINGS.get(order.typography)
    if pairing is None:
        raise ValueError(f"there is no pairing of fonts called {order.typography!r}")
    raw = {"title": order.title, "subtitle": order.subtitle, "author": order.author}
    texts = {role: text for role, given in raw.items() if (text := _clean(role, given or ""))}
    if "title" not in texts:
        raise UnfitWords("title", "has nothing that can be seen")
    language = scripts.language_of(" ".join(texts.values()))
    manners = {
        "title": _title_manner(pairing, texts["title"], closeness),
        "subtitle": Manner(pairing.text, False, pairing.text_tracking, 1.22),
        "author": _author_manner(pairing, order.author_style),
    }
    return {role: _words(role, text, manners[role], language) for role, text in texts.items()}


def _author_manner(pairing: Pairing, style: AuthorStyle | None) -> Manner:
    if style is None:
        return Manner(pairing.text, pairing.upper_author, pairing.author_tracking, 1.3, features=pairing.features)
    tracking = author_style.SPACED[style.case] if style.tracking is None else style.tracking
    face = author_style.weighted(pairing.text, style.weight)
    return Manner(face, style.case == "upper", tracking, 1.3, small=style.case == "small_caps")


def _title_manner(pairing: Pairing, text: str, closeness: int) -> Manner:
    if closeness == NARROW:
        return Manner(fonts.NARROW, False, 0.0, 0.98, display=True)
    if closeness == PLAIN:
        square = bool(SQUARE & set(scripts.scripts_in(text)))  # a bold sans: serifs of square characters are thin
        face = "Jost Medium" if square else _STURDY.get(pairing.text, pairing.text)
        return Manner(face, False, 0.0, min(pairing.leading, 1.06), display=True, grade=GRADE / 2)
    tracking = pairing.title_tracking * (0.5 if len(text) > LONG and pairing.title_tracking > 0 else 1.0)
    grade = GRADE if closeness == GRADED else 0.0
    return Manner(pairing.title, pairing.upper_title, tracking + grade, pairing.leading, display=True, grade=grade)


def _clean(role: str, raw: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", raw).translate(_ALIKE).split())
    if len(text) > LONGEST[role]:
        raise UnfitWords(role, f"is longer than {LONGEST[role]} characters")
    return text


def _words(role: str, text: str, manner: Manner, language: str | None) -> Words:
    if emoji := scripts.emoji_in(text):
        raise UnprintableText(role, emoji)
    found = scripts.scripts_in(text) or (LATIN,)
    main = found[0]
    upper = manner.upper or (manner.features and found != (LATIN,))
    text = scripts.capitals(text) if upper and not RTL & set(found) else text
    faces = _faces(role, text, found, manner, language)
    own = found == (LATIN,) and faces[0][1] == manner.face
    real = own and manner.small and author_style.has_small_caps(manner.face)
    style = Style(
        face=faces[0][1],
        tracking=_tracking(main, manner),
        leading=_leading(main, manner),
        faces=faces,
        rtl=scripts.is_rtl(text),
        language=language,
        features=("smcp",) if real else manner.features if own else (),
        grade=manner.grade,
        small=author_style.made(faces[0][1]) if manner.small and not real and main in CASED else None,
    )
    return Words(role, text, style)


def _tracking(main: str, manner: Manner) -> float:
    """None where letters join, little between square characters, and the pairing's for capitals that were made."""
    if main in RTL:
        return 0.0
    if main in SQUARE:
        return 0.03 if manner.display else 0.06
    return manner.tracking if main in CASED else 0.0


def _leading(main: str, manner: Manner) -> float:
    if main == ARABIC:
        return max(manner.leading, 1.45)
    return max(manner.leading, 1.24) if main in SQUARE else manner.leading


def _faces(
    role: str, text: str, found: tuple[str, ...], manner: Manner, language: str | None
) -> tuple[tuple[str | None, str], ...]:
    """A face for each script, one for all when a right-to-left one has them all; then faces for what is left."""
    faces: list[tuple[str | None, str]] = []
    for script in found:
        tries = fonts.faces_for(script, manner.face, manner.display, language)
        own = "".join(part for part in clusters(text) if script_of(part[0]) == script)
        whole = text if script in RTL else own
        fitting = [face for wanted in (whole, own) for face in tries if not fonts.missing(face, wanted)]
        if not fitting:
            raise UnprintableText(role, min((fonts.missing(face, own) for face in tries), key=len))
        faces.append((script, fitting[0]))
    return (*faces, *((None, face) for face in _others(role, text, tuple(face for _, face in faces))))


def _others(role: str, text: str, have: tuple[str, ...]) -> tuple[str, ...]:
    """Faces for signs of no script that those at hand lack."""
    shared = "".join(dict.fromkeys(c for c in text if script_of(c) is None))
    lacking = "".join(c for c in shared if all(fonts.missing(face, c) for face in have))
    if not lacking:
        return ()
    spare = ("Playfair Display Bold", "EB Garamond Medium", "Comfortaa Bold", "Noto Sans CJK Bold")
    best = min(spare, key=lambda face: len(fonts.missing(face, lacking)))
    if left := fonts.missing(best, lacking):
        raise UnprintableText(role, left)
    return (best,)
