"""Brutalist ground: few, huge, flat forms that leave the page to the type; raw concrete, hard shadow, printed rough."""

import numpy as np

from adapters.images.painter import figures, noise
from adapters.images.painter.colour import Rgb, lightness, mix, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import Points, Stencil, box, circle, over

FORMS = ("tower", "stairs", "arc", "grid")
Piece = tuple[Points, Rgb]


def compose(scene: Scene) -> Band:
    """The forms on their ground, then what the press and the concrete leave on them."""
    said = scene.reading.last({"city": "tower", "mountain": "stairs", "sun": "arc"})
    form = scene.asked("form", said, FORMS)
    ground, pieces = {"tower": _tower, "stairs": _stairs, "arc": _arc, "grid": _grid}[form](scene)
    layers = [(colour, Stencil([shape], scene.width)) for shape, colour in pieces]
    rough = noise.Sheet(
        noise.fbm(scene.chance("concrete"), *scene.small(2), (70.0, 110.0), 5, 0.68), scene.width, scene.height
    )
    pores = scene.number("rough", 0.5)

    def band(top: int, bottom: int) -> Rgb:
        rgb = np.broadcast_to(ground, (bottom - top, scene.width, 3))
        for colour, stencil in layers:
            rgb = over(rgb, colour, stencil.rows(top, bottom))
        grit = rough.rows(top, bottom)
        pitted = noise.smoothstep(0.30, 0.25, grit) * np.float32(0.16 * pores)
        return np.asarray(
            rgb * (1 - pitted + (grit - np.float32(0.5)) * np.float32(0.13 * pores))[..., None], np.float32
        )

    return band


def _sides(scene: Scene) -> tuple[Rgb, Rgb, Rgb, Rgb]:
    """Ground, loud colour, dark, and light."""
    palette = scene.palette
    return palette.light, palette.accents[0], palette.dark, mix(palette.light, palette.middle[-1], 0.35)


def _tower(scene: Scene) -> tuple[Rgb, list[Piece]]:
    """A slab block from below the corner: two faces, rows of windows, a shadow across the page."""
    rng = scene.chance("tower")
    light, loud, dark, pale = _sides(scene)
    flat = scene.flag("loud", True)
    ground = loud if flat else light
    wide, high = scene.width, scene.height
    edge = wide * float(rng.uniform(0.42, 0.62))
    top = high * scene.number("height", 0.42, 0.1, 0.8)
    drop = 0.42
    left, right = edge - wide * 0.36, edge + wide * 0.30
    sunny, shady = mix(pale, light, 0.4), mix(dark, pale, 0.16)

    def face(x0: float, x1: float, y0: float, y1: float) -> Points:
        """A part of a wall, in fractions from the edge outwards and from the top down."""
        return np.array(
            [(x, top + abs(x - edge) * drop + y * high * 0.9) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))],
            np.float32,
        )

    shadow = np.array([(edge, top), (wide * 1.4, top + high * 0.34), (wide * 1.4, high), (edge, high)], np.float32)
    pieces: list[Piece] = [(shadow, mix(ground, dark, 0.30))]
    pieces += [(face(left, edge, 0, 1.2), sunny), (face(edge, right, 0, 1.2), shady)]
    floors, bays = int(scene.number("floors", 0.5) * 16) + 10, 5
    for floor in range(floors):
        y0 = 0.035 + floor * (1.0 / floors)
        y1 = y0 + 0.52 / floors
        for bay in range(bays):
            for a, b, glass in ((left, edge, mix(dark, pale, 0.22)), (edge, right, mix(dark, shady, 0.25))):
                x0, x1 = (a + (b - a) * (bay + part) / bays for part in (0.14, 0.86))
                lit = rng.random() < 0.035
                pieces.append((face(x0, x1, y0, y1), loud if lit and not flat else light if lit else glass))
    return ground, pieces


def _stairs(scene: Scene) -> tuple[Rgb, list[Piece]]:
    """Steps that climb the page, each with its riser in shadow."""
    rng = scene.chance("stairs")
    light, loud, dark, pale = _sides(scene)
    steps = int(rng.integers(6, 10))
    wide, high = scene.width, scene.height
    start = high * scene.number("height", 0.42, 0.1, 0.8)
    run, rise = wide / steps, (high - start) / steps
    flip = bool(rng.random() < 0.5)
    pieces: list[Piece] = []
    for k in range(steps + 1):
        x = k * run
        y = start + (steps - k) * rise
        pieces.append((box(x, y, wide, y + rise * 1.02), mix(loud, light, 0.07 * (k % 2))))
        pieces.append((box(x, y + rise * 0.34, wide, y + rise), mix(loud, dark, 0.55 if k % 2 else 0.72)))
    sun = circle(wide * 0.26, start + (high - start) * 0.12, min(wide, high) * 0.15)
    pieces.insert(0, (sun, dark))
    pieces += [(part, dark) for part in _climber(scene, steps, start, rise, run)]
    ground = mix(light, pale, 0.3)
    return ground, [(_mirrored(shape, wide) if flip else shape, colour) for shape, colour in pieces]


def _climber(scene: Scene, steps: int, start: float, rise: float, run: float) -> list[Points]:
    """Somebody small on the stairs (the figure of the prompt, if there is one), for the scale."""
    name = scene.reading.figures[0] if scene.reading.figures else "person"
    step = int(scene.chance("climber").integers(2, steps - 1))
    x, y = (step + 0.45) * run, start + (steps - step) * rise
    return figures.drawn(name, x, y + rise * 0.02, min(rise * 1.25, scene.height * 0.11))


def _arc(scene: Scene) -> tuple[Rgb, list[Piece]]:
    """Quarter rings, as large as the page allows, cut by one bar."""
    rng = scene.chance("arc")
    light, loud, dark, pale = _sides(scene)
    wide, high = scene.width, scene.height
    reach = min(wide, high) * 1.02
    corner_x = float(rng.choice([0, wide]))
    inks = [loud, light, dark, light, mix(loud, pale, 0.45)]
    pieces: list[Piece] = []
    for k, ink in enumerate(inks):
        pieces.append((circle(corner_x, high, reach * (1 - 0.19 * k)), ink))
    bar = wide * 0.10
    x = wide - corner_x - (bar if corner_x == 0 else 0)
    pieces.append((box(x, high * 0.30, x + bar, high), dark))
    return light, pieces


def _grid(scene: Scene) -> tuple[Rgb, list[Piece]]:
    """A module repeated without mercy, one of them the wrong way round."""
    rng = scene.chance("grid")
    light, loud, dark, pale = _sides(scene)
    wide, high = scene.width, scene.height
    columns = 6 if not scene.wide else 10
    cell = wide / columns
    start = high * scene.number("height", 0.42, 0.1, 0.8)
    rows = int(np.ceil((high - start) / cell))
    odd = int(rng.integers(rows)), int(rng.integers(columns))
    pieces: list[Piece] = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * cell, high - (rows - row) * cell
            ink, other = (loud, light) if (row, column) == odd else (dark, mix(pale, light, 0.3))
            pieces.append((box(x, y, x + cell, y + cell), other))
            turn = 0.0 if (row, column) != odd else np.pi
            slab = np.array([(0.08, 0.08), (0.92, 0.08), (0.92, 0.30), (0.30, 0.30), (0.30, 0.92), (0.08, 0.92)])
            cos, sin = np.cos(turn), np.sin(turn)
            placed = (slab - 0.5) @ np.array([[cos, sin], [-sin, cos]]) + 0.5
            pieces.append(((placed * cell + (x, y)).astype(np.float32), ink))
            pieces.append(
                (box(x + cell * 0.46, y + cell * 0.46, x + cell * 0.92, y + cell * 0.92), mix(ink, pale, 0.35))
            )
    return light if lightness(light) > 0.7 else shade(light, 0.9), pieces


def _mirrored(shape: Points, width: int) -> Points:
    return np.asarray(shape * (-1, 1) + (width, 0), np.float32)


FAMILY = Family(
    name="brutalist",
    compose=compose,
    palettes=(
        ("#16171a", "#ff4b1f", "#8f8d86", "#e9e5da"),
        ("#14161f", "#2740ff", "#8d93a6", "#eceae2"),
        ("#1a1714", "#ffc400", "#948b7c", "#efe9da"),
        ("#101a16", "#e5344b", "#84908a", "#e8e8e0"),
    ),
    finish=Finish(grain=0.014),
    options={
        "form": "tower, stairs, arc or grid",
        "height": "where the forms begin, 0.1 to 0.8",
        "floors": "of the tower, 0 to 1",
        "rough": "how raw the concrete is, 0 to 1",
        "loud": "false: the tower stands on a quiet ground",
    },
)
