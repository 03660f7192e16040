"""A signal made visible: lines of light, one before the other, that rise where something is heard."""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, shade
from adapters.images.painter.scene import Band, Scene
from adapters.images.painter.shapes import over

LINES = 34
Lines = NDArray[np.float32]


def compose(scene: Scene, soft: noise.ColourSheet) -> Band:
    """The lines over a darkened gradient, each hiding those behind it."""
    heights, feet = _lines(scene)
    palette = scene.palette
    inks = Ramp(
        [
            *palette.accents[::-1],
            mix(palette.accents[0], palette.light, 0.35),
            mix(palette.accents[0], palette.light, 0.75),
        ]
    )
    deep = shade(palette.dark, 0.14, 0.9)
    unit = np.float32(scene.unit)
    slopes = np.sqrt(1 + np.gradient(heights, axis=1) ** 2)

    def band(top: int, bottom: int) -> Rgb:
        y = scene.lines(top, bottom)
        light, colour, shut = _seen(heights, feet, slopes, y, unit)
        rgb = np.clip(soft.rows(top, bottom), 0, 1)
        rgb = rgb + (deep - rgb) * np.minimum(np.float32(0.46) + shut, 1)[..., None]
        return over(rgb, inks.at(colour), np.minimum(light, 1))

    return band


def _lines(scene: Scene) -> tuple[Lines, Lines]:
    """For each line, the back one first: its height on the page by column, and where it stands when all is quiet."""
    rng = scene.chance("signal")
    place = scene.number("place", 0.66)
    x = np.linspace(0, 1, scene.width, dtype=np.float32)
    back = scene.height * (place - 0.16)
    span = scene.height * 1.03 - back
    lift = min(scene.width, scene.height) * scene.number("size", 0.3, 0.05, 0.7) * 0.50
    rows, feet = [], []
    middle = 0.5 if not scene.wide else 0.66
    for index in range(LINES):
        near = index / (LINES - 1)
        foot = back + span * near
        voice = np.zeros(scene.width, np.float32)
        for _ in range(7):
            at, broad = middle + float(rng.normal(0, 0.115)), float(rng.uniform(0.012, 0.06))
            voice += np.float32(rng.uniform(0.10, 0.75)) * np.exp(-(((x - np.float32(at)) / np.float32(broad)) ** 2))
        hum = noise.ridge_line(rng, scene.width, 46, 3, 0.6) - np.float32(0.5)
        gate = np.exp(-(((x - np.float32(middle)) / np.float32(0.26)) ** 4))
        swell = 0.35 + 0.65 * float(np.sin(np.pi * (0.12 + 0.80 * near)))
        rise = (voice * gate + hum * (np.float32(0.03) + np.float32(0.16) * gate)) * np.float32(lift * swell)
        rows.append(np.float32(foot) - rise)
        feet.append(foot)
    return np.stack(rows).astype(np.float32), np.array(feet, np.float32)


def _seen(heights: Lines, feet: Lines, slopes: Lines, y: Field, unit: np.float32) -> tuple[Field, Field, Field]:
    """Light of the lines in these rows, where in the run of colours it lies, and how far the gradient is shut out."""
    shape = (y.shape[0], heights.shape[1])
    light, colour, shut = (np.zeros(shape, np.float32) for _ in range(3))
    top, bottom = float(y[0, 0]), float(y[-1, 0])
    reach = float(unit) * 30
    step = float(feet[1] - feet[0])
    for index in range(len(feet)):
        line = heights[index]
        if float((line - reach * slopes[index]).min()) > bottom or feet[index] + step * 9 + reach < top:
            continue
        near = np.float32(index / (len(feet) - 1))
        far = (y - line[None]) / slopes[index][None]
        below = np.clip(far + np.float32(0.5), 0, 1)
        thick = unit * (np.float32(1.5) + near * np.float32(1.6))
        stroke = np.clip(thick - np.abs(far) + np.float32(0.5), 0, 1)
        high = np.clip((feet[index] - line) / np.float32(step * 7), 0, 1)[None]
        away = np.abs(far)
        glow = (
            np.float32(0.30) / (1 + (away / (unit * np.float32(6))) ** 2) * np.clip(1 - away / np.float32(reach), 0, 1)
        )
        light = light * (1 - below) + glow * (np.float32(0.35) + high)
        shut = np.maximum(
            shut * (1 - below), below * np.float32(0.42) * np.clip(1 - (y - line[None]) / np.float32(step * 9), 0, 1)
        )
        strength = stroke * (np.float32(0.55) + np.float32(0.45) * near)
        light = np.maximum(light, strength)
        tone = np.float32(0.12) + near * np.float32(0.30) + high * np.float32(0.58)
        colour = np.where(away < np.float32(reach * 0.6), tone, colour)
    return light, colour, shut
