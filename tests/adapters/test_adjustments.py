"""Adjusting pictures: what each value does to pixels, measured; limits leave a picture a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from adapters.images import PaintOrder
from adapters.images.adjustments import Adjusted, Adjustment, adjust
from adapters.images.painter import paint
from adapters.moderation.pictures import PictureLimits, inspect_picture
from adapters.typesetter import UnreadablePicture

ART = paint(PaintOrder(prompt="", family="landscape", width=320, height=512, seed=3)).data


def pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Rows, columns, and red, green, blue from 0 to 255."""
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"), np.float64)


def adjusted(**values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The pixels of the adjusted art."""
    return pixels(adjust(ART, Adjustment(**values)).picture.data)


def detail(image: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Mean difference between neighbours."""
    return float(np.abs(np.diff(image, axis=1)).mean())


def colourfulness(image: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Mean distance between the strongest and the weakest channel."""
    return float((image.max(axis=2) - image.min(axis=2)).mean())


def test_nothing_asked_changes_no_pixel() -> None:
    """All values 0."""
    assert np.array_equal(adjusted(), pixels(ART))


def test_brightness_and_contrast() -> None:
    """Lighter and darker by the mean, steeper and flatter by the spread."""
    art = pixels(ART)
    assert adjusted(brightness=0.5).mean() > art.mean() + 20
    assert adjusted(brightness=-0.5).mean() < art.mean() - 20
    assert adjusted(contrast=0.5).std() > art.std() * 1.2
    assert adjusted(contrast=-0.5).std() < art.std() * 0.8


def test_saturation_and_warmth() -> None:
    """-1 is grey; more is more colourful; warm has more red and less blue, cold the reverse."""
    art = pixels(ART)
    assert colourfulness(adjusted(saturation=-1)) < 1
    assert colourfulness(adjusted(saturation=0.5)) > colourfulness(art) * 1.2
    for warmth, sign in ((0.8, 1), (-0.8, -1)):
        red, _, blue = (adjusted(warmth=warmth) - art).mean(axis=(0, 1))
        assert red * sign > 2
        assert blue * sign < -2


def test_blur_and_sharpen() -> None:
    """Neighbours become more alike, or less."""
    art = detail(pixels(ART))
    assert detail(adjusted(blur=4)) < art * 0.8
    assert detail(adjusted(sharpen=0.8)) > art * 1.1


@pytest.mark.parametrize(
    "values",
    [
        *({name: value} for name in ("brightness", "contrast", "saturation", "warmth") for value in (-1.0, 1.0)),
        {"blur": 20.0},
        {"sharpen": 1.0},
        {"brightness": 1.0, "contrast": -1.0, "saturation": -1.0, "blur": 20.0},
    ],
)
def test_the_strongest_values_leave_a_picture(values: dict[str, float]) -> None:
    """Of the same size, in the same format, and not blank to the safety check; a small one beside it."""
    made = adjust(ART, Adjustment(**values))
    assert inspect_picture(made.picture.data, made.picture.media_type, PictureLimits()) is None
    assert (made.picture.width, made.picture.height, made.thumbnail.width) == (320, 512, 320)


def test_the_same_values_give_the_same_bytes() -> None:
    """So that doing a step twice makes one object."""
    values = Adjustment(brightness=0.3, contrast=0.2, saturation=0.4, warmth=-0.2, blur=1.5, sharpen=0.5)
    first: Adjusted = adjust(ART, values)
    assert adjust(ART, values) == first


def test_what_is_no_picture_is_refused() -> None:
    """A ValueError, which the step reports as final."""
    with pytest.raises(UnreadablePicture):
        adjust(b"no picture", Adjustment(blur=1))
