"""Colour for painting: hex text, OKLab mixing, smooth ramps, and palettes read by their light and chroma."""

import re
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.float32]
Field = NDArray[np.float32]

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB = np.linalg.inv(_TO_LAB)
_FROM_LMS = np.linalg.inv(_TO_LMS)
RAMP_STEPS = 2048


def parse(colour: str) -> Rgb:
    """`#rrggbb` as three floats in 0..1; raises ValueError for any other text."""
    if not _HEX.fullmatch(colour):
        raise ValueError(f"{colour!r} is not a colour written as #rrggbb")
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / np.float32(255)


def oklab(rgb: Rgb) -> NDArray[np.float64]:
    """sRGB 0..1 (last axis 3) to OKLab, where equal steps look equal."""
    wide = rgb.astype(np.float64)
    linear = np.where(wide <= 0.04045, wide / 12.92, ((wide + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt(np.einsum("ij,...j->...i", _TO_LMS, linear))
    return np.asarray(np.einsum("ij,...j->...i", _TO_LAB, lms))


def from_oklab(lab: NDArray[np.float64]) -> Rgb:
    """OKLab back to sRGB 0..1, clipped into the gamut."""
    lms = np.einsum("ij,...j->...i", _FROM_LAB, lab) ** 3
    linear = np.clip(np.einsum("ij,...j->...i", _FROM_LMS, lms), 0.0, 1.0)
    gamma = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(gamma, np.float32)


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`a` moved towards `b` by `share` (0..1), in OKLab."""
    return from_oklab(oklab(a) * (1 - share) + oklab(b) * share)


def shade(colour: Rgb, light: float, chroma: float = 1.0) -> Rgb:
    """The colour with its OKLab lightness set to `light` (0..1) and its chroma multiplied."""
    lab = oklab(colour)
    return from_oklab(np.array([light, lab[1] * chroma, lab[2] * chroma]))


def lightness(colour: Rgb) -> float:
    """OKLab lightness, 0 black to 1 white."""
    return float(oklab(colour)[0])


def chroma(colour: Rgb) -> float:
    """OKLab chroma: 0 is grey, 0.1 muted, 0.2 vivid."""
    lab = oklab(colour)
    return float(np.hypot(lab[1], lab[2]))


class Ramp:
    """A smooth run of colours: `at` maps positions 0..1 to sRGB by interpolation in OKLab."""

    def __init__(self, colours: list[Rgb], stops: list[float] | None = None) -> None:
        places = np.linspace(0, 1, len(colours)) if stops is None else np.array(stops)
        labs = oklab(np.stack(colours))
        steps = np.linspace(0, 1, RAMP_STEPS)
        self._table = from_oklab(np.stack([np.interp(steps, places, labs[:, i]) for i in range(3)], axis=-1))

    def at(self, position: Field) -> Rgb:
        """Colours for an array of positions; positions outside 0..1 are clipped."""
        index = np.clip(position * np.float32(RAMP_STEPS - 1) + np.float32(0.5), 0, RAMP_STEPS - 1).astype(np.int32)
        return np.asarray(np.take(self._table, index, axis=0), np.float32)


class Palette:
    """A handful of colours, asked for by role: darkest, lightest, accents by chroma."""

    def __init__(self, colours: tuple[str, ...]) -> None:
        parsed = [parse(colour) for colour in colours]
        if not parsed:
            raise ValueError("a palette has at least one colour")
        self.given = parsed
        self.by_light = sorted(parsed, key=lightness)

    @cached_property
    def dark(self) -> Rgb:
        """The darkest colour, deepened when the palette has nothing dark."""
        first = self.by_light[0]
        return first if lightness(first) < 0.4 else shade(first, 0.26, 0.7)

    @cached_property
    def light(self) -> Rgb:
        """The lightest colour, raised when the palette has nothing light."""
        last = self.by_light[-1]
        return last if lightness(last) > 0.82 else shade(last, 0.93, 0.35)

    @cached_property
    def accents(self) -> list[Rgb]:
        """All colours, the most vivid first."""
        return sorted(self.given, key=chroma, reverse=True)

    @property
    def accent(self) -> Rgb:
        """The most vivid colour."""
        return self.accents[0]

    @cached_property
    def middle(self) -> list[Rgb]:
        """The colours between the darkest and the lightest (all of them when there are fewer than three)."""
        return self.by_light[1:-1] or self.by_light

    def run(self, count: int) -> list[Rgb]:
        """`count` colours from dark to light, taken evenly along the palette."""
        ramp = Ramp([self.dark, *self.middle, self.light])
        return list(ramp.at(np.linspace(0, 1, count).astype(np.float32)))
