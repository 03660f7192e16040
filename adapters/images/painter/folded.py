"""Broad bands of folded paper: stripes that run side by side, turn over at their creases, and shade what lies below."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Rgb, lightness, mix, shade
from adapters.images.painter.scene import Band, Scene
from adapters.images.painter.shapes import over

Vector = tuple[float, float]


@dataclass(frozen=True)
class Strip:
    """One straight length of paper: its middle line, half its width, its ends (planes that cut it), and its colour."""

    at: Vector
    way: Vector
    half: float
    ends: tuple[tuple[Vector, Vector], ...]
    ink: Rgb
    lit: float

    def depth(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Pixels beyond the border (negative on the paper), and the same rounded at the corners."""
        aside = (x - np.float32(self.at[0])) * np.float32(-self.way[1]) + (y - np.float32(self.at[1])) * self.way[0]
        far = np.abs(aside) - np.float32(self.half)
        cut = np.full_like(far, -1e6)
        for (px, py), (nx, ny) in self.ends:
            cut = np.maximum(cut, (x - np.float32(px)) * np.float32(nx) + (y - np.float32(py)) * np.float32(ny))
        return np.maximum(far, cut), np.hypot(np.maximum(far, 0), np.maximum(cut, 0))

    def crease(self, x: Field, y: Field) -> Field:
        """Pixels from the nearest crease."""
        gaps = [np.abs((x - np.float32(p[0])) * np.float32(n[0]) + (y - np.float32(p[1])) * n[1]) for p, n in self.ends]
        return np.asarray(np.minimum.reduce(gaps), np.float32)


def compose(scene: Scene, ground: Rgb, inks: list[Rgb]) -> Band:
    """Length upon length, each with its shadow, its shading and the fibre of its paper."""
    strips = _strips(scene, inks)
    fibre = noise.Sheet(
        noise.fbm(scene.chance("fibre"), *scene.small(2.5), (110.0, 170.0), 3, 0.7), scene.width, scene.height
    )
    unit = np.float32(scene.unit)

    def band(top: int, bottom: int) -> Rgb:
        x, y = scene.columns(), scene.lines(top, bottom)
        rgb = np.broadcast_to(ground, (bottom - top, scene.width, 3)).copy()
        for strip in strips:
            far, soft = strip.depth(x, y)
            columns = np.flatnonzero((far < 75 * unit).any(axis=0))
            if columns.size:
                part = np.s_[:, columns[0] : columns[-1] + 1]
                rgb[part] = _laid(strip, rgb[part], (far[part], soft[part]), x[part], y, unit)
        return np.asarray(rgb * (1 + (fibre.rows(top, bottom) - np.float32(0.5)) * np.float32(0.05))[..., None])

    return band


def _laid(strip: Strip, rgb: Rgb, gaps: tuple[Field, Field], x: Field, y: Field, unit: np.float32) -> Rgb:
    """The length over what is there: shadow beside it, lighter or darker towards its creases."""
    far, soft = gaps
    fall = np.exp(-soft / (np.float32(15) * unit)) * np.float32(0.30)
    rgb = rgb * (1 - fall * np.clip(1 - soft / (75 * unit), 0, 1))[..., None]
    gap = strip.crease(x, y)
    bend = np.exp(-gap / (np.float32(120) * unit)) * np.float32(strip.lit)
    edge = np.exp(-gap / (np.float32(3.0) * unit)) * np.float32(0.10)
    ink = strip.ink * (1 + bend + edge)[..., None]
    return over(rgb, np.minimum(ink, 1), np.clip(np.float32(0.5) - far, 0, 1))


def _strips(scene: Scene, inks: list[Rgb]) -> list[Strip]:
    """A sheaf of stripes that folds again and again; each stripe a little later than its neighbour."""
    rng = scene.chance("folded")
    inks = [ink for k, ink in enumerate(inks) if not any(np.allclose(ink, other) for other in inks[:k])]
    short, count = min(scene.width, scene.height), 5
    lean = scene.number("angle", 0.6, -3.2, 3.2)
    weights = rng.uniform(0.7, 1.5, count)
    widths = weights / weights.sum() * short * 0.50
    lay = (np.cumsum(widths) - widths / 2) - widths.sum() / 2
    order = [int(k) for k in rng.permutation(len(inks))]
    layers: list[list[Strip]] = [[] for _ in range(4)]
    knees = _knees(scene, lean)
    for index in range(count):
        ink = inks[order[index % len(order)]]
        lag = (index - (count - 1) / 2) * short * 0.045
        for level, strip in enumerate(_stripe(knees, float(lay[index]), float(widths[index]) * 0.86, ink, lag)):
            layers[level].append(strip)
    return [strip for layer in layers for strip in layer]


def _knees(scene: Scene, lean: float) -> list[Vector]:
    """The corners of the way that the whole sheaf takes, its ends beyond the page."""
    wide, high = scene.width, scene.height
    calm = scene.number("calm", 0.45, 0.0, 0.9)
    if scene.wide:
        return [
            (wide * 0.45, high * 1.5),
            (wide * 0.82, high * 0.62),
            (wide * 0.62, high * 0.2),
            (wide * 1.3, -high * 0.6),
        ]
    drop = np.tan(min(abs(lean), 0.9)) * 0.55
    first = (wide * 0.76, high * (calm + 0.20))
    second = (wide * 0.30, high * (calm + 0.20) + wide * drop * 0.75)
    return [(-wide * 0.5, first[1] - wide * drop * 0.35), first, second, (wide * 1.1, high * 1.12)]


def _stripe(knees: list[Vector], aside: float, width: float, ink: Rgb, lag: float) -> list[Strip]:
    """One stripe of the sheaf, `aside` of its middle; its side changes with every fold."""
    points = [np.array(p) for p in knees]
    ways = [(b - a) / np.hypot(*(b - a)) for a, b in pairwise(points)]
    strips: list[Strip] = []
    side, at = aside, points[0]
    planes = []
    for (before, after), knee in zip(pairwise(ways), points[1:], strict=False):
        line = before + after
        line = line / np.hypot(*line)
        normal = np.array([-line[1], line[0]])
        planes.append((knee + before * lag, normal * np.sign(normal @ before)))
    for level, way in enumerate(ways):
        normal = np.array([-way[1], way[0]])
        ends = [planes[level]] if level < len(planes) else []
        ends += [planes[level - 1]] if level else []
        back = bool(level % 2)
        tone = shade(mix(ink, np.ones(3, np.float32), 0.12), max(lightness(ink) * 0.74, 0.16)) if back else ink
        middle = at + normal * side
        cuts = tuple(((float(p[0]), float(p[1])), (float(n[0]), float(n[1]))) for p, n in ends)
        strips.append(
            Strip(
                (float(middle[0]), float(middle[1])),
                (float(way[0]), float(way[1])),
                width / 2,
                cuts,
                tone,
                -0.22 if back else 0.10,
            )
        )
        if level < len(planes):
            plane, facing = planes[level]
            reach = ((plane - middle) @ facing) / (way @ facing)
            at, side = middle + way * reach, 0.0
    return strips
