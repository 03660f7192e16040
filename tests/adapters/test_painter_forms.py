"""Forms within a family: each is an idea of its own, none repeats itself, and all leave the words their place."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter import paint
from nodes.templates import service

Grey = NDArray[np.float32]
STYLES: dict[str, dict[str, Any]] = {
    style["name"]: style for style in json.loads(Path(service.SEEDS_FILE).read_text("utf-8"))
}
RIBBONS = ("Loose Ribbons", "Midnight Ribbons", "Straight Lines", "Big Headline")
MARBLES = ("Bound in Marble", "Peacock Endpaper", "Ink on Water", "Gilded Stone")


def painted(
    name: str, seed: int = 5, size: tuple[int, int] = (320, 512), **options: float | str | bool
) -> NDArray[np.uint8]:
    """The art of a built-in style, with options changed, as (rows, columns, 3) bytes."""
    style = STYLES[name]
    order = PaintOrder(
        prompt=style["prompt_template"].format(prompt="", title=""),
        family=style["family"],
        palette=tuple(style["palette"]),
        options={**style["options"], **options},
        width=size[0],
        height=size[1],
        seed=seed,
    )
    return np.asarray(Image.open(io.BytesIO(paint(order).data)).convert("RGB"))


def grey(pixels: NDArray[np.uint8]) -> Grey:
    """Mean of the channels, 0..255."""
    return np.asarray(pixels.mean(axis=2), np.float32)


def build(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How a picture is built, whatever its colours: edges by direction, and how much changes at four scales."""
    tone = grey(pixels) / 255
    down, across = np.gradient(tone)
    strength, angle = np.hypot(down, across), np.mod(np.arctan2(down, across), np.pi)
    edges = np.histogram(angle, 8, (0, np.pi), weights=strength)[0] / max(float(strength.sum()), 1e-6)
    scales = [float(np.abs(tone[k:] - tone[:-k]).mean()) * 4 for k in (1, 3, 9, 27)]
    return np.concatenate([edges * 3, scales])


def second_peak(tone: Grey) -> float:
    """How like itself a picture is elsewhere: the highest autocorrelation away from the middle, 1 for a wallpaper."""
    height, width = tone.shape
    small = Image.fromarray(tone).resize((width // 8, height // 8), Image.Resampling.BOX).resize((width, height))
    fine = (tone - np.asarray(small, np.float32)) * np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    alike = np.fft.irfft2(np.abs(np.fft.rfft2(fine, (2 * height, 2 * width))) ** 2)
    alike /= alike[0, 0]
    alike[:24, :24] = alike[-24:, :24] = alike[:24, -24:] = alike[-24:, -24:] = 0
    return float(alike[:height, :width].max())


def test_the_measure_of_repetition_finds_a_wallpaper() -> None:
    """A tile laid again and again has a second peak near 1, noise has none."""
    tile = np.random.default_rng(1).random((64, 64), np.float32)
    assert second_peak(np.tile(tile, (8, 5)) * 255) > 0.6
    assert second_peak(np.random.default_rng(1).random((512, 320), np.float32) * 255) < 0.2


@pytest.mark.parametrize("seed", [5, 11])
def test_ribbon_styles_are_ideas_of_their_own(seed: int) -> None:
    """On one seed no two of the four are built alike: edges run elsewhere, or change at other scales."""
    found = {name: build(painted(name, seed)) for name in RIBBONS}
    gaps = {(a, b): float(np.linalg.norm(found[a] - found[b])) for a in found for b in found if a < b}
    nearest = min(gaps, key=lambda pair: gaps[pair])
    assert gaps[nearest] > 0.4, (nearest, gaps[nearest])


@pytest.mark.parametrize("name", MARBLES)
def test_marbled_paper_does_not_repeat(name: str) -> None:
    """Without its label no sheet is anywhere like itself."""
    assert second_peak(grey(painted(name, label=False))) < 0.12


@pytest.mark.parametrize("name", ["Wild Meadow", "Herbarium", "Night Garden"])
def test_plants_do_not_repeat(name: str) -> None:
    """Plants of a plate are no stamps."""
    assert second_peak(grey(painted(name))) < 0.12


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Herbarium", (0.30, 0.70, 0.28, 0.72)),
        ("Wild Meadow", (0.04, 0.36, 0.10, 0.90)),
        *((name, (0.02, 0.28, 0.0, 1.0)) for name in RIBBONS),
        ("Night Signal", (0.04, 0.30, 0.0, 1.0)),
        ("Gilded Stone", (0.22, 0.34, 0.1, 0.9)),
    ],
)
@pytest.mark.parametrize("seed", [5, 11, 23])
def test_the_place_of_the_words_is_calm(name: str, zone: tuple[float, float, float, float], seed: int) -> None:
    """Where the title stands next to nothing of the picture has an edge."""
    tone = grey(painted(name, seed))
    top, bottom, left, right = (round(part * side) for part, side in zip(zone, (512, 512, 320, 320), strict=True))
    part = np.asarray(Image.fromarray(tone[top:bottom, left:right]).reduce(3))
    down, across = np.gradient(part)
    assert float((np.hypot(down, across) > 14).mean()) < 0.02


def test_bees_come_when_they_are_asked_for() -> None:
    """Bees change the air above the meadow, and nothing at its foot."""
    with_bees, without = (painted("Wild Meadow", bees=bees).astype(np.int16) for bees in (True, False))
    differ = np.abs(with_bees - without).max(axis=2) > 40
    assert int(differ[180:340].sum()) > 60
    assert int(differ[400:].sum()) == 0


def test_the_wreath_is_full_all_around() -> None:
    """In each of twelve directions the wreath has leaves or flowers in full colour, its head and foot too."""
    pixels = painted("Herbarium").astype(np.float32)
    strong = np.linalg.norm(pixels - pixels[256, 160], axis=2) > 110
    ys, xs = np.mgrid[0:512, 0:320]
    turn = np.arctan2((ys - 256) / 256, (xs - 160) / 160)
    shares = [
        float(strong[np.abs(np.angle(np.exp(1j * (turn - k * np.pi / 6)))) < np.pi / 12].mean()) for k in range(12)
    ]
    assert min(shares) > 0.06, shares
