"""Drops on a bath: each new one pushes all earlier ones aside without changing their area, as inks do on water; then a
stick may turn what floats. After A. Jaffer, "Mathematical Marbling" (2012); each drop is a polygon that is moved along.
"""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter.colour import Rgb, lightness, mix
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Collage, Points

ROUNDS = ((70, 120, 190, 160), (60, 70, 165, 130), (64, 36, 130, 100), (80, 14, 50, 56), (190, 4, 13, 22))
"""How many drops are thrown in each round, their least and greatest radius (units), and corners of each."""


def floating(scene: Scene, bath: Rgb, inks: list[Rgb], whirls: int) -> Collage:
    """The bath with all its drops, turned in so many places."""
    rng = scene.chance("stones")
    drops, colours, ends = _thrown(scene, rng, bath, inks)
    for _ in range(whirls):
        _turned(scene, rng, drops)
    if whirls:
        _drawn(scene, rng, drops)
    pieces = [(drops[a:b], colour) for (a, b), colour in zip(ends, colours, strict=True)]
    return Collage(pieces, scene.width)


def _thrown(
    scene: Scene, rng: np.random.Generator, bath: Rgb, inks: list[Rgb]
) -> tuple[Points, list[Rgb], list[tuple[int, int]]]:
    """All corners in one row, and for each drop its colour and where its corners are."""
    page = scene.width * scene.height / (scene.unit**2 * 1600 * 2560)
    corners = np.zeros((_room(page), 2), np.float32)
    colours: list[Rgb] = []
    ends: list[tuple[int, int]] = []
    used = 0
    for level, (count, least, most, sides) in enumerate(ROUNDS):
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        round_ = np.stack([np.cos(angle), np.sin(angle)], -1)
        taken: list[NDArray[np.float64]] = []
        for _ in range(int(count * page) + 1):
            middle = _apart(rng, taken) * (scene.width, scene.height)
            radius = least * (most / least) ** float(rng.random()) * scene.unit
            _push(corners[:used], middle, radius)
            corners[used : used + sides] = middle + round_ * radius
            ends.append((used, used + sides))
            rare = level == 2 and rng.random() < 0.12
            colours.append(bath if rare else inks[int(rng.integers(len(inks)))])
            used += sides
    return corners[:used], colours, ends


def _apart(rng: np.random.Generator, taken: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """A place (0..1, a little beyond too) away from those of the same round, the best of a few throws."""
    throws = rng.uniform(-0.08, 1.08, (5, 2))
    if taken:
        gaps = np.stack([((throws - place) ** 2 * (1.0, 2.56)).sum(axis=1) for place in taken])
        throws = throws[[int(np.argmax(gaps.min(axis=0)))]]
    taken.append(throws[0])
    return np.asarray(throws[0])


def _room(page: float) -> int:
    return sum((int(count * page) + 1) * sides for count, _, _, sides in ROUNDS)


def _push(corners: Points, middle: NDArray[np.float64], radius: float) -> None:
    """Everything away from a new drop, by as much as its area needs."""
    away = corners - middle.astype(np.float32)
    far = np.maximum((away * away).sum(axis=1), np.float32(1e-3))
    corners += away * (np.sqrt(1 + np.float32(radius * radius) / far) - 1)[:, None]


def _turned(scene: Scene, rng: np.random.Generator, drops: Points) -> None:
    """A whirl by the stick: what is near turns most."""
    middle = (rng.uniform(0.0, 1.0, 2) * (scene.width, scene.height)).astype(np.float32)
    reach = np.float32(rng.uniform(120, 300) * scene.unit)
    away = drops - middle
    far = np.hypot(away[:, 0], away[:, 1])
    angle = np.float32(rng.choice([-1, 1]) * rng.uniform(1.6, 3.4)) * np.exp(-((far / reach) ** 2) * np.float32(0.6))
    cos, sin = np.cos(angle), np.sin(angle)
    drops[:] = middle + np.stack([away[:, 0] * cos - away[:, 1] * sin, away[:, 0] * sin + away[:, 1] * cos], -1)


def _drawn(scene: Scene, rng: np.random.Generator, drops: Points) -> None:
    """Long strokes of the stick across the bath, to and fro."""
    for side in (1.0, -1.0, 1.0):
        angle = float(rng.uniform(0.9, 1.5))
        way, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        start = rng.uniform(0.15, 0.85, 2) * (scene.width, scene.height)
        gap = np.abs((drops - start.astype(np.float32)) @ across.astype(np.float32))
        pull = np.float32(170 * scene.unit * side) * np.exp(-gap / np.float32(130 * scene.unit))
        drops += pull[:, None] * way.astype(np.float32)


def thrown_inks(scene: Scene) -> tuple[Rgb, list[Rgb]]:
    """The bath's own colour, and the inks in the order of their throwing: neighbours differ in light."""
    palette = scene.palette
    inks = [c for c in (*palette.given, mix(palette.accent, palette.light, 0.45)) if lightness(c) > 0.3]
    ordered = sorted(inks or [palette.light], key=lightness)
    half = (len(ordered) + 1) // 2
    mixed = [colour for pair in zip(ordered[:half], [*ordered[half:], ordered[-1]], strict=False) for colour in pair]
    return palette.dark, mixed
