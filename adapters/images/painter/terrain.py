"""Ground of landscapes: ridges with lit and shaded faces, dunes, firs, corals, and what falls on them from the sky."""

import numpy as np
from PIL import Image, ImageDraw

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Rgb, mix
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Points, Stencil, circle, over, strip

FACES = 5
"""The faces of rock are computed at one fifth of the size: they are soft."""


class Ridge:
    """One line of hills: all below its crest, lit from one side, misty towards its foot, with what grows on it.

    `until` is the lowest row that is not hidden by a nearer ridge: nothing is painted below it.
    """

    def __init__(self, scene: Scene, line: Field, colours: tuple[Rgb, Rgb], depth: float) -> None:
        self.line, self._scene, self._depth = line, scene, depth
        self.colour, self._mist = colours
        slope = np.gradient(line)
        self._soft = 1 / np.sqrt(1 + slope * slope)
        self._reach, self.until = float(line.min()), float(scene.height)
        self._growth: Stencil | None = None
        self._tall = 0.0
        self._ink = self.colour
        self._faces: noise.Sheet | None = None
        self._lit = self._shade = self.colour
        self._white: Rgb | None = None
        self._spine: tuple[np.float32, np.float32, np.float32] | None = None

    def grow(self, plants: list[Points], ink: Rgb) -> None:
        """Plants along the crest, in one colour."""
        if plants:
            self._growth, self._ink = Stencil(plants, self._scene.width), ink
            self._tall = max(float(self._reach - min(float(p[:, 1].min()) for p in plants)), 0.0)

    def light(self, rng: np.random.Generator, lit: Rgb, shade: Rgb, steep: float, rough: float) -> None:
        """Faces of rock or sand: `steep` is how hard light and shade meet, `rough` how broken the rock is (0..1).

        They are clear under the crest and lose themselves below it.
        """
        across, down = self._scene.small(FACES)
        x = (np.arange(across, dtype=np.float32) + np.float32(0.5))[None, :] * np.float32(self._scene.width / across)
        y = (np.arange(down, dtype=np.float32) + np.float32(0.5))[:, None] * np.float32(self._scene.height / down)
        columns = np.clip(x[0].astype(np.int32), 0, self._scene.width - 1)
        below = y - self.line[columns][None, :]
        profile = self.line[columns] / np.float32(self._scene.height * 0.045)
        face = noise.faces(rng, profile, x, below, self._scene.unit)
        face = face * np.exp(-np.clip(below, 0, None) / np.float32(self._depth * 0.5))
        if rough:
            broken = noise.fbm(rng, across, down, (20.0, 40.0), 5, 0.66) - np.float32(0.5)
            face = face + broken * np.float32(0.030 * rough)
        self._faces = noise.Sheet(face * np.float32(steep), self._scene.width, self._scene.height)
        self._lit, self._shade = lit, shade

    def part(self, rng: np.random.Generator, top: float, lit: Rgb, shade: Rgb) -> None:
        """Light and shade of sand, parted by a spine that winds down from the top (in pixels across)."""
        lean = float(rng.uniform(0.5, 1.1)) * float(rng.choice([-1, 1]))
        self._spine = np.float32(top), np.float32(lean), np.float32(rng.uniform(0, 6.3))
        self._lit, self._shade = lit, shade

    def snow(self, white: Rgb) -> None:
        """Snow on the faces that look to the light, most on the height."""
        self._white = white

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """This ridge laid over what is behind it."""
        if top > self.until or bottom < self._reach - self._tall:
            return rgb
        if self._growth is not None:
            rgb = over(rgb, self._ink, self._growth.rows(top, bottom))
        if bottom < self._reach:
            return rgb
        below = self._scene.lines(top, bottom) - self.line[None, :]
        cover = np.clip(below * self._soft[None, :] + np.float32(0.5), 0, 1)
        fog = np.clip(below / np.float32(self._depth), 0, 1)
        body = self._body(below, top, bottom)
        body = body + (self._mist - body) * (fog * fog * np.float32(0.75))[..., None]
        return over(rgb, np.asarray(body, np.float32), cover)

    def _sand(self, below: Field, spine: tuple[np.float32, np.float32, np.float32]) -> Rgb:
        """Lit and shaded sand with the ripples of the wind."""
        middle, lean, phase = spine
        unit, under = np.float32(self._scene.unit), np.clip(below, 0, None)
        bend = np.sin(under / np.float32(190 * unit) + phase) * np.minimum(under * np.float32(0.35), 90 * unit)
        away = self._scene.columns() - (middle + under * lean + bend)
        dim = noise.smoothstep(-5, 5, away / unit) * np.exp(
            -np.clip(away, 0, None) / np.float32(self._scene.width * 0.55)
        )
        ripple = np.sin((under * np.float32(1.0) + bend + away * np.float32(0.12)) / np.float32(7 * unit))
        body = self._lit + (self._shade - self._lit) * dim[..., None]
        return np.asarray(body * (1 + ripple * (1 - dim) * np.float32(0.014))[..., None], np.float32)

    def _body(self, below: Field, top: int, bottom: int) -> Rgb:
        if self._spine is not None:
            return self._sand(below, self._spine)
        if self._faces is None:
            return self.colour
        face = np.clip(self._faces.rows(top, bottom), -1, 1)
        body = self._shade + (self._lit - self._shade) * (face * np.float32(0.5) + np.float32(0.5))[..., None]
        if self._white is None:
            return np.asarray(body, np.float32)
        high = np.exp(-np.clip(below, 0, None) / np.float32(self._depth * 0.55))
        return over(body, self._white, noise.smoothstep(-0.05, 0.12, face - np.float32(0.75) * (1 - high)))


def hide(ridges: list[Ridge]) -> list[Ridge]:
    """Tells each ridge, from far to near, where nearer ones hide it."""
    lowest = float("inf")
    for ridge in reversed(ridges):
        ridge.until = min(ridge.until, lowest)
        lowest = min(lowest, float(ridge.line.max()) + 2)
    return ridges


def crest(rng: np.random.Generator, scene: Scene, base: float, tall: float, features: float, rugged: float) -> Field:
    """The line of a range: rolling for 0, sharp for 1."""
    features *= max(scene.width / scene.height, 0.7)
    shape = noise.ridge_line(rng, scene.width, features, 8, 0.40 + 0.10 * rugged)
    sharp = 1 - np.abs(2 * noise.ridge_line(rng, scene.width, features * 0.8, 8, 0.42) - 1)
    profile = shape * (1 - rugged) + sharp * rugged
    profile = (profile - profile.min()) / max(float(np.ptp(profile)), 1e-6)
    return np.asarray(base - (profile - 0.25) * tall, np.float32)


def dune(rng: np.random.Generator, scene: Scene, base: float, tall: float, top: float) -> Field:
    """The line of a dune whose top is at `top` (a share of the width): a long windward slope and a steeper lee."""
    x = np.linspace(0, 1, scene.width, dtype=np.float32) - np.float32(top)
    lean = np.where(x < 0, np.float32(0.42), np.float32(0.30)) * np.float32(rng.uniform(0.8, 1.2))
    profile = 1 / (1 + (np.abs(x) / lean) ** 1.6)
    roll = noise.ridge_line(rng, scene.width, 2.2 * max(scene.width / scene.height, 0.7), 2, 0.3)
    return np.asarray(base - (profile * 0.8 + roll * 0.3 - 0.35) * tall, np.float32)


def firs(
    rng: np.random.Generator, scene: Scene, line: Field, near: float, clearing: tuple[float, float] | None
) -> list[Points]:
    """Firs along a line, higher when near; none in the clearing (its middle and half its width)."""
    size = scene.unit * (34 + 130 * max(near - 0.5, 0) * 2)
    trees, x = [], -size
    while x < scene.width + size:
        column = int(min(max(x, 0), scene.width - 1))
        tall = size * float(rng.uniform(0.55, 1.45))
        if clearing is None or abs(x - clearing[0]) > clearing[1]:
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


def corals(rng: np.random.Generator, scene: Scene, line: Field, near: float) -> list[Points]:
    """Branching corals and weed along the sea bed."""
    size = scene.unit * (60 + 190 * near)
    pieces: list[Points] = []
    x = 0.0
    while x < scene.width:
        column = int(min(x, scene.width - 1))
        foot = float(line[column]) + size * 0.12
        if rng.random() < 0.55:
            pieces += _branch(rng, x, foot, -np.pi / 2, size * float(rng.uniform(0.35, 0.75)), 4)
        else:
            pieces += [
                _weed(rng, x + float(k) * size * 0.10, foot, size * float(rng.uniform(0.6, 1.5))) for k in range(4)
            ]
        x += size * float(rng.uniform(0.4, 1.1))
    return pieces


def _branch(rng: np.random.Generator, x: float, y: float, angle: float, long: float, depth: int) -> list[Points]:
    end = x + float(np.cos(angle)) * long, y + float(np.sin(angle)) * long
    line = np.array([(x, y), end], np.float32)
    own = [strip(line, np.array([long * 0.26, long * 0.20], np.float32)), circle(end[0], end[1], long * 0.11)]
    if depth == 0:
        return own
    for turn in (-0.5, 0.5, 0.05)[: 2 + int(rng.random() < 0.4)]:
        swing = angle + turn + float(rng.uniform(-0.18, 0.18))
        own += _branch(rng, end[0], end[1], swing, long * float(rng.uniform(0.6, 0.78)), depth - 1)
    return own


def _weed(rng: np.random.Generator, x: float, foot: float, tall: float) -> Points:
    t = np.linspace(0, 1, 24, dtype=np.float32)
    sway = np.sin(t * np.float32(rng.uniform(4, 8)) + np.float32(rng.uniform(0, 6))) * t * np.float32(tall * 0.07)
    line = np.stack([x + sway, foot - tall * t], -1).astype(np.float32)
    return strip(line, (np.sin(np.pi * (0.2 + 0.8 * t)) * tall * 0.045 + 1).astype(np.float32))


class Shower:
    """Slanting drops, drawn once for the whole page because they cross many bands."""

    def __init__(self, scene: Scene) -> None:
        rng, unit = scene.chance("rain"), scene.unit
        sheet = Image.new("L", (scene.width * 2, scene.height * 2))
        draw = ImageDraw.Draw(sheet)
        count = int(900 * scene.height * scene.width / unit**2 / 4.1e6)
        xs, ys = rng.uniform(-0.1, 1.1, count) * scene.width, rng.random(count) * scene.height
        longs, strong = rng.uniform(30, 110, count) * unit, rng.integers(110, 255, count)
        for x, y, long, ink in zip(xs.tolist(), ys.tolist(), longs.tolist(), strong.tolist(), strict=True):
            draw.line((x * 2, y * 2, (x - long * 0.2) * 2, (y + long) * 2), fill=ink, width=max(round(3 * unit), 1))
        self._cover = np.asarray(sheet.reduce(2))

    def rows(self, top: int, bottom: int) -> Field:
        """How much of each pixel is rain."""
        return np.asarray(self._cover[top:bottom], np.float32) * np.float32(1 / 255)


def flakes(scene: Scene) -> Stencil:
    """Falling snow: many small flakes and a few near ones."""
    rng, unit = scene.chance("snowfall"), scene.unit
    count = int(520 * scene.height * scene.width / unit**2 / 4.1e6)
    sizes = np.clip(rng.pareto(2.2, count) * 2.0 + 1.6, 1.6, 11) * unit
    xs, ys = rng.random(count) * scene.width, rng.random(count) * scene.height
    return Stencil(
        [circle(float(x), float(y), float(r))[::2] for x, y, r in zip(xs, ys, sizes, strict=True)], scene.width
    )


def sand(colours: tuple[Rgb, Rgb, Rgb], near: float) -> tuple[Rgb, Rgb]:
    """Light and shade of a dune: of dark, glow and light colours; far ones melt into the glow."""
    dark, glow, light = colours
    lit = mix(glow, light, 0.42 - 0.22 * near)
    return lit, mix(mix(glow, dark, 0.42 + 0.34 * near), lit, 0.25 * (1 - near))
