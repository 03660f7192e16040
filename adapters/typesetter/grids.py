"""Layout grids: where title, subtitle and author may stand on a page of a given shape."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Grid:
    """Shares of the page. Titles hang from `top` or stand on `foot`; `prior` is what the grid itself is worth.

    The author stands at `author` (the middle of its line), or under the other words when that is None.
    """

    name: str
    left: float
    right: float
    top: float
    foot: float
    stand: str
    author: float | None
    align: str = "centre"
    prior: float = 0.0
    share: float = 0.86
    """Of the height between top and foot, what the title alone may take."""
    logo: Literal["bottom", "top"] | None = None
    """Where room is kept for a logo."""
    inset: float = 0.0
    """How far the logo stands inside the safe margin, as a share of the short side: within the frame that art has."""
    scale: float = 1.0
    """Size of the title over the largest that fits."""
    open: bool = False
    """Is it for the middle of what the art leaves open, and nowhere else?"""
    apart: bool = False
    """Does the subtitle stand next to the author instead of under the title?"""

    def stands_apart(self, role: str) -> bool:
        """Has this role a place of its own, away from the title?"""
        return (role == "author" and self.author is not None) or (role == "subtitle" and self.apart)

    def mirrored(self) -> "Grid":
        """The grid for words that run from right to left; the same unless it is flush left."""
        if self.align != "left":
            return self
        return replace(self, left=1 - self.right, right=1 - self.left, align="right")


AXIS = {"left": 0.0, "centre": 0.5, "right": 1.0}
"""Where lines of an alignment have their axis, as a share of their width."""
SAFE = 0.06
"""Safe margin as a share of the short side; nothing is set outside it."""

UPRIGHT = (
    Grid("crown", 0.09, 0.91, 0.085, 0.48, "hang", 0.918, prior=0.12),
    Grid("brow", 0.09, 0.91, 0.085, 0.37, "hang", 0.918, prior=0.10),
    Grid("upper", 0.09, 0.91, 0.15, 0.54, "hang", 0.918, prior=0.10),
    Grid("middle", 0.09, 0.91, 0.33, 0.68, "float", 0.918, prior=0.0),
    Grid("foot", 0.09, 0.91, 0.54, 0.90, "stand", 0.085, prior=0.04),
    Grid("left-crown", 0.09, 0.91, 0.085, 0.48, "hang", 0.918, "left", prior=0.03),
    Grid("left-column", 0.09, 0.58, 0.085, 0.52, "hang", 0.918, "left"),
    Grid("label", 0.195, 0.805, 0.12, 0.465, "float", None, prior=-0.15, share=0.62),
    Grid("medallion", 0.195, 0.805, 0.28, 0.72, "float", None, prior=-0.15, share=0.62, open=True),
    Grid("ring", 0.27, 0.73, 0.30, 0.70, "float", None, prior=-0.2, share=0.62, open=True),
    Grid("right-column", 0.42, 0.91, 0.085, 0.52, "hang", 0.918, "left"),
    Grid("page", 0.08, 0.92, 0.085, 0.84, "hang", 0.918, prior=-0.12),
)
WIDE = (
    Grid("left-column", 0.06, 0.47, 0.12, 0.88, "float", None, "left", prior=0.08, share=0.62),
    Grid("left", 0.06, 0.60, 0.12, 0.88, "float", None, "left", prior=0.12, share=0.62),
    Grid("right", 0.44, 0.94, 0.12, 0.80, "float", None, "left", prior=0.04, share=0.62),
    Grid("centre", 0.10, 0.90, 0.15, 0.83, "float", None, prior=0.06, share=0.66),
    Grid("top", 0.08, 0.92, 0.10, 0.60, "hang", None, prior=0.04, share=0.62),
    Grid("page", 0.05, 0.95, 0.07, 0.93, "float", None, "left", prior=-0.12, share=0.8),
)


def grids_for(width: int, height: int) -> tuple[Grid, ...]:
    """The grids for a page of this shape."""
    return WIDE if width > height * 1.2 else UPRIGHT
