"""Cut paper: sheets laid over one another, each with a larger opening, and soft shadows falling from edge to edge."""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, parse
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, over

FORMS = ("cave", "waves", "islands", "rings")


def compose(scene: Scene) -> Band:
    """The sheets from the deepest up; each shades the one below it."""
    relief, shadow = _relief(scene)
    sheets = Sheets(scene, int(scene.number("sheets", 7, 3, 10)))
    height = noise.Sheet(relief, scene.width, scene.height)
    shade = noise.Sheet(shadow, scene.width, scene.height)
    across, down = scene.small(2)
    fibre = noise.Sheet(
        noise.fbm(scene.chance("fibre"), across, down, (44.0, 70.0), 4, 0.75), scene.width, scene.height
    )

    figure = Cutting(scene, relief, sheets.steps)

    def band(top: int, bottom: int) -> Rgb:
        paper = 1 + (fibre.rows(top, bottom) - np.float32(0.5)) * np.float32(0.07)
        here, cast = height.rows(top, bottom), shade.rows(top, bottom)
        return figure.lay(sheets.lay(here, cast, paper), paper, (here, cast), top)

    return band


class Cutting:
    """The prompt's figure and its ground, cut from one sheet, with the shadow that it throws.

    The sheet lies in the pile: those above it hide its ground and shade it.
    """

    def __init__(self, scene: Scene, relief: Field, steps: int) -> None:
        form = _form(scene)
        place = scene.number("place", {"waves": 0.42, "rings": 0.6}.get(form, 0.6))
        tall = scene.height * (0.24 if form in ("cave", "rings") else 0.22)
        foot = scene.height * (place + 0.09 if form in ("cave", "rings") else 0.66)
        middle = scene.width * 0.5 if form in ("cave", "rings") else None
        placed = figures.on(scene, foot, tall, x=middle)
        if placed is not None and placed[0] in figures.AFLOAT:
            placed = _launched(scene, relief, steps, placed, tall)
        parts = [] if placed is None else figures.company(scene, *placed, tall)
        held = figures.earth(scene, figures.footing(scene, placed, tall, fall=0.05))
        self._figure = Stencil([*parts, *held], scene.width)
        self._shadow = _cast(scene, [*parts, *held])
        self._edge = 2.0 if placed is None or form == "islands" else _sheet_of(scene, relief, steps, placed, tall)
        self._soft = 1.6 / min(scene.width, scene.height)
        palette = scene.palette
        dark = not scene.flag("inverted", False)
        self._ink = palette.dark if dark else mix(palette.light, palette.accent, 0.15)
        if scene.reading.tint is not None:
            self._ink = parse(scene.reading.tint)

    def lay(self, rgb: Rgb, paper: Field, pile: tuple[Field, Field], top: int) -> Rgb:
        """The shadow, soft at its edge, then the sheet; `pile` is the relief and its shadow in these rows."""
        if self._shadow is None:
            return rgb
        (relief, cast), bottom = pile, top + len(rgb)
        free = 1 - noise.smoothstep(self._edge - self._soft, self._edge + self._soft, relief)
        fallen = np.clip(self._shadow.rows(top, bottom), 0, 1) * free
        rgb = rgb * (1 - fallen * np.float32(0.55))[..., None]
        cover = self._figure.rows(top, bottom)
        if cover is None:
            return rgb
        light = paper * Sheets.shaded(cast - np.float32(self._edge))
        return over(rgb, self._ink * light[..., None], cover * free)


def _launched(scene: Scene, relief: Field, steps: int, placed: figures.Placed, tall: float) -> figures.Placed:
    """What floats, lowered until the next wave hides its keel."""
    down, across = relief.shape
    name, x, foot = placed
    start = int(foot / scene.height * down)
    column = relief[start:, min(int(x / scene.width * across), across - 1)]
    edge = np.ceil((relief[start, min(int(x / scene.width * across), across - 1)] + 1e-3) * steps) / steps
    crossed = np.flatnonzero(column >= edge)
    row = start + (int(crossed[0]) if len(crossed) else 0)
    return name, x, row / down * scene.height + tall * 0.10


def _sheet_of(scene: Scene, relief: Field, steps: int, placed: figures.Placed, tall: float) -> float:
    """The first edge of the pile that lies wholly outside the figure: the sheets from there on are above it."""
    down, across = relief.shape
    name, x, foot = placed
    rows = slice(max(int((foot - tall) / scene.height * down), 0), max(int(foot / scene.height * down), 1))
    columns = slice(
        max(int((x - tall * 0.4) / scene.width * across), 0), max(int((x + tall * 0.4) / scene.width * across), 1)
    )
    if name in figures.AFLOAT:
        rows = slice(rows.start, max(int((foot - tall * 0.16) / scene.height * down), rows.start + 1))
        columns = slice(int(x / scene.width * across), int(x / scene.width * across) + 1)
    part = relief[rows, columns]
    highest = float(part.max()) if part.size else 1.0
    return float(np.ceil(highest * steps + (0.0 if name in figures.AFLOAT else 0.1)) / steps)


def _cast(scene: Scene, parts: list[Points]) -> noise.Sheet | None:
    """The soft shadow of shapes that lie a little above the page; light comes from the upper right."""
    across, down = scene.small(4)
    scale = np.array([across / scene.width, down / scene.height], np.float32)
    away = np.array([-15, 19], np.float32) * np.float32(scene.unit)
    mask = Stencil([(part + away) * scale for part in parts], across).rows(0, down)
    if mask is None:
        return None
    soft = noise.enlarge(noise.enlarge(mask, max(across // 3, 4), max(down // 3, 4)), across, down)
    return noise.Sheet(soft, scene.width, scene.height)


class Sheets:
    """The pile: sheet k shows where the relief lies between k and k + 1 steps."""

    steps: int
    """How many steps the relief has from the lowest sheet to the highest."""

    def __init__(self, scene: Scene, count: int) -> None:
        tones = _tones(scene, count + 1)
        self.steps = count + 1
        self._below = np.stack([tones[max(k - 1, 0)] for k in range(count + 2)])
        self._above = np.stack([tones[min(k, count)] for k in range(count + 2)])
        self._least = np.float32(1e-3 / scene.width)
        self._rim = np.float32(2.2 * scene.unit)

    def lay(self, relief: Field, cast: Field, paper: Field) -> Rgb:
        """Colours of a band: only the nearest edge matters to a pixel, so one pair of sheets is mixed for each."""
        down, across = np.gradient(relief)
        slope = np.maximum(np.hypot(down, across), self._least)
        nearest = np.floor(relief * np.float32(self.steps) + np.float32(0.5))
        index = nearest.astype(np.int32)
        edge = nearest / np.float32(self.steps)
        away = (relief - edge) / slope
        real = (index > 0) & (index < self.steps)
        cover = np.where(real, np.clip(away + np.float32(0.5), 0, 1), index == 0)
        rim = np.exp(-np.clip(away, 0, None) / self._rim) * np.float32(0.16) * real
        lower = (1 - cover) * np.where(real, self.shaded(cast - edge), np.float32(1)) * paper
        upper = cover * self.shaded(cast - edge - np.float32(1 / self.steps)) * (1 + rim) * paper
        mixed = self._below[index] * lower[..., None] + self._above[index] * upper[..., None]
        return np.asarray(mixed, np.float32)

    @staticmethod
    def shaded(over_edge: Field) -> Field:
        """How much light is left where the blurred shadow of an edge falls."""
        return 1 - noise.smoothstep(-0.035, 0.045, over_edge) * np.float32(0.5)


def _tones(scene: Scene, count: int) -> list[Rgb]:
    """From the light at the bottom of the hole to the dark of the top sheet, or the other way round."""
    palette = scene.palette
    colours = [palette.light, *palette.by_light[::-1], mix(palette.dark, palette.middle[0], 0.1)]
    ramp = list(Ramp(colours).at(np.linspace(0.04, 1, count).astype(np.float32)))
    return ramp[::-1] if scene.flag("inverted", False) else ramp


def _relief(scene: Scene) -> tuple[Field, Field]:
    """The height field that the sheets are cut from, 0..1, and where its shadow falls."""
    rng = scene.chance("relief")
    across, down = scene.small(4)
    form = _form(scene)
    field = {"cave": _cave, "waves": _waves, "islands": _islands, "rings": _rings}[form](scene, rng, across, down)
    field = np.clip(field, 0, 0.999).astype(np.float32)
    short = min(across, down)
    soft = noise.enlarge(noise.enlarge(field, max(across // 6, 4), max(down // 6, 4)), across, down)
    reach = max(int(short * 0.014), 1)
    padded = np.pad(soft, ((reach, 0), (0, reach)), mode="edge")
    shadow = padded[:-reach, reach:]
    return field, shadow.astype(np.float32)


def _form(scene: Scene) -> str:
    said = scene.reading.last({"island": "islands", "sea": "waves", "underwater": "waves", "desert": "waves"})
    said = "islands" if said == "waves" and scene.reading.order[-1:] == ("island",) else said
    return scene.asked("form", said, FORMS)


def _rings(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Round sheets, one on the other, each a little off the middle: a record, a target, a well."""
    short = np.float32(min(across, down))
    x = np.arange(across, dtype=np.float32)[None, :] - np.float32(across * rng.uniform(0.44, 0.56))
    y = np.arange(down, dtype=np.float32)[:, None] - np.float32(down * scene.number("place", 0.6))
    turn, far = np.arctan2(y, x), np.hypot(x, y) / short
    lean, phase = np.float32(rng.uniform(0.10, 0.16)), np.float32(rng.uniform(0, 6.3))
    waver = np.sin(turn * 3 + phase) * np.float32(0.010) + np.sin(turn * 2 - phase) * np.float32(0.014)
    return np.asarray(
        far * (np.float32(1.75) + lean * np.cos(turn - phase)) + waver * far * 3 + np.float32(0.02), np.float32
    )


def _cave(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """An opening below the middle; the paper closes in towards the borders."""
    x = (np.linspace(0, 1, across, dtype=np.float32)[None, :] - np.float32(0.5)) * np.float32(
        min(across / down * 1.6, 2.0)
    )
    y = np.linspace(0, 1, down, dtype=np.float32)[:, None] - np.float32(scene.number("place", 0.6))
    far = np.sqrt((x * 1.35) ** 2 + (y * np.float32(1.28)) ** 2)
    wave = noise.fbm(rng, across, down, (2.6 * max(across / down, 0.8), 3.4), 3, 0.4) - 0.5
    return np.asarray(far * 1.55 + wave * 0.62 + 0.03, np.float32)


def _waves(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Rollers from the foot of the page up to the horizon."""
    x = np.linspace(0, 1, across, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, down, dtype=np.float32)[:, None]
    swell = noise.fbm(rng, across, down, (2.2 * max(across / down, 0.8), 3.0), 2, 0.35) - 0.5
    ripple = np.sin((x * 2.1 * max(across / down, 0.8) + y * 1.7 + swell * 1.2) * 2 * np.pi) * 0.055
    start = scene.number("place", 0.42)
    return np.asarray((y - start) / (1 - start) * 0.95 + ripple + swell * 0.30, np.float32)


def _islands(scene: Scene, rng: np.random.Generator, across: int, down: int) -> Field:
    """Contours of an unknown map, highest in the lower part."""
    y = np.linspace(0, 1, down, dtype=np.float32)[:, None]
    cells = (2.4 * max(across / down, 0.8), 2.4 * max(down / across, 0.8))
    land = noise.spread(noise.fbm(rng, across, down, cells, 3, 0.38))
    return np.asarray(
        land * (0.35 + 0.75 * noise.smoothstep(0.15, 0.7, np.broadcast_to(y, land.shape).astype(np.float32))),
        np.float32,
    )


FAMILY = Family(
    name="papercut",
    compose=compose,
    palettes=(
        ("#12263f", "#1f5673", "#3f9c9c", "#f2b950", "#fdf1d5"),
        ("#2b1a3d", "#6b2d5c", "#c8435a", "#f58f5b", "#ffe6b8"),
        ("#14342b", "#2f6f4f", "#7fb069", "#e6c24a", "#fbf4d0"),
        ("#2a1a1a", "#7d2e2e", "#d1603d", "#f0a868", "#fff0dc"),
    ),
    finish=Finish(grain=0.006),
    options={
        "form": "cave, waves, islands or rings",
        "sheets": "3 to 10",
        "place": "height of the opening or the horizon, 0 to 1",
        "inverted": "true for light sheets on top",
    },
)
