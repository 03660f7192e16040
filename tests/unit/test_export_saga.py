"""The saga of an export by the rules of sagas: two steps, one undo, and a commit that is the last step."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import exports
from contracts.errors import Conflict, Refused
from contracts.exports import ExportStep
from contracts.tasks import StepReport
from contracts.wire import DeadLetter
from nodes.tasks import model, notices
from nodes.tasks.sagas import EXPORT
from nodes.tasks.state import Change, TaskState

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXPORT_ID = uuid.UUID(int=4)


def begun() -> TaskState:
    """A task that awaits its first step."""
    task = TaskState(
        task_id=uuid.UUID(int=1),
        user_id=uuid.UUID(int=2),
        cover_id=uuid.UUID(int=3),
        work_id=EXPORT_ID,
        type="export",
        version=EXPORT.version,
        input_params={"title": "The Sea"},
        created_at=START,
        updated_at=START,
    )
    return model.begin(task, START).task


def moved(change: Change | None) -> TaskState:
    """The state after a change that must have happened."""
    assert change is not None
    return change.task


def told(task: TaskState, **fields: Any) -> Change:
    """What the report on the awaited step makes of the task."""
    change = model.settle(task, StepReport(task_id=task.task_id, step=task.step or "", **fields), START)
    assert change is not None
    return change


def orders(change: Change) -> list[tuple[str, ExportStep]]:
    """The work that a change sends to the exports node."""
    return [(m.subject, m.body) for m in change.messages if isinstance(m.body, ExportStep)]


def test_the_steps_go_out_in_order_to_their_queues() -> None:
    """render, complete, the end: with the export's id, its address as the result, and a note that names the cover."""
    change = model.begin(begun(), START)
    sent = []
    while not change.task.ended:
        sent += orders(change)
        change = told(change.task)
    assert [(subject, body.step) for subject, body in sent] == [
        (exports.RENDER.subject, "render"),
        (exports.COMPLETE.subject, "complete"),
    ]
    assert {body.export_id for _, body in sent} == {EXPORT_ID}
    assert (change.task.status, change.task.progress) == ("succeeded", 1.0)
    assert change.task.result_urls == (f"/v1/exports/{EXPORT_ID}",)
    note = notices.note(change.task)
    assert (note.kind, note.link) == ("export_ready", f"/v1/exports/{EXPORT_ID}")
    assert "The Sea" in note.body


@pytest.mark.parametrize("step", ["render", "complete"])
def test_a_refusal_is_walked_back_by_one_discard(step: str) -> None:
    """Whichever step is refused, the files are discarded, and then the task has failed with its reason."""
    task = begun()
    while task.step != step:
        task = told(task).task
    change = told(task, problem=Refused("No such thing.").problem())
    assert [(subject, body.step) for subject, body in orders(change)] == [(exports.DISCARD.subject, "render/undo")]
    end = told(change.task).task
    assert (end.status, end.error_message, end.result_urls) == ("failed", "No such thing.", ())


def test_a_queued_export_is_cancelled_at_once_and_a_running_one_at_its_report() -> None:
    """Both by a discard; nothing is completed."""
    queued = model.cancel(begun(), START)
    assert queued is not None
    assert [body.step for _, body in orders(queued)] == ["render/undo"]
    assert told(queued.task).task.status == "cancelled"
    running = told(begun(), begun=True).task
    waiting = moved(model.cancel(running, START))
    assert (waiting.step, waiting.cancel_requested) == ("render", True)
    change = told(waiting)
    assert [body.step for _, body in orders(change)] == ["render/undo"]
    assert told(change.task).task.status == "cancelled"


def test_finished_files_cannot_be_cancelled() -> None:
    """Once complete is sent there is no way back; the answer says what can be done instead."""
    with pytest.raises(Conflict, match="deleted, not cancelled"):
        model.cancel(told(begun()).task, START)


def test_a_lost_complete_is_tried_until_it_is_done() -> None:
    """A dead letter of the commit point says nothing of its effect: it is sent again, and never walked back."""
    task = told(begun()).task
    letter = DeadLetter(
        subject=exports.COMPLETE.subject, reason="max_deliveries", detail="", deliveries=4, payload=b"{}"
    )
    postponed = model.bury(task, "complete", letter, START)
    assert postponed is not None
    assert (postponed.task.step, postponed.task.postponed, orders(postponed)) == ("complete", True, [])
    again = model.resend(postponed.task, START + timedelta(hours=1))
    assert again is not None
    assert [(subject, body.step) for subject, body in orders(again)] == [(exports.COMPLETE.subject, "complete")]
    assert told(again.task).task.status == "succeeded"


def test_an_export_that_takes_too_long_is_given_up_before_it_is_finished_only() -> None:
    """After its time rendering is discarded; completing goes on."""
    late = START + timedelta(seconds=EXPORT.timeout + 1)
    expired = model.resend(begun(), late)
    assert expired is not None
    assert [body.step for _, body in orders(expired)] == ["render/undo"]
    assert told(expired.task).task.error_code == "deadline_exceeded"
    completing = model.resend(told(begun()).task, late)
    assert completing is not None
    assert [body.step for _, body in orders(completing)] == ["complete"]
