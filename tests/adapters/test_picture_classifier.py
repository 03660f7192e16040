"""The classifier of pictures on harmless ones; none of nudity are kept here, so what it catches is not measured."""

import io

import pytest
from PIL import Image, ImageOps

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, paint
from adapters.moderation.bands import Band, Bands, read_bands
from adapters.moderation.images import look_at
from adapters.moderation.pictures import PictureLimits

SKIN = ("#3b1f14", "#e8b896", "#f3d3bd", "#c98b6b")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_painters_art_is_no_false_alarm(family: str) -> None:
    """Every family, in the colours of skin, stays below the strictest threshold that is shipped."""
    order = PaintOrder(prompt="", family=family, palette=SKIN, width=400, height=640, seed=11)
    look = look_at(paint(order).data, "image/png", PictureLimits())
    assert look.problem is None
    assert look.nsfw < read_bands().of("cn", "free").review


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
