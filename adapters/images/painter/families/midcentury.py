"""Mid-century shapes: paper-coloured ground, leaves, suns and pebbles printed over one another with dry grain."""

from itertools import pairwise

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Rgb, lightness, parse
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, circle, strip

MOTIFS = ("leaves", "hills", "atomic")
SAID = {
    "flower": "leaves",
    "forest": "leaves",
    "mountain": "hills",
    "sea": "hills",
    "desert": "hills",
    "star": "atomic",
    "planet": "atomic",
}


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
    motif = scene.asked("motif", scene.reading.last(SAID), MOTIFS)
    prints = {"leaves": _leaves, "hills": _hills, "atomic": _atomic}[motif](scene) + _figure(scene)
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
    """A stem with leaves in pairs, one great cut leaf, or seed heads."""
    bend = float(rng.uniform(-0.16, 0.16)) * tall
    t = np.linspace(0, 1, 60, dtype=np.float32)
    stem = np.stack([x + bend * t**2, scene.height * 1.02 - tall * t], -1).astype(np.float32)
    kind = int(rng.integers(3))
    leaves = (_pairs, _blade, _seeds)[kind](rng, stem, tall)
    return [Print(scene, leaves, ink, 0.55, 0.15), Print(scene, [strip(stem, 7 * unit)], scene.palette.dark, 0.1, 0.5)]


def _pairs(rng: np.random.Generator, stem: Points, tall: float) -> list[Points]:
    """Leaves two by two, never so wide that they melt into one another."""
    count = int(rng.integers(5, 8))
    gap = 0.74 / count
    leaves = []
    for k in range(count):
        place = 0.24 + gap * k
        px, py = stem[int(place * 59)]
        size = tall * (0.30 - 0.14 * place)
        plump = min(0.24, gap * tall * 0.40 / size)
        leaves += [
            _leaf(float(px), float(py), size, -np.pi / 2 + side * (0.92 - 0.3 * place), plump) for side in (-1, 1)
        ]
    return [*leaves, _leaf(float(stem[-1][0]), float(stem[-1][1]), tall * 0.15, -np.pi / 2, 0.22)]


def _blade(rng: np.random.Generator, stem: Points, tall: float) -> list[Points]:
    """One great leaf, cut into slips on both sides of its rib."""
    count = int(rng.integers(7, 10))
    edges = np.linspace(0.26, 0.99, count + 1)
    slips = []
    for low, high in pairwise(edges):
        for side in (-1, 1):
            foot, head = stem[int(low * 59)], stem[int((low + (high - low) * 0.80) * 59)]
            t = (low + high) / 2
            half = tall * 0.24 * float(np.sin(np.pi * min((t - 0.2) / 0.8, 1.0) ** 0.8)) + tall * 0.03
            out = np.array([side * half, -half * 0.55], np.float32)
            gap = np.array([side * tall * 0.012, 0], np.float32)
            slips.append(np.array([foot + gap, foot + out, head + out * 0.94, head + gap], np.float32))
    return slips


def _seeds(rng: np.random.Generator, stem: Points, tall: float) -> list[Points]:
    """Round heads on short stalks, in turn left and right."""
    count = int(rng.integers(5, 8))
    pieces: list[Points] = []
    for k in range(count):
        px, py = map(float, stem[int((0.30 + 0.66 * k / count) * 59)])
        side, size = (1 if k % 2 else -1), tall * (0.085 - 0.006 * k)
        end = (px + side * size * 1.9, py - size * 1.5)
        pieces += [strip(np.array([(px, py), end], np.float32), tall * 0.010), circle(*end, size)]
    return [*pieces, circle(float(stem[-1][0]), float(stem[-1][1]), tall * 0.06)]


def _figure(scene: Scene) -> list[Print]:
    """The prompt's figure as the last plate."""
    tall = scene.height * 0.21
    placed = figures.on(scene, scene.height * 0.84, tall)
    tint = scene.palette.dark if scene.reading.tint is None else parse(scene.reading.tint)
    if placed is None:
        return []
    under = [*figures.earth(scene, figures.footing(scene, placed, tall)), *figures.water(scene, placed, tall)]
    held = [Print(scene, under, scene.palette.dark, 0.35, 0.0)] if under else []
    return [*held, Print(scene, figures.company(scene, *placed, tall), tint, 0.25, 0.3)]


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
    """Orbits round a nucleus over large pebbles of colour, with stars between."""
    rng, inks, unit = scene.chance("atomic"), _inks(scene), scene.unit
    short = min(scene.width, scene.height)
    cx, cy = scene.width * (0.5 if not scene.wide else 0.72), scene.height * (0.64 if not scene.wide else 0.5)
    prints = []
    for k, angle in enumerate(rng.uniform(0, 0.5) + np.array([0.3, 2.3, 4.2])):
        x, y = cx + float(np.cos(angle)) * short * 0.22, cy + float(np.sin(angle)) * short * 0.25
        size = short * float(rng.uniform(0.19, 0.25))
        prints.append(Print(scene, [_pebble(rng, x, y, size)], inks[(k + 1) % len(inks)], 0.5, float(rng.random())))
    lines, balls = _orbits(rng, cx, cy, short, unit)
    prints.append(Print(scene, lines, scene.palette.dark, 0.1, 0.5))
    prints.append(Print(scene, [circle(cx, cy, short * 0.062), *balls], scene.palette.dark, 0.2, 0.4))
    spots = ((-0.40, -0.34, 0.09), (0.40, 0.36, 0.10), (-0.36, 0.40, 0.06), (0.42, -0.20, 0.05), (0.05, 0.47, 0.05))
    stars = [p for dx, dy, r in spots for p in _burst(rng, cx + dx * short, cy + dy * short, r * short, unit)]
    return [*prints, Print(scene, stars, scene.palette.dark, 0.05, 0.5)]


def _orbits(
    rng: np.random.Generator, cx: float, cy: float, short: float, unit: float
) -> tuple[list[Points], list[Points]]:
    """Three ellipses, each turned by a third, and an electron on each."""
    t = np.linspace(0, 2 * np.pi, 160, dtype=np.float32)
    first = float(rng.uniform(-0.2, 0.2))
    lines, balls = [], []
    for k in range(3):
        turn = first + k * np.pi / 3
        flat = np.stack([np.cos(t) * short * 0.40, np.sin(t) * short * 0.145], -1)
        spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        path = (flat @ spin + (cx, cy)).astype(np.float32)
        lines.append(strip(path, 6.5 * unit))
        at = path[int(rng.integers(160))]
        balls.append(circle(float(at[0]), float(at[1]), short * 0.024))
    return lines, balls


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
