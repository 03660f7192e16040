"""Where words stand on drawn art: in the middle of what a frame leaves open, and clear of outlines."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from adapters.typesetter import Composition, TypeOrder, compose
from adapters.typesetter.edges import Edges

PAGE = (800, 1280)
PAPER, INK, GREEN, RED = (244, 238, 226), (40, 44, 40), (66, 110, 74), (196, 84, 60)


def drawn(*shapes: tuple[str, tuple[float, ...], tuple[int, int, int]], size: tuple[int, int] = PAGE) -> Image.Image:
    """Paper with shapes on it: the name of an ImageDraw method, coordinates as shares of the page, a colour."""
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    for kind, shares, colour in shapes:
        getattr(draw, kind)([share * size[index % 2] for index, share in enumerate(shares)], fill=colour)
    return image


def wreath() -> Image.Image:
    """Leaves along an oval that leaves the middle of the page open, and nothing else."""
    shapes = []
    for turn in np.linspace(0, 2 * np.pi, 60, endpoint=False):
        for reach in (0.39, 0.43, 0.47):
            across, down = 0.5 + reach * np.cos(turn + reach * 9), 0.5 + reach * np.sin(turn + reach * 9)
            shapes.append(("ellipse", (across - 0.022, down - 0.022, across + 0.022, down + 0.022), GREEN))
    return drawn(*shapes)


def composed(art: Image.Image, title: str, subtitle: str | None = None, typography: str = "classic") -> Composition:
    """The words set on the art, with an author."""
    out = io.BytesIO()
    art.save(out, "PNG")
    width, height = art.size
    words = TypeOrder(
        title=title, subtitle=subtitle, author="Nell Ashby", typography=typography, width=width, height=height
    )
    return compose(out.getvalue(), words)


def outlines(art: Image.Image, made: Composition) -> dict[str, int]:
    """Steps of colour in the art inside the box of each role."""
    grey = np.asarray(art.convert("L"), np.int64)
    found = {}
    for item in made.layout.placed:
        x, y, w, h = item.box
        crop = grey[y : y + h, x : x + w]
        found[item.role] = int((np.abs(np.diff(crop, axis=0)) > 12).sum() + (np.abs(np.diff(crop, axis=1)) > 12).sum())
    return found


def paid(art: Image.Image, role: str, box: tuple[float, float, float, float]) -> float:
    """What a line of type as tall as the box pays for outlines there."""
    return float(Edges(art).prices(role, box, box[3], np.array([box[1]], np.float64))[0])


def test_a_frame_of_art_keeps_the_title_in_its_middle() -> None:
    """All words stand inside a wreath, on the paper, and the title near the middle of the page."""
    art = wreath()
    made = composed(art, "The Kitchen Garden")
    _, y, _, h = made.layout.placed[0].box
    assert outlines(art, made) == {"title": 0, "author": 0}
    assert 0.33 < (y + h / 2) / art.height < 0.6


def test_an_open_middle_does_not_draw_a_title_away_from_a_calm_head() -> None:
    """A ring in the middle of calm paper keeps its emptiness: the title stands large above it."""
    art = drawn(("ellipse", (0.2, 0.4, 0.8, 0.78), INK), ("ellipse", (0.26, 0.44, 0.74, 0.74), PAPER))
    _, y, w, h = composed(art, "Breathe").layout.placed[0].box
    assert y + h < 0.4 * art.height
    assert w > 0.5 * art.width


STEMS = tuple(("rectangle", (x, 0.6, x + 0.012, 1.0), GREEN) for x in (0.32, 0.4, 0.47, 0.55, 0.63, 0.7))
ROOF = ("polygon", (0.1, 0.62, 0.5, 0.33, 0.9, 0.62, 0.9, 1.0, 0.1, 1.0), INK)
SUN = ("ellipse", (0.3, 0.36, 0.72, 0.62), RED)
HILL = ("polygon", (0.0, 0.90, 1.0, 0.93, 1.0, 1.0, 0.0, 1.0), GREEN)


@pytest.mark.parametrize(
    "art",
    [drawn(*STEMS), drawn(ROOF), drawn(SUN, HILL), drawn(SUN, *STEMS)],
    ids=["stems", "roof", "hill", "sun and stems"],
)
@pytest.mark.parametrize("subtitle", [None, "The city that never was"])
def test_a_small_line_crosses_no_outline_where_paper_is_left(art: Image.Image, subtitle: str | None) -> None:
    """Author and subtitle stand on one tone, wherever on the page that is."""
    found = outlines(art, composed(art, "Root and Bone", subtitle))
    assert {role: steps for role, steps in found.items() if role != "title"} == dict.fromkeys(
        ["author"] if subtitle is None else ["subtitle", "author"], 0
    )


def test_an_outline_costs_a_small_line_more_than_a_title() -> None:
    """The same crossing, once from top to bottom of the box: a small line loses several times as much."""
    art, box = drawn(("rectangle", (0.5, 0.0, 1.0, 1.0), INK)), (200.0, 600.0, 400.0, 100.0)
    title, author = (paid(art, role, box) for role in ("title", "author"))
    assert author > 3 * title > 0


def test_stars_and_snow_are_no_outlines() -> None:
    """Spots cost nothing, a line of the same strength does."""
    rng = np.random.default_rng(3)
    stars = tuple(
        ("ellipse", (x, y, x + 0.004, y + 0.0025), INK) for x, y in zip(rng.random(60), rng.random(60), strict=True)
    )
    box = (100.0, 500.0, 600.0, 60.0)
    assert paid(drawn(*stars), "author", box) < 0.1
    line = ("rectangle", (0.0, 0.41, 1.0, 0.4125), INK)
    assert paid(drawn(line), "author", box) > 0.4
