"""Mid-century shapes: paper-coloured ground, leaves, suns and pebbles printed over one another with dry grain."""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Rgb, lightness
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, circle, strip

MOTIFS = ("leaves", "hills", "atomic")


class Print:
    """One ink: a stencil, a colour, and how dry it prints (0 solid to 1 all grain), darker towards one side."""

    def __init__(self, scene: Scene, polygons: list[Points], colour: Rgb, dry: float, slant: float) -> None:
        self._stencil = Stencil(polygons, scene.width)
        self._scene, self._colour, self._dry, self._slant = scene, colour, dry, slant
        points = np.concatenate(polygons)
        self._low, self._high = points.min(axis=0), points.max(axis=0)

    def lay(self, rgb: Rgb, speckle: Field, top: int, bottom: int) -> Rgb:
        """Multiply the ink on what is there, as a press would, thinning it where the grain is dry."""
        cover = self._stencil.rows(top, bottom)
        if cover is None:
            return rgb
        x = (self._scene.columns() - self._low[0]) / max(float(self._high[0] - self._low[0]), 1.0)
        y = (self._scene.lines(top, bottom) - self._low[1]) / max(float(self._high[1] - self._low[1]), 1.0)
        fall = np.clip(x * np.float32(self._slant) + y * np.float32(1 - self._slant), 0, 1)
        ink = np.clip((speckle - fall * np.float32(self._dry)) * np.float32(9) + np.float32(1.2), 0.0, 1.0)
        strength = cover * (np.float32(0.28) + np.float32(0.72) * ink)
        solid = rgb * np.float32(0.10) + self._colour * np.float32(0.90)
        inked = np.minimum(solid, rgb * np.float32(0.35) + self._colour * np.float32(0.65))
        return np.asarray(rgb + (inked - rgb) * strength[..., None], np.float32)


def compose(scene: Scene) -> Band:
    """Ground and prints, in the order of the press."""
    motif = scene.word("motif", MOTIFS, _default(scene))
    prints = {"leaves": _leaves, "hills": _hills, "atomic": _atomic}[motif](scene)
    rng = scene.chance("paper")
    across, down = scene.small(2)
    paper = noise.Sheet(noise.fbm(rng, across, down, (40.0, 60.0), 4, 0.7), scene.width, scene.height)
    grain = scene.chance("speckle")
    light = scene.palette.light

    def band(top: int, bottom: int) -> Rgb:
        fibre = paper.rows(top, bottom)
        speckle = fibre * np.float32(0.6) + grain.random(fibre.shape, np.float32) * np.float32(0.5)
        rgb = light * (np.float32(1.0) + (fibre - np.float32(0.5)) * np.float32(0.05))[..., None]
        for ink in prints:
            rgb = ink.lay(rgb, speckle, top, bottom)
        return rgb

    return band


def _default(scene: Scene) -> str:
    motifs = scene.reading.motifs
    if motifs & {"flower", "forest"}:
        return "leaves"
    if motifs & {"mountain", "sun", "sea", "desert"}:
        return "hills"
    return str(scene.chance("motif").choice(MOTIFS))


def _inks(scene: Scene) -> list[Rgb]:
    palette = scene.palette
    return [colour for colour in palette.given if lightness(palette.light) - lightness(colour) > 0.08] or [palette.dark]


def _leaf(x: float, y: float, length: float, angle: float, plump: float) -> Points:
    t = np.linspace(0, 1, 40, dtype=np.float32)
    half = np.sin(np.pi * t**0.8) * np.float32(length * plump)
    along = t * np.float32(length)
    sides = np.concatenate([np.stack([along, half], -1), np.stack([along, -half], -1)[::-1]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    return np.asarray(sides @ turn + np.array([x, y], np.float32), np.float32)


def _leaves(scene: Scene) -> list[Print]:
    """Two or three sprigs rising from the foot of the page past a sun."""
    rng, inks, unit = scene.chance("leaves"), _inks(scene), scene.unit
    short = min(scene.width, scene.height)
    sun = circle(scene.width * float(rng.uniform(0.3, 0.7)), scene.height * 0.56, short * 0.27)
    prints = [Print(scene, [sun], scene.palette.accent, 0.5, 0.2)]
    count = 5 if scene.wide else 3
    spots = (np.arange(count) + 0.5 + rng.uniform(-0.16, 0.16, count)) / count
    for index in rng.permutation(count):
        ink = inks[int(index + 1) % len(inks)]
        tall = scene.height * float(rng.uniform(0.36, 0.56))
        prints += _sprig(scene, rng, float(spots[index]) * scene.width, tall, ink, unit)
    return prints


def _sprig(scene: Scene, rng: np.random.Generator, x: float, tall: float, ink: Rgb, unit: float) -> list[Print]:
    bend = float(rng.uniform(-0.22, 0.22)) * tall
    t = np.linspace(0, 1, 60, dtype=np.float32)
    stem = np.stack([x + bend * t**2, scene.height * 1.02 - tall * t], -1).astype(np.float32)
    pairs = int(rng.integers(5, 9))
    plump = float(rng.uniform(0.16, 0.34))
    leaves = []
    for k in range(pairs):
        place = 0.22 + 0.76 * k / pairs
        px, py = stem[int(place * 59)]
        size = tall * (0.34 - 0.20 * place)
        leaves += [
            _leaf(float(px), float(py), size, -np.pi / 2 + side * (0.95 - 0.3 * place), plump) for side in (-1, 1)
        ]
    leaves.append(_leaf(float(stem[-1][0]), float(stem[-1][1]), tall * 0.16, -np.pi / 2, plump))
    return [Print(scene, leaves, ink, 0.55, 0.15), Print(scene, [strip(stem, 7 * unit)], scene.palette.dark, 0.1, 0.5)]


def _hills(scene: Scene) -> list[Print]:
    """A big sun and rolling hills cut with scissors."""
    rng, inks = scene.chance("hills"), _inks(scene)
    short = min(scene.width, scene.height)
    sun = circle(
        scene.width * float(rng.uniform(0.32, 0.68)), scene.height * 0.53, short * float(rng.uniform(0.2, 0.27))
    )
    prints = [Print(scene, [sun], scene.palette.accent, 0.45, 0.1)]
    order = sorted(inks, key=lightness, reverse=True)
    for index in range(5):
        base = scene.height * (0.60 + 0.085 * index)
        x = np.linspace(-0.02, 1.02, 120, dtype=np.float32)
        phase, speed = float(rng.uniform(0, 6.3)), float(rng.uniform(0.7, 1.5)) * max(scene.width / scene.height, 0.7)
        y = base + np.sin(x * np.pi * 2 * speed + phase) * scene.height * 0.05 * float(rng.uniform(0.6, 1.2))
        edge = np.stack([x * scene.width, y], -1)
        foot = np.array(
            [(scene.width * 1.02, scene.height * 1.05), (-scene.width * 0.02, scene.height * 1.05)], np.float32
        )
        prints.append(
            Print(scene, [np.concatenate([edge, foot]).astype(np.float32)], order[index * len(order) // 5], 0.5, 0.35)
        )
    return prints


def _atomic(scene: Scene) -> list[Print]:
    """Pebbles, starbursts and mobile arms hung over the lower part."""
    rng, inks, unit = scene.chance("atomic"), _inks(scene), scene.unit
    short = min(scene.width, scene.height)
    prints = []
    spots = _scatter(rng, scene, 9 if scene.wide else 7, short * 0.36)
    for index, (x, y) in enumerate(spots):
        size = short * float(rng.uniform(0.13, 0.23))
        prints.append(Print(scene, [_pebble(rng, x, y, size)], inks[index % len(inks)], 0.5, float(rng.random())))
    for x, y in spots[:4]:
        prints.append(
            Print(
                scene,
                _burst(rng, x + short * 0.05, y - short * 0.04, short * 0.11, unit),
                scene.palette.dark,
                0.05,
                0.5,
            )
        )
    rods = [box(x - 1.8 * unit, -9 * unit, x + 1.8 * unit, y - short * 0.1) for x, y in spots[4:]]
    return [Print(scene, rods, scene.palette.dark, 0.0, 0.5), *prints] if rods else prints


def _scatter(rng: np.random.Generator, scene: Scene, count: int, apart: float) -> list[tuple[float, float]]:
    spots: list[tuple[float, float]] = []
    low = 0.5 if not scene.wide else 0.3
    for _ in range(count):
        throws = [
            (float(rng.uniform(0.12, 0.88)) * scene.width, float(rng.uniform(low, 0.88)) * scene.height)
            for _ in range(24)
        ]
        spots.append(
            max(throws, key=lambda p: min((float(np.hypot(p[0] - q[0], p[1] - q[1])) for q in spots), default=apart))
        )
    return spots


def _pebble(rng: np.random.Generator, x: float, y: float, size: float) -> Points:
    t = np.linspace(0, 2 * np.pi, 90, dtype=np.float32)
    radius = 1 + 0.16 * np.sin(2 * t + rng.uniform(0, 6.3)) + 0.10 * np.sin(3 * t + rng.uniform(0, 6.3))
    stretch = float(rng.uniform(0.75, 1.3))
    return np.stack([x + np.cos(t) * radius * size * stretch, y + np.sin(t) * radius * size / stretch], -1).astype(
        np.float32
    )


def _burst(rng: np.random.Generator, x: float, y: float, size: float, unit: float) -> list[Points]:
    arms = int(rng.choice([8, 10, 12]))
    pieces: list[Points] = []
    for k in range(arms):
        angle, long = 2 * np.pi * k / arms, size * (1.0 if k % 2 == 0 else 0.62)
        end = np.array([(x, y), (x + np.cos(angle) * long, y + np.sin(angle) * long)], np.float32)
        pieces += [
            strip(end, np.array([5.0, 2.0], np.float32) * np.float32(unit)),
            circle(float(end[1][0]), float(end[1][1]), 9 * unit),
        ]
    return pieces


FAMILY = Family(
    name="midcentury",
    compose=compose,
    palettes=(
        ("#23395b", "#d95d39", "#f0a202", "#7ba098", "#f6ecd6"),
        ("#2d2a32", "#c1554a", "#e8b04a", "#5b8e7d", "#f7eedd"),
        ("#1f3a3d", "#e07a5f", "#81b29a", "#f2cc8f", "#f8f1e1"),
        ("#3a2e39", "#1e555c", "#f15152", "#edb183", "#f4ead5"),
    ),
    finish=Finish(grain=0.010),
    options={"motif": "leaves, hills or atomic"},
)
