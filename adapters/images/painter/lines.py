"""Lines that swell around hidden spheres: straight stripes that leave the calm part of the page and bulge where a
sphere lies below them, in other colours there and turned against themselves."""

import numpy as np

from adapters.images.painter import noise
from adapters.images.painter.colour import Field, Ramp, Rgb
from adapters.images.painter.scene import Band, Scene
from adapters.images.painter.shapes import over

RIM = 1.05
"""How far the plain ground keeps the lines from a sphere, in its radii."""
Sphere = tuple[float, float, float]


def compose(scene: Scene, ground: Rgb, inks: list[Rgb]) -> Band:
    """Stripes in the plain ink, and in a run of colours upon the spheres."""
    spheres = _spheres(scene)
    angle = scene.number("angle", -0.42, -3.2, 3.2)
    way = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    pitch = np.float32(scene.unit * (20 + 52 * scene.number("pitch", 0.5)))
    plain = scene.palette.light if float(ground.mean()) < 0.5 else scene.palette.dark
    ramp = Ramp([*inks, inks[0]] if len(inks) > 1 else [inks[0], plain])

    def band(top: int, bottom: int) -> Rgb:
        x, y = scene.columns(), scene.lines(top, bottom)
        rows = np.broadcast_to(ground, (bottom - top, scene.width, 3))
        flat = np.asarray((y * way[0] - x * way[1]) / pitch, np.float32)
        stroke = _stroke(flat, _weight(scene, x, y, top, bottom))
        rgb = over(rows, plain, stroke)
        for sphere in spheres:
            rgb = _bulge(rgb, ground, ramp, sphere, (x, y), way, pitch)
        return rgb

    return band


def _weight(scene: Scene, x: Field, y: Field, top: int, bottom: int) -> Field:
    """How broad the lines are, 0 to about a half of their distance: nothing in the calm part, more away from it."""
    calm = scene.number("calm", 0.45, 0.0, 0.9)
    place = x / np.float32(scene.width) if scene.wide else y / np.float32(scene.height)
    grown = noise.smoothstep(calm, min(calm + 0.42, 1.0), place) * np.float32(0.56)
    return np.broadcast_to(grown, (bottom - top, scene.width)).astype(np.float32)


def _stroke(place: Field, weight: Field) -> Field:
    """Coverage of lines at whole numbers, as wide as weight says (in parts of their distance)."""
    down, across = np.gradient(place)
    slope = np.maximum(np.hypot(down, across), np.float32(1e-5))
    off = np.abs(place - np.floor(place + np.float32(0.5)))
    drawn = np.clip((weight * np.float32(0.5) - off) / slope + np.float32(0.5), 0, 1)
    return np.asarray(drawn * np.minimum(weight / slope, 1), np.float32)


def _bulge(
    rgb: Rgb,
    ground: Rgb,
    ramp: Ramp,
    sphere: Sphere,
    at: tuple[Field, Field],
    way: tuple[np.float32, np.float32],
    pitch: np.float32,
) -> Rgb:
    """What is seen upon a sphere: the lines wrap it, and change places with their gaps at its rim."""
    cx, cy, radius = (np.float32(value) for value in sphere)
    x, y = at
    if y[-1, 0] < cy - radius * RIM - 2 or y[0, 0] > cy + radius * RIM + 2:
        return rgb
    part = np.s_[:, max(int(cx - radius * RIM) - 2, 0) : max(int(cx + radius * RIM) + 3, 0)]
    dx, dy = (x[part] - cx) / radius, (y - cy) / radius
    far = np.hypot(dx, dy)
    inside = np.minimum(far, np.float32(0.9995))
    wrap = np.arcsin(inside) / np.maximum(inside, np.float32(1e-4)) * np.float32(2 / np.pi)
    along, off = (dx * way[0] + dy * way[1]) * wrap, (dy * way[0] - dx * way[1]) * wrap
    count = radius / pitch * np.float32(0.72)
    turned = off * count + np.float32(0.5) + np.float32(0.55) * along * along * np.sign(off)
    lamp = np.clip((dx * np.float32(-0.45) + dy * np.float32(-0.55)) * np.float32(0.5) + np.float32(0.5), 0, 1)
    stroke = _stroke(turned, np.float32(0.40) + np.float32(0.30) * lamp)
    colour = ramp.at(np.clip(along * np.float32(0.5) + np.float32(0.5), 0, 1))
    depth = np.float32(0.62) + np.float32(0.38) * np.sqrt(np.maximum(1 - inside * inside, 0))
    cover = np.clip((np.float32(1) - far) * radius + np.float32(0.5), 0, 1)
    held = np.clip((np.float32(RIM) - far) * radius + np.float32(0.5), 0, 1)
    rgb = np.array(rgb)
    rgb[part] = over(over(rgb[part], ground, held), colour * depth[..., None], stroke * cover)
    return rgb


def _spheres(scene: Scene) -> list[Sphere]:
    """A large one and a small one, clear of the calm part."""
    rng = scene.chance("spheres")
    short = min(scene.width, scene.height)
    if scene.wide:
        big = (scene.width * float(rng.uniform(0.68, 0.74)), scene.height * float(rng.uniform(0.42, 0.5)), short * 0.34)
        return [big, (scene.width * 0.93, scene.height * 0.82, short * 0.14)]
    big = (scene.width * float(rng.uniform(0.52, 0.64)), scene.height * float(rng.uniform(0.66, 0.70)), short * 0.33)
    return [
        big,
        (scene.width * float(rng.uniform(0.12, 0.2)), scene.height * float(rng.uniform(0.86, 0.9)), short * 0.11),
    ]
