"""Layered landscape: sky with sun or moon, ridges fading with distance, forest edges, or a sea with a path of light."""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Ramp, Rgb, chroma, lightness, mix, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, circle, over, strip

TIMES = ("dawn", "day", "dusk", "night")


def compose(scene: Scene) -> Band:
    """Sky, then what stands in it, then ground from far to near."""
    time = scene.word("time", TIMES, scene.reading.time or str(scene.chance("time").choice(TIMES)))
    horizon = scene.number("horizon", 0.62, 0.3, 0.9) * scene.height
    sky = Sky(scene, time, horizon)
    sea = scene.flag("sea", "sea" in scene.reading.motifs)
    ground = Sea(scene, sky, horizon) if sea else None
    ridges = _ridges(scene, sky, horizon, sea)
    birds = Stencil(_birds(scene, sky), scene.width) if scene.flag("birds", time != "night") else None

    def band(top: int, bottom: int) -> Rgb:
        rgb = sky.rows(top, bottom)
        if birds is not None:
            rgb = over(rgb, sky.near, birds.rows(top, bottom))
        for ridge in ridges if ground is None else ridges[:-1]:
            rgb = ridge.lay(rgb, top, bottom)
        if ground is not None:
            rgb = ground.lay(rgb, top, bottom)
            rgb = ridges[-1].lay(rgb, top, bottom)
        return rgb

    return band


class Sky:
    """A gradient with soft cloud, a glowing disc, and stars at night."""

    def __init__(self, scene: Scene, time: str, horizon: float) -> None:
        self._scene, self.time = scene, time
        rng = scene.chance("sky")
        self._colours(scene, time)
        self.x = scene.width * float(rng.uniform(0.3, 0.7))
        lift = {"dawn": 0.22, "dusk": 0.16, "day": 0.22, "night": 0.24}[time]
        self.y = horizon - scene.height * scene.number("altitude", lift, 0.0, 0.9) * float(rng.uniform(0.85, 1.1))
        self.radius = scene.number("disc", 0.13 if time != "day" else 0.08, 0.0, 0.4) * min(scene.width, scene.height)
        self._horizon = horizon
        across, down = scene.small(8)
        cloud = noise.fbm(rng, across, down, (2.2 * scene.width / scene.height, 9.0), 6)
        shift = noise.fbm(rng, across, down, (2.0, 3.0), 3) - 0.5
        cloud = noise.warp(cloud, shift * across * 0.5, shift * down * 0.12)
        self._cloud = noise.Sheet(noise.smoothstep(0.5, 0.95, noise.spread(cloud)), scene.width, scene.height)
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
        self.disc = shade(light, 0.965, 0.6) if time in ("night", "day") else mix(light, glow, 0.2)
        self.glow = mix(light, glow, 0.35)
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
        distance = np.hypot(scene.columns() - np.float32(self.x), y - np.float32(self.y))
        strength = 0.34 if self.time == "night" else 0.5
        halo = np.exp(-distance / np.float32(self.radius * 2.6 + 1)) * np.float32(strength)
        rgb = over(rgb, self.glow, halo)
        rgb = over(rgb, self.glow, cloud * np.float32(0.22) * np.exp(-distance / np.float32(scene.height * 0.6)))
        if self.radius < 2:
            return rgb
        cover = np.clip(np.float32(self.radius) - distance + np.float32(0.5), 0, 1)
        return over(rgb, self.disc, cover * np.float32(0.96))


class Ridge:
    """One silhouette: all below its line, misty towards its foot, with trees along the edge when it is wooded."""

    def __init__(self, scene: Scene, line: Field, colour: Rgb, mist: Rgb, depth: float, trees: list[Points]) -> None:
        self._scene, self._line, self._colour, self._mist, self._depth = scene, line, colour, mist, depth
        slope = np.gradient(line)
        self._soft = 1 / np.sqrt(1 + slope * slope)
        self._trees = Stencil(trees, scene.width) if trees else None
        self._reach = float(line.min())

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """This ridge laid over what is behind it."""
        if self._trees is not None:
            rgb = over(rgb, self._colour, self._trees.rows(top, bottom))
        if bottom < self._reach:
            return rgb
        below = self._scene.lines(top, bottom) - self._line[None, :]
        cover = np.clip(below * self._soft[None, :] + np.float32(0.5), 0, 1)
        fog = np.clip(below / np.float32(self._depth), 0, 1)
        body = self._colour + (self._mist - self._colour) * (fog * fog * np.float32(0.75))[..., None]
        return over(rgb, body, cover)


class Sea:
    """Water below the horizon: the sky's colours turned over, broken by long ripples and a path of light."""

    def __init__(self, scene: Scene, sky: Sky, horizon: float) -> None:
        self._scene, self._sky, self._horizon = scene, sky, horizon
        rng = scene.chance("sea")
        across, down = scene.small(3)
        rows = max(int(down * (1 - horizon / scene.height)), 8)
        depth = (np.linspace(0, 1, rows, dtype=np.float32) ** 0.55)[:, None] * np.float32(rows)
        base = noise.fbm(rng, across, rows * 2, (7.0 * scene.width / scene.height, 110.0), 4, 0.6)
        xs = np.broadcast_to(np.arange(across, dtype=np.float32)[None, :], (rows, across))
        ripple = noise.sample(base, xs, np.broadcast_to(depth * 1.9, (rows, across)))
        full = np.zeros((down, across), np.float32)
        full[down - rows :] = noise.spread(ripple)
        self._ripple = noise.Sheet(full, scene.width, scene.height)
        deep = mix(sky.near, scene.palette.middle[0], 0.35)
        self._ramp = Ramp([mix(sky.haze, deep, 0.25), mix(sky.mid, deep, 0.5), deep], [0, 0.35, 1])

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The water laid over everything above the horizon."""
        if bottom <= self._horizon:
            return rgb
        scene, sky = self._scene, self._sky
        y = scene.lines(top, bottom)
        depth = np.clip((y - np.float32(self._horizon)) / np.float32(scene.height - self._horizon), 0, 1)
        ripple = self._ripple.rows(top, bottom)
        water = self._ramp.at(
            np.clip(depth + (ripple - np.float32(0.5)) * np.float32(0.30) * (depth * 0.8 + 0.25), 0, 1)
        )
        spread = np.float32(sky.radius * 0.75) * (1 + depth * np.float32(2.2)) + 1
        path = np.exp(-(((scene.columns() - np.float32(sky.x)) / spread) ** 2))
        glint = noise.smoothstep(0.5, 0.72, ripple + path * np.float32(0.16) - depth * np.float32(0.06))
        water = over(water, sky.disc, glint * path * np.float32(0.85))
        return over(rgb, water, np.clip(y - np.float32(self._horizon) + np.float32(0.5), 0, 1) * np.ones_like(ripple))


def _ridges(scene: Scene, sky: Sky, horizon: float, sea: bool) -> list[Ridge]:
    rng = scene.chance("ridges")
    count = int(scene.number("layers", 3 if sea else 6, 2, 9))
    rugged = scene.number("ruggedness", 0.75 if "mountain" in scene.reading.motifs else 0.45)
    wooded = scene.number("forest", 1.0 if "forest" in scene.reading.motifs else 0.35)
    mist = scene.number("mist", 0.7)
    ridges = []
    for index in range(count):
        near = index / (count - 1)
        colour = mix(mix(sky.haze, sky.mid, 0.45), sky.near, near**0.85)
        if sea:
            base, tall = _island(scene, horizon, near)
        else:
            base = horizon + (scene.height - horizon) * (near**1.15) * 0.86
            tall = scene.height * (0.05 + 0.16 * rugged * (1 - near * 0.62))
        line = _line(rng, scene, base, tall, 1.5 + 2.2 * near + rugged * 1.2, rugged)
        trees = _trees(rng, scene, line, near) if wooded > 0.2 and near >= (0.55 if wooded > 0.6 else 0.95) else []
        fog = mix(colour, sky.haze, mist * (1 - near) * 0.9)
        ridges.append(Ridge(scene, line.astype(np.float32), colour, fog, scene.height * 0.22, trees))
    return ridges


def _island(scene: Scene, horizon: float, near: float) -> tuple[float, float]:
    if near == 1:
        return scene.height * 0.97, scene.height * 0.07
    return horizon + scene.height * 0.035, scene.height * (0.10 + 0.05 * near)


def _line(rng: np.random.Generator, scene: Scene, base: float, tall: float, features: float, rugged: float) -> Field:
    features *= max(scene.width / scene.height, 0.7)
    shape = noise.ridge_line(rng, scene.width, features, 8, 0.40 + 0.10 * rugged)
    sharp = 1 - np.abs(2 * noise.ridge_line(rng, scene.width, features * 0.8, 8, 0.42) - 1)
    profile = shape * (1 - rugged) + sharp * rugged
    profile = (profile - profile.min()) / max(float(np.ptp(profile)), 1e-6)
    return np.asarray(base - (profile - 0.25) * tall, np.float32)


def _trees(rng: np.random.Generator, scene: Scene, line: Field, near: float) -> list[Points]:
    size = scene.unit * (34 + 130 * max(near - 0.5, 0) * 2)
    trees, x = [], -size
    while x < scene.width + size:
        column = int(min(max(x, 0), scene.width - 1))
        tall = size * float(rng.uniform(0.55, 1.45))
        trees.append(_fir(rng, x, float(line[column]) + tall * 0.18, tall))
        x += size * float(rng.uniform(0.10, 0.42))
    return trees


def _fir(rng: np.random.Generator, x: float, foot: float, tall: float) -> Points:
    tiers = 9
    left, right = [], []
    lean = float(rng.uniform(-0.02, 0.02)) * tall
    for tier in range(tiers):
        share = tier / tiers
        y = foot - tall * (1 - share)
        reach = tall * (0.02 + 0.19 * share**0.9)
        centre = x + lean * (1 - share)
        left += [(centre - reach * 0.45, y), (centre - reach * float(rng.uniform(0.8, 1.15)), y + tall / tiers * 1.15)]
        right += [(centre + reach * 0.45, y), (centre + reach * float(rng.uniform(0.8, 1.15)), y + tall / tiers * 1.15)]
    return np.array([(x + lean, foot - tall * 1.04), *right, (x, foot), *left[::-1]], np.float32)


def _birds(scene: Scene, sky: Sky) -> list[Points]:
    rng = scene.chance("birds")
    birds = []
    for _ in range(int(rng.integers(5, 11))):
        span = scene.unit * float(rng.uniform(16, 34))
        x = sky.x + float(rng.normal(0, 0.14)) * scene.width
        y = sky.y - sky.radius * 0.4 + float(rng.normal(0, 0.045)) * scene.height
        t = np.linspace(-1, 1, 17, dtype=np.float32)
        lift = -(np.abs(t) ** 0.6) * float(rng.uniform(0.35, 0.6)) + np.abs(t) ** 2 * 0.25
        wing = np.stack([x + t * span, y + lift * span], axis=-1)
        birds.append(strip(wing, ((1.2 - np.abs(t)) * span * 0.16 + scene.unit).astype(np.float32)))
    return birds


def _stars(scene: Scene, horizon: float) -> Stencil:
    rng = scene.chance("stars")
    count = int(420 * scene.number("stars", 0.6))
    size = (rng.pareto(3.2, count) * 0.7 + 0.7).clip(0.7, 3.6) * scene.unit
    x, y = rng.random(count) * scene.width, rng.random(count) * horizon
    return Stencil([_dot(float(a), float(b), float(r)) for a, b, r in zip(x, y, size, strict=True)], scene.width)


def _dot(x: float, y: float, radius: float) -> Points:
    return circle(x, y, radius)[::3]


FAMILY = Family(
    name="landscape",
    compose=compose,
    palettes=(
        ("#14213d", "#3d5a80", "#98a9c9", "#ee6c4d", "#fde8cf"),
        ("#1b1b3a", "#693668", "#a74482", "#f84aa7", "#ffd6c0"),
        ("#0b2027", "#2f5d62", "#7fa99b", "#f6ae2d", "#fbf3de"),
        ("#221d2b", "#5b3a5c", "#b5566b", "#f2a65a", "#fff1d6"),
        ("#0d1b2a", "#1b4965", "#5fa8d3", "#cae9ff", "#f4fbff"),
    ),
    finish=Finish(grain=0.010, vignette=0.16),
    options={
        "time": "dawn, day, dusk or night",
        "horizon": "0.3 to 0.9 of the height",
        "layers": "2 to 9 ridges",
        "mist": "0 to 1",
        "ruggedness": "0 rolling to 1 sharp",
        "forest": "0 to 1",
        "sea": "true for water below the horizon",
        "disc": "size of sun or moon, 0 to 0.4 of the short side",
        "altitude": "height of the disc above the horizon, 0 to 0.9",
        "birds": "true or false",
        "stars": "0 to 1, at night",
    },
)
