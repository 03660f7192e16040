"""The rules of the saga, pure: a simulated world of workers with duplicates, losses, late reports and cancellations."""

import collections
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import covers, notifications, safety, users
from contracts.errors import Conflict, Internal, Invalid, Refused, Unavailable
from contracts.registry import CONTRACTS
from contracts.tasks import FINISHED, PROGRESSED, StepReport
from contracts.wire import DeadLetter, ObjectRef
from nodes.tasks import model
from nodes.tasks.sagas import CURRENT, GENERATE, KEEP_TRYING, SAGAS, UNDO, saga_of
from nodes.tasks.state import ENDED, Change, LogEvent, Message, TaskState

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ART = ObjectRef(key="art/1", sha256="1" * 64, size=10, media_type="image/png")
WORK = {subject for s in GENERATE.steps if s.order for subject in s.order.queue.subjects} | {
    users.RELEASE_QUOTA.subject,
    covers.DISCARD.subject,
}
FORWARD = ["paint", "check_image", "compose", "store", "commit", "complete"]


def new_task() -> TaskState:
    """A task as `create` makes it."""
    return TaskState(
        task_id=uuid.UUID(int=1),
        user_id=uuid.UUID(int=2),
        cover_id=uuid.UUID(int=3),
        work_id=uuid.UUID(int=4),
        type="generate",
        version=CURRENT["generate"].version,
        input_params={"title": "The Sea"},
        created_at=START,
        updated_at=START,
    )


def report(task: TaskState, **fields: Any) -> StepReport:
    """A report on the awaited step."""
    return StepReport(task_id=task.task_id, step=task.step or "paint", **fields)


def moved(change: Change | None) -> TaskState:
    """The state after a change that must have happened."""
    assert change is not None
    return change.task


def at_step(name: str) -> TaskState:
    """A task that awaits that step of the way forward."""
    task = model.begin(new_task(), START).task
    while task.step != name:
        task = moved(model.settle(task, report(task), START))
    return task


def sent(change: Change | None) -> list[str]:
    """The message ids of work that a change sends."""
    return [m.message_id.partition(":")[2] for m in change.messages if m.subject in WORK] if change else []


def said(message: Message) -> Any:
    """The body, whose type its subject tells."""
    return message.body


def undo_all(task: TaskState) -> tuple[TaskState, list[str]]:
    """Report every undo done; returns the end and the undos in order."""
    walked = []
    while not task.ended:
        walked.append(task.step or "")
        task = moved(model.settle(task, report(task), START))
    return task, walked


def test_a_saga_without_trouble_sends_each_step_once_in_order() -> None:
    """The way forward: six steps, then the end with the result and the three farewells."""
    change: Change | None = model.begin(new_task(), START)
    steps, progress = [], []
    while change is not None:
        steps += sent(change)
        progress.append(change.task.progress)
        task, last = change.task, change
        change = model.settle(task, report(task), START) if not task.ended else None
    assert steps == FORWARD
    assert progress == sorted(progress)
    assert (task.status, task.progress, task.step) == ("succeeded", 1.0, None)
    assert task.result_urls == (f"/v1/covers/{task.cover_id}/image",)
    assert [m.subject for m in last.messages] == [PROGRESSED.subject, FINISHED.subject, notifications.SEND.subject]
    note = last.messages[2].body
    assert isinstance(note, notifications.SendNotification)
    assert (note.kind, note.effect_key) == ("cover_ready", f"{task.task_id}:cover_ready")
    assert note.link == f"/v1/covers/{task.cover_id}"


@pytest.mark.parametrize("step", FORWARD[:5])
def test_a_refusal_walks_back_over_the_failed_step_and_all_before_it(step: str) -> None:
    """Any step up to the commit may refuse: what may have begun is undone in reverse, the quota last."""
    task = at_step(step)
    change = model.settle(task, report(task, problem=Refused("No such thing here.").problem()), START)
    end, walked = undo_all(moved(change))
    begun = FORWARD[: FORWARD.index(step) + 1]
    expected = [f"{s}/undo" for s in ("store", "compose", "paint") if s in begun]
    assert walked == [*expected, "reserve/undo"]
    assert (end.status, end.error_code, end.error_message) == ("failed", "content_refused", "No such thing here.")
    assert end.result_urls == ()


def test_a_queued_task_is_cancelled_at_once() -> None:
    """Nothing is awaited: the undo of the step that may have begun goes out with the cancellation."""
    task = model.begin(new_task(), START).task
    change = model.cancel(task, START)
    assert sent(change) == ["paint/undo"]
    end, walked = undo_all(moved(change))
    assert (end.status, walked, end.started_at) == ("cancelled", ["paint/undo", "reserve/undo"], None)
    assert model.cancel(end, START) is None


@pytest.mark.parametrize("step", FORWARD[1:4])
def test_a_running_task_is_cancelled_at_the_next_report(step: str) -> None:
    """The step in hand is let finish, then undone with the others; a second cancel changes nothing."""
    task = at_step(step)
    change = model.cancel(task, START)
    assert sent(change) == []
    waiting = moved(change)
    assert model.cancel(waiting, START) is None
    end, _ = undo_all(moved(model.settle(waiting, report(waiting), START)))
    assert (end.status, end.error_code) == ("cancelled", None)


def test_begun_paint_makes_cancel_wait_for_its_report() -> None:
    """A worker that says it has begun makes the task running, so that cancelling waits for the safe point."""
    later = START + timedelta(seconds=100)
    task = moved(model.settle(at_step("paint"), report(at_step("paint"), begun=True), later))
    assert (task.status, task.started_at, task.step) == ("running", later, "paint")
    assert task.due_at == later + timedelta(seconds=GENERATE.at("paint").timeout), "its time counts from when it began"
    assert model.settle(task, report(task, begun=True), START) is None
    assert sent(model.cancel(task, START)) == []


@pytest.mark.parametrize("step", ["commit", "complete"])
def test_there_is_no_cancel_after_the_commit_was_sent(step: str) -> None:
    """The cover counts; cancelling is a conflict."""
    with pytest.raises(Conflict):
        model.cancel(at_step(step), START)


def test_cancelling_what_ended_or_fails_is_a_conflict() -> None:
    """Only a cancelled task may be cancelled again."""
    task = at_step("compose")
    failing = moved(model.settle(task, report(task, problem=Internal().problem()), START))
    with pytest.raises(Conflict):
        model.cancel(failing, START)
    with pytest.raises(Conflict):
        model.cancel(undo_all(failing)[0], START)


def letter(task: TaskState, reason: str = "max_deliveries", detail: str = "Traceback: secret") -> DeadLetter:
    """A dead letter of the awaited step."""
    return DeadLetter(subject="jobs.covers.paint", reason=reason, detail=detail, deliveries=4, payload=b"{}")


def test_a_dead_step_fails_the_task_without_its_text() -> None:
    """What a crash said is for operators; people learn which step did not work, and the tries are counted."""
    task = at_step("paint")
    end, _ = undo_all(moved(model.bury(task, "paint", letter(task), START)))
    assert (end.status, end.error_code) == ("failed", "unavailable")
    assert end.error_message == "Painting the art did not work after 4 tries."
    assert end.retry_count == 3


def test_a_dead_step_with_an_error_for_people_keeps_its_sentence() -> None:
    """A client's error is the user's to read."""
    task = at_step("compose")
    end, _ = undo_all(moved(model.bury(task, "compose", letter(task, Invalid.code, "The title does not fit."), START)))
    assert end.error_message == "The title does not fit."


@pytest.mark.parametrize("step", ["commit", "complete", "compose/undo", "reserve/undo"])
def test_what_must_not_be_given_up_is_postponed_and_sent_again(step: str) -> None:
    """A dead commit, anything behind it and a dead undo come again, under new ids, with growing pauses."""
    if step.endswith(UNDO):
        task = at_step("compose")
        task = moved(model.settle(task, report(task, problem=Refused().problem()), START))
        while task.step != step:
            task = moved(model.settle(task, report(task), START))
    else:
        task = at_step(step)
    ids, now = [], START
    for _ in range(5):
        task = moved(model.bury(task, step, letter(task), now))
        assert task.step == step
        assert task.due_at is not None
        assert model.resend(task, task.due_at - timedelta(milliseconds=1)) is None
        now = task.due_at
        change = model.resend(task, now)
        ids += sent(change)
        task = moved(change)
    assert ids == [f"{step}:r{n}" for n in range(1, 6)]
    assert now - START > timedelta(seconds=KEEP_TRYING.first * 2**4)


def test_the_pause_between_sendings_is_bounded() -> None:
    """After thousands of attempts a step is still sent, every ten minutes."""
    task = msgspec.structs.replace(at_step("complete"), attempt=5000)
    due = task.due_at or START
    again = moved(model.resend(task, due))
    assert again.due_at == due + timedelta(seconds=KEEP_TRYING.most)


def test_the_picture_to_check_is_what_the_painter_made() -> None:
    """Images of a step go to the step that needs them."""
    task = at_step("paint")
    change = model.settle(task, report(task, images=(ART,)), START)
    assert change is not None
    body = next(m.body for m in change.messages if m.subject == safety.CHECK_IMAGE_STEP.subject)
    assert isinstance(body, safety.CheckImageStep)
    assert body.images == (ART,)


def test_an_unknown_definition_waits_for_an_instance_that_knows_it() -> None:
    """A task of a newer version is not touched."""
    task = msgspec.structs.replace(at_step("paint"), version=999)
    with pytest.raises(Unavailable):
        model.settle(task, report(task), START)


def test_every_saga_is_sound() -> None:
    """Every queue lets tasks produce, messages have the queue's type, there is one commit point, names differ."""
    for (kind, version), saga in SAGAS.items():
        assert (saga.type, saga.version) == (kind, version)
        assert len({step.name for step in saga.steps}) == len(saga.steps)
        assert sum(step.commits for step in saga.steps) == 1
        for order in [o for step in saga.steps for o in (step.order, step.undo) if o]:
            assert order.queue in CONTRACTS
            assert "tasks" in order.queue.producers
            assert isinstance(order.build(new_task(), "paint"), order.queue.message)


class World:
    """Workers with idempotent effects behind a bus that loses, repeats and delays; checks what must always hold."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.now = START
        self.bus: list[Message] = []
        self.reports: list[StepReport] = []
        self.applied: dict[str, int] = collections.Counter()  # effects by step, undo included
        self.out: list[Message] = []
        self.events: list[LogEvent] = []
        self.task = self.take(model.begin(new_task(), self.now))

    def take(self, change: Change | None) -> TaskState:
        """Store a change; its messages may go out twice."""
        if change is None:
            return self.task
        previous = getattr(self, "task", new_task())
        assert not previous.ended
        assert (change.task.seq, change.task.rev) == (previous.seq + 1, previous.rev + 1)
        assert change.task.progress >= previous.progress
        self.events.append(change.entry.event)
        self.out += change.messages
        for message in change.messages:
            if message.subject in WORK:
                self.bus += [message] * self.draw(st.integers(1, 2))
        self.task = change.task
        return self.task

    def do(self, message: Message) -> None:
        """A worker takes a message: effect, then report; it may crash before or after, or refuse."""
        step, fate = said(message).step, self.draw(st.sampled_from(["ok", "ok", "ok", "ok", "lost", "refused", "dead"]))
        if fate == "refused" and not (step == "commit" and self.applied[step]):
            self.reports.append(
                StepReport(task_id=self.task.task_id, step=step, problem=Refused().problem(), deliveries=2)
            )
            return
        if fate == "dead":
            if self.draw(st.booleans()):
                self.applied[step] += 1
            self.take(model.bury(self.task, step, letter(self.task), self.now))
            return
        self.applied[step] += 1
        if fate == "ok":
            copies = self.draw(st.integers(1, 2))
            self.reports += [
                StepReport(task_id=self.task.task_id, step=step, images=(ART,), deliveries=copies)
            ] * copies

    def cancel(self) -> None:
        """The user presses the button."""
        try:
            self.take(model.cancel(self.task, self.now))
        except Conflict:
            assert (
                self.task.outcome == "failed" or self.task.ended or saga_of(self.task).committing(self.task.step or "")
            )

    def step(self, action: str) -> None:
        """One thing happens, in whatever order hypothesis likes."""
        if action == "work" and self.bus:
            self.do(self.bus.pop(self.draw(st.integers(0, len(self.bus) - 1))))
        elif action == "report" and self.reports:
            message = self.reports.pop(self.draw(st.integers(0, len(self.reports) - 1)))
            self.take(model.settle(self.task, message, self.now))
        elif action == "cancel":
            self.cancel()
        elif action == "stale":
            step = self.draw(st.sampled_from([*FORWARD, "paint/undo", "reserve/undo"]))
            if step != self.task.step:
                before = self.task
                stale = StepReport(task_id=before.task_id, step=step, begun=self.draw(st.booleans()))
                assert model.settle(before, stale, self.now) is None
        elif action == "time":
            self.now += timedelta(seconds=self.draw(st.integers(1, 700)))
            self.take(model.resend(self.task, self.now, gone=self.draw(st.booleans())))

    def finish(self) -> None:
        """From here on nothing goes wrong: the saga must come to its end."""
        for _ in range(60):
            if self.task.ended:
                return
            self.now += timedelta(seconds=KEEP_TRYING.most + 1)
            change = model.resend(self.task, self.now)
            assert change is not None, "a task that has not ended is always due some time"
            self.take(change)
            self.applied[self.task.step or ""] += 1
            self.take(model.settle(self.task, report(self.task), self.now))
        raise AssertionError(f"stuck at {self.task.step}")

    def farewells(self) -> Iterator[str]:
        """The statuses of the events that ended the task."""
        return (said(m).status for m in self.out if m.subject == FINISHED.subject)


ACTIONS = st.sampled_from(["work", "work", "work", "report", "report", "report", "cancel", "stale", "time"])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_every_saga_ends_once_and_leaves_nothing_behind(data: st.DataObject) -> None:
    """Whatever is lost, repeated, late, refused or cancelled: one end, all or nothing, quota committed or released."""
    world = World(data.draw)
    for _ in range(data.draw(st.integers(0, 40))):
        world.step(data.draw(ACTIONS))
    world.finish()

    task, applied = world.task, world.applied
    assert task.status in ENDED
    assert list(world.farewells()) == [task.status]
    assert world.events.count("finished") == 1
    kinds = [m.body.kind for m in world.out if isinstance(m.body, notifications.SendNotification)]
    assert kinds == [
        {"succeeded": "cover_ready", "failed": "cover_failed", "cancelled": "cover_cancelled"}[task.status]
    ]
    if task.status == "succeeded":
        assert not [step for step in applied if step.endswith(UNDO)]
        assert all(applied[step] for step in FORWARD)
        assert task.undone == ()
    else:
        assert not applied["complete"]
        assert not applied["commit"], "quota both counted and given back"
        assert task.undone[-1] == "reserve"
        begun = [s for s in ("store", "compose", "paint") if applied[s]]
        assert set(begun) <= set(task.undone), "an effect was left behind"
        assert list(task.undone) == [s for s in ("store", "compose", "paint", "reserve") if s in task.undone]
        assert all(applied[f"{step}/undo"] for step in task.undone)
    assert task.cancel_requested or task.status != "cancelled"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_message_ids_are_never_used_for_two_contents(data: st.DataObject) -> None:
    """JetStream keeps the first of an id, so one id must always mean the same message."""
    world = World(data.draw)
    for _ in range(data.draw(st.integers(0, 30))):
        world.step(data.draw(ACTIONS))
    world.finish()
    seen: dict[str, tuple[str, msgspec.Struct]] = {}
    for message in world.out:
        assert message.message_id not in seen
        seen[message.message_id] = (message.subject, message.body)
    sequence = [said(m).seq for m in world.out if m.subject == PROGRESSED.subject]
    assert sequence == list(range(1, len(sequence) + 1))
