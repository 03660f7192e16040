"""The saga of an edit, pure: apply, check, complete; what walks back and what does not."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import edits, notifications, safety
from contracts.errors import Conflict, Problem, Refused, Unavailable
from contracts.tasks import FINISHED, PROGRESSED, StepReport
from contracts.wire import DeadLetter, ObjectRef
from nodes.tasks import model
from nodes.tasks.sagas import CURRENT, EDIT, saga_of
from nodes.tasks.state import Change, TaskState

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TASK, USER, COVER, SESSION = (uuid.UUID(int=number) for number in (1, 2, 3, 4))
PICTURE = ObjectRef(key="1/1", sha256="1" * 64, size=10, media_type="image/png")
FORWARD = ["apply", "check_image", "complete"]


def begun(tier: str = "free") -> Change:
    """An edit's task that sets out."""
    task = TaskState(
        task_id=TASK,
        user_id=USER,
        cover_id=COVER,
        work_id=SESSION,
        type="edit",
        version=CURRENT["edit"].version,
        input_params={"op": "adjust", "brightness": 0.5},
        headers={"tier": tier},
        created_at=START,
        updated_at=START,
    )
    return model.begin(task, START)


def told(task: TaskState, **fields: Any) -> Change:
    """A report on the awaited step that changes something."""
    change = model.settle(task, StepReport(task_id=TASK, step=task.step or "", **fields), START)
    assert change is not None
    return change


def at_step(name: str) -> TaskState:
    """A task that awaits that step."""
    task = begun().task
    while task.step != name:
        task = told(task, images=(PICTURE,)).task
    return task


def order(change: Change) -> tuple[str, Any]:
    """Subject and body of the one piece of work that a change sends."""
    work = [m for m in change.messages if m.subject.startswith("jobs.") and m.subject != notifications.SEND.subject]
    assert len(work) == 1
    return work[0].subject, work[0].body


def refused() -> Problem:
    """A final refusal."""
    return Refused("That is no picture.").problem()


def test_each_step_goes_to_its_node_with_what_it_needs() -> None:
    """apply on the lane of the plan, the check with the picture that apply made, complete; then the three farewells."""
    change = begun("pro")
    assert order(change) == (
        f"{edits.APPLY.subject}.pro",
        edits.EditStep(task_id=TASK, edit_id=SESSION, user_id=USER, step="apply"),
    )
    change = told(change.task, images=(PICTURE,))
    assert order(change) == (
        safety.CHECK_IMAGE_STEP.subject,
        safety.CheckImageStep(task_id=TASK, step="check_image", images=(PICTURE,)),
    )
    change = told(change.task)
    assert order(change)[0] == edits.COMPLETE.subject
    change = told(change.task, images=(PICTURE,))
    assert (change.task.status, change.task.progress) == ("succeeded", 1.0)
    assert change.task.result_urls == (f"/v1/edits/{SESSION}/image",)
    assert [m.subject for m in change.messages] == [PROGRESSED.subject, FINISHED.subject, notifications.SEND.subject]
    note = change.messages[2].body
    assert isinstance(note, notifications.SendNotification)
    assert (note.kind, note.title, note.link) == ("edit_ready", "Your edit is ready", f"/v1/edits/{SESSION}")


@pytest.mark.parametrize("step", FORWARD)
def test_a_refused_step_discards_what_was_made(step: str) -> None:
    """Also complete, when the session says that it refused; there is nothing else to undo, least of all quota."""
    change = told(at_step(step), problem=refused())
    assert order(change) == (
        edits.DISCARD.subject,
        edits.EditStep(task_id=TASK, edit_id=SESSION, user_id=USER, step="apply/undo"),
    )
    end = told(change.task).task
    assert (end.status, end.error_code, end.undone, end.result_urls) == ("failed", "content_refused", ("apply",), ())


def test_a_complete_whose_ending_is_unknown_is_only_tried_again() -> None:
    """Its message died: the version may be there already, so nothing is discarded."""
    task = at_step("complete")
    letter = DeadLetter(subject=edits.COMPLETE.subject, reason=Unavailable.code, detail="", deliveries=4, payload=b"{}")
    change = model.bury(task, "complete", letter, START)
    assert change is not None
    assert (change.task.step, change.task.outcome, change.task.postponed) == ("complete", None, True)
    again = model.resend(change.task, START + timedelta(hours=1))
    assert again is not None
    assert order(again)[0] == edits.COMPLETE.subject


@pytest.mark.parametrize("step", FORWARD[:2])
def test_a_cancelled_edit_is_discarded(step: str) -> None:
    """At the report of the step in hand; a queued one at once."""
    change = model.cancel(at_step(step), START)
    assert change is not None
    task = change.task
    if task.step == step:
        task = told(task, images=(PICTURE,)).task
    assert task.step == "apply/undo"
    end = told(task).task
    assert (end.status, end.error_code) == ("cancelled", None)


def test_a_finished_edit_is_undone_not_cancelled() -> None:
    """Once complete is sent the user is told so."""
    with pytest.raises(Conflict, match="undone"):
        model.cancel(at_step("complete"), START)


def test_an_edit_that_takes_too_long_is_given_up() -> None:
    """After its quarter of an hour it walks back."""
    task = at_step("check_image")
    late = START + timedelta(seconds=EDIT.timeout)
    change = model.resend(task, late)
    assert change is not None
    assert (change.task.step, change.task.error_code) == ("apply/undo", "deadline_exceeded")
    assert saga_of(task) is EDIT
