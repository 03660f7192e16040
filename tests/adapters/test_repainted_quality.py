"""How what is made anew looks beside what was there: as rough as its surroundings, no step where it begins."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from adapters.images import InpaintOrder, PaintOrder
from adapters.images.erasing import erased
from adapters.images.painter import paint, palette_of
from adapters.images.painter.inpainting import inpaint
from adapters.images.repainting import Margins, grown, marked, png

PHOTOS = Path(__file__).parents[1] / "data/harmless"
Grey = NDArray[np.float64]


def photo(name: str) -> Image.Image:
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        return image.convert("RGB")


def grey(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L"), np.float64)


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def rough(field: Grey) -> float:
    """How much neighbours differ, across and down."""
    return float(np.abs(np.diff(field, axis=0)).mean() + np.abs(np.diff(field, axis=1)).mean())


def coarse(field: Grey) -> float:
    """How much means of 8 x 8 pixels differ: the large pattern."""
    rows, columns = (length // 8 * 8 for length in field.shape)
    return float(field[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).mean(axis=(1, 3)).std())


@pytest.mark.parametrize("name", ["grass", "gravel", "brick"])
def test_a_hole_in_a_texture_is_as_rough_as_what_is_round_it(name: str) -> None:
    """In its grain and in its large pattern, where averaged patches leave a smooth or an even spot."""
    image = photo(name)
    box = (110, 140, 270, 250)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    after = grey(opened(erased(marked(png(image), png(mask)))))
    left, top, right, bottom = box
    inside, before = after[top:bottom, left:right], grey(image)[top:bottom, left:right]
    assert 0.75 < rough(inside) / rough(before) < 1.2
    assert 0.75 < coarse(inside) / coarse(before) < 1.35


def test_windows_come_back_where_they_were() -> None:
    """A pattern that repeats goes on through the hole in step: the hidden part is restored nearly to the pixel."""
    image = Image.new("RGB", (360, 300), "#203040")
    draw = ImageDraw.Draw(image)
    for left in range(6, 360, 24):
        for top in range(8, 300, 30):
            draw.rectangle((left, top, left + 11, top + 17), fill="#e0d090")
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rectangle((130, 90, 240, 200), fill=255)
    after = erased(marked(png(image), png(mask)))
    assert np.abs(grey(opened(after)) - grey(image)).mean() < 0.5


@pytest.mark.parametrize("family", ["ink", "oil", "botanical"])
def test_a_grown_canvas_goes_on_from_the_picture(family: str) -> None:
    """Where the old picture ends, neighbours differ hardly more than they do beside that, though the painter's scene
    for the new size is another."""
    words, size, seed = "a tree on a hill", (320, 512), 11
    old = paint(PaintOrder(prompt=words, family=family, width=size[0], height=size[1], seed=seed)).data
    part = grown(old, Margins(left=80))
    wish = InpaintOrder(
        prompt=words,
        family=family,
        palette=palette_of(family, seed),
        width=part.width,
        height=part.height,
        seed=77,
        picture=part.picture,
        mask=part.mask,
    )
    after = grey(opened(inpaint(wish, paint).data))
    steps = np.abs(after[:, 80:84].mean(axis=1) - after[:, 66:70].mean(axis=1)).mean()
    usual = np.abs(after[:, 94:98].mean(axis=1) - after[:, 80:84].mean(axis=1)).mean()
    assert steps < 1.6 * usual + 2
