"""The thumbnail test: can the title be read where covers are sold, within 100 x 150 pixels?

Measured from the finished pixels, scaled down as for a shop: where the ink is densest (stems and bowls, not hairlines)
against the ground next to it. WCAG
2.2 asks 3:1 of shapes that carry meaning (1.4.11); we ask it of nine strokes in ten, and of letters a least height. The
smallest bitmap alphabets that are read have an x-height of 3 pixels and capitals of 4 to 5; the smallest for Chinese
and Japanese fill 7 of 8 pixels.
"""

from typing import cast

import numpy as np
from PIL import Image, ImageFilter

from adapters.typesetter import pixels
from adapters.typesetter.pixels import Field
from adapters.typesetter.scripts import ARABIC, CJK, HANGUL, HEBREW
from adapters.typesetter.setting import PROBES, Block, Stamp, letter_height, probe
from contracts.recipes import Thumbnail

BOX = (100, 150)
"""Pixels that covers are shown in at most."""
STROKES = 3.0
"""The ratio that strokes reach."""
SHARE = 0.90
"""Share of the strokes that do."""
SURE = 1.06
"""Over what is needed on a small copy of a page, so that it holds on the page."""
FLOORS = {PROBES[HEBREW]: 3.5, PROBES[ARABIC]: 4.0, PROBES[CJK]: 7.0, PROBES[HANGUL]: 7.0}
KANA = 1.2
"""Kana are smaller than the square that they stand in: what a title of them needs more."""
X_HEIGHT, CAPITALS = 3.0, 4.0


def scale_of(width: int, height: int) -> float:
    """Pixels of the thumbnail for one of the page."""
    return min(BOX[0] / width, BOX[1] / height)


def room(block: Block, width: int, height: int) -> float:
    """Height of the title's letters in the thumbnail over what they need; below 1 they are too small."""
    return letter_height(block) * scale_of(width, height) / floor_of(block)


def floor_of(block: Block) -> float:
    """Least height, in pixels of the thumbnail, of letters that can be read."""
    letter = probe(block.style)
    if letter in FLOORS:
        return FLOORS[letter] * (KANA if _mostly_kana("".join(block.lines)) else 1.0)
    return X_HEIGHT if any(c.islower() for c in "".join(block.lines)) else CAPITALS


def _mostly_kana(text: str) -> bool:
    return sum("\u3040" <= character <= "\u30ff" for character in text) > 0.5 * len(text)


def judged(image: Image.Image, block: Block, item: Stamp) -> Thumbnail:
    """Measure the title on the finished page."""
    scale = scale_of(*image.size)
    contrast = round(stroke_contrast(image, item), 2)
    tall = int(letter_height(block)) * scale  # letters fill whole pixels of the page
    return Thumbnail(
        legible=contrast >= STROKES and tall >= floor_of(block), contrast=contrast, height_px=round(tall, 2)
    )


def stroke_contrast(image: Image.Image, item: Stamp) -> float:
    """The ratio that nine strokes in ten reach, in the thumbnail, against the ground within two pixels."""
    scale = scale_of(*image.size)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    small = pixels.luminance(np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)))
    page = Image.new("L", image.size)
    page.paste(item.mask, (item.left, item.top))
    shrunk = page.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    cover, near = _shares(shrunk), _shares(shrunk.filter(ImageFilter.MaxFilter(3)))
    weight = (1 - cover) ** 6 + np.float32(1e-4)
    beside = _summed(weight)
    strokes = (
        (cover >= 0.75 * near) & (near >= 0.4 * near.max()) & (beside > 0.5)
    )  # the inside of fat letters is no edge
    ground = _summed(small * weight) / beside
    ratios = (np.maximum(small, ground) + 0.05) / (np.minimum(small, ground) + 0.05)
    return float(np.quantile(ratios[strokes], 1 - SHARE)) if strokes.any() else 1.0


def _summed(values: Field) -> Field:
    """Sums over 5 x 5 pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), (5, 5))
    return cast("Field", windows.sum(axis=(2, 3)))


def _shares(mask: Image.Image) -> Field:
    return np.asarray(mask, np.float32) / np.float32(255)
