"""Layered landscape: sky with sun or moon, ridges fading with distance, forest edges, or a sea with a path of light."""

from typing import Protocol

import numpy as np

from adapters.images.painter import figures, noise, terrain
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, over, strip
from adapters.images.painter.skies import TIMES, Depths, Sky
from adapters.images.painter.terrain import Ridge


def compose(scene: Scene) -> Band:
    """Sky, then what stands in it, then ground from far to near, then what falls."""
    motifs = scene.reading.motifs
    moonlit = "night" if "moon" in motifs else None
    time = scene.asked("time", scene.reading.time or moonlit, TIMES)
    horizon = scene.number("horizon", 0.62, 0.3, 0.9) * scene.height
    deep = "underwater" in motifs
    sky: Sky | Depths = Depths(scene, horizon) if deep else Sky(scene, time, horizon)
    sea = not deep and _by_the_sea(scene)
    layers: list[Layer] = [Sea(scene, sky, horizon)] if sea else []
    ridges = _ridges(scene, sky, horizon, sea=sea)
    layers = [*ridges[:-1], *layers, ridges[-1]] if sea else [*ridges]
    layers.insert(_depth_of_figure(scene, len(layers), sea=sea), Standing(scene, sky, ridges, horizon, sea=sea))
    if not deep and scene.flag("birds", time != "night"):
        layers.insert(0, Flat(Stencil(_birds(scene, sky), scene.width), sky.near, 1.0))
    layers += _weather(scene, sky)

    def band(top: int, bottom: int) -> Rgb:
        rgb = sky.rows(top, bottom)
        for layer in layers:
            rgb = layer.lay(rgb, top, bottom)
        return rgb

    return band


class Layer(Protocol):
    """Something that lies over what is behind it."""

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """Rows top..bottom with this laid over them."""
        ...


class Flat:
    """A stencil in one colour, more or less transparent."""

    def __init__(self, stencil: Stencil | terrain.Shower, colour: Rgb, strength: float) -> None:
        self._stencil, self._colour, self._strength = stencil, colour, np.float32(strength)

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The colour where the stencil is."""
        cover = self._stencil.rows(top, bottom)
        return rgb if cover is None else over(rgb, self._colour, cover * self._strength)


class Standing:
    """The figure of the prompt, if there is one, with the light that it casts."""

    def __init__(self, scene: Scene, sky: Sky | Depths, ridges: list[Ridge], horizon: float, *, sea: bool) -> None:
        self._scene, self._lamp = scene, None
        self._colour = sky.near if scene.reading.tint is None else parse(scene.reading.tint)
        self._glow = mix(sky.glow, scene.palette.light, 0.5)
        tall = _figure_size(scene, sea=sea)
        placed = figures.on(scene, _stand(scene, ridges, horizon, sea=sea), tall, x=figures.column(scene))
        self._stencil = figures.stencil(scene, placed, tall)
        if placed is not None:
            self._lamp = figures.lamp(*placed, tall)
            self._beams = placed[0] == "lighthouse" and sky.time != "day"
            self._reach = np.float32(tall * (0.10 if placed[0] == "lighthouse" else 0.07))

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The silhouette, then its light."""
        if self._stencil is None:
            return rgb
        rgb = over(rgb, self._colour, self._stencil.rows(top, bottom))
        return rgb if self._lamp is None else over(rgb, self._glow, self._light(self._lamp, top, bottom))

    def _light(self, lamp: tuple[float, float], top: int, bottom: int) -> Field:
        dx = self._scene.columns() - np.float32(lamp[0])
        dy = self._scene.lines(top, bottom) - np.float32(lamp[1])
        far = np.hypot(dx, dy)
        glow = np.exp(-((far / self._reach) ** 2)) * np.float32(0.95)
        if not self._beams:
            return np.asarray(glow, np.float32)
        away = np.abs(dy + dx * np.float32(0.16)) / (np.abs(dx) * np.float32(0.085) + np.float32(4))
        beam = np.exp(-(away**2) - np.abs(dx) / np.float32(self._scene.width * 0.5)) * np.float32(0.75)
        return np.asarray(np.maximum(glow, beam * (far > self._reach * np.float32(0.25))), np.float32)


def _by_the_sea(scene: Scene) -> bool:
    """Whether there is water: named last, or the style's own where nothing dry was named after it."""
    said = scene.reading.last({"sea": "sea", "desert": "dry"})
    return said == "sea" or (said is None and scene.flag("sea", False))


def _depth_of_figure(scene: Scene, count: int, *, sea: bool) -> int:
    """Before which layer the figure stands: on the water or the last-but-one ridge."""
    afloat = bool(scene.reading.figures) and scene.reading.figures[0] in figures.AFLOAT
    return count - (1 if afloat or not sea else 0)


def _figure_size(scene: Scene, *, sea: bool) -> float:
    name = scene.reading.figures[0] if scene.reading.figures else ""
    share = {
        "lighthouse": 0.30,
        "castle": 0.30,
        "ship": 0.22,
        "person": 0.15,
        "camel": 0.11,
        "fish": 0.14,
        "house": 0.15,
    }
    return scene.height * share.get(name, 0.21) * (1.15 if scene.wide else 1.0)


def _stand(scene: Scene, ridges: list[Ridge], horizon: float, *, sea: bool) -> Field | float:
    """The line on which the figure stands."""
    name = scene.reading.figures[0] if scene.reading.figures else ""
    if sea and name in figures.AFLOAT:
        return horizon + (scene.height - horizon) * 0.34
    return ridges[-1].line if sea else ridges[max(len(ridges) - 2, 0)].line


def _weather(scene: Scene, sky: Sky | Depths) -> list[Layer]:
    motifs, light = scene.reading.motifs, scene.palette.light
    if "underwater" in motifs:
        return []
    layers: list[Layer] = []
    if "rain" in motifs:
        layers.append(Flat(terrain.Shower(scene), mix(light, sky.haze, 0.3), 0.30))
    if "snow" in motifs and scene.reading.last({"snow": "falls", "desert": ""}):
        layers.append(Flat(terrain.flakes(scene), shade(light, 0.98, 0.3), 0.85))
    return layers


class Sea:
    """Water below the horizon: the sky's colours turned over, broken by long ripples and a path of light."""

    def __init__(self, scene: Scene, sky: Sky | Depths, horizon: float) -> None:
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


def _ridges(scene: Scene, sky: Sky | Depths, horizon: float, *, sea: bool) -> list[Ridge]:
    rng, motifs = scene.chance("ridges"), scene.reading.motifs
    count = int(scene.number("layers", 3 if sea else 6, 2, 9))
    sandy = scene.reading.last({"desert": "sand", "forest": "", "mountain": "", "sea": "", "underwater": ""}) == "sand"
    rugged = max(
        scene.number("ruggedness", 0.45), 0.75 if "mountain" in motifs and "ruggedness" not in scene.options else 0
    )
    mist = scene.number("mist", 0.7)
    ridges = []
    for index in range(count):
        near = index / (count - 1)
        colour = mix(mix(sky.haze, sky.mid, 0.45), sky.near, near**0.85)
        base, tall = _place(scene, horizon, near, rugged, sea=sea)
        features = 1.5 + 2.2 * near + rugged * 1.2
        if sandy and not sea:
            ridge = _dune(scene, rng, sky, base, tall, near)
        else:
            line = terrain.crest(rng, scene, base, tall, features, rugged)
            ridge = Ridge(scene, line, (colour, mix(colour, sky.haze, mist * (1 - near) * 0.9)), scene.height * 0.22)
            _clothe(scene, rng, ridge, sky, near, rugged)
        ridges.append(ridge)
    return ridges if sea else terrain.hide(ridges)


def _dune(scene: Scene, rng: np.random.Generator, sky: Sky | Depths, base: float, tall: float, near: float) -> Ridge:
    """Sand, its tops now left and now right, far ones in the haze."""
    top = float(rng.uniform(0.1, 0.9))
    line = terrain.dune(rng, scene, base, max(tall, scene.height * 0.11), top)
    lit, dim = terrain.sand((sky.near, sky.mid_glow, scene.palette.light), near)
    haze = scene.number("mist", 0.7) * (1 - near) * 0.55
    lit, dim = mix(lit, sky.haze, haze), mix(dim, sky.haze, haze)
    ridge = Ridge(scene, line, (lit, mix(lit, dim, 0.35)), scene.height * 0.35)
    ridge.part(rng, top * scene.width, lit, dim)
    return ridge


def _place(scene: Scene, horizon: float, near: float, rugged: float, *, sea: bool) -> tuple[float, float]:
    """Height of a ridge's foot and how far it rises."""
    if sea:
        return _island(scene, horizon, near)
    base = horizon + (scene.height - horizon) * (near**1.15) * 0.86
    return base, scene.height * (0.05 + 0.16 * rugged * (1 - near * 0.62))


def _clothe(
    scene: Scene, rng: np.random.Generator, ridge: Ridge, sky: Sky | Depths, near: float, rugged: float
) -> None:
    """Light on the rock, snow, and what grows."""
    motifs, own = scene.reading.motifs, ridge.colour
    strength = (0.34 if sky.time == "day" else 0.20) * (0.35 + 0.65 * rugged)
    glow = mix(sky.glow, scene.palette.light, 0.3)
    dim = mix(own, sky.near, strength * (0.6 + 0.6 * near))
    ridge.light(rng, mix(own, glow, strength * (1 - 0.35 * near)), dim, 60 + 90 * rugged, 0.5 + 0.5 * rugged)
    white = shade(scene.palette.light, 0.95 if sky.time == "day" else 0.84, 0.45)
    if "snow" in motifs or (rugged > 0.8 and near < 0.7):
        ridge.snow(mix(mix(white, sky.haze, 0.45 * (1 - near)), own, 0.10))
    if "underwater" in motifs:
        ridge.grow(terrain.corals(rng, scene, ridge.line, near), mix(own, scene.palette.accent, 0.5 * near))
        return
    wooded = max(scene.number("forest", 0.35), 1.0 if "forest" in motifs else 0.0)
    if wooded > 0.2 and near >= (0.55 if wooded > 0.6 else 0.95):
        ridge.grow(terrain.firs(rng, scene, ridge.line, near, _clearing(scene, near)), own)


def _clearing(scene: Scene, near: float) -> tuple[float, float] | None:
    """No trees where the figure stands."""
    x = figures.column(scene)
    return None if x is None or near == 1 else (x, scene.height * 0.08)


def _island(scene: Scene, horizon: float, near: float) -> tuple[float, float]:
    if near == 1:
        return scene.height * 0.97, scene.height * 0.07
    return horizon + scene.height * 0.035, scene.height * (0.10 + 0.05 * near)


def _birds(scene: Scene, sky: Sky | Depths) -> list[Points]:
    rng = scene.chance("birds")
    birds = []
    side = -1 if sky.x > scene.width / 2 else 1
    x, y = sky.x + side * (sky.radius + scene.width * 0.06), sky.y - sky.radius * 0.2
    for _ in range(int(rng.integers(5, 9))):
        span = scene.unit * float(rng.uniform(11, 24))
        x += side * scene.width * float(rng.uniform(0.02, 0.055))
        y += scene.height * float(rng.normal(-0.006, 0.012))
        t = np.linspace(-1, 1, 17, dtype=np.float32)
        lift = -(np.abs(t) ** 0.6) * float(rng.uniform(0.35, 0.6)) + np.abs(t) ** 2 * 0.25
        wing = np.stack([x + t * span, y + lift * span], axis=-1)
        birds.append(strip(wing, ((1.2 - np.abs(t)) * span * 0.16 + scene.unit).astype(np.float32)))
    return birds


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
