"""How silhouettes are written: strokes of points on a square of 100 by 100, standing on its lower side.

A stroke is a letter and points: `s` a smooth outline, where a point followed by `!` is a corner; `p` a straight one;
`m` the right half of a smooth outline, from its top down, mirrored about the middle of the square; `c` a circle (middle
and radius); `e` an ellipse (middle, then both radii); `l` a line that tapers (width at its beginning and end, then
points). A `-` before the letter cuts it out of the stroke before.
"""

from collections.abc import Iterable

import numpy as np

from adapters.images.painter.shapes import Points, circle, strip

Corner = tuple[float, float, bool]


def shapes(strokes: Iterable[str]) -> list[Points]:
    """The polygons of a silhouette; what is cut out is part of the outline, joined by a seam."""
    found: list[Points] = []
    for stroke in strokes:
        if stroke.startswith("-"):
            found[-1] = _cut(found[-1], _shape(stroke[1:]))
        else:
            found.append(_shape(stroke))
    return found


def _cut(outline: Points, hole: Points) -> Points:
    """One outline that goes round the hole too: polygons are filled by the even-odd rule.

    The seam is where both are nearest, so that it lies within what is solid.
    """
    far = np.hypot(*(outline[:, None] - hole[None]).transpose(2, 0, 1))
    a, b = np.unravel_index(int(far.argmin()), far.shape)
    turned = np.roll(hole, -int(b), axis=0)
    return np.concatenate([outline[: a + 1], turned, turned[:1], outline[a:]]).astype(np.float32)


def _shape(stroke: str) -> Points:
    kind, *words = stroke.split()
    if kind == "c":
        return circle(*_pair(words[0]), float(words[1]))[::2]
    if kind == "e":
        (x, y), (across, down) = _pair(words[0]), _pair(words[1])
        return np.asarray(circle(0, 0, 1) * (across, down) + (x, y), np.float32)
    if kind == "l":
        widths = _pair(words[0])
        line = _curve([(*_pair(word), False) for word in words[1:]], closed=False)
        return strip(line, np.linspace(widths[0], widths[1], len(line), dtype=np.float32))
    corners = [_corner(word, sharp=kind == "p") for word in words]
    if kind == "m":
        corners += [(100 - x, y, sharp) for x, y, sharp in corners[::-1] if x != 50]
    return _curve(corners, closed=True)


def _corner(word: str, *, sharp: bool) -> Corner:
    return (*_pair(word.rstrip("!")), sharp or word.endswith("!"))


def _pair(word: str) -> tuple[float, float]:
    x, y = word.split(",")
    return float(x), float(y)


def _curve(points: list[Corner], *, closed: bool) -> Points:
    """A curve through the points (Catmull and Rom), which stops and turns at corners."""
    count = len(points)
    places = np.array([point[:2] for point in points], np.float64)
    t = np.linspace(0, 1, 9)[:-1, None]
    out = []
    for k in range(count if closed else count - 1):
        a, b = places[k], places[(k + 1) % count]
        into = b - a if points[k][2] or (not closed and k == 0) else (b - places[k - 1]) * 0.5
        last = not closed and k == count - 2
        after = b - a if points[(k + 1) % count][2] or last else (places[(k + 2) % count] - a) * 0.5
        cubic = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2
        out.append(cubic[0] * a + cubic[1] * into + cubic[2] * b + cubic[3] * after)
    return np.concatenate([*out, places[:1] if closed else places[-1:]]).astype(np.float32)
