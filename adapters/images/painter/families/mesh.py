"""Mesh gradient: a few colours melting into one another, folded by slow currents, with visible film grain."""

import numpy as np

from adapters.images.painter import noise, waveform
from adapters.images.painter.colour import Field, Ramp, Rgb, from_oklab, lightness, mix, oklab, shade
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import over

FORMS = ("none", "orb", "arcs", "fold", "signal")


def compose(scene: Scene) -> Band:
    """The gradient, and one quiet form on it."""
    rng = scene.chance("mesh")
    across, down = scene.small(6)
    dx, dy = _currents(scene, rng, across, down)
    soft = noise.ColourSheet(_melt(scene, rng, dx, dy), scene.width, scene.height)
    said = scene.reading.last({"sun": "orb", "moon": "orb", "planet": "orb", "sea": "fold"})
    form = scene.asked("form", said, FORMS, str(rng.choice(FORMS[1:4])))
    if form == "signal":
        return waveform.compose(scene, soft)
    centre = (scene.width * float(rng.uniform(0.4, 0.6)), scene.height * scene.number("place", 0.62))
    radius = min(scene.width, scene.height) * scene.number("size", 0.3, 0.05, 0.7)

    drift = noise.Sheet(noise.fbm(scene.chance("blades"), across, down, (1.7, 2.6), 2, 0.4), scene.width, scene.height)
    ramp, pitch = _light_of_blades(scene), np.float32(radius / 2.6)

    def band(top: int, bottom: int) -> Rgb:
        rgb = np.clip(soft.rows(top, bottom), 0, 1)
        far = np.hypot(scene.columns() - np.float32(centre[0]), scene.lines(top, bottom) - np.float32(centre[1]))
        if form == "orb":
            return _orb(scene, rgb, centre, drift.rows(top, bottom), top, bottom, radius)
        if form == "none":
            return rgb
        shift = drift.rows(top, bottom)
        rgb = over(rgb, scene.palette.dark, np.full(far.shape, 0.45, np.float32))
        place = _folds(scene, shift, top, bottom) if form == "fold" else far / pitch + shift * np.float32(0.18)
        return _blades(scene, rgb, ramp, place, shift, top, bottom)

    return band


def _currents(scene: Scene, rng: np.random.Generator, across: int, down: int) -> tuple[Field, Field]:
    cells = (1.3 * max(scene.width / scene.height, 0.8), 1.3 * max(scene.height / scene.width, 0.8))
    reach = np.float32(scene.number("flow", 0.6) * min(across, down))
    dx = (noise.fbm(rng, across, down, cells, 2) - 0.5) * reach
    dy = (noise.fbm(rng, across, down, cells, 2) - 0.5) * reach
    return dx, dy


def _melt(scene: Scene, rng: np.random.Generator, dx: Field, dy: Field) -> Rgb:
    """Colours weighed by distance to their wells, mixed in OKLab so that no mud appears between them."""
    down, across = dx.shape
    colours = [scene.palette.dark, *scene.palette.accents, scene.palette.accents[0]]
    wells = _wells(rng, len(colours), across, down)
    ys, xs = np.mgrid[0:down, 0:across].astype(np.float32)
    xs, ys = xs + dx, ys + dy
    short = np.float32(min(across, down))
    total = np.zeros((down, across, 3), np.float64)
    norm = np.zeros((down, across), np.float32)
    for colour, (x, y) in zip(colours, wells, strict=True):
        far = ((xs - x) ** 2 + (ys - y) ** 2) / (short * short)
        weight = np.exp(-far * np.float32(4.2)) + np.float32(1e-4)
        total += weight[..., None] * oklab(colour)
        norm += weight
    return from_oklab(total / norm[..., None])


def _wells(rng: np.random.Generator, count: int, across: int, down: int) -> list[tuple[float, float]]:
    """Places far from one another: each is the best of several throws."""
    wells: list[tuple[float, float]] = []
    for _ in range(count):
        throws = [(float(rng.uniform(0, 1)) * across, float(rng.uniform(0, 1)) * down) for _ in range(8)]
        wells.append(max(throws, key=lambda t: min((np.hypot(t[0] - w[0], t[1] - w[1]) for w in wells), default=0.0)))
    return wells


def _orb(scene: Scene, rgb: Rgb, at: tuple[float, float], shift: Field, top: int, bottom: int, radius: float) -> Rgb:
    """A ball lit from above one side: light wraps it, a rim shines, its foot dissolves in mist that it lights."""
    palette = scene.palette
    warm = max(palette.accents, key=lambda colour: float(colour[0]) + lightness(colour))
    dx = (scene.columns() - np.float32(at[0])) / np.float32(radius)
    dy = (scene.lines(top, bottom) - np.float32(at[1])) / np.float32(radius)
    far = np.hypot(dx, dy)
    halo = np.exp(-np.clip(far - 1, 0, None) / np.float32(0.42)) * (np.float32(0.34) - dy * np.float32(0.10))
    pool = np.exp(-((dx / np.float32(1.5)) ** 2) - ((dy - np.float32(1.12)) / np.float32(0.26)) ** 2) * np.float32(0.34)
    rgb = over(over(rgb, warm, np.clip(halo, 0, 1)), warm, pool)
    cover = np.clip((1 - far) * np.float32(radius) + np.float32(0.5), 0, 1)
    if not cover.any():
        return rgb
    out = np.sqrt(np.clip(1 - far * far, 0, 1))
    lamp = (
        out * np.float32(0.60)
        - dx * np.float32(0.42)
        - dy * np.float32(0.66)
        + (shift - np.float32(0.5)) * np.float32(0.5)
    )
    tone = noise.smoothstep(1.15, -0.75, lamp)
    ball = Ramp(
        [
            shade(warm, 0.98, 0.35),
            mix(shade(warm, 0.97, 0.4), warm, 0.8),
            mix(warm, shade(warm, 0.72, 1.8), 0.55),
            mix(warm, palette.accent, 0.72),
            mix(palette.accent, palette.dark, 0.35),
        ]
    )
    rim = (1 - out) ** 5 * np.clip(np.float32(0.50) - dy * np.float32(0.45) - dx * np.float32(0.25), 0, 1)
    lit = over(ball.at(tone), mix(warm, palette.light, 0.9), rim * np.float32(0.55))
    fade = np.float32(1) - noise.smoothstep(0.15, 1.02, dy + (shift - np.float32(0.5)) * np.float32(0.35)) * np.float32(
        0.92
    )
    return over(rgb, lit, cover * fade)


def _light_of_blades(scene: Scene) -> Ramp:
    """Along a blade, from its fold in shadow to its lit edge."""
    palette = scene.palette
    warm = sorted(palette.accents, key=lightness)
    deep = mix(palette.dark, warm[0], 0.15)
    return Ramp([deep, mix(deep, warm[0], 0.5), *warm[1:], mix(warm[-1], palette.light, 0.65)])


def _folds(scene: Scene, shift: Field, top: int, bottom: int) -> Field:
    """Counts the folds of a cloth that hangs aslant and turns in slow currents."""
    lean = np.float32(scene.number("flow", 0.6) * 1.1)
    x = scene.columns() / np.float32(scene.width)
    y = scene.lines(top, bottom) / np.float32(scene.height)
    return np.asarray((x * lean + y * np.float32(1.25)) * np.float32(2.3) + shift * np.float32(4.4), np.float32)


def _blades(scene: Scene, rgb: Rgb, ramp: Ramp, place: Field, shift: Field, top: int, bottom: int) -> Rgb:
    """Sheets of light that overlap like shingles; calm above, where the words will be."""
    down, across = np.gradient(place)
    slope = np.maximum(np.hypot(down, across), np.float32(1e-5))
    part = place - np.floor(place)
    edge = np.clip((1 - part) / slope, 0, 1)
    tone = part ** np.float32(1.7) * edge * (np.float32(0.55) + shift * np.float32(0.75))
    y = scene.lines(top, bottom) / np.float32(scene.height)
    calm = noise.smoothstep(0.10, 0.62, np.broadcast_to(y, tone.shape)) * np.float32(0.9)
    lit = ramp.at(np.clip(tone, 0, 1))
    return over(rgb, lit, calm + (np.float32(0.22) - calm * np.float32(0.22)) * tone)


FAMILY = Family(
    name="mesh",
    compose=compose,
    palettes=(
        ("#14143c", "#4b3fe4", "#e85d9c", "#ffb36b"),
        ("#052f3a", "#0d7f86", "#7bd3b4", "#f5d76e"),
        ("#2a0e37", "#8f2d70", "#f0596b", "#ffc38b"),
        ("#10243e", "#2b6cb0", "#8ec5ff", "#f9d9c3"),
    ),
    finish=Finish(grain=0.022),
    options={
        "form": "none, orb, arcs, fold or signal",
        "flow": "0 still to 1 folded",
        "size": "size of the form, 0.05 to 0.7 of the short side",
        "place": "height of the form, 0 top to 1 bottom",
    },
)
