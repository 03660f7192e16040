"""Files from pictures: sizes, limits in bytes, what is written and what is not, and what is measured."""

import io
import os

import msgspec
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from adapters.rendering import MEDIA, RenderOrder, UnreadablePicture, measure, render, target
from contracts.exports import ExportOptions
from nodes.exports.model import checks, file_name, order_for
from nodes.exports.presets import TABLE

PNG = RenderOrder(media_type="image/png", dpi=300, max_bytes=30_000_000)
JPEG = RenderOrder(media_type="image/jpeg", dpi=72, quality=90, max_bytes=30_000_000)


def picture(width: int = 320, height: int = 200, mode: str = "RGB", **options: object) -> bytes:
    """A PNG that is hard to compress."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    out = io.BytesIO()
    Image.frombytes(mode, (width, height), os.urandom(width * height * bands)).save(out, "PNG", **options)
    return out.getvalue()


@pytest.mark.parametrize("media", MEDIA)
def test_a_file_is_measured_as_it_was_ordered(media: str) -> None:
    """Type, size, colour and density; WebP files have no density."""
    order = msgspec.structs.replace(JPEG, media_type=media)
    made = render(picture(), order)
    found = made.measured
    assert found == measure(made.data)
    assert (found.media_type, found.width, found.height, found.mode) == (media, 320, 200, "RGB")
    assert (found.size, found.dpi) == (len(made.data), None if media == "image/webp" else 72)


def test_a_png_keeps_every_pixel() -> None:
    """As it is means as it is."""
    source = picture()
    made = Image.open(io.BytesIO(render(source, PNG).data))
    assert made.tobytes() == Image.open(io.BytesIO(source)).tobytes()


@pytest.mark.parametrize(
    ("size", "order", "expected"),
    [
        ((320, 200), {}, (320, 200)),
        ((320, 200), {"longest": 160}, (160, 100)),
        ((200, 320), {"longest": 160}, (100, 160)),
        ((320, 200), {"longest": 4000}, (320, 200)),
        ((2000, 1), {"longest": 10}, (10, 1)),
        ((320, 200), {"width": 160, "height": 100}, (160, 100)),
        ((320, 201), {"width": 160, "height": 100}, (160, 100)),
    ],
)
def test_sizes(size: tuple[int, int], order: dict[str, int], expected: tuple[int, int]) -> None:
    """As it is, at most so long, or exactly so large; never enlarged."""
    assert target(size, msgspec.structs.replace(JPEG, **order)) == expected


@pytest.mark.parametrize(
    ("width", "height", "word"), [(640, 400, "enlarged"), (160, 201, "enlarged"), (160, 160, "cropped")]
)
def test_a_size_that_does_not_fit_is_refused(width: int, height: int, word: str) -> None:
    """Neither enlarged nor cropped."""
    with pytest.raises(ValueError, match=word):
        render(picture(), msgspec.structs.replace(JPEG, width=width, height=height))


@pytest.mark.parametrize("media", ["image/jpeg", "image/webp"])
def test_quality_gives_way_to_a_limit_in_bytes(media: str) -> None:
    """The best quality that keeps the limit; when none does it is refused, and so is a PNG that is too large."""
    source, order = picture(), msgspec.structs.replace(JPEG, media_type=media, quality=95)
    best = len(render(source, order).data)
    limited = render(source, msgspec.structs.replace(order, max_bytes=best * 3 // 4))
    assert best // 4 < len(limited.data) <= best * 3 // 4
    for hopeless in (msgspec.structs.replace(order, max_bytes=1000), msgspec.structs.replace(PNG, max_bytes=1000)):
        with pytest.raises(ValueError, match="and may have 1000"):
            render(source, hopeless)


@pytest.mark.parametrize("media", MEDIA)
def test_the_same_picture_gives_the_same_bytes(media: str) -> None:
    """No time and no machine in the file, and nothing of the text, density or profile of the source."""
    order = msgspec.structs.replace(JPEG, media_type=media)
    words = PngInfo()
    words.add_text("prompt", "a private wish")
    plain = picture(60, 40)
    image = Image.open(io.BytesIO(plain))
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=words, dpi=(11, 11), icc_profile=b"profile")
    assert render(plain, order).data == render(out.getvalue(), order).data == render(plain, order).data
    assert b"private" not in render(out.getvalue(), order).data


def test_transparency_does_not_come_through() -> None:
    """A picture with an alpha channel becomes one without."""
    assert render(picture(mode="RGBA"), PNG).measured.mode == "RGB"


@pytest.mark.parametrize("data", [b"", b"GIF89a", picture()[:3000]])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Nothing, another format, a file that is cut short."""
    with pytest.raises(UnreadablePicture):
        render(data, PNG)


def test_a_picture_too_large_to_decode_is_refused() -> None:
    """A small file with more pixels than we decode."""
    out = io.BytesIO()
    Image.new("1", (6000, 6000)).save(out, "PNG")
    assert len(out.getvalue()) < 50_000
    with pytest.raises(UnreadablePicture, match="pixels"):
        render(out.getvalue(), PNG)


def test_every_preset_is_kept_by_what_is_made_for_it() -> None:
    """From a picture of its shape each makes a file for which all its checks are good."""
    for preset in TABLE:
        width, height = preset.width or 640, preset.height or 1024
        out = io.BytesIO()
        Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "PNG", compress_level=1)
        made = render(out.getvalue(), order_for(preset, ExportOptions()))
        assert [check.rule for check in checks(preset, made.measured) if not check.ok] == [], preset.name
        assert file_name(preset).startswith(preset.name + ".")


def test_checks_find_what_is_wrong() -> None:
    """A file that is not what its preset says fails exactly the rules that it breaks."""
    preset = next(each for each in TABLE if each.name == "jpeg-video")
    good = measure(render(picture(1280, 720), order_for(preset, ExportOptions())).data)
    for change, rule in (
        ({"media_type": "image/png"}, "format"),
        ({"width": 1279}, "size"),
        ({"mode": "RGBA"}, "colour"),
        ({"mode": "CMYK"}, "colour"),
        ({"size": 2_000_001}, "bytes"),
        ({"dpi": None}, "dpi"),
    ):
        found = msgspec.structs.replace(good, **change)
        assert [check.rule for check in checks(preset, found) if not check.ok] == [rule]
