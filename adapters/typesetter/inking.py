"""Inking: which colour the words take, and what is done to the art behind them when no colour reads well enough."""

from dataclasses import dataclass

from PIL import Image

from adapters.typesetter import pixels
from adapters.typesetter.pixels import NEEDED, Colour
from adapters.typesetter.setting import Block, Stamp

AIM = 4.9
"""The ratio that treatments work towards, a little over what is needed."""
SCRIMS = (0.25, 0.4, 0.55, 0.7, 0.82)
PANELS = (0.9, 1.0)


@dataclass(frozen=True)
class Inks:
    """Colours at hand on this art: a light and a dark one tinted by it, and accents taken from it."""

    light: Colour
    dark: Colour
    accents: tuple[Colour, ...]


@dataclass(frozen=True)
class Inked:
    """How a block was printed: its colour, the measured ratio, and the treatment."""

    colour: Colour
    contrast: float
    treatment: str


def inks_of(image: Image.Image) -> Inks:
    """Read the art's own colours."""
    found = pixels.tones(image)
    bright, deep = max(found, key=pixels.colour_luminance), min(found, key=pixels.colour_luminance)
    accents = sorted((tone for tone in found if max(tone) - min(tone) > 70), key=lambda t: min(t) - max(t))
    return Inks(
        _mixed((255, 253, 248), bright, 0.10), _mixed((14, 14, 20), deep, 0.35), tuple(_lifted(t) for t in accents[:3])
    )


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _lifted(tone: Colour) -> Colour:
    """An accent light enough to be read on dark art, still of its own hue."""
    return _mixed(tone, (255, 250, 238), 0.30) if pixels.colour_luminance(tone) > 0.2 else tone


def reach_of(block: Block) -> int:
    """How far round a glyph the background counts, in pixels."""
    return max(round(block.size * 0.03), 1)


def best_plain(image: Image.Image, block: Block, item: Stamp, inks: Inks, accent: bool) -> tuple[Colour, float]:
    """The colour that reads best with no treatment; an accent is preferred where it reads well."""
    under = pixels.behind(image, item.mask, item.left, item.top, reach_of(block))
    for tone in inks.accents if accent else ():
        ratio = pixels.contrast(tone, under)
        if ratio >= 6.5:
            return tone, ratio
    tries = [(tone, pixels.contrast(tone, under)) for tone in (inks.light, inks.dark)]
    return max(tries, key=lambda pair: pair[1])


def ink(image: Image.Image, block: Block, item: Stamp, inks: Inks, *, accent: bool, outline: bool) -> Inked:
    """Print one block on the image: choose the colour, treat the art only if needed, measure, draw."""
    colour, ratio = best_plain(image, block, item, inks, accent)
    treatment = "none"
    if ratio < NEEDED + 0.1:
        colour, ratio, treatment = _treated(image, block, item, inks, colour, outline)
    image.paste(colour, (item.left, item.top), item.mask)
    return Inked(colour, ratio, treatment)


def _treated(
    image: Image.Image, block: Block, item: Stamp, inks: Inks, colour: Colour, outline: bool
) -> tuple[Colour, float, str]:
    ground = inks.dark if colour != inks.dark else inks.light
    ground = (10, 10, 16) if ground == inks.dark else (255, 253, 248)
    if outline:
        pixels.stroke(image, item.mask, item.left, item.top, max(block.size // 14, 2), ground)
        ratio = _measured(image, block, item, colour)
        if ratio >= NEEDED:
            return colour, ratio, "stroke"
    clean = image.copy()
    for strength in SCRIMS:
        image.paste(clean)
        pixels.scrim(image, item.mask, item.left, item.top, block.size, ground, strength)
        ratio = _measured(image, block, item, colour)
        if ratio >= AIM:
            return colour, ratio, "scrim"
    for strength in PANELS:
        image.paste(clean)
        pixels.panel(image, _panel_box(image, block, item), ground, strength)
        ratio = _measured(image, block, item, colour)
        if ratio >= AIM:
            break
    return colour, ratio, "panel"


def _measured(image: Image.Image, block: Block, item: Stamp, colour: Colour) -> float:
    return pixels.contrast(colour, pixels.behind(image, item.mask, item.left, item.top, reach_of(block)))


def _panel_box(image: Image.Image, block: Block, item: Stamp) -> tuple[int, int, int, int]:
    x, y, w, h = item.box
    pad = int(block.size * 0.45)
    return max(x - pad, 0), max(y - pad, 0), min(x + w + pad, image.width), min(y + h + pad, image.height)
