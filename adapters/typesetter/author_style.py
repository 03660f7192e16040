"""The author's line as a brand wants it: case, spacing and weight; small capitals, real ones or made to look so.

A face without small capitals gets capitals at about the height of its small letters. Their stems would be too thin
beside full capitals, so they are drawn with an outline that makes good most of the difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np

from adapters.typesetter import fonts, scripts

WEIGHTS: dict[str, dict[str, str]] = {
    "Jost": {"regular": "Jost", "bold": "Jost Bold"},
    "Jost Medium": {"regular": "Jost", "bold": "Jost Bold"},
    "Oswald": {"regular": "Oswald", "bold": "Oswald SemiBold"},
    "EB Garamond Medium": {"regular": "EB Garamond Medium"},
    "Exo 2 SemiBold": {"bold": "Exo 2 SemiBold"},
    "Josefin Sans SemiBold": {"bold": "Josefin Sans SemiBold"},
}
"""Text faces of pairings, and which face is which weight of their family."""
SPACED = {"as_typed": 0.02, "upper": 0.12, "small_caps": 0.06}
"""Tracking that suits a case, in ems: capitals need air, small letters none."""
OVER_X_HEIGHT = 1.10
"""Height of small capitals over that of small letters."""
SCALES = (0.70, 0.84)
FULL_STEM = 0.94
"""Stems of small capitals over those of full ones."""
_SIZE = 500


@dataclass(frozen=True)
class SmallCaps:
    """Small capitals that are made: size over that of full ones, and the outline that thickens them, in ems."""

    scale: float
    stroke: float


def has_weight(face: str, weight: str) -> bool:
    """Is there such a weight in the family of a pairing's text face?"""
    return weight in WEIGHTS.get(face, {})


def weighted(face: str, weight: str | None) -> str:
    """The face of that weight; the face itself when there is none, or none is asked for."""
    return WEIGHTS.get(face, {}).get(weight or "", face)


@cache
def has_small_caps(face: str) -> bool:
    """Has the face small capitals of its own?"""
    font = fonts.at_size(face, _SIZE)
    return bool(font.getlength("agnes", features=["smcp"]) != font.getlength("agnes"))


@cache
def made(face: str) -> SmallCaps:
    """How small capitals are made of a face's full ones."""
    font = fonts.at_size(face, _SIZE)
    tall, small = -font.getbbox("H", anchor="ls")[1], -font.getbbox("x", anchor="ls")[1]
    scale = min(max(OVER_X_HEIGHT * small / tall, SCALES[0]), SCALES[1])
    return SmallCaps(round(scale, 3), round(max(_stem(face) * (FULL_STEM - scale) / 2, 0.0), 4))


def _stem(face: str) -> float:
    """Width of the upright of a capital, in ems: the ink of an I half way up."""
    mask = fonts.at_size(face, _SIZE).getmask("I")
    rows = np.asarray(mask, np.uint8).reshape(mask.size[1], mask.size[0])
    return float((rows[rows.shape[0] // 2] > 127).sum()) / _SIZE


def parts(run: str, small: SmallCaps | None) -> Iterator[tuple[str, float, float]]:
    """A run in pieces of one size: text, scale and outline. Small letters become small capitals, all else stays."""
    if small is None:
        yield run, 1.0, 0.0
        return
    turkish = any(letter in run for letter in "ığİ")
    for lower, letters in groupby(run, key=str.islower):
        text = "".join(letters)
        if lower:
            raised = text.replace("i", "İ") if turkish else text
            yield scripts.capitals(raised), small.scale, small.stroke
        else:
            yield text, 1.0, 0.0
