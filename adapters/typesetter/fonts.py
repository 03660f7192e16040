"""The faces that ship with the typesetter: files, licences, hashes, and which characters each can print.

Every file is under the SIL Open Font License 1.1; its text is beside it as `OFL-<family>.txt`. Files are read when
first used.
"""

import hashlib
import io
import struct
from functools import cache, lru_cache
from importlib import resources

import msgspec
from PIL import ImageFont


class Face(msgspec.Struct, frozen=True):
    """One font file: its name for people, its file, and whether it is a serif (for choosing a stand-in)."""

    name: str
    file: str
    serif: bool
    licence: str = "OFL-1.1"


_FACES = (
    Face("Abril Fatface", "AbrilFatface_400Regular.ttf", True),
    Face("Bebas Neue", "BebasNeue_400Regular.ttf", False),
    Face("Cinzel Bold", "Cinzel_700Bold.ttf", True),
    Face("Comfortaa Bold", "Comfortaa_700Bold.ttf", False),
    Face("DM Serif Display", "DMSerifDisplay_400Regular.ttf", True),
    Face("EB Garamond Medium", "EBGaramond_500Medium.ttf", True),
    Face("Exo 2 SemiBold", "Exo2_600SemiBold.ttf", False),
    Face("Fredoka SemiBold", "Fredoka_600SemiBold.ttf", False),
    Face("Josefin Sans SemiBold", "JosefinSans_600SemiBold.ttf", False),
    Face("Jost", "Jost_400Regular.ttf", False),
    Face("Jost Medium", "Jost_500Medium.ttf", False),
    Face("Jost Bold", "Jost_700Bold.ttf", False),
    Face("Orbitron Bold", "Orbitron_700Bold.ttf", False),
    Face("Oswald", "Oswald_400Regular.ttf", False),
    Face("Oswald SemiBold", "Oswald_600SemiBold.ttf", False),
    Face("Playfair Display Bold", "PlayfairDisplay_700Bold.ttf", True),
    Face("Playfair Display Medium Italic", "PlayfairDisplay_500Medium_Italic.ttf", True),
)
FACES: dict[str, Face] = {face.name: face for face in _FACES}

_STAND_INS = {
    True: ("Playfair Display Bold", "EB Garamond Medium", "Comfortaa Bold"),
    False: ("Oswald SemiBold", "Jost Bold", "Exo 2 SemiBold", "Comfortaa Bold", "EB Garamond Medium"),
}


@cache
def _data(name: str) -> bytes:
    return resources.files("adapters.typesetter").joinpath("fonts", FACES[name].file).read_bytes()


@cache
def sha256(name: str) -> str:
    """The hash of the face's file, kept in the layout so that a cover can be set again with the same type."""
    return hashlib.sha256(_data(name)).hexdigest()


@lru_cache(maxsize=48)
def at_size(name: str, size: int) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels."""
    return ImageFont.truetype(io.BytesIO(_data(name)), size)


@cache
def characters(name: str) -> frozenset[int]:
    """Code points that the face has a glyph for, from its character map."""
    data = _data(name)
    tables = {data[i : i + 4]: struct.unpack(">II", data[i + 8 : i + 16]) for i in _records(data)}
    start = tables[b"cmap"][0]
    found: set[int] = set()
    for index in range(struct.unpack(">H", data[start + 2 : start + 4])[0]):
        (offset,) = struct.unpack(">I", data[start + 8 + 8 * index : start + 12 + 8 * index])
        found |= _subtable(data, start + offset)
    return frozenset(found)


def _records(data: bytes) -> range:
    (count,) = struct.unpack(">H", data[4:6])
    return range(12, 12 + 16 * count, 16)


def _subtable(data: bytes, at: int) -> set[int]:
    (kind,) = struct.unpack(">H", data[at : at + 2])
    if kind == 4:
        return _segments(data, at)
    if kind == 12:
        (groups,) = struct.unpack(">I", data[at + 12 : at + 16])
        runs = [struct.unpack(">II", data[at + 16 + 12 * g : at + 24 + 12 * g]) for g in range(groups)]
        return {code for first, last in runs for code in range(first, last + 1)}
    return set()


def _segments(data: bytes, at: int) -> set[int]:
    """Format 4: runs of code points, where a glyph number of 0 means that there is none."""
    (double,) = struct.unpack(">H", data[at + 6 : at + 8])
    count = double // 2
    ends = struct.unpack(f">{count}H", data[at + 14 : at + 14 + double])
    starts = struct.unpack(f">{count}H", data[at + 16 + double : at + 16 + 2 * double])
    deltas = struct.unpack(f">{count}H", data[at + 16 + 2 * double : at + 16 + 3 * double])
    place = at + 16 + 3 * double
    offsets = struct.unpack(f">{count}H", data[place : place + double])
    found = set()
    for k in range(count):
        for code in range(starts[k], min(ends[k], 0xFFFE) + 1):
            glyph = code if offsets[k] == 0 else 0
            if offsets[k]:
                spot = place + 2 * k + offsets[k] + 2 * (code - starts[k])
                (glyph,) = struct.unpack(">H", data[spot : spot + 2])
            if (offsets[k] == 0 and (code + deltas[k]) & 0xFFFF) or (offsets[k] and glyph):
                found.add(code)
    return found


def missing(name: str, text: str) -> str:
    """The characters of the text that the face cannot print, each once."""
    have = characters(name)
    return "".join(dict.fromkeys(c for c in text if not c.isspace() and ord(c) not in have))


def fitting_face(name: str, text: str) -> str | None:
    """The face itself, or the nearest stand-in that has every character; None when no face has them all."""
    choices = (name, *_STAND_INS[FACES[name].serif])
    return next((choice for choice in choices if not missing(choice, text)), None)


def unprintable(name: str, text: str) -> str:
    """The characters that stand in the way: those missing from the face that lacks the fewest."""
    return min((missing(choice, text) for choice in (name, *_STAND_INS[FACES[name].serif])), key=len)
