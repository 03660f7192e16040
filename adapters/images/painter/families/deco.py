"""Art deco: a sun of rays behind stepped arches, fans and fine gold lines, in strict symmetry inside a frame."""

from itertools import pairwise

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Ramp, Rgb, lightness, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, circle, over, ring, strip

MOTIFS = ("sunburst", "fans", "tower")


def compose(scene: Scene) -> Band:
    """Ground, then tone on tone shapes, then everything that is metal."""
    said = scene.reading.last({"city": "tower", "sun": "sunburst", "sea": "fans"})
    motif = scene.asked("motif", said, MOTIFS)
    motif = "sunburst" if scene.reading.figures and motif == "tower" else motif
    ground, tone, metal = _colours(scene)
    plain, gold = {"sunburst": _sunburst, "fans": _fans, "tower": _tower}[motif](scene)
    emblem = Emblem(scene, motif)
    low = Stencil([*plain, *emblem.plain], scene.width)
    high = Stencil([*gold, *emblem.gold, *_frame(scene)], scene.width)
    free, figure = Stencil(emblem.free, scene.width), Stencil(emblem.figure, scene.width)
    sheen = _sheen(scene)
    deep = shade(scene.palette.dark, lightness(scene.palette.dark) * 0.62)
    tint = None if scene.reading.tint is None else parse(scene.reading.tint)

    def band(top: int, bottom: int) -> Rgb:
        depth = np.broadcast_to(scene.lines(top, bottom) / np.float32(scene.height), (bottom - top, scene.width))
        rgb = ground.at(depth)
        rgb = over(rgb, tone, low.rows(top, bottom))
        light = metal.at(sheen.rows(top, bottom))
        rgb = over(rgb, light, high.rows(top, bottom))
        rgb = over(rgb, deep, free.rows(top, bottom))
        return over(rgb, light if tint is None else tint, figure.rows(top, bottom))

    return band


class Emblem:
    """The prompt's figure in gold: in a medallion before the rays, on stairs, or over the fans as over waves.

    `plain` and `gold` are laid with the picture's own, `free` is the dark ground that is kept round the figure.
    """

    def __init__(self, scene: Scene, motif: str) -> None:
        self.plain: list[Points] = []
        self.gold: list[Points] = []
        self.free: list[Points] = []
        self.figure: list[Points] = []
        if not scene.reading.figures:
            return
        name, unit, x = scene.reading.figures[0], scene.unit, scene.width / 2
        fans = motif == "fans"
        radius = min(scene.height * (0.17 if scene.wide else 0.20), scene.width * 0.31)
        y = scene.height * scene.number("horizon", 0.52 if fans else 0.74, 0.45, 0.9)
        middle = y + radius * 0.95 if fans else y - radius * 0.72
        tall = radius * {"ship": 1.2, "couple": 1.2, "fish": 0.42}.get(name, 1.16)
        low, high = _extent(name)
        aloft = name in figures.ALOFT
        foot = middle + (tall * (low + high) / 2 if aloft else radius * (0.40 if name in figures.AFLOAT else 0.66))
        self.free = [circle(x, middle, radius)]
        self.gold = [ring(x, middle, radius * k, radius * k - w * unit) for k, w in ((1.12, 4.0), (1.06, 12.0))]
        self.figure = [
            *([] if name in figures.AFLOAT else _stage(x, middle, radius, foot) if not aloft else []),
            *_centred(_members(scene, name, x, foot, tall), x, name),
            *([] if name not in figures.AFLOAT else _waves(x, middle, radius, foot, unit)),
            ring(x, middle, radius * 0.97, radius * 0.97 - 4 * unit),
        ]


def _extent(name: str) -> tuple[float, float]:
    """The lowest and highest point of a silhouette, in its heights."""
    ys = np.concatenate([part[:, 1] for part in figures.drawn(name, 0, 0, 1)])
    return -float(ys.max()), -float(ys.min())


def _members(scene: Scene, name: str, x: float, foot: float, tall: float) -> list[Points]:
    """The figure with its like, as far as a medallion has room: one camel for the row."""
    return figures.drawn(name, x, foot, tall) if name == "camel" else figures.company(scene, name, x, foot, tall)


def _centred(parts: list[Points], x: float, name: str) -> list[Points]:
    """The parts moved so that their extent is centred: a medallion has no side."""
    xs = np.concatenate([part[:, 0] for part in parts])
    shift = np.float32(0.0 if name == "fish" else x - (float(xs.min()) + float(xs.max())) / 2)
    return [part + np.array([shift, 0], np.float32) for part in parts]


def _stage(x: float, y: float, radius: float, foot: float) -> list[Points]:
    """Steps that fill the medallion under the figure's feet, each as wide as the circle is there."""
    steps, edge = [], foot
    for k in range(5):
        deep = radius * (0.030 + 0.012 * k)
        half = float(np.sqrt(max((radius * 0.90) ** 2 - (edge + deep - y) ** 2, 0.0)))
        if edge + deep > y + radius * 0.9:
            break
        steps.append(box(x - half, edge, x + half, edge + deep))
        edge += deep * 1.5
    return steps


def _waves(x: float, y: float, radius: float, foot: float, unit: float) -> list[Points]:
    """Rows of small arches under a hull, as wide as the circle is there."""
    waves: list[Points] = []
    row, size = foot + radius * 0.02, radius * 0.085
    while row < y + radius * 0.86:
        half = float(np.sqrt(max((radius * 0.90) ** 2 - (row - y) ** 2, 0.0)))
        count = int(half / size)
        shift = 0.0 if len(waves) % 2 else size
        waves += [
            ring(x + (k - count / 2) * 2 * size + shift, row + size, size, size - 5 * unit, -np.pi, 0)
            for k in range(count)
        ]
        row += size * 0.72
    return waves


def _colours(scene: Scene) -> tuple[Ramp, Rgb, Ramp]:
    palette = scene.palette
    metal = max(palette.given, key=lambda c: lightness(c) * 0.4 + abs(float(c[0] - c[2])))
    ground = palette.dark
    tone = mix(ground, palette.middle[0], 0.55)
    deep, bright = shade(metal, 0.55, 1.0), mix(metal, palette.light, 0.75)
    run = Ramp([deep, metal, bright, metal, deep, metal, bright], [0, 0.18, 0.34, 0.5, 0.66, 0.84, 1])
    return Ramp([mix(ground, palette.middle[0], 0.18), ground, shade(ground, lightness(ground) * 0.72)]), tone, run


def _sheen(scene: Scene) -> noise.Sheet:
    """Light travelling over the metal: a slanted wave with a little unevenness."""
    across, down = scene.small(8)
    rng = scene.chance("sheen")
    x = np.linspace(0, 1, across, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, down, dtype=np.float32)[:, None]
    uneven = noise.fbm(rng, across, down, (3.0, 4.0), 4) - 0.5
    wave = 0.5 + 0.5 * np.sin((x * 1.4 + y * 2.2 + uneven * 1.1) * 2.6 * np.pi)
    return noise.Sheet(wave.astype(np.float32), scene.width, scene.height)


def _frame(scene: Scene) -> list[Points]:
    """Two lines round the page, stepped inwards at the corners."""
    unit, w, h = scene.unit, scene.width, scene.height
    lines: list[Points] = []
    for inset, weight, step in ((44.0, 5.0, 46.0), (66.0, 2.4, 46.0)):
        i, s = inset * unit, step * unit
        corner = [(i + 2 * s, i), (i + 2 * s, i + s), (i + s, i + s), (i + s, i + 2 * s), (i, i + 2 * s)]
        path = [
            *corner,
            *[(x, h - y) for x, y in corner[::-1]],
            *[(w - x, h - y) for x, y in corner],
            *[(w - x, y) for x, y in corner[::-1]],
        ]
        closed = [*path, path[0]]
        for a, b in pairwise(closed):
            lines.append(_stroke(a, b, weight * unit))
    return lines


def _stroke(a: tuple[float, float], b: tuple[float, float], weight: float) -> Points:
    """An upright or level line with square ends that meet the next one."""
    half = weight / 2
    return box(min(a[0], b[0]) - half, min(a[1], b[1]) - half, max(a[0], b[0]) + half, max(a[1], b[1]) + half)


def _ray(x: float, y: float, angle: float, near: float, far: float, spread: float) -> Points:
    ends = [(near, -spread), (far, -spread), (far, spread), (near, spread)]
    return np.array([(x + r * np.cos(angle + s), y + r * np.sin(angle + s)) for r, s in ends], np.float32)


def _sunburst(scene: Scene) -> tuple[list[Points], list[Points]]:
    rng = scene.chance("sunburst")
    x, y = scene.width / 2, scene.height * scene.number("horizon", 0.74, 0.45, 0.9)
    reach, unit, core = float(np.hypot(scene.width, scene.height)), scene.unit, 210 * scene.unit
    count = int(rng.choice([9, 11, 13])) * 2 + 1
    angles = np.linspace(-np.pi, 0, count)
    pitch = np.pi / (count - 1)
    plain = [_ray(x, y, float(a), core, reach, pitch * 0.5) for a in angles[::2]]
    gold = [
        _ray(x, y, float(a), core * (1.9 if i % 2 else 1.25), core * (3.2 if i % 2 else 4.6), pitch * 0.035)
        for i, a in enumerate(angles)
    ]
    gold += [
        ring(x, y, core * k, core * k - weight * unit, -np.pi, 0)
        for k, weight in ((1.0, 12.0), (0.86, 4.0), (1.16, 4.0))
    ]
    gold += [circle(x, y, core * 0.74, -np.pi, 0)]
    gold += _steps(scene, y)
    return plain, gold


def _steps(scene: Scene, y: float) -> list[Points]:
    """Level lines under the sun, closer as they go down, like a stair seen from the front."""
    unit, lines = scene.unit, []
    inset, drop = 66 * unit, 0.0
    while y + drop < scene.height - 240 * unit:
        lines.append(box(inset, y + drop, scene.width - inset, y + drop + max(9 - drop / unit / 30, 2.5) * unit))
        drop += (26 + drop / unit * 0.22) * unit
        if len(lines) > 5:
            break
    return lines


def _fans(scene: Scene) -> tuple[list[Points], list[Points]]:
    """Overlapping scales from the foot of the page up, getting fewer: a shoreline of fans."""
    plain: list[Points] = []
    gold: list[Points] = []
    across = int(scene.number("density", 0.4) * 6) + 3
    radius = (scene.width - 132 * scene.unit) / across / 2
    top = scene.height * scene.number("horizon", 0.52, 0.2, 0.9)
    row, y = 0, top + radius
    while y < scene.height - 66 * scene.unit + radius * 0.5:
        shift = radius if row % 2 else 0.0
        for k in range(across + (0 if row % 2 == 0 else -1)):
            gold += _fan(scene, 66 * scene.unit + radius + shift + k * radius * 2, y, radius)
        row, y = row + 1, y + radius * 0.98
    return plain, [p for p in gold if p[:, 1].max() < scene.height - 66 * scene.unit]


def _fan(scene: Scene, x: float, y: float, radius: float) -> list[Points]:
    unit = scene.unit
    arcs = [
        ring(x, y, radius * k, radius * k - weight * unit, -np.pi, 0)
        for k, weight in ((1.0, 7.0), (0.9, 2.6), (0.46, 3.0))
    ]
    spokes = [_ray(x, y, float(a), radius * 0.46, radius * 0.9, 0.011) for a in np.linspace(-np.pi, 0, 13)[1:-1]]
    return [*arcs, *spokes, circle(x, y, radius * 0.16, -np.pi, 0)]


def _tower(scene: Scene) -> tuple[list[Points], list[Points]]:
    """A stepped tower on the middle line with rays of searchlight behind it."""
    unit, w = scene.unit, scene.width
    foot, crown = scene.height - 66 * unit, scene.height * scene.number("horizon", 0.5, 0.3, 0.8)
    x, gold = w / 2, []
    angles = np.linspace(-np.pi * 0.93, -np.pi * 0.07, 12)
    plain = [_ray(x, crown + 220 * unit, float(a), 60 * unit, scene.height * 1.4, 0.052) for a in angles]
    rng = scene.chance("tower")
    half, top = 70 * unit, crown
    gold.append(
        strip(
            np.array([(x, crown - 250 * unit), (x, crown)], np.float32),
            np.array([1.5, 9], np.float32) * np.float32(unit),
        )
    )
    while half < w / 2 - 80 * unit:
        for side in (-1, 1):
            edge = x + side * half
            gold.append(box(min(edge, x), top, max(edge, x), top + 5 * unit))
            gold.append(box(edge - 3 * unit, top, edge + 3 * unit, foot))
            for inner in np.arange(1, 3):
                line = edge - side * inner * 17 * unit
                gold.append(box(line - 1.4 * unit, top + 26 * unit, line + 1.4 * unit, foot))
        half += float(rng.uniform(62, 84)) * unit
        top += float(rng.uniform(90, 220)) * unit
    return plain, [p for p in gold if p[:, 1].min() < foot]


FAMILY = Family(
    name="deco",
    compose=compose,
    palettes=(
        ("#0d1321", "#1d2d44", "#d4a94e", "#f6e7c1"),
        ("#0b2b26", "#14524a", "#cfae70", "#f5ead0"),
        ("#2a0a18", "#5c1a33", "#d9a05b", "#f9e8cf"),
        ("#17141f", "#3b3355", "#c9a66b", "#f3e9dc"),
    ),
    finish=Finish(grain=0.010, vignette=0.18),
    options={
        "motif": "sunburst, fans or tower",
        "horizon": "height of the sun, fans or tower, 0 top to 1 bottom",
        "density": "0 few to 1 many fans",
    },
)
