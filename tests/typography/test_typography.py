"""Every third of the first 38 covers by lot that `python -m tests.typography` makes, small: each script is there.

And that the measure itself sees how tall letters are.
"""

import numpy as np
import pytest

from contracts.recipes import Placed
from tests.typography.combinations import Combination, combinations
from tests.typography.measures import measured, small_title


@pytest.mark.parametrize("drawn", combinations(38)[::3], ids=lambda drawn: f"{drawn.index}-{drawn.shape}")
def test_a_cover_by_lot_has_no_fault(drawn: Combination) -> None:
    """Contrast of 4.5:1, legible as a thumbnail, whole words, well broken, nothing clipped, outside or over another."""
    assert measured(drawn).faults == ()


@pytest.mark.parametrize("tall", [40, 200])
def test_stars_around_a_title_are_not_taken_for_its_letters(tall: int) -> None:
    """Eight letters among 28 stars of their colour, on a page of 1000 by 1500: a tenth of their height."""
    page = np.zeros((1500, 1000, 3), np.float64)
    for letter in range(8):
        page[300 : 300 + tall, 100 + 100 * letter : 130 + 100 * letter] = 255
    for star in range(28):
        left, top = 140 + 100 * (star // 4) + 12 * (star % 4), 300 + 7 * star % (tall - 4)
        page[top : top + 4, left : left + 4] = 255
    title = Placed(
        role="title",
        lines=("IIIIIIII",),
        box=(100, 300, 800, 210),
        font="a face",
        font_sha256="",
        faces={},
        size=tall,
        colour="#ffffff",
        contrast=21.0,
        treatment="none",
    )

    assert small_title(page, title)[1] == pytest.approx(tall / 10, abs=0.5)
