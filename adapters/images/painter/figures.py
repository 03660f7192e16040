"""Figures that a prompt may name, as silhouettes: drawn by hand on a square of 100 by 100, standing on its lower side.

A stroke is a letter and points: `s` a smooth outline, where a point followed by `!` is a corner; `p` a straight one;
`c` a circle (middle and radius); `l` a line that tapers (width at its beginning and end, then points).
"""

from collections.abc import Mapping
from itertools import chain

import numpy as np

from adapters.images.painter.colour import Field
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Points, Stencil, circle, strip

FIGURES: Mapping[str, tuple[str, ...]] = {
    "lighthouse": (
        "s 6,-8! 18,0 30,5 42,7 58,7 72,5 84,0 96,-8!",
        "p 41,4 44.5,70 55.5,70 59,4",
        "p 40,70 40,74 60,74 60,70",
        "p 45.5,74 45.5,84 47,84 47,74 49.3,74 49.3,84 50.7,84 50.7,74 53,74 53,84 54.5,84 54.5,74",
        "p 43,84 45,89 50,93 55,89 57,84",
        "l 1,0.5 50,92 50,99",
    ),
    "ship": (
        "s 8,15! 13,6 18,1 30,-1 66,-1 80,1 88,16! 60,11 30,11",
        "l 2,1 44,8 45,98",
        "s 46.5,94! 70,62 76,20! 60,17 46.5,16!",
        "s 42.5,86! 26,56 12,22! 26,17 42.5,16!",
        "p 45,98 57,95 45,92",
    ),
    "house": (
        "p 22,0 22,38 78,38 78,0",
        "p 14,36 50,70 86,36",
        "p 63,48 63,72 71,72 71,42",
    ),
    "castle": (
        "p 8,0 8,40 12,40 12,44 16,44 16,40 20,40 20,44 24,44 24,40 28,40 28,0",
        "p 28,0 28,30 32,30 32,33 36,33 36,30 40,30 40,33 44,33 44,30 72,30 72,0",
        "p 40,0 40,66 60,66 60,0",
        "p 37,66 50,96 63,66",
        "p 70,0 70,52 92,52 92,0",
        "p 67,52 81,78 95,52",
        "p 25,28 25,56 35,56 35,28",
        "p 23,56 30,74 37,56",
        "l 0.8,0.5 50,94 50,104",
        "p 50,104 58,101.5 50,99",
    ),
    "person": (
        "c 50,92 5.4",
        "s 47,86 42,83 37,79 34,66 32.5,50 34,44! 37,46 38,58 40,66 40,50 37,30! 44,29 43.5,14 42.5,2! 41,0! 49,0! "
        "49.5,16 50.5,28 53,16 54,0! 61.5,0! 60,2! 58.5,14 57,29 63,30! 60,50 60,66 62,58 63.5,46 66,44! 67.5,50 66,66 "
        "63,79 58,83 53,86",
    ),
    "fox": (
        "s 30,3 20,1 9,3! 3,10 4,22 12,30 22,29 29,22 33,27 35,42 41,56 47,65 50,73 49,82 50.5,97! 57,87 60,85 65,97! "
        "67,84 71,78 78,73 87,68! 86.5,65! 78,62 70,60 67,55 68,44 67,30 66.5,14 67,5 73,3! 73,0! 59,0! 58.5,12 56,20 "
        "53,12 51,5 56,3! 56,0! 36,0!",
    ),
    "wolf": (
        "s 32,1 20,0 6,-1! 9,6 18,10 26,15 28,32 33,48 39,60 41,68 40,77 36,86! 45,84 51,87 60,97 66.5,104! 70,102! "
        "68.5,95 66,88 62,80 60,73 63,62 64,50 62,36 62,18 63,5 69,3! 69,0! 56,0! 55,14 52,22 49,12 48,5 53,3! 53,0!",
    ),
    "deer": (
        "s 18,56 20,64 30,66 46,64 60,66 66,74 69,82 64,88! 70,87 74,89 78,86 86,80! 84,76 76,75 74,66 72,56 "
        "66,48 50,45 "
        "34,46 24,46",
        "s 17,62 20,50 24,46 27,34 24,22 25,2! 22,0! 27.5,0! 28,3 28,22 32,34 36,48 28,64",
        "l 4,2.2 34,48 33,30 33,14 34,0",
        "l 5,2.2 65,54 66,34 65.5,16 66,0",
        "l 4.4,2.2 59,50 59,30 60,16 59,0",
        "l 2.6,1 70,87 66,96 70,106 69,114",
        "l 2.6,1 74,88 80,96 79,106 84,113",
        "l 1.8,0.8 67,95 60,100",
        "l 1.8,0.8 69,104 63,110",
        "l 1.8,0.8 79,97 86,101",
        "l 1.8,0.8 79,105 74,111",
        "l 3.4,1 18,63 14,60 14,54",
    ),
    "bear": (
        "s 6,34 8,50 16,60 30,64 44,62 56,68 66,66 74,62 76,66! 81,65 83,60 92,52 96,47! 94,43 84,41 78,38 74,30 74,12 "
        "77,4! 77,0! 62,0! 62,16 58,26 46,25 34,24 30,14 32,4! 32,0! 17,0! 16,10 12,20",
        "s 44,30 46,12 44,0! 55,0! 55,4! 56,14 60,30",
        "s 18,30 9,14 5,4 4,0! 15,0! 18,12 26,28",
    ),
    "cat": (
        "s 38,0! 30,6 28,20 32,36 38,48 40,54 37,62 37,72 38,86! 44,79 50,80 56,79 62,86! 63,72 63,62 60,54 "
        "62,48 68,36 "
        "72,20 70,6 62,0!",
        "l 6,3 68,3 82,5 87,14 82,25 88,34",
    ),
    "whale": (
        "s 10,60! 16,48 26,40 42,45 60,52 78,51 92,43 97,32 92,21 80,14 60,10 42,12 26,19 14,32 7,46 4,58!",
        "s 7,56! -2,62 -13,60! -8,68 2,70 8,66! 15,74 24,78 32,76! 26,66 18,58!",
        "s 62,16 56,4 44,-2! 49,9 53,18",
        "l 1.6,0.8 80,52 80,62 74,70 66,71",
        "l 1.6,0.8 80,52 80,62 86,70 94,71",
    ),
    "camel": (
        "s 14,50 17,60 27,63 36,68 42,82 49,86 56,78 61,66 66,60 72,62 75,72 77,84 80,91 87,94 97,90! 96,86 "
        "88,84 85,80 84,68 "
        "80,56 73,49 64,46 48,47 30,47",
        "l 7,2.4 20,56 21,34 20.5,18 21,0",
        "l 5,2.4 28,50 28,30 28.5,16 29,0",
        "l 6,2.4 64,52 64,30 64,16 63,0",
        "l 5,2.4 70,52 70.5,30 70,16 71,0",
        "l 2,0.8 15,57 10,48 11,38",
    ),
    "rocket": (
        "s 50,100! 41,84 38,64 39,36 43,20! 57,20! 61,36 62,64 59,84",
        "s 39,46! 28,32 24,10! 34,18 42,22!",
        "s 61,46! 72,32 76,10! 66,18 58,22!",
        "p 44,20 42,13 58,13 56,20",
    ),
    "dragon": (
        "s 4,20! 14,34 28,44 42,48 54,56 60,66 60,76 57,86! 64,83 70,84 80,80 90,74! 88,71 80,71 74,70 72,62 "
        "68,50 60,40 "
        "48,35 34,32 18,24",
        "s 44,46! 38,66 28,84 10,104! 10,88 4,76! 14,72 16,62! 24,62 28,54! 34,54 40,44!",
        "s 56,54! 54,74 48,92 38,112! 46,106 50,112! 56,98 60,98! 62,84 64,74 62,58!",
        "s 4,20! -6,22 -10,14! -2,12 2,4! 6,12",
        "l 4,1.6 50,38 48,26 54,20 50,12",
        "l 4,1.6 40,36 34,26 38,18 33,11",
    ),
    "heart": ("s 50,4! 26,30 8,52 6,74 18,92 36,93 50,78! 64,93 82,92 94,74 92,52 74,30",),
    "tree": (
        "s 44,-3! 46,10 46.5,30 38,44 40,46 48,38 50,46 53,38 62,46 63,44 54,30 54,10 57,-3!",
        *(
            f"c {x},{y} {r}"
            for x, y, r in (
                (50, 78, 19),
                (30, 62, 15),
                (70, 62, 15),
                (50, 60, 18),
                (36, 78, 15),
                (65, 79, 15),
                (20, 54, 10),
                (80, 54, 10),
                (42, 92, 10),
                (58, 91, 11),
                (38, 52, 10),
                (62, 52, 10),
            )
        ),
    ),
    "fish": ("s 96,50! 84,60 66,66 46,62 30,54 14,66! 18,50 14,34! 30,46 46,38 66,34 84,40",),
}
"""Each silhouette faces right."""

LAMPS: Mapping[str, tuple[float, float]] = {"lighthouse": (50, 79), "house": (50, 20)}
"""Where a figure shines."""
AFLOAT = frozenset({"ship", "whale"})
ALOFT = frozenset({"rocket", "dragon", "heart"})


def drawn(name: str, x: float, foot: float, tall: float, *, flip: bool = False) -> list[Points]:
    """A figure's polygons with its middle at x, its feet at `foot`, on a square `tall` high; lengths in pixels."""
    scale = np.array([-tall if flip else tall, -tall], np.float32) / np.float32(100)
    shapes = [_shape(stroke) for stroke in FIGURES[name]]
    return [
        ((shape - np.array([50, 0], np.float32)) * scale + np.array([x, foot], np.float32)).astype(np.float32)
        for shape in shapes
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
    return drawn(name, x, foot, tall, flip=flip)


def column(scene: Scene) -> float | None:
    """Where across the page the prompt's figure stands; None without a figure."""
    if not scene.reading.figures:
        return None
    rng = scene.chance("figure")
    sides = [0.44, 0.5] if scene.reading.figures[0] in ("camel", "fish") else [0.3, 0.7]
    return scene.width * float(rng.choice(sides) + rng.uniform(-0.04, 0.04))


def on(scene: Scene, line: Field | float, tall: float, *, x: float | None = None) -> tuple[str, float, float] | None:
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


def stencil(scene: Scene, placed: tuple[str, float, float] | None, tall: float) -> Stencil | None:
    """The placed figure as one layer."""
    if placed is None:
        return None
    name, x, foot = placed
    return Stencil(company(scene, name, x, foot, tall), scene.width)


def _shape(stroke: str) -> Points:
    kind, *words = stroke.split()
    if kind == "c":
        x, y = _pair(words[0])
        return circle(x, y, float(words[1]))[::2]
    if kind == "l":
        widths = np.array(_pair(words[0]), np.float32)
        line = _curve([(*_pair(word), False) for word in words[1:]], closed=False)
        return strip(line, np.linspace(widths[0], widths[1], len(line), dtype=np.float32))
    corners = [(*_pair(word.rstrip("!")), kind == "p" or word.endswith("!")) for word in words]
    return _curve(corners, closed=True)


def _pair(word: str) -> tuple[float, float]:
    x, y = word.split(",")
    return float(x), float(y)


def _curve(points: list[tuple[float, float, bool]], *, closed: bool) -> Points:
    """A curve through the points (Catmull and Rom), which stops and turns at corners."""
    count = len(points)
    places = np.array([point[:2] for point in points], np.float64)
    t = np.linspace(0, 1, 9)[:-1, None]
    out = []
    for k in range(count if closed else count - 1):
        a, b = places[k], places[(k + 1) % count]
        into = b - a if points[k][2] or (not closed and k == 0) else (b - places[k - 1]) * 0.5
        last = not closed and k == count - 2
        after = b - a if points[(k + 1) % count][2] or last else (places[(k + 2) % count] - a) * 0.5
        cubic = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2
        out.append(cubic[0] * a + cubic[1] * into + cubic[2] * b + cubic[3] * after)
    return np.concatenate([*out, places[:1] if closed else places[-1:]]).astype(np.float32)
