"""The registry of faces: files, licences, hashes, which script each is for, and which characters each can print.

Most files ship with the typesetter; Noto Sans CJK comes from its package (`noto-cjk-sans-jp-bold`, pinned). All are
under the SIL Open Font License 1.1, and none is changed: licences are beside the files as `OFL-<family>.txt`, or in the
package. Files are read when first used.
"""

import hashlib
from functools import cache, lru_cache
from importlib import resources, util
from pathlib import Path

import msgspec
from PIL import ImageFont

from adapters.typesetter import charmap
from adapters.typesetter.scripts import ARABIC, CJK, CYRILLIC, GREEK, HANGUL, HEBREW, LATIN


class Face(msgspec.Struct, frozen=True):
    """One font file: its name for people, its file, whether it is a serif, and the package that has it if not we."""

    name: str
    file: str
    serif: bool
    package: str = "adapters.typesetter"
    licence: str = "OFL-1.1"


_FACES = (
    Face("Abril Fatface", "AbrilFatface_400Regular.ttf", True),
    Face("Amiri Bold", "Amiri_700Bold.ttf", True),
    Face("Bebas Neue", "BebasNeue_400Regular.ttf", False),
    Face("Cairo", "Cairo_400Regular.ttf", False),
    Face("Cairo Bold", "Cairo_700Bold.ttf", False),
    Face("Cinzel Bold", "Cinzel_700Bold.ttf", True),
    Face("Comfortaa Bold", "Comfortaa_700Bold.ttf", False),
    Face("DM Serif Display", "DMSerifDisplay_400Regular.ttf", True),
    Face("EB Garamond Medium", "EBGaramond_500Medium.ttf", True),
    Face("Exo 2 SemiBold", "Exo2_600SemiBold.ttf", False),
    Face("Frank Ruhl Libre", "FrankRuhlLibre_400Regular.ttf", True),
    Face("Frank Ruhl Libre Bold", "FrankRuhlLibre_700Bold.ttf", True),
    Face("Fredoka SemiBold", "Fredoka_600SemiBold.ttf", False),
    Face("Heebo", "Heebo_400Regular.ttf", False),
    Face("Heebo ExtraBold", "Heebo_800ExtraBold.ttf", False),
    Face("Josefin Sans SemiBold", "JosefinSans_600SemiBold.ttf", False),
    Face("Jost", "Jost_400Regular.ttf", False),
    Face("Jost Medium", "Jost_500Medium.ttf", False),
    Face("Jost Bold", "Jost_700Bold.ttf", False),
    Face("Nanum Myeongjo ExtraBold", "NanumMyeongjo_800ExtraBold.ttf", True),
    Face("Noto Sans CJK Bold", "NotoSansCJKjp-Bold.otf", False, "noto_cjk_sans_jp_bold"),
    Face("Orbitron Bold", "Orbitron_700Bold.ttf", False),
    Face("Oswald", "Oswald_400Regular.ttf", False),
    Face("Oswald SemiBold", "Oswald_600SemiBold.ttf", False),
    Face("Playfair Display Bold", "PlayfairDisplay_700Bold.ttf", True),
    Face("Playfair Display Medium Italic", "PlayfairDisplay_500Medium_Italic.ttf", True),
    Face("Sofia Sans Extra Condensed Bold", "SofiaSansExtraCondensed_700Bold.ttf", False),
    Face("ZCOOL XiaoWei", "ZCOOLXiaoWei_400Regular.ttf", True),
    Face("Zen Old Mincho Bold", "ZenOldMincho_700Bold.ttf", True),
)
FACES: dict[str, Face] = {face.name: face for face in _FACES}

_EUROPE_SERIF = ("Playfair Display Bold", "EB Garamond Medium", "Comfortaa Bold")
_EUROPE_SANS = ("Oswald SemiBold", "Sofia Sans Extra Condensed Bold", "Exo 2 SemiBold", "Comfortaa Bold")
_EUROPE_TEXT = ("Exo 2 SemiBold", "Oswald", "Comfortaa Bold")
_SCRIPT_FACES: dict[tuple[str, bool, bool], tuple[str, ...]] = {
    (HEBREW, True, True): ("Frank Ruhl Libre Bold",),
    (HEBREW, True, False): ("Frank Ruhl Libre",),
    (HEBREW, False, True): ("Heebo ExtraBold",),
    (HEBREW, False, False): ("Heebo",),
    (ARABIC, True, True): ("Amiri Bold",),
    (ARABIC, True, False): ("Amiri Bold",),
    (ARABIC, False, True): ("Cairo Bold", "Amiri Bold"),
    (ARABIC, False, False): ("Cairo", "Amiri Bold"),
}
"""By script, serif or not, display or text."""
_CJK_SERIF = {"ja": "Zen Old Mincho Bold", "zh-hans": "ZCOOL XiaoWei", "ko": "Nanum Myeongjo ExtraBold"}
NARROW = "Sofia Sans Extra Condensed Bold"
"""The face for titles so long that no other makes them legible."""


@cache
def path(name: str) -> Path:
    """Where the face's file is."""
    face = FACES[name]
    folder = resources.files(face.package)
    return Path(str(folder.joinpath("fonts", face.file) if face.package == __package__ else folder.joinpath(face.file)))


@cache
def installed(name: str) -> bool:
    """Is the face's file here? Those of other packages may not be."""
    return util.find_spec(FACES[name].package) is not None and path(name).is_file()


@cache
def sha256(name: str) -> str:
    """The hash of the face's file, kept in the layout so that a cover can be set again with the same type."""
    return hashlib.sha256(path(name).read_bytes()).hexdigest()


@lru_cache(maxsize=64)
def at_size(name: str, size: int) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels."""
    return ImageFont.truetype(str(path(name)), size)


@cache
def characters(name: str) -> frozenset[int]:
    """Code points that the face has a glyph for; none when it is not installed."""
    return charmap.code_points(path(name).read_bytes()) if installed(name) else frozenset()


def missing(name: str, text: str) -> str:
    """The characters of the text that the face cannot print, each once."""
    have = characters(name)
    wanted = (c for c in text if not c.isspace() and c not in "\u200c\u200d")
    return "".join(dict.fromkeys(c for c in wanted if ord(c) not in have))


def faces_for(script: str, wanted: str, display: bool, language: str | None) -> tuple[str, ...]:
    """Faces to try for a script, best first, in the manner of the wanted face; `display` for titles."""
    serif = FACES[wanted].serif
    if script in (CJK, HANGUL):
        book = _CJK_SERIF.get(language or "")
        return (book, "Noto Sans CJK Bold") if serif and book else ("Noto Sans CJK Bold", *_CJK_SERIF.values())
    if script in (LATIN, GREEK, CYRILLIC):
        near = _EUROPE_SERIF if serif else _EUROPE_SANS if display else _EUROPE_TEXT
        return (wanted, *near, "EB Garamond Medium")
    return _SCRIPT_FACES.get((script, serif, display), (wanted,))
