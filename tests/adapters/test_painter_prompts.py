"""What the painter understands of prompts, in four languages, and whose word counts."""

import pytest

from adapters.images import PaintOrder
from adapters.images.painter import paint
from adapters.images.painter.figures import FIGURES
from adapters.images.painter.prompt import read
from adapters.images.painter.tuning import SHIFTS, tuned
from adapters.images.painter.vocabulary import FIGURE_WORDS, MOODS, TIMES


@pytest.mark.parametrize(
    ("prompt", "figure", "motif", "time"),
    [
        ("a lighthouse in a storm at dusk", "lighthouse", "rain", "dusk"),
        ("un faro en la tormenta al atardecer", "lighthouse", "rain", "dusk"),
        ("Ein Leuchtturm im Sturm, Dämmerung", "lighthouse", "rain", "dusk"),
        ("un phare dans la tempête au crépuscule", "lighthouse", "rain", "dusk"),
        ("desert caravan noon", "camel", "desert", "day"),
        ("wolves under the moon, midnight", "wolf", "moon", "night"),
        ("underwater coral", "fish", "underwater", None),
    ],
)
def test_words_are_read_in_four_languages(prompt: str, figure: str, motif: str, time: str | None) -> None:
    """Figure, scenery and time are found, with endings and accents."""
    reading = read(prompt)
    assert reading.figures[0] == figure
    assert motif in reading.motifs
    assert reading.time == time


def test_the_later_word_holds() -> None:
    """A wish, which follows the style's own words, outdoes them; the title says no time, mood or colour."""
    reading = read("Ridges in morning mist, bright and warm, a cold dark night, book cover for Red Summer Noon")
    assert reading.time == "night"
    assert reading.moods == {"dark", "cold"}
    assert reading.colours == ()


def test_the_title_may_name_the_figure() -> None:
    """Where the prompt names none, the title's figure is shown."""
    assert read("Cut paper, book cover for The Bear Who Lost Winter").figures == ("bear",)
    assert read("Cut paper, a fox, book cover for The Bear Who Lost Winter").figures == ("fox",)


def test_a_colour_before_a_figure_is_the_figures_own() -> None:
    """`red fox` paints the fox; `red` elsewhere colours the picture."""
    fox, sky = read("a red fox in the forest"), read("a fox under a red sky")
    assert (fox.tint, fox.colours) == ("#c4302b", ())
    assert (sky.tint, sky.colours) == (None, ("#c4302b",))


def test_what_stands_around_gives_way() -> None:
    """A fox under a tree is a picture of a fox."""
    assert read("a tree and a fox").figures == ("fox", "tree")


def test_a_colour_that_the_palette_has_changes_nothing() -> None:
    """Tuning leaves a palette alone that has the named colour already, and without words gives it back as it was."""
    palette = ("#101418", "#c4302b", "#f3ead6")
    assert tuned(palette, read("red"), with_time=True) == palette
    assert tuned(palette, read(""), with_time=True) is palette
    assert tuned(palette, read("green"), with_time=True) != palette


def test_prompts_override_the_options_of_a_style() -> None:
    """A style that says dawn is painted at night when the prompt says so."""
    orders = [
        PaintOrder(prompt=prompt, family="landscape", options={"time": time}, width=96, height=160, seed=3)
        for prompt, time in (("at night", "dawn"), ("at night", "night"))
    ]
    assert paint(orders[0]).data == paint(orders[1]).data


def test_every_word_leads_somewhere() -> None:
    """Each figure of the vocabulary is drawn, and each mood and time shifts palettes."""
    assert set(FIGURE_WORDS) == set(FIGURES)
    assert {*MOODS, *TIMES} == set(SHIFTS)
