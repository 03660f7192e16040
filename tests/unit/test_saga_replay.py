"""A task ends under the definition that it began with: recorded journeys of every version, replayed."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contracts.errors import Unavailable
from contracts.tasks import StepReport
from nodes.tasks import model, sagas
from nodes.tasks.sagas import GENERATE, SAGAS, Saga, StepDef
from tests.support.journeys import FOLDER, START, Journey, file_of, journeys, told


@pytest.mark.parametrize("saga", SAGAS.values(), ids=lambda saga: f"{saga.type}-{saga.version}")
def test_recorded_journeys_go_the_same_way_today(saga: Saga) -> None:
    """Every entry of the log and every message, as recorded. If this fails: add a version instead of changing one."""
    recorded: dict[str, list[dict[str, Any]]] = msgspec.json.decode(file_of(saga).read_bytes())
    now = told(saga)
    assert now.keys() == recorded.keys()
    for name, story in recorded.items():
        assert now[name] == story, name


def test_no_recorded_version_was_dropped() -> None:
    """Tasks of it may still be on their way."""
    assert {path.name for path in FOLDER.iterdir()} == {file_of(saga).name for saga in SAGAS.values()}


@pytest.mark.parametrize("saga", SAGAS.values(), ids=lambda saga: f"{saga.type}-{saga.version}")
def test_every_journey_comes_to_its_end(saga: Saga) -> None:
    """And what was refused, dead, late or cancelled before the commit has undone all it did, the last step first."""
    for name, journey in journeys(saga):
        assert journey.task.ended, name
        if journey.task.status != "succeeded":
            order = [step.name for step in saga.steps]
            assert [order.index(step) for step in journey.task.undone] == sorted(
                (order.index(step) for step in journey.task.undone), reverse=True
            ), name


def test_a_task_begun_under_an_older_version_ends_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next version has a step more: new tasks do it, those on their way do not and are not stuck."""
    extra = StepDef("polish", GENERATE.steps[4].order, GENERATE.steps[4].undo, "Polishing", weight=5)
    newer = replace(GENERATE, version=3, steps=(*GENERATE.steps[:5], extra, *GENERATE.steps[5:]))
    versions: Mapping[tuple[str, int], Saga] = {("generate", 2): GENERATE, ("generate", 3): newer}
    monkeypatch.setattr(sagas, "SAGAS", versions)
    for saga, polished in ((GENERATE, False), (newer, True)):
        journey = Journey(saga)
        journey.take(model.begin(journey.task, START))
        journey.done_until(None)
        assert journey.task.status == "succeeded"
        assert ("polish" in {done.name for done in journey.task.done}) is polished


def test_a_task_of_an_unknown_version_is_left_alone() -> None:
    """An older instance that sees it says so and is tried again: a newer one will know it."""
    journey = Journey(GENERATE)
    journey.take(model.begin(journey.task, START))
    newer = msgspec.structs.replace(journey.task, version=99)
    with pytest.raises(Unavailable):
        model.settle(newer, StepReport(task_id=uuid.UUID(int=1), step="paint"), START + timedelta(seconds=1))
