"""Polished stone: clouds of pale mineral, grey veins that branch and fade, and a few that were filled with gold."""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Ramp, Rgb, lightness, mix, shade
from adapters.images.painter.scene import Band, Scene
from adapters.images.painter.shapes import over

Vein = tuple[noise.Sheet, noise.Sheet, float]


def compose(scene: Scene) -> Band:
    """Clouds, then veins from faint to gold; calm above the middle."""
    rng = scene.chance("stone")
    dark = scene.dark(lightness(scene.palette.given[0]) < 0.45)
    clouds = _clouds(scene, rng)
    body = _body(scene, dark)
    veins = [_vein(scene, rng, size) for size in (1.6, 2.6, 4.4)]
    shine = noise.Sheet(noise.spread(noise.fbm(rng, *scene.small(3), (34.0, 54.0), 4, 0.6)), scene.width, scene.height)
    gold, smoke = _gold(scene), mix(scene.palette.dark, scene.palette.light, 0.62 if dark else 0.30)

    def band(top: int, bottom: int) -> Rgb:
        rgb = body.at(clouds.rows(top, bottom))
        for level, (line, wide, weight) in enumerate(veins):
            place, breadth = _padded(line, top, bottom, scene.height), wide.rows(top, bottom)
            down, across = np.gradient(place)
            slope = np.maximum(np.hypot(down, across), np.float32(1e-5))[1:-1]
            far = np.abs(place[1:-1]) / slope
            width = breadth * np.float32(weight * scene.unit)
            halo = np.exp(-far / (width * np.float32(5) + np.float32(6 * scene.unit))) * np.clip(breadth, 0, 1)
            rgb = over(rgb, smoke, halo * np.float32(0.20))
            line_cover = np.clip(width - far + np.float32(0.5), 0, 1) * np.clip(width, 0, 1)
            if level == 2:
                rgb = over(rgb, smoke, line_cover * np.float32(0.45))
            else:
                rgb = over(rgb, gold.at(_lit(shine.rows(top, bottom), far, width)), line_cover)
        return rgb

    return band


def _padded(line: noise.Sheet, top: int, bottom: int, height: int) -> Field:
    """Rows with one more above and below, those beyond the page repeated."""
    first, last = max(top - 1, 0), min(bottom + 1, height)
    return np.pad(line.rows(first, last), ((first - top + 1, bottom + 1 - last), (0, 0)), mode="edge")


def _lit(shine: Field, far: Field, width: Field) -> Field:
    """Light on gold leaf: it is uneven, and darker at its edges."""
    round_ = np.clip(far / np.maximum(width, np.float32(1)), 0, 1)
    return np.asarray(
        np.clip(shine * np.float32(0.95) + np.float32(0.22) - round_ * np.float32(0.30), 0, 1), np.float32
    )


def _clouds(scene: Scene, rng: np.random.Generator) -> noise.Sheet:
    across, down = scene.small(4)
    dx, dy = (noise.fbm(rng, across, down, (2.0, 3.2), 4, 0.55) - np.float32(0.5) for _ in range(2))
    field = noise.fbm(rng, across, down, (2.6, 3.0), 6, 0.56)
    return noise.Sheet(
        noise.spread(noise.warp(field, dx * across * np.float32(0.9), dy * down * np.float32(0.5))),
        scene.width,
        scene.height,
    )


def _vein(scene: Scene, rng: np.random.Generator, cells: float) -> Vein:
    """A field that is 0 along the veins, and how broad they are from place to place (0: closed)."""
    across, down = scene.small(3)
    lean = np.linspace(-1, 1, down, dtype=np.float32)[:, None] - np.linspace(-1, 1, across, dtype=np.float32)[None, :]
    line = noise.fbm(rng, across, down, (cells, cells * 1.5), 6, 0.50) - np.float32(0.5)
    line = line + lean * np.float32(0.10 * float(rng.uniform(0.5, 1.0)))
    wide = noise.fbm(rng, across, down, (cells * 2.6, cells * 4), 4, 0.6) - np.float32(0.5)
    open_ = np.clip(np.float32(0.35) + wide * np.float32(4.5), 0, 2.2)
    y = np.linspace(0, 1, down, dtype=np.float32)[:, None]
    calm = 1 - np.float32(0.85) * np.exp(-(((y - np.float32(0.28)) / np.float32(0.16)) ** 2))
    weight = {1.6: 6.5, 2.6: 3.4}.get(cells, 1.7)
    return (
        noise.Sheet(line, scene.width, scene.height),
        noise.Sheet(np.asarray(open_ * calm, np.float32), scene.width, scene.height),
        weight,
    )


def _body(scene: Scene, dark: bool) -> Ramp:
    palette = scene.palette
    tint = palette.middle[0]
    if dark:
        deep = shade(palette.dark, 0.17)
        return Ramp([deep, shade(mix(palette.dark, tint, 0.3), 0.25), shade(mix(palette.dark, tint, 0.6), 0.36)])
    pale = shade(palette.light, 0.965, 0.6)
    return Ramp([mix(pale, tint, 0.30), mix(pale, tint, 0.12), pale, shade(pale, 0.985, 0.4)])


def _gold(scene: Scene) -> Ramp:
    """Leaf from shadow to glint, of the palette's most golden colour."""
    metal = max(scene.palette.given, key=lambda colour: float(colour[0] + colour[1] - 2 * colour[2]))
    return Ramp([shade(metal, 0.42), shade(metal, 0.60), shade(metal, 0.74), shade(metal, 0.93, 0.6)])
