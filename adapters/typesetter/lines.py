"""Where lines break: balanced, by meaning, no lonely article at an end, no short word alone on the last line."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

Measure = Callable[[str], float]

_WEAK_WORDS = """
a an the of in on at to by for with from and or but nor as is if into my your our his her its their this that no not vs
der die das ein eine und von im am zu le la les un une de du des et en el los las y il lo gli i e di da o os as
в на и с у к о от до за из не по для ο η το και του της με σε
"""
WEAK = frozenset(_WEAK_WORDS.split())
"""Words that belong to what follows them: a line does not end on one."""


def breakings(text: str, measure: Measure, most: int) -> list[tuple[str, ...]]:
    """The best way to break the text into 1, 2, ... `most` lines."""
    words = text.split()
    return [_best(words, count, measure) for count in range(1, min(most, len(words)) + 1)]


def chopped(text: str, longest: int) -> str:
    """The text with words longer than `longest` characters cut into even pieces (a last resort: no hyphen is added)."""
    return " ".join(piece for word in text.split() for piece in _pieces(word, longest))


def _pieces(word: str, longest: int) -> list[str]:
    parts = -(-len(word) // longest)
    step = -(-len(word) // parts)
    return [word[i : i + step] for i in range(0, len(word), step)]


def _best(words: Sequence[str], count: int, measure: Measure) -> tuple[str, ...]:
    target = measure(" ".join(words)) / count

    @cache
    def cost(first: int, after: int) -> float:
        """How bad the line words[first:after] is; about 0 for a full line that ends well."""
        uneven = (measure(" ".join(words[first:after])) - target) / target
        penalty = uneven * uneven
        last = after == len(words)
        if not last and words[after - 1].lower().strip("«\"'“") in WEAK:
            penalty += 0.60
        if not last and words[after - 1][-1] in ",:;—–.!?":
            penalty -= 0.14
        if last and first > 0 and after - first == 1 and len(words[first]) <= 3:
            penalty += 0.30
        return penalty

    @cache
    def solve(first: int, left: int) -> tuple[float, tuple[int, ...]]:
        if left == 1:
            return cost(first, len(words)), (len(words),)
        options = range(first + 1, len(words) - left + 2)
        tries = ((cost(first, cut) + solve(cut, left - 1)[0], (cut, *solve(cut, left - 1)[1])) for cut in options)
        return min(tries)

    cuts = (0, *solve(0, count)[1])
    return tuple(" ".join(words[a:b]) for a, b in pairwise(cuts))
