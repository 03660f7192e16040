"""The scene a family paints, and the finish that turns its bands of colour into a PNG."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from PIL import Image

from adapters.images.painter.colour import Field, Palette, Rgb
from adapters.images.painter.prompt import Reading
from adapters.png import encode

Band = Callable[[int, int], Rgb]
"""Rows top..bottom of the finished art as floats 0..1, shape (rows, width, 3)."""

BAND_PIXELS = 40_000
"""Pixels worked on at a time: few enough to stay in the cache and in small blocks of memory, whatever the size."""


@dataclass(frozen=True)
class Scene:
    """One order as a family sees it: size in pixels, palette, the prompt's reading, options, and repeatable chance."""

    width: int
    height: int
    seed: int
    palette: Palette
    reading: Reading
    options: Mapping[str, float | str | bool]

    @property
    def unit(self) -> float:
        """The length, in pixels, that is one pixel on a cover 1600 wide."""
        return min(self.width, self.height) / 1600

    @property
    def wide(self) -> bool:
        """Whether the picture is clearly wider than high."""
        return self.width > self.height * 1.2

    def chance(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, so that a change to one part leaves the others as they were."""
        return np.random.default_rng([self.seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(purpose.encode())])

    def number(self, name: str, default: float, low: float = 0.0, high: float = 1.0) -> float:
        """A numeric option clipped to low..high; anything that is not a number gives the default."""
        value = self.options.get(name, default)
        return min(max(float(value), low), high) if isinstance(value, int | float) and value == value else default

    def word(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """A word option, when it is one of the choices."""
        value = self.options.get(name)
        return value if isinstance(value, str) and value in choices else default

    def asked(self, name: str, said: str | None, choices: tuple[str, ...], default: str | None = None) -> str:
        """A word that the prompt says, else the option, else the default (None: one that the seed picks)."""
        if said in choices and said is not None:
            return said
        return self.word(name, choices, str(self.chance(name).choice(choices)) if default is None else default)

    def dark(self, default: bool) -> bool:
        """Whether the ground is dark: as mood and time of the prompt say, else the option, else the default."""
        words = self.reading.moods | {self.reading.time}
        if words & {"dark", "night"}:
            return True
        return False if words & {"bright", "day"} else self.flag("dark", default)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no option."""
        value = self.options.get(name, default)
        return value if isinstance(value, bool) else default

    def small(self, divisor: float) -> tuple[int, int]:
        """Width and height of a field at 1/divisor of the size (divisor counted for a cover 1600 wide)."""
        shrink = max(divisor * self.unit, 1.0)
        return max(int(self.width / shrink), 8), max(int(self.height / shrink), 8)

    def columns(self) -> Field:
        """Pixel centres across, as one row."""
        return np.arange(self.width, dtype=np.float32)[None, :] + np.float32(0.5)

    def lines(self, top: int, bottom: int) -> Field:
        """Pixel centres down, as one column."""
        return np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)


@dataclass(frozen=True)
class Finish:
    """How a family's surface ends: grain (0..1 of full scale) and vignette (0..1 darkening at the corners)."""

    grain: float = 0.008
    vignette: float = 0.0


@dataclass(frozen=True)
class Family:
    """A kind of art: how it composes a scene, its own palettes, its finish, and the options it reads."""

    name: str
    compose: Callable[[Scene], Band]
    palettes: tuple[tuple[str, ...], ...]
    finish: Finish = field(default_factory=Finish)
    options: Mapping[str, str] = field(default_factory=dict)


def develop(scene: Scene, band: Band, finish: Finish) -> bytes:
    """Run the bands, add vignette, grain and dither, and encode as PNG with fast compression."""
    sheet = Image.new("RGB", (scene.width, scene.height))
    rng = scene.chance("grain")
    count = max(scene.height // max(BAND_PIXELS // scene.width, 8), 1)
    cuts = [scene.height * k // count for k in range(count + 1)]
    for top, bottom in pairwise(cuts):
        rgb = band(top, bottom)
        if finish.vignette:
            rgb = rgb * _vignette(scene, top, bottom, finish.vignette)[..., None]
        sheet.paste(Image.fromarray(_quantise(rgb, rng, finish.grain)), (0, top))
    return encode(sheet)


def _quantise(rgb: Rgb, rng: np.random.Generator, grain: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Eight bits a channel; triangular noise hides the steps, grain is the same noise, stronger."""
    height, width = rgb.shape[:2]
    noise = rng.random((height, width), np.float32)
    noise += rng.random((height, width), np.float32)
    noise -= np.float32(1)
    noise *= np.float32(1 + grain * 255)
    scaled = rgb * np.float32(255)
    scaled += noise[..., None]
    scaled += np.float32(0.5)
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def _vignette(scene: Scene, top: int, bottom: int, strength: float) -> Field:
    x = scene.columns() / np.float32(scene.width) * 2 - 1
    y = scene.lines(top, bottom) / np.float32(scene.height) * 2 - 1
    far = np.clip((x * x + y * y) / 2, 0, 1)
    return np.asarray(1 - np.float32(strength) * far * far, np.float32)
