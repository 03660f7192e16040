"""A botanical plate: what is drawn on it, in order, with tints and a pen that presses harder in mid-stroke."""

import numpy as np
from numpy.typing import NDArray

from adapters.images.painter.colour import Rgb, mix
from adapters.images.painter.scene import Scene
from adapters.images.painter.shapes import Points, circle, strip

LEAF, YOUNG, BLOOM, PALE, SECOND, HEART = range(6)
"""The tints: two greens, the loud flower, a pale one, one of another hue, and hearts of flowers."""


class Plate:
    """What is drawn, in order: tinted shapes and strokes of the pen, later ones over earlier ones."""

    def __init__(self, scene: Scene, tints: list[Rgb], ink: Rgb) -> None:
        self.scene = scene
        self.rng = scene.chance("plants")
        self.pieces: list[tuple[Points, Rgb]] = []
        self.blooms: list[tuple[Points, float]] = []
        """Places and radii of flowers, which open above all leaves."""
        self._tints, self._ink = tints, ink
        self._plain = (tints, ink)
        self._press: dict[int, NDArray[np.float64]] = {}
        self.pale = False
        """Whether what is drawn now lies far behind, where fine lines are left out."""

    def far(self, paper: Rgb, share: float = 0.66) -> None:
        """From here on all is as pale as things are behind other things."""
        self._tints = [mix(tint, paper, min(share + 0.06, 1)) for tint in self._plain[0]]
        self._ink = mix(self._plain[1], paper, share)
        self.pale = share > 0.5

    def near(self) -> None:
        """From here on all is in full colour again."""
        self._tints, self._ink = self._plain
        self.pale = False

    def fill(self, shape: Points, tint: int, width: float = 2.6) -> None:
        """A closed shape in one of the tints, with its outline."""
        closed = np.concatenate([shape, shape[:1]]).astype(np.float32)
        self.pieces.append((shape.astype(np.float32), self._tints[tint]))
        self.pieces.append((strip(closed, width * self.scene.unit), self._ink))

    def tone(self, shape: Points, tint: int, share: float = 0.35) -> None:
        """A patch of a tint deepened with ink, without an outline."""
        self.pieces.append((shape.astype(np.float32), mix(self._tints[tint], self._ink, share)))

    def pen(self, line: Points, width: float = 3.4) -> None:
        """A stroke that swells and thins out."""
        if len(line) not in self._press:
            self._press[len(line)] = np.sin(np.linspace(0.25, np.pi - 0.12, len(line))) ** 0.6
        press = self._press[len(line)]
        stroke = strip(line.astype(np.float32), (press * width * self.scene.unit + 0.4).astype(np.float32))
        self.pieces.append((stroke, self._ink))

    def stem(self, line: Points, width: float) -> None:
        """A stem: green between two strokes of the pen."""
        taper = (np.linspace(1.15, 0.75, len(line)) * width * self.scene.unit).astype(np.float32)
        self.pieces.append((strip(line.astype(np.float32), taper + np.float32(3.4 * self.scene.unit)), self._ink))
        self.pieces.append((strip(line.astype(np.float32), taper), self._tints[LEAF]))

    def dot(self, at: Points | NDArray[np.float64], radius: float, tint: int | None = None) -> None:
        """A full stop of the pen, or of a tint."""
        ink = self._ink if tint is None else self._tints[tint]
        self.pieces.append((circle(float(at[0]), float(at[1]), radius), ink))
