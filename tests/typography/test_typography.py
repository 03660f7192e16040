"""Every third of the first 38 covers by lot that `python -m tests.typography` makes, small: each script is there."""

import pytest

from tests.typography.combinations import Combination, combinations
from tests.typography.measures import measured


@pytest.mark.parametrize("drawn", combinations(38)[::3], ids=lambda drawn: f"{drawn.index}-{drawn.shape}")
def test_a_cover_by_lot_has_no_fault(drawn: Combination) -> None:
    """Contrast of 4.5:1, legible as a thumbnail, whole words, well broken, nothing clipped, outside or over another."""
    assert measured(drawn).faults == ()
