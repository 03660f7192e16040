"""Many phrases found in one walk over a lattice: a trie of words, where `word*` is every word that begins so."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from adapters.moderation.lattice import Edge, Lattice, words

_BRACES = re.compile(r"\{([^{}]*)\}")
_HEAD = 3
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


class Occurrence(NamedTuple):
    """A phrase of the list `label` at the positions `start` to `end` (exclusive) of a lattice."""

    label: str
    start: int
    end: int


class _Branch:
    """Where a walk stands after some words."""

    __slots__ = ("exact", "heads", "labels")

    def __init__(self) -> None:
        self.exact: dict[str, _Branch] = {}
        self.heads: dict[str, dict[str, _Branch]] = {}
        """Beginnings of words by their first letters, so that most words cost one look."""
        self.labels: tuple[str, ...] = ()

    def follow(self, word: str) -> Iterable["_Branch"]:
        exact = self.exact.get(word)
        heads = self.heads.get(word[:_HEAD]) if self.heads else None
        if heads is None:
            return () if exact is None else (exact,)
        found = [branch for beginning, branch in heads.items() if word.startswith(beginning)]
        return found if exact is None else [exact, *found]

    def grow(self, word: str) -> "_Branch":
        if not word.endswith("*"):
            return self.exact.setdefault(word, _Branch())
        if len(word) <= _HEAD:
            raise ValueError(f"too little before the star: {word}")
        return self.heads.setdefault(word[:_HEAD], {}).setdefault(word[:-1], _Branch())


def expand(phrase: str) -> list[str]:
    """All phrases that a pattern stands for: `bomb{,s}` is two, `{8..17}yo` is ten, `{hot{,ter},cold}` is three."""
    pieces = _BRACES.split(phrase)
    choices = [_choices(piece) if index % 2 else [piece] for index, piece in enumerate(pieces)]
    forms = ["".join(chosen) for chosen in itertools.product(*choices)]
    if "{" not in forms[0]:
        return forms
    return list(dict.fromkeys(form for nested in forms for form in expand(nested)))


def _choices(inside: str) -> list[str]:
    span = _RANGE.fullmatch(inside)
    if span:
        return [str(number) for number in range(int(span[1]), int(span[2]) + 1)]
    return inside.split(",")


class Phrases:
    """A set of labelled phrases. Fill it with `add`, then only read it."""

    def __init__(self) -> None:
        self._root = _Branch()
        self.vocabulary: set[str] = set()
        """Every word of every phrase, and the beginnings that `*` stands behind."""

    def add(self, label: str, phrase: str) -> None:
        """Add a folded phrase; raises ValueError when it holds no word."""
        branch = self._root
        for word, _, _ in words(phrase):
            branch = branch.grow(word)
            self.vocabulary.add(word.removesuffix("*"))
        if branch is self._root:
            raise ValueError(f"no word in the phrase {phrase!r} of {label}")
        if label not in branch.labels:
            branch.labels += (label,)

    def find(self, lattice: Lattice) -> list[Occurrence]:
        """Every occurrence of every phrase, overlapping ones too, each once, by position."""
        found: dict[Occurrence, None] = {}
        exact, heads = self._root.exact, self._root.heads
        for start, row in enumerate(lattice.edges):
            for word, after in row:
                if word in exact or word[:_HEAD] in heads:
                    found.update(dict.fromkeys(self._walk(lattice.edges, start, word, after)))
        return list(found)

    def _walk(self, edges: Sequence[Sequence[Edge]], start: int, word: str, after: int) -> Iterator[Occurrence]:
        """Every phrase that begins with this word there."""
        reached = [(branch, after) for branch in self._root.follow(word)]
        while reached:
            branch, position = reached.pop()
            for label in branch.labels:
                yield Occurrence(label, start, position)
            if branch.exact or branch.heads:
                reached += [(child, end) for following, end in edges[position] for child in branch.follow(following)]
