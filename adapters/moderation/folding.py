"""Writing out what a disguised text says, with the way back to the original characters.

Folding undoes compatibility forms (full width, mathematical letters), letter case, accents, invisible characters and
lookalikes from other scripts. Kana keep their voicing marks, which are letters of their own there.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_CACHE_LIMIT = 20_000
_DROPPED = frozenset({"Cf", "Mn", "Me", "Cc"})
_KANA = ("\u3040", "\u30ff")
_VOICING = frozenset("\u3099\u309a")
_PLAIN = re.compile(r"[\t\n\r -~]*")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `origin[i]` is the index in the original of the character that gave `text[i]`."""

    text: str
    origin: range | list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original text of the non-empty span `start:end` in the folded one."""
        return self.origin[start], self.origin[end - 1] + 1


class _Known(dict[str, str]):
    """What characters fold to, learnt as they come, up to a limit."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        super().__init__()
        self._fold = fold

    def __missing__(self, char: str) -> str:
        folded = self._fold(char)
        if len(self) < _CACHE_LIMIT:
            self[char] = folded
        return folded


class Folding:
    """Folds texts; `lookalikes` maps single characters of other scripts to what they look like."""

    def __init__(self, lookalikes: Mapping[str, str]) -> None:
        self._lookalikes = str.maketrans(dict(lookalikes))
        self._known = _Known(self._fold_char)

    def fold(self, text: str) -> Folded:
        """The folded text; linear in its length."""
        if _PLAIN.fullmatch(text):
            return Folded(text.lower(), range(len(text)))
        pieces = list(map(self._known.__getitem__, text))
        folded = "".join(pieces)
        if len(folded) == len(text) and "" not in pieces and _VOICING.isdisjoint(folded):
            return Folded(folded, range(len(text)))
        return _mapped(pieces)

    def _fold_char(self, char: str) -> str:
        if char in "\t\n\r":
            return " "
        composed = unicodedata.normalize("NFKC", char)
        if any(_KANA[0] <= piece <= _KANA[1] for piece in composed) or composed in _VOICING:
            return composed
        parts = unicodedata.normalize("NFKD", char)
        bare = "".join(piece for piece in parts if unicodedata.category(piece) not in _DROPPED)
        return bare.translate(self._lookalikes).casefold()


def _mapped(pieces: list[str]) -> Folded:
    """The joined pieces, each character with the index of its piece; voicing marks go to the kana before them."""
    out: list[str] = []
    origin: list[int] = []
    for index, piece in enumerate(pieces):
        if piece in _VOICING and out:
            out[-1] = _voiced(out[-1], piece)
        else:
            out += piece
            origin += [index] * len(piece)
    return Folded("".join(out), origin)


def _voiced(base: str, mark: str) -> str:
    """The kana with its mark, or the base alone when the two make no letter."""
    composed = unicodedata.normalize("NFC", base + mark)
    return composed if len(composed) == 1 else base
