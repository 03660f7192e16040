"""Shapes with clean edges: polygons and lines drawn at three times the size, band by band, then averaged."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from adapters.images.painter.colour import Field, Rgb

Points = NDArray[np.float32]
OVERSAMPLE = 3


def circle(x: float, y: float, radius: float, start: float = 0.0, stop: float = 2 * np.pi) -> Points:
    """A circle (or an arc, for other angles) as points; enough of them that no corner shows."""
    count = max(24, int(abs(stop - start) * radius**0.5 * 2.2))
    angle = np.linspace(start, stop, count, dtype=np.float32)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=-1).astype(np.float32)


def ring(x: float, y: float, outer: float, inner: float, start: float = 0.0, stop: float = 2 * np.pi) -> Points:
    """A band between two radii as one polygon."""
    return np.concatenate([circle(x, y, outer, start, stop), circle(x, y, inner, start, stop)[::-1]])


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """An upright rectangle as points."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def strip(line: Points, width: float | NDArray[np.float32]) -> Points:
    """A polyline given a width (one, or one for each point) as a polygon."""
    step = np.empty_like(line)
    step[1:-1] = (line[2:] - line[:-2]) / 2
    step[0], step[-1] = line[1] - line[0], line[-1] - line[-2]
    normal = np.stack([-step[:, 1], step[:, 0]], axis=-1)
    normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-6)[:, None]
    half = np.broadcast_to(np.asarray(width, np.float32) / 2, (len(line),))[:, None]
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]]).astype(np.float32)


class Reach:
    """From which row to which each polygon reaches, so that a band is told its own without a look at all."""

    def __init__(self, polygons: list[Points]) -> None:
        self._low = np.array([points[:, 1].min() for points in polygons], np.float64)
        self._high = np.array([points[:, 1].max() for points in polygons], np.float64)

    def within(self, top: int, bottom: int) -> list[int]:
        """The places, in their order, of polygons that rows top..bottom may show."""
        return [int(index) for index in np.flatnonzero((self._high >= top) & (self._low <= bottom))]


def _enlarged(points: Points, top: int) -> list[float]:
    """The corners on a sheet of so many times the size that begins at row top."""
    return list(((points - (0, top)) * OVERSAMPLE - 0.5).ravel().tolist())


class Stencil:
    """Polygons of one layer. `rows` gives how much of each pixel they cover, 0..1."""

    def __init__(self, polygons: Iterable[Points], width: int) -> None:
        self._polygons = list(polygons)
        self._reach = Reach(self._polygons)
        self._width = width

    def rows(self, top: int, bottom: int) -> Field | None:
        """Coverage of rows top..bottom, or None where this layer has nothing."""
        hits = self._reach.within(top, bottom)
        if not hits:
            return None
        scale = OVERSAMPLE
        sheet = Image.new("L", (self._width * scale, (bottom - top) * scale))
        draw = ImageDraw.Draw(sheet)
        for index in hits:
            draw.polygon(_enlarged(self._polygons[index], top), fill=255)
        return np.asarray(sheet.reduce(scale), np.float32) * np.float32(1 / 255)


class Collage:
    """Flat polygons of many colours, later ones on top. `rows` gives colour and coverage of a band."""

    def __init__(self, pieces: Iterable[tuple[Points, Rgb]], width: int) -> None:
        self._pieces = [(points, _ink(colour)) for points, colour in pieces]
        self._reach = Reach([points for points, _ in self._pieces])
        self._width = width

    def rows(self, top: int, bottom: int, ground: Rgb) -> Rgb:
        """Rows top..bottom of the pieces over a flat ground colour."""
        scale = OVERSAMPLE
        sheet = Image.new("RGB", (self._width * scale, (bottom - top) * scale), _ink(ground))
        draw = ImageDraw.Draw(sheet)
        for index in self._reach.within(top, bottom):
            points, ink = self._pieces[index]
            draw.polygon(_enlarged(points, top), fill=ink)
        return np.asarray(sheet.reduce(scale), np.float32) * np.float32(1 / 255)


def _ink(colour: Rgb) -> tuple[int, int, int]:
    red, green, blue = (round(float(c) * 255) for c in colour)
    return red, green, blue


def over(ground: Rgb, paint: Rgb, cover: Field | None) -> Rgb:
    """Paint (one colour or a band of them) laid over the ground as far as it covers."""
    if cover is None:
        return ground
    return ground + (paint - ground) * cover[..., None]
