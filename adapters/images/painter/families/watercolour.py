"""Watercolour: transparent washes on rough paper, dark where a wash dried at its edge, pale where water ran back.

Pigment only takes light away: each wash multiplies the paper by what it lets through, so that glazes mix as they do
on paper (Beer and Lambert's law, with the amount of pigment as the depth).
"""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Stencil

SUBJECTS = ("hills", "blooms", "shore")
GROWS = frozenset({"rose", "sprout"})
"""Figures that the blooms show already."""
SAID = {"mountain": "hills", "forest": "hills", "desert": "hills", "snow": "hills", "flower": "blooms", "sea": "shore"}

Wash = tuple[Field, Rgb]
"""How much pigment, 0 to about 1.4, and its colour at 1."""


def compose(scene: Scene) -> Band:
    """The washes one over the other on the tooth of the paper."""
    subject = scene.asked("subject", scene.reading.last(SAID), SUBJECTS)
    sheet = Paper(scene)
    washes = {"hills": _hills, "blooms": _blooms, "shore": _shore}[subject](sheet)
    washes = _figure(sheet, subject, washes)
    layers = [
        (noise.Sheet(depth, scene.width, scene.height), np.log(np.clip(colour, 0.02, 0.995)))
        for depth, colour in washes
    ]
    white = shade(scene.palette.light, 0.965, 0.35)
    tooth = noise.Sheet(sheet.tooth, scene.width, scene.height)

    def band(top: int, bottom: int) -> Rgb:
        grain = tooth.rows(top, bottom) - np.float32(0.5)
        absorbed = np.zeros((bottom - top, scene.width, 3), np.float32)
        for sheet_of, colour in layers:
            depth = np.clip(sheet_of.rows(top, bottom), 0, None)
            absorbed += (depth * (1 + grain * np.float32(0.55)))[..., None] * colour
        light = np.float32(1) + grain * np.float32(0.05)
        return np.asarray(white * np.exp(absorbed) * light[..., None], np.float32)

    return band


class Paper:
    """The sheet at a third of the size, and what water does on it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.across, self.down = scene.small(3)
        self.rng = scene.chance("washes")
        self.wide = max(scene.width / scene.height, 0.7)
        self.tooth = noise.fbm(scene.chance("tooth"), self.across, self.down, (210.0 * self.wide, 210.0), 2, 0.8)
        self.x = np.linspace(0, 1, self.across, dtype=np.float32)[None, :]
        self.y = np.linspace(0, 1, self.down, dtype=np.float32)[:, None]
        self.ragged = self.cloud(22, 5) - np.float32(0.5)
        self._runs = noise.spread(self.cloud(5, 5))
        self.px, self.py = self.x * np.float32(scene.width / scene.height), self.y

    def blank(self) -> Field:
        """No pigment yet."""
        return np.zeros((self.down, self.across), np.float32)

    def drop(self, depth: Field, at: tuple[float, float], radius: float, strength: float) -> None:
        """Glaze a round stroke, paler at its middle; places and lengths in heights of the page."""
        rows, columns = noise.near(self.py[:, 0], at[1], radius * 1.5), noise.near(self.px[0], at[0], radius * 1.5)
        far = np.hypot(self.px[:, columns] - np.float32(at[0]), self.py[rows] - np.float32(at[1]))
        inside = np.float32(radius) - far + self.ragged[rows, columns] * np.float32(radius * 0.5)
        pale = np.float32(0.55) + np.float32(0.45) * noise.smoothstep(0.1, 1.0, far / np.float32(radius))
        depth[rows, columns] += _glaze(inside, strength) * pale

    def cloud(self, cells: float, octaves: int = 5) -> Field:
        """Noise of that many features across the height."""
        return noise.fbm(self.rng, self.across, self.down, (cells * self.wide, cells), octaves, 0.55)

    def wash(self, inside: Field, strength: float, *, edge: float = 0.55, soft: float = 0.012) -> Field:
        """Pigment of a wash: `inside` is the way into it from its outline, in heights of the page."""
        inside = inside + self.ragged * np.float32(0.018)
        body = noise.smoothstep(0.0, soft, inside)
        line = np.exp(-np.clip(inside, 0, None) / np.float32(0.0045)) * np.float32(edge)
        pool = np.float32(0.62) + self._runs * np.float32(0.62)
        return np.asarray(body * (pool + line) * np.float32(strength), np.float32)


def _sky(paper: Paper, colours: list[Rgb], horizon: float) -> list[Wash]:
    """Wet in wet: two colours that run into one another, with lifted clouds."""
    cloud = noise.spread(paper.cloud(3, 6))
    fade = noise.smoothstep(horizon + 0.05, horizon - 0.5, np.broadcast_to(paper.y, cloud.shape))
    lifted = 1 - noise.smoothstep(0.45, 0.75, cloud) * np.float32(0.85)
    glow = np.exp(-(((paper.y - np.float32(horizon)) / np.float32(0.20)) ** 2)) * np.float32(0.75)
    return [
        (fade * lifted * np.float32(0.85), colours[0]),
        (glow * (np.float32(0.5) + cloud * np.float32(0.5)), colours[1]),
    ]


def _hills(paper: Paper) -> list[Wash]:
    """Far hills pale and cool, near ones deep; mist lifts their feet."""
    scene, palette = paper.scene, paper.scene.palette
    horizon = scene.number("horizon", 0.52, 0.3, 0.75)
    washes = _sky(paper, [mix(palette.middle[0], palette.light, 0.35), palette.accent], horizon)
    count = int(scene.number("layers", 5, 2, 7))
    tones = palette.run(count + 2)[::-1]
    for index in range(count):
        near = index / max(count - 1, 1)
        line = noise.ridge_line(paper.rng, paper.across, (1.6 + 2.2 * near) * paper.wide, 6, 0.48)
        crest = np.float32(horizon + 0.40 * near) - (line - np.float32(0.4)) * np.float32(0.24 * (1 - 0.4 * near))
        below = paper.y - crest[None, :]
        mist = np.float32(0.30) + np.float32(0.70) * np.exp(-np.clip(below, 0, None) / np.float32(0.07 + 0.10 * near))
        washes.append((paper.wash(below, 0.42 + 0.75 * near) * mist, tones[index + 1]))
    return washes


def _shore(paper: Paper) -> list[Wash]:
    """Sky, sea in broad strokes with dry sparkle, and a wet beach."""
    scene, palette = paper.scene, paper.scene.palette
    horizon = scene.number("horizon", 0.50, 0.3, 0.75)
    washes = _sky(paper, [mix(palette.middle[0], palette.light, 0.3), palette.accent], horizon)
    beach = np.float32(horizon + 0.27) + (paper.x - np.float32(0.5)) * np.float32(0.16)
    strokes = noise.spread(noise.fbm(paper.rng, paper.across, paper.down, (5.0 * paper.wide, 90.0), 4, 0.6))
    depth = np.clip((paper.y - np.float32(horizon)) / np.float32(0.3), 0, 1)
    sparkle = noise.smoothstep(0.10, 0.34, strokes + depth * np.float32(0.2))
    sea = paper.wash(np.minimum(paper.y - np.float32(horizon), beach - paper.y), 0.85, edge=0.3, soft=0.003)
    washes.append(
        (sea * (np.float32(0.2) + np.float32(0.8) * sparkle), palette.by_light[len(palette.by_light) // 2 - 1])
    )
    washes.append((sea * noise.smoothstep(0.55, 0.95, strokes) * np.float32(0.9), palette.dark))
    sand = paper.wash(paper.y - beach, 0.5, edge=0.7)
    washes.append((sand, mix(palette.accent, palette.light, 0.45)))
    headland = noise.ridge_line(paper.rng, paper.across, 3.0, 6, 0.5)[None, :] * np.float32(0.13)
    land = headland * noise.smoothstep(0.30, 0.95, np.broadcast_to(paper.x, (1, paper.across)))
    washes.append(
        (
            paper.wash(
                np.minimum(paper.y - (np.float32(horizon) - land), np.float32(horizon) - paper.y), 0.8, soft=0.006
            ),
            palette.dark,
        )
    )
    return washes


def _blooms(paper: Paper) -> list[Wash]:
    """Loose flowers from below, petals glazed over petals, leaves, and a breath of colour behind."""
    scene, palette, rng = paper.scene, paper.scene.palette, paper.rng
    petals = [paper.blank() for _ in palette.accents[:2]]
    hearts, stems, leaves = paper.blank(), paper.blank(), paper.blank()
    start, broad = scene.number("place", 0.45), float(paper.px[0, -1])
    for _ in range(30):
        at = float(rng.uniform(0, broad)), float(rng.uniform(start + 0.22, 1.04))
        _leaf(paper, leaves, at, float(rng.uniform(-1.2, 1.2)), float(rng.uniform(0.06, 0.13)))
    for _ in range(int(scene.number("density", 0.5) * 16) + 7):
        at = float(rng.uniform(0.04, 0.96)) * broad, start + (1 - start) * float(rng.beta(2.0, 1.7))
        size = float(rng.uniform(0.04, 0.085))
        _stem(paper, stems, at, float(rng.uniform(-0.5, 0.5)))
        _flower(paper, petals[int(rng.integers(len(petals)))], at, size)
        paper.drop(hearts, at, size * 0.2, 0.9)
    breath = noise.spread(paper.cloud(2.5, 5)) * np.float32(0.30)
    glow = noise.smoothstep(start - 0.3, 1.0, np.broadcast_to(paper.y, breath.shape))
    green = mix(palette.dark, min(palette.middle, key=lambda colour: float(colour[0] - colour[1])), 0.7)
    flowers = list(zip(petals, palette.accents[:2], strict=True))
    return [(breath * glow, palette.accents[0]), (stems, green), (leaves, green), *flowers, (hearts, palette.dark)]


def _figure(paper: Paper, subject: str, washes: list[Wash]) -> list[Wash]:
    """The washes with the prompt's figure, in one wet stroke that is uneven where the pigment settled.

    A coloured figure is kept free of what lies under it, as with masking fluid, or its colour would drown.
    """
    scene = paper.scene
    if subject == "blooms" and GROWS.intersection(scene.reading.figures[:1]):
        return washes
    tall = scene.height * 0.20
    foot = {"hills": 0.79, "shore": 0.82, "blooms": 0.62}[subject]
    if subject == "shore" and scene.reading.figures[:1] and scene.reading.figures[0] in figures.AFLOAT:
        foot = scene.number("horizon", 0.50, 0.3, 0.75) + 0.13
    placed = figures.on(scene, scene.height * foot, tall)
    if placed is None:
        return washes
    washes = _bank(paper, placed, tall, washes)
    scale = np.array([paper.across / scene.width, paper.down / scene.height], np.float32)
    parts = [part * scale for part in figures.company(scene, *placed, tall)]
    inside = Stencil(parts, paper.across).rows(0, paper.down)
    if inside is None:
        return washes
    pool = np.float32(1.0) + (paper.cloud(14, 4) - np.float32(0.5)) * np.float32(1.1)
    if scene.reading.tint is None:
        return [*washes, (inside * pool, scene.palette.dark)]
    free = [(depth * (1 - inside * np.float32(0.85)), colour) for depth, colour in washes]
    return [*free, (inside * pool, parse(scene.reading.tint))]


def _bank(paper: Paper, placed: figures.Placed, tall: float, washes: list[Wash]) -> list[Wash]:
    """The washes with what holds the figure: a slope wet at its crest, or strokes of water under a hull."""
    scene, palette = paper.scene, paper.scene.palette
    scale = np.array([paper.across / scene.width, paper.down / scene.height], np.float32)
    line = figures.footing(scene, placed, tall)
    if line is None:
        strokes = [part * scale for part in figures.water(scene, placed, tall)]
        wet = Stencil(strokes, paper.across).rows(0, paper.down)
        return washes if wet is None else [*washes, (wet * (np.float32(0.5) + paper.ragged), palette.dark)]
    crest = line[np.linspace(0, scene.width - 1, paper.across).astype(np.int32)] / np.float32(scene.height)
    below = paper.y - crest[None, :]
    inside = noise.smoothstep(0.0, 0.004, below + paper.ragged * np.float32(0.008))
    under = np.clip(below, 0, None)
    deep = np.float32(0.42) + np.float32(0.62) * np.exp(-under / np.float32(0.05))
    wash = paper.wash(below + np.float32(0.002), 1.0, soft=0.004) * deep
    lifted = [(depth * (1 - inside * np.float32(0.72)), colour) for depth, colour in washes]
    return [*lifted, (wash, mix(palette.dark, palette.middle[0], 0.35))]


def _stem(paper: Paper, depth: Field, at: tuple[float, float], bend: float) -> None:
    """A thin stroke from the flower to the foot of the page."""
    rows = slice(int(np.searchsorted(paper.py[:, 0], at[1])), paper.down)
    line = np.float32(at[0]) + np.float32(bend) * (paper.py[rows] - np.float32(at[1])) ** 2
    inside = np.float32(0.0022) - np.abs(paper.px - line) + paper.ragged[rows] * np.float32(0.003)
    depth[rows] = np.maximum(depth[rows], noise.smoothstep(0.0, 0.0016, inside) * np.float32(0.6))


def _flower(paper: Paper, depth: Field, at: tuple[float, float], size: float) -> None:
    """Five to seven round petals; where two lie over one another there is twice the pigment."""
    count, turn = int(paper.rng.integers(5, 8)), float(paper.rng.uniform(0, 6.3))
    for k in range(count):
        angle = turn + 2 * np.pi * k / count
        place = at[0] + float(np.cos(angle)) * size * 0.66, at[1] + float(np.sin(angle)) * size * 0.58
        paper.drop(depth, place, size * float(paper.rng.uniform(0.50, 0.68)), 0.62)


def _leaf(paper: Paper, depth: Field, at: tuple[float, float], lean: float, length: float) -> None:
    """A pointed leaf that stands on its place, glazed over what is there."""
    rows, columns = noise.near(paper.py[:, 0], at[1], length), noise.near(paper.px[0], at[0], length)
    cos, sin = np.float32(np.cos(lean)), np.float32(np.sin(lean))
    dx, dy = paper.px[:, columns] - np.float32(at[0]), np.float32(at[1]) - paper.py[rows]
    along, across = dx * sin + dy * cos, dx * cos - dy * sin
    t = np.clip(along / np.float32(length), 0, 1)
    half = np.sqrt(np.clip(np.sin(t * np.float32(np.pi)), 0, 1)) * np.float32(length * 0.17) * (np.float32(1.25) - t)
    inside = np.where((along > 0) & (along < length), half - np.abs(across), np.float32(-1))
    depth[rows, columns] += _glaze(inside + paper.ragged[rows, columns] * np.float32(0.010), 0.5)


def _glaze(inside: Field, strength: float) -> Field:
    """One stroke of a wet brush: even, with a dark line where it dried."""
    line = np.exp(-np.clip(inside, 0, None) / np.float32(0.0032)) * np.float32(0.6)
    return np.asarray(
        noise.smoothstep(0.0, 0.005, inside) * (np.float32(0.62) + line) * np.float32(strength), np.float32
    )


FAMILY = Family(
    name="watercolour",
    compose=compose,
    palettes=(
        ("#1f3a4d", "#4f7f8f", "#d98a6a", "#e9c48f", "#fbf7ee"),
        ("#2c3a2e", "#6f8f6a", "#d0708a", "#e9b44c", "#fbf6ec"),
        ("#2a2f52", "#6a7fb5", "#c47a9f", "#f0c9a4", "#fcf8f1"),
        ("#23403f", "#5fa39a", "#e08a5a", "#f1d08a", "#fbf8ee"),
    ),
    finish=Finish(grain=0.005),
    options={
        "subject": "hills, blooms or shore",
        "horizon": "0.3 to 0.75 of the height",
        "layers": "2 to 7 hills",
        "density": "of flowers, 0 to 1",
        "place": "where the flowers begin, 0 to 1",
    },
)
