"""Ribbons in four forms: currents of many that never cross, one of silk that loops, folded paper, lines on spheres.

All leave the upper part of the page (the left one when it is wide) to the title.
"""

import math

import numpy as np

from adapters.images.painter import folded, lines, noise, silk
from adapters.images.painter.colour import Field, Rgb, lightness, mix
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Collage, Points, circle, strip

FORMS = ("current", "silk", "folded", "lines")

GRID = 420
"""Cells across the short side on which ribbons keep clear of one another."""


def compose(scene: Scene) -> Band:
    """The form that is asked for, on the ground colour."""
    ground, inks = _inks(scene)
    form = scene.word("form", FORMS, "current")
    if form == "silk":
        return silk.compose(scene, ground)
    if form == "folded":
        return folded.compose(scene, ground, inks)
    if form == "lines":
        return lines.compose(scene, ground, inks)
    return _currents(scene, ground, inks)


def _currents(scene: Scene, ground: Rgb, inks: list[Rgb]) -> Band:
    """Grow the ribbons widest first, then draw them flat on the ground colour."""
    collage = Collage(_pieces(scene, inks), scene.width)

    def band(top: int, bottom: int) -> Rgb:
        return collage.rows(top, bottom, ground)

    return band


def _inks(scene: Scene) -> tuple[Rgb, list[Rgb]]:
    palette = scene.palette
    dark = scene.dark(scene.seed % 3 == 0)
    ground = palette.dark if dark else palette.light
    inks = [
        colour
        for colour in [*palette.given, palette.light, palette.dark]
        if abs(lightness(colour) - lightness(ground)) > 0.12
    ]
    return ground, inks or [mix(ground, palette.accent, 0.8)]


def _pieces(scene: Scene, inks: list[Rgb]) -> list[tuple[Points, Rgb]]:
    rng = scene.chance("ribbons")
    field = Current(scene, rng)
    weights = rng.dirichlet(np.full(len(inks), 1.6))
    cell = min(scene.width, scene.height) / GRID
    x, y, radius = (value * cell for value in field.stone)
    pieces: list[tuple[Points, Rgb]] = [(circle(x, y, radius), scene.palette.accent)] if radius else []
    for width, tries in ((13.0, 90), (8.0, 170), (5.0, 300), (3.0, 500), (1.7, 700)):
        for x, y in field.seeds(rng, tries):
            line = field.grow(x, y, width, 3.0 + width * 14)
            if line is None:
                continue
            ink = inks[int(rng.choice(len(inks), p=weights))]
            pieces.append((strip(line * np.float32(cell), width * cell), ink))
            pieces += [(circle(end[0] * cell, end[1] * cell, width * cell / 2), ink) for end in (line[0], line[-1])]
            if width > 4 and rng.random() < 0.3:
                other = inks[int(rng.integers(len(inks)))]
                pieces.append((strip(line * np.float32(cell), width * cell * 0.36), other))
    return pieces


class Current:
    """The field of directions, and the cells already taken by a ribbon."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        short = min(scene.width, scene.height)
        self.columns, self.rows = int(GRID * scene.width / short) + 1, int(GRID * scene.height / short) + 1
        cells = (1.5 * self.columns / GRID, 1.5 * self.rows / GRID)
        turn = noise.fbm(rng, self.columns, self.rows, cells, 2, 0.35)
        swing = scene.number("swirl", 0.55) * 9.0
        angle = (turn - 0.5) * np.float32(swing) + np.float32(
            scene.number("angle", float(rng.uniform(-0.5, 0.5)), -3.2, 3.2)
        )
        self._taken = [bytearray(self.columns) for _ in range(self.rows)]
        self.stone = self._stone(scene, rng)
        dx, dy = self._around(np.cos(angle), np.sin(angle))
        self._dx, self._dy = dx.tolist(), dy.tolist()
        self._presence = self._density(scene, rng)

    def _stone(self, scene: Scene, rng: np.random.Generator) -> tuple[float, float, float]:
        """A disc that all flows around, in cells: its place and radius (0: none)."""
        radius = scene.number("disc", 0.17, 0.0, 0.35) * GRID
        x, y = float(rng.uniform(0.34, 0.66)) * self.columns, float(rng.uniform(0.60, 0.70)) * self.rows
        if scene.wide:
            x, y = self.columns * 0.74, self.rows * float(rng.uniform(0.45, 0.6))
        if radius:
            for row in range(max(int(y - radius), 0), min(int(y + radius) + 1, self.rows)):
                half = math.sqrt(max(radius**2 - (row - y) ** 2, 0))
                left, right = max(int(x - half), 0), min(int(x + half) + 1, self.columns)
                self._taken[row][left:right] = b"\x01" * max(right - left, 0)
        return x, y, max(radius - 5.0, 0.0)

    def _around(self, dx: Field, dy: Field) -> tuple[Field, Field]:
        """The current as a stream that parts before the disc and closes behind it (potential flow)."""
        x, y, radius = self.stone
        if not radius:
            return dx, dy
        ys, xs = np.mgrid[0 : self.rows, 0 : self.columns].astype(np.float32)
        ox, oy = xs - np.float32(x), ys - np.float32(y)
        far = np.maximum(np.hypot(ox, oy), np.float32(1))
        ox, oy = ox / far, oy / far
        pull = np.minimum(np.float32((radius + 5) ** 2) / (far * far), 1)
        inward = np.float32(2) * (dx * ox + dy * oy)
        dx, dy = dx - pull * (inward * ox - dx), dy - pull * (inward * oy - dy)
        speed = np.maximum(np.hypot(dx, dy), np.float32(1e-3))
        return np.asarray(dx / speed, np.float32), np.asarray(dy / speed, np.float32)

    def _density(self, scene: Scene, rng: np.random.Generator) -> Field:
        """1 where ribbons may start, falling to 0 in the calm part."""
        calm = scene.number("calm", 0.38, 0.0, 0.9)
        y = np.linspace(0, 1, self.rows, dtype=np.float32)[:, None]
        if scene.wide:
            y = np.broadcast_to(np.linspace(0, 1, self.columns, dtype=np.float32)[None, :], (self.rows, self.columns))
        wave = noise.fbm(rng, self.columns, self.rows, (2.0, 2.0), 3) - 0.5
        edge = y + wave * np.float32(0.35) - np.float32(calm)
        return noise.smoothstep(-0.02, 0.10, np.broadcast_to(edge, (self.rows, self.columns)).astype(np.float32))

    def seeds(self, rng: np.random.Generator, tries: int) -> list[tuple[float, float]]:
        """Starting places, by chance but only where ribbons belong."""
        count = int(tries * self.columns * self.rows / (GRID * GRID * 1.6) * 1.6)
        xs, ys, keep = rng.random(count) * self.columns, rng.random(count) * self.rows, rng.random(count)
        return [
            (float(x), float(y))
            for x, y, k in zip(xs, ys, keep, strict=True)
            if k < self._presence[min(int(y), self.rows - 1), min(int(x), self.columns - 1)]
        ]

    def grow(self, x: float, y: float, width: float, least: float) -> Points | None:
        """A ribbon both ways from x, y until it meets another or leaves the calm edge; None when too short."""
        step = 2.0
        ahead = self._walk(x, y, step, width)
        back = self._walk(x, y, -step, width)
        line = [*back[::-1], *ahead[1:]]
        if len(line) * step < least:
            return None
        points = np.array(line, np.float32)
        self._take(line, width)
        return points

    def _walk(self, x: float, y: float, step: float, width: float) -> list[tuple[float, float]]:
        margin, half, line = 14.0, width / 2 + 1.6, []
        for _ in range(230):
            if not self._free(x, y, half):
                break
            line.append((x, y))
            column, row = min(max(int(x), 0), self.columns - 1), min(max(int(y), 0), self.rows - 1)
            if self._presence[row, column] < 0.12:
                break
            x, y = x + self._dx[row][column] * step, y + self._dy[row][column] * step
            if not (-margin < x < self.columns + margin and -margin < y < self.rows + margin):
                break
        return line

    def _free(self, x: float, y: float, half: float) -> bool:
        for turn in range(8):
            column = int(x + half * _COMPASS[turn][0])
            row = int(y + half * _COMPASS[turn][1])
            if 0 <= column < self.columns and 0 <= row < self.rows and self._taken[row][column]:
                return False
        column, row = int(x), int(y)
        return not (0 <= column < self.columns and 0 <= row < self.rows and self._taken[row][column])

    def _take(self, line: list[tuple[float, float]], width: float) -> None:
        reach = math.ceil(width / 2 + 0.6)
        for x, y in line:
            left, right = max(int(x) - reach, 0), min(int(x) + reach + 1, self.columns)
            if left >= right:
                continue
            run = b"\x01" * (right - left)
            for row in range(max(int(y) - reach, 0), min(int(y) + reach + 1, self.rows)):
                self._taken[row][left:right] = run


_COMPASS = tuple((math.cos(turn * math.pi / 4), math.sin(turn * math.pi / 4)) for turn in range(8))

FAMILY = Family(
    name="ribbons",
    compose=compose,
    palettes=(
        ("#1d2a44", "#e4572e", "#f3a712", "#76b5a5", "#f5ecd9"),
        ("#2b2118", "#c8553d", "#588b8b", "#f28f3b", "#fdf3e3"),
        ("#0f1226", "#ff5d73", "#ffc857", "#4ac6b7", "#f7f3ff"),
        ("#12263a", "#06bcc1", "#f4d1ae", "#c5283d", "#f7f7f2"),
    ),
    finish=Finish(grain=0.012),
    options={
        "form": "current, silk, folded or lines",
        "disc": "radius of what a current flows around, 0 to 0.35 of the short side",
        "broad": "width of the silk, 0 to 1",
        "pitch": "distance of the lines, 0 to 1",
        "dark": "true for ribbons on the darkest colour",
        "swirl": "0 straight to 1 curled",
        "angle": "main direction, radians",
        "calm": "share of the picture left free, from the top (from the left when wide)",
    },
)
