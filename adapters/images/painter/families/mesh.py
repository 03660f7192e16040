"""Mesh gradient: a few colours melting into one another, folded by slow currents, with visible film grain."""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Ramp, Rgb, from_oklab, lightness, mix, oklab
from adapters.images.painter.scene import Band, Family, Finish, Scene
from adapters.images.painter.shapes import over

FORMS = ("none", "orb", "arcs", "fold")


def compose(scene: Scene) -> Band:
    """The gradient, and one quiet form on it."""
    rng = scene.chance("mesh")
    across, down = scene.small(6)
    dx, dy = _currents(scene, rng, across, down)
    soft = noise.ColourSheet(_melt(scene, rng, dx, dy), scene.width, scene.height)
    form = scene.word("form", FORMS, str(rng.choice(FORMS[1:])))
    light = mix(scene.palette.light, scene.palette.accent, 0.12)
    centre = (scene.width * float(rng.uniform(0.4, 0.6)), scene.height * scene.number("place", 0.62))
    radius = min(scene.width, scene.height) * scene.number("size", 0.3, 0.05, 0.7)

    def band(top: int, bottom: int) -> Rgb:
        rgb = np.clip(soft.rows(top, bottom), 0, 1)
        far = np.hypot(scene.columns() - np.float32(centre[0]), scene.lines(top, bottom) - np.float32(centre[1]))
        if form == "orb":
            return _orb(scene, rgb, far, top, bottom, centre[1], radius)
        if form == "arcs":
            return over(rgb, light, _arcs(scene, far, radius))
        return rgb

    return band


def _currents(scene: Scene, rng: np.random.Generator, across: int, down: int) -> tuple[Field, Field]:
    cells = (1.3 * max(scene.width / scene.height, 0.8), 1.3 * max(scene.height / scene.width, 0.8))
    reach = np.float32(scene.number("flow", 0.6) * min(across, down))
    dx = (noise.fbm(rng, across, down, cells, 2) - 0.5) * reach
    dy = (noise.fbm(rng, across, down, cells, 2) - 0.5) * reach
    if scene.options.get("form") == "fold":
        dx = dx + np.sin(dy / np.float32(min(across, down)) * 14) * np.float32(min(across, down) * 0.12)
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


def _orb(scene: Scene, rgb: Rgb, far: Field, top: int, bottom: int, y: float, radius: float) -> Rgb:
    """A glowing ball: bright above, melting into the ground below, with light spilling round it."""
    palette = scene.palette
    warm = max(palette.accents, key=lambda colour: float(colour[0]) + lightness(colour))
    halo = np.exp(-(far - radius).clip(0, None) / np.float32(radius * 0.55)) * np.float32(0.30)
    rgb = over(rgb, warm, halo)
    cover = np.clip(np.float32(radius) - far + np.float32(0.5), 0, 1)
    if not cover.any():
        return rgb
    slope = np.clip((scene.lines(top, bottom) - np.float32(y)) / np.float32(radius) * 0.5 + 0.5, 0, 1)
    ball = Ramp([mix(warm, palette.light, 0.75), warm, mix(warm, palette.accent, 0.7)])
    fade = np.float32(1) - noise.smoothstep(0.55, 1.0, slope) * np.float32(0.8)
    return over(rgb, ball.at(np.broadcast_to(slope, cover.shape)), cover * fade)


def _arcs(scene: Scene, far: Field, radius: float) -> Field:
    """Fine rings that fade outwards."""
    pitch = np.float32(radius / 7)
    wave = np.abs(np.mod(far / pitch + 0.5, 1) - 0.5) * pitch
    line = np.clip(np.float32(1.6 * scene.unit) - wave + np.float32(0.5), 0, 1)
    return np.asarray(line * np.exp(-far / np.float32(radius * 1.5)) * np.float32(0.75), np.float32)


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
        "form": "none, orb, arcs or fold",
        "flow": "0 still to 1 folded",
        "size": "size of the form, 0.05 to 0.7 of the short side",
        "place": "height of the form, 0 top to 1 bottom",
    },
)
