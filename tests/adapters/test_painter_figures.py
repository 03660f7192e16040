"""The figures of prompts: drawn whole, named in four languages, held by ground or water, seen in every family."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, figures, paint
from adapters.images.painter.colour import Palette
from adapters.images.painter.prompt import read
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Stencil
from adapters.images.painter.showing import unseen
from adapters.images.painter.strokes import shapes
from adapters.images.painter.vocabulary import FIGURE_WORDS

PALETTE = ("#14213d", "#3d5a80", "#ee6c4d", "#fde8cf")
WIDTH, HEIGHT = 320, 512
HELD = {"ink", "watercolour", "woodcut", "papercut", "halftone", "midcentury", "oil"}
"""Families that paint ground for a figure; in a landscape there is some already, deco has stairs, and
in the cosmos the light over the horizon changes all the sky."""
OPTIONS: dict[str, dict[str, float | str | bool]] = {"cosmos": {"body": "none"}, "oil": {"form": "storm"}}
STANDING = sorted(set(figures.FIGURES) - figures.ALOFT - figures.AFLOAT)


def scene(prompt: str) -> Scene:
    """A page as the families see it."""
    return Scene(WIDTH, HEIGHT, 5, Palette(PALETTE), read(prompt), {})


def painted(family: str, prompt: str) -> NDArray[np.int16]:
    """The art of a prompt as (rows, columns, 3)."""
    options = OPTIONS.get(family, {})
    order = PaintOrder(
        prompt=prompt, family=family, palette=PALETTE, options=options, width=WIDTH, height=HEIGHT, seed=5
    )
    return np.asarray(Image.open(io.BytesIO(paint(order).data)).convert("RGB"), np.int16)


def changed(family: str, prompt: str) -> NDArray[np.bool_]:
    """Where the art differs by more than grain from that of an empty prompt; night skies are dark already."""
    least = 14 if family == "cosmos" else 40
    return np.asarray(np.abs(painted(family, prompt) - painted(family, "")).max(axis=2) > least)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(unseen())))
def test_a_figure_is_seen_in_every_family_that_shows_any(family: str) -> None:
    """A horse changes a tall part of the page, and not the upper fifth, where the title stands."""
    mask = changed(family, "a horse")
    rows = np.flatnonzero(mask.sum(axis=1) > 4)
    assert len(rows) > HEIGHT * 0.08
    assert mask[: HEIGHT // 5].mean() < 0.25


@pytest.mark.parametrize("family", sorted(HELD))
def test_what_stands_has_ground_under_its_feet(family: str) -> None:
    """Between and beside a horse's legs there is air, but below them the page is filled."""
    at, reach = figures.column(scene("a horse")), int(HEIGHT * 0.07)
    assert at is not None
    band = changed(family, "a horse")[:, max(int(at) - reach, 0) : int(at) + reach]
    share = np.convolve(band.mean(axis=1), np.full(7, 1 / 7), "same")
    rows = np.flatnonzero(share > 0.2)
    body = int(rows[0]) + int(np.argmax(share[rows[0] : rows[0] + int(HEIGHT * 0.14)]))
    legs = body + int(np.argmin(share[body : body + int(HEIGHT * 0.12)]))
    assert share[legs:].max() > 0.5
    assert share[legs] < share[legs:].max() * 0.8


@pytest.mark.parametrize("name", STANDING)
def test_the_ground_meets_the_feet(name: str) -> None:
    """Under a standing figure the line of the ground is level and at its feet, which the silhouette reaches."""
    page, tall = scene(FIGURE_WORDS[name].split()[0]), 110.0
    placed = figures.on(page, 400.0, tall)
    line = figures.footing(page, placed, tall)
    assert placed is not None
    assert line is not None
    below = line[int(placed[1] - tall * 0.3) : int(placed[1] + tall * 0.3)]
    assert float(np.abs(below - placed[2]).max()) < tall * 0.05
    lowest = max(float(part[:, 1].max()) for part in figures.drawn(name, *placed[1:], tall))
    assert lowest >= placed[2] - tall * 0.02


@pytest.mark.parametrize("name", sorted(figures.ALOFT | figures.AFLOAT))
def test_what_flies_or_swims_needs_no_ground(name: str) -> None:
    """There is none below it; what floats has water instead."""
    page = scene(FIGURE_WORDS[name].split()[0])
    placed = figures.on(page, 400.0, 110.0)
    assert figures.footing(page, placed, 110.0) is None
    assert bool(figures.water(page, placed, 110.0)) == (name in figures.AFLOAT)


@pytest.mark.parametrize("name", sorted(figures.FIGURES))
def test_a_silhouette_fills_its_square(name: str) -> None:
    """It is neither a speck nor a block, and stays near its square."""
    points = np.concatenate(shapes(figures.FIGURES[name]))
    assert points.min() > -30
    assert points.max() < 130
    cover = Stencil(figures.drawn(name, 100, 170, 120), 200).rows(0, 200)
    assert cover is not None
    assert 0.02 < float(cover.mean()) < 0.35


@pytest.mark.parametrize("name", sorted(FIGURE_WORDS))
def test_every_word_of_the_table_leads_to_its_figure(name: str) -> None:
    """Alone, written as people write it."""
    lost = [word for word in FIGURE_WORDS[name].split() if name not in read(word.capitalize()).figures]
    assert lost == []


@pytest.mark.parametrize(
    ("prompt", "figure"),
    [
        ("a girl with a red umbrella in the rain", "umbrella"),
        ("a knight facing a dragon", "dragon"),
        ("steam train crossing a viaduct", "train"),
        ("dos gatos en una ventana", "cat"),
        ("una niña con un globo", "balloon"),
        ("las llaves perdidas", "key"),
        ("drei Eulen im Wald", "owl"),
        ("der kleine Bär und der Mond", "bear"),
        ("die Schlüssel der Königin", "key"),
        ("un hibou dans la forêt", "owl"),
        ("les chevaux sauvages", "horse"),
        ("une tasse de thé", "cup"),
    ],
)
def test_prompts_lead_to_what_they_are_about(prompt: str, figure: str) -> None:
    """Plurals and accents included; who acts comes before what stands around."""
    assert read(prompt).figures[0] == figure


@pytest.mark.parametrize("words", ["book cover for Home Truths", "a jazz bar, album cover for Blue", "the kind of day"])
def test_words_that_only_look_like_figures_lead_to_none(words: str) -> None:
    """The kind of work, and words of one language that mean something else in another."""
    assert not {"book", "bear", "child", "cup"} & set(read(words).figures)


def test_two_of_a_kind_stand_together() -> None:
    """`two foxes` are drawn twice, one smaller; three wolves stay one figure of a wolf."""
    pair, alone = (figures.company(scene(words), "fox", 100, 400, 110) for words in ("two foxes", "a fox"))
    assert len(pair) == 2 * len(alone)
    heights = [float(np.ptp(part[:, 1])) for part in pair]
    assert heights[1] < heights[0]


def test_what_is_cut_out_of_a_stroke_is_empty() -> None:
    """A hole in a square is seen through, a second one too, and the seams are closed."""
    square = ("p 0,0 0,100 100,100 100,0", "-p 20,20 20,40 40,40 40,20", "-c 70,70 10")
    cover = Stencil(shapes(square), 100).rows(0, 100)
    assert cover is not None
    assert float(cover[25:35, 25:35].max()) == float(cover[66:74, 66:74].max()) == 0
    assert float(cover[45:55, 5:95].min()) > 0.9
    assert abs(float(cover.mean()) - (1 - 0.04 - 0.0314)) < 0.015
