"""How long a new task would wait until it begins: pure reckoning from what waits, what came and what began lately.

A plan is served by its weight while others wait too, and takes over what they leave when they have nothing more. So a
plan's queue is followed like water in basins: in each stretch every basin runs out at its share, until one is empty or
the task in question has begun. What goes on coming to other plans is taken from the last seconds; what comes to the
own plan stands behind.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

from contracts.tasks import PLANS

WEIGHTS: Mapping[str, int] = {lane.name: lane.weight for lane in PLANS}
LAST_PLAN = PLANS[-1].name
"""Where tasks go whose plan no lane is for."""
PRIOR_TASKS, PRIOR_SECONDS = 2.0, 4.0
"""What is believed before anything has begun: as if two tasks had begun in four seconds. A minute of truth hides it."""
MOMENT = 1e-6
"""Seconds; queues that are empty so close together are so at once."""
REMEMBERED = 60
"""Busy looks that the pace is taken from, a minute's worth."""
RECENT = 10
"""Busy looks that tell what comes: a flood that is over should not keep others out for long."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What happened between two looks (about a second) in which tasks waited all the time."""

    span: float
    """Seconds."""
    begun: int = 0
    came: dict[str, int] = {}
    """New tasks by plan."""


def plan_of(tier: str) -> str:
    """The plan whose lane a task of that tier waits in."""
    return tier if tier in WEIGHTS else LAST_PLAN


def pace(looks: Iterable[Look]) -> float:
    """Tasks that begin per second while some wait."""
    looks = tuple(looks)
    begun = PRIOR_TASKS + sum(look.begun for look in looks)
    return begun / (PRIOR_SECONDS + sum(look.span for look in looks))


def inflow(looks: Iterable[Look]) -> dict[str, float]:
    """New tasks per second by plan."""
    looks = tuple(looks)
    seconds = max(1.0, sum(look.span for look in looks))
    return {plan: sum(look.came.get(plan, 0) for look in looks) / seconds for plan in WEIGHTS}


def waits(waiting: Mapping[str, int], coming: Mapping[str, float], rate: float) -> dict[str, float]:
    """`wait` for every plan."""
    return {plan: wait(plan, waiting, coming, rate) for plan in WEIGHTS}


def wait(plan: str, waiting: Mapping[str, int], coming: Mapping[str, float], rate: float) -> float:
    """Seconds until a task of `plan` that comes now begins; 0 when nothing waits.

    `waiting`: tasks by plan; `coming`: new tasks per second by plan; `rate`: tasks that begin per second in all, > 0.
    """
    if not any(waiting.values()):
        return 0.0
    left = {each: float(waiting.get(each, 0)) for each in WEIGHTS}
    left[plan] += 1
    grows = {each: 0.0 if each == plan else coming.get(each, 0.0) for each in WEIGHTS}
    passed = 0.0
    while True:  # once for each plan at most: a queue that is empty stays so
        shares = _shares(left, grows, rate)
        ends = {each: _empty_in(left[each], shares[each], grows[each]) for each in WEIGHTS}
        first = min(ends, key=lambda each: ends[each])
        if ends[plan] <= ends[first] + MOMENT:
            return passed + ends[plan]
        passed += ends[first]
        left = {each: _after(left[each], shares[each] - grows[each], ends[first]) for each in WEIGHTS}
        left[first] = 0.0


def _after(left: float, shrinks: float, seconds: float) -> float:
    """What is left of a queue then; one that is empty stays so."""
    return max(0.0, left - shrinks * seconds) if left > 0 else 0.0


def _empty_in(left: float, out: float, grows: float) -> float:
    """Seconds until a queue is empty; never for one that is empty already or does not shrink."""
    return left / (out - grows) if left > 0 and out > grows else math.inf


def _shares(left: Mapping[str, float], coming: Mapping[str, float], rate: float) -> dict[str, float]:
    """Tasks per second that each plan gets: by weight, and none gets more than it can use."""
    wants = {each: math.inf if left[each] else coming.get(each, 0.0) for each in left}
    found: dict[str, float] = {}
    while open_ := [each for each in wants if each not in found]:
        spare = max(0.0, rate - sum(found.values()))
        unit = spare / sum(WEIGHTS[each] for each in open_)
        content = [each for each in open_ if wants[each] <= unit * WEIGHTS[each]]
        found.update({each: wants[each] if content else unit * WEIGHTS[each] for each in content or open_})
    return found
