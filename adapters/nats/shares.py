"""Whose turn it is when several share something by weight: start-time fair queueing.

A turn of a party takes `1 / weight` of the party's own time, and the one whose next turn would start first has it. Who
wanted nothing for a while starts again from the time that the others have reached, so that nothing is saved up.
"""

import math
from collections.abc import Iterable, Sequence


class Shares:
    """Turns of parties that are known by their position in `weights`; at a tie the first has it."""

    def __init__(self, weights: Sequence[int]):
        whole = math.lcm(*weights)
        self._strides = [whole // weight for weight in weights]
        self._ends = [0] * len(weights)
        self._now = 0
        """When the latest turn that was used started."""

    def reserve(self, parties: Iterable[int]) -> tuple[int, int]:
        """The party among these whose turn it is, and its turn: to be given to `use` or `refund`."""
        start, party = min((max(self._now, self._ends[each]), each) for each in parties)
        self._ends[party] = start + self._strides[party]
        return party, start

    def use(self, start: int) -> None:
        """The turn is made use of."""
        self._now = max(self._now, start)

    def refund(self, party: int) -> None:
        """The party had no use for its turn."""
        self._ends[party] -= self._strides[party]
