"""Abstract oil: thick strokes laid over an underpainting, large ones first, each with bristles that catch the light.

The underpainting says which colour belongs where, a current says which way the brush goes. A stroke is a bundle of
bristles of slightly different colour and height; the light falls on the relief from the upper left.
"""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Field, Ramp, Rgb, mix, parse
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil

FORMS = ("horizon", "storm", "blocks")
PASSES = ((165.0, 200), (92.0, 430), (50.0, 620))
"""Width of the brush on a cover 1600 wide, and strokes on one of its area."""
BRISTLES, JOINTS = 6, 10
"""Bristles of a brush, and points of a stroke."""


def compose(scene: Scene) -> Band:
    """Colour and relief of the canvas, lit band by band."""
    said = scene.reading.last(
        {"sea": "horizon", "mountain": "horizon", "rain": "storm", "city": "blocks", "desert": "horizon"}
    )
    form = scene.asked("form", said, FORMS)
    canvas = Canvas(scene, form)
    canvas.paint()
    canvas.stand(form)
    colour, relief = canvas.laid()
    impasto = np.float32(0.35 + scene.number("impasto", 0.5) * 0.9)
    weave = noise.Sheet(
        noise.fbm(scene.chance("weave"), *scene.small(2), (200.0, 300.0), 1, 0.5), scene.width, scene.height
    )

    def band(top: int, bottom: int) -> Rgb:
        first, last = max(top - 2, 0), min(bottom + 2, scene.height)
        height = relief[first:last].astype(np.float32) + weave.rows(first, last) * np.float32(9)
        down, across = np.gradient(height)
        light = np.clip((across + down) * np.float32(0.011) * impasto, -0.22, 0.26)[top - first :][: bottom - top]
        rgb = colour[top:bottom].astype(np.float32) * np.float32(1 / 255)
        return np.asarray(rgb * (1 + light)[..., None] + np.clip(light, 0, 1)[..., None] * np.float32(0.16), np.float32)

    return band


class Canvas:
    """The picture while it is painted: colours, and how thick the paint is."""

    def __init__(self, scene: Scene, form: str) -> None:
        self._scene = scene
        self._rng = scene.chance("strokes")
        self._form = form
        self._across, self._down = scene.small(12)
        self._cell = scene.width / self._across
        plan = {"horizon": _horizon, "storm": _storm, "blocks": _blocks}[form]
        self._under, self._angle = plan(scene, self._across, self._down)
        base = np.clip(_ground(self._under) * 255, 0, 255).astype(np.uint8)
        ground = Image.fromarray(base).resize((scene.width, scene.height), Image.Resampling.BICUBIC)
        ground.putalpha(90)  # the relief stands where transparency would be, so that one stroke draws both
        self._sheet, self._draw = ground, ImageDraw.Draw(ground)

    def paint(self) -> None:
        """All strokes of the picture, large ones first."""
        area = self._scene.width * self._scene.height / (1600 * 2560 * self._scene.unit**2)
        for width, count in PASSES:
            for _ in range(int(count * area)):
                self._stroke(width * float(self._rng.uniform(0.7, 1.25)))

    def stand(self, form: str) -> None:
        """The prompt's figure and what holds it, in short strokes that end at a ragged outline."""
        scene = self._scene
        tall = scene.height * 0.23
        horizon = scene.number("horizon", 0.62, 0.3, 0.8)
        foot = scene.height * {"horizon": horizon + 0.04, "blocks": min(horizon + 0.20, 0.86), "storm": 0.86}[form]
        placed = figures.on(scene, foot, tall)
        if placed is None:
            return
        line = figures.footing(scene, placed, tall)
        under = [*figures.earth(scene, line), *figures.water(scene, placed, tall)]
        dark, light = scene.palette.dark, scene.palette.accents[0]
        own = dark if scene.reading.tint is None else parse(scene.reading.tint)
        self._lay(under, mix(dark, scene.palette.middle[0], 0.16), light, 70.0, 0.1)
        self._lay(figures.company(scene, *placed, tall), own, light, 26.0, -1.3)

    def laid(self) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], ...]:
        """The canvas as it is: (colour, relief) as bytes."""
        laid = np.asarray(self._sheet)
        return laid[..., :3], laid[..., 3]

    def _lay(self, parts: list[Points], ink: Rgb, light: Rgb, width: float, way: float) -> None:
        """A shape in strokes that go `way` (an angle), mixed on the canvas with a little of the light."""
        if not parts:
            return
        scene, rng, wide = self._scene, self._rng, width * self._scene.unit
        points = np.concatenate(parts)
        left, top = np.maximum(points.min(axis=0) - wide, 0).astype(int).tolist()
        right, foot = np.minimum(points.max(axis=0) + wide, (scene.width, scene.height)).astype(int).tolist()
        if right <= left or foot <= top:
            return
        mask = self._ragged(parts, (left, top, right, foot))
        base = tuple(np.clip(ink * 255, 0, 255).astype(int).tolist())
        sheet = Image.new("RGBA", (right - left, foot - top), (*base, 110))
        draw = ImageDraw.Draw(sheet)
        for _ in range(int((right - left) * (foot - top) / (wide * wide * 1.6))):
            x, y = float(rng.uniform(0, right - left)), float(rng.uniform(0, foot - top))
            share = float(np.clip(rng.normal(0.06, 0.07), 0, 0.30))
            self._touch(draw, (x, y), wide, way + float(rng.normal(0, 0.22)), mix(ink, light, share))
        self._sheet.paste(sheet, (left, top), mask)

    def _ragged(self, parts: list[Points], box: tuple[int, int, int, int]) -> Image.Image:
        """The shape as a mask for that box; a dry brush frays its outline by a few pixels."""
        left, top, right, foot = box
        frayed = [part - (left, top) + self._rng.normal(0, 1.6, part.shape) * self._scene.unit for part in parts]
        cover = Stencil([part.astype(np.float32) for part in frayed], right - left).rows(0, foot - top)
        grey = np.zeros((foot - top, right - left), np.uint8) if cover is None else (cover * 255).astype(np.uint8)
        return Image.fromarray(grey)

    def _touch(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], wide: float, way: float, tone: Rgb) -> None:
        """A short stroke of a few bristles from a place on."""
        rng, long = self._rng, wide * float(self._rng.uniform(1.2, 2.6))
        along = np.array([np.cos(way), np.sin(way)]) * long
        across = np.array([-np.sin(way), np.cos(way)]) * wide / 4
        high = int(rng.integers(70, 150))
        for k in range(4):
            start = np.array(at) + across * (k - 2)
            outline = [start, start + along, start + along + across * 1.3, start + across * 1.3]
            ink = np.clip(tone * 255 * (1 + rng.normal(0, 0.07)), 0, 255).astype(int).tolist()
            draw.polygon(np.concatenate(outline).tolist(), fill=(*ink, high + int(rng.integers(0, 70))))

    def _stroke(self, width: float) -> None:
        """One touch: a line along the current, drawn bristle by bristle."""
        rng, wide = self._rng, width * self._scene.unit
        x = float(rng.uniform(-0.08, 1.04)) * self._scene.width
        y = float(rng.uniform(-0.03, 1.03)) * self._scene.height
        line = self._line(x, y, wide * float(rng.uniform(1.6, 4.2)))
        step = np.gradient(line, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
        places = np.linspace(-0.5, 0.5, BRISTLES)
        hairs = line + normal * (places * wide)[:, None, None]
        half = normal * (wide / BRISTLES * 0.75)
        tones = self._pick(x, y, width) * 255 * (1 + rng.normal(0, 0.035, BRISTLES))[:, None]
        inks = np.clip(np.column_stack([tones, rng.integers(0, 70, BRISTLES) + rng.integers(70, 150)]), 0, 255)
        cuts = rng.integers(0, 3, (BRISTLES, 2))
        for hair, ink, (start, end) in zip(hairs, inks.astype(int).tolist(), cuts.tolist(), strict=True):
            part = np.s_[start : JOINTS - end]
            outline = np.concatenate([hair[part] + half[part], (hair[part] - half[part])[::-1]])
            self._draw.polygon(outline.ravel().tolist(), fill=tuple(ink))

    def _line(self, x: float, y: float, length: float) -> Points:
        points, step = [], length / (JOINTS - 1)
        for _ in range(JOINTS):
            points.append((x, y))
            turn = float(self._angle[self._at(x, y)])
            x, y = x + np.cos(turn) * step, y + np.sin(turn) * step
        return np.array(points, np.float32)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        column, row = int(x / self._cell), int(y / self._cell)
        return min(max(row, 0), self._down - 1), min(max(column, 0), self._across - 1)

    def _pick(self, x: float, y: float, width: float) -> Rgb:
        """The colour that belongs here, now and then a touch of another of the palette."""
        here = self._under[self._at(x, y)]
        given = self._scene.palette.given
        if width < 60 and self._rng.random() < 0.06:
            return mix(here, given[int(self._rng.integers(len(given)))], 0.4)
        return np.asarray(here * (1 + self._rng.normal(0, 0.05)), np.float32)


def _ground(rgb: Rgb) -> Rgb:
    """The underpainting as it is laid first: a little darker, so that gaps between strokes read as depth."""
    return np.asarray(rgb * np.float32(0.82), np.float32)


def _grid(across: int, down: int) -> tuple[Field, Field]:
    x = np.linspace(0, 1, across, dtype=np.float32)[None, :]
    return x, np.linspace(0, 1, down, dtype=np.float32)[:, None]


def _horizon(scene: Scene, across: int, down: int) -> tuple[Rgb, Field]:
    """Land, sea and sky only as bands of colour; a bright one where they meet."""
    rng, palette = scene.chance("under"), scene.palette
    x, y = _grid(across, down)
    wide = max(scene.width / scene.height, 0.7)
    sway = noise.fbm(rng, across, down, (2.4 * wide, 5.0), 4, 0.5) - np.float32(0.5)
    place = y + sway * np.float32(0.16)
    horizon = scene.number("horizon", 0.62, 0.3, 0.8)
    sky = [mix(palette.middle[0], palette.light, 0.25), mix(palette.accents[-1], palette.light, 0.5), palette.light]
    ramp = Ramp(
        [*sky, palette.accent, palette.dark, mix(palette.dark, palette.middle[0], 0.5), palette.dark],
        [0.0, horizon * 0.55, horizon * 0.86, horizon * 0.985, horizon * 1.06, min(horizon * 1.3, 0.95), 1.0],
    )
    angle = sway * np.float32(1.5) + np.zeros_like(x)
    return ramp.at(place.astype(np.float32)), angle.astype(np.float32)


def _storm(scene: Scene, across: int, down: int) -> tuple[Rgb, Field]:
    """Everything turns around one bright place."""
    rng, palette = scene.chance("under"), scene.palette
    x, y = _grid(across, down)
    aspect = np.float32(scene.width / scene.height)
    cx, cy = float(rng.uniform(0.35, 0.65)), scene.number("horizon", 0.62, 0.3, 0.8)
    dx, dy = (x - np.float32(cx)) * aspect, y - np.float32(cy)
    far, turn = np.hypot(dx, dy), np.arctan2(dy, dx)
    cloud = noise.spread(noise.fbm(rng, across, down, (3.0, 4.0), 4, 0.5))
    spiral = np.sin(turn * 2 + np.log(far + np.float32(0.06)) * np.float32(5.2)) * np.float32(0.16)
    ramp = Ramp(
        [palette.light, palette.accent, *palette.middle[::-1], palette.dark, mix(palette.dark, palette.middle[0], 0.35)]
    )
    place = far * np.float32(1.15) + spiral * np.clip(far * 4, 0, 1) + (cloud - np.float32(0.5)) * np.float32(0.28)
    return ramp.at(place.astype(np.float32)), (turn + np.float32(1.25)).astype(np.float32)


def _blocks(scene: Scene, across: int, down: int) -> tuple[Rgb, Field]:
    """Slabs by the knife in courses, like a harbour town in flat light: small and pale far off, large and deep near."""
    rng, palette = scene.chance("under"), scene.palette
    x, y = _grid(across, down)
    drift = noise.fbm(rng, across, down, (3.0, 4.0), 3, 0.5) - np.float32(0.5)
    high, low = mix(palette.light, palette.middle[0], 0.16), mix(palette.light, palette.accent, 0.20)
    start = scene.number("horizon", 0.62, 0.3, 0.8) - 0.16
    rgb = Ramp([high, low]).at(np.broadcast_to(y / np.float32(start), (down, across)) + drift * np.float32(0.5)).copy()
    px, py = x + drift * np.float32(0.05), y + drift * np.float32(0.05)
    edges = start + (1.03 - start) * np.linspace(0, 1, 7) ** 1.25
    tones = palette.run(9)[::-1]
    for course, (top, foot) in enumerate(pairwise(edges)):
        left = float(rng.uniform(-0.15, 0))
        while left < 1:
            wide = float(rng.uniform(0.10, 0.24)) * (0.7 + 0.16 * course)
            tone = tones[int(np.clip(2 + course + rng.integers(-2, 3), 0, 8))]
            colour = palette.accent if rng.random() < 0.17 else tone
            lift = float(rng.uniform(-0.5, 0.35)) * (foot - top)
            inside = (px >= left) & (px < left + wide) & (py >= top + lift) & (py < foot + 0.02)
            rgb[inside] = colour
            left += wide
    angle = np.where(py < start, np.float32(0.15), np.where(drift > 0.06, np.float32(np.pi / 2), np.float32(0)))
    return rgb, (angle + drift * np.float32(0.5)).astype(np.float32)


FAMILY = Family(
    name="oil",
    compose=compose,
    palettes=(
        ("#14263b", "#35658a", "#d9793f", "#e8b66a", "#f3e8d3"),
        ("#2a1520", "#8a2f3f", "#d86a4a", "#e9b872", "#f4e7d5"),
        ("#10302e", "#2f7a6d", "#c9a24a", "#e0d2a8", "#f5efdf"),
        ("#1d1b3a", "#4b4a8f", "#d16d8b", "#f0b48c", "#f7ecdf"),
    ),
    finish=Finish(grain=0.006),
    options={
        "form": "horizon, storm or blocks",
        "horizon": "height of the horizon or the bright place, 0.3 to 0.8",
        "impasto": "how thick the paint stands, 0 to 1",
    },
)
