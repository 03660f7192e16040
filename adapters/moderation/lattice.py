"""Words of a text with all the ways they can be read: as written, as leet, with repeats collapsed, letters joined.

A lattice has one position per word (per character in Chinese and Japanese, which write no spaces). An edge at a
position is one reading of what stands there and the position behind it: `p 0 r n` has an edge `porn` over four.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Set

from adapters.moderation.folding import Folded

_CJK = "\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|(?:[^\W_{_CJK}]|[@$!*+])+")
_CJK_FROM = "\u3041"
_SIGNS = "@$!*+"
_ENDINGS = "!*+"
_LEET = (str.maketrans("0134578@$!+", "oieastbasit"), str.maketrans("0134578@$!+", "oleastbaslt"))
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_JOINERS = frozenset(".-_'’|/*~:,+=")
_DIVIDED = re.compile(rf"[^\W_{_CJK}][{re.escape(''.join(_JOINERS))}][^\W_{_CJK}]")
_SHORTEST_REPEATED = 3
_LONGEST_SPELLING = 14
_LONGEST_JOIN = 4
_WIDEST_GAP = 3
_MOST_STARS = 2
PART_GAP = 3
"""Empty positions between two texts: phrases never cross them, and nearness has to reach over them."""

Edge = tuple[str, int]
Word = tuple[str, int, int]
"""As written, folded, with start and end."""
Run = tuple[int, int]


def words(text: str) -> Iterator[Word]:
    """Each word of a folded text with its start and end."""
    for match in _WORD.finditer(text):
        yield match[0], match.start(), match.end()


def readings(word: str) -> tuple[str, ...]:
    """What one written word may say, the plainest first."""
    if word.isalpha() and (len(word) < _SHORTEST_REPEATED or not _REPEATED.search(word)):
        return (word,)
    plain = word.strip(_SIGNS)
    found = dict.fromkeys((plain,) if plain else ())
    if not word.isdigit():
        found.update(dict.fromkeys(_unmasked(plain)))
        found.update(dict.fromkeys(form.translate(table) for form in (word, plain) for table in _LEET))
    for form in list(found):
        found.update(dict.fromkeys(_REPEATED.sub(times, form) for times in (r"\1", r"\1\1")))
    return tuple(form for form in found if form)


def _unmasked(word: str) -> Iterator[str]:
    """A word whose vowels were starred out, with every vowel put back."""
    if 1 <= word.count("*") <= _MOST_STARS:
        pieces = word.split("*")
        for vowels in itertools.product("aeiou", repeat=len(pieces) - 1):
            yield "".join(itertools.chain(*zip(pieces, (*vowels, ""), strict=True)))


class Lattice:
    """The readings of several texts one after the other.

    Letters and pieces of words are joined only to words of `vocabulary`, which keeps long runs of them cheap.
    """

    def __init__(self, vocabulary: Set[str]) -> None:
        self._vocabulary = vocabulary
        self.edges: list[list[Edge]] = []
        self.parts: list[int] = []
        """Which text each position belongs to; -1 between texts."""
        self._texts: dict[int, tuple[int, list[Word], Folded]] = {}

    def add(self, part: int, folded: Folded) -> None:
        """Append a text as number `part`."""
        found = list(words(folded.text))
        first, known = len(self.edges), self._vocabulary
        self._texts[part] = first, found, folded
        self.edges += [
            [(word, after)] if len(word) == 1 or word in known else [(reading, after) for reading in readings(word)]
            for after, (word, _, _) in enumerate(found, first + 1)
        ]
        for start, end in _spelled(found):
            self._join(first + start, [word for word, _, _ in found[start:end]], 3, _LONGEST_SPELLING)
        for start, end in _divided(found, folded.text):
            self._join(first + start, [word for word, _, _ in found[start:end]], 2, _LONGEST_JOIN)
        self.edges += [[] for _ in range(PART_GAP)]
        self.parts += [part] * len(found) + [-1] * PART_GAP

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the positions `start` to `end` (exclusive), all of one text, are in it; without signs behind them."""
        first, found, folded = self._texts[self.parts[start]]
        word, begun, ended = found[end - 1 - first]
        signs = len(word) - len(word.rstrip(_ENDINGS) or word)
        return folded.span(begun if start == end - 1 else found[start - first][1], ended - signs)

    def _join(self, first: int, pieces: list[str], fewest: int, most: int) -> None:
        """Edges over `fewest` to `most` of the pieces, which begin at position `first`, where they make a word."""
        joined = "".join(pieces)
        bounds = list(itertools.accumulate(map(len, pieces), initial=0))
        for text in dict.fromkeys((joined, *(joined.translate(table) for table in _LEET))):
            for start in range(len(pieces) - fewest + 1):
                for end in range(start + fewest, min(start + most, len(pieces)) + 1):
                    word = text[bounds[start] : bounds[end]]
                    if word in self._vocabulary:
                        self.edges[first + start].append((word, first + end))


def _spelled(found: list[Word]) -> Iterator[Run]:
    """Runs of three or more single letters that stand close together."""
    letters = [index for index, (word, _, _) in enumerate(found) if len(word) == 1 and word < _CJK_FROM]
    close = (i for i in letters[1:] if _is_letter(found[i - 1][0]) and found[i][1] - found[i - 1][2] <= _WIDEST_GAP)
    return _runs(close, 3)


def _divided(found: list[Word], text: str) -> Iterator[Run]:
    """Runs of words that only one punctuation mark each divides."""
    if not _DIVIDED.search(text):
        return iter(())
    apart = (i for i in range(1, len(found)) if text[found[i - 1][2] : found[i][1]] in _JOINERS)
    return _runs((i for i in apart if max(found[i - 1][0][0], found[i][0][0]) < _CJK_FROM), 2)


def _runs(linked: Iterable[int], fewest: int) -> Iterator[Run]:
    """The longest runs of at least `fewest` items; `linked` are the items that hang on the one before, in order."""
    start = end = -1
    for index in linked:
        if index != end:
            if end - start >= fewest:
                yield start, end
            start = index - 1
        end = index + 1
    if end - start >= fewest:
        yield start, end


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word < _CJK_FROM
