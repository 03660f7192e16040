"""A brand on the page: logos stand free and are seen, the author is set as asked, colours stay readable."""

import hashlib
import io
import uuid
from typing import Any

import msgspec
import pytest
from PIL import Image

from adapters.images.painter import paint
from adapters.typesetter import Composition, TypeOrder, author_style, compose, logo, runs
from adapters.typesetter.logo import Logo, UnusableLogo, prepared
from adapters.typesetter.words import words_of
from contracts.brands import AuthorStyle, LogoPosition
from contracts.recipes import Recipe
from contracts.templates import StyleParams
from contracts.wire import Context
from nodes.covers.painting import paint_order
from tests.support.logos import LOGOS, png

SIZES = ((320, 512), (480, 480), (640, 360))
LEAST = {"two-tone": 2.7}
"""Ratio of logos whose own colours cannot reach 3 on any one ground: this orange has 2.9 on white."""
LONG = "The Extraordinary and Almost Entirely True History of the Lighthouse Keepers of the Northern Sea"


def art(family: str, width: int, height: int, palette: tuple[str, ...] = (), seed: int = 5) -> bytes:
    """A picture of a family."""
    style = StyleParams(family=family, palette=palette)
    recipe = Recipe(
        prompt="sea",
        template_id=uuid.UUID(int=1),
        template_name="",
        style_params=style,
        model="",
        model_version="",
        seed=seed,
        width=width,
        height=height,
    )
    return paint(paint_order(recipe, "", uuid.UUID(int=0), Context.new())).data


def a_logo(name: str, position: LogoPosition = "auto") -> Logo:
    """A logo as the covers node keeps it."""
    data = prepared(png(LOGOS[name]))
    return Logo(data, hashlib.sha256(data).hexdigest(), position)


def order(width: int, height: int, **more: Any) -> TypeOrder:
    """Words on a page of that size."""
    words: dict[str, Any] = {"title": "The Salt Road", "subtitle": "A novel", "author": "Ada Lovelace"}
    return TypeOrder(**words | {"typography": "literary", "width": width, "height": height} | more)


def apart(done: Composition) -> bool:
    """Does no text touch the logo?"""
    assert done.layout.logo is not None
    x, y, w, h = done.layout.logo.box
    others = [placed.box for placed in done.layout.placed]
    return all(x + w <= u or u + p <= x or y + h <= v or v + q <= y for u, v, p, q in others)


@pytest.mark.parametrize("name", sorted(LOGOS))
def test_logos_stand_free_within_the_margins_and_are_seen(name: str) -> None:
    """Three shapes of pages: 6 to 14 % of the width (tall ones 13 % of the height), in the margin, nothing over it."""
    for number, (width, height) in enumerate(SIZES):
        family = ("landscape", "city", "woodcut")[(number + len(name)) % 3]
        done = compose(art(family, width, height), order(width, height, logo=a_logo(name)))
        placed = done.layout.logo
        assert placed is not None
        x, y, w, h = placed.box
        margin = 0.06 * min(width, height) - 1
        assert margin <= x
        assert x + w <= width - margin
        assert margin <= y
        assert y + h <= height - margin
        assert w <= 0.141 * width
        assert w >= 0.059 * width or h >= 0.125 * height
        assert placed.contrast >= LEAST.get(name, logo.NEEDED)
        assert apart(done)
        assert done.layout.min_contrast >= 4.5


@pytest.mark.parametrize("position", ["top", "bottom"])
def test_a_logo_stands_where_it_is_wanted(position: LogoPosition) -> None:
    """Above or below the middle of the page, also under words that fill it."""
    for title in ("Tides", LONG):
        done = compose(art("oil", 320, 512), order(320, 512, title=title, logo=a_logo("dark-mark", position)))
        assert done.layout.logo is not None
        assert apart(done)
        assert done.layout.logo.position == position
        assert (done.layout.logo.box[1] > 256) == (position == "bottom")


def test_a_plate_comes_only_where_the_logo_would_not_be_seen() -> None:
    """A white mark on black needs none, a black one gets a light sheet, and both are seen then."""
    black = png(Image.new("RGB", (320, 512), (8, 8, 10)))
    plain = compose(black, order(320, 512, logo=a_logo("white-mark"))).layout.logo
    sheet = compose(black, order(320, 512, logo=a_logo("dark-mark"))).layout.logo
    assert plain is not None
    assert sheet is not None
    assert plain.plate is None
    assert plain.contrast > 10
    assert sheet.plate is not None
    assert sheet.plate > "#a0a0a0"
    assert sheet.contrast > 10


def test_a_logo_is_printed_as_it_is() -> None:
    """On a plain ground its colours are in the finished picture, neither tinted nor cut."""
    white = png(Image.new("RGB", (640, 1024), (255, 255, 255)))
    done = compose(white, order(640, 1024, logo=a_logo("tall")))
    assert done.layout.logo is not None
    x, y, w, h = done.layout.logo.box
    page = Image.open(io.BytesIO(done.picture.data)).convert("RGB")
    assert page.getpixel((x + w // 2, y + h - 3)) == (20, 120, 120)


def test_the_same_brand_gives_the_same_bytes() -> None:
    """And an order without one is not changed by the fields being there."""
    ground, mark = art("ink", 320, 512), a_logo("two-tone")
    branded = order(320, 512, logo=mark, author_style=AuthorStyle(case="small_caps"), accents=("#e96922",))
    assert compose(ground, branded).picture.data == compose(ground, branded).picture.data
    bare = compose(ground, order(320, 512))
    assert bare.layout.logo is None
    assert bare.picture.data != compose(ground, branded).picture.data


@pytest.mark.parametrize("family", ["botanical", "cosmos", "deco", "papercut", "ribbons", "woodcut"])
@pytest.mark.parametrize("palette", [("#162654", "#e96922", "#f4ead8"), ("#ffd400", "#00a7c7"), ("#777777", "#888888")])
def test_colours_of_a_kit_stay_readable(family: str, palette: tuple[str, ...]) -> None:
    """Strong, loud and dull colours in six styles: every text is measured at 4.5 or more."""
    ground = art(family, 320, 512, palette)
    done = compose(ground, order(320, 512, accents=palette, typography="fantasy", logo=a_logo("two-tone")))
    assert done.layout.min_contrast >= 4.5
    assert done.layout.logo is not None
    assert done.layout.logo.contrast >= LEAST["two-tone"]


def author(
    style: AuthorStyle | None, typography: str = "literary", name: str = "Ada Lovelace"
) -> tuple[str, runs.Style]:
    """How the author's line is made ready."""
    words = words_of(order(320, 512, author=name, author_style=style, typography=typography))["author"]
    return words.text, words.style


def test_case_and_tracking_of_the_author() -> None:
    """As typed, in capitals, with the spacing asked for or what suits the case."""
    assert author(AuthorStyle(case="upper"))[0] == "ADA LOVELACE"
    text, style = author(AuthorStyle(tracking=0.25))
    assert (text, style.tracking) == ("Ada Lovelace", 0.25)
    assert author(AuthorStyle())[1].tracking < author(AuthorStyle(case="upper"))[1].tracking
    assert author(None)[0] == "ADA LOVELACE"


def test_small_capitals_are_real_where_the_face_has_them() -> None:
    """EB Garamond's own; Jost's are made: smaller, outlined so that their stems match, full capitals as they are."""
    assert author(AuthorStyle(case="small_caps"), "classic")[1].features == ("smcp",)
    text, style = author(AuthorStyle(case="small_caps", tracking=0))
    made = style.small
    assert made is not None
    assert 0.7 <= made.scale <= 0.84
    assert made.stroke > 0
    pieces = [(piece.text, piece.scale) for piece in runs.line(text, style).pieces]
    assert pieces == [("A", 1.0), ("DA", made.scale), (" L", 1.0), ("OVELACE", made.scale)]


def test_small_capitals_in_other_scripts() -> None:
    """Made for Greek and Cyrillic names; scripts without capitals stay what they are."""
    assert author(AuthorStyle(case="small_caps"), "classic", "Анна Каренина")[1].small is not None
    assert author(AuthorStyle(case="small_caps"), "classic", "村上春樹")[1].small is None
    assert author(AuthorStyle(case="small_caps"), "classic", "نجيب محفوظ")[1].small is None


def test_weights_are_those_of_the_family() -> None:
    """Bold in the pairing's own text face; a face without it stays."""
    assert author(AuthorStyle(weight="bold"))[1].face == "Jost Bold"
    assert author(AuthorStyle(weight="bold"), "thriller")[1].face == "Oswald SemiBold"
    assert author(AuthorStyle(weight="bold"), "classic")[1].face == "EB Garamond Medium"
    assert author_style.has_weight("Jost", "bold")
    assert not author_style.has_weight("EB Garamond Medium", "bold")


def test_logos_are_trimmed_and_bounded() -> None:
    """Clear margins go, large ones shrink, the same file gives the same bytes; what cannot be a logo is named."""
    data = prepared(png(LOGOS["wordmark"]))
    image = Image.open(io.BytesIO(data))
    assert image.size[0] < LOGOS["wordmark"].width - 100
    assert image.mode == "RGBA"
    assert max(Image.open(io.BytesIO(prepared(png(LOGOS["wordmark"].resize((4000, 800)))))).size) == logo.MOST_SIDE
    assert prepared(png(LOGOS["wordmark"])) == data
    for bad, why in (
        (b"no picture", "cannot be read"),
        (png(Image.new("RGBA", (50, 50), (0, 0, 0, 0))), "nothing to see"),
        (png(Image.new("RGBA", (8, 8), (0, 0, 0, 255))), "at least 24"),
        (png(Image.new("RGBA", (900, 20), (0, 0, 0, 255))), "14 times"),
    ):
        with pytest.raises(UnusableLogo, match=why):
            prepared(bad)


def test_orders_with_a_brand_cross_a_process_border() -> None:
    """As a worker process gets them."""
    sent = order(320, 512, logo=a_logo("badge"), author_style=AuthorStyle(case="upper"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=TypeOrder) == sent
