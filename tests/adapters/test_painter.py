"""The built-in painter: repeatable, of the ordered size, every family its own."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from adapters.images import PaintOrder
from adapters.images.painter import FAMILIES, Painter, paint
from adapters.images.painter.colour import Palette
from adapters.images.painter.prompt import read

Result = TypeVar("Result")
ROOT = Path(__file__).parents[2]


def order(
    family: str,
    *,
    seed: int = 3,
    size: tuple[int, int] = (160, 256),
    prompt: str = "",
    palette: tuple[str, ...] = (),
    options: dict[str, float | str | bool] | None = None,
) -> PaintOrder:
    """A small order with the words that a test cares about."""
    return PaintOrder(
        prompt=prompt,
        family=family,
        palette=palette,
        options=options or {},
        width=size[0],
        height=size[1],
        seed=seed,
    )


def pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A PNG as floats 0..255."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_order_gives_the_same_bytes(family: str) -> None:
    """Painting twice gives one picture; another seed gives another."""
    first = paint(order(family)).data
    assert paint(order(family)).data == first
    assert paint(order(family, seed=4)).data != first


def test_two_processes_paint_the_same_bytes() -> None:
    """A fresh process, with its own hash seed, paints what this one paints, for every family."""
    code = (
        "import hashlib, sys\n"
        "from adapters.images import PaintOrder\n"
        "from adapters.images.painter import FAMILIES, paint\n"
        "for name in FAMILIES:\n"
        "    made = paint(PaintOrder(prompt='', family=name, width=96, height=128, seed=11))\n"
        "    print(hashlib.sha256(made.data).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == len(set(runs[0].split())) == len(FAMILIES)


@pytest.mark.parametrize("size", [(160, 256), (200, 200), (256, 144)], ids=["ebook", "square", "thumbnail"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_paints_every_shape(family: str, size: tuple[int, int]) -> None:
    """The picture has the ordered size, and is neither flat nor noise."""
    made = paint(order(family, size=size))
    image = Image.open(io.BytesIO(made.data))
    assert (made.media_type, made.width, made.height) == ("image/png", *size)
    assert image.size == size
    coarse = pixels(made.data)[::8, ::8]
    assert coarse.std() > 6


def test_families_are_truly_different() -> None:
    """On one palette and seed, no two families make nearly the same picture."""
    palette = ("#14213d", "#3d5a80", "#ee6c4d", "#fde8cf")
    small = [pixels(paint(order(name, palette=palette)).data)[::8, ::8] for name in FAMILIES]
    gaps = [np.abs(a - b).mean() for i, a in enumerate(small) for b in small[:i]]
    assert min(gaps) > 12


@pytest.mark.parametrize("family", FAMILIES)
def test_options_change_the_picture(family: str) -> None:
    """Every word option that a family lists is read: at least two of its values give different pictures."""
    for name, text in FAMILIES[family].options.items():
        values = [value.strip() for value in text.replace(" or ", ",").split(",")]
        if len(values) < 2 or not all(value.isalpha() for value in values) or "true" in values:
            continue
        made = {paint(order(family, options={name: value})).data for value in values}
        assert len(made) >= 2, name


def test_a_palette_colours_the_art() -> None:
    """A red palette gives redder art than a blue one."""
    red = pixels(paint(order("mesh", palette=("#3a0a0a", "#c0392b", "#f5b7a5"))).data).mean(axis=(0, 1))
    blue = pixels(paint(order("mesh", palette=("#0a0f3a", "#2b50c0", "#a5c2f5"))).data).mean(axis=(0, 1))
    assert red[0] - red[2] > 40
    assert blue[2] - blue[0] > 40


def test_gradients_have_no_bands() -> None:
    """Smooth art is dithered: in a soft sky hardly any row repeats one value in a long run."""
    sky = pixels(paint(order("mesh", size=(400, 400), options={"form": "none"})).data)[..., 0]
    same = (np.diff(sky, axis=1) == 0).mean()
    assert same < 0.6


def test_the_prompt_is_read() -> None:
    """Motifs, mood, time of day and colours are found in the words, plurals included."""
    reading = read("Crimson mountains at midnight, a haunted sea")
    assert {"mountain", "sea", "moon"} <= reading.motifs
    assert "dark" in reading.moods
    assert reading.time == "night"
    assert reading.colours == ("#a3132e",)


def test_words_of_the_prompt_change_the_landscape() -> None:
    """The sea in a prompt is painted."""
    assert paint(order("landscape", prompt="the sea")).data != paint(order("landscape", prompt="the hills")).data


@pytest.mark.parametrize(
    "wrong",
    [
        order("watercolour-of-doom"),
        order("mesh", palette=("red",)),
        order("mesh", size=(20, 20)),
        order("mesh", size=(5900, 5900)),
    ],
    ids=["family", "colour", "small", "large"],
)
def test_impossible_orders_are_refused(wrong: PaintOrder) -> None:
    """An unknown family, a colour that is none, and sizes outside the limits raise ValueError."""
    with pytest.raises(ValueError, match=r"family|colour|outside"):
        paint(wrong)


def test_odd_options_fall_back() -> None:
    """Options of the wrong kind, out of range or not a number never break the painting."""
    odd: dict[str, float | str | bool] = {"horizon": float("nan"), "layers": 1e9, "time": "teatime", "mist": "thick"}
    assert paint(order("landscape", options=odd)).data


async def test_the_painter_sends_its_work_to_the_workers() -> None:
    """The model gives the pure function and the order to whatever runs the work."""

    class Here:
        """Runs at once and remembers what it ran."""

        def __init__(self) -> None:
            self.ran: list[Callable[..., object]] = []

        async def run(self, fn: Callable[..., Result], /, *args: object) -> Result:
            """Run it."""
            self.ran.append(fn)
            return fn(*args)

    workers = Here()
    painter = Painter(workers)
    made = await painter.paint(order("mesh"))
    assert made == paint(order("mesh"))
    assert workers.ran == [paint]
    assert painter.capabilities.reproducible


def test_roles_of_a_palette() -> None:
    """The darkest, lightest and most vivid colours are found whatever order they come in."""
    palette = Palette(("#d95d39", "#f6ecd6", "#1f2a44"))
    assert np.allclose(palette.dark * 255, (0x1F, 0x2A, 0x44), atol=1)
    assert np.allclose(palette.light * 255, (0xF6, 0xEC, 0xD6), atol=1)
    assert np.allclose(palette.accent * 255, (0xD9, 0x5D, 0x39), atol=1)
