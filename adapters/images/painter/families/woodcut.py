"""Woodcut: black ink on paper, every tone made of carved lines, with one flat colour printed underneath.

Each part of the scene is carved in its own direction: rays around the sun, slopes along the fall of the rock, swells
along the water. A line is as thick as the place is dark; the knife wavers and skips.
"""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Stencil, over, strip

ALTITUDE = {"mountains": 0.44, "sea": 0.48, "tree": 0.53}
"""Subjects, and how low the sun is; the tree hides it."""
SUBJECTS = tuple(ALTITUDE)
SAID = {
    "sea": "sea",
    "mountain": "mountains",
    "snow": "mountains",
    "desert": "mountains",
    "forest": "tree",
    "bird": "tree",
}


def compose(scene: Scene) -> Band:
    """The block: what is ink, and where the colour block prints."""
    block = Block(scene, scene.asked("subject", scene.reading.last(SAID), SUBJECTS))
    palette = scene.palette
    ink = mix(palette.dark, shade(palette.dark, 0.16, 0.6), 0.5)
    paper = shade(palette.light, 0.94, 0.9)
    tint, glow = palette.accents[0], palette.accents[min(1, len(palette.accents) - 1)]
    across, down = scene.small(2)
    grain = noise.Sheet(
        noise.fbm(scene.chance("grain of wood"), across, down, (9.0, 260.0), 4, 0.6), scene.width, scene.height
    )

    figure, rim, ground = _figure(scene)
    figure_ink = ink if scene.reading.tint is None else parse(scene.reading.tint)

    def band(top: int, bottom: int) -> Rgb:
        wood = grain.rows(top, bottom)
        rgb = (
            np.broadcast_to(paper, (bottom - top, scene.width, 3))
            * (1 + (wood - np.float32(0.5)) * np.float32(0.05))[..., None]
        )
        salty = noise.smoothstep(0.22, 0.42, wood)
        rgb = over(rgb, glow, block.sky.rows(top, bottom) * salty * np.float32(0.92))
        rgb = over(rgb, tint, block.disc(top, bottom) * np.float32(0.96))
        rgb = over(rgb, ink, block.carved(top, bottom) * (np.float32(0.86) + np.float32(0.14) * salty))
        rgb = ground.lay(rgb, ink, paper, top, bottom)
        rgb = over(rgb, paper, rim.rows(top, bottom))
        return over(rgb, figure_ink, figure.rows(top, bottom))

    return band


class Ground:
    """What holds the figure: black earth below an edge of light, with furrows that get fewer, or strokes of water."""

    def __init__(self, scene: Scene, placed: figures.Placed | None, tall: float) -> None:
        self._scene, self._line = scene, figures.footing(scene, placed, tall)
        strokes = figures.water(scene, placed, tall)
        self._water = Stencil(strokes, scene.width)
        rng = scene.chance("furrows")
        self._waver = noise.ridge_line(rng, scene.width, 2.4, 5, 0.5) * np.float32(150 * scene.unit)
        self._thin = noise.ridge_line(rng, scene.width, 14, 4, 0.6)

    def lay(self, rgb: Rgb, ink: Rgb, paper: Rgb, top: int, bottom: int) -> Rgb:
        """Rows top..bottom with the ground over them."""
        if self._line is None:
            return over(rgb, paper, self._water.rows(top, bottom))
        unit = np.float32(self._scene.unit)
        below = (self._scene.lines(top, bottom) - self._line[None, :]) / unit
        if below.max() < -15:
            return rgb
        rgb = over(rgb, paper, np.clip(below + np.float32(13), 0, 1))
        rgb = over(rgb, ink, np.clip(below + np.float32(0.5), 0, 1))
        deep = (below + self._waver[None, :] / unit) / np.float32(25)
        wave = np.cos(deep * np.float32(2 * np.pi))
        level = np.float32(0.42) + np.clip(below, 0, 700) / np.float32(520) + self._thin[None, :] - np.float32(0.5)
        cut = noise.smoothstep(-0.1, 0.1, wave - level) * (below > 20)
        return over(rgb, paper, np.asarray(cut, np.float32))


def _figure(scene: Scene) -> tuple[Stencil, Stencil, Ground]:
    """The prompt's figure as one black shape, the white line that the knife left round it, and what holds it."""
    tall = scene.height * 0.25
    placed = figures.on(scene, scene.height * 0.83, tall)
    ground = Ground(scene, None if placed is None or placed[0] == "tree" else placed, tall)
    parts = [] if placed is None or placed[0] == "tree" else figures.company(scene, *placed, tall)
    rims = [strip(np.concatenate([part, part[:1]]).astype(np.float32), 15 * scene.unit) for part in parts]
    return Stencil(parts, scene.width), Stencil([*parts, *rims], scene.width), ground


class Block:
    """Tone (0 paper to 1 ink) and phase (the count of lines) of the whole scene at a third of the size."""

    def __init__(self, scene: Scene, subject: str) -> None:
        self._scene = scene
        rng = scene.chance("block")
        across, down = scene.small(3)
        self._sun = self._place_sun(scene, rng, subject)
        ground = {"mountains": _mountains, "sea": _sea, "tree": _tree}[subject]
        x = (np.arange(across, dtype=np.float32) + np.float32(0.5))[None, :] * np.float32(scene.width / across)
        y = (np.arange(down, dtype=np.float32) + np.float32(0.5))[:, None] * np.float32(scene.height / down)
        tone, phase, sky = self._rays(rng, x, y)
        layers = ground(scene, rng, x, y)
        for cover, own_tone, own_phase in layers:
            tone = np.where(cover, own_tone, tone)
            phase = np.where(cover, own_phase, phase)
            sky = sky * ~cover
        waver = (noise.fbm(rng, across, down, (90.0, 140.0), 2, 0.6) - np.float32(0.5)) * np.float32(0.34)
        skip = noise.fbm(rng, across, down, (60.0, 100.0), 3, 0.6)
        self._tone = noise.Sheet(tone + (skip - np.float32(0.5)) * np.float32(0.28), scene.width, scene.height)
        self._edges = [noise.Sheet(np.cos(phase * np.float32(2 * np.pi) + waver * 6), scene.width, scene.height)]
        self.sky = noise.Sheet(sky.astype(np.float32) * np.float32(1), scene.width, scene.height)

    def carved(self, top: int, bottom: int) -> Field:
        """How much ink: where the wave of the lines lies under the tone."""
        wave = self._edges[0].rows(top, bottom)
        tone = self._tone.rows(top, bottom)
        level = np.cos(np.clip(tone, 0, 1) * np.float32(np.pi))
        cut = noise.smoothstep(-0.16, 0.16, wave - level)
        cut = np.where(tone > 0.97, np.float32(1), cut)
        return np.asarray(np.where(tone < 0.03, np.float32(0), cut), np.float32)

    def disc(self, top: int, bottom: int) -> Field:
        """The sun or moon, hidden by what stands before it."""
        cx, cy, radius = self._sun
        far = np.hypot(self._scene.columns() - cx, self._scene.lines(top, bottom) - cy)
        open_sky = noise.smoothstep(0.02, 0.2, self.sky.rows(top, bottom))
        return np.asarray(np.clip(radius - far + np.float32(0.5), 0, 1) * open_sky, np.float32)

    @staticmethod
    def _place_sun(scene: Scene, rng: np.random.Generator, subject: str) -> tuple[np.float32, np.float32, np.float32]:
        short = min(scene.width, scene.height)
        x = scene.width * (0.5 if subject == "tree" else float(rng.uniform(0.36, 0.64)))
        y = scene.height * scene.number("altitude", ALTITUDE[subject], 0.1, 0.8)
        return np.float32(x), np.float32(y), np.float32(short * scene.number("disc", 0.17, 0.04, 0.3))

    def _rays(self, rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field, Field]:
        """The sky: rays from the sun that are thin near it and heavy at the borders."""
        cx, cy, radius = self._sun
        dx, dy = x - cx, y - cy
        reach = np.float32(max(self._scene.height, self._scene.width * 1.15))
        far = np.hypot(dx, dy) / reach
        angle = np.arctan2(dy, dx) / np.float32(2 * np.pi)
        rays = int(self._scene.number("rays", 0.5) * 60 + 70)
        near = radius / reach
        tone = np.float32(0.02) + noise.smoothstep(float(near) * 1.15, 0.95, far) * np.float32(0.92)
        beams = np.cos(angle * np.float32(2 * np.pi * int(rng.integers(9, 14)))) * np.float32(0.10)
        tone = np.where(far < near * 1.12, np.float32(-0.5), np.clip(tone + beams * (tone > 0.05), 0, 1))
        return tone.astype(np.float32), (angle * rays).astype(np.float32), np.ones_like(far)


Layer = tuple[np.ndarray[tuple[int, ...], np.dtype[np.bool_]], Field, Field]


def _mountains(scene: Scene, rng: np.random.Generator, x: Field, y: Field) -> list[Layer]:
    """Ridges with a lit and a dark side; each crest is edged in light."""
    layers: list[Layer] = []
    count = int(scene.number("layers", 4, 2, 6))
    wide = max(scene.width / scene.height, 0.7)
    pitch = np.float32(15 * scene.unit)
    for index in range(count):
        near = index / max(count - 1, 1)
        line = noise.ridge_line(rng, x.shape[1], (2.2 + 1.3 * near) * wide * 1.4, 6, 0.5)
        crest = np.float32(scene.height) * (
            np.float32(0.60 + 0.30 * near) - (line - np.float32(0.32)) * np.float32(0.36 * (1 - 0.62 * near))
        )
        below = y - crest[None, :]
        face = noise.faces(rng, line, x, below, scene.unit)
        lit = np.tanh(face * np.float32(110))
        tone = (
            np.float32(0.62)
            + lit * np.float32(0.46)
            - noise.smoothstep(0, 0.16 * scene.height, below) * np.float32(0.30)
        )
        tone = np.where(below < 9 * scene.unit, np.float32(0), np.where(below < 17 * scene.unit, np.float32(1), tone))
        phase = (x * (np.float32(0.85) * np.sign(lit)) + below * np.float32(0.62)) / pitch
        layers.append((below > 0, np.clip(tone + near * 0.12, 0, 1).astype(np.float32), phase.astype(np.float32)))
    return layers


def _sea(scene: Scene, rng: np.random.Generator, x: Field, y: Field) -> list[Layer]:
    """Swells that grow towards us, and a path of light below the sun."""
    horizon = np.float32(scene.height * 0.60)
    depth = np.clip((y - horizon) / np.float32(scene.height * 0.4), 0, 1)
    swell = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for k, weight in ((2.2, 1.0), (5.3, 0.42), (11.0, 0.18)):
        lean = float(rng.uniform(-0.5, 0.5))
        swell += np.sin(
            x / np.float32(scene.width) * np.float32(2 * np.pi * k) + lean * 6 + depth * np.float32(7 + k)
        ) * np.float32(weight)
    phase = np.sqrt(depth) * np.float32(46) + swell * (np.float32(0.25) + depth * np.float32(1.5))
    path = np.exp(
        -(
            (
                (x - np.float32(scene.width * 0.5))
                / (np.float32(scene.width) * (np.float32(0.10) + depth * np.float32(0.16)))
            )
            ** 2
        )
    )
    crest = np.sin(swell * np.float32(2.2) + depth * 30)
    tone = np.clip(np.float32(0.74) + crest * np.float32(0.20) - path * np.float32(0.42), 0.08, 0.96)
    tone = np.where(depth * scene.height * 0.4 < 5 * scene.unit, np.float32(1), tone)
    return [(np.broadcast_to(y > horizon, swell.shape), tone.astype(np.float32), phase.astype(np.float32))]


def _tree(scene: Scene, rng: np.random.Generator, x: Field, y: Field) -> list[Layer]:
    """One wide tree on a hill: its crown in tufts, its trunk black."""
    hill = np.float32(scene.height) * (
        np.float32(0.80) + ((x / np.float32(scene.width) - np.float32(0.5)) ** 2) * np.float32(0.28)
    )
    below = y - hill
    pitch = np.float32(16 * scene.unit)
    ground = np.clip(np.float32(0.55) + noise.smoothstep(0, 0.16 * scene.height, below) * np.float32(0.4), 0, 1)
    ground = np.where(below < 8 * scene.unit, np.float32(0), ground)
    furrow = (below + np.sin(x / np.float32(scene.width) * 19) * 14 * np.float32(scene.unit)) / pitch
    layers: list[Layer] = [(below > 0, ground, furrow.astype(np.float32))]
    short = np.float32(min(scene.width, scene.height * 0.625))
    middle = (np.float32(scene.width * 0.5), np.float32(scene.height * 0.53))
    return [*layers, _trunk(scene, x, y, below, short), _crown(scene, rng, x, y, short, middle)]


def _trunk(scene: Scene, x: Field, y: Field, below: Field, short: np.float32) -> Layer:
    """Black, with spreading roots."""
    foot = np.clip((y - np.float32(scene.height * 0.71)) / np.float32(scene.height * 0.11), 0, 1)
    half = short * (np.float32(0.028) + np.float32(0.10) * foot**3)
    bend = np.sin(y / short * 9) * short * np.float32(0.012)
    inside = np.abs(x - np.float32(scene.width * 0.5) + bend) < half
    trunk = inside & (y > scene.height * 0.5) & (below < 6 * scene.unit)
    return trunk, np.ones(trunk.shape, np.float32), np.zeros(trunk.shape, np.float32)


def _crown(
    scene: Scene, rng: np.random.Generator, x: Field, y: Field, short: np.float32, middle: tuple[np.float32, np.float32]
) -> Layer:
    """Tufts of leaves, the nearer ones lower: each carved in arcs around its own middle and lit from above."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    cover = np.zeros(shape, bool)
    tone, phase = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    tufts = sorted(zip(rng.random(90) ** 0.5, rng.random(90), rng.random(90), strict=True), reverse=True)
    for place, angle, size in tufts:
        turn = np.float32(angle * 2 * np.pi)
        cx = middle[0] + np.cos(turn) * short * np.float32(0.35 * place)
        cy = middle[1] + np.sin(turn) * short * np.float32(0.28 * place)
        radius = short * np.float32(0.05 + 0.04 * size)
        wide = radius * np.float32(1.06)  # with the scallops of its edge
        rows, columns = noise.near(y[:, 0], cy, wide), noise.near(x[0], cx, wide)
        dx, dy = x[:, columns] - cx, y[rows] - cy
        far = np.hypot(dx, dy) * (1 + np.cos(np.arctan2(dy, dx) * 9) * np.float32(0.045)) / radius
        light = np.clip(np.float32(0.50) + dy / radius * np.float32(0.36) + dx / radius * np.float32(0.16), 0.05, 0.96)
        light = np.where(far > 0.93, np.float32(1), light)
        here, tuft = np.s_[rows, columns], far < 1
        cover[here] |= tuft
        tone[here] = np.where(tuft, light, tone[here])
        phase[here] = np.where(tuft, far * radius / np.float32(11 * scene.unit), phase[here])
    return cover, tone.astype(np.float32), phase.astype(np.float32)


FAMILY = Family(
    name="woodcut",
    compose=compose,
    palettes=(
        ("#15161a", "#c8452d", "#e3a04a", "#f3ead6"),
        ("#14202b", "#d6543a", "#8fb3ad", "#f2ead8"),
        ("#1a1713", "#b3472b", "#d8b25a", "#efe4c8"),
        ("#101d1a", "#e0a12f", "#7fa08a", "#f1ecd9"),
    ),
    finish=Finish(grain=0.010),
    options={
        "subject": "mountains, sea or tree",
        "altitude": "height of the sun, 0.1 to 0.8",
        "disc": "its radius, 0.04 to 0.3 of the short side",
        "rays": "0 to 1",
        "layers": "2 to 6 ridges",
    },
)
