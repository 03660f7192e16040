"""Inking: which colour the words take, and what is done to the art behind them when no colour reads well enough."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from adapters.typesetter import pixels
from adapters.typesetter.pixels import NEEDED, Colour
from adapters.typesetter.setting import Block, Stamp

AIM = 4.9
"""The ratio that treatments work towards, a little over what is needed."""
SCRIMS = (0.25, 0.4, 0.55, 0.7, 0.8)
PANEL_RATIO = 6.0
HARD_PANEL = 12.0
"""Ratio of a panel under small type."""
PANEL_DARK: Colour = (12, 12, 18)
PANEL_LIGHT: Colour = (255, 253, 248)
BRIGHT = 0.42
"""Median luminance from which words that need help are dark ones."""


@dataclass(frozen=True)
class Inks:
    """Colours at hand on this art: a light and a dark one tinted by it, and accents taken from it."""

    light: Colour
    dark: Colour
    ground: Colour
    accents: tuple[Colour, ...]


@dataclass(frozen=True)
class Manner:
    """How a block would like to be printed.

    `accent`: in a vivid colour of the art; `outline`: with a stroke rather than a scrim; `busy`: the art behind is a
    pattern, so a panel comes first; `light`: whether light words are wanted when the art must be treated (None: as the
    art suggests); `needed`: the ratio below which it must.
    """

    accent: bool = False
    outline: bool = False
    busy: bool = False
    light: bool | None = None
    needed: float = NEEDED


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
    light, dark = _mixed((255, 253, 248), bright, 0.10), _mixed((14, 14, 20), deep, 0.35)
    return Inks(light, dark, found[0], tuple(_lifted(tone) for tone in accents[:3]))


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _deepened(tone: Colour) -> Colour:
    """The colour in deep shade, its hue kept."""
    red, green, blue = (round(part * 0.28) for part in tone)
    return red, green, blue


def _lifted(tone: Colour) -> Colour:
    """An accent light enough to be read on dark art, still of its own hue."""
    return _mixed(tone, (255, 250, 238), 0.30) if pixels.colour_luminance(tone) > 0.2 else tone


def reach_of(block: Block) -> int:
    """How far round a glyph the background counts, in pixels."""
    return max(round(block.size * 0.03), 1)


def behind(image: Image.Image, block: Block, item: Stamp) -> pixels.Behind:
    """What lies behind the block, letter by letter."""
    return pixels.behind(image, item.mask, item.left, item.top, reach_of(block), max(block.size, 8))


def best_plain(image: Image.Image, block: Block, item: Stamp, inks: Inks, accent: bool) -> tuple[Colour, float]:
    """The colour that reads best with no treatment; an accent is preferred where it reads well."""
    under = behind(image, block, item)
    for tone in inks.accents if accent else ():
        ratio = pixels.contrast(tone, under)
        if ratio >= 6.5:
            return tone, ratio
    tries = [(tone, pixels.contrast(tone, under)) for tone in (inks.light, inks.dark)]
    return max(tries, key=lambda pair: pair[1])


def prepare(image: Image.Image, block: Block, item: Stamp, inks: Inks, manner: Manner) -> Inked:
    """Choose a block's colour and treat the art behind it if it must be; the words themselves are drawn later."""
    colour, ratio = best_plain(image, block, item, inks, manner.accent)
    if manner.busy:
        return on_panel(image, block, item, inks, max(PANEL_RATIO, min(manner.needed, HARD_PANEL)))
    if ratio < manner.needed + 0.1:
        return _treated(image, block, item, inks, manner)
    return Inked(colour, ratio, "none")


def measured(image: Image.Image, block: Block, item: Stamp, colour: Colour) -> float:
    """The ratio of a colour against the art as it is now."""
    return pixels.contrast(colour, behind(image, block, item))


def draw(image: Image.Image, item: Stamp, colour: Colour) -> None:
    """Print the words."""
    image.paste(colour, (item.left, item.top), item.mask)


def _treated(image: Image.Image, block: Block, item: Stamp, inks: Inks, manner: Manner) -> Inked:
    """Stroke where the pairing likes it, else a growing scrim, else a panel; light words unless the art is bright."""
    under = behind(image, block, item)
    bright = bool(np.median(np.concatenate(under)) > BRIGHT) if manner.light is None else not manner.light
    near = pixels.average(image, item.box)
    colour = inks.dark if bright else inks.light
    ground = _mixed(near, PANEL_LIGHT, 0.85) if bright else _deepened(near)
    reach = pixels.scrim_reach(image, block.size)
    corner = max(item.left - reach, 0), max(item.top - reach, 0)
    clean = image.crop((*corner, item.left + item.mask.width + reach, item.top + item.mask.height + reach))
    if manner.outline:
        pixels.stroke(image, item.mask, item.left, item.top, max(block.size // 10, 3), ground)
        ratio = measured(image, block, item, colour)
        if ratio >= manner.needed + 0.1:
            return Inked(colour, ratio, "stroke")
        image.paste(clean, corner)
    for strength in SCRIMS:
        pixels.scrim(image, item.mask, item.left, item.top, block.size, ground, strength)
        ratio = measured(image, block, item, colour)
        if ratio >= max(AIM, manner.needed):
            return Inked(colour, ratio, "scrim")
        image.paste(clean, corner)
    return on_panel(image, block, item, inks, max(PANEL_RATIO, min(manner.needed, HARD_PANEL)))


def on_panel(image: Image.Image, block: Block, item: Stamp, inks: Inks, needed: float = PANEL_RATIO) -> Inked:
    """A sheet in the art's commonest colour, when words read well on it; else in the nearer of light and dark."""
    ground = inks.ground
    ratios = {tone: pixels.between(tone, ground) for tone in (inks.light, inks.dark)}
    colour = max(ratios, key=lambda tone: ratios[tone])
    if ratios[colour] < needed:
        ground = PANEL_DARK if colour == inks.light else PANEL_LIGHT
    pixels.panel(image, _panel_box(image, block, item), ground)
    return Inked(colour, measured(image, block, item, colour), "panel")


def _panel_box(image: Image.Image, block: Block, item: Stamp) -> tuple[int, int, int, int]:
    x, y, w, h = item.box
    across, down = int(block.size * 0.8), int(block.size * 0.55)
    return max(x - across, 0), max(y - down, 0), min(x + w + across, image.width), min(y + h + down, image.height)
