"""Where lines break: balanced, by meaning, by the rules of the script, no short word alone on the last line.

Words of scripts with spaces break at spaces. Chinese and Japanese break between characters, but no line begins with a
closing sign, a small kana or a particle, none ends with an opening sign, and words in katakana or letters stay whole.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from adapters.typesetter.scripts import CJK, script_of

Measure = Callable[[str], float]

_WEAK_WORDS = """
a an the of in on at to by for with from and or but nor as is are was if into onto than my your our his her its their
this that no not vs
der die das den dem des ein eine einen einem einer eines und oder aber von vom im in am an auf aus bei mit nach zu zum
zur für um so wie als nicht kein mein dein sein ihr
le la les un une de du des et ou en au aux sur pour par dans sans avec ce ces son sa ses mon ma mes qui que où ne
el los las y o con sin del al una unos unas su sus por para mi tu lo se
il gli i e ed della del dei delle degli dello nel nella un uno una con per tra fra da di
o os as do da dos das no na nos nas em um uma com por para
het een van en op te voor met uit bij och att det den på av till med som ett og til med fra på
i w z na do od ze we o u k ke v ve s se po pro za a že při és az ve bir ile için și cu din la
в на и с у к о от до за из не по для а но да ни как что без над под при со во ко об
ο η το οι τα και του της των με σε για στο στη στον στην από ένα μια δεν
في من على إلى عن أو ثم ما لا של על את עם אל או כל לא
"""
WEAK = frozenset(_WEAK_WORDS.split())
"""Words that belong to what follows them: a line does not end on one."""
_NO_START = frozenset(
    "、。，．・：；？！!?,.:;)]}）］｝〕〉》」』】〙〗〟’”»ー々〻ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ〜～…‥—"
)
_NO_END = frozenset("([{（［｛〔〈《「『【〘〖〝‘“«")
_PARTICLES = frozenset("のはがをにでともへやかね的之了们")
"""Written with what stands before them; a line breaks well after one."""


class Unit(NamedTuple):
    """What no line break parts; whether a space follows; how willingly a line ends after it (below 0: gladly)."""

    text: str
    spaced: bool
    cost: float


def units(text: str) -> tuple[Unit, ...]:
    """The text in units."""
    return tuple(unit for word in text.split() for unit in _word(word))


def _word(word: str) -> list[Unit]:
    pieces = [""]
    for before, character in pairwise(" " + word):
        if before != " " and _may_part(before, character):
            pieces.append("")
        pieces[-1] += character
    costs = [_willing(a, b) + _astride(pieces, number) for number, (a, b) in enumerate(pairwise(pieces))]
    inner = [Unit(piece, False, cost) for piece, cost in zip(pieces, costs, strict=False)]
    return [*inner, Unit(pieces[-1], True, _cost(pieces[-1]))]


def _astride(pieces: Sequence[str], number: int) -> float:
    """Chinese characters mostly go in twos: what it costs to part a run of them after an odd number."""
    if not (_ideograph(pieces[number][-1]) and _ideograph(pieces[number + 1][0])):
        return 0.0
    first = number
    while first > 0 and all(map(_ideograph, pieces[first - 1])):
        first -= 1
    return 0.30 if sum(len(piece) for piece in pieces[first : number + 1]) % 2 else 0.0


def _ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or character == "々"


def _may_part(before: str, after: str) -> bool:
    """May a line end between two characters that no space parts?"""
    if CJK not in (script_of(before), script_of(after)) or unicodedata.combining(after):
        return False
    word = _katakana(before) and _katakana(after) and before != "・"
    return after not in _NO_START and before not in _NO_END and not word


def _katakana(character: str) -> bool:
    return "\u30a0" <= character <= "\u30ff"


def _willing(piece: str, following: str) -> float:
    """Between characters: after a sign or a particle; seldom before a particle or inside hiragana."""
    last, first = piece[-1], following[0]
    if last == "・" or (last in _NO_START and not _katakana(last) and last not in "々ゝゞ"):
        return -0.14
    if first in _PARTICLES:
        return 0.5
    if last in _PARTICLES:
        return -0.05
    return 0.25 if "\u3041" <= first <= "\u309f" else 0.10


def _cost(word: str) -> float:
    if word.lower().strip("«\"'“‘(„") in WEAK or _initial(word):
        return 0.60
    return -0.14 if word[-1] in ",:;—–.!?،؛" else 0.0


def _initial(word: str) -> bool:
    """An initial or a form of address, which stays with the name."""
    return word in ("Dr.", "Mr.", "Mrs.", "Ms.", "St.", "Prof.", "Mme.", "No.", "Nr.") or (
        len(word) == 2 and word[0].isupper() and word[1] == "."
    )


def ill_broken(broken: Sequence[str]) -> int:
    """Lines that end on a word which belongs to the next one, begin with a particle that belongs to the last, or are a
    lone square character."""
    alone = sum(len(line) == 1 and script_of(line) is CJK for line in broken) if len(broken) > 1 else 0
    ends = sum(line.split()[-1].lower().strip("«\"'“‘(„") in WEAK for line in broken[:-1])
    return alone + ends + sum(line[0] in _PARTICLES and last[-1] not in _NO_START for last, line in pairwise(broken))


def breakings(text: str, measure: Measure, most: int) -> list[tuple[str, ...]]:
    """The best way to break the text into 1, 2, ... `most` lines."""
    found = units(text)
    widths = [measure(unit.text) for unit in found]
    space = measure("n n") - measure("nn") if len(found) > 1 else 0.0
    return [_best(found, widths, space, count) for count in range(1, min(most, len(found)) + 1)]


def chopped(text: str, longest: int) -> str:
    """The text with words longer than `longest` letters in pieces, as a last resort; no hyphen is added.

    They part at joints of compounds where there are such near an even cut, else where a syllable begins.
    """
    return " ".join(piece for word in text.split() for piece in _pieces(word, longest))


def _pieces(word: str, longest: int) -> list[str]:
    if len(word) <= longest or any(script_of(character) is CJK for character in word):
        return [word]
    parts = -(-len(word) // longest)
    step, cuts = len(word) / parts, [0]
    for number in range(1, parts):
        even = number * step
        near = range(max(round(even - step * 0.45), cuts[-1] + 1), min(round(even + step * 0.45), len(word) - 1) + 1)
        cuts.append(min(near, key=lambda at: (abs(at - even) / step + _parting(word, at), at), default=round(even)))
    return [word[a:b] for a, b in pairwise((*cuts, len(word)))]


_JOINTS = re.compile(r"(ungs|schafts|heits|keits|ions|täts|lings|ings|fahrts|tums)$")
_LINKS = re.compile(r"(ers|els|ens|gs|ts|schaft)$")
_VOWELS = frozenset("aeiouyäöüàáâãåæèéêëìíîïòóôõøùúûýāēīōūąęěůаеёиоуыэюяіїєαεηιουωάέήίόύώ")


def _parting(word: str, at: int) -> float:
    """How ill a word parts before this letter: well after the ending of a compound's part, tolerably at a syllable."""
    head, tail = word[:at].lower(), word[at:].lower()
    consonant = tail[0] not in _VOWELS
    if _JOINTS.search(head) or (consonant and _LINKS.search(head) and tail[0] not in "st"):
        return 0.0
    begins = consonant and len(tail) > 1 and tail[1] in _VOWELS and tail[0] != "h"
    return 0.3 if begins else 1.0


def _joined(found: Sequence[Unit]) -> str:
    return "".join(unit.text + " " * unit.spaced for unit in found).rstrip()


def _best(found: Sequence[Unit], widths: Sequence[float], space: float, count: int) -> tuple[str, ...]:
    ends = [0.0]
    for unit, width in zip(found, widths, strict=True):
        ends.append(ends[-1] + width + space * unit.spaced)
    target = max(ends[-1] / count, 1e-6)

    @cache
    def cost(first: int, after: int) -> float:
        """How bad the line of units first to after is; about 0 for a full line that ends well."""
        uneven = (ends[after] - ends[first] - target) / target
        penalty = uneven * uneven
        last = after == len(found)
        if not last:
            return penalty + found[after - 1].cost
        short = first > 0 and after - first == 1 and len(found[first].text) <= (3 if found[first - 1].spaced else 2)
        return penalty + 0.30 * short

    @cache
    def solve(first: int, left: int) -> tuple[float, tuple[int, ...]]:
        if left == 1:
            return cost(first, len(found)), (len(found),)
        options = range(first + 1, len(found) - left + 2)
        tails = ((cut, solve(cut, left - 1)) for cut in options)
        return min((cost(first, cut) + tail, (cut, *cuts)) for cut, (tail, cuts) in tails)

    cuts = (0, *solve(0, count)[1])
    return tuple(_joined(found[a:b]) for a, b in pairwise(cuts))
