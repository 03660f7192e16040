"""What the painter understands of a prompt: scenery, figures, mood, time of day and colours.

A prompt is what a style says, then what somebody wishes, then `cover for` and the title. Where words contradict one
another the later one holds, so that a wish comes before the style; of the title only figures count, and only when
nothing else names one.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

import msgspec

from adapters.images.painter.vocabulary import COLOURS, FIGURE_WORDS, MOODS, PAIR, SCENERY, TIMES

_WORD = re.compile(r"[^\W\d_]+")
_TITLE = re.compile(r"\b(?:(?:book|album|podcast|video)\s+)?(?:cover|thumbnail)\s+for\s+", re.IGNORECASE)
"""Where the title begins; the kind of work is no wish for a picture of a book."""
_ENDINGS = ("s", "es", "e", "en", "n", "er", "r", "x")
_FULL_MOON = re.compile(r"\bfull moon|\bluna llena|\bpleine lune|\bclair de lune", re.IGNORECASE)
"""It stands at night, which the moon alone may not."""
_REACH = 2
"""How many words may stand between a colour and the figure that has it."""
_SETTING = (*("tree", "eye") * 3, *("house", "castle", "person", "child", "book") * 2, "sword", "crown", "cup", "rose")
"""Figures that give way to others: a fox under a tree is a picture of a fox."""
OPPOSITES = {"dark": "bright", "bright": "dark", "warm": "cold", "cold": "warm", "calm": "epic", "epic": "calm"}


def _by_word(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for meaning, words in table.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), meaning)
    return found


_MOTIFS, _FIGURES, _MOODS, _TIMES = map(_by_word, (SCENERY, FIGURE_WORDS, MOODS, TIMES))
_COLOURS = {word: value for value, words in COLOURS.values() for word in words.split()}
_KNOWN = frozenset({*_MOTIFS, *_FIGURES, *_MOODS, *_TIMES, *_COLOURS})


class Reading(msgspec.Struct, frozen=True):
    """The words of a prompt that the painter acts on."""

    motifs: frozenset[str] = frozenset()
    moods: frozenset[str] = frozenset()
    time: str | None = None
    colours: tuple[str, ...] = ()
    """Of the whole picture, in order, as `#rrggbb`."""
    figures: tuple[str, ...] = ()
    """Silhouettes that were named, in order."""
    count: int = 1
    """How many of the first figure: 1 or 2."""
    tint: str | None = None
    """The colour of the first figure, where a colour stands right before it."""
    order: tuple[str, ...] = ()
    """The motifs as they came, the last one at the end."""

    def last(self, choices: Mapping[str, str]) -> str | None:
        """What the motif that was named last leads to, of those that lead anywhere."""
        return next((choices[motif] for motif in reversed(self.order) if motif in choices), None)


def read(prompt: str) -> Reading:
    """Find known words (also simple plurals and endings); anything else is left to other image models."""
    wish, *rest = _TITLE.split(_FULL_MOON.sub(r"\g<0> moonlit", prompt), maxsplit=1)
    words, title = _words(wish), _words(rest[0]) if rest else []
    named, times = list(_found(words, _FIGURES)), list(_found(words, _TIMES))
    figures = tuple(sorted(dict.fromkeys(named or _found(title, _FIGURES)), key=_SETTING.count))
    tinted, tint = _tint(words, figures[0]) if named else (None, None)
    order = tuple(_found(words, _MOTIFS))
    return Reading(
        motifs=frozenset(order),
        moods=_moods(words),
        time=times[-1] if times else None,
        colours=tuple(
            dict.fromkeys(_COLOURS[word] for place, word in enumerate(words) if word in _COLOURS and place != tinted)
        ),
        figures=figures,
        count=2 if named and _two(words, figures[0]) else 1,
        tint=tint,
        order=order,
    )


def _words(text: str) -> list[str]:
    found = _WORD.findall(unicodedata.normalize("NFC", text.casefold()))
    return [word if word in _KNOWN else _known(_plain(word)) for word in found]


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _known(word: str) -> str:
    """The word without an ending that hides a known one."""
    if word in _KNOWN:
        return word
    stems = (word.removesuffix(ending) for ending in _ENDINGS if len(word) > len(ending) + 2)
    return next((stem for stem in stems if stem in _KNOWN), word)


def _found(words: Iterable[str], meanings: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    return (meaning for word in words for meaning in meanings.get(word, ()))


def _moods(words: list[str]) -> frozenset[str]:
    """All moods, of opposite ones the last."""
    moods: dict[str, None] = {}
    for mood in _found(words, _MOODS):
        moods.pop(OPPOSITES[mood], None)
        moods[mood] = None
    return frozenset(moods)


def _two(words: list[str], figure: str) -> bool:
    """Whether a word for two stands close before the figure's name."""
    at = next((place for place, word in enumerate(words) if figure in _FIGURES.get(word, ())), 0)
    return any(word in PAIR for word in words[max(at - _REACH, 0) : at])


def _tint(words: list[str], figure: str) -> tuple[int | None, str | None]:
    """Where a colour stands close before the figure's name, and which."""
    at = next((place for place, word in enumerate(words) if figure in _FIGURES.get(word, ())), 0)
    near = [place for place in range(max(at - _REACH, 0), at) if words[place] in _COLOURS]
    return (near[-1], _COLOURS[words[near[-1]]]) if near else (None, None)
