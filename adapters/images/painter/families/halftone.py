"""Halftone montage: photographs that never were, screened into dots and set among flat paper, two inks over each other.

The pictures are computed in grey (a moon with its craters, an eye, a range of peaks) and printed through two screens of
different angles, the way a cheap press does it; the second ink is a little out of register.
"""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, circle, over, strip

SUBJECTS = ("moon", "eye", "peaks")
SAID = {"moon": "moon", "planet": "moon", "star": "moon", "mountain": "peaks", "snow": "peaks", "eye": "eye"}


def compose(scene: Scene) -> Band:
    """Paper blocks first, then the light ink's dots, then the dark ink's."""
    subject = scene.asked("subject", scene.reading.last(SAID), SUBJECTS)
    rng, palette = scene.chance("montage"), scene.palette
    paper, ink = shade(palette.light, 0.945, 0.8), shade(palette.dark, 0.2, 0.8)
    second = palette.accents[1 if subject == "peaks" and len(palette.accents) > 1 else 0]
    photo, mask = {"moon": _moon, "eye": _eye, "peaks": _peaks}[subject](scene, rng)
    grey, part = noise.Sheet(photo, scene.width, scene.height), noise.Sheet(mask, scene.width, scene.height)
    blocks = (_sunrise if subject == "peaks" else _blocks)(scene, rng, palette.accents, paper)
    (figure, figure_ink), edge, ground = _figure(scene, ink), _edge(scene), _ground(scene)
    pitch = np.float32((10 + 12 * scene.number("dots", 0.35)) * scene.unit)
    shift = np.float32(5 * scene.unit)
    mottle = noise.Sheet(
        noise.fbm(scene.chance("press"), *scene.small(3), (60.0, 90.0), 3, 0.7), scene.width, scene.height
    )

    def band(top: int, bottom: int) -> Rgb:
        x, y = scene.columns(), scene.lines(top, bottom)
        rgb = np.broadcast_to(paper, (bottom - top, scene.width, 3))
        for colour, stencil in blocks:
            rgb = over(rgb, colour, stencil.rows(top, bottom))
        dark, here = 1 - grey.rows(top, bottom), np.clip(part.rows(top, bottom), 0, 1)
        press = np.float32(0.90) + (mottle.rows(top, bottom) - np.float32(0.5)) * np.float32(0.2)
        rgb = over(rgb, paper, here)
        rgb = over(
            rgb,
            rgb * mix(second, paper, 0.05),
            _dots(x + shift, y - shift, 0.26, pitch, dark * np.float32(0.9)) * here * press,
        )
        rgb = over(rgb, ink, _dots(x, y, 0.78, pitch, dark * dark * np.float32(1.12)) * here * press)
        rgb = over(rgb, paper, edge.rows(top, bottom))
        rgb = over(rgb, ink, ground.rows(top, bottom))
        return over(rgb, figure_ink, figure.rows(top, bottom))

    return band


def _dots(x: Field, y: Field, angle: float, pitch: np.float32, dark: Field) -> Field:
    """Round dots on a turned grid; their area is the darkness, so that they join where it is deep."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = (x * cos + y * sin) * np.float32(2 * np.pi) / pitch, (y * cos - x * sin) * np.float32(2 * np.pi) / pitch
    wave = (np.cos(u) + np.cos(v)) * np.float32(0.5)
    level = np.float32(1) - np.clip(dark, 0, 1) * np.float32(2)
    soft = float(np.clip(5.2 / pitch, 0.05, 0.5))
    cut = noise.smoothstep(-soft, soft, wave - level)
    return np.asarray(np.where(dark < 0.02, np.float32(0), cut), np.float32)


def _grid(scene: Scene) -> tuple[Field, Field, int, int]:
    across, down = scene.small(3)
    x = (np.arange(across, dtype=np.float32)[None, :] + np.float32(0.5)) * np.float32(scene.width / across)
    y = (np.arange(down, dtype=np.float32)[:, None] + np.float32(0.5)) * np.float32(scene.height / down)
    return x, y, across, down


def _moon(scene: Scene, rng: np.random.Generator) -> tuple[Field, Field]:
    """A lit globe with seas and craters, large, cut off by the border."""
    x, y, across, down = _grid(scene)
    short = min(scene.width, scene.height)
    radius = np.float32(short * scene.number("size", 0.44, 0.2, 0.7))
    cx, cy = np.float32(scene.width * rng.uniform(0.42, 0.66)), np.float32(scene.height * scene.number("place", 0.6))
    dx, dy = (x - cx) / radius, (y - cy) / radius
    far = dx * dx + dy * dy
    height = np.sqrt(np.clip(1 - far, 0, 1))
    seas = noise.spread(noise.fbm(rng, across, down, (5.0, 8.0), 5, 0.55))
    relief = noise.fbm(rng, across, down, (14.0, 22.0), 5, 0.5) * np.float32(0.30) + _craters(rng, dx, dy)
    bumps = np.gradient(relief)
    light = np.clip(dx * -0.62 + dy * -0.42 + height * 0.66, 0, 1)
    tone = light * (0.50 + 0.50 * noise.smoothstep(0.25, 0.62, seas)) + (bumps[0] + bumps[1]) * 7 * np.sqrt(light)
    return np.clip(tone * 1.08, 0, 0.99).astype(np.float32), (np.clip((1 - np.sqrt(far)) * radius / 3, 0, 1)).astype(
        np.float32
    )


def _craters(rng: np.random.Generator, dx: Field, dy: Field) -> Field:
    """Bowls with raised rims, many small ones and a few large."""
    ground = np.zeros(np.broadcast_shapes(dx.shape, dy.shape), np.float32)
    for size in np.sort(rng.pareto(1.4, 90))[::-1]:
        radius = np.float32(min(0.020 + 0.020 * size, 0.19))
        at_x, at_y = np.float32(rng.uniform(-0.85, 0.85)), np.float32(rng.uniform(-0.85, 0.85))
        columns = noise.near(dx[0], at_x, radius * 2)
        rows = noise.near(dy[:, 0], at_y, radius * 2)
        far = np.hypot(dx[:, columns] - at_x, dy[rows] - at_y) / radius
        ground[rows, columns] += (np.exp(-((far - 1) ** 2) * 14) * 0.5 - np.exp(-(far**4)) * 0.5) * radius * 6
    return ground


def _eye(scene: Scene, rng: np.random.Generator) -> tuple[Field, Field]:
    """An iris between two lids, looking out."""
    x, y, across, down = _grid(scene)
    half = np.float32(min(scene.width * 0.47, scene.height * 0.8))
    cx, cy = np.float32(scene.width * 0.5), np.float32(scene.height * scene.number("place", 0.6))
    dx, dy = (x - cx) / half, (y - cy) / half
    upper = np.float32(0.50) * np.clip(1 - np.abs(dx) ** 2.1, 0, 1) + np.float32(0.02)
    lower = np.float32(0.38) * np.clip(1 - np.abs(dx) ** 2.3, 0, 1)
    inside = np.minimum(dy + upper, lower - dy)
    far, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    streaks = noise.fbm(rng, 720, 60, (90.0, 3.0), 3, 0.7)
    rays = noise.spread(
        noise.sample(streaks, (angle / np.float32(2 * np.pi) + np.float32(0.5)) * 719, far / np.float32(0.4) * 59)
    )
    iris = np.float32(0.30) + rays * np.float32(0.55) - noise.smoothstep(0.24, 0.36, far) * np.float32(0.5)
    ball = np.float32(0.96) - (dx * dx) * np.float32(0.55) - noise.smoothstep(0.10, -0.02, inside) * np.float32(0.35)
    tone = np.where(far < 0.36, iris, ball)
    tone = np.where(far < 0.155, np.float32(0.02), tone)
    tone = np.where(np.hypot(dx + 0.12, dy + 0.14) < 0.055, np.float32(1), tone)
    tone = tone - noise.smoothstep(0.16, 0.0, upper + dy) * np.float32(0.45)
    skin = _skin(rng, across, down, inside)
    tone = np.where(inside > 0, tone, skin)
    mask = noise.smoothstep(1.04, 0.84, np.hypot(dx, dy * np.float32(1.15)))
    return np.clip(tone, 0, 0.99).astype(np.float32), (mask > 0.5).astype(np.float32)


def _skin(rng: np.random.Generator, across: int, down: int, inside: Field) -> Field:
    """Folds that follow the lids, darker towards them."""
    rough = noise.fbm(rng, across, down, (26.0, 40.0), 4, 0.6)
    fold = np.exp(-((inside + np.float32(0.10)) ** 2) * 900) * np.float32(0.5)
    lash = np.exp(-np.clip(-inside, 0, None) * 60) * np.float32(0.85)
    return np.asarray(
        np.float32(0.74) + (rough - np.float32(0.5)) * np.float32(0.4) - fold - lash + inside * np.float32(0.25),
        np.float32,
    )


def _peaks(scene: Scene, rng: np.random.Generator) -> tuple[Field, Field]:
    """A range in hard light, torn out of a page along its foot and cut out along its crest."""
    x, y, across, down = _grid(scene)
    wide = max(scene.width / scene.height, 0.7)
    rough = noise.fbm(rng, across, down, (30.0 * wide, 30.0), 5, 0.62) - np.float32(0.5)
    tone, mask = np.zeros((down, across), np.float32), np.zeros((down, across), bool)
    foot = np.float32(scene.height * (scene.number("place", 0.6) + 0.27))
    for near in (0.0, 1.0):
        line = noise.ridge_line(rng, across, (2.4 + near) * wide * 1.3, 8, 0.5)
        rise = np.float32(scene.height * (0.72 - 0.30 * near))
        crest = foot - rise * (line - np.float32(0.16)) + np.float32(scene.height * 0.06 * near)
        below = y - crest[None, :]
        lit = np.tanh((noise.faces(rng, line, x, below, scene.unit) + rough * np.float32(0.022)) * 150)
        haze = noise.smoothstep(0.02 * scene.height, 0.34 * scene.height, below) * np.float32(0.34 - 0.2 * near)
        face = np.float32(0.46) - lit * np.float32(0.46) + rough * np.float32(0.42) + haze
        tone, mask = np.where(below > 0, face, tone), mask | (below > 0)
    tear = np.float32(scene.unit * 70) * noise.ridge_line(rng, across, 14, 6, 0.62)[None, :]
    return np.clip(tone, 0, 0.97).astype(np.float32), (mask & (y < foot + tear)).astype(np.float32)


def _blocks(scene: Scene, rng: np.random.Generator, accents: list[Rgb], paper: Rgb) -> list[tuple[Rgb, Stencil]]:
    """Flat papers behind the picture: one large, one a bar."""
    wide, high = scene.width, scene.height
    edge = high * float(rng.uniform(0.52, 0.68))
    lean = wide * float(rng.uniform(-0.12, 0.12))
    large: Points = np.array([(0, edge + lean), (wide, edge - lean), (wide, high), (0, high)], np.float32)
    left = wide * float(rng.choice([0.0, 0.78]))
    bar = box(left, 0, left + wide * 0.22, high)
    ground = accents[min(1, len(accents) - 1)]
    return [(mix(accents[0], paper, 0.12), Stencil([bar], wide)), (ground, Stencil([large], wide))]


def _sunrise(scene: Scene, rng: np.random.Generator, accents: list[Rgb], paper: Rgb) -> list[tuple[Rgb, Stencil]]:
    """Behind peaks: one large sun, and flat ground below them."""
    wide, high = scene.width, scene.height
    sun = circle(wide * float(rng.uniform(0.3, 0.7)), high * 0.52, min(wide, high) * 0.33)
    foot = box(0, high * 0.84, wide, high)
    return [
        (mix(accents[0], paper, 0.06), Stencil([sun], wide)),
        (accents[min(1, len(accents) - 1)], Stencil([foot], wide)),
    ]


def _placed(scene: Scene, tall: float) -> figures.Placed | None:
    """Where the figure stands; an eye is the picture itself, so there is no other."""
    placed = figures.on(scene, scene.height * 0.87, tall)
    return None if placed is None or placed[0] == "eye" else placed


def _figure(scene: Scene, ink: Rgb) -> tuple[Stencil, Rgb]:
    """The prompt's figure, cut out flat with scissors."""
    tall = scene.height * 0.21
    placed = _placed(scene, tall)
    tint = ink if scene.reading.tint is None else parse(scene.reading.tint)
    return figures.stencil(scene, placed, tall) or Stencil([], scene.width), tint


def _edge(scene: Scene) -> Stencil:
    """The white of the paper that the scissors left round the figure."""
    tall = scene.height * 0.21
    placed = _placed(scene, tall)
    parts = [] if placed is None else figures.company(scene, *placed, tall)
    rims = [strip(np.concatenate([part, part[:1]]).astype(np.float32), 11 * scene.unit) for part in parts]
    return Stencil(rims, scene.width)


def _ground(scene: Scene) -> Stencil:
    """What holds the figure, cut out of the same paper: a hill to the foot of the page, or water."""
    placed = _placed(scene, scene.height * 0.21)
    line = figures.footing(scene, placed, scene.height * 0.21)
    return Stencil([*figures.earth(scene, line), *figures.water(scene, placed, scene.height * 0.21)], scene.width)


FAMILY = Family(
    name="halftone",
    compose=compose,
    palettes=(
        ("#17171c", "#e4472f", "#f2b632", "#f3ecdc"),
        ("#101a2e", "#ff5c39", "#3d9ec4", "#f4efe2"),
        ("#1c1426", "#e0457b", "#58b6a6", "#f6eedd"),
        ("#161a17", "#f0a01e", "#3f7f5f", "#f1ead6"),
    ),
    finish=Finish(grain=0.010),
    options={
        "subject": "moon, eye or peaks",
        "dots": "their size, 0 to 1",
        "size": "radius of the moon, 0.2 to 0.7 of the short side",
        "place": "height of the picture, 0 to 1",
    },
)
