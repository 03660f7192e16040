"""Marbled paper: colours floated on water, drawn by combs, and lifted off with a sheet; and the stone it imitates.

A comb moves every point along its own direction by an amount that falls off with the distance to the nearest tooth
(A. Jaffer, "Mathematical Marbling", 2012). Such a move depends only on the coordinate across it, so it is undone by
taking it away again: each pixel is traced back to the band it came from. No hand sets teeth quite evenly, nor draws
them quite straight: that, and bands of unlike breadth, is why no part of a sheet is like another.
"""

import numpy as np

from adapters.images.painter import alabaster, noise, stones
from adapters.images.painter.colour import Field, Rgb, lightness, mix, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, over

FORMS = ("nonpareil", "peacock", "swirl", "stones", "veins")
BANDS = 512
"""Bands of colour that are laid out before they repeat."""
STEP = np.float32(0.5)
"""Distance of the places at which a comb's pull is kept, in units."""


def compose(scene: Scene) -> Band:
    """The sheet in its form, the fibre of the paper, and the label pasted on it."""
    form = scene.word("form", FORMS, str(scene.chance("form").choice(FORMS)))
    sheet = {"swirl": _floated, "stones": _floated, "veins": alabaster.compose}.get(form, _combed)(scene)
    label = _label(scene)
    across, down = scene.small(2)
    fibre = noise.Sheet(
        noise.fbm(scene.chance("fibre"), across, down, (70.0, 110.0), 3, 0.7), scene.width, scene.height
    )
    thin = noise.Sheet(noise.fbm(scene.chance("thin"), across, down, (5.0, 8.0), 4), scene.width, scene.height)
    depth = np.float32(0.25 if form == "veins" else 1.0)

    def band(top: int, bottom: int) -> Rgb:
        rgb = sheet(top, bottom)
        paper = 1 + (fibre.rows(top, bottom) - np.float32(0.5)) * np.float32(0.06) * depth
        wash = (thin.rows(top, bottom) - np.float32(0.5)) * np.float32(0.14) * depth
        for colour, stencil in label:
            rgb = over(rgb, colour, stencil.rows(top, bottom))
        return np.asarray(rgb * (paper + wash)[..., None], np.float32)

    return band


def _floated(scene: Scene) -> Band:
    """Drops as they fell (stones), or turned and drawn by a stick (swirl)."""
    bath, inks = stones.thrown_inks(scene)
    whirls = 0 if scene.word("form", FORMS, "swirl") == "stones" else 9
    drops = stones.floating(scene, bath, inks, whirls)
    return lambda top, bottom: drops.rows(top, bottom, bath)


def _combed(scene: Scene) -> Band:
    """Each pixel traced back to its band; bands meet in clean, thin edges."""
    peacock = scene.word("form", FORMS, "nonpareil") == "peacock"
    bath = Fans(scene) if peacock else Nonpareil(scene)
    inks = _inks(scene)

    def band(top: int, bottom: int) -> Rgb:
        return _ink(bath.place(scene.columns(), scene.lines(top - 1, bottom + 1), top), inks)

    return band


def _ink(place: Field, inks: Rgb) -> Rgb:
    """Colours of the bands at these places; one row more is given above and below, for the width of the edges."""
    down, across = np.gradient(place)
    slope = np.maximum(np.hypot(down, across), np.float32(1e-4))[1:-1]
    place = place[1:-1]
    nearest = np.floor(place + np.float32(0.5))
    cover = np.clip((place - nearest) / np.minimum(slope, np.float32(1)) + np.float32(0.5), 0, 1)[..., None]
    index = nearest.astype(np.int32)
    before, after = inks[(index - 1) % BANDS], inks[index % BANDS]
    return np.asarray(before + (after - before) * cover, np.float32)


class Comb:
    """Teeth set by hand: how far the comb draws each place along its way, kept in a table."""

    def __init__(self, rng: np.random.Generator, span: tuple[float, float], apart: float, uneven: float) -> None:
        low, high = span
        gaps = apart * (1 + uneven * rng.uniform(-1, 1, int((high - low) / apart * 1.6) + 8))
        teeth = low + np.cumsum(gaps)
        pulls = 1 + uneven * rng.uniform(-1, 1, len(teeth))
        places = np.arange(low, high, float(STEP))
        near = np.clip(np.searchsorted(teeth, places), 1, len(teeth) - 1)
        left, right = places - teeth[near - 1], teeth[near] - places
        reach = apart * 0.30
        pull = np.maximum(pulls[near - 1] * np.exp(-left / reach), pulls[near] * np.exp(-right / reach))
        self._low, self._table = np.float32(low), pull.astype(np.float32)

    def pull(self, u: Field) -> Field:
        """About 1 at a tooth, falling off to both sides."""
        at = np.clip((u - self._low) / STEP, 0, len(self._table) - 2)
        index = at.astype(np.int32)
        share = at - index
        return np.asarray(self._table[index] * (1 - share) + self._table[index + 1] * share, np.float32)


class Still:
    """Slow fields over the page, read for rows that may lie one beyond its edge."""

    def __init__(
        self, scene: Scene, rng: np.random.Generator, cells: tuple[float, float], reach: float, octaves: int = 3
    ) -> None:
        field = (noise.fbm(rng, *scene.small(8), cells, octaves, 0.5) - np.float32(0.5)) * np.float32(reach)
        self._sheet, self._height = noise.Sheet(field, scene.width, scene.height), scene.height

    def rows(self, top: int, count: int) -> Field:
        """`count` rows from the one above `top`."""
        first, last = max(top - 1, 0), min(top - 1 + count, self._height)
        pad = ((first - (top - 1), top - 1 + count - last), (0, 0))
        return np.pad(self._sheet.rows(first, last), pad, mode="edge")


class Nonpareil:
    """The fine comb, drawn once through bands that were raked to and fro: nested arcs in narrow rows."""

    def __init__(self, scene: Scene) -> None:
        rng = scene.chance("bath")
        self._unit = np.float32(scene.unit)
        self._fine = scene.number("comb", 0.35) * 60 + 26
        self._bands = np.float32(scene.number("bands", 0.4) * 22 + 10)
        wide, high = scene.width / scene.unit, scene.height / scene.unit
        span = (-600.0, wide + 600.0)
        self._comb = Comb(rng, span, self._fine, 0.16)
        self._rake = Comb(rng, span, self._fine * 6.5, 0.45)
        self._aside = Still(scene, rng, (1.6, 2.2), 240)
        self._lift = Still(scene, rng, (2.0, 3.0), 420)
        self._blots = Still(scene, rng, (wide / 190, high / 150), 11.0, 2)
        self._clots = Still(scene, rng, (wide / 70, high / 60), 2.6, 1)

    def place(self, x: Field, y: Field, top: int) -> Field:
        """The band, as a number with a fraction, that each point came from."""
        count = y.shape[0]
        u = x / self._unit + self._aside.rows(top, count)
        v = y / self._unit + self._lift.rows(top, count)
        v = v - self._comb.pull(u) * np.float32(self._fine * 2.1) + self._rake.pull(u) * np.float32(self._fine * 1.5)
        return np.asarray(v / self._bands + self._blots.rows(top, count) + self._clots.rows(top, count), np.float32)


class Fans:
    """Fans over fans: each spreads from its own stem in feathered arcs, those lower on the page over the upper ones."""

    def __init__(self, scene: Scene) -> None:
        rng = scene.chance("bath")
        self._unit = np.float32(scene.unit)
        self._wide = np.float32(210 + 150 * scene.number("comb", 0.5))
        self._high = self._wide * np.float32(0.62)
        self._bands = np.float32(scene.number("bands", 0.4) * 14 + 9)
        self._grid = (int(scene.height / scene.unit / self._high) + 9, int(scene.width / scene.unit / self._wide) + 7)
        shift = rng.uniform(-0.20, 0.20, (3, self._grid[0] * self._grid[1]))
        radius = float(self._wide) * (0.72 + shift[2] * 0.4)
        first = np.floor(rng.uniform(0, BANDS, shift.shape[1]))
        self._fans = [table.astype(np.float32) for table in (0.5 + shift[0] * 0.5, shift[1] * 0.6, 1 / radius, first)]
        self._feather = Comb(rng, (-40.0, 1100.0), 21.0, 0.20)
        self._aside, self._lift = (Still(scene, rng, (2.2, 3.0), reach) for reach in (190, 210))
        self._blots = Still(scene, rng, (9.0, 14.0), 5.0, 3)

    def place(self, x: Field, y: Field, top: int) -> Field:
        """The band that each point came from; fans begin in bands of their own."""
        count = y.shape[0]
        u = (x / self._unit + self._aside.rows(top, count)).ravel()
        v = (y / self._unit + self._lift.rows(top, count)).ravel()
        base = np.floor(v / self._high).astype(np.int32)
        dx, dy, seed = self._fan(u, v, base + 3)
        for below in (2, 1):
            rest = np.flatnonzero(dx * dx + dy * dy > 1)
            dx[rest], dy[rest], seed[rest] = self._fan(u[rest], v[rest], base[rest] + below)
        far = np.sqrt(dx * dx + dy * dy)
        comb = self._feather.pull(_turn(-dy, dx) * np.float32(150) + np.float32(500))
        eye = np.minimum(far * np.float32(3.0), 1)
        place = seed + far * (self._wide * np.float32(1.05) / self._bands) + comb * np.float32(2.6) * eye
        return np.asarray(place.reshape(count, -1) + self._blots.rows(top, count), np.float32)

    def _fan(self, u: Field, v: Field, row: Field) -> tuple[Field, Field, Field]:
        """Where points lie from the stem of the fan of a row (in radii), and the fan's first band."""
        half = (row % 2).astype(np.float32) * np.float32(0.5)
        column = np.floor(u / self._wide + half)
        place = np.clip(row + 3, 0, self._grid[0] - 1) * self._grid[1]
        place += np.clip(column.astype(np.int32) + 3, 0, self._grid[1] - 1)
        stem_x, stem_y, shrink, ink = (table[place] for table in self._fans)
        dx = (u - (column + stem_x - half) * self._wide) * shrink
        dy = (v - (row + stem_y) * self._high) * (shrink / np.float32(1.12))
        return dx, dy, ink


def _turn(x: Field, y: Field) -> Field:
    """The angle of (x, y) in radians, to about a thousandth; several times faster than an exact one."""
    low, high = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
    t = low / np.maximum(high, np.float32(1e-6))
    s = t * t
    angle = ((np.float32(-0.0464964749) * s + np.float32(0.15931422)) * s - np.float32(0.327622764)) * s * t + t
    angle = np.where(np.abs(y) > np.abs(x), np.float32(np.pi / 2) - angle, angle)
    angle = np.where(x < 0, np.float32(np.pi) - angle, angle)
    return np.asarray(np.where(y < 0, -angle, angle), np.float32)


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
        "form": "nonpareil, peacock, swirl, stones or veins",
        "comb": "distance of the teeth, or size of the fans, 0 to 1",
        "bands": "width of the bands, 0 to 1",
        "dark": "true for a dark ground",
        "label": "false: no label for the words",
    },
)
