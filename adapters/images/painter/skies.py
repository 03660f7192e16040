"""Skies of landscapes: a gradient with cloud, sun or moon and stars, and the light under water in their place."""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Ramp, Rgb, chroma, lightness, mix, shade
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Points, Stencil, circle, over

TIMES = ("dawn", "day", "dusk", "night")


class Sky:
    """A gradient with soft cloud, a glowing disc, and stars at night."""

    def __init__(self, scene: Scene, time: str, horizon: float) -> None:
        self._scene, self.time = scene, time
        rng = scene.chance("sky")
        self._colours(scene, time)
        self.x = _disc_column(scene, scene.width * float(rng.uniform(0.3, 0.7)))
        self._storm = "rain" in scene.reading.motifs
        lift = {"dawn": 0.22, "dusk": 0.16, "day": 0.22, "night": 0.24}[time]
        self.y = horizon - scene.height * scene.number("altitude", lift, 0.0, 0.9) * float(rng.uniform(0.85, 1.1))
        self.radius = scene.number("disc", 0.13 if time != "day" else 0.08, 0.0, 0.4) * min(scene.width, scene.height)
        self._horizon = horizon
        across, down = scene.small(8)
        cloud = noise.fbm(rng, across, down, (2.2 * scene.width / scene.height, 9.0), 6)
        shift = noise.fbm(rng, across, down, (2.0, 3.0), 3) - 0.5
        cloud = noise.warp(cloud, shift * across * 0.5, shift * down * 0.12)
        low, high = (0.15, 0.85) if self._storm else (0.5, 0.95)
        self._cloud = noise.Sheet(noise.smoothstep(low, high, noise.spread(cloud)), scene.width, scene.height)
        self._stars = _stars(scene, horizon) if time == "night" else None

    def _colours(self, scene: Scene, time: str) -> None:
        palette = scene.palette
        glow, dark, light = palette.accent, palette.dark, palette.light
        middle = palette.middle[len(palette.middle) // 2]
        warm = mix(glow, light, 0.55)
        stops = {
            "night": (
                [shade(dark, 0.16, 1.1), dark, mix(dark, middle, 0.55), mix(middle, light, 0.3)],
                [0, 0.35, 0.75, 1],
            ),
            "dusk": ([dark, mix(dark, middle, 0.6), glow, warm], [0, 0.35, 0.78, 1]),
            "dawn": ([mix(middle, light, 0.25), mix(middle, light, 0.6), warm, light], [0, 0.4, 0.8, 1]),
            "day": ([middle, mix(middle, light, 0.5), light], [0, 0.6, 1]),
        }[time]
        self._ramp = Ramp(stops[0], [float(s) for s in stops[1]])
        self.haze = stops[0][-1]
        self.near = shade(dark, min(lightness(dark), 0.22), 0.9)
        self.storm = mix(dark, middle, 0.18)
        self.disc = shade(light, 0.965, 0.6) if time in ("night", "day") else mix(light, glow, 0.2)
        self.glow = mix(light, glow, 0.35)
        self.mid_glow = mix(glow, light, 0.12)
        self.mid = mix(middle, glow, 0.25) if chroma(middle) < 0.02 else middle

    def rows(self, top: int, bottom: int) -> Rgb:
        """The sky in rows top..bottom."""
        scene = self._scene
        y = scene.lines(top, bottom)
        cloud = self._cloud.rows(top, bottom)
        height = np.clip(y / np.float32(self._horizon), 0, 1) + cloud * np.float32(0.05)
        rgb = self._ramp.at(np.broadcast_to(height, (bottom - top, scene.width)))
        if self._stars is not None:
            fade = np.clip(1.2 - y / np.float32(self._horizon * 0.85), 0, 1)
            stars = self._stars.rows(top, bottom)
            rgb = over(rgb, self.disc, None if stars is None else stars * fade)
        if self._storm:
            rgb = over(
                rgb, self.storm, cloud * np.clip(1.15 - y / np.float32(self._horizon), 0.25, 1) * np.float32(0.72)
            )
        distance = np.hypot(scene.columns() - np.float32(self.x), y - np.float32(self.y))
        strength = 0.34 if self.time == "night" else 0.5
        halo = np.exp(-distance / np.float32(self.radius * 2.6 + 1)) * np.float32(strength)
        rgb = over(rgb, self.glow, halo)
        rgb = over(rgb, self.glow, cloud * np.float32(0.22) * np.exp(-distance / np.float32(scene.height * 0.6)))
        if self.radius < 2:
            return rgb
        cover = np.clip(np.float32(self.radius) - distance + np.float32(0.5), 0, 1)
        return over(rgb, self.disc, cover * np.float32(0.3 if self._storm else 0.96))


class Depths:
    """Water seen from within: light from above in slanting rays, dark below."""

    time = "day"

    def __init__(self, scene: Scene, horizon: float) -> None:
        palette = scene.palette
        rng, middle = scene.chance("depths"), palette.middle[len(palette.middle) // 2]
        blue = min(palette.middle, key=lambda colour: float(colour[0] - colour[2]))
        self._scene = scene
        self.x, self.y, self.radius = scene.width * float(rng.uniform(0.35, 0.65)), -scene.height * 0.12, 1.0
        self._ramp = Ramp(
            [mix(blue, palette.light, 0.62), blue, mix(blue, palette.dark, 0.55), palette.dark], [0, 0.4, 0.8, 1]
        )
        self.haze, self.mid, self.near = (
            mix(blue, palette.dark, 0.30),
            mix(middle, blue, 0.5),
            shade(palette.dark, 0.16, 0.9),
        )
        self.glow = self.disc = self.mid_glow = mix(blue, palette.light, 0.8)
        self._rays = noise.fbm(rng, 900, 1, (26.0, 1.0), 4, 0.6)[0]
        across, down = scene.small(8)
        self._haze = noise.Sheet(noise.fbm(rng, across, down, (3.0, 5.0), 5), scene.width, scene.height)

    def rows(self, top: int, bottom: int) -> Rgb:
        """Water and rays in rows top..bottom."""
        scene = self._scene
        y = scene.lines(top, bottom)
        depth = y / np.float32(scene.height) + (self._haze.rows(top, bottom) - np.float32(0.5)) * np.float32(0.22)
        angle = np.arctan2(scene.columns() - np.float32(self.x), y - np.float32(self.y)) / np.float32(
            np.pi
        ) + np.float32(0.5)
        ray = np.interp(angle, np.linspace(0, 1, 900), self._rays).astype(np.float32)
        shine = noise.smoothstep(0.45, 0.85, ray) * np.clip(1.05 - y / np.float32(scene.height * 0.8), 0, 1)
        return over(self._ramp.at(depth), self.glow, shine * np.float32(0.5))


def _disc_column(scene: Scene, x: float) -> float:
    """Sun and moon stand behind a figure, so that it is seen; a lighthouse has them on its other side."""
    at = figures.column(scene)
    if at is None:
        return x
    return scene.width - at if scene.reading.figures[0] == "lighthouse" else at


def _stars(scene: Scene, horizon: float) -> Stencil:
    rng = scene.chance("stars")
    count = int(420 * scene.number("stars", 0.6))
    size = (rng.pareto(3.2, count) * 0.7 + 0.7).clip(0.7, 3.6) * scene.unit
    x, y = rng.random(count) * scene.width, rng.random(count) * horizon
    return Stencil([_dot(float(a), float(b), float(r)) for a, b, r in zip(x, y, size, strict=True)], scene.width)


def _dot(x: float, y: float, radius: float) -> Points:
    return circle(x, y, radius)[::3]
