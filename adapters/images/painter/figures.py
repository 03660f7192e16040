"""Figures that a prompt may name: where a silhouette stands, its like beside it, and what holds it."""

from collections.abc import Mapping
from itertools import chain

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field
from adapters.images.painter.creatures import CREATURES
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Points, Stencil, strip
from adapters.images.painter.strokes import shapes
from adapters.images.painter.things import THINGS

FIGURES: Mapping[str, tuple[str, ...]] = {**CREATURES, **THINGS}
"""By name, the strokes of a silhouette."""
Placed = tuple[str, float, float]
"""A figure's name, the column of its middle and the row of its feet."""

LAMPS: Mapping[str, tuple[float, float]] = {
    "lighthouse": (50, 79),
    "house": (50, 24),
    "lantern": (50, 30),
    "candle": (50, 84),
}
"""Where a figure shines."""
AFLOAT = frozenset({"ship", "whale", "swan"})
ALOFT = frozenset(
    {
        "rocket",
        "dragon",
        "heart",
        "fish",
        "butterfly",
        "balloon",
        "plane",
        "astronaut",
        "ghost",
        "feather",
        "key",
        "clock",
        "violin",
        "guitar",
        "anchor",
        "bee",
        "eye",
        "magnifier",
    }
)
"""Nothing needs to hold these: they fly, swim, or are shown by themselves as an emblem."""
ROCKY = frozenset({"lighthouse", "castle", "sword", "wolf", "lion", "mermaid"})
"""They stand on bare rock, all others on soft ground."""
BROAD: Mapping[str, float] = {"camel": 2.3, "train": 0.85, "castle": 0.6, "couple": 0.5, "fox": 0.55, "dinosaur": 0.6}
"""Half the width of the level ground that a figure needs, in its own heights; others need 0.48."""


def drawn(name: str, x: float, foot: float, tall: float, *, flip: bool = False) -> list[Points]:
    """A figure's polygons with its middle at x, its feet at `foot`, on a square `tall` high; lengths in pixels."""
    scale = np.array([-tall if flip else tall, -tall], np.float32) / np.float32(100)
    return [
        ((shape - np.array([50, 0], np.float32)) * scale + np.array([x, foot], np.float32)).astype(np.float32)
        for shape in shapes(FIGURES[name])
    ]


def lamp(name: str, x: float, foot: float, tall: float) -> tuple[float, float] | None:
    """The place of a figure's light, or None for one that has none."""
    at = LAMPS.get(name)
    return None if at is None else (x + (at[0] - 50) / 100 * tall, foot - at[1] / 100 * tall)


def company(scene: Scene, name: str, x: float, foot: float, tall: float) -> list[Points]:
    """The figure with its like: camels walk in a row, fish swim in a school, all others come alone."""
    rng = scene.chance(f"company {name}")
    flip = bool(rng.random() < 0.5)
    if name == "fish":
        return [
            piece
            for _ in range(17)
            for piece in drawn(
                name,
                x + float(rng.normal(0, 1.5)) * tall,
                foot - float(rng.normal(0.6, 1.1)) * tall,
                tall * float(rng.uniform(0.18, 0.5)),
                flip=flip,
            )
        ]
    if name == "camel":
        gap = tall * (-1.25 if flip else 1.25)
        row = [drawn(name, x + gap * (k - 1), foot + tall * 0.03 * k, tall * 0.9, flip=flip) for k in range(3)]
        return [*chain.from_iterable(row), *drawn("person", x + gap * 1.85, foot + tall * 0.06, tall * 0.62)]
    near = drawn(name, x, foot, tall, flip=flip)
    if scene.reading.count < 2 or name not in CREATURES or name == "couple":
        return near
    other = x + tall * (0.6 if x < scene.width / 2 else -0.6)
    return [*near, *drawn(name, other, foot, tall * 0.84, flip=flip)]


def column(scene: Scene) -> float | None:
    """Where across the page the prompt's figure stands; None without a figure."""
    if not scene.reading.figures:
        return None
    rng = scene.chance("figure")
    sides = [0.44, 0.5] if scene.reading.figures[0] in ("camel", "fish") else [0.3, 0.7]
    return scene.width * float(rng.choice(sides) + rng.uniform(-0.04, 0.04))


def on(scene: Scene, line: Field | float, tall: float, *, x: float | None = None) -> Placed | None:
    """The prompt's figure, where it stands on a line of the ground, as name, x and foot; None without a figure."""
    if not scene.reading.figures:
        return None
    name, usual = scene.reading.figures[0], column(scene)
    at = x if x is not None else usual if usual is not None else scene.width / 2
    if isinstance(line, float | int):
        foot = float(line)
    else:
        reach = tall * (0.16 if name != "camel" else 0.5)
        part = line[max(int(at - reach), 0) : max(int(at + reach), 1)]
        foot = float(part.mean() * 0.5 + part.max() * 0.5) if len(part) else float(line[0])
    if name in ALOFT:
        foot = min(foot - tall * 0.25, scene.height * 0.72)
    return name, at, foot


def stencil(scene: Scene, placed: Placed | None, tall: float) -> Stencil | None:
    """The placed figure as one layer."""
    if placed is None:
        return None
    name, x, foot = placed
    return Stencil(company(scene, name, x, foot, tall), scene.width)


def footing(scene: Scene, placed: Placed | None, tall: float, *, fall: float = 0.10) -> Field | None:
    """The line of the ground that holds the figure, a row for each column; None where nothing has to hold it.

    Under the figure it is level; it falls to both sides by up to `fall` of the page's height.
    """
    if placed is None or placed[0] in ALOFT | AFLOAT:
        return None
    name, x, foot = placed
    rng, across = scene.chance("footing"), max(scene.width / scene.height, 0.7)
    pair = 0.4 if scene.reading.count > 1 else 0.0
    middle = x + (pair * tall if x < scene.width / 2 else -pair * tall)
    away = np.abs(scene.columns()[0] - np.float32(middle))
    level = np.float32((BROAD.get(name, 0.48) + pair) * tall)
    side = np.clip(away - level, 0, None) / np.float32(scene.height * (0.13 if name in ROCKY else 0.22))
    rolling = noise.ridge_line(rng, scene.width, 2.6 * across, 4, 0.4) - np.float32(0.5)
    craggy = noise.ridge_line(rng, scene.width, 13 * across, 6, 0.56) - np.float32(0.5)
    rough = craggy * np.float32(0.05 if name in ROCKY else 0.006) + rolling * np.float32(0.05)
    beside = np.clip(side, 0, 1)
    line = foot - 0.012 * tall + scene.height * (fall * (1 - np.exp(-side * side)) + rough * beside)
    return np.asarray(np.minimum(line, scene.height * 0.985), np.float32)


def earth(scene: Scene, line: Field | None) -> list[Points]:
    """All below a line of ground, as one polygon."""
    if line is None:
        return []
    xs = np.arange(0, scene.width, 3, dtype=np.float32)
    top = np.stack([xs, line[::3]], -1)
    low = scene.height + 9.0
    ends = np.array([(scene.width + 9, line[-1]), (scene.width + 9, low), (-9, low), (-9, line[0])], np.float32)
    return [np.concatenate([top, ends]).astype(np.float32)]


def water(scene: Scene, placed: Placed | None, tall: float) -> list[Points]:
    """The water under what floats, as strokes of a brush: long and near below the hull, shorter and wider apart."""
    if placed is None or placed[0] not in AFLOAT:
        return []
    rng, (_, x, foot) = scene.chance("water"), placed
    strokes, y, gap = [], foot - 0.005 * tall, 0.045 * tall
    for k in range(8):
        for _ in range(2 if k else 1):
            long = tall * float(rng.uniform(0.5, 1.15)) * (1.5 if k == 0 else 1.0 - 0.07 * k)
            middle = x + tall * float(rng.normal(0, 0.05 if k == 0 else 0.34))
            t = np.linspace(-1, 1, 40, dtype=np.float32)
            sway = np.sin(t * np.float32(rng.uniform(4, 7)) + np.float32(rng.uniform(0, 6))) * np.float32(0.006 * tall)
            line = np.stack([middle + t * np.float32(long / 1.4), y + sway], -1).astype(np.float32)
            thick = np.sqrt(np.clip(1 - t * t, 0, 1)) * np.float32(tall * (0.030 - 0.002 * k))
            strokes.append(strip(line, thick.astype(np.float32)))
        y, gap = y + gap, gap * 1.18
    return strokes
