"""Plants of the meadow, each after its own kind: daisies, poppies, umbels, lavender, grasses; and bees above them."""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter.plate import BLOOM, HEART, LEAF, PALE, SECOND, YOUNG, Plate
from adapters.images.painter.shapes import Points, circle

Line = NDArray[np.float64]


def bent(plate: Plate, foot: tuple[float, float], angle: float, tall: float, bend: float, count: int = 44) -> Line:
    """A stem's line from its foot: it starts towards the angle and bends by so much on its way."""
    t = np.linspace(0, 1, count)
    heading = angle + bend * t**1.6
    steps = np.stack([np.cos(heading), np.sin(heading)], -1) * tall / count
    return np.asarray(np.array(foot) + np.cumsum(steps, axis=0))


def heading(line: Line, place: int = -1) -> float:
    """The direction of a line at one of its points."""
    ahead = line[place] - line[place - 2]
    return float(np.arctan2(ahead[1], ahead[0]))


def turned(shape: Line, angle: float, at: Line) -> Points:
    """A shape drawn along x, turned and set in its place."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(shape @ np.array([[cos, sin], [-sin, cos]]) + at, np.float32)


def blade(size: float, wide: float, curl: float = 0.0, belly: float = 0.9) -> Line:
    """A leaf along x, `wide` in parts of its length."""
    t = np.linspace(0, 1, 20)
    half = np.sin(np.pi * t**belly) * size * wide / 2
    rib = np.stack([t * size, np.sin(t * np.pi / 2) ** 2 * size * curl], -1)
    return np.concatenate([rib + np.stack([0 * t, half], -1), (rib - np.stack([0 * t, half], -1))[::-1]])


def leaves(plate: Plate, line: Line, size: float, count: int, wide: float, reach: float = 0.6) -> None:
    """Narrow leaves on the lower part of a stem, getting smaller."""
    for k in range(count):
        place = int((0.08 + reach * k / count) * len(line))
        side = 1 if k % 2 else -1
        lean = side * float(plate.rng.uniform(0.45, 0.85))
        length = size * (1 - 0.6 * k / count) * float(plate.rng.uniform(0.8, 1.15))
        way = heading(line, max(place, 2)) + lean
        shape = blade(length, wide, side * -0.16)
        plate.fill(turned(shape, way, line[place]), LEAF if k % 3 else YOUNG, 2.2)
        rib = np.stack(
            [np.linspace(0, 0.9, 8) * length, np.sin(np.linspace(0, 1.4, 8)) ** 2 * length * side * -0.15], -1
        )
        plate.pen(turned(rib, way, line[place]), 1.6)


def daisy(plate: Plate, line: Line, size: float) -> None:
    """A disc of many narrow petals, seen from some side, around a dome of florets."""
    rng = plate.rng
    plate.stem(line.astype(np.float32), 6)
    leaves(plate, line, size * 1.5, 6, 0.16, 0.5)
    lean = heading(line) + np.pi / 2 + float(rng.uniform(-0.25, 0.25))
    daisy_head(plate, line[-1], size, float(rng.uniform(0.42, 0.95)), lean)


def daisy_head(plate: Plate, at: Line, size: float, flat: float, lean: float) -> None:
    """The flower alone, `flat` as far as it is turned away (1 from the front)."""
    rng = plate.rng
    count = int(rng.integers(15, 22))
    for k in rng.permutation(count):
        angle = 2 * np.pi * k / count + float(rng.uniform(-0.07, 0.07))
        petal = turned(blade(size * float(rng.uniform(0.90, 1.08)), 0.20, 0.0, 1.5), angle, np.zeros(2))
        plate.fill(turned(petal * np.array([1.0, flat]), lean, at), PALE, 1.9)
        mid = np.linspace(0.35, 0.8, 4)[:, None] * np.array([[np.cos(angle), np.sin(angle) * flat]]) * size
        plate.pen(turned(mid, lean, at), 1.0)
    _heart(plate, at, size * 0.30, flat, lean)


def _heart(plate: Plate, at: Line, radius: float, flat: float, lean: float) -> None:
    dome = circle(0, 0, radius) * np.array([1, flat**0.5])
    plate.fill(turned(dome, lean, at), HEART, 2.2)
    for k in range(26):
        far, angle = radius * 0.88 * np.sqrt(k / 26), k * 2.39996
        plate.dot(
            turned(np.array([[np.cos(angle) * far, np.sin(angle) * far * flat**0.5]]), lean, at)[0], radius * 0.055
        )


def poppy(plate: Plate, line: Line, size: float) -> None:
    """Four or five broad crumpled petals, the farther ones first, a dark eye with its stamens; a bud beside it."""
    rng = plate.rng
    plate.stem(line.astype(np.float32), 4.5)
    leaves(plate, line, size * 1.7, 5, 0.24, 0.42)
    _bud(plate, line, size)
    lean = heading(line) + np.pi / 2 + float(rng.uniform(-0.5, 0.5))
    poppy_head(plate, line[-1], size, float(rng.uniform(0.55, 0.9)), lean)


def poppy_head(plate: Plate, at: Line, size: float, flat: float, lean: float) -> None:
    """The flower alone, `flat` as far as it is turned away (1 from the front)."""
    rng = plate.rng
    for angle in (-1.57, -2.75, -0.39, 2.25, 0.89):
        t = np.linspace(-1, 1, 30)
        rough: Line = (
            1 + 0.045 * np.sin(t * 9 + float(rng.uniform(0, 6))) + 0.03 * np.sin(t * 23 + float(rng.uniform(0, 6)))
        )
        far = size * np.maximum(1 - np.abs(t) ** 3.4, 0) ** 0.55 * rough
        spread = angle + t * 0.95
        shape = np.stack([np.cos(spread) * far, np.sin(spread) * far * flat], -1)
        plate.fill(turned(shape, lean, at), BLOOM, 2.3)
        for crease in np.linspace(-0.6, 0.6, 6) + rng.uniform(-0.06, 0.06, 6):
            reach = np.linspace(0.34, 0.70 + 0.14 * float(rng.random()), 6)[:, None]
            way = np.array([[np.cos(angle + crease), np.sin(angle + crease) * flat]])
            plate.pen(turned(reach * way * size, lean, at), 1.3)
    eye = circle(0, 0, size * 0.19) * np.array([1, flat])
    plate.tone(turned(eye, lean, at), LEAF, 0.72)
    for k in range(18):
        spin, out = k * 0.349, size * float(rng.uniform(0.22, 0.31))
        plate.dot(turned(np.array([[np.cos(spin) * out, np.sin(spin) * out * flat]]), lean, at)[0], size * 0.022)
    plate.fill(turned(circle(0, 0, size * 0.10) * np.array([1, flat]), lean, at), YOUNG, 1.8)


def _bud(plate: Plate, line: Line, size: float) -> None:
    """A nodding bud on a stalk of its own."""
    place = int(len(line) * 0.42)
    side = 1.0 if plate.rng.random() < 0.5 else -1.0
    stalk = bent(
        plate,
        (float(line[place][0]), float(line[place][1])),
        heading(line, place) + side * 0.35,
        size * 2.0,
        side * 2.1,
    )
    plate.stem(stalk.astype(np.float32), 3)
    plate.fill(turned(blade(size * 0.55, 0.52), heading(stalk), stalk[-1]), LEAF, 2.2)
    plate.fill(turned(blade(size * 0.52, 0.16, 0.10), heading(stalk), stalk[-1]), BLOOM, 1.8)


def rose(plate: Plate, at: Line, size: float) -> None:
    """A wild rose from the front: two rounds of round petals about a crown of stamens."""
    rng = plate.rng
    start = float(rng.uniform(0, 6.3))
    for scale, count, shift in ((1.0, 6, 0.0), (0.66, 5, 0.5)):
        for k in range(count):
            angle = start + 2 * np.pi * (k + shift) / count + float(rng.uniform(-0.08, 0.08))
            petal = blade(size * scale * float(rng.uniform(0.94, 1.06)), 0.92, 0.0, 2.1)
            plate.fill(turned(petal, angle, at), BLOOM, 2.3)
            for fan in (-0.30, -0.15, 0.0, 0.15, 0.30):
                reach = np.linspace(0.42, 0.80 - abs(fan) * 0.6, 6)[:, None] * size * scale
                plate.pen(turned(reach * np.array([[np.cos(fan), np.sin(fan)]]), angle, at), 1.2)
    for k in range(16):
        far = size * float(rng.uniform(0.22, 0.32))
        tip = np.array([[np.cos(k * 0.3927) * far, np.sin(k * 0.3927) * far]])
        plate.pen(turned(np.linspace(0, 1, 5)[:, None] * tip, 0.0, at), 1.4)
        plate.dot(turned(tip, 0.0, at)[0], size * 0.032)
        plate.dot(turned(tip, 0.0, at)[0], size * 0.020, HEART)
    plate.fill(circle(float(at[0]), float(at[1]), size * 0.13), HEART, 1.9)


def umbel(plate: Plate, line: Line, size: float) -> None:
    """Rays from the end of a stem, each with a small head of florets: wild carrot."""
    rng = plate.rng
    plate.stem(line.astype(np.float32), 5)
    leaves(plate, line, size * 1.2, 7, 0.13, 0.62)
    at, way, count = line[-1], heading(line), int(rng.integers(13, 18))
    for k in range(count):
        angle = (k / (count - 1) - 0.5) * 2.3
        reach = size * (1.25 - 0.16 * abs(angle)) * float(rng.uniform(0.9, 1.05))
        t = np.linspace(0, 1, 12)
        ray = np.stack([t * reach * np.cos(angle * t**0.5), t * reach * np.sin(angle * t**0.4)], -1)
        plate.pen(turned(ray, way, at), 2.2)
        head = turned(ray[-1:], way, at)[0]
        for j in range(15):
            far, spin = size * 0.15 * np.sqrt(j / 15), j * 2.39996
            spot = head + np.array([np.cos(spin) * far * 1.15, np.sin(spin) * far * 0.8])
            plate.dot(spot, size * 0.048 + 0.8 * plate.scene.unit)
            plate.dot(spot, size * 0.040, HEART if j == 0 else PALE)


def lavender(plate: Plate, line: Line, size: float) -> None:
    """A spike of whorls of small buds, denser towards its tip."""
    rng = plate.rng
    plate.stem(line.astype(np.float32), 3.5)
    leaves(plate, line, size * 1.3, 8, 0.10, 0.42)
    whorls = 13
    for k in range(whorls):
        place = min(int((0.58 + 0.42 * (k / (whorls - 1)) ** 0.85) * len(line)), len(line) - 1)
        grown = size * (0.40 - 0.22 * k / whorls)
        for j in (-1.25, 1.25, -0.75, 0.75, -0.25, 0.25):
            way = heading(line, place) + j + float(rng.uniform(-0.14, 0.14))
            plate.fill(turned(blade(grown * float(rng.uniform(0.8, 1.1)), 0.42), way, line[place]), SECOND, 1.7)
    plate.fill(turned(blade(size * 0.26, 0.5), heading(line), line[-1]), SECOND, 1.7)


def grass(plate: Plate, line: Line, size: float) -> None:
    """Long blades that bow to one side and an ear of small grains."""
    rng = plate.rng
    foot, way = line[0], heading(line, 3)
    for _ in range(4):
        side = float(rng.choice([-1, 1]))
        curve = bent(
            plate,
            (float(foot[0]), float(foot[1])),
            way + side * 0.12,
            size * float(rng.uniform(2.6, 5.2)),
            side * float(rng.uniform(0.4, 1.3)),
            26,
        )
        half = (np.sin(np.linspace(0.5, np.pi, 26)) * size * 0.075)[:, None]
        step = np.gradient(curve, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.hypot(step[:, 0], step[:, 1])[:, None]
        plate.fill(
            np.concatenate([curve + normal * half, (curve - normal * half)[::-1]]).astype(np.float32), YOUNG, 1.9
        )
    plate.pen(line.astype(np.float32), 3.0)
    for k in range(20):
        place = min(int((0.66 + 0.34 * k / 19) * len(line)), len(line) - 1)
        lean = (0.42 if k % 2 else -0.42) + float(rng.uniform(-0.1, 0.1))
        grain = blade(size * (0.36 - 0.008 * k), 0.26)
        plate.fill(turned(grain, heading(line, place) + lean, line[place]), HEART if k % 3 else YOUNG, 1.6)


def bee(plate: Plate, at: Line, size: float, way: float) -> None:
    """A bee from the side, flying: striped body, two pairs of wings, and the way it came as a dotted loop."""
    unit, flip = plate.scene.unit, np.array([1.0, 1.0 if np.cos(way) > 0 else -1.0])
    t = np.linspace(0.06, 1, 34)
    trail = np.stack([-t * size * 5.2, np.sin(t * 7.5) * size * 0.9 * t - t * size * 0.4], -1) - (size * 0.7, 0)
    for spot in turned(trail * flip, way, at):
        plate.dot(spot, 2.3 * unit)
    for reach, lift in ((0.92, 2.05), (1.18, 1.62)):
        wing = turned(blade(size * reach, 0.40, 0.06, 0.62), -lift, np.array([0.08 * size, -0.14 * size]))
        plate.fill(turned(wing.astype(np.float64) * flip, way, at), PALE, 1.9)
        vein = turned(
            np.stack([np.linspace(0.1, 0.8, 6) * size * reach, np.zeros(6)], -1),
            -lift,
            np.array([0.08 * size, -0.14 * size]),
        )
        plate.pen(turned(vein.astype(np.float64) * flip, way, at), 1.2)
    body = circle(0, 0, 1).astype(np.float64) * (size * 0.66, size * 0.34) - (size * 0.20, 0)
    plate.fill(turned(body * flip, way, at), HEART, 2.2)
    for place in (-0.62, -0.38, -0.14):
        half = 0.34 * np.sqrt(max(1 - ((place + 0.20) / 0.66) ** 2, 0)) * size
        stripe = np.array(
            [(place - 0.06, -half), (place + 0.06, -half * 1.02), (place + 0.06, half * 1.02), (place - 0.06, half)]
        )
        stripe[:, 0] *= size
        plate.tone(turned(stripe * flip, way, at), LEAF, 0.85)
    plate.tone(turned(circle(size * 0.30, 0, size * 0.30).astype(np.float64) * flip, way, at), HEART, 0.35)
    plate.tone(turned(circle(size * 0.62, size * 0.04, size * 0.20).astype(np.float64) * flip, way, at), LEAF, 0.85)
    for lift in (0.9, 0.5):
        feeler = np.stack([size * (0.70 + np.linspace(0, 0.35, 7)), -size * lift * np.linspace(0, 0.42, 7) ** 0.7], -1)
        plate.pen(turned(feeler * flip, way, at), 2.0)


KINDS = (daisy, poppy, umbel, lavender, grass)
