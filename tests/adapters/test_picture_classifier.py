"""The classifier of pictures on harmless ones; none of nudity are kept here, so what it catches is not measured."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, paint
from adapters.moderation.bands import Band, Bands, read_bands
from adapters.moderation.images import load_network, loads, look_at
from adapters.moderation.pictures import PictureLimits
from adapters.workers import Workers

ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = sorted((ROOT / "tests" / "data" / "harmless").glob("*.jpg"))
PREVIEWS = sorted((ROOT / "edge" / "studio" / "static" / "styles").glob("*.webp"))
STRICTEST = read_bands().of("cn", "free").review
"""The lowest threshold that is shipped."""
SKIN = ("#3b1f14", "#e8b896", "#f3d3bd", "#c98b6b")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_painters_art_is_no_false_alarm(family: str) -> None:
    """Every family, in the colours of skin, stays below the strictest threshold that is shipped."""
    order = PaintOrder(prompt="", family=family, palette=SKIN, width=400, height=640, seed=11)
    look = look_at(paint(order).data, "image/png", PictureLimits())
    assert look.problem is None
    assert look.nsfw < STRICTEST


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_photographs_are_no_false_alarm(photograph: Path) -> None:
    """People, a retina, fur, food and textures pass, whole, cut to their middle, and in the colours of skin."""
    with Image.open(photograph) as opened:
        whole = opened.convert("RGB")
    width, height = whole.size
    middle = whole.crop((width // 4, height // 4, width * 3 // 4, height * 3 // 4)).resize(whole.size)
    for shown in (whole, middle, ImageOps.colorize(whole.convert("L"), SKIN[0], SKIN[2])):
        out = io.BytesIO()
        shown.save(out, "PNG")
        look = look_at(out.getvalue(), "image/png", PictureLimits())
        assert look.problem is None
        assert look.nsfw < STRICTEST


@pytest.mark.parametrize("preview", PREVIEWS, ids=lambda path: path.stem)
def test_the_previews_of_styles_are_no_false_alarm(preview: Path) -> None:
    """What the studio shows of each style would pass as a cover."""
    look = look_at(preview.read_bytes(), "image/webp", PictureLimits())
    assert look.problem is None
    assert look.nsfw < STRICTEST


def test_there_is_something_to_look_at() -> None:
    """The two sets above are not empty."""
    assert len(PHOTOGRAPHS) == 14
    assert len(PREVIEWS) >= 50


async def test_the_network_is_loaded_once_in_a_process() -> None:
    """What a node asks for when it starts is what the first picture uses; a second call loads nothing."""
    async with Workers(1, 20) as workers:
        await workers.run(load_network)
        loaded = await workers.run(loads)
        assert (await workers.run(look_at, PHOTOGRAPHS[0].read_bytes(), "image/jpeg", PictureLimits())).problem is None
        assert loaded == await workers.run(loads) == 1


@pytest.mark.parametrize("colours", [("black", "pink"), ("black", "white"), ("navy", "gold")])
def test_a_gradient_shows_nothing(colours: tuple[str, str]) -> None:
    """The network would score one from black to pink 0.86; without an outline it is not asked."""
    out = io.BytesIO()
    ImageOps.colorize(Image.radial_gradient("L"), *colours).save(out, "PNG")
    assert look_at(out.getvalue(), "image/png", PictureLimits()).nsfw == 0.0


def test_the_most_special_thresholds_count() -> None:
    """Region and plan before one of them, before everybody; nonsense is refused when it is read."""
    everybody, china = Band(review=0.5, block=0.9), Band(review=0.3, block=0.7, region="cn")
    free = Band(review=0.2, block=0.6, region="cn", tier="free")
    bands = Bands((everybody, china, free))
    assert [bands.of(*who) for who in (("eu", "free"), ("cn", "pro"), ("cn", "free"))] == [everybody, china, free]
    assert [everybody.decide(score) for score in (0.49, 0.5, 0.9)] == ["allow", "review", "block"]
    for rows in ((china,), (Band(review=0.9, block=0.5),)):
        with pytest.raises(ValueError, match="thresholds"):
            Bands(rows)
