"""Lines as runs of one face each, in the order they are seen: measured with kerning and tracking, in ems."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from adapters.typesetter import author_style, fonts
from adapters.typesetter.author_style import SmallCaps
from adapters.typesetter.scripts import RTL, is_rtl, script_of

REFERENCE = 500
"""Size at which widths are measured; they grow in proportion."""
HANGING = (
    dict.fromkeys(".,\u2026\u3001\u3002\uff0c\uff0e'\"\u2018\u2019\u201c\u201d\u060c-\u2010\u2013", 0.8)
    | dict.fromkeys(":;\uff1a\uff1b!\uff01\u30fb\u00ab\u00bb\u2014", 0.5)
    | dict.fromkeys("\u300c\u300d\u300e\u300f?\uff1f", 0.35)
)
"""Share of signs that hangs outside a line's edge: they are too light to hold it."""
EDGES = 120
"""Size at which the ink at the ends of lines is looked at."""
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Style:
    """How words are set: a face for each script, tracking (ems), leading (line step over size).

    `face` is that of most letters; `faces` are (script, face) for all scripts there are, and (None, face) for shared
    signs that no other has. `rtl` lines run from right to left. `language` decides the forms of CJK characters. `small`
    makes small letters small capitals, `grade` widens strokes by so many ems on either side.
    """

    face: str
    tracking: float
    leading: float
    faces: tuple[tuple[str | None, str], ...] = ()
    rtl: bool = False
    language: str | None = None
    features: tuple[str, ...] = ()
    small: SmallCaps | None = None
    grade: float = 0.0


@dataclass(frozen=True)
class Piece:
    """What is drawn at once: a run, or one letter of a tracked run; its offset from the line's left in ems.

    `scale` is its size over the line's, `stroke` the width in ems of an outline that makes it bolder.
    """

    text: str
    face: str
    offset: float
    rtl: bool
    scale: float = 1.0
    stroke: float = 0.0


@dataclass(frozen=True)
class Line:
    """A line made ready to draw, its width in ems."""

    pieces: tuple[Piece, ...]
    width: float


def clusters(text: str) -> list[str]:
    """Letters with their combining marks and joiners, so that nothing parts them."""
    found: list[str] = []
    for character in text:
        if found and (unicodedata.combining(character) or character in _JOINERS):
            found[-1] += character
        else:
            found.append(character)
    return found


def split(text: str, style: Style) -> tuple[tuple[str, str], ...]:
    """The runs of a text as (face, text), in the order of reading; shared signs stay with the letters before them."""
    parts = clusters(text)
    of_scripts = dict(style.faces)
    scripts = [script_of(part[0]) for part in parts]
    current = next((of_scripts[s] for s in scripts if s in of_scripts and s is not None), style.face)
    chosen = []
    for part, script in zip(parts, scripts, strict=True):
        own = of_scripts.get(script) if script else None
        tries = [own] if own else [current, style.face, *(face for _, face in style.faces)]
        current = next((face for face in tries if not fonts.missing(face, part)), current)
        chosen.append(current)
    pairs = groupby(zip(chosen, parts, strict=True), key=lambda pair: pair[0])
    return tuple((face, "".join(part for _, part in group)) for face, group in pairs)


@lru_cache(maxsize=4096)
def line(text: str, style: Style) -> Line:
    """Lay one line out."""
    pieces: list[Piece] = []
    x = 0.0
    sized = (
        (face, *part)
        for face, run in _seen(split(text, style), style.rtl)
        for part in author_style.parts(run, style.small)
    )
    for face, run, scale, stroke in sized:
        rtl = style.rtl or any(script_of(c) in RTL for c in run)
        if rtl or not style.tracking:
            pieces.append(Piece(run, face, x, rtl, scale, stroke))
            x += advance(run, face, style, rtl) * scale
            continue
        sofar = ""
        for index, cluster in enumerate(clusters(run)):
            sofar += cluster
            kerned = advance(sofar, face, style, False) - advance(cluster, face, style, False)
            offset = x + kerned * scale + style.tracking * index
            pieces.append(Piece(cluster, face, offset, False, scale, stroke))
        x += advance(run, face, style, False) * scale + style.tracking * len(clusters(run))
    tail = style.tracking if pieces and not pieces[-1].rtl else 0.0
    return Line(tuple(pieces), max(x - tail, 0.0))


def _seen(found: Sequence[tuple[str, str]], rtl: bool) -> list[tuple[str, str]]:
    """Runs of several faces from left to right; within a run the shaper itself puts the letters in order."""
    groups = [list(group) for _, group in groupby(found, key=lambda run: is_rtl(run[1]))]
    if rtl:
        groups.reverse()
    return [run for group in groups for run in (reversed(group) if is_rtl(group[0][1]) else group)]


@lru_cache(maxsize=16384)
def advance(text: str, face: str, style: Style, rtl: bool) -> float:
    """Width of a run in ems."""
    font = fonts.at_size(face, REFERENCE)
    features = features_of(style)
    return (
        font.getlength(text, direction="rtl" if rtl else "ltr", features=features, language=style.language) / REFERENCE
    )


def features_of(style: Style) -> list[str]:
    """OpenType features: small capitals where wanted; no ligatures between letters that are spaced."""
    return [*style.features, *(("-liga", "-clig") if style.tracking else ())]


@lru_cache(maxsize=512)
def extent(text: str, style: Style) -> tuple[float, float]:
    """How far the ink of a text reaches above and below its baseline, in ems."""
    boxes = [
        (
            piece.scale,
            fonts.at_size(piece.face, REFERENCE).getbbox(piece.text, anchor="ls", features=features_of(style)),
        )
        for piece in line(text, style).pieces
        if not piece.text.isspace()
    ]
    above, below = max(-box[1] * scale for scale, box in boxes), max(box[3] * scale for scale, box in boxes)
    return above / REFERENCE, below / REFERENCE


@lru_cache(maxsize=4096)
def overhang(text: str, style: Style) -> tuple[float, float]:
    """What the eye does not count at either end of a line, in ems: side bearings, and light signs that hang."""
    pieces = [piece for piece in line(text, style).pieces if not piece.text.isspace()]
    if not pieces:
        return 0.0, 0.0
    first, last = pieces[0], pieces[-1]
    before, after = _ink(first, style)[0], _ink(last, style)[1]
    opening, closing = first.text[-1 if first.rtl else 0], last.text[0 if last.rtl else -1]
    return before + _hung(opening, first, style, before), after + _hung(closing, last, style, after)


def _ink(piece: Piece, style: Style) -> tuple[float, float]:
    """Side bearings of a piece in ems: from its origin to its ink, and from its ink to its end."""
    font, text = fonts.at_size(piece.face, EDGES), piece.text.rstrip()
    direction, features = "rtl" if piece.rtl else "ltr", features_of(style)
    mask, (across, _) = font.getmask2(
        text, anchor="ls", direction=direction, features=features, language=style.language
    )
    left, _, right, _ = mask.getbbox() or (0, 0, 0, 0)
    end = font.getlength(text, direction=direction, features=features, language=style.language)
    return (left + across) / EDGES * piece.scale, (end - right - across) / EDGES * piece.scale


def _hung(sign: str, piece: Piece, style: Style, bearing: float) -> float:
    """How much of a sign hangs outside the line's optical edge, beyond its side bearing, in ems."""
    if sign not in HANGING:
        return 0.0
    width = advance(sign, piece.face, style, piece.rtl) * piece.scale
    return max(min(HANGING[sign] * width, 0.95 * width - bearing), 0.0)
