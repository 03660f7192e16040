"""The first forty of the covers by lot that `python -m tests.typography` makes, small."""

import pytest

from tests.typography.combinations import Combination, combinations
from tests.typography.measures import measured


@pytest.mark.parametrize("drawn", combinations(40), ids=lambda drawn: f"{drawn.index}-{drawn.shape}")
def test_a_cover_by_lot_has_no_fault(drawn: Combination) -> None:
    """Contrast of 4.5:1, legible as a thumbnail, nothing clipped, outside the margins or over another block."""
    assert measured(drawn).faults == ()
