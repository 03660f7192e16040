"""PNG files of ours: what is read from them is what was written, in any decoder that checks them."""

import io

import numpy as np
import pytest
from PIL import Image

from adapters.png import encode


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 1), (320, 512)])
def test_a_picture_is_read_as_it_was_written(size: tuple[int, int]) -> None:
    """Every pixel of noise and of gradients comes back; the same picture gives the same bytes."""
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    ramp = (np.indices(noise.shape).sum(axis=0) % 256).astype(np.uint8)
    for pixels in (noise, ramp):
        data = encode(Image.fromarray(pixels))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
        assert data == encode(Image.fromarray(pixels))


def test_other_modes_are_written_too() -> None:
    """A picture with alpha keeps it."""
    picture = Image.new("RGBA", (5, 4), (10, 20, 30, 40))
    again = Image.open(io.BytesIO(encode(picture)))
    assert (again.mode, again.getpixel((2, 2))) == ("RGBA", (10, 20, 30, 40))
