"""Ink wash on rice paper: mountains in mist, bamboo, or one turn of a broad brush, with a single red accent."""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Rgb, lightness, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, circle, over, strip

SUBJECTS = ("mountains", "enso", "reeds")
SAID = {"mountain": "mountains", "desert": "mountains", "forest": "reeds", "flower": "reeds", "rain": "reeds"}


def compose(scene: Scene) -> Band:
    """Paper, then the accent, then ink, darker where it pooled."""
    subject = scene.asked("subject", scene.reading.last(SAID), SUBJECTS)
    rng = scene.chance("ink")
    across, down = scene.small(2)
    wash = {"mountains": _mountains, "enso": _enso, "reeds": _reeds}[subject](scene, rng, across, down)
    tall = scene.height * (0.17 if subject != "enso" else 0.13)
    middle = scene.width * 0.5 if subject == "enso" else None
    placed = figures.on(scene, scene.height * (0.80 if middle is None else 0.63), tall, x=middle)
    wash = _bank(scene, subject, placed, tall, wash)
    ink = noise.Sheet(np.clip(wash, 0, 1), scene.width, scene.height)
    fibre = noise.Sheet(noise.fbm(rng, across, down, (34.0, 52.0), 4, 0.75), scene.width, scene.height)
    sun, drops = _sun(scene, subject), Stencil(_drops(scene, rng), scene.width)
    paper, black = scene.palette.light, shade(scene.palette.dark, min(lightness(scene.palette.dark), 0.24), 0.8)
    tint, red = mix(black, scene.palette.middle[0], 0.45), scene.palette.accent

    figure = figures.stencil(scene, placed, tall)
    figure_ink = black if scene.reading.tint is None else parse(scene.reading.tint)

    def band(top: int, bottom: int) -> Rgb:
        texture = fibre.rows(top, bottom) - np.float32(0.5)
        rgb = paper * (np.float32(1) + texture * np.float32(0.055))[..., None]
        cover = sun.rows(top, bottom)
        if cover is not None:
            rgb = over(rgb, red, cover * np.clip(0.86 + texture * np.float32(0.9), 0, 1))
        depth = np.clip(ink.rows(top, bottom) * (1 + texture * np.float32(0.55)), 0, 1)
        rgb = over(rgb, tint, np.clip(depth * np.float32(1.25), 0, 1))
        rgb = over(rgb, black, depth * depth)
        rgb = over(rgb, black, drops.rows(top, bottom))
        cover = None if figure is None else figure.rows(top, bottom)
        return rgb if cover is None else over(rgb, figure_ink, cover * np.clip(0.93 + texture * np.float32(0.6), 0, 1))

    return band


def _mountains(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Each ridge is wet and dark at its crest and runs out into the mist below; nearer ones are darker."""
    y = np.arange(down, dtype=np.float32)[:, None]
    bleed = noise.fbm(rng, across, down, (26.0, 40.0), 5, 0.62) - 0.5
    cloud = noise.spread(noise.fbm(rng, across, down, (2.5, 7.0), 5))
    wash = np.zeros((down, across), np.float32)
    count = int(scene.number("layers", 5, 2, 8))
    for index in range(count):
        near = index / max(count - 1, 1)
        base = down * (scene.number("horizon", 0.58, 0.3, 0.8) + 0.36 * near)
        line = noise.ridge_line(rng, across, (1.4 + 1.2 * near) * max(scene.width / scene.height, 0.7), 8, 0.5)
        crest = base - (line - 0.35) * down * np.float32(0.34 * (1 - 0.55 * near))
        below = y - crest[None, :] + bleed * np.float32(down * 0.016)
        edge = noise.smoothstep(-0.6, 1.2 + 2.2 * (1 - near), below)
        fall = np.exp(-np.clip(below, 0, None) / np.float32(down * (0.055 + 0.05 * near)))
        strength = (0.20 + 0.72 * near) * (0.5 + 0.5 * cloud)
        layer = edge * (fall * 0.92 + 0.05) * strength
        wash = wash * (1 - edge * np.float32(0.55 + 0.35 * near)) + layer
    return wash


def _bank(scene: Scene, subject: str, placed: figures.Placed | None, tall: float, wash: Field) -> Field:
    """The wash with what holds the figure: a headland that runs out into mist, or strokes of water.

    Within the brush circle it is one short stroke.
    """
    down, across = wash.shape
    scale = np.array([across / scene.width, down / scene.height], np.float32)
    line = figures.footing(scene, placed, tall)
    bleed = noise.fbm(scene.chance("bank"), across, down, (30.0, 44.0), 5, 0.62) - 0.5
    if placed is None or line is None:
        strokes = Stencil([part * scale for part in figures.water(scene, placed, tall)], across).rows(0, down)
        return wash if strokes is None else np.asarray(np.maximum(wash, strokes * (0.72 + bleed)), np.float32)
    xs = np.linspace(0, scene.width - 1, across).astype(np.int32)
    below = np.arange(down, dtype=np.float32)[:, None] - line[xs][None, :] * scale[1]
    if subject == "enso":
        away = np.abs(xs - placed[1])[None, :] / np.float32(tall * figures.BROAD.get(placed[0], 0.6) * 1.15)
        thick = np.float32(tall * 0.10 * scale[1]) * np.clip(1 - away**4, 0, 1) * (1 + bleed)
        stroke = noise.smoothstep(-1.2, 0.6, below) * noise.smoothstep(0.0, 1.5, thick - below) * (away < 1)
        return np.asarray(np.maximum(wash, stroke * (np.float32(0.86) + bleed * np.float32(0.5))), np.float32)
    below = below + bleed * np.float32(down * 0.006)
    edge = noise.smoothstep(-0.6, 1.2, below)
    under = np.clip(below, 0, None)
    fall = np.exp(-under / np.float32(down * 0.05)) + np.float32(0.35) * np.exp(-under / np.float32(down * 0.2))
    return np.asarray(wash * (1 - edge * np.float32(0.9)) + edge * np.clip(fall, 0, 1) * (0.9 + bleed), np.float32)


def _enso(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """A circle in one stroke: full where the brush lands, dry bristles where it lifts."""
    cx, cy = across * float(rng.uniform(0.47, 0.53)), down * scene.number("place", 0.57)
    short = min(across, down)
    radius = short * scene.number("size", 0.31, 0.1, 0.45)
    ys, xs = np.mgrid[0:down, 0:across].astype(np.float32)
    wobble = (noise.fbm(rng, across, down, (3.0, 3.0), 3) - 0.5) * np.float32(short * 0.035)
    dx, dy = xs - np.float32(cx), (ys - np.float32(cy)) * np.float32(1.03)
    far = np.hypot(dx, dy) + wobble
    start = float(rng.uniform(0.9, 1.6))
    turn = np.mod(np.arctan2(dy, dx) - np.float32(start), np.float32(2 * np.pi)) / np.float32(2 * np.pi)
    thick = np.float32(short) * (0.052 - 0.022 * turn + 0.018 * np.sin(turn * 9 + start) * turn)
    offset = (far - radius * (1 + 0.025 * turn)) / thick
    hair = _bristles(rng, offset, turn)
    dry = np.clip(turn * 1.25 - 0.22, 0, 1)
    body = noise.smoothstep(1.06, 0.9, np.abs(offset)) * np.clip(1.25 - dry * (hair * 1.9), 0, 1)
    pool = 0.80 + 0.20 * noise.smoothstep(0.3, 1.0, np.abs(offset))
    return np.asarray(
        body * pool * noise.smoothstep(0.0, 0.012, turn) * noise.smoothstep(0.985, 0.90, turn), np.float32
    )


def _bristles(rng: np.random.Generator, offset: Field, turn: Field) -> Field:
    """Streaks along the stroke: noise that changes quickly across the brush and slowly along it."""
    tracks = noise.fbm(rng, 900, 160, (7.0, 40.0), 4, 0.7)
    return noise.spread(
        noise.sample(tracks, turn * np.float32(899), (offset * np.float32(0.5) + np.float32(0.5)) * np.float32(159))
    )


def _reeds(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Bamboo: upright stalks with joints, some in the mist, and leaves by a loaded brush."""
    near = _bamboo(scene, rng, across, down, 3, 1.0)
    far = _bamboo(scene, rng, across, down, 3, 0.6)
    cloud = noise.spread(noise.fbm(rng, across, down, (2.0, 3.0), 4))
    streak = noise.fbm(rng, across, down, (60.0, 6.0), 3)
    return np.asarray(
        np.maximum(far * (0.16 + 0.16 * cloud), near * (0.5 + 0.36 * cloud + 0.3 * (streak - 0.5))), np.float32
    )


def _bamboo(scene: Scene, rng: np.random.Generator, across: int, down: int, stalks: int, near: float) -> Field:
    shapes: list[Points] = []
    unit = min(across, down) / 800
    side, stands = (1 if rng.random() < 0.5 else 0), figures.column(scene)
    if stands is not None:
        side = 1 if stands < scene.width / 2 else 0
    for k in range(stalks):
        place = (0.80 if side else 0.04) + 0.13 * k * (1 if near == 1 else 1.4) * (1 if side == 0 else -0.62)
        x, lean = (place + float(rng.uniform(-0.02, 0.02))) * across, float(rng.uniform(-0.05, 0.05)) * across
        y, width = float(down) * 1.02, unit * float(rng.uniform(20, 34)) * near
        while y > -down * 0.05:
            joint = down * float(rng.uniform(0.10, 0.15))
            part = np.linspace(y, y - joint + 4 * unit, 12, dtype=np.float32)
            px = x + lean * (1 - part / down)
            swell = 1 + 0.16 * np.abs(np.linspace(-1, 1, 12, dtype=np.float32)) ** 3
            shapes.append(strip(np.stack([px, part], -1).astype(np.float32), (width * swell).astype(np.float32)))
            if rng.random() < 0.62:
                shapes += _leaves(rng, float(px[-1]), y - joint, unit * 118 * near, -1 if side else 1)
            y -= joint
    mask = Stencil(shapes, across).rows(0, down)
    return np.zeros((down, across), np.float32) if mask is None else mask


def _leaves(rng: np.random.Generator, x: float, y: float, size: float, side: int) -> list[Points]:
    leaves = []
    for _ in range(int(rng.integers(2, 5))):
        angle = float(rng.uniform(0.1, 1.15)) if side > 0 else float(np.pi - rng.uniform(0.1, 1.15))
        t = np.linspace(0, 1, 22, dtype=np.float32)
        long = size * float(rng.uniform(0.7, 1.35))
        px, py = x + np.cos(angle) * long * t, y + np.sin(angle) * long * t + long * 0.16 * t * t
        leaves.append(
            strip(
                np.stack([px, py], -1).astype(np.float32),
                (np.sin(np.pi * t**0.6) * size * 0.15 + 0.3).astype(np.float32),
            )
        )
    return leaves


def _sun(scene: Scene, subject: str) -> Stencil:
    """The one accent: a red sun, or a small seal for the brush circle."""
    rng = scene.chance("sun")
    short = min(scene.width, scene.height)
    if subject == "enso":
        radius, x, y = short * 0.042, scene.width * 0.72, scene.height * scene.number("place", 0.57) + short * 0.34
    else:
        radius = short * scene.number("disc", 0.125, 0.0, 0.3)
        x, y = scene.width * float(rng.uniform(0.34, 0.68)), scene.height * float(rng.uniform(0.42, 0.47))
    return Stencil([_rough(rng, x, y, radius)] if radius > 1 else [], scene.width)


def _rough(rng: np.random.Generator, x: float, y: float, radius: float) -> Points:
    """A disc as a brush leaves it: nearly round."""
    points = circle(x, y, radius)
    angle = np.linspace(0, 2 * np.pi, len(points), dtype=np.float32)
    waves = sum(np.sin(k * angle + rng.uniform(0, 6.3)) * 0.012 / k**0.5 for k in (2, 3, 5, 9))
    return np.asarray((points - (x, y)) * (1 + np.asarray(waves))[:, None] + (x, y), np.float32)


def _drops(scene: Scene, rng: np.random.Generator) -> list[Points]:
    drops = []
    x, y = scene.width * float(rng.uniform(0.2, 0.8)), scene.height * float(rng.uniform(0.74, 0.9))
    for _ in range(int(scene.number("splatter", 0.35) * 46)):
        away, angle = float(rng.exponential(150)) * scene.unit, float(rng.uniform(0, 6.3))
        radius = min(float(rng.pareto(2.0)) * 1.6 + 0.8, 9.0) * scene.unit
        drops.append(_rough(rng, x + np.cos(angle) * away * 1.6, y + np.sin(angle) * away, radius))
    return drops


FAMILY = Family(
    name="ink",
    compose=compose,
    palettes=(
        ("#16181d", "#4a5560", "#b3261e", "#f4eee0"),
        ("#1b2330", "#3f5a73", "#c8452d", "#f3eddd"),
        ("#1d1a17", "#5b5147", "#a8321f", "#efe6d2"),
        ("#14211d", "#45655a", "#bf3b2b", "#f1eee2"),
    ),
    finish=Finish(grain=0.006, vignette=0.10),
    options={
        "subject": "mountains, enso or reeds",
        "horizon": "height of the farthest ridge, 0.3 to 0.8",
        "layers": "2 to 8 ridges",
        "disc": "red sun, 0 to 0.3 of the short side",
        "size": "radius of the brush circle, 0.1 to 0.45",
        "place": "height of the brush circle, 0 to 1",
        "splatter": "0 to 1",
    },
)
