"""Inking: which colours words that stand together take, and what is laid behind them when no ink reads well enough.

Inks are the art's own: its lightest and its deepest tone, or a vivid one. Where they do not reach the ratio, a shade of
the art's own colour comes in from the edge of the page; a plate is the last resort, and is of the art's colour too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from adapters.typesetter import pixels, shades
from adapters.typesetter.ground import Ground, behind
from adapters.typesetter.pixels import NEEDED, Colour
from adapters.typesetter.setting import Block, Stamp

AIM = 4.9
"""The ratio that treatments work towards, a little over what is needed."""
EASE = 7.0
"""The ratio from which an ink needs no stronger one of its kind."""
VIVID = 5.6
"""The ratio from which a vivid ink is taken."""
GROUND = 7.5
"""The ratio of inks on the colour of shades and plates."""
STRENGTHS = (0.3, 0.45, 0.6, 0.72, 0.82, 0.9, 0.95)
PANEL_DARK: Colour = (12, 12, 18)
PANEL_LIGHT: Colour = (255, 253, 248)
MIDDLE = 0.18
"""Luminance that light and dark inks lie on either side of."""


@dataclass(frozen=True)
class Inks:
    """Colours at hand on this art: a light and a dark one of its own, stronger ones, and accents taken from it."""

    light: Colour
    dark: Colour
    lightest: Colour
    darkest: Colour
    accents: tuple[Colour, ...]


@dataclass(frozen=True)
class Part:
    """A block to print: `accent` in a vivid colour; `outline` with a stroke rather than a shade; `needed` the ratio;
    `least` the strength that a shade must have to quieten a pattern behind it (0: no shade is needed)."""

    role: str
    block: Block
    item: Stamp
    accent: bool = False
    outline: bool = False
    needed: float = NEEDED
    least: float = 0.0


@dataclass(frozen=True)
class Inked:
    """How a block was printed: its colour, the measured ratio, the treatment, and how much that took of the art."""

    colour: Colour
    contrast: float
    treatment: str = "none"
    effort: float = 0.0


def inks_of(image: Image.Image) -> Inks:
    """Read the art's own colours."""
    found = pixels.tones(image)
    bright, deep = max(found, key=pixels.colour_luminance), min(found, key=pixels.colour_luminance)
    accents = sorted((tone for tone in found if max(tone) - min(tone) > 70), key=lambda t: min(t) - max(t))
    return Inks(
        light=_paled(bright, 0.72),
        dark=_deepened(deep, 0.016),
        lightest=_mixed((255, 253, 248), bright, 0.06),
        darkest=_mixed((10, 10, 14), deep, 0.12),
        accents=tuple(_lifted(tone) for tone in accents[:3]),
    )


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _deepened(tone: Colour, most: float) -> Colour:
    """The colour in shade, its hue kept, until its luminance is at most so much."""
    while pixels.colour_luminance(tone) > most and max(tone) > 4:
        tone = _mixed(tone, (0, 0, 0), 0.08)
    return tone


def _paled(tone: Colour, least: float) -> Colour:
    """The colour with white mixed in until its luminance is at least so much."""
    while pixels.colour_luminance(tone) < least and min(tone) < 252:
        tone = _mixed(tone, (255, 255, 255), 0.08)
    return tone


def _lifted(tone: Colour) -> Colour:
    """An accent light enough to be read on dark art, still of its own hue."""
    return _mixed(tone, (255, 250, 238), 0.30) if pixels.colour_luminance(tone) > 0.2 else tone


def best_ink(
    ground: Ground, inks: Inks, light: bool, accent: bool = False, needed: float = NEEDED
) -> tuple[Colour, float]:
    """The light or dark ink for this ground: an accent where it reads well, the art's own tone, else a stronger one."""
    for tone in inks.accents if accent else ():
        ratio = ground.ratio(tone)
        if (pixels.colour_luminance(tone) > MIDDLE) is light and ratio >= max(VIVID, needed):
            return tone, ratio
    own, strong = (inks.light, inks.lightest) if light else (inks.dark, inks.darkest)
    ratio = ground.ratio(own)
    if ratio >= max(EASE, needed):
        return own, ratio
    return max(((own, ratio), (strong, ground.ratio(strong))), key=lambda pair: pair[1])


def prepare(image: Image.Image, parts: Sequence[Part], inks: Inks) -> dict[str, Inked]:
    """Choose inks for words that stand together, and treat the art behind them if it must be; nothing is drawn yet."""
    grounds = [behind(image, part.block, part.item) for part in parts]
    plain = _plain(parts, grounds, inks)
    if plain is None and any(part.outline for part in parts):
        plain = _outlined(image, parts, grounds, inks)
    return plain or _shaded(image, parts, grounds, inks) or plated(image, parts, inks)


def _plain(parts: Sequence[Part], grounds: Sequence[Ground], inks: Inks) -> dict[str, Inked] | None:
    """Inks that read with no treatment: all light or all dark, or each as it reads best; None when one does not."""
    both = [
        [best_ink(ground, inks, light, part.accent, part.needed) for light in (True, False)]
        for part, ground in zip(parts, grounds, strict=True)
    ]
    tries = [[pair[0] for pair in both], [pair[1] for pair in both], [max(pair, key=lambda p: p[1]) for pair in both]]
    reading = [each for each in tries if all(_reads(part, ratio) for part, (_, ratio) in zip(parts, each, strict=True))]
    if not reading:
        return None
    best = max(reading[:2], key=lambda each: min(ratio for _, ratio in each))
    return {part.role: Inked(*pair) for part, pair in zip(parts, best, strict=True)}


def _reads(part: Part, ratio: float) -> bool:
    return ratio >= part.needed + 0.1 and not part.least


def _outlined(
    image: Image.Image, parts: Sequence[Part], grounds: Sequence[Ground], inks: Inks
) -> dict[str, Inked] | None:
    """The title with a stroke round its letters, when that helps and all else reads as it is."""
    title, *others = parts
    rest = _plain(others, grounds[1:], inks) if others else {}
    if rest is None:
        return None
    light = float(np.median(pixels.luminance(grounds[0].pixels))) < 0.42
    colour = inks.light if light else inks.dark
    sheet = _sheet(_tones(image, title.item.box), colour)
    page = image.copy()
    shades.stroke(page, title.item.mask, title.item.left, title.item.top, max(title.block.size // 7, 3), sheet)
    ratio = behind(page, title.block, title.item).ratio(colour)
    if ratio < title.needed + 0.1:
        return None
    image.paste(page)
    return {title.role: Inked(colour, ratio, "stroke", 0.12), **rest}


def _shaded(
    image: Image.Image, parts: Sequence[Part], grounds: Sequence[Ground], inks: Inks
) -> dict[str, Inked] | None:
    """The shade that changes the art least while all words read, light ones or dark ones; None when none is enough."""
    box, least = union(parts), max(part.least for part in parts)
    pad = 0.35 * max(part.block.size for part in parts)
    tones, found = _tones(image, _measured_box(box)), []
    for pair in ((inks.light, inks.lightest), (inks.dark, inks.darkest)):
        for colour in pair:
            shade = shades.shade(image.size, box, pad, _sheet(tones, colour))
            strength = _faintest(parts, grounds, colour, shade, least)
            if strength is not None:
                found.append((strength * (0.3 + shade.change_of(image)), strength, colour, shade))
                break
    if not found:
        return None
    change, strength, colour, shade = min(found, key=lambda each: each[0])
    shade.lay(image, strength)
    effort = 0.08 + 0.55 * change + 0.4 * strength * float(shade.cover.mean())
    return {
        part.role: Inked(colour, ground.ratio(colour, shade, strength), "scrim", effort)
        for part, ground in zip(parts, grounds, strict=True)
    }


def _faintest(
    parts: Sequence[Part], grounds: Sequence[Ground], colour: Colour, shade: shades.Shade, least: float
) -> float | None:
    """The least strength at which all the words read; None when they never do."""

    def reads(strength: float) -> bool:
        return all(
            ground.ratio(colour, shade, strength) >= max(AIM, part.needed)
            for part, ground in zip(parts, grounds, strict=True)
        )

    strengths = [strength for strength in STRENGTHS if strength >= least - 0.05]
    place = bisect_left(strengths, True, key=reads)
    return strengths[place] if place < len(strengths) else None


def plated(image: Image.Image, parts: Sequence[Part], inks: Inks) -> dict[str, Inked]:
    """A sheet of the art's own colour under all the words, ruled like a label when the title is among them."""
    box, size = union(parts), max(part.block.size for part in parts)
    tones = _tones(image, _measured_box(box))
    sheets = [(colour, _sheet(tones, colour)) for colour in (inks.light, inks.dark)]
    colour, sheet = min(sheets, key=lambda pair: min(_distance(pair[1], tone) for tone in tones[:2]))
    title = any(part.role == "title" for part in parts)
    across, down = int(size * (0.6 if title else 0.9)), int(size * (0.5 if title else 0.6))
    around = (
        max(box[0] - across, 0),
        max(box[1] - down, 0),
        min(box[2] + across, image.width),
        min(box[3] + down, image.height),
    )
    shades.plate(image, around, sheet, colour if title else None, max(min(image.size) // 400, 1))
    effort = 0.9 if title else 0.45
    return {
        part.role: Inked(colour, behind(image, part.block, part.item).ratio(colour), "panel", effort) for part in parts
    }


def union(parts: Iterable[Part]) -> shades.Box:
    """The box round the ink of all: left, top, right, bottom."""
    boxes = [part.item.box for part in parts]
    return (
        min(x for x, _, _, _ in boxes),
        min(y for _, y, _, _ in boxes),
        max(x + w for x, _, w, _ in boxes),
        max(y + h for _, y, _, h in boxes),
    )


def _measured_box(box: shades.Box) -> tuple[int, int, int, int]:
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def _tones(image: Image.Image, box: tuple[int, int, int, int]) -> list[Colour]:
    left, top, width, height = box
    return pixels.tones(image.crop((left, top, left + width, top + height)))[:5]


def _sheet(tones: Sequence[Colour], ink: Colour) -> Colour:
    """The colour nearest to those behind the words, the commonest first, on which the ink reads well."""
    lum = pixels.colour_luminance(ink)
    if lum > MIDDLE:
        most = (lum + 0.05) / GROUND - 0.05
        sheets = [(tone, _deepened(tone, max(most, 0.004))) for tone in tones]
    else:
        sheets = [(tone, _paled(tone, min((lum + 0.05) * GROUND - 0.05, 0.95))) for tone in tones]
    return min(enumerate(sheets), key=lambda each: _distance(*each[1]) + 0.06 * each[0])[1][1]


def _distance(one: Colour, other: Colour) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 765


def draw(image: Image.Image, item: Stamp, colour: Colour) -> None:
    """Print the words."""
    image.paste(colour, (item.left, item.top), item.mask)
