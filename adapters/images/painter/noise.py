"""Noise: fields of smooth randomness, kept small in memory and enlarged band by band."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.images.painter.colour import Field


def enlarge(grid: Field, width: int, height: int) -> Field:
    """A small grid resampled smoothly (bicubic) to width x height."""
    image = Image.fromarray(np.ascontiguousarray(grid, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def fbm(
    rng: np.random.Generator, width: int, height: int, cells: tuple[float, float], octaves: int = 5, gain: float = 0.5
) -> Field:
    """Layered value noise in about 0..1 (mean 0.5); `cells` are features across and down at first. Octaves finer than
    the pixels are left out; when there is none left, all is 0.5."""
    total = np.zeros((height, width), np.float32)
    weight, norm = 1.0, 0.0
    across, down = cells
    for _ in range(octaves):
        columns, rows = int(across) + 3, int(down) + 3
        grid = Image.fromarray(rng.random((rows, columns), np.float32))
        x, y = rng.random(2) * 0.9
        box = (1 + x, 1 + y, min(1 + x + across, columns), min(1 + y + down, rows))
        if min(across / width, down / height) > 1:
            break
        layer = grid.resize((width, height), Image.Resampling.BICUBIC, box=box)
        total += np.float32(weight) * np.asarray(layer, np.float32)
        norm += weight
        weight *= gain
        across, down = across * 2, down * 2
    return total / np.float32(norm) if norm else np.full((height, width), 0.5, np.float32)


def spread(field: Field) -> Field:
    """The field stretched so that its 2nd to 98th percentile fill 0..1, clipped."""
    low, high = np.quantile(field[::2, ::2], [0.02, 0.98])
    return np.asarray(np.clip((field - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1), np.float32)


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, a soft S between (also for low > high)."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (np.float32(3) - np.float32(2) * t), np.float32)


def warp(field: Field, dx: Field, dy: Field) -> Field:
    """The field sampled at places moved by dx, dy (pixels of the field), mirrored at its borders."""
    height, width = field.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    return sample(field, xs + dx, ys + dy)


def sample(field: Field, x: Field, y: Field) -> Field:
    """Bilinear samples of the field at x, y in pixels; places outside are mirrored back."""
    height, width = field.shape
    x, y = _mirror(x, width), _mirror(y, height)
    left, top = x.astype(np.int32), y.astype(np.int32)
    left, top = np.minimum(left, width - 2), np.minimum(top, height - 2)
    fx, fy = x - left, y - top
    flat, base = field.ravel(), top * width + left
    upper = flat[base] * (1 - fx) + flat[base + 1] * fx
    lower = flat[base + width] * (1 - fx) + flat[base + width + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


def _mirror(x: Field, size: int) -> Field:
    span = np.float32(size - 1)
    folded = np.abs(np.mod(x + span, 2 * span) - span)
    return np.asarray(folded, np.float32)


def ridge_line(
    rng: np.random.Generator, width: int, features: float, octaves: int = 7, gain: float = 0.48
) -> NDArray[np.float32]:
    """A one-dimensional mountain profile, 0..1, one value for each column."""
    columns = np.arange(width, dtype=np.float32) / np.float32(width)
    total = np.zeros(width, np.float32)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        knots = rng.random(int(features) + 4, np.float32)
        position = columns * np.float32(features) + np.float32(rng.random())
        index = position.astype(np.int32)
        t = position - index
        t = t * t * (3 - 2 * t)
        total += np.float32(weight) * (knots[index] * (1 - t) + knots[index + 1] * t)
        norm += weight
        weight, features = weight * gain, features * 2.03
    return total / np.float32(norm)


def near(places: Field, middle: float | np.float32, reach: float | np.float32) -> slice:
    """The part of a rising row of places that is within reach of the middle."""
    first, last = np.searchsorted(places, np.asarray([middle - reach, middle + reach]))
    return slice(int(first), int(last))


def faces(rng: np.random.Generator, line: Field, x: Field, below: Field, unit: float) -> Field:
    """The slope of the rock under a ridge line: that of the crest, carried down and aside, so that ribs run out from
    the peaks. `x` and `below` (how far under the crest) are in pixels of the picture; about -0.01..0.01."""
    soft = enlarge(line[None, :], max(len(line) // 12, 8), 1)[0]
    slope = np.gradient(enlarge(soft[None, :], len(line), 1)[0]).astype(np.float32)
    lean = (fbm(rng, x.shape[1], below.shape[0], (5.0, 7.0), 3, 0.5) - np.float32(0.5)) * np.float32(300 * unit)
    step = x[0, 1] - x[0, 0]
    at = (x + np.clip(below, 0, None) * np.float32(0.42) + lean) / step
    return sample(np.stack([slope, slope]), at, np.zeros_like(at))


class Sheet:
    """A small field seen at full size: `rows` enlarges only the band asked for."""

    def __init__(self, field: Field, width: int, height: int) -> None:
        self._image = Image.fromarray(np.ascontiguousarray(field, np.float32))
        self._width = width
        self._scale = field.shape[0] / height

    def rows(self, top: int, bottom: int) -> Field:
        """Rows top..bottom of the full-size field, without seams between bands."""
        box = (0, top * self._scale, self._image.width, bottom * self._scale)
        return np.asarray(
            self._image.resize((self._width, bottom - top), Image.Resampling.BICUBIC, box=box), np.float32
        )


class ColourSheet:
    """Three small fields (a soft RGB picture) seen at full size, band by band."""

    def __init__(self, rgb: NDArray[np.float32], width: int, height: int) -> None:
        self._sheets = [Sheet(rgb[..., i], width, height) for i in range(3)]

    def rows(self, top: int, bottom: int) -> NDArray[np.float32]:
        """Rows top..bottom as (rows, width, 3)."""
        return np.stack([sheet.rows(top, bottom) for sheet in self._sheets], axis=-1)
