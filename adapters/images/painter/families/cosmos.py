"""Night sky and nebula: warped clouds of gas, dust lanes, stars of many sizes, and a planet or its lit horizon."""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Stencil, over

BODIES = ("none", "planet", "horizon", "eclipse")


def compose(scene: Scene) -> Band:
    """Gas first, stars in it, the planet in front."""
    gas = noise.ColourSheet(_gas(scene), scene.width, scene.height)
    stars = Stars(scene)
    body = _body(scene)
    planet = Planet(scene, body) if body != "none" else None
    tall, foot = scene.height * (0.20 if body != "horizon" else 0.13), scene.height * 0.86
    limb = planet.limb(tall) if planet is not None and body == "horizon" else None
    middle = scene.width * 0.52 if body == "horizon" else None
    placed = figures.on(scene, foot if limb is None else limb, tall, x=middle)
    figure = figures.stencil(scene, placed, tall)
    line = figures.footing(scene, placed, tall) if body != "horizon" else None
    shores = [*figures.earth(scene, line), *(figures.water(scene, placed, tall) if body != "horizon" else [])]
    ground = Stencil(shores, scene.width)
    night, air = shade(scene.palette.dark, 0.06, 0.6), mix(scene.palette.accents[0], scene.palette.light, 0.35)
    ink = night if shores or body == "horizon" else mix(scene.palette.light, scene.palette.accent, 0.1)
    ink = ink if scene.reading.tint is None else parse(scene.reading.tint)

    def band(top: int, bottom: int) -> Rgb:
        rgb = np.clip(gas.rows(top, bottom), 0, 1)
        rgb = stars.lay(rgb, top, bottom)
        if figure is not None and body == "horizon":
            rgb = over(rgb, air, _airglow(scene, placed, limb, top, bottom))
            rgb = over(rgb, ink, figure.rows(top, bottom))
        rgb = planet.lay(rgb, top, bottom) if planet is not None else rgb
        if figure is None or body == "horizon":
            return rgb
        if shores:
            rgb = over(rgb, air, _airglow(scene, placed, line, top, bottom))
            rgb = over(rgb, night, ground.rows(top, bottom))
        return over(rgb, ink, figure.rows(top, bottom))

    return band


def _airglow(scene: Scene, placed: figures.Placed | None, line: Field | None, top: int, bottom: int) -> Field:
    """The faint light over the horizon, by which the ground and what stands on it are seen."""
    low = line[None, :] if line is not None else np.float32(scene.height if placed is None else placed[2])
    above = (np.maximum(low, np.float32(scene.height * 0.72)) - scene.lines(top, bottom)) / np.float32(scene.height)
    glow = np.exp(-np.clip(above, 0, None) / np.float32(0.13)) * np.float32(0.62)
    return np.asarray(np.broadcast_to(glow, (bottom - top, scene.width)), np.float32)


def _body(scene: Scene) -> str:
    said = scene.reading.last({"planet": "planet", "moon": "planet", "sun": "eclipse"})
    return scene.word("body", BODIES, said or str(scene.chance("body").choice(BODIES)))


def _gas(scene: Scene) -> Rgb:
    rng = scene.chance("gas")
    across, down = scene.small(3.2)
    cells = (2.6 * scene.width / scene.unit / 1600, 2.6 * scene.height / scene.unit / 1600)
    dx = noise.fbm(rng, across, down, cells, 4) - 0.5
    dy = noise.fbm(rng, across, down, cells, 4) - 0.5
    reach = np.float32(across * scene.number("turbulence", 0.55) * 0.62)
    cloud = noise.spread(noise.warp(noise.fbm(rng, across, down, cells, 6, 0.55), dx * reach, dy * reach))
    tint = noise.spread(noise.warp(noise.fbm(rng, across, down, cells, 3), dy * reach, dx * reach))
    dust = noise.spread(
        noise.warp(noise.fbm(rng, across, down, (cells[0] * 2, cells[1] * 2), 5, 0.6), dy * reach * 0.7, dx * reach)
    )
    flow = _lane(scene, rng, across, down) * scene.number("gas", 0.8)
    palette = scene.palette
    deep = shade(palette.dark, 0.12, 0.9)
    first, second = palette.accents[0], palette.accents[min(1, len(palette.accents) - 1)]
    warm = Ramp([deep, mix(deep, first, 0.45), first, mix(first, palette.light, 0.75)], [0, 0.35, 0.72, 1])
    cool = Ramp([deep, mix(deep, second, 0.45), second, mix(second, palette.light, 0.75)], [0, 0.38, 0.75, 1])
    glow = np.asarray(np.clip(cloud**1.3 * flow * 1.15, 0, 1), np.float32)
    glow *= 1 - 0.72 * noise.smoothstep(0.52, 0.85, dust) * noise.smoothstep(0.12, 0.5, glow)
    share = noise.smoothstep(0.32, 0.68, tint)[..., None]
    return np.asarray(warm.at(glow) * (1 - share) + cool.at(glow) * share, np.float32)


def _lane(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Where the gas gathers: a tilted lane across the sky, never filling all of it."""
    x = np.linspace(-0.5, 0.5, across, dtype=np.float32)[None, :] * np.float32(scene.width / scene.height)
    y = np.linspace(-0.5, 0.5, down, dtype=np.float32)[:, None]
    angle = float(rng.uniform(0.5, 1.1)) * float(rng.choice([-1, 1]))
    offset = (noise.fbm(rng, across, down, (1.6, 1.6), 3) - 0.5) * 0.5
    away = (
        x * np.float32(np.sin(angle)) + (y - np.float32(rng.uniform(-0.06, 0.12))) * np.float32(np.cos(angle)) + offset
    )
    return np.asarray(np.exp(-((away / np.float32(0.24)) ** 2)) * 0.92 + 0.10, np.float32)


class Stars:
    """Points of light: a dust of faint ones and a few with a glow and a cross of diffraction."""

    def __init__(self, scene: Scene) -> None:
        rng = scene.chance("stars")
        self._scene = scene
        area = scene.width * scene.height / scene.unit**2 / 4.1e6
        count = int(2600 * area * scene.number("stars", 0.6))
        self._x = (rng.random(count) * scene.width).astype(np.float32)
        self._y = np.sort((rng.random(count) * scene.height).astype(np.float32))
        power = (rng.pareto(1.7, count) + 0.25).astype(np.float32)
        self._power = np.clip(power, 0.25, 11)
        self._warm = rng.random(count).astype(np.float32)
        self._cold, self._hot = np.array([0.82, 0.9, 1.0], np.float32), np.array([1.0, 0.88, 0.74], np.float32)

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """Stars added as light to rows top..bottom."""
        reach = 60 * self._scene.unit
        first, last = np.searchsorted(self._y, [top - reach, bottom + reach])
        for index in range(first, last):
            tint = self._cold + (self._hot - self._cold) * self._warm[index]
            self._star(rgb, top, float(self._x[index]), float(self._y[index]), float(self._power[index]), tint)
        return np.clip(rgb, 0, 1)

    def _star(self, rgb: Rgb, top: int, x: float, y: float, power: float, tint: Rgb) -> None:
        unit = self._scene.unit
        size = unit * (0.55 + 0.28 * min(power, 8))
        reach = int(size * (3 if power < 8 else 14)) + 2
        left, right = max(int(x) - reach, 0), min(int(x) + reach + 1, rgb.shape[1])
        low, high = max(int(y) - reach - top, 0), min(int(y) + reach + 1 - top, rgb.shape[0])
        if left >= right or low >= high:
            return
        dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
        dy = np.arange(low + top, high + top, dtype=np.float32)[:, None] - np.float32(y)
        light = np.exp(-(dx * dx + dy * dy) / np.float32(size * size)) * np.float32(min(0.35 + power * 0.22, 1.1))
        if power >= 8:
            light = light + _glare(dx, dy, size)
        rgb[low:high, left:right] += light[..., None] * tint


def _glare(dx: Field, dy: Field, size: float) -> Field:
    far = np.hypot(dx, dy)
    halo = np.exp(-far / np.float32(size * 2.6)) * np.float32(0.35)
    across = np.exp(-np.abs(dy) / np.float32(size * 0.3)) * np.exp(-np.abs(dx) / np.float32(size * 4))
    upright = np.exp(-np.abs(dx) / np.float32(size * 0.3)) * np.exp(-np.abs(dy) / np.float32(size * 4))
    return np.asarray(halo + (across + upright) * np.float32(0.5), np.float32)


class Planet:
    """A lit ball with surface bands and air at its rim: whole, as a vast horizon, or dark before its sun."""

    def __init__(self, scene: Scene, body: str) -> None:
        rng = scene.chance("planet")
        self._scene, self._body = scene, body
        short = min(scene.width, scene.height)
        if body == "horizon":
            self._radius = max(scene.width, scene.height) * 0.95
            self._x, self._y = scene.width * float(rng.uniform(0.35, 0.65)), scene.height * 0.74 + self._radius
        else:
            self._radius = short * scene.number("size", 0.25, 0.05, 0.6)
            self._x, self._y = scene.width * float(rng.uniform(0.36, 0.64)), scene.height * scene.number("place", 0.6)
        palette = scene.palette
        base, other = palette.accents[min(1, len(palette.accents) - 1)], palette.accents[0]
        self._ground = Ramp(
            [
                shade(base, 0.32, 0.8),
                mix(base, other, 0.3),
                mix(base, palette.light, 0.5),
                mix(other, palette.light, 0.35),
            ]
        )
        self._air = mix(other, palette.light, 0.5)
        self._night = shade(palette.dark, 0.07, 0.6)
        angle = float(rng.uniform(-2.5, -0.7)) if body == "planet" else -np.pi / 2
        self._sun = (float(np.cos(angle)) * 0.8, float(np.sin(angle)) * 0.8, 0.6 if body == "planet" else -0.15)
        self._white = mix(palette.light, self._air, 0.12)
        streams = noise.spread(noise.fbm(rng, 512, 1, (9.0, 1.0), 5, 0.62))[0]
        self._streams = streams * np.linspace(1, 0, 512, dtype=np.float32) + streams[::-1] * np.linspace(
            0, 1, 512, dtype=np.float32
        )
        bead = float(rng.uniform(-2.4, -0.7))
        self._bead = float(np.cos(bead)), float(np.sin(bead))
        self._surface = noise.spread(self._texture(rng))

    def limb(self, tall: float) -> Field:
        """The line of a vast horizon, a little lower: what stands there is hidden behind it at its feet."""
        away = np.clip((self._scene.columns()[0] - np.float32(self._x)) / np.float32(self._radius), -1, 1)
        rise = np.sqrt(1 - away * away) * np.float32(self._radius)
        return np.asarray(np.float32(self._y) - rise + np.float32(tall * 0.05), np.float32)

    def _texture(self, rng: np.random.Generator) -> Field:
        side = 420
        base = noise.fbm(rng, side, side, (1.2, 8.0), 6, 0.55)
        bend = noise.fbm(rng, side, side, (3.0, 5.0), 4) - 0.5
        return noise.warp(base, bend * 120, bend * 46)

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The planet over rows top..bottom."""
        if bottom < self._y - self._radius * 2.6 or top > self._y + self._radius * 2.6:
            return rgb
        x = (self._scene.columns() - np.float32(self._x)) / np.float32(self._radius)
        y = (self._scene.lines(top, bottom) - np.float32(self._y)) / np.float32(self._radius)
        far = np.hypot(x, y)
        day = np.clip((x * self._sun[0] + y * self._sun[1]) / np.maximum(far, 0.3) * 0.5 + 0.5, 0, 1)
        thin = 26 if self._body == "horizon" else 9
        rim = np.exp(-np.clip(far - 1, 0, None) * np.float32(thin)) * day**2 * np.float32(0.85)
        rgb = over(rgb, self._air, rim)
        if self._body == "eclipse":
            rgb = self._corona(rgb, x, y, far)
        cover = np.clip((1 - far) * np.float32(self._radius) + np.float32(0.5), 0, 1)
        if not cover.any():
            return rgb
        return over(rgb, self._ball(x, y, far, day), cover)

    def _limb(self, x: Field, y: Field, far: Field) -> Rgb:
        """A world from orbit: clouds and seas in the last light along its edge, night below."""
        side = np.float32(self._surface.shape[0])
        under = np.clip(1 - far, 0, 1)
        flat = np.sqrt(under + np.float32(0.002))
        ground = self._ground.at(
            noise.sample(self._surface, (x * np.float32(1.3) + np.float32(0.5)) * side, flat * side * np.float32(1.6))
        )
        last = np.exp(-under * np.float32(9)) * np.exp(-(((x + np.float32(0.06)) * np.float32(1.9)) ** 2))
        ball = self._night + (ground - self._night) * (last * np.float32(0.9) + np.float32(0.03))[..., None]
        ball = over(ball, self._air, np.exp(-under * np.float32(42)) * last * np.float32(0.8))
        return over(ball, self._white, np.exp(-under * np.float32(330)) * last)

    def _corona(self, rgb: Rgb, x: Field, y: Field, far: Field) -> Rgb:
        """The light round a black disc: a white ring, streamers, and a bright bead where it comes out first."""
        out = np.clip(far - 1, 0, None)
        turn = np.arctan2(y, x) / np.float32(2 * np.pi) + np.float32(0.5)
        stream = np.interp(turn, np.linspace(0, 1, len(self._streams)), self._streams).astype(np.float32)
        veil = np.exp(-out / (np.float32(0.10) + stream * np.float32(0.50))) * (
            np.float32(0.35) + stream * np.float32(0.5)
        )
        ring = np.exp(-out * np.float32(34)) * np.float32(0.95)
        bx, by = x - np.float32(self._bead[0]), y - np.float32(self._bead[1])
        near = np.hypot(bx, by)
        flare = np.exp(-np.abs(by) * np.float32(60) - np.abs(bx) * np.float32(2.2)) * np.float32(0.55)
        bead = np.exp(-near * np.float32(9)) + flare
        rgb = over(rgb, self._air, np.clip(veil, 0, 1))
        return over(rgb, self._white, np.clip(ring + bead, 0, 1))

    def _ball(self, x: Field, y: Field, far: Field, day: Field) -> Rgb:
        z = np.sqrt(np.clip(1 - far * far, 0, 1))
        lit = np.clip(x * self._sun[0] + y * self._sun[1] + z * self._sun[2], 0, 1)
        if self._body == "eclipse":
            return np.broadcast_to(self._night, (*far.shape, 3))
        side = self._surface.shape[0]
        if self._body == "horizon":
            return self._limb(x, y, far)
        u = (x / (1 + z * np.float32(0.6)) * np.float32(0.8) + 1) * np.float32(side / 2)
        v = (y / (1 + z * np.float32(0.6)) * np.float32(0.8) + 1) * np.float32(side / 2)
        ground = self._ground.at(noise.sample(self._surface, u, v))
        ball = self._night + (ground - self._night) * np.sqrt(lit)[..., None]
        sharp = 16 if self._body == "horizon" else 5
        return over(ball, self._air, np.exp(-(1 - far).clip(0, 1) * np.float32(sharp)) * day**2 * np.float32(0.7))


FAMILY = Family(
    name="cosmos",
    compose=compose,
    palettes=(
        ("#070b1e", "#1f2a63", "#7b2d8b", "#ef5da8", "#ffe3d0"),
        ("#04101c", "#0f4c5c", "#2fa4a9", "#f4a259", "#fff4d9"),
        ("#0a0714", "#3a1d6e", "#d1495b", "#f2a154", "#fbe9c7"),
        ("#030a14", "#11355e", "#2e7fd0", "#86d9f0", "#f1fbff"),
    ),
    finish=Finish(grain=0.008, vignette=0.22),
    options={
        "body": "none, planet, horizon or eclipse",
        "size": "planet radius, 0.05 to 0.6 of the short side",
        "place": "planet height, 0 top to 1 bottom",
        "gas": "0 to 1",
        "turbulence": "0 to 1",
        "stars": "0 to 1",
    },
)
