"""One broad ribbon of many strands that loops through the page: it twists, shines, and throws shadow on itself.

The ribbon is a net of small quadrilaterals along its path and across its width, drawn from its beginning to its end, so
that later turns lie over earlier ones.
"""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter.colour import Ramp, Rgb, mix
from adapters.images.painter.scene import Band, Scene
from adapters.images.painter.shapes import Collage, Points

ALONG, ACROSS = 560, 44
LOOP = (
    (-0.35, 0.26),
    (0.12, 0.40),
    (0.52, 0.86),
    (0.92, 0.74),
    (0.86, 0.22),
    (0.46, 0.08),
    (0.12, 0.48),
    (0.26, 0.92),
    (0.78, 0.98),
    (1.40, 0.58),
)
"""The corners of the way, across and down, in parts of the page below its calm part."""
Row = NDArray[np.float64]


def compose(scene: Scene, ground: Rgb) -> Band:
    """The ribbon on its ground."""
    rng = scene.chance("silk")
    line = _path(scene, rng)
    face = _facing(rng)
    broad = min(scene.width, scene.height) * scene.number("broad", 0.5, 0.05, 1.0) * 0.5
    half = broad / 2 * face
    collage = Collage(_net(scene, rng, line, half, face), scene.width)

    def band(top: int, bottom: int) -> Rgb:
        return collage.rows(top, bottom, ground)

    return band


def _path(scene: Scene, rng: np.random.Generator) -> Points:
    """From beyond one side through a wide loop to beyond the other, below the calm part (right of it when wide)."""
    corners = np.array(LOOP) + rng.uniform(-0.03, 0.03, (len(LOOP), 2)) * (1, 0.6)
    if rng.random() < 0.5:
        corners[:, 0] = 1 - corners[:, 0]
    calm = scene.number("calm", 0.4, 0.0, 0.9)
    corners[:, 1] = calm + corners[:, 1] * (1 - calm)
    if scene.wide:
        corners = np.stack([corners[:, 1], corners[:, 0]], -1)
    line = corners * (scene.width, scene.height)
    for _ in range(3):
        line = _even(line)
        soft = np.hanning(75) / np.hanning(75).sum()
        pad = np.pad(line, ((37, 37), (0, 0)), mode="reflect", reflect_type="odd")
        line = np.stack([np.convolve(pad[:, k], soft, "valid") for k in range(2)], -1)
    return _even(line).astype(np.float32)


def _even(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same way in steps of one length."""
    gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places = np.linspace(0, gone[-1], ALONG)
    return np.stack([np.interp(places, gone, line[:, k]) for k in range(2)], -1)


def _facing(rng: np.random.Generator) -> Row:
    """How far the ribbon is turned to us along its way: 1 fully; never so far that its back shows."""
    s = np.linspace(0, 1, ALONG)
    sway = 0.62 * np.sin(2 * np.pi * s * 1.6 + float(rng.uniform(0, 6.3)))
    sway += 0.36 * np.sin(2 * np.pi * s * 3.7 + float(rng.uniform(0, 6.3)))
    return np.asarray(np.cos(sway))


def _net(scene: Scene, rng: np.random.Generator, line: Points, half: Row, face: Row) -> list[tuple[Points, Rgb]]:
    step = np.gradient(line.astype(np.float64), axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)[:, None]
    k = np.linspace(-1, 1, ACROSS + 1)
    ragged = 1 + 0.012 * rng.standard_normal(ACROSS + 1)
    knots = line[:, None, :] + normal[:, None, :] * half[:, None, None] * (k * ragged)[None, :, None]
    colours = _colours(scene, rng, face, _shadow(scene, line, half, knots))
    quads = np.stack([knots[:-1, :-1], knots[:-1, 1:], knots[1:, 1:], knots[1:, :-1]], 2).astype(np.float32)
    return [(quads[i, j], colours[i, j]) for i in range(ALONG - 1) for j in range(ACROSS)]


def _shadow(scene: Scene, line: Points, half: Row, knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """0..1: how deep a place lies beside a later turn that passes over it."""
    reach = 110 * scene.unit
    places = knots[::2, ::3].astype(np.float32)
    later, width = line[::4], np.abs(half[::4]).astype(np.float32)
    away = np.full(places.shape[:2], np.float32(1e6))
    at = np.arange(0, ALONG, 2)
    for index in range(len(later)):
        lies = at < index * 4 - 60
        if lies.any():
            gap = np.hypot(places[lies, :, 0] - later[index, 0], places[lies, :, 1] - later[index, 1]) - width[index]
            away[lies] = np.minimum(away[lies], gap)
    deep = np.clip(1 - away / np.float32(reach), 0, 1) ** 1.6
    across = np.linspace(0, places.shape[1] - 1, ACROSS + 1)
    fine = np.stack([np.interp(across, np.arange(places.shape[1]), row) for row in deep])
    rows = np.arange(ALONG)
    return np.stack([np.interp(rows, at, fine[:, j]) for j in range(ACROSS + 1)], -1)


def _colours(scene: Scene, rng: np.random.Generator, face: Row, shadow: NDArray[np.float64]) -> Rgb:
    """Strands from one colour to the next across the face, another colour on the back; sheen where it turns."""
    palette = scene.palette
    inks = palette.accents
    first, second, third = inks[0], inks[min(1, len(inks) - 1)], inks[min(2, len(inks) - 1)]
    deep, pale = mix(first, palette.dark, 0.55), mix(second, palette.light, 0.45)
    runs = [
        Ramp([deep, first, mix(first, second, 0.6), second, pale]),
        Ramp([mix(third, palette.dark, 0.6), first, mix(first, palette.light, 0.35), second, third]),
        Ramp([mix(third, palette.dark, 0.5), third, mix(third, palette.light, 0.4), mix(first, second, 0.3), deep]),
    ]
    hair = np.convolve(rng.random(ACROSS + 2), (0.25, 0.5, 0.25), "valid")
    tone = (np.arange(ACROSS) / (ACROSS - 1) + (hair - 0.5) * 0.26).astype(np.float32)
    faces = np.stack([run.at(tone) for run in runs])
    place = np.linspace(0, 1.999, ALONG - 1)[:, None] + (hair[None] - 0.5) * 0.5
    place = np.clip(place, 0, 1.999)
    start, share = place.astype(int), (place % 1)[..., None]
    strand = np.arange(ACROSS)[None]
    flat = faces[start, strand] * (1 - share) + faces[start + 1, strand] * share
    turn = np.abs(face[:-1, None])
    light = 0.36 + 0.70 * turn + (hair[None] - 0.5) * 0.20
    light *= 1 - 0.72 * shadow[:-1, :-1]
    sheen = np.exp(-(((turn - 0.80) / 0.10) ** 2)) * (0.03 + 0.12 * hair[None]) * (1 - shadow[:-1, :-1])
    return np.asarray(np.clip(flat * light[..., None] + sheen[..., None] * 0.8, 0, 1), np.float32)
