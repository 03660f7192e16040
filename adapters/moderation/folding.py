"""Writing out what a disguised text says, with the way back to the original characters.

Folding undoes compatibility forms (full width, mathematical letters), letter case, accents, invisible characters and
lookalikes from other scripts. Kana keep their voicing marks, which are letters of their own there.
"""

import re
import unicodedata
from collections.abc import Mapping
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


class Folding:
    """Folds texts; `lookalikes` maps single characters of other scripts to what they look like."""

    def __init__(self, lookalikes: Mapping[str, str]) -> None:
        self._lookalikes = str.maketrans(dict(lookalikes))
        self._known: dict[str, str] = {}

    def fold(self, text: str) -> Folded:
        """The folded text; linear in its length."""
        if _PLAIN.fullmatch(text):
            return Folded(text.lower(), range(len(text)))
        out: list[str] = []
        origin: list[int] = []
        for index, char in enumerate(text):
            if char in _VOICING and out:
                out[-1] = _voiced(out[-1], char)
                continue
            folded = self._known.get(char)
            if folded is None:
                folded = self._learn(char)
            if folded in _VOICING and out:  # a half-width voicing mark
                out[-1] = _voiced(out[-1], folded)
                continue
            for piece in folded:
                out.append(piece)
                origin.append(index)
        return Folded("".join(out), origin)

    def _learn(self, char: str) -> str:
        folded = self._fold_char(char)
        if len(self._known) < _CACHE_LIMIT:
            self._known[char] = folded
        return folded

    def _fold_char(self, char: str) -> str:
        if char in "\t\n\r":
            return " "
        composed = unicodedata.normalize("NFKC", char)
        if any(_KANA[0] <= piece <= _KANA[1] for piece in composed) or composed in _VOICING:
            return composed
        parts = unicodedata.normalize("NFKD", char)
        bare = "".join(piece for piece in parts if unicodedata.category(piece) not in _DROPPED)
        return bare.translate(self._lookalikes).casefold()


def _voiced(base: str, mark: str) -> str:
    """The kana with its mark, or the base alone when the two make no letter."""
    composed = unicodedata.normalize("NFC", base + mark)
    return composed if len(composed) == 1 else base
