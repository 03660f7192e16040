"""Scripts: which one a character is of, which way a text runs, its capitals, and the language of CJK characters."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby

LATIN, GREEK, CYRILLIC, HEBREW, ARABIC = "latin", "greek", "cyrillic", "hebrew", "arabic"
CJK, HANGUL, OTHER = "cjk", "hangul", "other"
CASED = frozenset({LATIN, GREEK, CYRILLIC})
RTL = frozenset({HEBREW, ARABIC})
SQUARE = frozenset({CJK, HANGUL})

_RANGES = (
    (0x0041, 0x024F, LATIN),
    (0x0250, 0x02AF, LATIN),
    (0x0370, 0x03FF, GREEK),
    (0x0400, 0x052F, CYRILLIC),
    (0x0530, 0x058F, OTHER),
    (0x0590, 0x05FF, HEBREW),
    (0x0600, 0x077F, ARABIC),
    (0x08A0, 0x08FF, ARABIC),
    (0x0900, 0x10FF, OTHER),
    (0x1100, 0x11FF, HANGUL),
    (0x1200, 0x1DFF, OTHER),
    (0x1E00, 0x1EFF, LATIN),
    (0x1F00, 0x1FFF, GREEK),
    (0x2E80, 0x3130, CJK),
    (0x3131, 0x318E, HANGUL),
    (0x3190, 0xA4CF, CJK),
    (0xAC00, 0xD7FF, HANGUL),
    (0xF900, 0xFAFF, CJK),
    (0xFB1D, 0xFB4F, HEBREW),
    (0xFB50, 0xFDFF, ARABIC),
    (0xFE30, 0xFE4F, CJK),
    (0xFE70, 0xFEFE, ARABIC),
    (0xFF00, 0xFFEF, CJK),
    (0x20000, 0x3FFFF, CJK),
)
_STARTS = [first for first, _, _ in _RANGES]
_PICTURES = ((0x2600, 0x27BF), (0x1F000, 0x1FAFF), (0xFE0F, 0xFE0F), (0xE0000, 0xE007F))


def script_of(character: str) -> str | None:
    """The script of a letter, mark or CJK sign; None for digits, spaces and punctuation that scripts share."""
    code = ord(character)
    first, last, script = _RANGES[max(bisect_right(_STARTS, code) - 1, 0)]
    if not first <= code <= last:
        return None
    if script is CJK or unicodedata.category(character)[0] in "LM":
        return script
    return None


def scripts_in(text: str) -> tuple[str, ...]:
    """The scripts of a text, the one with most letters first."""
    found = sorted(script for script in map(script_of, text) if script is not None)
    counts = [(-len(list(group)), script) for script, group in groupby(found)]
    return tuple(script for _, script in sorted(counts))


def is_rtl(text: str) -> bool:
    """Does the text run from right to left: is its first letter one that does?"""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)


def emoji_in(text: str) -> str:
    """The emoji and dingbats of a text, each once."""
    return "".join(dict.fromkeys(c for c in text if any(a <= ord(c) <= b for a, b in _PICTURES)))


def language_of(text: str) -> str | None:
    """The language whose forms CJK characters take (BCP 47), as far as the characters tell; None without any.

    Hangul is Korean and kana Japanese. Of characters alone: those of GB 2312 are taken for simplified Chinese, else
    those of Big5 for traditional Chinese, else Japanese.
    """
    found = set(scripts_in(text))
    if HANGUL in found:
        return "ko"
    if CJK not in found:
        return None
    if any(0x3041 <= ord(c) <= 0x30FF for c in text):
        return "ja"
    signs = "".join(c for c in text if script_of(c) is CJK)
    return next(
        (language for codec, language in (("gb2312", "zh-hans"), ("big5", "zh-hant")) if _has(codec, signs)), "ja"
    )


def _has(codec: str, signs: str) -> bool:
    try:
        signs.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def capitals(text: str) -> str:
    """Capitals as printers set them: sharp s as SS, Greek without its accents, a Turkish i with its dot."""
    if any(c in text for c in "ığİ"):
        text = text.replace("i", "İ")
    return unicodedata.normalize("NFC", "".join(_without_accents(unicodedata.normalize("NFD", text.upper()))))


def _without_accents(parts: str) -> Iterator[str]:
    """Greek capitals without accents and breathings; the dots that part vowels stay, as do other scripts' accents."""
    greek = False
    for part in parts:
        mark = unicodedata.combining(part)
        greek = greek if mark else script_of(part) is GREEK
        if not (greek and mark and part != "\u0308"):
            yield part
