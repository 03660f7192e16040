"""Parts of a picture made anew: soft edges that end, canvases that grow, holes that are filled; what stays stays."""

import functools
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from adapters.images import InpaintOrder, PaintOrder
from adapters.images.erasing import Unfillable, erased
from adapters.images.painter import paint, palette_of
from adapters.images.painter.inpainting import inpaint
from adapters.images.repainting import Margins, Part, Unfit, grown, marked, png, reach, size_of

SIZE = (240, 360)
Pixels = NDArray[np.uint8]


@functools.cache
def art(family: str = "landscape", seed: int = 5) -> bytes:
    return paint(order(family, seed)).data


def order(family: str, seed: int) -> PaintOrder:
    return PaintOrder(prompt="a moon over the sea", family=family, width=SIZE[0], height=SIZE[1], seed=seed)


def disc(size: tuple[int, int] = SIZE) -> Image.Image:
    """White is a disc in the middle, a third of the width across."""
    mask, (width, height) = Image.new("L", size), size
    half = width // 6
    box = (width // 2 - half, height // 2 - half, width // 2 + half, height // 2 + half)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def pixels(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).copy()


def beyond(mask: Image.Image, distance: int) -> NDArray[np.bool_]:
    """What is further than so many pixels from the white of a mask."""
    far: NDArray[np.bool_] = np.asarray(mask.filter(ImageFilter.MaxFilter(2 * distance + 1))) == 0
    return far


def painted(part: Part, *, seed: int = 8, prompt: str = "a ship", focus: bool = False) -> bytes:
    wish = InpaintOrder(
        prompt=prompt,
        family="landscape",
        palette=palette_of("landscape", 5),
        width=part.width,
        height=part.height,
        seed=seed,
        picture=part.picture,
        mask=part.mask,
        focus=focus,
    )
    return inpaint(wish, paint).data


@pytest.mark.parametrize("focus", [False, True])
def test_only_what_is_marked_is_painted_anew(focus: bool) -> None:
    """Beyond the soft edge every pixel is as it was, within the mask most are others; the same order gives the same."""
    part = marked(art(), png(disc()))
    before, after = pixels(art()), pixels(painted(part, focus=focus))
    outside = beyond(disc(), reach(*SIZE))
    assert outside.mean() > 0.5
    assert np.array_equal(before[outside], after[outside])
    inside = np.asarray(disc()) > 0
    assert (before != after).any(axis=-1)[inside].mean() > 0.5
    assert painted(part, focus=focus) == painted(part, focus=focus)


def test_the_edge_has_no_seam() -> None:
    """Across the edge of the mask neighbours differ no more than they do elsewhere in art of that kind."""
    after = pixels(painted(marked(art(), png(disc())))).astype(np.float64)
    steps = np.abs(np.diff(after, axis=1)).mean(axis=-1)
    edge = np.diff((np.asarray(disc()) > 0).astype(int), axis=1) != 0
    assert steps[edge].mean() < 12


def test_with_the_own_seed_the_art_under_the_type_comes_back() -> None:
    """The whole scene is painted again, so that what was covered is there once more."""
    typed = Image.fromarray(pixels(art()))
    ImageDraw.Draw(typed).rectangle((60, 150, 180, 210), fill="white")
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((56, 146, 184, 214), fill=255)
    back = painted(marked(png(typed), png(mask)), seed=5, prompt="a moon over the sea")
    inside = np.asarray(mask) > 0
    difference = np.abs(pixels(back).astype(int) - pixels(art()).astype(int))[inside]
    assert difference.mean() < 6


def test_a_mask_is_brought_to_the_pictures_size() -> None:
    """Half as large is fine, another shape and an empty one are named."""
    part = marked(art(), png(disc((SIZE[0] // 2, SIZE[1] // 2))))
    assert size_of(part.mask) == size_of(part.picture) == SIZE
    for mask, why in ((disc((300, 300)), "shape"), (Image.new("L", SIZE), "marks nothing")):
        with pytest.raises(Unfit, match=why) as refused:
            marked(art(), png(mask))
        assert refused.value.field == "mask_upload_id"


def test_a_canvas_grows_around_an_untouched_picture() -> None:
    """To the byte, on the sides that were asked for; the new part is painted, and too large a canvas is refused."""
    part = grown(art(), Margins(left=60, bottom=40))
    assert (part.width, part.height) == (SIZE[0] + 60, SIZE[1] + 40)
    after = pixels(painted(part))
    assert np.array_equal(after[: SIZE[1], 60:], pixels(art()))
    steps = np.abs(np.diff(after.astype(np.float64), axis=1)).mean(axis=-1)
    assert steps[: SIZE[1], 59].mean() < 12, "no seam"
    with pytest.raises(Unfit, match="at most"):
        grown(art(), Margins(top=6000))


@pytest.mark.parametrize("family", ["landscape", "mesh"])
def test_what_is_erased_leaves_its_surroundings(family: str) -> None:
    """A disc of another colour is gone, the fill is nearer to the art that was there than the disc was, and everything
    beyond the soft edge stays to the byte."""
    original = art(family)
    spoilt = Image.fromarray(pixels(original))
    spoilt.paste("#e02020", (0, 0), disc())
    mask = disc().filter(ImageFilter.MaxFilter(9))
    after = pixels(erased(marked(png(spoilt), png(mask))))
    outside = beyond(mask, reach(*SIZE))
    assert np.array_equal(after[outside], np.asarray(spoilt)[outside])
    inside = np.asarray(disc()) > 0
    truth = pixels(original).astype(int)
    filled, wrong = (np.abs(each.astype(int) - truth)[inside].mean() for each in (after, np.asarray(spoilt)))
    assert filled < 0.5 * wrong
    assert np.array_equal(after, pixels(erased(marked(png(spoilt), png(mask)))))


def test_a_picture_that_is_nearly_all_marked_cannot_be_filled() -> None:
    """There is nothing left to fill it from."""
    mask = Image.new("L", SIZE, 255)
    mask.paste(0, (0, 0, 10, 10))
    with pytest.raises(Unfillable):
        erased(marked(art(), png(mask)))
