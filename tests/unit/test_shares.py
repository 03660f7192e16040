"""Whose turn it is, by weight."""

from collections import Counter

import pytest

from adapters.nats.shares import Shares

EVERYBODY = (0, 1, 2)


def served(shares: Shares, turns: int, parties: tuple[int, ...] = EVERYBODY) -> list[int]:
    """Who has the next turns when these always want them."""
    found = []
    for _ in range(turns):
        party, turn = shares.reserve(parties)
        shares.use(turn)
        found.append(party)
    return found


def test_turns_are_by_weight_at_any_time() -> None:
    """Of any ten turns in a row six, three and one; never more than a turn or two beside the share."""
    found = served(Shares((6, 3, 1)), 1000)

    assert Counter(found[:1000]) == {0: 600, 1: 300, 2: 100}
    for length in range(1, 1000):
        counts = Counter(found[:length])
        assert all(abs(counts[each] - length * share / 10) <= 1.5 for each, share in enumerate((6, 3, 1)))


def test_nobody_saves_turns_up() -> None:
    """Who wanted nothing for a thousand turns gets no more than its share when it comes back."""
    shares = Shares((6, 3, 1))
    served(shares, 1000, (2,))

    found = Counter(served(shares, 100))

    assert found[0] == pytest.approx(60, abs=2)
    assert found[2] == pytest.approx(10, abs=2)


def test_who_comes_back_need_not_wait() -> None:
    """The heavier party has one of the next two turns as soon as it wants one."""
    shares = Shares((6, 3, 1))
    served(shares, 1001, (1, 2))

    assert 0 in served(shares, 2)


def test_a_turn_without_use_costs_nothing() -> None:
    """A party that is asked in vain each time is served as before when it wants turns."""
    shares, found = Shares((6, 3, 1)), []
    for _ in range(400):
        first, _ = shares.reserve(EVERYBODY)
        if first == 0:
            shares.refund(0)
            first, turn = shares.reserve((1, 2))
        found.append(first)
        shares.use(turn)

    assert Counter(found) == {1: 300, 2: 100}
