"""Pictures made to the ordered size, masks made to each provider's meaning: what was done is told, and is right."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adapters.images import InpaintOrder
from adapters.images.fitting import (
    MAX_PIXELS,
    MOST_CROPPED,
    Unreadable,
    fitted,
    gridded,
    mask_as_alpha,
    merged,
    nearest,
    opened,
    upload,
)

GREYS = bytes([0, 1, 127, 128, 254, 255])


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Its bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_white_is_transparent_for_openai() -> None:
    """Golden: our white (repaint) is alpha 0 there, our black alpha 255, and nothing is in between."""
    alpha = mask_as_alpha(Image.frombytes("L", (6, 1), GREYS))

    assert alpha.mode == "RGBA"
    assert alpha.getchannel("A").tobytes() == bytes([255, 255, 255, 0, 0, 0])


def test_white_stays_white_for_the_others() -> None:
    """Golden: Stability and AUTOMATIC1111 get the mask as it is, also its greys."""
    mask = saved(Image.frombytes("L", (6, 1), GREYS))
    order = InpaintOrder(
        prompt="x", family="ink", width=6, height=1, seed=1, picture=saved(Image.new("RGB", (6, 1))), mask=mask
    )
    _, sent = upload(order, (6, 1), False)
    _, sent_alpha = upload(order, (6, 1), True)

    assert (opened(sent).mode, opened(sent).tobytes()) == ("L", GREYS)
    assert opened(sent_alpha).getchannel("A").tobytes() == bytes([255, 255, 255, 0, 0, 0])


def test_what_is_not_marked_is_kept_to_the_pixel() -> None:
    """Half grey mixes half and half; black keeps every pixel of the original, whatever the model made of it."""
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    order = InpaintOrder(
        prompt="x", family="ink", width=64, height=64, seed=1, picture=saved(picture), mask=saved(mask)
    )
    data, how = merged(saved(Image.new("RGB", (128, 128), (9, 8, 7))), order)
    result = opened(data)

    assert how == "128x128 scaled to 64x64"
    assert result.crop((0, 0, 32, 64)).tobytes() == picture.crop((0, 0, 32, 64)).tobytes()
    assert result.crop((32, 0, 64, 64)).getcolors() == [(32 * 64, (9, 8, 7))]


@pytest.mark.parametrize(
    ("made", "ordered", "how"),
    [
        ((320, 512), (320, 512), ""),
        ((1440, 2304), (1600, 2560), "1440x2304 scaled to 1600x2560"),
        ((1024, 1536), (1600, 2560), "1024x1536 scaled to 1707x2560, cropped to 1600x2560"),
        ((1024, 1024), (1600, 2560), "1024x1024 scaled to 1600x1600, extended to 1600x2560"),
        ((1536, 1024), (1280, 720), "1536x1024 scaled to 1080x720, extended to 1280x720"),
    ],
)
def test_the_way_to_the_ordered_size_is_told(made: tuple[int, int], ordered: tuple[int, int], how: str) -> None:
    """Scaled when the proportions are the same, cropped when little is lost, else extended; never silently."""
    data, told = fitted(saved(Image.new("RGB", made, (5, 6, 7))), *ordered)

    assert (opened(data).size, told) == (ordered, how)
    assert opened(data).getcolors() == [(ordered[0] * ordered[1], (5, 6, 7))]


def test_an_extended_picture_has_all_of_the_original_in_its_middle() -> None:
    """Nothing is cut away, and what is added is like its edges: a white edge is continued white."""
    image = Image.new("RGB", (100, 100), (255, 255, 255))
    image.paste((0, 0, 0), (40, 40, 60, 60))
    data, _ = fitted(saved(image), 100, 200)
    result = opened(data)

    assert result.crop((0, 50, 100, 150)).tobytes() == image.tobytes()
    assert {result.getpixel(at) for at in ((0, 49), (99, 150))} <= {(255, 255, 255), (254, 254, 254)}


@given(
    width=st.integers(64, 3000),
    height=st.integers(64, 3000),
    step=st.sampled_from([8, 16, 64]),
    most=st.sampled_from([2**20, 2560 * 1440]),
)
def test_a_size_on_the_grid_keeps_its_limits(width: int, height: int, step: int, most: int) -> None:
    """Multiples of the step, no more pixels, no longer side, no steeper; never larger than what was ordered."""
    got = gridded(width, height, step=step, most_pixels=most, longest=2560, steepest=3)

    assert got[0] % step == got[1] % step == 0
    assert got[0] * got[1] <= most
    assert max(got) <= 2560
    assert got[0] <= width
    assert got[1] <= height
    assert max(got) <= 3 * min(got) + 3 * step


def test_covers_keep_their_proportions_on_the_grid() -> None:
    """Golden: an e-book cover is made at 1440x2304, which is exactly as narrow; a thumbnail in its own size."""
    limits = {"step": 16, "most_pixels": 2560 * 1440, "longest": 2560}

    assert gridded(1600, 2560, **limits) == (1440, 2304)
    assert gridded(1280, 720, **limits) == (1280, 720)
    assert gridded(3000, 3000, **limits) == (1920, 1920)


def test_the_nearest_size_is_by_proportions() -> None:
    """Of equal proportions the largest."""
    assert nearest(1600, 2560, ((1024, 1024), (1536, 1024), (1024, 1536))) == (1024, 1536)
    assert nearest(1000, 1000, ((512, 512), (1024, 1024), (1536, 1024))) == (1024, 1024)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK", "I;16"])
def test_transparency_and_odd_modes_become_plain_colour(mode: str) -> None:
    """What is transparent is white, never black by accident; the result is RGB."""
    image = Image.new("L" if mode == "I;16" else mode if mode != "P" else "L", (8, 8))
    kind = "JPEG" if mode == "CMYK" else "PNG"
    data, _ = fitted(saved(image.convert(mode) if mode in ("P", "I;16") else image, kind), 8, 8)
    result = opened(data)

    assert (result.mode, result.format) == ("RGB", "PNG")
    if mode in ("RGBA", "LA"):
        assert result.getpixel((0, 0)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        bomb(5001, 5000),
        bomb(30000, 30000),
        bomb(10, 10),
        saved(Image.new("RGB", (9, 9)), "GIF"),
        saved(Image.new("RGB", (9, 9)))[:40],
    ],
)
def test_what_is_no_picture_or_too_large_is_unreadable(data: bytes) -> None:
    """Also one that only says that it is large, one cut off, and formats that no provider was asked for."""
    with pytest.raises(Unreadable):
        fitted(data, 8, 8)
    assert MAX_PIXELS < 5001 * 5000


def test_metadata_of_the_provider_is_not_kept() -> None:
    """Their words in a picture do not go out with it."""
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_text("parameters", "the prompt, the key")
    data, _ = fitted(saved(Image.new("RGB", (8, 8)), pnginfo=words), 8, 8)

    assert b"the prompt" not in data
    assert not opened(data).info
    assert 0 < MOST_CROPPED < 0.1
