"""Botanical plate: plants in fine line and flat tints, arranged around a place for the words.

A plant grows as a branch: its stem is a curve, leaves stand on it in turn and get smaller, a flower or a head of seeds
ends it. The line is drawn with a pen that presses harder in the middle of each stroke.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter import noise, plants
from adapters.images.painter.colour import Rgb, chroma, from_oklab, lightness, mix, oklab, parse, shade
from adapters.images.painter.plate import HEART, LEAF, SECOND, YOUNG, Plate
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Collage, Points

FORMS = ("wreath", "meadow", "corners")
POSIES = (
    (np.pi / 2, (132, 96, 92, 70)),
    (-np.pi / 2, (112, 84, 80)),
    (2.45, (96, 72)),
    (0.65, (88, 76)),
    (-2.4, (104, 82, 66)),
    (-0.72, (118, 86, 74)),
    (3.35, (70,)),
    (-0.1, (76, 58)),
)
"""Where flowers sit on the wreath, as an angle, and how large they are: a rose, then daisies and poppies beside it."""
LEAVES = ("almond", "round", "fern", "willow")


def compose(scene: Scene) -> Band:
    """The plants on tinted paper."""
    palette = scene.palette
    dark = scene.dark(False)
    paper = mix(palette.dark, palette.middle[0], 0.12) if dark else shade(palette.light, 0.95, 0.9)
    ink = shade(palette.light, 0.9, 0.8) if dark else shade(palette.dark, 0.27, 0.9)
    plate = Plate(scene, _tints(scene, dark), ink)
    form = scene.word("form", FORMS, str(scene.chance("form").choice(FORMS)))
    {"wreath": _wreath, "meadow": _meadow, "corners": _corners}[form](plate, paper)
    collage = Collage(plate.pieces, scene.width)
    wash = noise.Sheet(
        noise.fbm(scene.chance("paper"), *scene.small(3), (120.0, 190.0), 3, 0.7), scene.width, scene.height
    )

    def band(top: int, bottom: int) -> Rgb:
        mottle = wash.rows(top, bottom) - np.float32(0.5)
        return collage.rows(top, bottom, paper) * (1 + mottle * np.float32(0.06))[..., None]

    return band


def _tints(scene: Scene, dark: bool) -> list[Rgb]:
    """The tints of the plate, from the palette; what it lacks is made of what it has."""
    palette = scene.palette
    greens = sorted(palette.middle, key=lambda colour: float(colour[0] - colour[1]))
    leaf = greens[0]
    other = mix(leaf, palette.dark if dark else palette.light, 0.42)
    bloom = palette.accents[0] if not np.allclose(palette.accents[0], leaf) else palette.accents[-1]
    pale = shade(palette.light, 0.90 if dark else 0.985, 0.5)
    lab = oklab(bloom)
    turn = -1.05
    cooler = np.array([lab[1] * np.cos(turn) - lab[2] * np.sin(turn), lab[1] * np.sin(turn) + lab[2] * np.cos(turn)])
    second = from_oklab(np.array([min(lab[0] + 0.04, 0.72), *(cooler * 0.85)]))
    rest = [c for c in palette.middle if chroma(c) > 0.07 and not np.allclose(c, bloom) and not np.allclose(c, leaf)]
    gold = max(rest, key=lambda colour: float(oklab(colour)[2]), default=bloom)
    if oklab(gold)[2] < 0.08 or lightness(gold) < 0.6:
        gold = mix(parse("#e3ad3f"), leaf, 0.06)
    if np.linalg.norm(oklab(gold) - oklab(bloom)) < 0.12:
        gold = mix(shade(palette.accents[-1], 0.5), palette.dark, 0.4)
    return [leaf, other, bloom, pale, second, gold]


def _meadow(plate: Plate, paper: Rgb) -> None:
    """Plants of five kinds and many heights from the foot of the page: the pale ones behind, low leaves in front."""
    scene, rng = plate.scene, plate.rng
    count = int(scene.number("density", 0.5) * 8) + (8 if not scene.wide else 16)
    for share, rise, size in ((0.66, 1.18, 0.75), (0.32, 1.05, 0.95), (0.0, 0.86, 1.12)):
        plate.far(paper, share) if share else plate.near()
        for k in rng.permutation(count):
            x = (k + float(rng.uniform(0.1, 0.9))) / count
            _sown(plate, x, int(k) + int(rng.integers(0, 2)), rise, size)
    for k in rng.permutation(count * 2):
        foot = (scene.width * (k + float(rng.random())) / (count * 2), scene.height * 1.03)
        tall = scene.height * float(rng.uniform(0.06, 0.13))
        _plant(plate, foot, -np.pi / 2 + float(rng.uniform(-0.5, 0.5)), tall)
    if scene.flag("bees", False):
        _bees(plate)


def _sown(plate: Plate, x: float, kind: int, rise: float, size: float) -> None:
    """One plant at x (0..1): lower in the middle of the page, where the words come down."""
    scene, rng = plate.scene, plate.rng
    side = abs(x - 0.5) * 2
    tall = scene.height * rise * (0.22 + 0.15 * side**1.5 + 0.12 * float(rng.random()) * (0.35 + side))
    grow = plants.KINDS[kind % len(plants.KINDS)]
    bend = float(rng.uniform(-0.5, 0.5)) * (0.6 if grow is plants.lavender else 1.0)
    foot = (scene.width * x, scene.height * 1.02)
    line = plants.bent(plate, foot, -np.pi / 2 - bend * 0.4 + float(rng.uniform(-0.08, 0.08)), tall, bend)
    grow(plate, line, size * scene.unit * float(rng.uniform(86, 152)))


def _bees(plate: Plate) -> None:
    """A few bees above the flowers, at the sides of the page."""
    scene, rng = plate.scene, plate.rng
    for x, y, size in ((0.16, 0.50, 62), (0.80, 0.44, 74), (0.60, 0.565, 48)):
        at = np.array(
            [scene.width * (x + float(rng.uniform(-0.04, 0.04))), scene.height * (y + float(rng.uniform(-0.02, 0.02)))]
        )
        way = float(rng.uniform(-0.35, 0.35)) + (np.pi if x < 0.5 else 0.0)
        plants.bee(plate, at, size * scene.unit, way)


def _opened(plate: Plate) -> None:
    """The flowers that wait, above all leaves."""
    for at, radius in plate.blooms:
        plants.rose(plate, at.astype(np.float64), radius)
    plate.blooms = []


def _corners(plate: Plate, paper: Rgb) -> None:
    """Two sprays across from one another, their pale doubles behind them."""
    for share in (0.66, 0.0):
        plate.far(paper, share) if share else plate.near()
        _sprays(plate)
        _opened(plate)


def _sprays(plate: Plate) -> None:
    scene, rng = plate.scene, plate.rng
    short = min(scene.width, scene.height)
    for x, y, away, size in ((1.03, -0.02, np.pi * 0.75, 0.84), (-0.03, 1.02, -np.pi * 0.25, 1.0)):
        for k in range(6):
            angle = away + (k - 2.5) * 0.27 + float(rng.uniform(-0.05, 0.05))
            reach = short * size * (0.74 - 0.10 * abs(k - 2.5)) * float(rng.uniform(0.85, 1.08))
            _plant(plate, (scene.width * x, scene.height * y), angle, reach)


def _wreath(plate: Plate, paper: Rgb) -> None:
    """Three rounds of branches, the pale and wide one first, then flowers and berries: the oval within stays free."""
    for share, size, twigs in ((0.62, 1.10, 16), (0.30, 1.05, 16), (0.0, 0.99, 18)):
        plate.far(paper, share) if share else plate.near()
        _round(plate, size, twigs)
    _posies(plate)
    _opened(plate)


def _round(plate: Plate, size: float, count: int) -> None:
    """Branches that follow one another around the oval, from both sides of its foot up to its head."""
    scene, rng = plate.scene, plate.rng
    cx, cy = scene.width / 2, scene.height * 0.5
    rx, ry = scene.width * 0.43 * size, scene.height * (0.43 if not scene.wide else 0.40) * size
    for k in range(count):
        side = 1 if k % 2 else -1
        start = np.pi / 2 + side * np.pi * (k // 2 * 2 + float(rng.uniform(-0.3, 0.3))) / count
        t = start + side * np.linspace(0, 2 * np.pi / count * 1.9, 36)
        sway = 1 + np.sin(np.linspace(0, np.pi, 36)) * float(rng.uniform(-0.05, 0.07))
        drift = np.linspace(0, float(rng.uniform(-0.05, 0.07)), 36)
        line = np.stack([cx + rx * (sway + drift) * np.cos(t), cy + ry * (sway + drift) * np.sin(t)], -1)
        _grow(plate, line.astype(np.float32), ("almond", "willow", "round", "almond", "fern")[k % 5], False)


def _posies(plate: Plate) -> None:
    """Where the wreath is tied, at its head and on its shoulders: flowers of unlike size, and berries between."""
    scene, rng = plate.scene, plate.rng
    cx, cy = scene.width / 2, scene.height * 0.5
    rx, ry = scene.width * 0.43, scene.height * (0.43 if not scene.wide else 0.40)

    def place(turn: float, out: float) -> NDArray[np.float64]:
        return np.array([cx + rx * out * np.cos(turn), cy + ry * out * np.sin(turn)])

    for turn in np.linspace(0, 2 * np.pi, 24)[:-1] + rng.uniform(-0.1, 0.1, 23):
        twig = plants.bent(
            plate, tuple(place(float(turn), 1.0)), float(turn) + float(rng.uniform(-1.2, 1.2)), 95 * scene.unit, 0.7, 12
        )
        plate.pen(twig.astype(np.float32), 2.6)
        for step in (5, 8, 11):
            plate.dot(twig[step], 17 * scene.unit)
            plate.dot(twig[step], 14 * scene.unit, SECOND if step != 8 else HEART)
    for turn, sizes in POSIES:
        for j, radius in enumerate(sizes):
            at = place(
                turn + (j // 2 + 1) * (0.17 if j % 2 else -0.17) * bool(j), 1.0 + float(rng.uniform(-0.06, 0.06))
            )
            size, lean = radius * scene.unit, float(rng.uniform(-0.6, 0.6))
            if j == 0:
                plate.blooms.append((at.astype(np.float32), size))
            elif j % 2:
                plants.daisy_head(plate, at, size, 0.86, lean)
            else:
                plants.poppy_head(plate, at, size, 0.9, lean)


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
    plate.fill(placed, LEAF if kind in ("almond", "fern") else YOUNG)
    plate.pen((rib @ turn + at).astype(np.float32), 2.4)
    if kind in ("almond", "round") and not plate.pale:
        for line in _veins(rib, half, size):
            plate.pen((line @ turn + at).astype(np.float32), 1.7)


def _veins(rib: NDArray[np.float64], half: NDArray[np.float64], size: float) -> Iterator[Points]:
    for k in range(4, 18, 3):
        for side in (1, -1):
            end = rib[min(k + 3, 21)] + np.array([size * 0.03, side * half[min(k + 3, 21)] * 0.82])
            yield np.linspace(rib[k], end, 6, dtype=np.float32)


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
        "bees": "true for bees above the meadow",
        "dark": "true for a dark page",
    },
)
