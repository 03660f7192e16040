"""How long a new task would wait, reckoned."""

import itertools

import pytest

from nodes.tasks.load import PRIOR_SECONDS, PRIOR_TASKS, WEIGHTS, Look, inflow, pace, plan_of, wait, waits

NOTHING: dict[str, float] = {}
QUEUES = [dict(zip(WEIGHTS, counts, strict=True)) for counts in itertools.product((0, 1, 5, 40), repeat=3)]
COMING = (NOTHING, {"pro_plus": 0.5, "pro": 0.2}, {"pro_plus": 9.0, "pro": 9.0, "free": 9.0})


def test_nobody_waits_where_nothing_waits() -> None:
    """With empty queues the estimate is 0, however much comes."""
    assert waits({}, {"pro": 100.0}, 0.1) == dict.fromkeys(WEIGHTS, 0.0)


def test_one_plan_alone_has_the_whole_pace() -> None:
    """Nine tasks and the new one, at two a second, are five seconds."""
    for plan in WEIGHTS:
        assert wait(plan, {plan: 9}, NOTHING, 2.0) == pytest.approx(5.0)


def test_the_weights_split_the_pace_while_all_wait() -> None:
    """With long queues and steady arrivals each plan goes at its part of 6:3:1."""
    waiting = dict.fromkeys(WEIGHTS, 59)
    busy = dict.fromkeys(WEIGHTS, 100.0)
    found = waits(waiting, busy, 1.0)
    assert found == pytest.approx({"pro_plus": 60 / 0.6, "pro": 60 / 0.3, "free": 60 / 0.1})


def test_who_is_left_takes_over_the_pace() -> None:
    """Free work waits until the others are done, not for ever at a tenth: all sixty are served in sixty seconds."""
    found = waits({"pro_plus": 20, "pro": 20, "free": 19}, NOTHING, 1.0)
    assert found["free"] == pytest.approx(60.0)
    assert found["pro_plus"] == pytest.approx(21 / 0.6)
    assert found["pro_plus"] < found["pro"] < found["free"]


def test_arrivals_of_others_lengthen_the_wait_but_own_ones_do_not() -> None:
    """What comes to the own plan later stands behind; what comes to heavier plans takes part of the pace."""
    waiting = {"pro": 10, "free": 10}
    alone = wait("free", waiting, NOTHING, 1.0)
    assert wait("free", waiting, {"free": 50.0}, 1.0) == pytest.approx(alone)
    assert wait("free", waiting, {"pro": 0.5}, 1.0) > alone
    assert wait("free", waiting, {"pro": 50.0}, 1.0) == pytest.approx(11 / 0.25)


@pytest.mark.parametrize("coming", COMING)
def test_a_shorter_queue_is_never_a_longer_wait(coming: dict[str, float]) -> None:
    """Taking a task out of any queue lengthens no estimate, and adding pace lengthens none either."""
    for waiting in QUEUES:
        found = waits(waiting, coming, 1.0)
        faster = waits(waiting, coming, 1.5)
        assert all(faster[plan] <= found[plan] + 1e-9 for plan in WEIGHTS)
        for taken in (plan for plan, count in waiting.items() if count):
            less = waits({**waiting, taken: waiting[taken] - 1}, coming, 1.0)
            assert all(less[plan] <= found[plan] + 1e-9 for plan in WEIGHTS), (waiting, taken)


@pytest.mark.parametrize("coming", COMING)
def test_free_is_never_below_pro_with_as_long_a_queue(coming: dict[str, float]) -> None:
    """Where as many of each wait and as many come, a heavier plan waits no longer."""
    even = dict.fromkeys(WEIGHTS, max(coming.values(), default=0.0))
    for count in (1, 3, 20, 100):
        found = waits(dict.fromkeys(WEIGHTS, count), even, 0.7)
        assert found["pro_plus"] <= found["pro"] <= found["free"]


@pytest.mark.parametrize("coming", COMING)
def test_nothing_is_served_faster_than_the_pace(coming: dict[str, float]) -> None:
    """A new task waits at least for its own queue at full pace, at most at its smallest share."""
    for waiting in QUEUES:
        if any(waiting.values()):
            for plan, seconds in waits(waiting, coming, 1.0).items():
                ahead = waiting[plan] + 1
                assert ahead - 1e-9 <= seconds <= ahead * sum(WEIGHTS.values()) / WEIGHTS[plan] + 1e-9


def test_the_pace_is_what_was_begun_while_tasks_waited() -> None:
    """Before anything began it is the prior; a minute of truth hides that."""
    assert pace(()) == PRIOR_TASKS / PRIOR_SECONDS
    assert pace([Look(span=1.0, begun=3)] * 60) == pytest.approx(3, rel=0.1)
    assert 0 < pace([Look(span=1.0, begun=0)] * 60) < 0.05


def test_what_comes_is_counted_by_plan() -> None:
    """New tasks per second, of every plan."""
    looks = [Look(span=1.0, came={"pro": 2}), Look(span=3.0, came={"free": 1, "pro": 2})]
    assert inflow(looks) == {"pro_plus": 0.0, "pro": 1.0, "free": 0.25}
    assert inflow(()) == dict.fromkeys(WEIGHTS, 0.0)


def test_an_unknown_plan_waits_with_the_last() -> None:
    """As its work goes to the last lane."""
    assert plan_of("gold") == plan_of("free") == "free"
    assert plan_of("pro") == "pro"
