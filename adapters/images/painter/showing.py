"""Which figures a family of art cannot show: abstract art has none, a herbarium only what a garden has."""

from collections.abc import Mapping

from adapters.images.painter.vocabulary import FIGURE_WORDS

ABSTRACT = ("mesh", "ribbons", "marble", "brutalist")
"""The last one has stairs on which somebody may stand, but most of its forms have none."""
GARDEN = frozenset({"rose", "tree", "sprout", "mushroom", "butterfly"})


def unseen() -> Mapping[str, frozenset[str]]:
    """For a family, the words of prompts that name a figure which it leaves out."""
    everything = _words(frozenset(FIGURE_WORDS))
    return {
        **dict.fromkeys(ABSTRACT, everything),
        "botanical": everything - _words(GARDEN),
    }


def _words(names: frozenset[str]) -> frozenset[str]:
    return frozenset(word for name in names for word in FIGURE_WORDS[name].split())
