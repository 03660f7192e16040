"""City: rows of towers from haze to silhouette, lit windows, and a great disc or a beam of light behind them."""

import numpy as np

from adapters.images.painter import figures, noise, terrain
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, parse, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, over

TIMES = ("night", "dusk", "day")


def compose(scene: Scene) -> Band:
    """Sky with its disc, then row after row of buildings, then rain."""
    sky = Sky(scene)
    rows = _rows(scene, sky)
    rain = terrain.Shower(scene) if "rain" in scene.reading.motifs or scene.flag("rain", False) else None

    signs = Neon(scene) if sky.time == "night" else None
    standing = Standing(scene, sky)

    def band(top: int, bottom: int) -> Rgb:
        hidden = max((index for index, row in enumerate(rows[:-1]) if row.lowest < top - 1), default=-1)
        rgb = sky.rows(top, bottom) if hidden < 0 else np.zeros((bottom - top, scene.width, 3), np.float32)
        for row in rows[max(hidden, 0) : -1]:
            rgb = row.lay(rgb, top, bottom)
        if signs is not None:
            rgb = signs.lay(rgb, top, bottom)
        rgb = standing.lay(rows[-1].lay(rgb, top, bottom), top, bottom)
        return rgb if rain is None else over(rgb, sky.light, rain.rows(top, bottom) * np.float32(0.22))

    return band


class Sky:
    """A gradient that brightens towards the street, uneven with smoke, and a disc low in it."""

    def __init__(self, scene: Scene) -> None:
        rng, palette = scene.chance("sky"), scene.palette
        self._scene = scene
        said = {"dawn": "dusk"}.get(scene.reading.time or "", scene.reading.time)
        self.time = scene.asked("time", said, TIMES, "dusk")
        night = self.time == "night"
        glow, middle = palette.accent, palette.middle[0]
        deep = shade(palette.dark, 0.14 if night else 0.24)
        self._ramp = Ramp(
            [deep, mix(palette.dark, middle, 0.55), mix(middle, glow, 0.72), mix(glow, palette.light, 0.5)],
            [0, 0.4, 0.8, 1],
        )
        self.light = mix(palette.light, glow, 0.18)
        self.haze, self.near = mix(middle, glow, 0.55), shade(palette.dark, 0.13, 0.8)
        if self.time == "day":
            pale = mix(palette.light, glow, 0.08)
            self._ramp = Ramp([mix(middle, pale, 0.45), mix(middle, pale, 0.72), pale, palette.light], [0, 0.4, 0.8, 1])
            self.haze, self.near = mix(middle, pale, 0.72), shade(palette.dark, 0.22, 0.9)
            self.light = mix(glow, palette.light, 0.06)
        self.x, self.y = scene.width * float(rng.uniform(0.32, 0.68)), scene.height * scene.number("altitude", 0.46)
        self.radius = min(scene.width, scene.height) * scene.number("disc", 0.2, 0.0, 0.45)
        across, down = scene.small(8)
        smoke = noise.fbm(rng, across, down, (2.4, 6.0), 6)
        bend = noise.fbm(rng, across, down, (2.0, 2.0), 3) - 0.5
        gy, gx = np.mgrid[0:down, 0:across].astype(np.float32) + np.float32(0.5)
        far = np.hypot(gx * np.float32(scene.width / across) - self.x, gy * np.float32(scene.height / down) - self.y)
        glow = np.exp(-far / np.float32(self.radius * 1.7 + 1)) * (0.16 if self.time == "day" else 0.42)
        self._glow = noise.Sheet(np.asarray(glow, np.float32), scene.width, scene.height)
        self._smoke = noise.Sheet(
            noise.spread(noise.warp(smoke, bend * across, bend * down * 0.3)), scene.width, scene.height
        )

    def rows(self, top: int, bottom: int) -> Rgb:
        """The sky in rows top..bottom."""
        scene = self._scene
        y = scene.lines(top, bottom)
        smoke = self._smoke.rows(top, bottom)
        height = y / np.float32(scene.height * 0.82) + (smoke - np.float32(0.5)) * np.float32(0.16)
        rgb = self._ramp.at(height)
        rgb = over(rgb, self.light, self._glow.rows(top, bottom))
        if top > self.y + self.radius + 1 or bottom < self.y - self.radius - 1:
            return rgb
        part = np.s_[:, max(int(self.x - self.radius) - 2, 0) : int(self.x + self.radius) + 3]
        far = np.hypot(scene.columns()[part] - np.float32(self.x), y - np.float32(self.y))
        cover = np.clip(np.float32(self.radius) - far + np.float32(0.5), 0, 1)
        rgb[part] = over(rgb[part], self.light, cover * (np.float32(0.95) - smoke[part] * np.float32(0.28)))
        return rgb


class Row:
    """One row of buildings: everything below its roofs, hazy at street level, with windows when it is near."""

    def __init__(
        self, scene: Scene, roofs: Field, masts: list[Points], windows: list[Points], colours: tuple[Rgb, Rgb, Rgb]
    ) -> None:
        self._scene, self._roofs = scene, roofs
        self._masts = Stencil(masts, scene.width)
        self._windows = Stencil(windows, scene.width)
        self._body, self._haze, self._lamp = colours
        self._highest, self.lowest = float(roofs.min()), float(roofs.max())

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The row over what is behind it."""
        rgb = over(rgb, self._body, self._masts.rows(top, bottom))
        if bottom < self._highest:
            return rgb
        y = self._scene.lines(top, bottom)
        cover = np.clip(y - self._roofs[None, :] + np.float32(0.5), 0, 1)
        street = np.clip((y - np.float32(self._highest)) / np.float32(self._scene.height - self._highest + 1), 0, 1)
        body = self._body + (self._haze - self._body) * (street**1.5 * np.float32(0.8))[..., None]
        rgb = over(rgb, body, cover)
        lit = self._windows.rows(top, bottom)
        fade = 1 - noise.smoothstep(0.86, 0.95, y / np.float32(self._scene.height)) * np.float32(0.8)
        return rgb if lit is None else over(rgb, self._lamp, lit * fade)


class Neon:
    """Upright signs of light on the houses, with what they throw into wet air."""

    def __init__(self, scene: Scene) -> None:
        rng, palette, unit = scene.chance("neon"), scene.palette, scene.unit
        self._scene = scene
        self._cold = mix(palette.accents[min(1, len(palette.accents) - 1)], palette.light, 0.35)
        self._warm = mix(palette.accent, palette.light, 0.15)
        self._signs = [
            (
                float(rng.uniform(0.06, 0.94)) * scene.width,
                float(rng.uniform(0.60, 0.80)) * scene.height,
                float(rng.uniform(34, 95)) * unit,
                float(rng.uniform(5, 11)) * unit,
            )
            for _ in range(9)
        ]

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """The signs over rows top..bottom."""
        for index, (x, y, tall, wide) in enumerate(self._signs):
            if abs((top + bottom) / 2 - y) > tall * 3:
                continue
            reach = int(tall * 2.2)
            part = np.s_[:, max(int(x) - reach, 0) : int(x) + reach]
            dx = np.maximum(np.abs(self._scene.columns()[part] - np.float32(x)) - np.float32(wide), 0)
            dy = np.maximum(np.abs(self._scene.lines(top, bottom) - np.float32(y)) - np.float32(tall), 0)
            far = np.hypot(dx, dy)
            ink = self._warm if index % 3 else self._cold
            glow = np.exp(-far / np.float32(tall * 0.34)) * np.float32(0.42) * np.clip(1 - far / reach, 0, 1)
            rgb[part] = over(
                over(rgb[part], ink, glow), mix(ink, self._scene.palette.light, 0.35), np.clip(1.5 - far, 0, 1)
            )
        return rgb


class Standing:
    """The prompt's figure in the foreground, dark before lit fog."""

    def __init__(self, scene: Scene, sky: Sky) -> None:
        tall = scene.height * 0.24
        placed = figures.on(scene, scene.height * 0.88, tall)
        self._scene, self._figure = scene, figures.stencil(scene, placed, tall)
        self._ink = shade(scene.palette.dark, 0.08, 0.6) if scene.reading.tint is None else parse(scene.reading.tint)
        self._fog, self._tall = mix(sky.haze, sky.light, 0.45), np.float32(tall)
        self._at = (0.0, 0.0) if placed is None else (placed[1], placed[2] - tall * 0.45)

    def lay(self, rgb: Rgb, top: int, bottom: int) -> Rgb:
        """Fog, then the silhouette."""
        if self._figure is None:
            return rgb
        x = (self._scene.columns() - np.float32(self._at[0])) / self._tall
        y = (self._scene.lines(top, bottom) - np.float32(self._at[1])) / self._tall
        fog = np.exp(-(x * x * np.float32(1.3) + y * y * np.float32(2.0)))
        return over(over(rgb, self._fog, fog * np.float32(0.82)), self._ink, self._figure.rows(top, bottom))


def _rows(scene: Scene, sky: Sky) -> list[Row]:
    rng = scene.chance("rows")
    count = int(scene.number("layers", 5, 2, 7))
    lamp = mix(scene.palette.light, scene.palette.accent, 0.35)
    rows = []
    for index in range(count):
        near = index / (count - 1)
        colour = mix(mix(sky.haze, sky.near, 0.22), sky.near, near**0.8)
        base = scene.height * (0.62 + 0.26 * near)
        tall = scene.height * scene.number("tallness", 0.5) * (0.42 - 0.18 * near)
        roofs, masts, houses = _skyline(rng, scene, base, tall, 46 + 90 * near)
        windows = _windows(rng, scene, houses, near) if near > 0.45 else []
        haze = mix(colour, sky.haze, 0.75 * (1 - near) + 0.06)
        tint = mix(colour, lamp, 0.55 + 0.35 * near)
        rows.append(Row(scene, roofs, masts, windows, (colour, haze, tint)))
    return rows


House = tuple[float, float, float]


def _skyline(
    rng: np.random.Generator, scene: Scene, base: float, tall: float, width: float
) -> tuple[Field, list[Points], list[House]]:
    """Roof heights by column, masts and pointed roofs, and each house as left, right, roof."""
    roofs = np.full(scene.width, np.float32(base + tall * 0.4))
    masts: list[Points] = []
    houses: list[House] = []
    x = -width * scene.unit
    swell = noise.ridge_line(rng, scene.width, 2.5, 2)
    while x < scene.width:
        span = scene.unit * width * float(rng.uniform(0.6, 1.7))
        column = int(min(max(x + span / 2, 0), scene.width - 1))
        roof = base - tall * float(rng.beta(1.6, 2.2)) * (0.5 + float(swell[column]))
        left, right = max(int(x), 0), min(int(x + span), scene.width)
        if right > left:
            roofs[left:right] = np.minimum(roofs[left:right], np.float32(roof))
            houses.append((x, x + span, roof))
            masts += _crown(rng, scene, x, x + span, roof)
        x += span * float(rng.uniform(0.82, 1.0))
    return roofs, masts, houses


def _crown(rng: np.random.Generator, scene: Scene, left: float, right: float, roof: float) -> list[Points]:
    """What stands on a roof: a step, a mast, a spire or a slope."""
    middle, span, unit = (left + right) / 2, right - left, scene.unit
    kind = float(rng.random())
    if kind < 0.25:
        step = box(left + span * 0.2, roof - span * 0.22, right - span * 0.2, roof + 2)
        return [step, box(left + span * 0.36, roof - span * 0.42, right - span * 0.36, roof)]
    if kind < 0.42:
        return [box(middle - 1.6 * unit, roof - span * float(rng.uniform(0.5, 1.1)), middle + 1.6 * unit, roof + 2)]
    if kind < 0.54:
        return [
            np.array(
                [(left + span * 0.12, roof + 2), (middle, roof - span * 0.95), (right - span * 0.12, roof + 2)],
                np.float32,
            )
        ]
    if kind < 0.66:
        return [np.array([(left, roof + 2), (left, roof - span * 0.34), (right, roof + 2)], np.float32)]
    return []


def _windows(rng: np.random.Generator, scene: Scene, houses: list[House], near: float) -> list[Points]:
    lit = scene.number("windows", 0.45)
    pitch = scene.unit * (12 + 9 * near)
    windows: list[Points] = []
    for left, right, roof in houses:
        columns = int((right - left - pitch) / pitch)
        rows = int(min((scene.height - roof) / (pitch * 1.45), 46))
        if columns < 1 or rng.random() < 0.15:
            continue
        habit = float(rng.beta(1.2, 3.0)) * lit
        on = rng.random((rows, columns)) < habit
        for row, column in zip(*np.nonzero(on), strict=True):
            x, y = left + pitch * (column + 0.75), roof + pitch * 1.45 * (row + 0.8)
            windows.append(box(x, y, x + pitch * 0.48, y + pitch * 0.72))
    return windows


FAMILY = Family(
    name="city",
    compose=compose,
    palettes=(
        ("#0f1424", "#2b3a67", "#e4572e", "#ffd9a0"),
        ("#0a1a20", "#1f4e5f", "#f2a541", "#fff0cf"),
        ("#1a0f24", "#5b2a6e", "#f25f78", "#ffe1d0"),
        ("#101418", "#37474f", "#d9b44a", "#f7f1dd"),
    ),
    finish=Finish(grain=0.014, vignette=0.2),
    options={
        "time": "night, dusk or day",
        "disc": "0 to 0.45 of the short side",
        "altitude": "height of the disc, 0 top to 1 bottom",
        "layers": "2 to 7 rows",
        "tallness": "0 to 1",
        "windows": "how many are lit, 0 to 1",
        "rain": "true or false",
    },
)
