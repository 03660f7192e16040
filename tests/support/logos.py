"""Logos for tests, drawn with the typesetter's own faces: what publishers and authors really bring."""

import io
import math

from PIL import Image, ImageDraw

from adapters.typesetter import fonts

Colour = tuple[int, int, int]
BLACK, WHITE, NAVY, ORANGE, TEAL = (17, 17, 20), (255, 255, 255), (22, 38, 84), (233, 105, 34), (20, 120, 120)


def wordmark(text: str = "HALCYON", ink: Colour = BLACK, face: str = "Josefin Sans SemiBold") -> Image.Image:
    """Letters alone, wide, with clear margins round them."""
    font = fonts.at_size(face, 180)
    _, top, right, bottom = font.getbbox(text)
    image = Image.new("RGBA", (round(right) + 120, round(bottom - top) + 120), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((60, 60 - top), text, font=font, fill=(*ink, 255))
    return image


def mark(ink: Colour = BLACK) -> Image.Image:
    """A ring with a rising bird, all of one colour."""
    image = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 580, 580), outline=(*ink, 255), width=34)
    draw.polygon([(120, 300), (290, 350), (480, 150), (400, 380), (300, 470), (260, 400)], fill=(*ink, 255))
    return image


def two_tone() -> Image.Image:
    """A mark and a name in two colours, as small presses have them."""
    image = Image.new("RGBA", (1100, 320), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((20, 30, 280, 290), 60, fill=(*ORANGE, 255))
    draw.pieslice((80, 90, 220, 230), 180, 360, fill=(*WHITE, 255))
    draw.text(
        (330, 235), "Fennel & Rook", font=fonts.at_size("EB Garamond Medium", 118), fill=(*NAVY, 255), anchor="ls"
    )
    return image


def tall(ink: Colour = TEAL) -> Image.Image:
    """A lighthouse, three times as tall as wide."""
    image = Image.new("RGBA", (260, 760), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.polygon([(60, 740), (200, 740), (170, 240), (90, 240)], fill=(*ink, 255))
    draw.rectangle((80, 150, 180, 220), fill=(*ink, 255))
    draw.polygon([(70, 140), (190, 140), (130, 60)], fill=(*ink, 255))
    for y in (360, 520):
        draw.rectangle((70, y, 190, y + 60), fill=(0, 0, 0, 0))
    return image


def badge() -> Image.Image:
    """A picture with a ground of its own, as a JPEG would be."""
    image = Image.new("RGBA", (400, 400), (*NAVY, 255))
    draw = ImageDraw.Draw(image)
    points = [
        (200 + r * math.sin(k * math.pi / 5), 200 - r * math.cos(k * math.pi / 5)) for k in range(10) for r in _arm(k)
    ]
    draw.polygon(points, fill=(*WHITE, 255))
    return image


def _arm(number: int) -> tuple[int]:
    return (150 if number % 2 == 0 else 62,)


LOGOS = {
    "wordmark": wordmark(),
    "wordmark-white": wordmark("northlight press", WHITE, "Jost Bold"),
    "dark-mark": mark(),
    "white-mark": mark(WHITE),
    "two-tone": two_tone(),
    "tall": tall(),
    "badge": badge(),
}


def png(image: Image.Image) -> bytes:
    """The file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
