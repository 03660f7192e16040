"""Marbled paper: colours floated in bands on water, drawn by combs, and lifted off with a sheet.

A comb moves every point along its own direction by an amount that falls off with the distance to the nearest tooth
(A. Jaffer, "Mathematical Marbling", 2012). Such a move depends only on the coordinate across it, so it is undone by
taking it away again: each pixel is traced back through the combs, the last one first, to the band it came from.
"""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Rgb, lightness, mix, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, over

FORMS = ("nonpareil", "peacock", "swirl")
BANDS = 512
"""Bands of colour that are laid out before they repeat."""


def compose(scene: Scene) -> Band:
    """Trace each pixel back to its band; bands meet in clean, thin edges."""
    form = scene.word("form", FORMS, str(scene.chance("form").choice(FORMS)))
    bath = Bath(scene, form)
    inks, label = _inks(scene), _label(scene)
    across, down = scene.small(2)
    fibre = noise.Sheet(
        noise.fbm(scene.chance("fibre"), across, down, (70.0, 110.0), 3, 0.7), scene.width, scene.height
    )
    thin = noise.Sheet(noise.fbm(scene.chance("thin"), across, down, (5.0, 8.0), 4), scene.width, scene.height)

    def band(top: int, bottom: int) -> Rgb:
        place = bath.place(scene.columns(), scene.lines(top - 1, bottom + 1), top)
        rgb = _ink(place, inks)
        paper = 1 + (fibre.rows(top, bottom) - np.float32(0.5)) * np.float32(0.06)
        wash = (thin.rows(top, bottom) - np.float32(0.5)) * np.float32(0.10)
        for colour, stencil in label:
            rgb = over(rgb, colour, stencil.rows(top, bottom))
        return np.asarray(rgb * (paper + wash)[..., None], np.float32)

    return band


def _ink(place: Field, inks: Rgb) -> Rgb:
    """Colours of the bands at these places; one row more is given above and below, for the width of the edges."""
    down, across = np.gradient(place)
    slope = np.maximum(np.hypot(down, across), np.float32(1e-4))[1:-1]
    place = place[1:-1]
    nearest = np.floor(place + np.float32(0.5))
    cover = np.clip((place - nearest) / slope + np.float32(0.5), 0, 1)[..., None]
    index = nearest.astype(np.int32)
    before, after = inks[(index - 1) % BANDS], inks[index % BANDS]
    return np.asarray(before + (after - before) * cover, np.float32)


class Bath:
    """The water: how far each point was moved, and where the bands lie."""

    def __init__(self, scene: Scene, form: str) -> None:
        rng = scene.chance("bath")
        self._unit = np.float32(scene.unit)
        self._form = form
        self._fine = np.float32(scene.number("comb", 0.35) * 70 + 22)
        self._bands = np.float32(scene.number("bands", 0.4) * 26 + 12)
        self._phase = rng.random(8).astype(np.float32)
        across, down = scene.small(10)
        drift = [noise.fbm(rng, across, down, (2.2, 3.4), 3, 0.45) - np.float32(0.5) for _ in range(2)]
        self._drift = [noise.Sheet(field, scene.width, scene.height) for field in drift]
        self._height = scene.height
        self._moved = self._whirled(scene, drift, self._whirls(scene, rng)) if form == "swirl" else []

    def place(self, x: Field, y: Field, top: int) -> Field:
        """The band, as a number with a fraction, that each point came from."""
        bottom = top - 1 + y.shape[0]
        first, last = max(top - 1, 0), min(bottom, self._height)
        pad = ((first - (top - 1), bottom - last), (0, 0))
        if self._moved:
            u, v = (np.pad(sheet.rows(first, last), pad, mode="edge") for sheet in self._moved)
            return np.asarray(self._zigzag(u, v) / self._bands, np.float32)
        drift = [np.pad(sheet.rows(first, last), pad, mode="edge") for sheet in self._drift]
        u = x / self._unit + drift[0] * np.float32(46)
        v = y / self._unit + drift[1] * np.float32(70)
        u, v = {"nonpareil": self._nonpareil, "peacock": self._peacock}[self._form](u, v)
        return np.asarray(v / self._bands, np.float32)

    def _nonpareil(self, u: Field, v: Field) -> tuple[Field, Field]:
        """The fine comb, drawn down through zigzags: small scales in rows."""
        v = v - _teeth(u, self._fine, self._fine * np.float32(0.30)) * self._fine * np.float32(2.6)
        return u, self._zigzag(u, v)

    def _peacock(self, u: Field, v: Field) -> tuple[Field, Field]:
        """Nonpareil, then a wide comb drawn in waves: eyes and fans."""
        wave = np.float32(150)
        sway = (
            np.sin(v * np.float32(2 * np.pi) / (wave * np.float32(1.9)) + self._phase[0] * 6) * wave * np.float32(0.42)
        )
        u = u - sway
        tooth = _teeth(u, wave, wave * np.float32(0.16)) - _teeth(u + wave / 2, wave, wave * np.float32(0.16))
        v = v - tooth * wave * np.float32(0.55)
        return self._nonpareil(u + sway * np.float32(0.35), v)

    @staticmethod
    def _whirled(
        scene: Scene, drift: list[Field], whirls: list[tuple[np.float32, np.float32, np.float32, np.float32]]
    ) -> list[noise.Sheet]:
        """A few whirls by a stick, each turning what is near it; so smooth that a quarter of the size is enough."""
        across, down = scene.small(4)
        ys, xs = np.mgrid[0:down, 0:across].astype(np.float32) + np.float32(0.5)
        dx, dy = (noise.enlarge(field, across, down) for field in drift)
        u = xs * np.float32(scene.width / across / scene.unit) + dx * np.float32(46)
        v = ys * np.float32(scene.height / down / scene.unit) + dy * np.float32(70)
        for cx, cy, radius, turn in whirls:
            dx, dy = u - cx, v - cy
            angle = turn * np.exp(-np.hypot(dx, dy) / radius)
            cos, sin = np.cos(angle), np.sin(angle)
            u, v = cx + dx * cos - dy * sin, cy + dx * sin + dy * cos
        return [noise.Sheet(field, scene.width, scene.height) for field in (u, v)]

    def _zigzag(self, u: Field, v: Field) -> Field:
        """Teeth drawn up and down in turn."""
        wide = self._fine * np.float32(5.2)
        up = _teeth(u + self._phase[1] * wide, wide, wide * np.float32(0.22))
        back = _teeth(u + (self._phase[1] + np.float32(0.5)) * wide, wide, wide * np.float32(0.22))
        return v - (up - back) * wide * np.float32(0.45)

    @staticmethod
    def _whirls(scene: Scene, rng: np.random.Generator) -> list[tuple[np.float32, np.float32, np.float32, np.float32]]:
        wide, high = scene.width / scene.unit, scene.height / scene.unit
        return [
            (
                np.float32(wide * rng.uniform(0.05, 0.95)),
                np.float32(high * (k + rng.uniform(0.2, 0.8)) / 6),
                np.float32(rng.uniform(170, 330)),
                np.float32(rng.choice([-1, 1]) * rng.uniform(2.4, 5.0)),
            )
            for k in range(6)
        ]


def _teeth(u: Field, apart: np.float32, reach: np.float32) -> Field:
    """How hard the nearest tooth pulls: 1 at a tooth, falling off over `reach`."""
    away = np.abs(np.mod(u, apart) - apart / 2)
    return np.asarray(np.exp(-away / reach), np.float32)


def _inks(scene: Scene) -> Rgb:
    """The order in which the colours were thrown: thin veins of the darkest, wide bands of the others."""
    rng, palette = scene.chance("inks"), scene.palette
    ground = palette.dark if scene.dark(lightness(palette.given[0]) < 0.45) else palette.light
    choice = [ground, *palette.given, mix(palette.accent, palette.light, 0.4)]
    weights = np.array([2.2, *([1.0] * (len(choice) - 1))])
    order: list[int] = []
    while len(order) < BANDS:
        picked = int(rng.choice(len(choice), p=weights / weights.sum()))
        if not order or picked != order[-1]:
            order += [picked] * int(rng.choice([1, 1, 2, 3]))
    return np.asarray(np.stack(choice)[np.array(order[:BANDS])], np.float32)


def _label(scene: Scene) -> list[tuple[Rgb, Stencil]]:
    """A pasted label, as on bound books: where the words will go. Empty when it is not wanted."""
    if not scene.flag("label", True):
        return []
    palette, unit = scene.palette, scene.unit
    half = scene.width * 0.5 - 190 * unit
    top, bottom = scene.height * 0.085, scene.height * (0.5 if not scene.wide else 0.9)

    def plate(inset: float) -> Points:
        gap = inset * unit
        return box(scene.width / 2 - half + gap, top + gap, scene.width / 2 + half - gap, bottom - gap)

    paper, rule = shade(palette.light, 0.95, 0.6), palette.dark
    layers = ((rule, 0), (paper, 7), (rule, 30), (paper, 34), (palette.accent, 44), (paper, 46))
    return [(colour, Stencil([plate(inset)], scene.width)) for colour, inset in layers]


FAMILY = Family(
    name="marble",
    compose=compose,
    palettes=(
        ("#1c2541", "#8d3b3b", "#d9a441", "#3f6f73", "#f3e9d2"),
        ("#2b2118", "#a44a3f", "#d4b483", "#48727a", "#f4ecd8"),
        ("#0b3954", "#087e8b", "#bfd7ea", "#ff5a5f", "#f7f1e3"),
        ("#33202a", "#7b4b6b", "#d88c9a", "#8fb8a8", "#f6ead7"),
    ),
    finish=Finish(grain=0.006),
    options={
        "form": "nonpareil, peacock or swirl",
        "comb": "distance of the teeth, 0 to 1",
        "bands": "width of the bands, 0 to 1",
        "dark": "true for a dark ground",
        "label": "false: no label for the words",
    },
)
