"""What the painter's art is held to: no steps in gradients, no repeating texture, families and words that show."""

import io
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, paint

Grey = NDArray[np.float32]

PALETTE = ("#14213d", "#3d5a80", "#ee6c4d", "#fde8cf")
PATTERNED = {"marble", "deco", "brutalist", "halftone", "woodcut"}
"""Families whose idea is a pattern that returns."""


@cache
def painted(
    family: str, prompt: str = "", seed: int = 5, size: tuple[int, int] = (320, 512), palette: tuple[str, ...] = PALETTE
) -> NDArray[np.uint8]:
    """The art of an order as (rows, columns, 3) bytes."""
    order = PaintOrder(prompt=prompt, family=family, palette=palette, width=size[0], height=size[1], seed=seed)
    return np.asarray(Image.open(io.BytesIO(paint(order).data)).convert("RGB"))


def grey(pixels: NDArray[np.uint8]) -> Grey:
    """Mean of the channels, 0..255."""
    return np.asarray(pixels.mean(axis=2), np.float32)


def descriptor(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How a picture is built, whatever its colours: layout, grain by scale, edges by direction, and smooth area."""
    tone = grey(pixels) / 255
    layout = np.asarray(Image.fromarray((tone * 255).astype(np.uint8)).resize((4, 6), Image.Resampling.BOX)) / 255
    down, across = np.gradient(tone)
    strength, angle = np.hypot(down, across), np.mod(np.arctan2(down, across), np.pi)
    edges = np.histogram(angle, 6, (0, np.pi), weights=strength)[0] / max(float(strength.sum()), 1e-6)
    scales = [float(np.abs(tone[::k, ::k][1:] - tone[::k, ::k][:-1]).mean()) * 4 for k in (1, 2, 4, 8)]
    return np.concatenate([layout.ravel() * 0.5, edges * 2, scales, [float((strength < 0.01).mean())]])


@pytest.mark.parametrize("family", ["landscape", "mesh", "cosmos", "city"])
def test_smooth_skies_show_no_steps(family: str) -> None:
    """In the smoothest parts no value stands in a long run, and what the noise averages to rises by less than a step.

    A gradient cut into steps has runs of hundreds of equal pixels, and rows whose means jump by a whole level.
    """
    top = painted(family, size=(480, 768))[:190, :, 2].astype(np.int16)
    longest = max(
        int(np.diff(np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1], [True]]))).max()) for row in top[::7]
    )
    assert longest < 40
    block = top[:184].reshape(23, 8, 480).mean(axis=(1, 2))
    assert np.unique(np.round(block, 2)).size > 15


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - PATTERNED))
def test_organic_art_does_not_repeat(family: str) -> None:
    """Apart from itself the picture is nowhere like itself: the second peak of its autocorrelation is low."""
    tone = grey(painted(family))
    soft = np.asarray(Image.fromarray(tone).resize((40, 64), Image.Resampling.BOX).resize((320, 512)), np.float32)
    fine = (tone - soft) * np.outer(np.hanning(512), np.hanning(320)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2(fine, (1024, 640))) ** 2
    alike = np.fft.irfft2(spectrum)
    alike /= alike[0, 0]
    alike[:24, :24] = alike[-24:, :24] = alike[:24, -24:] = alike[-24:, -24:] = 0
    assert float(alike[:512, :320].max()) < 0.45


def test_families_are_built_differently() -> None:
    """On one palette the nearest two families still differ in layout, texture and edges, not only in pixels."""
    found = {name: descriptor(painted(name, size=(200, 320))) for name in FAMILIES}
    gaps = {(a, b): float(np.linalg.norm(found[a] - found[b])) for a in found for b in found if a < b}
    nearest = min(gaps, key=lambda pair: gaps[pair])
    assert gaps[nearest] > 0.3, nearest


@pytest.mark.parametrize("family", FAMILIES)
def test_named_colours_are_seen(family: str) -> None:
    """`green` in a prompt makes every family greener than `purple` does, with the same palette."""
    green, purple = (painted(family, f"{word} world").astype(np.float32) for word in ("green", "purple"))
    greenish = [float((p[..., 1] - (p[..., 0] + p[..., 2]) / 2).mean()) for p in (green, purple)]
    assert greenish[0] > greenish[1] + 1


@pytest.mark.parametrize("family", FAMILIES)
def test_moods_and_times_are_seen(family: str) -> None:
    """Night is darker than day, and a warm prompt is warmer than a cold one, in every family."""
    night, day, warm, cold = (painted(family, word).astype(np.float32) for word in ("night", "noon", "warm", "cold"))
    assert night.mean() < day.mean() - 2
    assert (warm[..., 0] - warm[..., 2]).mean() > (cold[..., 0] - cold[..., 2]).mean() + 2


@pytest.mark.parametrize(
    "family",
    [
        "landscape",
        "papercut",
        "woodcut",
        "halftone",
        "watercolour",
        "ink",
        "midcentury",
        "city",
        "cosmos",
        "deco",
        "oil",
    ],
)
def test_figures_are_seen(family: str) -> None:
    """A lighthouse and a wolf make different pictures, and a red fox brings red into a palette without any."""
    blues = ("#10203a", "#2b4c7e", "#8fb3d9", "#f2f6fb")
    assert (painted(family, "a lighthouse") != painted(family, "a wolf")).any()
    fox, none = (painted(family, word, palette=blues).astype(np.int16) for word in ("a red fox", "a place"))
    reddish = [int(((p[..., 0] - p[..., 2]) > 60).sum()) for p in (fox, none)]
    assert reddish[0] > reddish[1] + 600
