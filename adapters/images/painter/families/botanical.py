"""Botanical plate: plants in fine line and flat tints, arranged around a place for the words.

A plant grows as a branch: its stem is a curve, leaves stand on it in turn and get smaller, a flower or a head of seeds
ends it. The line is drawn with a pen that presses harder in the middle of each stroke.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter import noise
from adapters.images.painter.colour import Rgb, mix, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Collage, Points, circle, strip

FORMS = ("wreath", "meadow", "corners")
LEAVES = ("almond", "round", "fern", "willow")


class Plate:
    """What is drawn, in order: tinted shapes and strokes of the pen, later ones over earlier ones."""

    def __init__(self, scene: Scene, tints: list[Rgb], ink: Rgb) -> None:
        self.scene = scene
        self.rng = scene.chance("plants")
        self.pieces: list[tuple[Points, Rgb]] = []
        self.blooms: list[tuple[Points, float]] = []
        """Places and radii of flowers, which open above all leaves."""
        self._tints, self._ink = tints, ink

    def far(self, paper: Rgb) -> None:
        """From here on all is as pale as things are behind other things; flowers open at once."""
        self._pale, self._plain = [mix(tint, paper, 0.72) for tint in self._tints], (self._tints, self._ink)
        self._tints, self._ink = self._pale, mix(self._ink, paper, 0.66)

    def near(self) -> None:
        """From here on all is in full colour again; pale flowers stay behind."""
        for at, radius in self.blooms:
            _flower(self, at, radius * 0.8)
        self.blooms = []
        self._tints, self._ink = self._plain

    def fill(self, shape: Points, tint: int, width: float = 2.6) -> None:
        """A closed shape in one of the tints (leaf, second leaf, flower), with its outline."""
        closed = np.concatenate([shape, shape[:1]]).astype(np.float32)
        self.pieces.append((shape, self._tints[tint]))
        self.pieces.append((strip(closed, width * self.scene.unit), self._ink))

    def pen(self, line: Points, width: float = 3.4) -> None:
        """A stroke that swells and thins out."""
        press = np.sin(np.linspace(0.25, np.pi - 0.12, len(line))) ** 0.6
        stroke = strip(line.astype(np.float32), (press * width * self.scene.unit + 0.4).astype(np.float32))
        self.pieces.append((stroke, self._ink))

    def dot(self, at: NDArray[np.float64], radius: float) -> None:
        """A full stop of the pen."""
        self.pieces.append((circle(float(at[0]), float(at[1]), radius), self._ink))


def compose(scene: Scene) -> Band:
    """The plants on tinted paper."""
    palette = scene.palette
    dark = scene.dark(False)
    paper = mix(palette.dark, palette.middle[0], 0.12) if dark else shade(palette.light, 0.95, 0.9)
    ink = shade(palette.light, 0.9, 0.8) if dark else shade(palette.dark, 0.27, 0.9)
    plate = Plate(scene, _tints(scene, dark), ink)
    form = scene.word("form", FORMS, str(scene.chance("form").choice(FORMS)))
    plate.far(paper)
    {"wreath": _wreath_behind, "meadow": _meadow, "corners": _corners}[form](plate)
    plate.near()
    {"wreath": _wreath, "meadow": _meadow, "corners": _corners}[form](plate)
    for at, radius in plate.blooms:
        _flower(plate, at, radius)
    collage = Collage(plate.pieces, scene.width)
    wash = noise.Sheet(
        noise.fbm(scene.chance("paper"), *scene.small(3), (120.0, 190.0), 3, 0.7), scene.width, scene.height
    )

    def band(top: int, bottom: int) -> Rgb:
        mottle = wash.rows(top, bottom) - np.float32(0.5)
        return collage.rows(top, bottom, paper) * (1 + mottle * np.float32(0.06))[..., None]

    return band


def _tints(scene: Scene, dark: bool) -> list[Rgb]:
    """Leaf, second leaf, flower."""
    palette = scene.palette
    greens = sorted(palette.middle, key=lambda colour: float(colour[0] - colour[1]))
    leaf = greens[0]
    other = mix(leaf, palette.dark if dark else palette.light, 0.42)
    return [leaf, other, palette.accents[0] if not np.allclose(palette.accents[0], leaf) else palette.accents[-1]]


def _meadow(plate: Plate) -> None:
    """Plants of many heights from the foot of the page."""
    scene, rng = plate.scene, plate.rng
    count = int(scene.number("density", 0.5) * 8) + 6
    order = rng.permutation(count)
    for k in order:
        x = scene.width * (k + float(rng.uniform(0.2, 0.8))) / count
        side = abs(x / scene.width - 0.5) * 2
        tall = scene.height * (0.26 + 0.30 * side * float(rng.uniform(0.6, 1.1)) + 0.08 * float(rng.random()))
        _plant(plate, (x, scene.height * 1.02), -np.pi / 2 + float(rng.uniform(-0.14, 0.14)), tall)


def _corners(plate: Plate) -> None:
    """Two sprays across from one another."""
    scene, rng = plate.scene, plate.rng
    short = min(scene.width, scene.height)
    for x, y, away in ((1.03, -0.02, np.pi * 0.75), (-0.03, 1.02, -np.pi * 0.25)):
        for k in range(6):
            angle = away + (k - 2.5) * 0.27 + float(rng.uniform(-0.05, 0.05))
            reach = short * (0.74 - 0.10 * abs(k - 2.5)) * float(rng.uniform(0.85, 1.08))
            _plant(plate, (scene.width * x, scene.height * y), angle, reach)


def _wreath_behind(plate: Plate) -> None:
    """The same branches once more, wider and paler, so that the wreath has depth."""
    _wreath(plate, 1.09)


def _wreath(plate: Plate, size: float = 1.0) -> None:
    """Branches that follow one another around an oval that stays free."""
    scene, rng = plate.scene, plate.rng
    cx, cy = scene.width / 2, scene.height * 0.5
    rx, ry = scene.width * 0.445 * size, scene.height * (0.435 if not scene.wide else 0.40) * size
    count = 13
    for k in range(count):
        turn = 2 * np.pi * (k + float(rng.uniform(-0.12, 0.12))) / count
        t = turn + np.linspace(0, 2 * np.pi / count * 1.5, 36)
        sway = 1 + np.sin(np.linspace(0, np.pi, 36)) * float(rng.uniform(-0.03, 0.05))
        line = np.stack([cx + rx * sway * np.cos(t), cy + ry * sway * np.sin(t)], -1).astype(np.float32)
        _grow(plate, line, LEAVES[k % len(LEAVES)] if k % 3 else "almond", k % 3 == 1)


def _plant(plate: Plate, foot: tuple[float, float], angle: float, tall: float) -> None:
    rng = plate.rng
    t = np.linspace(0, 1, 40)
    bend = float(rng.uniform(-0.22, 0.22))
    heading = angle + bend * t * 2
    steps = np.stack([np.cos(heading), np.sin(heading)], -1) * tall / 40
    line = (np.array(foot) + np.cumsum(steps, axis=0)).astype(np.float32)
    _grow(plate, line, str(rng.choice(LEAVES)), bool(rng.random() < 0.6))


def _grow(plate: Plate, line: Points, leaf: str, flowering: bool) -> None:
    """A stem with its leaves in turn, and what ends it."""
    rng, unit = plate.rng, plate.scene.unit
    plate.pen(line, 5.0)
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    count = {"almond": 9, "round": 8, "fern": 20, "willow": 12}[leaf]
    for k in range(count):
        place = 0.14 + 0.80 * k / count
        at = line[int(place * (len(line) - 1))]
        ahead = line[min(int(place * (len(line) - 1)) + 2, len(line) - 1)] - at
        heading = float(np.arctan2(ahead[1], ahead[0]))
        size = np.clip(length * 0.24, 150 * unit, 260 * unit) * (1.12 - 0.62 * place) * float(rng.uniform(0.85, 1.12))
        sides = (1, -1) if leaf == "fern" else ((1,) if k % 2 else (-1,))
        for side in sides:
            spread = {"almond": 0.85, "round": 1.0, "fern": 1.15, "willow": 0.55}[leaf]
            _leaf(plate, at, heading + side * spread, float(size), leaf)
    if flowering:
        plate.blooms.append((line[-1], float(rng.uniform(66, 112)) * unit))
    else:
        tip = line[-1] - line[-3]
        _leaf(
            plate,
            line[-1],
            float(np.arctan2(tip[1], tip[0])),
            float(np.clip(length * 0.12, 80 * unit, 150 * unit)),
            leaf,
        )


def _leaf(plate: Plate, at: Points, angle: float, size: float, kind: str) -> None:
    """A blade with its midrib; wide ones have veins."""
    wide, belly, size = {
        "almond": (0.36, 0.9, size),
        "round": (0.66, 1.0, size * 0.66),
        "fern": (0.24, 0.7, size * 0.55),
        "willow": (0.17, 0.8, size * 1.05),
    }[kind]
    t = np.linspace(0, 1, 22)
    half = np.sin(np.pi * t**belly) * size * wide / 2
    curl = np.sin(t * np.pi / 2) * size * 0.10
    rib = np.stack([t * size, curl], -1)
    blade = np.concatenate([rib + np.stack([0 * t, half], -1), (rib - np.stack([0 * t, half], -1))[::-1]])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    placed = (blade @ turn + at).astype(np.float32)
    plate.fill(placed, 0 if kind in ("almond", "fern") else 1)
    plate.pen((rib @ turn + at).astype(np.float32), 2.4)
    if kind in ("almond", "round"):
        for line in _veins(rib, half, size):
            plate.pen((line @ turn + at).astype(np.float32), 1.7)


def _veins(rib: NDArray[np.float64], half: NDArray[np.float64], size: float) -> Iterator[Points]:
    for k in range(4, 18, 3):
        for side in (1, -1):
            end = rib[min(k + 3, 21)] + np.array([size * 0.03, side * half[min(k + 3, 21)] * 0.82])
            yield np.linspace(rib[k], end, 6, dtype=np.float32)


def _flower(plate: Plate, at: Points, radius: float) -> None:
    """Open from the front: petals around a heart of stamens."""
    rng = plate.rng
    count, turn = int(rng.integers(5, 9)), float(rng.uniform(0, 6.3))
    for k in range(count):
        angle = turn + 2 * np.pi * k / count
        t = np.linspace(-1, 1, 20)
        along = radius * (0.32 + 0.95 * (1 - np.abs(t) ** 2.4))
        across = t * radius * 1.9 / count * 1.35
        cos, sin = np.cos(angle), np.sin(angle)
        petal = np.stack([at[0] + along * cos - across * sin, at[1] + along * sin + across * cos], -1).astype(
            np.float32
        )
        plate.fill(petal, 2, 2.4)
        plate.pen(np.linspace(petal[10] * 0.45 + at * 0.55, petal[10] * 0.85 + at * 0.15, 6).astype(np.float32), 1.6)
    plate.fill(circle(float(at[0]), float(at[1]), radius * 0.26), 1, 2.4)
    for angle in np.linspace(0, 6.28, 11)[:-1]:
        dot = at + np.array([np.cos(angle), np.sin(angle)]) * radius * 0.16
        plate.dot(dot, radius * 0.035)


FAMILY = Family(
    name="botanical",
    compose=compose,
    palettes=(
        ("#22332c", "#5f8f6b", "#a9bf8f", "#d9765a", "#f5efdf"),
        ("#1f2f3a", "#4f7f78", "#9fb99a", "#c9567a", "#f6efe3"),
        ("#2a2a22", "#7a8f4f", "#c3c48a", "#d99a2b", "#f5eeda"),
        ("#16261f", "#3f7a5a", "#8fae86", "#e0b04a", "#f3ecd8"),
    ),
    finish=Finish(grain=0.006),
    options={
        "form": "wreath, meadow or corners",
        "density": "of the meadow, 0 to 1",
        "dark": "true for a dark page",
    },
)
