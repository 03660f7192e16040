"""The label that people see: `AI生成` in a corner, as GB 45438-2025 asks of pictures.

Its letters are at least a twentieth of the shorter side high, white on a dark ground of its own, so that they can be
read on any art; in the same place and size for the same picture, so that a label on a labelled picture covers it.
"""

import io
from functools import cache
from math import ceil

from PIL import Image, ImageDraw, ImageFont

from adapters.provenance.containers import JPEG, PNG, WEBP
from adapters.typesetter import fonts

WORDS = "AI生成"
MEASURED = "生"
"""Whose height is the letters'."""
SHARE = 0.05
"""Of the shorter side."""
LEAST = 8
"""Pixels."""
GROUND, INK = (16, 16, 16), (255, 255, 255)
SAVED: dict[str, dict[str, int]] = {
    PNG: {"compress_level": 1},
    JPEG: {"quality": 95, "subsampling": 0},
    WEBP: {"quality": 95, "method": 4},
}
FORMATS = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP"}


class NoFace(ValueError):
    """No font here has the characters of the label."""


def with_visible_label(picture: bytes, media_type: str) -> bytes:
    """The picture, written again, with the label. Formats other than PNG, JPEG and WebP keep the one of the picture
    that they were made from. Raises NoFace."""
    if media_type not in FORMATS:
        return picture
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture), formats=(FORMATS[media_type],)) as image:
        density = {key: image.info[key] for key in ("dpi", "icc_profile") if key in image.info}
        marked = image.convert("RGB")
    draw(marked)
    marked.save(out, FORMATS[media_type], **SAVED[media_type], **density)
    return out.getvalue()


def draw(image: Image.Image) -> tuple[int, int, int, int]:
    """Put the label on an RGB picture; the box of its letters: left, top, right, bottom."""
    font = _font(max(ceil(min(image.size) * SHARE), LEAST))
    pad = max(round(font.size * 0.3), 2)
    left, top, right, bottom = (round(each) for each in font.getbbox(WORDS))
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x, y = image.width - width, image.height - height
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((x, y, image.width, image.height), fill=GROUND)
    canvas.text((x + pad - left, y + pad - top), WORDS, font=font, fill=INK)
    return x + pad, y + pad, x + width - pad, y + height - pad


def _font(height: int) -> ImageFont.FreeTypeFont:
    """The face at the first size whose letters are so many pixels high."""
    size = height
    while _height(font := fonts.at_size(_face(), size)) < height:
        size += 1
    return font


def _height(font: ImageFont.FreeTypeFont) -> float:
    box = font.getbbox(MEASURED)
    return box[3] - box[1]


@cache
def _face() -> str:
    for name in fonts.FACES:
        if not fonts.missing(name, WORDS):
            return name
    raise NoFace(f"no font here can print {WORDS}")
