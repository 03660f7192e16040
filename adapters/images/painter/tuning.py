"""How the words of a prompt change a palette: named colours take the place of their like, moods shift all of them."""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter.colour import Rgb, from_oklab, oklab, parse
from adapters.images.painter.prompt import Reading

Labs = NDArray[np.float64]

ALIKE = 0.09
"""OKLab distance below which a palette has the named colour already."""
LIGHT_COUNTS = 0.6
"""How much lightness counts, against hue and chroma, in which colour of the palette is the like of a named one."""

LEANING = 0.26
"""How far all other colours lean to the named one, so that it is seen also where its like has a small part."""

SHIFTS: dict[str, tuple[float, float, float, float, float]] = {
    "dark": (-0.10, 1.0, 0.86, -0.004, -0.008),
    "bright": (0.035, 1.0, 1.16, 0.0, 0.004),
    "calm": (0.012, 0.94, 0.84, 0.0, 0.0),
    "epic": (-0.015, 1.12, 1.12, 0.004, 0.002),
    "warm": (0.0, 1.0, 1.04, 0.018, 0.030),
    "cold": (0.0, 1.0, 0.88, -0.014, -0.034),
    "dawn": (0.03, 0.92, 0.95, 0.012, 0.010),
    "day": (0.03, 1.02, 1.05, 0.0, 0.0),
    "dusk": (-0.03, 1.0, 1.05, 0.020, 0.018),
    "night": (-0.10, 1.04, 0.90, -0.006, -0.030),
}
"""For a mood or time: what is added to lightness, the factor of contrast, the factor of chroma, and what is added to a
(green to red) and b (blue to yellow). Lightest colours keep most of their lightness, so that paper stays paper."""


def tuned(colours: tuple[str, ...], reading: Reading, *, with_time: bool) -> tuple[str, ...]:
    """The palette as the prompt wants it; `with_time` for families that have no sky to show the time of day in."""
    labs = oklab(np.stack([parse(colour) for colour in colours]))
    for named in reading.colours:
        labs = _replaced(labs, oklab(parse(named)))
    words = [*sorted(reading.moods), *([reading.time] if with_time and reading.time else [])]
    for word in words:
        labs = _shifted(labs, SHIFTS[word])
    return tuple(_hex(rgb) for rgb in from_oklab(labs)) if words or reading.colours else colours


def _replaced(labs: Labs, named: Labs) -> Labs:
    """The colour most like the named one becomes it; the others lean to it.

    The darkest and the lightest keep their part in the contrast.
    """
    weights = np.array([LIGHT_COUNTS, 1.0, 1.0])
    far = np.linalg.norm((labs - named) * weights, axis=1)
    place = int(np.argmin(far))
    if np.linalg.norm(labs[place] - named) < ALIKE:
        return labs
    paper = np.clip((labs[:, 0] - 0.80) / 0.15, 0, 1) * 0.6
    share = LEANING * (1 - paper)[:, None]
    changed = labs.copy()
    changed[:, 1:] = labs[:, 1:] * (1 - share) + named[1:] * share
    changed[place] = named
    if place in (int(np.argmin(labs[:, 0])), int(np.argmax(labs[:, 0]))):
        changed[place, 0] = labs[place, 0] * 0.75 + named[0] * 0.25
        changed[place, 1:] = named[1:] * 0.6
    return changed


def _shifted(labs: Labs, shift: tuple[float, float, float, float, float]) -> Labs:
    lift, contrast, chroma, red, yellow = shift
    light = labs[:, 0]
    middle = float(light.mean())
    paper = np.clip((light - 0.80) / 0.15, 0, 1) * 0.75
    moved = middle + (light - middle) * contrast + lift * (1 - paper)
    tint = np.array([red, yellow]) * (1 - paper * 0.5)[:, None] * np.clip(light / 0.3, 0.3, 1)[:, None]
    return np.column_stack([np.clip(moved, 0.08, 0.985), labs[:, 1:] * chroma + tint])


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(float(part) * 255):02x}" for part in rgb)
